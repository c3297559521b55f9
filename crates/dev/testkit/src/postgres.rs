//! A throwaway PostgreSQL server: a real one, on a free port of the loopback, ended when it is dropped.
//!
//! `initdb` runs once for each version; a server begins with a copy of what it made. A small shell keeps the
//! server and holds one end of a pipe to the test: however the test ends, the pipe closes, and the
//! shell ends the server and removes its folder. Failures panic: there is no test without its server.

mod binaries;
mod builder;
mod cluster;
mod keeper;
mod pooler;
mod ready;
mod standby;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

pub use builder::Builder;
pub use pooler::Pooler;

use binaries::Binaries;
use cluster::Cluster;
use keeper::{Ending, Keeper};

/// Major versions that Taut promises to read, each of which has servers in tests.
pub const SUPPORTED: [u32; 6] = [13, 14, 15, 16, 17, 18];

/// Somebody else may take a port between our look and the server's: as often is another one tried.
const PORTS_TRIED: u32 = 10;
/// A server of a few megabytes starts in a fraction of a second; a busy machine takes its time.
const START_MAX: Duration = Duration::from_mins(1);
/// A promotion ends within a second or so on an idle machine.
const PROMOTION_MAX: Duration = Duration::from_mins(1);

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    binaries: Binaries,
    cluster: Cluster,
    port: u16,
    keeper: Option<Keeper>,
}

impl Postgres {
    /// A server of the version that Debian brings, with the settings of [`Builder`].
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Says what the server shall be like before it is started.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// The major versions that are installed, lowest first.
    pub fn versions() -> Vec<u32> {
        SUPPORTED.into_iter().filter(|version| binaries::find(*version).is_ok()).collect()
    }

    /// Every supported major version, lowest first; a test over versions fails where one is missing.
    ///
    /// # Panics
    ///
    /// If one is not installed; the message says how to get it.
    pub fn every_version() -> Vec<u32> {
        for version in SUPPORTED {
            if let Err(why) = binaries::find(version) {
                panic!("{why}");
            }
        }
        SUPPORTED.to_vec()
    }

    /// The version that [`Postgres::start`] takes: the newest of Debian's that is supported.
    pub fn default_version() -> u32 {
        binaries::default_version()
    }

    /// Its major version.
    pub fn version(&self) -> u32 {
        self.binaries.major
    }

    /// Its port on 127.0.0.1; another one after a restart only if somebody took it meanwhile.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its superuser reaches the database `postgres`.
    pub fn url(&self) -> String {
        self.url_for("postgres", "postgres")
    }

