//! What the gateway decides, held against what is promised: properties, and simulations by seed.

mod assets;
mod balance;
mod breaker;
mod cache;
mod canary;
mod chunks;
mod concurrency;
mod dns;
mod encoding;
mod forward;
mod health;
mod hedge;
mod limit;
mod proxy_protocol;
mod retry;
mod room;
mod route;
mod timing;
mod token;

use std::time::Duration;

use model::Moment;

/// So many milliseconds after a moment of no importance.
fn at(millis: u64) -> Moment {
    Moment { nanos: 1_700_000_000_000_000_000 } + Duration::from_millis(millis)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
