//! Tables, indexes, reads and writes, replication and the log within a point, packed: of tables and indexes those that
//! changed most, for what the others do between two polls changes no picture.

use std::{cmp::Reverse, time::Duration};

use model::{
    Text,
    database::{Checkpoints, IndexUse, IoUse, LogCounts, Standby, TableUse, Totals},
};
use postgres::Poll;
use serde::{Deserialize, Serialize};

use crate::database::Activity;

/// Tables of a point.
const TABLES_MAX: usize = 30;
/// Indexes of a point.
const INDEXES_MAX: usize = 30;
/// Kinds of reads and writes of a point; a server has some forty, of which a dozen matter.
const IO_MAX: usize = 12;
/// Standbys of a point: more are rarely fed by one server.
const STANDBYS_MAX: usize = 8;

/// What was used between two polls.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Used {
    /// By oid: scans, rows and blocks.
    tables: Vec<(u32, [u64; 9])>,
    indexes: Vec<(u32, [u64; 5])>,
    io: Vec<(String, [u64; 5], [f64; 2])>,
    /// Transactions, rows, blocks, files; checkpoints.
    totals: [u64; 11],
    times: [f64; 2],
    /// Name, bytes behind, milliseconds behind.
    standbys: Vec<(String, u64, Option<f64>)>,
    log: Option<([u64; 10], [f64; 2])>,
}

impl Used {
    pub(super) fn of(poll: &Poll, log: Option<LogCounts>) -> Self {
        let mut tables: Vec<(u32, [u64; 9])> =
            poll.tables.iter().map(|(oid, used)| (*oid, of_table(used))).collect();
        // Blocks weigh most: rows of a scan share them.
        keep_most(&mut tables, TABLES_MAX);
        let mut indexes: Vec<(u32, [u64; 5])> =
            poll.indexes.iter().map(|(oid, used)| (*oid, of_index(used))).collect();
        keep_most(&mut indexes, INDEXES_MAX);
        let mut io: Vec<&IoUse> = poll.io.iter().collect();
        let bytes = |used: &IoUse| used.read_bytes + used.written_bytes + used.extended_bytes;
        io.retain(|used| 0 < bytes(used) + used.hits);
        io.sort_by_key(|used| (Reverse(bytes(used)), Reverse(used.hits)));
        let standbys = poll.standbys.iter().take(STANDBYS_MAX).map(|standby| {
            let lag = standby.replay_lag.map(|lag| lag.as_secs_f64() * 1e3);
            (name_of(standby), standby.replay_lag_bytes, lag)
        });
        Self {
            tables,
            indexes,
            io: io.into_iter().take(IO_MAX).map(of_io).collect(),
            totals: of_totals(&poll.totals, &poll.checkpoints),
            times: [poll.totals.active_millis, poll.checkpoints.write_millis],
            standbys: standbys.collect(),
            log: log.as_ref().map(of_log),
        }
    }

    /// Bytes that it takes beside itself.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let names = self.io.iter().map(|io| io.0.capacity());
        let standbys = self.standbys.iter().map(|standby| standby.0.capacity());
        size_of_val(self.tables.as_slice())
            + size_of_val(self.indexes.as_slice())
            + size_of_val(self.io.as_slice())
            + size_of_val(self.standbys.as_slice())
            + names.chain(standbys).sum::<usize>()
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = (u32, TableUse)> {
        self.tables.iter().map(|(oid, it)| (*oid, table(it)))
    }

    pub(super) fn indexes(&self) -> impl Iterator<Item = (u32, IndexUse)> {
        self.indexes.iter().map(|(oid, it)| (*oid, index(it)))
    }

    /// Adds what a later point has. Of what is not a sum, the later one holds.
    pub(super) fn add_to(&self, sum: &mut Activity) {
        add_totals(&mut sum.totals, &mut sum.checkpoints, &self.totals);
        sum.totals.active_millis += self.times[0];
        sum.checkpoints.write_millis += self.times[1];
        for (name, counts, millis) in &self.io {
            let more = io(name, counts, millis);
            let same = |known: &&mut IoUse| {
                (&known.backend, &known.object, &known.context)
                    == (&more.backend, &more.object, &more.context)
            };
            match sum.io.iter_mut().find(same) {
                Some(known) => add_io(known, &more),
                None => sum.io.push(more),
            }
        }
        sum.standbys = self
            .standbys
            .iter()
            .map(|(name, bytes, lag)| Standby {
                application: Text::from(name.as_str()),
                replay_lag_bytes: *bytes,
                replay_lag: lag.map(|millis| Duration::from_secs_f64(millis.max(0.0) / 1e3)),
                ..Standby::default()
            })
            .collect();
        if let Some(more) = &self.log {
            sum.log.get_or_insert_default().add(&log(more));
        }
    }
}

/// The name that a standby gave itself, and where it is if it gave none of its own.
fn name_of(standby: &Standby) -> String {
    let own = !matches!(standby.application.as_str(), "" | "walreceiver");
    if own || standby.client.is_empty() {
        standby.application.to_string()
    } else {
        format!("{} {}", standby.application, standby.client)
    }
}