    /// Where a user reaches a database; both names may hold anything.
    pub fn url_for(&self, database: &str, user: &str) -> String {
        let (user, database) = (percent_encoded(user), percent_encoded(database));
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// What the server writes to stderr: its log, unless a setting sends it elsewhere.
    pub fn log_path(&self) -> PathBuf {
        self.cluster.folder.join("server.log")
    }

    /// Its data directory, readable by the server's user and by root alone.
    pub fn data_path(&self) -> PathBuf {
        self.cluster.data()
    }

    /// The process id of its postmaster; `None` while it is stopped.
    pub fn pid(&self) -> Option<i32> {
        self.keeper.as_ref().map(Keeper::pid)
    }

    /// Runs statements as the superuser in the database `postgres`: values without decoration, one row a
    /// line, columns separated by `|`.
    ///
    /// # Panics
    ///
    /// If one fails.
    pub fn psql(&self, statements: &str) -> String {
        self.psql_in("postgres", statements)
    }

    /// As [`Postgres::psql`], in another database.
    ///
    /// # Panics
    ///
    /// If one fails.
    pub fn psql_in(&self, database: &str, statements: &str) -> String {
        self.try_psql(database, "postgres", statements)
            .unwrap_or_else(|error| panic!("psql: {error}"))
    }

    /// As [`Postgres::psql`], as anybody anywhere.
    ///
    /// # Errors
    ///
    /// What psql says, if a statement fails.
    pub fn try_psql(&self, database: &str, user: &str, statements: &str) -> Result<String, String> {
        ready::psql(&self.url_for(database, user), statements)
    }

    /// A client program of PostgreSQL, such as `pgbench` or `pg_dump`, of the newest version that Debian
    /// brings, told by the environment to talk to this server as the superuser.
    ///
    /// # Panics
    ///
    /// If it is not installed.
    pub fn client(&self, program: &str) -> Command {
        let mut command = binaries::client(program).unwrap_or_else(|why| panic!("{why}"));
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", "postgres")
            .env("PGDATABASE", "postgres")
            .stdin(Stdio::null());
        command
    }

    /// Ends it as an administrator does (fast shutdown); its data stay for [`Postgres::restart`].
    pub fn stop(&mut self) {
        self.end(Ending::Fast);
    }

    /// Kills its postmaster as the kernel does when memory is out: nothing is written, nobody is told.
    pub fn kill9(&mut self) {
        self.end(Ending::Kill);
    }

    /// Stops it if it runs, and starts it again on the same data.
    pub fn restart(&mut self) {
        self.stop();
        self.run();
    }

    /// Puts settings into its configuration; they hold after [`Postgres::restart`], or a reload.
    pub fn configure(&self, settings: &[(&str, &str)]) {
        self.cluster.configure(settings);
    }

    /// A streaming replica of it, which takes queries and has replayed all that was committed here before.
    #[must_use]
    pub fn standby(&self) -> Self {
        standby::make(self)
    }

    /// Makes a replica a primary of its own.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub fn promote(&self) {
        assert_eq!(self.psql("select pg_promote(true, 60)"), "t", "the server was not promoted");
        let since = Instant::now();
        while self.psql("select pg_is_in_recovery()") != "f" {
            assert!(since.elapsed() < PROMOTION_MAX, "the promotion does not end");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts the server on its data, on the port it had where that is still free.
    fn run(&mut self) {
        let mut last = String::new();
        for attempt in 0..PORTS_TRIED {
            if self.port == 0 || attempt > 0 {
                self.port = ready::free_port();
            }
            match self.try_run() {
                Ok(()) => return,
                // Somebody was quicker; or what a killed server leaves behind is not gone yet.
                Err(log)
                    if log.contains("could not bind")
                        || log.contains("could not create any TCP/IP sockets")
                        || log.contains("is still in use")
                        || log.contains("is another postmaster") =>
                {
                    last = log;
                    thread::sleep(Duration::from_millis(200));
                }
                Err(log) => panic!("PostgreSQL {} did not start:\n{log}", self.binaries.version),
            }
        }
        panic!("PostgreSQL {} found no port:\n{last}", self.binaries.version);
    }

    /// Starts the server; its log if it ends at once or takes no connection.
    fn try_run(&mut self) -> Result<(), String> {
        let log = self.log_path();
        let log_from = log.metadata().map_or(0, |data| data.len());
        let mut keeper = Keeper::start(&self.binaries, &self.cluster, self.port)?;
        let since = Instant::now();
        loop {
            if ready::takes_queries(self.port) && keeper.is_alive() {
                self.keeper = Some(keeper);
                return Ok(());
            }
            if !keeper.is_alive() || since.elapsed() > START_MAX {
                keeper.end(Ending::Immediate);
                return Err(log_after(&log, log_from));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn end(&mut self, ending: Ending) {
        if let Some(keeper) = self.keeper.take() {
            keeper.end(ending);
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.end(Ending::Immediate);
    }
}

/// What a log says from a byte on.
fn log_after(log: &Path, from: u64) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let from = usize::try_from(from).unwrap_or(0).min(bytes.len());
    String::from_utf8_lossy(bytes.get(from..).unwrap_or_default()).into_owned()
}

/// A name as part of a URL: everything but letters, digits and a few signs as `%XX`.
fn percent_encoded(name: &str) -> String {
    name.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
