//! A throwaway Redis on a free port of the loopback, without anything on disk. `cargo xtask setup` installs it. It ends
//! with its test, however that ends.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A server takes some milliseconds to start; on a machine that is very busy some seconds.
const START_MAX: Duration = Duration::from_secs(30);

/// A server.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    process: Option<Child>,
}

impl Redis {
    /// Starts a server that holds nothing.
    ///
    /// # Panics
    ///
    /// If it is not installed, or does not start.
    #[must_use]
    pub fn start() -> Self {
        // Somebody else may take the port before it does: then another one.
        for _ in 0..5 {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            let port = listener.local_addr().expect("a listener has an address").port();
            drop(listener);
            let mut server = Self { port, process: None };
            if server.try_start() {
                return server;
            }
        }
        panic!("redis-server does not start\nhint: cargo xtask setup")
    }

    /// Starts a server that was killed, on the same port; it holds nothing.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        assert!(self.try_start(), "redis-server does not start again");
    }

    fn try_start(&mut self) -> bool {
        let port = self.port.to_string();
        let process = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is installed: `cargo xtask setup`");
        self.process = Some(process);
        let began = Instant::now();
        while began.elapsed() < START_MAX {
            if self.try_say("PING\r\n").is_ok_and(|answer| answer.starts_with("+PONG")) {
                return true;
            }
            let ended = self.process.as_mut().map(Child::try_wait);
            if !matches!(ended, Some(Ok(None))) {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.kill();
        false
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            process.kill().ok();
            process.wait().ok();
        }
    }

    /// Holds it up: it accepts connections, and answers nothing until it goes on.
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("it runs").id().to_string();
        let told = Command::new("kill").args([signal, &process]).status();
        assert!(told.is_ok_and(|status| status.success()), "it runs");
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What it answers to a command of plain words, as it is on the wire.
    ///
    /// # Panics
    ///
    /// If it does not answer.
    #[must_use]
    pub fn say(&self, words: &str) -> String {
        self.try_say(&format!("{words}\r\n")).expect("it answers")
    }

    fn try_say(&self, line: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(START_MAX))?;
        stream.write_all(line.as_bytes())?;
        // Told to quit, it says so behind the answer, and closes.
        stream.write_all(b"QUIT\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.strip_suffix("+OK\r\n").unwrap_or(&answer).to_owned())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
