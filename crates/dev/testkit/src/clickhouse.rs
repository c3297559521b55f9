//! A throwaway ClickHouse: the engine in a Python process behind ClickHouse's HTTP interface, on a free port of the
//! loopback. `cargo xtask setup` installs it. It ends with its test, however that ends.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

/// The user of a server that [`ClickHouse::start`] starts.
pub const USER: &str = "taut";

/// Their password.
pub const PASSWORD: &str = "sesame'\\";

/// Kept for each server that is started, whatever was started from.
const SHIM: &str = include_str!("../clickhouse/shim.py");

/// Nothing that a test asks takes longer.
const ANSWER_MAX: Duration = Duration::from_mins(1);

/// A server with a folder of its own.
#[derive(Debug)]
pub struct ClickHouse {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl ClickHouse {
    /// Starts a server; the rows that it holds go with it.
    ///
    /// # Panics
    ///
    /// If it is not installed, or does not start.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("tests may make folders");
        fs::write(folder.path().join("shim.py"), SHIM).expect("tests may write files");
        let mut server = Self { folder, port: 0, process: None };
        server.start_again();
        server
    }

    /// Starts a server that was killed, on the same port and with what it held.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let python = python();
        assert!(
            python.exists(),
            "there is no ClickHouse in {}\nhint: cargo xtask setup",
            python.display()
        );
        let errors = fs::File::options().create(true).append(true).open(self.path("errors.log"));
        let mut process = Command::new(python)
            .arg(self.path("shim.py"))
            .arg(self.path("server"))
            .args([&self.port.to_string(), USER, PASSWORD])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors.expect("tests may write files"))
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            // An empty line, or none, says that it ended; why is in its errors.
            BufReader::new(stdout).read_line(&mut line).ok();
        }
        self.process = Some(process);
        self.port = line.trim().parse().unwrap_or_else(|_| {
            let errors = fs::read_to_string(self.path("errors.log")).unwrap_or_default();
            panic!("ClickHouse did not start: {errors}")
        });
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            process.kill().ok();
            process.wait().ok();
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Holds the answers to inserts back for so long, once they are done.
    ///
    /// # Panics
    ///
    /// If that cannot be written.
    pub fn hold_answers(&self, time: Duration) {
        let path = self.path("server").join("slow");
        fs::write(path, time.as_secs_f64().to_string()).expect("tests may write files");
    }

    /// Whether an insert is done, and its answer held back.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.path("server").join("holding").exists()
    }

    /// Answers at once again.
    pub fn hold_nothing(&self) {
        // Nothing may have been held.
        for name in ["slow", "holding"] {
            fs::remove_file(self.path("server").join(name)).ok();
        }
    }

    /// From now on its user has no right to statements that begin so.
    ///
    /// # Panics
    ///
    /// If that cannot be written.
    pub fn deny(&self, statements: &[&str]) {
        let path = self.path("server").join("denied");
        fs::write(path, statements.join("\n")).expect("tests may write files");
    }

    /// From now on it says that it is of this version.
    ///
    /// # Panics
    ///
    /// If that cannot be written.
    pub fn pretend_version(&self, version: &str) {
        fs::write(self.path("server").join("version"), version).expect("tests may write files");
    }

    /// What a statement gives, as text.
    ///
    /// # Panics
    ///
    /// If it is refused.
    #[must_use]
    pub fn ask(&self, sql: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(ANSWER_MAX)).expect("a time that is not zero");
        let request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-ClickHouse-User: {USER}\r\n\
             X-ClickHouse-Key: {PASSWORD}\r\nContent-Length: {}\r\n\r\n{sql}",
            sql.len()
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        assert!(head.starts_with("HTTP/1.1 200"), "{sql}: {head}\n{body}");
        body.trim_end().to_owned()
    }

    /// Runs a statement that gives nothing.
    ///
    /// # Panics
    ///
    /// If it is refused.
    pub fn run(&self, sql: &str) {
        let told = self.ask(sql);
        assert!(told.is_empty(), "{sql}: {told}");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for ClickHouse {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where `cargo xtask setup` has put it; `xtask/src/clickhouse.rs` has the same rule.
fn python() -> PathBuf {
    let named =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = named("XDG_CACHE_HOME")
        .or_else(|| named("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(|| Path::new("/var/cache").to_path_buf());
    cache.join("taut/clickhouse/venv/bin/python")
}
