//! Runs programs: output to a file, a bound on the time, nothing left behind.
//!
//! Each program leads a process group of its own, and this process adopts whatever its children orphan,
//! so that all of it can be ended: when a step is over, when its time is, and on Ctrl-C.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::{
    causes,
    failure::Failure,
    linger,
    screen::{End, Screen, duration},
};

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// Logs of former runs are kept this long, so that a failure can still be read the next day.
const LOGS_KEPT: Duration = Duration::from_hours(24);
/// More output than this is a loop, and would fill the disk.
const LOG_BYTES_MAX: u64 = 512 << 20;
/// What is read back of a log: its end. Enough for the closing lines of every runner.
const LOG_BYTES_READ: u64 = 4 << 20;

/// What every command works with.
#[derive(Debug)]
pub(crate) struct Shell {
    /// The repository.
    pub(crate) root: PathBuf,
    /// Where state and caches live.
    pub(crate) cache: PathBuf,
    /// Where progress is shown.
    pub(crate) screen: Screen,
    /// Folders that come before those of `PATH`.
    pub(crate) tools: Vec<PathBuf>,
    interrupted: Arc<AtomicBool>,
}

impl Shell {
    /// Finds the folders, and listens to signals from now on.
    pub(crate) fn new() -> Result<Self, Failure> {
        let here = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = here.parent().map_or_else(|| here.clone(), Path::to_path_buf);
        let cache = cache_folder()?;
        make_folder(&cache.join("logs"))?;
        drop_old_logs(&cache.join("logs"));
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&interrupted))
                .map_err(|error| Failure::world("failed to listen to signals").cause(error))?;
        }
        linger::adopt_orphans();
        Ok(Self { root, cache, screen: Screen::new(), tools: Vec::new(), interrupted })
    }

    /// A program that runs at the root, reads nothing, and does not know that cargo started us.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = self.tools.iter().cloned().chain(std::env::split_paths(&path));
        if let Ok(joined) = std::env::join_paths(folders) {
            command.env("PATH", joined);
        }
        command.env("npm_config_cache", self.cache.join("npm"));
        command.env("npm_config_update_notifier", "false");
        command.env("PIP_CACHE_DIR", self.cache.join("pip"));
        command.env("PYTHONUNBUFFERED", "1");
        command
    }

    /// `cargo`, the one that runs us.
    pub(crate) fn cargo(&self, words: &[&str]) -> Command {
        let mut command = self.command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(words).env("CARGO_TERM_COLOR", "never");
        command
    }

    /// Runs a program as one step, and returns what it printed (the end of it, if it was much).
    pub(crate) fn run(
        &self,
        name: &str,
        limit: Duration,
        command: &mut Command,
    ) -> Result<String, Failure> {
        self.check_interrupt()?;
        let mut step = self.screen.begin(name);
        let log = self.log_path(name);
        let mut child = Self::spawn(command, &log)?;
        let since = Instant::now();
        let outcome = loop {
            if let Some(status) = child.try_wait().map_err(|error| cannot_wait(name, error))? {
                break if status.success() {
                    Ok(())
                } else {
                    Err(format!("it ended with {status}"))
                };
            }
            if self.interrupted.load(Ordering::Relaxed) {
                end(&mut child);
                step.end(End::Failed, "interrupted");
                return Err(Failure::interrupted());
            }
            if since.elapsed() > limit {
                end(&mut child);
                break Err(format!("it did not end within {}", duration(limit)));
            }
            if fs::metadata(&log).is_ok_and(|data| data.len() > LOG_BYTES_MAX) {
                end(&mut child);
                break Err(format!("it printed more than {} MiB", LOG_BYTES_MAX >> 20));
            }
            step.tick(|| causes::last_line(&tail(&log, 4096)));
            thread::sleep(BETWEEN_LOOKS);
        };
        let text = tail(&log, LOG_BYTES_READ);
        match outcome {
            Ok(()) => {
                step.end(End::Done, "");
                Ok(text)
            }
            Err(why) => {
                step.end(End::Failed, "");
                let mut failure =
                    Failure::world(format!("{name} failed")).cause(format!("{why}; it printed"));
                failure.cause.extend(causes::causes(&text));
                failure.printed = text;
                Err(failure.hint(format!("all that it printed: {}", log.display())))
            }
        }
    }

    /// Runs a program that only answers a question; `None` if it is not there or says no.
    pub(crate) fn ask(
        &self,
        program: impl AsRef<std::ffi::OsStr>,
        words: &[&str],
    ) -> Option<String> {
        let output = self.command(program).args(words).stderr(Stdio::null()).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    }

    /// Starts a program, its output going to a file.
    pub(crate) fn spawn(command: &mut Command, log: &Path) -> Result<Child, Failure> {
        let program = command.get_program().to_string_lossy().into_owned();
        let file = File::create(log).map_err(|error| {
            Failure::world(format!("failed to write the log `{}`", log.display())).cause(error)
        })?;
        let other = file.try_clone().map_err(|error| {
            Failure::world(format!("failed to write the log `{}`", log.display())).cause(error)
        })?;
        command.stdout(file).stderr(other).process_group(0).spawn().map_err(|error| {
            Failure::world(format!("failed to start `{program}`"))
                .cause(error)
                .hint("cargo xtask setup installs what is missing")
        })
    }

    /// Where the output of a step goes.
    pub(crate) fn log_path(&self, name: &str) -> PathBuf {
        let name: String = name
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
            .collect();
        self.cache.join("logs").join(format!("{}-{name}.log", std::process::id()))
    }

    /// An error as soon as somebody pressed Ctrl-C.
    pub(crate) fn check_interrupt(&self) -> Result<(), Failure> {
        if self.interrupted.load(Ordering::Relaxed) { Err(Failure::interrupted()) } else { Ok(()) }
    }

    /// Waits, unless somebody presses Ctrl-C.
    pub(crate) fn sleep(&self, time: Duration) -> Result<(), Failure> {
        let since = Instant::now();
        while since.elapsed() < time {
            self.check_interrupt()?;
            thread::sleep(BETWEEN_LOOKS.min(time));
        }
        self.check_interrupt()
    }

    /// Ctrl-C has done what it is for; what comes now tidies up and must run.
    pub(crate) fn forget_interrupt(&self) {
        self.interrupted.store(false, Ordering::Relaxed);
    }
}

