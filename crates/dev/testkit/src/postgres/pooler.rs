//! A throwaway `PgBouncer` before a throwaway server: on a free port of the loopback, ended when it is dropped.
//!
//! As with servers, a small shell keeps it and ends it once the test is gone, however that ended.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{Postgres, cluster, ready};

/// It starts in some milliseconds; a busy machine takes its time.
const START_MAX: Duration = Duration::from_secs(30);

/// `$0` is the folder, the rest the command. The end of stdin says that the test is gone.
const SCRIPT: &str = r#"
"$@" </dev/null >/dev/null 2>&1 &
pooler=$!
echo "$pooler"
exec >/dev/null
read -r _
kill -TERM "$pooler"
wait "$pooler"
rm -rf "$0"
"#;

/// A running pooler.
#[derive(Debug)]
pub struct Pooler {
    shell: Child,
    port: u16,
}

impl Pooler {
    /// A pooler in transaction mode that has one session of the server for everybody. `settings` are lines of its own
    /// settings file, such as `ignore_startup_parameters = options`.
    ///
    /// # Panics
    ///
    /// If `pgbouncer` is not installed (`cargo xtask setup` installs it), or does not start.
    pub fn before(server: &Postgres, settings: &[&str]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("taut-pooler-")
            .tempdir()
            .expect("a temporary folder")
            .keep();
        let port = ready::free_port();
        let users = folder.join("users.txt");
        fs::write(&users, "\"postgres\" \"\"\n").expect("the folder is ours");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nauth_type = trust\nauth_file = {}\nunix_socket_dir =\n\
             pool_mode = transaction\ndefault_pool_size = 1\n{}\n",
            server.port(),
            users.display(),
            settings.join("\n"),
        );
        let file = folder.join("pgbouncer.ini");
        fs::write(&file, text).expect("the folder is ours");
        let mut shell = Command::new("/bin/sh");
        for path in [&folder, &users, &file] {
            server.cluster.give(path);
        }
        cluster::run_as(&mut shell, server.cluster.owner);
        let mut shell = shell
            .args(["-c", SCRIPT])
            .arg(&folder)
            .arg(binary())
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell is everywhere");
        let mut line = String::new();
        if let Some(stdout) = shell.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).expect("the shell tells a process id");
        }
        let pooler = Self { shell, port };
        pooler.wait_until_it_answers();
        pooler
    }

    /// Where the superuser reaches the database `postgres` through it.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn wait_until_it_answers(&self) {
        let since = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(since.elapsed() < START_MAX, "pgbouncer does not listen on {}", self.port);
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        self.shell.wait().ok();
    }
}

fn binary() -> &'static Path {
    ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
        .into_iter()
        .map(Path::new)
        .find(|path| path.exists())
        .expect("pgbouncer is installed; `cargo xtask setup` does that")
}
