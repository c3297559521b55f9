//! The count of one key, in each of four ways.

use std::{collections::VecDeque, time::Duration};

use model::Moment;

use super::{Algorithm, Quota, Verdict};

/// What is remembered of one key.
#[derive(Debug, Clone)]
pub enum Count {
    /// Of [`Algorithm::FixedWindow`].
    Fixed(Fixed),
    /// Of [`Algorithm::SlidingLog`].
    Log(Log),
    /// Of [`Algorithm::SlidingWindow`].
    Sliding(Sliding),
    /// Of [`Algorithm::Bucket`].
    Bucket(Gcra),
}

impl Count {
    /// Nothing has been counted.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::FixedWindow => Self::Fixed(Fixed::default()),
            Algorithm::SlidingLog => Self::Log(Log::default()),
            Algorithm::SlidingWindow => Self::Sliding(Sliding::default()),
            Algorithm::Bucket => Self::Bucket(Gcra::default()),
        }
    }

    /// Counts a request that weighs `cost`, if it is let in; one that is refused costs nothing.
    pub fn take(&mut self, quota: &Quota, cost: u32, now: Moment) -> Verdict {
        match self {
            Self::Fixed(fixed) => fixed.take(quota, cost, now),
            Self::Log(log) => log.take(quota, cost, now),
            Self::Sliding(sliding) => sliding.take(quota, cost, now),
            Self::Bucket(gcra) => gcra.take(quota, cost, now),
        }
    }
}

/// The count of a window of the clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fixed {
    pub(super) window: u64,
    pub(super) count: u32,
}

impl Fixed {
    fn take(&mut self, quota: &Quota, cost: u32, now: Moment) -> Verdict {
        let length = quota.window_nanos();
        // A clock that goes back is taken to stand still.
        let window = (now.nanos / length).max(self.window);
        if self.window < window {
            *self = Self { window, count: 0 };
        }
        let allowed = cost <= quota.requests.get().saturating_sub(self.count);
        if allowed {
            self.count += cost;
        }
        self.verdict(quota, allowed, now)
    }

    /// What is said of this count, after it was decided.
    pub(super) fn verdict(&self, quota: &Quota, allowed: bool, now: Moment) -> Verdict {
        let end = (self.window + 1).saturating_mul(quota.window_nanos());
        let until_end = Moment { nanos: end }.since(now);
        Verdict {
            allowed,
            remaining: quota.requests.get().saturating_sub(self.count),
            reset_after: until_end,
            retry_after: if allowed { Duration::ZERO } else { until_end },
        }
    }
}

/// When each request came, as far back as the window goes: at most as many moments as are allowed.
///
/// The first and the last lie beside the count, as nearly all decisions need no other: what is further away is fetched
/// from memory only where moments leave.
#[derive(Debug, Clone, Default)]
pub struct Log {
    moments: VecDeque<Moment>,
    first: Moment,
    last: Moment,
}

impl Log {
    fn take(&mut self, quota: &Quota, cost: u32, now: Moment) -> Verdict {
        // A clock that goes back is taken to stand still, so that moments stay sorted.
        let now = if self.moments.is_empty() { now } else { now.max(self.last) };
        while !self.moments.is_empty() && quota.window <= now.since(self.first) {
            self.moments.pop_front();
            self.first = self.moments.front().copied().unwrap_or(now);
        }
        let limit = quota.requests.get() as usize;
        let cost = cost as usize;
        let allowed = self.moments.len() + cost <= limit;
        if allowed && 0 < cost {
            if self.moments.is_empty() {
                self.first = now;
            }
            for _ in 0..cost {
                self.moments.push_back(now);
            }
            self.last = now;
        }
        // Those that must leave before this one fits.
        let in_the_way = (self.moments.len() + cost).saturating_sub(limit).max(1) - 1;
        let is_any = !self.moments.is_empty();
        let seen = Seen {
            count: self.moments.len(),
            last: is_any.then_some(self.last),
            in_the_way: match in_the_way {
                0 => is_any.then_some(self.first),
                place => self.moments.get(place).copied(),
            },
        };
        seen.verdict(quota, allowed, now)
    }
}

/// What of a log matters to what is said of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) count: usize,
    pub(super) last: Option<Moment>,
    /// The one that must leave before a request fits that was refused.
    pub(super) in_the_way: Option<Moment>,
}

impl Seen {
    pub(super) fn verdict(&self, quota: &Quota, allowed: bool, now: Moment) -> Verdict {
        let until = |moment: Moment| (moment + quota.window).since(now);
        let left = (quota.requests.get() as usize).saturating_sub(self.count);
        Verdict {
            allowed,
            remaining: u32::try_from(left).unwrap_or(u32::MAX),
            reset_after: self.last.map_or(Duration::ZERO, until),
            retry_after: if allowed {
                Duration::ZERO
            } else {
                self.in_the_way.map_or(quota.window, until)
            },
        }
    }
}

/// The counts of this window and of the last.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sliding {
    pub(super) window: u64,
    pub(super) count: u32,
    pub(super) last: u32,
}

impl Sliding {
    /// Counts in millionths of a request, so that all of it is whole numbers.
    const PARTS: u64 = 1_000_000;

