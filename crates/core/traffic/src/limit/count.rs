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
    window: u64,
    count: u32,
}

impl Fixed {
    fn take(&mut self, quota: &Quota, cost: u32, now: Moment) -> Verdict {
        let length = quota.window_nanos();
        // A clock that goes back is taken to stand still.
        let window = (now.nanos / length).max(self.window);
        if self.window < window {
            *self = Self { window, count: 0 };
        }
        let left = quota.requests.get().saturating_sub(self.count);
        let end = Moment { nanos: (window + 1).saturating_mul(length) };
        let until_end = end.since(now);
        let allowed = cost <= left;
        if allowed {
            self.count += cost;
        }
        Verdict {
            allowed,
            remaining: quota.requests.get().saturating_sub(self.count),
            reset_after: until_end,
            retry_after: if allowed { Duration::ZERO } else { until_end },
        }
    }
}

/// When each request came, as far back as the window goes: at most as many moments as are allowed.
#[derive(Debug, Clone, Default)]
pub struct Log {
    moments: VecDeque<Moment>,
}

impl Log {
    fn take(&mut self, quota: &Quota, cost: u32, now: Moment) -> Verdict {
        // A clock that goes back is taken to stand still, so that moments stay sorted.
        let now = self.moments.back().map_or(now, |last| now.max(*last));
        while self.moments.front().is_some_and(|first| quota.window <= now.since(*first)) {
            self.moments.pop_front();
        }
        let limit = quota.requests.get() as usize;
        let cost = cost as usize;
        let allowed = self.moments.len() + cost <= limit;
        if allowed {
            self.moments.extend(std::iter::repeat_n(now, cost));
        }
        let until = |moment: Option<&Moment>| {
            moment.map_or(quota.window, |moment| (*moment + quota.window).since(now))
        };
        // Those that must leave before this one fits.
        let in_the_way = (self.moments.len() + cost).saturating_sub(limit).max(1) - 1;
        Verdict {
            allowed,
            remaining: u32::try_from(limit - self.moments.len()).unwrap_or(u32::MAX),
            reset_after: self.moments.back().map_or(Duration::ZERO, |last| until(Some(last))),
            retry_after: if allowed { Duration::ZERO } else { until(self.moments.get(in_the_way)) },
        }
    }
}

/// The counts of this window and of the last.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sliding {
    window: u64,
    count: u32,
    last: u32,
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
        let start = window.saturating_mul(length);
        let into = now.nanos.saturating_sub(start).min(length);
        let limit = u64::from(quota.requests.get()) * Self::PARTS;
        let before = self.of_last(into, length);
        let used = before + u64::from(self.count) * Self::PARTS;
        let wanted = u64::from(cost) * Self::PARTS;
        let allowed = used + wanted <= limit;
        if allowed {
            self.count += cost;
        }
        let used = if allowed { used + wanted } else { used };
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
    full_at: Moment,
}

impl Gcra {
    fn take(&mut self, quota: &Quota, cost: u32, now: Moment) -> Verdict {
        let pace = (quota.window_nanos() / u64::from(quota.requests.get())).max(1);
        let depth = Duration::from_nanos(pace.saturating_mul(u64::from(quota.burst().get())));
        let wanted = Duration::from_nanos(pace.saturating_mul(u64::from(cost)));
        let full_at = self.full_at.max(now) + wanted;
        let ahead = full_at.since(now);
        let allowed = ahead <= depth;
        if allowed {
            self.full_at = full_at;
        }
        let owed = self.full_at.since(now);
        let left = depth.saturating_sub(owed).as_nanos() / u128::from(pace);
        Verdict {
            allowed,
            remaining: u32::try_from(left).unwrap_or(u32::MAX),
            reset_after: owed,
            retry_after: if allowed { Duration::ZERO } else { ahead.saturating_sub(depth) },
        }
    }
}
