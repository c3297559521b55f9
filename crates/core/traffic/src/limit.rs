//! Limits: how many requests a key may send.
//!
//! Four ways to count, each with what it costs and what it lets through ([`Algorithm`]); a table that
//! keeps one count per key within a bound of memory ([`Limiter`]).

mod count;
mod limiter;
mod rule;
pub mod shared;

pub use count::{Count, Fixed, Gcra, Log, Sliding};
pub use limiter::Limiter;
pub use rule::{Away, Client, LimitKey, LimitRule, Tells, Tier, TierBy, Tiers, cookie};

use std::{fmt, num::NonZeroU32, time::Duration};

/// So many requests in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests, or whatever else is counted.
    pub requests: NonZeroU32,
    /// In this time; at least a microsecond.
    pub window: Duration,
    /// At once, for [`Algorithm::Bucket`] alone: how far ahead of an even pace one may be. `requests` unless set.
    pub burst: Option<NonZeroU32>,
}

impl Quota {
    /// So many requests in so much time, all of them at once if need be.
    #[must_use]
    pub fn new(requests: NonZeroU32, window: Duration) -> Self {
        Self { requests, window: window.max(Duration::from_micros(1)), burst: None }
    }

    pub(crate) fn burst(&self) -> NonZeroU32 {
        self.burst.unwrap_or(self.requests)
    }

    pub(crate) fn window_nanos(&self) -> u64 {
        u64::try_from(self.window.as_nanos()).unwrap_or(u64::MAX).max(1)
    }
}

/// How requests are counted. With 100 a minute:
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// Minutes of the clock, each from zero: up to 200 within a minute that lies across a boundary.
    FixedWindow,
    /// The moment of every request: never more than 100 in any minute, for 8 bytes a request.
    SlidingLog,
    /// Two counts, the last minute's taken as if it had been even: near 100 for even traffic, up to about
    /// 180 for traffic that comes in bursts.
    SlidingWindow,
    /// One moment: a bucket of `burst` that fills evenly (GCRA). Up to `burst` at once, then one every 0.6 s.
    #[default]
    Bucket,
}

impl Algorithm {
    /// As settings have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FixedWindow => "fixed-window",
            Self::SlidingLog => "sliding-log",
            Self::SlidingWindow => "sliding-window",
            Self::Bucket => "bucket",
        }
    }
}

/// Whether a request is let in, and what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is.
    pub allowed: bool,
    /// Requests that would be let in right after it.
    pub remaining: u32,
    /// Until as many are let in as if none had come.
    pub reset_after: Duration,
    /// Until this one would have been let in; zero if it was.
    pub retry_after: Duration,
}

/// The value of `RateLimit-Policy` (IETF draft "`RateLimit` header fields for HTTP", revision 11): what the quota is called,
/// and how much it is.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a>(pub &'a str, pub &'a Quota);

impl fmt::Display for Policy<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name, quota) = self;
        let window = quota.window.as_secs().max(1);
        write!(out, "\"{name}\";q={};w={window}", quota.requests)
    }
}

/// The value of `RateLimit`, of the same draft: what is left, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Left<'a>(pub &'a str, pub &'a Verdict);

impl fmt::Display for Left<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name, verdict) = self;
        write!(out, "\"{name}\";r={};t={}", verdict.remaining, verdict.reset_seconds())
    }
}

impl Verdict {
    /// In so many seconds there is more: never earlier than it is any use.
    #[must_use]
    pub fn reset_seconds(&self) -> u64 {
        let reset = if self.allowed { self.reset_after } else { self.retry_after };
        reset.as_secs() + u64::from(0 < reset.subsec_nanos())
    }
}