/// Ends a program and all of its group: first politely, after five seconds by force.
pub(crate) fn end(child: &mut Child) {
    linger::end_group(child);
}

/// The last bytes of a file as text; empty if it cannot be read.
pub(crate) fn tail(path: &Path, bytes_max: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(bytes_max)))?;
        let mut bytes = Vec::new();
        file.take(bytes_max).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

/// Makes a folder and those above it.
pub(crate) fn make_folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|error| {
        Failure::world(format!("failed to make the folder `{}`", path.display())).cause(error)
    })
}

/// Minutes as a duration.
pub(crate) const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

fn cache_folder() -> Result<PathBuf, Failure> {
    let named =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    named("XDG_CACHE_HOME")
        .or_else(|| named("HOME").map(|home| home.join(".cache")))
        .map(|folder| folder.join("taut"))
        .ok_or_else(|| {
            Failure::world("there is no folder for caches")
                .cause("neither XDG_CACHE_HOME nor HOME is an absolute path")
                .hint("export XDG_CACHE_HOME=/some/folder")
        })
}

fn drop_old_logs(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let age = entry
            .metadata()
            .and_then(|data| data.modified())
            .ok()
            .and_then(|time| SystemTime::now().duration_since(time).ok());
        if age.is_some_and(|age| age > LOGS_KEPT) {
            // Another run may have removed it already.
            fs::remove_file(entry.path()).ok();
        }
    }
}

fn cannot_wait(name: &str, error: std::io::Error) -> Failure {
    Failure::world(format!("failed to wait for {name}")).cause(error)
}
