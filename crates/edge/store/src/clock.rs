//! Which time is believed when something is dropped for its age: a clock that jumps costs nothing that is kept.
//!
//! The clock of a machine may be years off for a while: an empty battery, a bad time server, somebody's typing. Beside it
//! there is a count that goes on steadily, asleep or not. A clock that is more than a day ahead of it is believed once
//! it has said so for a day; until then the steady count is. A clock that is behind is believed at once, since that drops
//! nothing; what was received more than a day in the future ages from when that was noticed.

use std::time::Duration;

use model::Moment;
use rustix::time::{ClockId, clock_gettime};

/// How far a clock may be ahead, and how long it has to insist: a day of either is short beside any age that is set, and
/// long enough for somebody to notice.
const DAY: Duration = Duration::from_hours(24);

/// What has been seen of the clock.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// What was believed last, and at which steady count.
    anchor: Option<(Moment, Duration)>,
    /// Since when it has been too far ahead.
    ahead_since: Option<Duration>,
    /// Since when something of the future has been kept.
    future_since: Option<Duration>,
}

impl Clock {
    /// The time to judge ages by. `newest` is when the newest batch that is kept was received, and `steady` is [`steady`].
    pub(crate) fn believed(
        &mut self,
        now: Moment,
        newest: Option<Moment>,
        steady: Duration,
    ) -> Moment {
        let first = || (newest.unwrap_or(now).min(now), steady);
        let (anchor, then) = *self.anchor.get_or_insert_with(first);
        let passed = anchor + steady.saturating_sub(then);
        let mut believed = now;
        if passed + DAY < now {
            let since = *self.ahead_since.get_or_insert(steady);
            if steady.saturating_sub(since) < DAY {
                believed = passed;
            }
        }
        if believed == now {
            self.ahead_since = None;
        }
        self.anchor = Some((believed, steady));
        if newest.is_none_or(|newest| newest <= believed + DAY) {
            self.future_since = None;
        } else {
            self.future_since.get_or_insert(steady);
        }
        believed
    }

    /// When something was received that says it was at `received`.
    pub(crate) fn received(&self, received: Moment, believed: Moment, steady: Duration) -> Moment {
        if received <= believed + DAY {
            return received;
        }
        let noticed = self.future_since.unwrap_or(steady);
        believed - steady.saturating_sub(noticed)
    }
}

/// What has passed since the machine was started, asleep or not.
pub(crate) fn steady() -> Duration {
    let count = clock_gettime(ClockId::Boottime);
    Duration::new(count.tv_sec.try_into().unwrap_or(0), count.tv_nsec.try_into().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);
    const YEARS: Duration = Duration::from_hours(24 * 365 * 14);

    fn at(hours: u32) -> Moment {
        Moment { nanos: 1_700_000_000_000_000_000 } + HOUR * hours
    }

    #[test]
    fn a_clock_that_goes_as_time_does_is_believed() {
        let mut clock = Clock::default();
        for hours in 0..500 {
            let now = at(hours);
            assert_eq!(clock.believed(now, Some(now), HOUR * hours), now);
            assert_eq!(clock.received(at(0), now, HOUR * hours), at(0));
        }
    }

    #[test]
    fn a_jump_ahead_is_believed_after_a_day() {
        let mut clock = Clock::default();
        assert_eq!(clock.believed(at(0), Some(at(0)), Duration::ZERO), at(0));
        for hours in 1..25 {
            let believed = clock.believed(at(hours) + YEARS, Some(at(0)), HOUR * hours);
            assert_eq!(believed, at(hours));
        }
        assert_eq!(clock.believed(at(25) + YEARS, Some(at(0)), HOUR * 25), at(25) + YEARS);
        assert_eq!(clock.believed(at(26) + YEARS, Some(at(0)), HOUR * 26), at(26) + YEARS);
    }

    #[test]
    fn a_jump_that_is_taken_back_costs_nothing() {
        let mut clock = Clock::default();
        for hours in 0..200 {
            let jump = if hours % 20 == 7 { YEARS } else { Duration::ZERO };
            assert_eq!(clock.believed(at(hours) + jump, Some(at(hours)), HOUR * hours), at(hours));
        }
    }

    #[test]
    fn a_start_long_after_the_newest_batch_waits_for_a_day() {
        let mut clock = Clock::default();
        let late = |hours| at(hours) + YEARS;
        assert_eq!(clock.believed(late(0), Some(at(0)), HOUR), at(0));
        assert_eq!(clock.believed(late(24), Some(late(1)), HOUR * 25), late(24));
    }

    #[test]
    fn what_is_of_the_future_ages_all_the_same() {
        let mut clock = Clock::default();
        let newest = at(0) + YEARS;
        for hours in 0..100 {
            let (now, steady) = (at(hours), HOUR * hours);
            assert_eq!(clock.believed(now, Some(newest), steady), now);
            assert_eq!(clock.received(newest, now, steady), at(0));
        }
    }

    proptest! {
        #[test]
        fn time_goes_no_day_faster_than_it_does_unless_that_is_insisted_on(
            jumps in prop::collection::vec((0_u32..12, prop::option::weighted(0.3, 1_u32..100)), 1..60),
        ) {
            let mut clock = Clock::default();
            let (mut steady, mut insisted, mut before) = (0, 0, at(0));
            for (hours, jump) in jumps {
                steady += hours;
                insisted = if jump.is_some() { insisted + hours } else { 0 };
                let now = at(steady + jump.unwrap_or(0));
                let believed = clock.believed(now, Some(at(0)), HOUR * steady);
                prop_assert!(believed <= now);
                prop_assert!(believed <= before + HOUR * (hours + 24) || 24 <= insisted);
                prop_assert!(jump.is_some() || believed == now);
                before = believed;
            }
        }
    }
}
