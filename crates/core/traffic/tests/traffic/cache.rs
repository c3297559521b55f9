//! What the cache decides, held against the RFCs; and simulations of its days.

mod credentials;
mod days;
mod disk;
mod disk_bounds;
mod disk_purging;
mod rules;
mod shared;
mod store;

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use model::Moment;
use traffic::cache::{Asker, CacheRule, Control, NotStored, Policy, Received, policy};

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        let name: HeaderName = name.parse().expect("a name");
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
    }
    map
}

fn now() -> Moment {
    Moment { nanos: 1_700_000_000_000_000_000 }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What an answer with these fields may be used for.
fn of(rule: &CacheRule, status: u16, lines: &[(&str, &str)]) -> Result<Policy, NotStored> {
    let headers = headers(lines);
    let received = Received {
        method: &Method::GET,
        status: StatusCode::from_u16(status).expect("a status"),
        headers: &headers,
        asked_at: now(),
        received_at: now(),
        came_at: now(),
    };
    policy(rule, Asker::default(), &Control::default(), &received)
}

fn lifetime(lines: &[(&str, &str)]) -> Option<u64> {
    of(&CacheRule::default(), 200, lines).ok().map(|policy| policy.lifetime.as_secs())
}
