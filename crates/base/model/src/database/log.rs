//! What the followed log of a server told lately: counts, and what stands behind them, without literals.

use std::sync::Arc;

use crate::{Moment, StatementText, Text};

/// What a log told within the window.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServerLog {
    /// A log is followed at all.
    pub followed: bool,
    /// Since when these count.
    pub since: Moment,
    /// How often.
    pub counts: LogCounts,
    /// Waits for locks, by who waited for whom; most time first.
    pub lock_waits: Vec<LoggedWait>,
    /// Temporary files by statement; most bytes first.
    pub temp_files: Vec<LoggedFiles>,
}

/// How often a log told of something.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LogCounts {
    /// Waits for locks that were longer than `deadlock_timeout`.
    pub lock_waits: u64,
    /// Their time, in milliseconds.
    pub lock_wait_millis: f64,
    /// Deadlocks.
    pub deadlocks: u64,
    /// Temporary files.
    pub temp_files: u64,
    /// Their bytes.
    pub temp_bytes: u64,
    /// Statements that were cancelled: by a timeout, by somebody, by recovery.
    pub cancelled: u64,
    /// Errors of any kind, those included.
    pub errors: u64,
    /// Checkpoints that were completed.
    pub checkpoints: u64,
    /// Times that checkpoints came sooner than `checkpoint_warning`.
    pub checkpoints_too_often: u64,
    /// Tables that autovacuum vacuumed or analysed.
    pub autovacuums: u64,
    /// Its time, in milliseconds.
    pub autovacuum_millis: f64,
    /// Plans of `auto_explain`.
    pub plans: u64,
}

impl LogCounts {
    /// Adds others.
    pub fn add(&mut self, more: &Self) {
        let counts = [
            (&mut self.lock_waits, more.lock_waits),
            (&mut self.deadlocks, more.deadlocks),
            (&mut self.temp_files, more.temp_files),
            (&mut self.temp_bytes, more.temp_bytes),
            (&mut self.cancelled, more.cancelled),
            (&mut self.errors, more.errors),
            (&mut self.checkpoints, more.checkpoints),
            (&mut self.checkpoints_too_often, more.checkpoints_too_often),
            (&mut self.autovacuums, more.autovacuums),
            (&mut self.plans, more.plans),
        ];
        for (sum, count) in counts {
            *sum = sum.saturating_add(count);
        }
        self.lock_wait_millis += more.lock_wait_millis;
        self.autovacuum_millis += more.autovacuum_millis;
    }
}

/// Waits of one statement for another, added up.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoggedWait {
    /// The statement that waited; `None` if the log does not tell.
    pub waiter: Option<Arc<StatementText>>,
    /// What the holder ran, or ran last, as sessions were sampled then; `None` if that was missed.
    pub holder: Option<Arc<StatementText>>,
    /// `application_name` of the holder; empty if it was missed.
    pub holder_application: Text,
    /// State of the holder, such as `idle in transaction`; empty if it was missed.
    pub holder_state: Text,
    /// `ShareLock`, `AccessExclusiveLock` …
    pub mode: Text,
    /// `transaction`, `relation`, `tuple` …
    pub lock_type: Text,
    /// How many waits.
    pub waits: u64,
    /// Their time, in milliseconds.
    pub total_millis: f64,
    /// The longest, in milliseconds.
    pub max_millis: f64,
    /// When the last one was told.
    pub last: Moment,
}

/// Temporary files of one statement, added up.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoggedFiles {
    /// The statement; `None` if the log does not tell.
    pub statement: Option<Arc<StatementText>>,
    /// How many files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of the largest.
    pub largest_bytes: u64,
    /// When the last one was told.
    pub last: Moment,
}
