//! What the server does by itself, summed up: checkpoints, autovacuum, connections.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Durations,
    parts::{NAMES_MAX, more, nanos, of_bounded},
};
use crate::postgres_log::{
    event::Checkpoint,
    vacuum::{TableRun, TableTask},
};

/// Checkpoints, and restart points of replicas.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Checkpoints {
    /// How many began, by the reason.
    pub reasons: BTreeMap<String, u64>,
    /// How many were completed.
    pub count: u64,
    /// Of these, restart points.
    pub restart_points: u64,
    /// Buffers written.
    pub buffers: u64,
    /// Time spent in writing.
    pub write_nanos: u64,
    /// Time spent in syncing.
    pub sync_nanos: u64,
    /// Time in all.
    pub total_nanos: u64,
    /// The longest one.
    pub total_nanos_max: u64,
    /// WAL files added.
    pub wal_added: u64,
    /// WAL files removed.
    pub wal_removed: u64,
    /// WAL files used again.
    pub wal_recycled: u64,
    /// WAL between checkpoints, in all.
    pub distance_bytes: u64,
    /// How often the server said that they come too often.
    pub too_often: u64,
}

impl Checkpoints {
    pub(super) fn add(&mut self, one: &Checkpoint) {
        more(&mut self.count, 1);
        more(&mut self.restart_points, u64::from(one.is_restart_point));
        more(&mut self.buffers, one.buffers);
        more(&mut self.write_nanos, nanos(one.write));
        more(&mut self.sync_nanos, nanos(one.sync));
        more(&mut self.total_nanos, nanos(one.total));
        self.total_nanos_max = self.total_nanos_max.max(nanos(one.total));
        more(&mut self.wal_added, one.wal_added);
        more(&mut self.wal_removed, one.wal_removed);
        more(&mut self.wal_recycled, one.wal_recycled);
        more(&mut self.distance_bytes, one.distance_bytes);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (reason, count) in &other.reasons {
            more(of_bounded(&mut self.reasons, reason, NAMES_MAX), *count);
        }
        more(&mut self.count, other.count);
        more(&mut self.restart_points, other.restart_points);
        more(&mut self.buffers, other.buffers);
        more(&mut self.write_nanos, other.write_nanos);
        more(&mut self.sync_nanos, other.sync_nanos);
        more(&mut self.total_nanos, other.total_nanos);
        self.total_nanos_max = self.total_nanos_max.max(other.total_nanos_max);
        more(&mut self.wal_added, other.wal_added);
        more(&mut self.wal_removed, other.wal_removed);
        more(&mut self.wal_recycled, other.wal_recycled);
        more(&mut self.distance_bytes, other.distance_bytes);
        more(&mut self.too_often, other.too_often);
    }
}

/// What autovacuum did to one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TableWork {
    /// Vacuums.
    pub vacuums: u64,
    /// Their time.
    pub vacuum_nanos: u64,
    /// Passes over its indexes.
    pub index_scans: u64,
    /// Vacuums against wraparound.
    pub wraparounds: u64,
    /// Rows removed.
    pub tuples_removed: u64,
    /// Pages given back.
    pub pages_removed: u64,
    /// Dead rows that the last vacuum had to leave.
    pub dead_remain_max: u64,
    /// Pages found in shared buffers, read and made dirty.
    pub hits: u64,
    /// Pages read.
    pub misses: u64,
    /// Pages made dirty.
    pub dirtied: u64,
    /// Bytes of WAL.
    pub wal_bytes: u64,
    /// Analyzes.
    pub analyzes: u64,
    /// Their time.
    pub analyze_nanos: u64,
}

impl TableWork {
    pub(super) fn add(&mut self, run: &TableRun<'_>) {
        let took = nanos(run.took);
        if run.task == TableTask::Analyze {
            more(&mut self.analyzes, 1);
            more(&mut self.analyze_nanos, took);
            return;
        }
        more(&mut self.vacuums, 1);
        more(&mut self.vacuum_nanos, took);
        more(&mut self.index_scans, run.index_scans);
        more(&mut self.wraparounds, u64::from(run.is_to_prevent_wraparound));
        more(&mut self.tuples_removed, run.tuples_removed);
        more(&mut self.pages_removed, run.pages_removed);
        self.dead_remain_max = self.dead_remain_max.max(run.dead_remain);
        more(&mut self.hits, run.hits);
        more(&mut self.misses, run.misses);
        more(&mut self.dirtied, run.dirtied);
        more(&mut self.wal_bytes, run.wal_bytes);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        more(&mut self.vacuums, other.vacuums);
        more(&mut self.vacuum_nanos, other.vacuum_nanos);
        more(&mut self.index_scans, other.index_scans);
        more(&mut self.wraparounds, other.wraparounds);
        more(&mut self.tuples_removed, other.tuples_removed);
        more(&mut self.pages_removed, other.pages_removed);
        self.dead_remain_max = self.dead_remain_max.max(other.dead_remain_max);
        more(&mut self.hits, other.hits);
        more(&mut self.misses, other.misses);
        more(&mut self.dirtied, other.dirtied);
        more(&mut self.wal_bytes, other.wal_bytes);
        more(&mut self.analyzes, other.analyzes);
        more(&mut self.analyze_nanos, other.analyze_nanos);
    }
}

/// Who came and went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Connections {
    /// Connections opened.
    pub received: u64,
    /// Connections let in.
    pub authorized: u64,
    /// Sessions that ended, and how long they were.
    pub ended: Durations,
}

impl Connections {
    pub(super) fn merge(&mut self, other: &Self) {
        more(&mut self.received, other.received);
        more(&mut self.authorized, other.authorized);
        self.ended.merge(&other.ended);
    }
}
