//! What a database, its tables and its indexes did over time, on the wire.

use engine::database::Activity;
use model::{Moment, database as pg};
use serde::Serialize;
use utoipa::ToSchema;

use super::{DatabaseIndex, DatabaseTable};
use crate::wire::{Window, unix_ms};

/// What a database did within one step.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ActivityPoint {
    /// When the step begins.
    pub from_unix_ms: u64,
    /// Seconds that its counters stand for.
    pub seconds: f64,
    /// Transactions that were committed.
    pub commits: u64,
    /// Transactions that were rolled back.
    pub rollbacks: u64,
    /// Blocks found in the buffers.
    pub blocks_hit: u64,
    /// Blocks read.
    pub blocks_read: u64,
    /// Bytes of temporary files.
    pub temp_bytes: u64,
    /// Deadlocks.
    pub deadlocks: u64,
    /// Checkpoints that came in time.
    pub checkpoints_timed: u64,
    /// Checkpoints that came because the log was full, or because somebody asked.
    pub checkpoints_requested: u64,
    /// Reads and writes of the server by who did them and why (PostgreSQL 16 and later).
    pub io: Vec<IoPoint>,
    /// Lag of each standby at the end of the step.
    pub standbys: Vec<StandbyPoint>,
    /// The longest lag at the end of the step: of a standby, or of this one if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_lag_ms: Option<f64>,
    /// What the log told; none if no log is followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<LogPoint>,
}

/// Reads and writes of one kind within a step.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct IoPoint {
    /// `client backend`, `checkpointer` …
    pub backend: String,
    /// `relation`, `temp relation`, `wal`.
    pub object: String,
    /// `normal`, `vacuum`, `bulkread` …
    pub context: String,
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written, new blocks included.
    pub written_bytes: u64,
}

/// How far a standby is behind.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StandbyPoint {
    /// `application_name`, and where it is if it gave itself none.
    pub name: String,
    /// Bytes that it has not replayed.
    pub lag_bytes: u64,
    /// The same as time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_ms: Option<f64>,
}

/// What the followed log told, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct LogPoint {
    /// Waits for locks that were longer than `deadlock_timeout`.
    pub lock_waits: u64,
    /// Their time.
    pub lock_wait_ms: f64,
    /// Deadlocks.
    pub deadlocks: u64,
    /// Temporary files.
    pub temp_files: u64,
    /// Their bytes.
    pub temp_bytes: u64,
    /// Statements that were cancelled.
    pub cancelled: u64,
    /// Errors of any kind.
    pub errors: u64,
    /// Checkpoints that were completed.
    pub checkpoints: u64,
    /// Warnings that they come too often.
    pub checkpoints_too_often: u64,
    /// Tables that autovacuum vacuumed or analysed.
    pub autovacuums: u64,
    /// Its time.
    pub autovacuum_ms: f64,
    /// Plans of `auto_explain`.
    pub plans: u64,
}

/// What the log told of waits and files within the window that counters cover.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DatabaseLog {
    /// Since when.
    pub since_unix_ms: u64,
    /// How often.
    pub counts: LogPoint,
    /// Who waited for whom, most time first.
    pub lock_waits: Vec<LoggedWait>,
    /// Which statements wrote files, most bytes first.
    pub temp_files: Vec<LoggedFiles>,
}

/// Waits of one statement for another.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LoggedWait {
    /// Who waited; empty if the log does not tell.
    pub waiter: String,
    /// Who held; empty if no sample of sessions saw it.
    pub holder: String,
    /// `application_name` and state of the holder; empty if no sample saw it.
    pub holder_session: String,
    /// `ShareLock of a transaction`.
    pub lock: String,
    /// How many waits.
    pub waits: u64,
    /// Their time.
    pub total_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// Temporary files of one statement.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LoggedFiles {
    /// The statement; empty if the log does not tell.
    pub statement: String,
    /// How many files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The largest.
    pub largest_bytes: u64,
}

/// A table, and what was done with it over time.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DatabaseTableDetail {
    /// The table.
    pub table: DatabaseTable,
    /// The stretch that the history covers.
    pub window: Window,
    /// Its history; a step in which other tables changed more is left out.
    pub history: Vec<TablePoint>,
    /// Its indexes, largest first.
    pub indexes: Vec<DatabaseIndex>,
}

/// What was done with a table within one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct TablePoint {
    /// When the step begins.
    pub from_unix_ms: u64,
    /// Sequential scans.
    pub sequential_scans: u64,
    /// Rows that they read.
    pub sequential_rows: u64,
    /// Index scans.
    pub index_scans: u64,
    /// Rows that they fetched.
    pub index_rows: u64,
    /// Rows inserted.
    pub inserted: u64,
    /// Rows updated.
    pub updated: u64,
    /// Rows deleted.
    pub deleted: u64,
    /// Blocks found in the buffers.
    pub blocks_hit: u64,
    /// Blocks read.
    pub blocks_read: u64,
}

/// An index, and what was done with it over time.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DatabaseIndexDetail {
    /// The index.
    pub index: DatabaseIndex,
    /// The stretch that the history covers.
    pub window: Window,
    /// Its history; a step in which other indexes changed more is left out.
    pub history: Vec<IndexPoint>,
}

