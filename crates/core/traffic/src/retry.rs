//! Retries: what may be tried again, how often, after how long.
//!
//! A retry is only sent where it cannot do anything twice, and only while retries are few beside
//! requests ([`Budget`]): else a service that is slow for a second is buried under what its callers repeat.

use std::time::Duration;

use http::Method;
use model::Moment;

use crate::Dice;

/// How far a request had come when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Not a byte of it was sent.
    Nothing,
    /// Some of it, or all, was sent, and nothing came back.
    Sent,
    /// The answer had begun, and was passed on.
    Answering,
}

/// How much of a body can be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// There is none, or none of it was read yet.
    Whole,
    /// Some of it was read, and is gone.
    Begun,
}

/// Whether sending a request again can do no harm (RFC 9110, section 9.2.2).
#[must_use]
pub fn is_safe(method: &Method, reached: Reached, body: Body) -> bool {
    match (reached, body) {
        (Reached::Answering, _) | (_, Body::Begun) => false,
        (Reached::Nothing, Body::Whole) => true,
        (Reached::Sent, Body::Whole) => is_idempotent(method),
    }
}

/// Whether doing it twice is doing it once.
#[must_use]
pub fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE
    )
}

/// Whether an answer says "not now" rather than "no": the statuses after which another member may do better.
#[must_use]
pub fn is_worth_it(status: u16) -> bool {
    matches!(status, 502 | 503)
}

/// Retries in proportion to requests: each request earns a part of one, and a few are free.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Retries earned by a request, in thousandths.
    earned: u64,
    /// What can be saved up, in thousandths.
    saved_max: u64,
    /// Retries that come for free, a second.
    free: u64,
    saved: u64,
    filled_at: Moment,
}

impl Budget {
    /// One retry for every `1 / share` requests, and `free_per_second` besides; at most ten seconds' worth
    /// of the free ones, or 100, can be saved up.
    #[must_use]
    pub fn new(share: f64, free_per_second: u32, now: Moment) -> Self {
        let free = u64::from(free_per_second);
        let saved_max = (free * 10).max(100) * 1_000;
        let earned = Duration::try_from_secs_f64(share.clamp(0.0, 1.0)).unwrap_or_default();
        let earned = u64::from(earned.subsec_millis()) + earned.as_secs() * 1_000;
        Self { earned, saved_max, free, saved: free * 10 * 1_000, filled_at: now }
    }

    /// A request came.
    pub fn deposit(&mut self) {
        self.saved = (self.saved + self.earned).min(self.saved_max);
    }

    /// Takes a retry out, if there is one.
    pub fn withdraw(&mut self, now: Moment) -> bool {
        let millis = u64::try_from(now.since(self.filled_at).as_millis()).unwrap_or(u64::MAX);
        if 0 < millis {
            // `free` a second is `free` thousandths a millisecond.
            self.saved = self.saved.saturating_add(millis.saturating_mul(self.free));
            self.saved = self.saved.min(self.saved_max);
            self.filled_at = now;
        }
        if self.saved < 1_000 {
            return false;
        }
        self.saved -= 1_000;
        true
    }
}

/// How long to wait before trying again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest before the first retry.
    pub base: Duration,
    /// The longest before any.
    pub max: Duration,
}

impl Backoff {
    /// A wait by chance from nothing to `base`, to twice that for the second retry, and so on ("full
    /// jitter"): those who failed together do not come back together.
    #[must_use]
    pub fn wait(&self, retry: u32, dice: &mut Dice) -> Duration {
        let times = 1_u32 << retry.saturating_sub(1).min(30);
        self.base.saturating_mul(times).min(self.max).mul_f64(dice.share())
    }
}
