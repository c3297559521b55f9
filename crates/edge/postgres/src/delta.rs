//! What happened between two looks at counters that only grow, until something resets them.
//!
//! A counter that fell was reset, and what it shows now has happened since. What was not seen before counts
//! whole only where it would have been seen; where that is open, it counts nothing: a figure that is too small
//! for one poll is better than one that is too large by the history of the server.

use std::collections::BTreeMap;

use model::{
    Moment,
    database::{Checkpoints, IndexUse, IoUse, RunStatistics, TableUse, Totals},
};

use crate::read::{StatementRow, StatementRows, Usage};

/// Counters of which some may have been reset.
pub(crate) trait Counters: Clone + Default {
    /// Every counter with that of `other`, in one order.
    fn each(&mut self, other: &Self, counter: &mut dyn FnMut(Amount<'_>));
}

/// A counter and the one to be taken from it, or put to it.
pub(crate) enum Amount<'a> {
    Count(&'a mut u64, u64),
    Millis(&'a mut f64, f64),
}

/// What `after` has more than `before`; all of it if any counter fell.
pub(crate) fn difference<T: Counters>(before: &T, after: &T) -> T {
    let mut more = after.clone();
    let mut fell = false;
    more.each(before, &mut |amount| match amount {
        Amount::Count(now, then) => {
            fell |= *now < then;
            *now = now.saturating_sub(then);
        }
        Amount::Millis(now, then) => {
            // Sums of many floats: the last digits may fall by themselves.
            fell |= *now < then * (1.0 - 1e-9) - 1e-6;
            *now = (*now - then).max(0.0);
        }
    });
    if fell { after.clone() } else { more }
}

/// Adds `more` to `total`; what is no counter becomes that of `more`.
pub(crate) fn add<T: Counters>(total: &mut T, more: &T) {
    let mut sum = more.clone();
    sum.each(total, &mut |amount| match amount {
        Amount::Count(now, then) => *now = now.saturating_add(then),
        Amount::Millis(now, then) => *now += then,
    });
    *total = sum;
}

macro_rules! counters {
    ($of:ty, counts: [$($count:ident),*], millis: [$($millis:ident),*]) => {
        impl Counters for $of {
            fn each(&mut self, other: &Self, counter: &mut dyn FnMut(Amount<'_>)) {
                $(counter(Amount::Count(&mut self.$count, other.$count));)*
                $(counter(Amount::Millis(&mut self.$millis, other.$millis));)*
            }
        }
    };
}

counters!(RunStatistics,
    counts: [calls, rows, shared_hit, shared_read, shared_dirtied, shared_written, temp_read, temp_written, wal_bytes],
    millis: [total_millis, plan_millis, read_millis, write_millis, jit_millis]);
counters!(TableUse,
    counts: [sequential_scans, sequential_rows, index_scans, index_rows, inserted, updated, updated_hot, deleted,
        blocks_hit, blocks_read],
    millis: []);
counters!(IndexUse, counts: [scans, entries_read, rows_fetched, blocks_hit, blocks_read], millis: []);
counters!(Totals,
    counts: [commits, rollbacks, blocks_hit, blocks_read, rows_scanned, rows_fetched, temp_files, temp_bytes,
        deadlocks, conflicts, sessions_opened],
    millis: [read_millis, write_millis, active_millis, idle_in_transaction_millis]);
counters!(Checkpoints, counts: [timed, requested, buffers_written], millis: [write_millis, sync_millis]);
counters!(IoUse,
    counts: [read_bytes, written_bytes, extended_bytes, hits, evictions],
    millis: [read_millis, write_millis]);

/// What is done with something that was not there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum New {
    /// It is new, and all it shows has happened since.
    Counts,
    /// It may only have been hidden.
    IsUnknown,
}

fn differences<K: Ord + Clone, T: Counters>(
    before: &BTreeMap<K, T>,
    after: &BTreeMap<K, T>,
    new: New,
) -> BTreeMap<K, T> {
    let mut differences = BTreeMap::new();
    for (key, now) in after {
        let difference = match before.get(key) {
            Some(then) => difference(then, now),
            None if new == New::Counts => now.clone(),
            None => {
                // What is no counter is known all the same.
                difference(now, now)
            }
        };
        differences.insert(key.clone(), difference);
    }
    differences
}

/// What was used between two looks; `all_seen` if both saw every table.
pub(crate) fn usage(before: &Usage, after: &Usage, all_seen: bool) -> Usage {
    let nothing = Usage::default();
    // Checkpoints and I/O have a reset of their own, which their counters show.
    let (tables, totals) = if before.reset == after.reset {
        (before, &before.totals)
    } else {
        (&nothing, &nothing.totals)
    };
    let is_reset = before.reset != after.reset;
    let new = if all_seen || is_reset { New::Counts } else { New::IsUnknown };
    Usage {
        reset: after.reset,
        totals: difference(totals, &after.totals),
        checkpoints: difference(&before.checkpoints, &after.checkpoints),
        io: io(&before.io, &after.io),
        tables: differences(&tables.tables, &after.tables, new),
        indexes: differences(&tables.indexes, &after.indexes, new),
    }
}

fn io(before: &[IoUse], after: &[IoUse]) -> Vec<IoUse> {
    let by_key = |uses: &[IoUse]| -> BTreeMap<_, IoUse> {
        let key = |used: &IoUse| (used.backend.clone(), used.object.clone(), used.context.clone());
        uses.iter().map(|used| (key(used), used.clone())).collect()
    };
    differences(&by_key(before), &by_key(after), New::Counts).into_values().collect()
}

/// Adds what was used in another stretch of time, which follows.
pub(crate) fn add_usage(total: &mut Usage, more: &Usage) {
    total.reset = more.reset;
    add(&mut total.totals, &more.totals);
    add(&mut total.checkpoints, &more.checkpoints);
    for used in &more.io {
        let same = |known: &&mut IoUse| {
            known.backend == used.backend
                && known.object == used.object
                && known.context == used.context
        };
        match total.io.iter_mut().find(same) {
            Some(known) => add(known, used),
            None => total.io.push(used.clone()),
        }
    }
    for (oid, used) in &more.tables {
        add(total.tables.entry(*oid).or_default(), used);
    }
    for (oid, used) in &more.indexes {
        add(total.indexes.entry(*oid).or_default(), used);
    }
}

/// Runs of each statement between two looks, `began` being the time of the first.
pub(crate) fn statements(
    before: &StatementRows,
    after: &StatementRows,
    began: Moment,
) -> Vec<StatementRow> {
    if !before.readable || !after.readable {
        return Vec::new();
    }
    let is_reset = before.reset != after.reset;
    let known: BTreeMap<_, &RunStatistics> = if is_reset {
        BTreeMap::new()
    } else {
        before.all.iter().map(|row| (row.key, &row.runs)).collect()
    };
    let mut differences = Vec::new();
    for row in &after.all {
        let is_new = is_reset || before.complete || 0 < row.since.nanos && began <= row.since;
        let runs = match known.get(&row.key) {
            Some(then) => difference(*then, &row.runs),
            None if is_new => row.runs,
            None => continue,
        };
        if 0 < runs.calls {
            differences.push(StatementRow { runs, text: None, ..row.clone() });
        }
    }
    differences
}

/// How many statements were thrown out to make room, as far as can be told: each time it is a twentieth of
/// `pg_stat_statements.max`, and at least ten.
pub(crate) fn evicted(before: &StatementRows, after: &StatementRows, max: u64) -> u64 {
    match (before.evictions, after.evictions) {
        (Some(then), Some(now)) if before.reset == after.reset => {
            now.saturating_sub(then).saturating_mul((max / 20).max(10))
        }
        _ => 0,
    }
}

/// Counters of the same statement by two users.
pub(crate) fn sum(one: &RunStatistics, other: &RunStatistics) -> RunStatistics {
    if one.calls == 0 {
        return *other;
    }
    if other.calls == 0 {
        return *one;
    }
    let mut sum = *one;
    add(&mut sum, other);
    RunStatistics {
        min_millis: one.min_millis.min(other.min_millis),
        max_millis: one.max_millis.max(other.max_millis),
        stddev_millis: pooled_deviation(one, other),
        ..sum
    }
}

/// Standard deviation of two samples together, from their sizes, means and deviations.
#[expect(clippy::cast_precision_loss, reason = "2^53 calls take longer than any window")]
fn pooled_deviation(one: &RunStatistics, other: &RunStatistics) -> f64 {
    let calls = one.calls.saturating_add(other.calls) as f64;
    let mean = (one.total_millis + other.total_millis) / calls;
    let squares = |runs: &RunStatistics| {
        let apart = runs.mean_millis() - mean;
        runs.calls as f64 * (runs.stddev_millis.powi(2) + apart.powi(2))
    };
    ((squares(one) + squares(other)) / calls).max(0.0).sqrt()
}

#[cfg(test)]
#[path = "delta_tests.rs"]
mod tests;