/// What was done with an index within one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct IndexPoint {
    /// When the step begins.
    pub from_unix_ms: u64,
    /// Scans.
    pub scans: u64,
    /// Entries read.
    pub entries_read: u64,
    /// Blocks found in the buffers.
    pub blocks_hit: u64,
    /// Blocks read.
    pub blocks_read: u64,
}

impl ActivityPoint {
    /// What was done in the step that begins at `from`.
    #[must_use]
    pub fn new(from: Moment, activity: &Activity) -> Self {
        let Activity { totals, checkpoints, .. } = activity;
        Self {
            from_unix_ms: unix_ms(from),
            seconds: activity.seconds,
            commits: totals.commits,
            rollbacks: totals.rollbacks,
            blocks_hit: totals.blocks_hit,
            blocks_read: totals.blocks_read,
            temp_bytes: totals.temp_bytes,
            deadlocks: totals.deadlocks,
            checkpoints_timed: checkpoints.timed,
            checkpoints_requested: checkpoints.requested,
            io: activity.io.iter().map(IoPoint::from).collect(),
            standbys: activity.standbys.iter().map(StandbyPoint::from).collect(),
            replay_lag_ms: activity.replay_lag.map(|lag| lag.as_secs_f64() * 1e3),
            log: activity.log.as_ref().map(LogPoint::from),
        }
    }
}

impl From<&pg::IoUse> for IoPoint {
    fn from(used: &pg::IoUse) -> Self {
        Self {
            backend: used.backend.to_string(),
            object: used.object.to_string(),
            context: used.context.to_string(),
            read_bytes: used.read_bytes,
            written_bytes: used.written_bytes + used.extended_bytes,
        }
    }
}

impl From<&pg::Standby> for StandbyPoint {
    fn from(standby: &pg::Standby) -> Self {
        Self {
            name: standby.application.to_string(),
            lag_bytes: standby.replay_lag_bytes,
            lag_ms: standby.replay_lag.map(|lag| lag.as_secs_f64() * 1e3),
        }
    }
}

impl From<&pg::LogCounts> for LogPoint {
    fn from(counts: &pg::LogCounts) -> Self {
        Self {
            lock_waits: counts.lock_waits,
            lock_wait_ms: counts.lock_wait_millis,
            deadlocks: counts.deadlocks,
            temp_files: counts.temp_files,
            temp_bytes: counts.temp_bytes,
            cancelled: counts.cancelled,
            errors: counts.errors,
            checkpoints: counts.checkpoints,
            checkpoints_too_often: counts.checkpoints_too_often,
            autovacuums: counts.autovacuums,
            autovacuum_ms: counts.autovacuum_millis,
            plans: counts.plans,
        }
    }
}

/// Waits and files that are listed: those below them are minutes a day at most.
const LISTED_MAX: usize = 20;

impl From<&pg::ServerLog> for DatabaseLog {
    fn from(log: &pg::ServerLog) -> Self {
        let text = |text: &Option<std::sync::Arc<model::StatementText>>| {
            text.as_ref().map_or_else(String::new, |text| text.text.to_string())
        };
        let wait = |wait: &pg::LoggedWait| LoggedWait {
            waiter: text(&wait.waiter),
            holder: text(&wait.holder),
            holder_session: [wait.holder_application.as_str(), wait.holder_state.as_str()]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(", "),
            lock: format!("{} of a {}", wait.mode, wait.lock_type),
            waits: wait.waits,
            total_ms: wait.total_millis,
            max_ms: wait.max_millis,
        };
        let files = |files: &pg::LoggedFiles| LoggedFiles {
            statement: text(&files.statement),
            files: files.files,
            bytes: files.bytes,
            largest_bytes: files.largest_bytes,
        };
        Self {
            since_unix_ms: unix_ms(log.since),
            counts: (&log.counts).into(),
            lock_waits: log.lock_waits.iter().take(LISTED_MAX).map(wait).collect(),
            temp_files: log.temp_files.iter().take(LISTED_MAX).map(files).collect(),
        }
    }
}

impl TablePoint {
    /// What was done in the step that begins at `from`.
    #[must_use]
    pub fn new(from: Moment, used: &pg::TableUse) -> Self {
        Self {
            from_unix_ms: unix_ms(from),
            sequential_scans: used.sequential_scans,
            sequential_rows: used.sequential_rows,
            index_scans: used.index_scans,
            index_rows: used.index_rows,
            inserted: used.inserted,
            updated: used.updated,
            deleted: used.deleted,
            blocks_hit: used.blocks_hit,
            blocks_read: used.blocks_read,
        }
    }
}

impl IndexPoint {
    /// What was done in the step that begins at `from`.
    #[must_use]
    pub fn new(from: Moment, used: &pg::IndexUse) -> Self {
        Self {
            from_unix_ms: unix_ms(from),
            scans: used.scans,
            entries_read: used.entries_read,
            blocks_hit: used.blocks_hit,
            blocks_read: used.blocks_read,
        }
    }
}
