//! Counters of a whole database and of a whole server within the window.

use crate::{Moment, Text};

/// One row of `pg_stat_database`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Totals {
    /// `xact_commit`
    pub commits: u64,
    /// `xact_rollback`
    pub rollbacks: u64,
    /// `blks_hit`
    pub blocks_hit: u64,
    /// `blks_read`
    pub blocks_read: u64,
    /// `tup_returned`: rows that scans went through.
    pub rows_scanned: u64,
    /// `tup_fetched`: rows that index scans fetched.
    pub rows_fetched: u64,
    /// `temp_files`
    pub temp_files: u64,
    /// `temp_bytes`
    pub temp_bytes: u64,
    /// `deadlocks`
    pub deadlocks: u64,
    /// `conflicts`: queries that a standby cancelled.
    pub conflicts: u64,
    /// `blk_read_time`, in milliseconds; 0 unless `track_io_timing` is on.
    pub read_millis: f64,
    /// `blk_write_time`, in milliseconds.
    pub write_millis: f64,
    /// `active_time` (14+): sessions that ran a statement, in milliseconds.
    pub active_millis: f64,
    /// `idle_in_transaction_time` (14+), in milliseconds.
    pub idle_in_transaction_millis: f64,
    /// `sessions` (14+): connections that were opened.
    pub sessions_opened: u64,
}

/// Checkpoints of the server: `pg_stat_bgwriter`, from 17 on `pg_stat_checkpointer`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Checkpoints {
    /// Begun because `checkpoint_timeout` had passed.
    pub timed: u64,
    /// Begun because of `max_wal_size`, or because somebody asked.
    pub requested: u64,
    /// Time of writing files, in milliseconds.
    pub write_millis: f64,
    /// Time of syncing files, in milliseconds.
    pub sync_millis: f64,
    /// Buffers that they wrote.
    pub buffers_written: u64,
}

/// One row of `pg_stat_io` (16+) with work in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IoUse {
    /// `backend_type`
    pub backend: Text,
    /// `object`: `relation`, `temp relation`, `wal` (18+).
    pub object: Text,
    /// `context`: `normal`, `vacuum`, `bulkread`, `bulkwrite` …
    pub context: Text,
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub written_bytes: u64,
    /// Bytes by which relations grew.
    pub extended_bytes: u64,
    /// Blocks found in the buffers.
    pub hits: u64,
    /// Blocks thrown out of the buffers to make room.
    pub evictions: u64,
    /// Time of reading, in milliseconds; 0 unless `track_io_timing` is on.
    pub read_millis: f64,
    /// Time of writing, in milliseconds.
    pub write_millis: f64,
}

/// A prepared transaction, which keeps its locks until somebody ends it, even over a restart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PreparedTransaction {
    /// `gid`
    pub name: Text,
    /// `owner`
    pub owner: Text,
    /// `database`
    pub database: Text,
    /// `prepared`
    pub since: Moment,
}
