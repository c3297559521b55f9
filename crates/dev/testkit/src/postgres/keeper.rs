//! The shell that keeps a server: it ends it when it is told to, and when the test is gone, whatever became of it.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::{
    binaries::Binaries,
    cluster::{Cluster, run_as},
};

/// `$0` is the folder of the server, the rest its command. A line on stdin says that the test still lives and ends
/// the server itself; the end of stdin without one says that the test is gone.
const SCRIPT: &str = r#"
"$@" </dev/null >/dev/null &
server=$!
echo "$server"
exec >/dev/null
if read -r _; then
    wait "$server"
else
    kill -QUIT "$server"
    wait "$server"
    rm -rf "$0"
fi
"#;

/// After this long a server that was told to end is killed: nothing in a test is worth waiting longer.
const END_MAX: Duration = Duration::from_secs(20);

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Everyone is thrown out, and everything written.
    Fast,
    /// Everyone is thrown out, nothing written.
    Immediate,
    /// The postmaster alone is killed; its children notice.
    Kill,
}

/// A running server.
#[derive(Debug)]
pub(super) struct Keeper {
    shell: Child,
    server: Pid,
}

impl Keeper {
    pub(super) fn start(binaries: &Binaries, cluster: &Cluster, port: u16) -> Result<Self, String> {
        let log = cluster.folder.join("server.log");
        let log = File::options()
            .append(true)
            .open(&log)
            .map_err(|error| format!("failed to open {}: {error}", log.display()))?;
        let mut command = Command::new("/bin/sh");
        run_as(&mut command, cluster.owner);
        command
            .args(["-c", SCRIPT])
            .arg(&cluster.folder)
            .arg(binaries.folder.join("postgres"))
            .arg("-D")
            .arg(cluster.data())
            .args(["-p", &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut shell =
            command.spawn().map_err(|error| format!("failed to start a shell: {error}"))?;
        let mut line = String::new();
        if let Some(stdout) = shell.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        }
        let server = line.trim().parse().ok().and_then(Pid::from_raw);
        let server = server.ok_or_else(|| format!("the shell told no process id: {line:?}"))?;
        Ok(Self { shell, server })
    }

    pub(super) fn pid(&self) -> i32 {
        self.server.as_raw_nonzero().get()
    }

    /// Whether the server runs. The shell keeps its number from being used again until it is told to end.
    pub(super) fn is_alive(&mut self) -> bool {
        !is_zombie(self.server) && test_kill_process(self.server).is_ok()
    }

    /// Ends the server, and returns once it is gone.
    pub(super) fn end(mut self, ending: Ending) {
        let signal = match ending {
            Ending::Fast => Signal::INT,
            Ending::Immediate => Signal::QUIT,
            Ending::Kill => Signal::KILL,
        };
        // It may have ended by itself: then there is nobody to tell.
        kill_process(self.server, signal).ok();
        let since = Instant::now();
        while self.is_alive() {
            if since.elapsed() > END_MAX {
                kill_process(self.server, Signal::KILL).ok();
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        if let Some(mut stdin) = self.shell.stdin.take() {
            // A shell that is gone already needs no word.
            stdin.write_all(b"ended\n").ok();
        }
        self.shell.wait().ok();
    }
}

/// Whether a process has ended and waits for the shell to take note.
fn is_zombie(process: Pid) -> bool {
    let path = format!("/proc/{}/stat", process.as_raw_nonzero());
    // 1234 (postgres) Z 1 …
    std::fs::read_to_string(path)
        .is_ok_and(|text| text.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')))
}
