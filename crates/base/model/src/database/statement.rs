//! Statements as the server counts them.

use std::{collections::BTreeMap, sync::Arc};

use crate::{OperationKey, StatementText, Text};

/// A statement of `pg_stat_statements`, summed over users, within the window.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerStatement {
    /// `queryid`
    pub query_id: i64,
    /// Normalised as those of spans are: equal fingerprints are the same statement.
    pub text: Arc<StatementText>,
    /// As the server normalised it, with `$1` for constants and anything it left in redacted: what can be
    /// given to `EXPLAIN`.
    pub generic: Arc<str>,
    /// Roles that ran it.
    pub users: Vec<Text>,
    /// `application_name`s that were seen running it, by samples of `pg_stat_activity`.
    pub applications: Vec<Text>,
    /// Run within functions, not by a client itself.
    pub nested: bool,
    /// Counters within the window.
    pub runs: RunStatistics,
    /// Operations whose spans run it, as far as they are known.
    pub routes: Routes,
}

/// Operations that run a statement: runs within the window and their time in milliseconds.
pub type Routes = BTreeMap<OperationKey, (u64, f64)>;

/// Counters of `pg_stat_statements`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RunStatistics {
    /// Runs.
    pub calls: u64,
    /// Time of all runs, in milliseconds.
    pub total_millis: f64,
    /// Shortest run since the reset, in milliseconds.
    pub min_millis: f64,
    /// Longest run since the reset, in milliseconds.
    pub max_millis: f64,
    /// Standard deviation since the reset, in milliseconds.
    pub stddev_millis: f64,
    /// Time of planning, in milliseconds; 0 unless `track_planning` is on.
    pub plan_millis: f64,
    /// Rows returned or changed.
    pub rows: u64,
    /// Shared blocks found in the buffers.
    pub shared_hit: u64,
    /// Shared blocks read.
    pub shared_read: u64,
    /// Shared blocks dirtied.
    pub shared_dirtied: u64,
    /// Shared blocks written.
    pub shared_written: u64,
    /// Temporary blocks read.
    pub temp_read: u64,
    /// Temporary blocks written.
    pub temp_written: u64,
    /// Time of reading blocks, in milliseconds; 0 unless `track_io_timing` is on.
    pub read_millis: f64,
    /// Time of writing blocks, in milliseconds.
    pub write_millis: f64,
    /// Bytes of WAL.
    pub wal_bytes: u64,
    /// Time of JIT compilation (15+), in milliseconds.
    pub jit_millis: f64,
}

impl RunStatistics {
    /// Mean time of a run, in milliseconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "2^53 calls take longer than any window")]
    pub fn mean_millis(&self) -> f64 {
        if self.calls == 0 { 0.0 } else { self.total_millis / self.calls as f64 }
    }
}
