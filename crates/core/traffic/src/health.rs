//! Health: which members are fit to answer.
//!
//! A member is told by probes ([`Probes`]), by how its requests end ([`Outliers`]), or both. When too
//! few are left, everyone is asked again ([`fit`]): a check that fails everywhere is more likely to be
//! wrong than everyone to be ill.

mod outliers;
mod probes;

pub use outliers::{OutlierSettings, Outliers};
pub use probes::{Change, Expected, Probes, Thresholds};

use std::time::Duration;

use model::Moment;

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Those that are well.
    Healthy,
    /// All of them, since too few are well.
    Panic,
}

/// Whether to believe that so many members are ill. `panic_share` is the share of healthy members below
/// which all are asked; 0 never panics, except that nobody at all would be left.
#[must_use]
pub fn fit(healthy: usize, members: usize, panic_share: f64) -> Fit {
    let share = precise(healthy) / precise(members.max(1));
    if healthy == 0 || share < panic_share { Fit::Panic } else { Fit::Healthy }
}

/// The share of its weight that a member gets `since` it came up: a tenth at first, all of it once
/// `slow_start` is over. A cold cache, a cold JIT and an empty pool are filled without an avalanche.
#[must_use]
pub fn slow_start(up_since: Moment, slow_start: Duration, now: Moment) -> f64 {
    const AT_FIRST: f64 = 0.1;
    if slow_start.is_zero() {
        return 1.0;
    }
    let share = now.since(up_since).as_secs_f64() / slow_start.as_secs_f64();
    share.clamp(AT_FIRST, 1.0)
}

/// A weight in thousandths, of which this share is left; at least one.
#[must_use]
pub fn weight_left(weight: u32, share: f64) -> u32 {
    let whole = Duration::from_millis(u64::from(weight).saturating_mul(1_000));
    let left = whole.mul_f64(share.clamp(0.0, 1.0)).as_millis();
    u32::try_from(left).unwrap_or(u32::MAX).max(u32::from(0 < weight))
}

#[expect(clippy::cast_precision_loss, reason = "members are counted in thousands at most")]
fn precise(count: usize) -> f64 {
    count as f64
}
