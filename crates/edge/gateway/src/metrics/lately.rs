//! How requests of a route went lately, as one thread sees it: their durations in the last one or two minutes, and how
//! many come a second.

use std::time::Duration;

use model::Moment;
use stats::Sketch;

/// Durations are kept for the minute that goes on and the one before.
const MINUTE_NANOS: u64 = 60_000_000_000;

/// Requests are counted over so long.
const TURN_NANOS: u64 = 5_000_000_000;

/// What one thread knows of a route.
#[derive(Debug, Default)]
pub(crate) struct Lately {
    minute: u64,
    now: Sketch,
    before: Sketch,
    turn: u64,
    count_now: u64,
    count_before: u64,
}

impl Lately {
    /// A request took so long.
    pub(crate) fn add(&mut self, took: Duration, now: Moment) {
        let minute = now.nanos / MINUTE_NANOS;
        if self.minute < minute {
            let old = std::mem::take(&mut self.now);
            self.before = if self.minute + 1 == minute { old } else { Sketch::default() };
            self.minute = minute;
        }
        let turn = now.nanos / TURN_NANOS;
        if self.turn < turn {
            self.count_before = if self.turn + 1 == turn { self.count_now } else { 0 };
            (self.count_now, self.turn) = (0, turn);
        }
        self.count_now += 1;
        self.now.add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds its durations to those of all threads.
    pub(crate) fn add_to(&self, all: &mut Sketch, now: Moment) {
        let minute = now.nanos / MINUTE_NANOS;
        if minute <= self.minute + 1 {
            all.merge(&self.now);
        }
        if minute <= self.minute {
            all.merge(&self.before);
        }
    }

    /// Requests a second, over the last five that are over.
    pub(crate) fn per_second(&self, now: Moment) -> f64 {
        let turn = now.nanos / TURN_NANOS;
        let count = match turn.checked_sub(self.turn) {
            Some(0) | None => self.count_before,
            Some(1) => self.count_now,
            Some(_) => 0,
        };
        // A count that is read as seconds is a number with a fraction, without loss.
        Duration::from_secs(count).as_secs_f64() / Duration::from_nanos(TURN_NANOS).as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment { nanos: (1_000_020 + seconds) * 1_000_000_000 }
    }

    fn count(lately: &Lately, now: Moment) -> u64 {
        let mut all = Sketch::default();
        lately.add_to(&mut all, now);
        all.count()
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let mut lately = Lately::default();
        lately.add(Duration::from_millis(5), at(0));
        lately.add(Duration::from_millis(5), at(1));
        assert_eq!(count(&lately, at(59)), 2);
        assert_eq!(count(&lately, at(100)), 2);
        assert_eq!(count(&lately, at(121)), 0);
        lately.add(Duration::from_millis(5), at(61));
        assert_eq!(count(&lately, at(62)), 3);
        lately.add(Duration::from_millis(5), at(300));
        assert_eq!(count(&lately, at(300)), 1);
    }

    #[test]
    fn requests_a_second_are_of_the_last_turn_that_is_over() {
        let mut lately = Lately::default();
        (0..50).for_each(|_| lately.add(Duration::ZERO, at(1)));
        assert!(lately.per_second(at(2)) < 0.001);
        assert!((lately.per_second(at(6)) - 10.0).abs() < 0.001);
        lately.add(Duration::ZERO, at(6));
        assert!((lately.per_second(at(7)) - 10.0).abs() < 0.001);
        assert!(lately.per_second(at(30)) < 0.001);
    }
}