/// Keeps those whose counters say most, in order of their oid.
fn keep_most<const N: usize>(all: &mut Vec<(u32, [u64; N])>, most: usize) {
    let change =
        |it: &(u32, [u64; N])| it.1.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
    all.retain(|it| 0 < change(it));
    all.sort_by_key(|it| (Reverse(change(it)), it.0));
    all.truncate(most);
    all.sort_by_key(|it| it.0);
    all.shrink_to_fit();
}

fn of_table(used: &TableUse) -> [u64; 9] {
    [
        used.sequential_scans,
        used.sequential_rows,
        used.index_scans,
        used.index_rows,
        used.inserted,
        used.updated,
        used.deleted,
        used.blocks_hit,
        used.blocks_read,
    ]
}

fn table(it: &[u64; 9]) -> TableUse {
    let [
        sequential_scans,
        sequential_rows,
        index_scans,
        index_rows,
        inserted,
        updated,
        deleted,
        blocks_hit,
        blocks_read,
    ] = *it;
    TableUse {
        sequential_scans,
        sequential_rows,
        index_scans,
        index_rows,
        inserted,
        updated,
        deleted,
        blocks_hit,
        blocks_read,
        ..TableUse::default()
    }
}

fn of_index(used: &IndexUse) -> [u64; 5] {
    [used.scans, used.entries_read, used.rows_fetched, used.blocks_hit, used.blocks_read]
}

fn index(it: &[u64; 5]) -> IndexUse {
    let [scans, entries_read, rows_fetched, blocks_hit, blocks_read] = *it;
    IndexUse { scans, entries_read, rows_fetched, blocks_hit, blocks_read, ..IndexUse::default() }
}

fn of_io(used: &IoUse) -> (String, [u64; 5], [f64; 2]) {
    (
        [used.backend.as_str(), used.object.as_str(), used.context.as_str()].join("|"),
        [used.read_bytes, used.written_bytes, used.extended_bytes, used.hits, used.evictions],
        [used.read_millis, used.write_millis],
    )
}

fn io(name: &str, counts: &[u64; 5], millis: &[f64; 2]) -> IoUse {
    let mut parts = name.split('|').map(Text::from);
    let mut part = || parts.next().unwrap_or_default();
    let [read_bytes, written_bytes, extended_bytes, hits, evictions] = *counts;
    IoUse {
        backend: part(),
        object: part(),
        context: part(),
        read_bytes,
        written_bytes,
        extended_bytes,
        hits,
        evictions,
        read_millis: millis[0],
        write_millis: millis[1],
    }
}

fn add_io(sum: &mut IoUse, more: &IoUse) {
    sum.read_bytes += more.read_bytes;
    sum.written_bytes += more.written_bytes;
    sum.extended_bytes += more.extended_bytes;
    sum.hits += more.hits;
    sum.evictions += more.evictions;
    sum.read_millis += more.read_millis;
    sum.write_millis += more.write_millis;
}

fn of_totals(totals: &Totals, checkpoints: &Checkpoints) -> [u64; 11] {
    [
        totals.commits,
        totals.rollbacks,
        totals.blocks_hit,
        totals.blocks_read,
        totals.rows_scanned,
        totals.temp_files,
        totals.temp_bytes,
        totals.deadlocks,
        checkpoints.timed,
        checkpoints.requested,
        checkpoints.buffers_written,
    ]
}

fn add_totals(totals: &mut Totals, checkpoints: &mut Checkpoints, more: &[u64; 11]) {
    let sums = [
        &mut totals.commits,
        &mut totals.rollbacks,
        &mut totals.blocks_hit,
        &mut totals.blocks_read,
        &mut totals.rows_scanned,
        &mut totals.temp_files,
        &mut totals.temp_bytes,
        &mut totals.deadlocks,
        &mut checkpoints.timed,
        &mut checkpoints.requested,
        &mut checkpoints.buffers_written,
    ];
    for (sum, count) in sums.into_iter().zip(more) {
        *sum = sum.saturating_add(*count);
    }
}

fn of_log(counts: &LogCounts) -> ([u64; 10], [f64; 2]) {
    (
        [
            counts.lock_waits,
            counts.deadlocks,
            counts.temp_files,
            counts.temp_bytes,
            counts.cancelled,
            counts.errors,
            counts.checkpoints,
            counts.checkpoints_too_often,
            counts.autovacuums,
            counts.plans,
        ],
        [counts.lock_wait_millis, counts.autovacuum_millis],
    )
}

fn log((counts, millis): &([u64; 10], [f64; 2])) -> LogCounts {
    let [
        lock_waits,
        deadlocks,
        temp_files,
        temp_bytes,
        cancelled,
        errors,
        checkpoints,
        checkpoints_too_often,
        autovacuums,
        plans,
    ] = *counts;
    LogCounts {
        lock_waits,
        lock_wait_millis: millis[0],
        deadlocks,
        temp_files,
        temp_bytes,
        cancelled,
        errors,
        checkpoints,
        checkpoints_too_often,
        autovacuums,
        autovacuum_millis: millis[1],
        plans,
    }
}
