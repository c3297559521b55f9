//! What the gateway decides, held against what is promised: properties, and simulations by seed.

mod balance;
mod breaker;
mod cache;
mod chunks;
mod concurrency;
mod encoding;
mod forward;
mod health;
mod limit;
mod retry;
mod route;
mod timing;

use std::time::Duration;

use model::Moment;

/// So many milliseconds after a moment of no importance.
fn at(millis: u64) -> Moment {
    Moment { nanos: 1_700_000_000_000_000_000 } + Duration::from_millis(millis)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
