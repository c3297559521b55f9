//! Points and stretches of time that can be stored, replayed and made up.

use std::{ops, time::Duration};

/// A point in time, in nanoseconds since 1970-01-01 00:00 UTC, as OTLP counts.
///
/// Unlike [`std::time::Instant`] it can be written down, read back and made up, which is what
/// replays and tests do all day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment {
    /// Nanoseconds since the epoch.
    pub nanos: u64,
}

impl Moment {
    /// Time that passed since `earlier`; zero if `earlier` is in fact later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos.saturating_sub(earlier.nanos))
    }
}

impl ops::Add<Duration> for Moment {
    type Output = Self;

    /// Stops at the end of time (the year 2554) instead of overflowing.
    fn add(self, time: Duration) -> Self {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self { nanos: self.nanos.saturating_add(nanos) }
    }
}

impl ops::Sub<Duration> for Moment {
    type Output = Self;

    /// Stops at the epoch instead of overflowing.
    fn sub(self, time: Duration) -> Self {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self { nanos: self.nanos.saturating_sub(nanos) }
    }
}

/// A stretch of time: `from` belongs to it, `to` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// The first moment within.
    pub from: Moment,
    /// The first moment after.
    pub to: Moment,
}

impl Window {
    /// All of time.
    pub const ALL: Self = Self { from: Moment { nanos: 0 }, to: Moment { nanos: u64::MAX } };

    /// Whether `moment` lies within.
    #[must_use]
    pub fn contains(&self, moment: Moment) -> bool {
        self.from <= moment && moment < self.to
    }

    /// From the first moment to the last; zero if the window is turned around.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.to.since(self.from)
    }
}
