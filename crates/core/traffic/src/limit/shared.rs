//! Limits that several gateways share through Redis: what is asked of it, and what its answer means.
//!
//! One script for all ways of counting and for several keys at once, so that a decision is atomic and takes one round
//! trip; its decisions are those of `count.rs`, and what is said of them is computed there.

use model::Moment;

use super::{
    Algorithm, Quota, Verdict,
    count::{Fixed, Gcra, Seen, Sliding},
};

/// The script; what it takes and gives is told at its head.
pub const SCRIPT: &str = include_str!("take.lua");

/// Numbers that it answers before those of keys: the time.
pub const HEAD_NUMBERS: usize = 2;

/// Numbers that it answers for each key.
pub const KEY_NUMBERS: usize = 5;

/// What the script takes for one key, besides the key itself.
#[must_use]
pub fn words(algorithm: Algorithm, quota: &Quota, cost: u32) -> [String; 4] {
    let windows = |way: &str| {
        let micros = (quota.window_nanos() / 1_000).max(1);
        [way.to_owned(), quota.requests.to_string(), micros.to_string(), cost.to_string()]
    };
    match algorithm {
        Algorithm::FixedWindow => windows("fixed"),
        Algorithm::SlidingWindow => windows("sliding"),
        Algorithm::SlidingLog => windows("log"),
        Algorithm::Bucket => {
            let depth = Gcra::depth(quota).as_nanos();
            let pace = Gcra::pace_nanos(quota);
            ["bucket".to_owned(), pace.to_string(), depth.to_string(), cost.to_string()]
        }
    }
}

/// The time of an answer; `None` if it is none.
#[must_use]
pub fn time(head: &[i64]) -> Option<Moment> {
    let [seconds, micros] = *head else { return None };
    let (seconds, micros) = (u64::try_from(seconds).ok()?, u64::try_from(micros).ok()?);
    Some(Moment { nanos: seconds.checked_mul(1_000_000_000)?.checked_add(micros * 1_000)? })
}

/// What the numbers of one key mean; `None` if nothing that the script answers.
#[must_use]
pub fn verdict(
    algorithm: Algorithm,
    quota: &Quota,
    cost: u32,
    numbers: &[i64],
    now: Moment,
) -> Option<Verdict> {
    let [allowed, numbers @ ..] = numbers else { return None };
    let allowed = *allowed == 1;
    let numbers: Vec<u64> =
        numbers.iter().map(|number| u64::try_from(*number).unwrap_or(0)).collect();
    let [a, b, c, d] = *numbers else { return None };
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let moment = |micros: u64| Moment { nanos: micros.saturating_mul(1_000) };
    let known = |micros: u64| (0 < micros).then(|| moment(micros));
    Some(match algorithm {
        Algorithm::FixedWindow => Fixed { window: a, count: small(b) }.verdict(quota, allowed, now),
        Algorithm::SlidingWindow => {
            let sliding = Sliding { window: a, count: small(b), last: small(c) };
            sliding.verdict(quota, cost, allowed, now)
        }
        Algorithm::SlidingLog => {
            let count = usize::try_from(b).unwrap_or(usize::MAX);
            let seen = Seen { count, last: known(c), in_the_way: known(d) };
            seen.verdict(quota, allowed, moment(a))
        }
        Algorithm::Bucket => {
            let full_at = Moment { nanos: a.saturating_mul(1_000_000_000).saturating_add(b) };
            Gcra { full_at }.verdict(quota, cost, allowed, now)
        }
    })
}
