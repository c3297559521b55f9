//! What a throwaway server shall be like.

use super::{Postgres, binaries, cluster::Cluster};

/// A server before it is started. Quick and the same every time: `fsync` and autovacuum are off, 32 MB of
/// shared buffers, the locale C, the time zone UTC, everyone on the loopback is let in.
#[derive(Debug, Clone)]
pub struct Builder {
    version: Option<u32>,
    settings: Vec<(String, String)>,
    extensions: Vec<String>,
    hba: Vec<String>,
}

impl Builder {
    pub(super) fn new() -> Self {
        let defaults = [
            ("listen_addresses", "127.0.0.1"),
            ("unix_socket_directories", ""),
            ("shared_buffers", "32MB"),
            ("fsync", "off"),
            ("autovacuum", "off"),
            ("timezone", "UTC"),
            ("log_timezone", "UTC"),
            // A replica made a moment ago finds all that it needs.
            ("wal_keep_size", "256MB"),
        ];
        Self {
            version: None,
            settings: defaults
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            extensions: Vec::new(),
            hba: Vec::new(),
        }
    }

    /// Of this major version.
    #[must_use]
    pub fn version(mut self, major: u32) -> Self {
        self.version = Some(major);
        self
    }

    /// With a setting of `postgresql.conf`; the last one of a name holds.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With an extension in the database `postgres`, and in every database made later.
    #[must_use]
    pub fn extension(mut self, name: &str) -> Self {
        self.extensions.push(name.to_owned());
        self
    }

    /// With every commit flushed to the disk, as in production.
    #[must_use]
    pub fn durable(self) -> Self {
        self.setting("fsync", "on")
    }

    /// With autovacuum, which analyses tables when it likes.
    #[must_use]
    pub fn autovacuum(self) -> Self {
        self.setting("autovacuum", "on")
    }

    /// With a line before all others in `pg_hba.conf`, such as `host all alice 127.0.0.1/32 scram-sha-256`.
    #[must_use]
    pub fn hba(mut self, line: &str) -> Self {
        self.hba.push(line.to_owned());
        self
    }

    /// Starts it, and returns once it takes queries.
    ///
    /// # Panics
    ///
    /// If the version is not installed, or if the server does not start; the message says why.
    pub fn start(self) -> Postgres {
        let version = self.version.unwrap_or_else(binaries::default_version);
        let binaries = binaries::find(version).unwrap_or_else(|why| panic!("{why}"));
        let cluster = Cluster::make(&binaries);
        let settings: Vec<(&str, &str)> =
            self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        cluster.configure(&settings);
        cluster.let_in(&self.hba);
        let mut server = Postgres { binaries, cluster, port: 0, keeper: None };
        server.run();
        for extension in &self.extensions {
            let name = extension.replace('"', "\"\"");
            for database in ["template1", "postgres"] {
                server.psql_in(database, &format!("create extension \"{name}\" cascade"));
            }
        }
        server
    }
}