    fn take(&mut self, quota: &Quota, cost: u32, now: Moment) -> Verdict {
        let length = quota.window_nanos();
        let window = (now.nanos / length).max(self.window);
        if self.window < window {
            let last = if window - self.window == 1 { self.count } else { 0 };
            *self = Self { window, count: 0, last };
        }
        let limit = u64::from(quota.requests.get()) * Self::PARTS;
        let wanted = u64::from(cost) * Self::PARTS;
        let allowed = self.used(self.elapsed(length, now), length) + wanted <= limit;
        if allowed {
            self.count += cost;
        }
        self.verdict(quota, cost, allowed, now)
    }

    /// What is said of these counts, after it was decided.
    pub(super) fn verdict(&self, quota: &Quota, cost: u32, allowed: bool, now: Moment) -> Verdict {
        let length = quota.window_nanos();
        let into = self.elapsed(length, now);
        let limit = u64::from(quota.requests.get()) * Self::PARTS;
        let wanted = u64::from(cost) * Self::PARTS;
        let used = self.used(into, length);
        let end = Duration::from_nanos(length - into);
        Verdict {
            allowed,
            remaining: u32::try_from(limit.saturating_sub(used) / Self::PARTS).unwrap_or(u32::MAX),
            // What was counted in this window weighs until the next one ends.
            reset_after: if self.count > 0 { end + quota.window } else { end },
            retry_after: if allowed {
                Duration::ZERO
            } else {
                self.wait(limit.saturating_sub(wanted), into, length)
            },
        }
    }

    /// How far into its window it is.
    fn elapsed(self, length: u64, now: Moment) -> u64 {
        now.nanos.saturating_sub(self.window.saturating_mul(length)).min(length)
    }

    /// What was used of the limit, `into` the window, in parts.
    fn used(self, into: u64, length: u64) -> u64 {
        self.of_last(into, length).saturating_add(u64::from(self.count) * Self::PARTS)
    }

    /// What of the last window still weighs, `into` this one.
    fn of_last(self, into: u64, length: u64) -> u64 {
        let left = u128::from(length - into) * u128::from(self.last) * u128::from(Self::PARTS);
        // Rounded up: in doubt more was used, not less.
        u64::try_from(left.div_ceil(u128::from(length))).unwrap_or(u64::MAX)
    }

    /// Until no more than `fit` parts are used, if nothing else comes.
    fn wait(self, fit: u64, into: u64, length: u64) -> Duration {
        let count = u64::from(self.count) * Self::PARTS;
        let reach = |weighs: u32, fit: u64| {
            // The place within a window at which a last count of `weighs` has come down to `fit`.
            let whole = u128::from(weighs) * u128::from(Self::PARTS);
            let gone = whole.saturating_sub(u128::from(fit)) * u128::from(length);
            u64::try_from(gone.div_ceil(whole.max(1))).unwrap_or(length).min(length)
        };
        if count <= fit && self.last > 0 {
            return Duration::from_nanos(reach(self.last, fit - count).saturating_sub(into));
        }
        Duration::from_nanos((length - into).saturating_add(reach(self.count, fit)))
    }
}

/// When the bucket would be full again (the "theoretical arrival time" of GCRA, ITU-T I.371).
#[derive(Debug, Clone, Copy, Default)]
pub struct Gcra {
    pub(super) full_at: Moment,
}

impl Gcra {
    fn take(&mut self, quota: &Quota, cost: u32, now: Moment) -> Verdict {
        let full_at = self.full_with(quota, cost, now);
        let allowed = full_at.since(now) <= Self::depth(quota);
        if allowed {
            self.full_at = full_at;
        }
        self.verdict(quota, cost, allowed, now)
    }

    /// What is said of this bucket, after it was decided.
    pub(super) fn verdict(self, quota: &Quota, cost: u32, allowed: bool, now: Moment) -> Verdict {
        let (pace, depth) = (Self::pace_nanos(quota), Self::depth(quota));
        let owed = self.full_at.since(now);
        let left = depth.saturating_sub(owed).as_nanos() / u128::from(pace);
        let retry_after = if allowed {
            Duration::ZERO
        } else {
            self.full_with(quota, cost, now).since(now).saturating_sub(depth)
        };
        let remaining = u32::try_from(left).unwrap_or(u32::MAX);
        Verdict { allowed, remaining, reset_after: owed, retry_after }
    }

    /// When it would be full again with this request.
    fn full_with(self, quota: &Quota, cost: u32, now: Moment) -> Moment {
        let wanted = Self::pace_nanos(quota).saturating_mul(u64::from(cost));
        self.full_at.max(now) + Duration::from_nanos(wanted)
    }

    /// From one request to the next at an even pace.
    pub(super) fn pace_nanos(quota: &Quota) -> u64 {
        (quota.window_nanos() / u64::from(quota.requests.get())).max(1)
    }

    /// How far ahead of it one may be.
    pub(super) fn depth(quota: &Quota) -> Duration {
        let pace = Self::pace_nanos(quota);
        Duration::from_nanos(pace.saturating_mul(u64::from(quota.burst().get())))
    }
}
