//! The server: version, role in replication, settings, and what may not be read.

use crate::{Moment, Text};

/// A PostgreSQL server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Server {
    /// `server_version_num`: 150018.
    pub version_num: u32,
    /// `server_version`: `15.18 (Debian …)`.
    pub version: Text,
    /// `pg_control_system().system_identifier`; 0 if it may not be read.
    pub system_identifier: u64,
    /// `pg_postmaster_start_time()`.
    pub started: Moment,
    /// When the statistics were last reset; the epoch if unknown.
    pub statistics_reset: Moment,
    /// Primary or standby.
    pub recovery: Recovery,
    /// Extensions of this database, name and version.
    pub extensions: Vec<(Text, Text)>,
    /// Who reads.
    pub role: Role,
}

impl Server {
    /// 15 of 15.18.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.version_num / 10_000
    }

    /// Whether the extension is installed in this database.
    #[must_use]
    pub fn has_extension(&self, name: &str) -> bool {
        self.extensions.iter().any(|(known, _)| known == name)
    }
}

/// Primary or standby.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recovery {
    /// Takes writes.
    #[default]
    Primary,
    /// `pg_is_in_recovery()`.
    Standby,
}

/// The role that reads, and what it may.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Role {
    /// `current_user`.
    pub name: Text,
    /// `rolsuper`.
    pub superuser: bool,
    /// Member of `pg_monitor`.
    pub monitor: bool,
}

/// One row of `pg_settings`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Setting {
    /// As `SHOW` prints it: `128MB`.
    pub value: Text,
    /// In `unit`s: `16384`.
    pub raw: Text,
    /// `8kB`, `ms`; empty if it has none.
    pub unit: Text,
    /// What it would be unless set, in `unit`s (`boot_val`).
    pub boot: Text,
    /// `default`, `configuration file`, `database` …
    pub source: Text,
    /// `postmaster` needs a restart, `sighup` a reload, `user` neither.
    pub context: Text,
    /// A change waits for a restart.
    pub pending_restart: bool,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingRight {
    /// What is wanted: `pg_stat_statements`, `pg_read_all_stats`, `track_io_timing`.
    pub what: Text,
    /// What is not known without it.
    pub costs: String,
    /// How to get it: a statement, or words.
    pub hint: String,
}
