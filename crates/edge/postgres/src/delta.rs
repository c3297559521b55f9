//! What happened between two looks at counters that only grow, until something resets them.

use model::database::RunStatistics;

/// Counters of the same statement by two users.
pub(crate) fn sum(one: &RunStatistics, other: &RunStatistics) -> RunStatistics {
    if one.calls == 0 {
        return *other;
    }
    if other.calls == 0 {
        return *one;
    }
    RunStatistics {
        calls: one.calls.saturating_add(other.calls),
        total_millis: one.total_millis + other.total_millis,
        min_millis: one.min_millis.min(other.min_millis),
        max_millis: one.max_millis.max(other.max_millis),
        stddev_millis: pooled_deviation(one, other),
        plan_millis: one.plan_millis + other.plan_millis,
        rows: one.rows.saturating_add(other.rows),
        shared_hit: one.shared_hit.saturating_add(other.shared_hit),
        shared_read: one.shared_read.saturating_add(other.shared_read),
        shared_dirtied: one.shared_dirtied.saturating_add(other.shared_dirtied),
        shared_written: one.shared_written.saturating_add(other.shared_written),
        temp_read: one.temp_read.saturating_add(other.temp_read),
        temp_written: one.temp_written.saturating_add(other.temp_written),
        read_millis: one.read_millis + other.read_millis,
        write_millis: one.write_millis + other.write_millis,
        wal_bytes: one.wal_bytes.saturating_add(other.wal_bytes),
        jit_millis: one.jit_millis + other.jit_millis,
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
