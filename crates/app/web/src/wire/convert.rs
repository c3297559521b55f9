//! From the model's units to the wire's.

use std::{fmt::Write as _, time::Duration};

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

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a text does not fail.
        write!(text, "{byte:02x}").ok();
    }
    text
}
