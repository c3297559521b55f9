//! From the model's units to the wire's.

use std::time::Duration;

use model::Moment;

/// Microseconds, with three places for nanoseconds.
#[expect(clippy::cast_precision_loss, reason = "exact up to 104 days")]
pub(crate) fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1000.0
}

/// Milliseconds since 1970.
pub(crate) fn unix_ms(moment: Moment) -> u64 {
    moment.nanos / 1_000_000
}

/// Microseconds since 1970.
pub(crate) fn unix_micros(moment: Moment) -> u64 {
    moment.nanos / 1000
}
