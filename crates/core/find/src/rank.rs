//! How bad a finding is, and what comes first.

use std::time::Duration;

use model::{Impact, Level};

/// What requests are meant to take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Targets {
    /// 95th percentile of a request.
    pub p95: Duration,
    /// 99th percentile of a request.
    pub p99: Duration,
    /// A statement on the critical path.
    pub statement: Duration,
    /// Share of the requests that may fail, 0 to 1.
    pub errors: f64,
}

impl Default for Targets {
    fn default() -> Self {
        Self {
            p95: Duration::from_millis(200),
            p99: Duration::from_millis(500),
            statement: Duration::from_millis(50),
            errors: 0.01,
        }
    }
}

impl Targets {
    /// The p95 for an operation of this traffic: the fewer wait, the looser it is. Twice the target
    /// below 1,000 requests a day, five times below 100.
    #[must_use]
    pub fn p95_at(&self, requests_per_day: f64) -> Duration {
        if requests_per_day < 100.0 {
            self.p95 * 5
        } else if requests_per_day < 1_000.0 {
            self.p95 * 2
        } else {
            self.p95
        }
    }
}

/// From how many hours a day a finding has which level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Levels {
    /// Critical from here.
    pub critical_hours: f64,
    /// High from here.
    pub high_hours: f64,
    /// Medium from here.
    pub medium_hours: f64,
}

impl Default for Levels {
    fn default() -> Self {
        Self { critical_hours: 4.0, high_hours: 1.0, medium_hours: 0.25 }
    }
}

impl Levels {
    /// The level of something that costs so many hours a day.
    #[must_use]
    pub fn of(&self, hours_per_day: f64) -> Level {
        if self.critical_hours <= hours_per_day {
            Level::Critical
        } else if self.high_hours <= hours_per_day {
            Level::High
        } else if self.medium_hours <= hours_per_day {
            Level::Medium
        } else {
            Level::Low
        }
    }

    /// The least hours a day that a level stands for.
    #[must_use]
    pub fn least(&self, level: Level) -> f64 {
        match level {
            Level::Critical => self.critical_hours,
            Level::High => self.high_hours,
            Level::Medium => self.medium_hours,
            Level::Low => 0.0,
        }
    }
}

/// What comes first: hours a day that are won, of users and of the database, per day of work.
pub(crate) fn priority(impact: &Impact, effort_days: f64) -> f64 {
    (impact.user_hours_per_day + impact.database_hours_per_day) / effort_days.max(0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(p95_millis: u64, requests_per_day: f64, expected: Level) {
        let targets = Targets::default();
        let p95 = Duration::from_millis(p95_millis);
        let above = p95.saturating_sub(targets.p95_at(requests_per_day)).as_secs_f64();
        assert_eq!(Levels::default().of(above * requests_per_day / 3_600.0), expected);
    }

    #[test]
    fn impact_times_frequency_gives_the_usual_table() {
        check(1_200, 50_000.0, Level::Critical);
        check(400, 30_000.0, Level::High);
        check(600, 15_000.0, Level::High);
        check(3_000, 200.0, Level::Low);
    }
}
