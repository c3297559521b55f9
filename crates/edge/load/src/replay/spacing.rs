//! When recorded requests are due. A pause in which nobody asked for anything is kept up to some minutes: a longer one is a clock that was
//! set, or a capture of two days, and nobody wants to wait for it.

use std::time::Duration;

use model::Moment;

/// The longest pause that is kept; `load` ends a visit after three times as long.
const PAUSE_MAX: Duration = Duration::from_mins(10);
/// What is left of a longer one.
const PAUSE_LEFT: Duration = Duration::from_secs(1);

/// The recorded times with long pauses taken out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Spacing {
    first: Moment,
    /// From this moment on, so much earlier in all.
    cuts: Vec<(Moment, Duration)>,
}

impl Spacing {
    /// Of requests that began then, in any order.
    pub(super) fn of(began: impl Iterator<Item = Moment>) -> Self {
        let mut began: Vec<Moment> = began.collect();
        began.sort_unstable();
        let first = began.first().copied().unwrap_or_default();
        let mut cuts = Vec::new();
        let mut cut = Duration::ZERO;
        for (before, after) in began.iter().zip(began.iter().skip(1)) {
            let pause = after.since(*before);
            if PAUSE_MAX < pause {
                cut += pause.saturating_sub(PAUSE_LEFT);
                cuts.push((*after, cut));
            }
        }
        Self { first, cuts }
    }

    /// When a request is due, since the first one.
    pub(super) fn after(&self, began: Moment) -> Duration {
        let passed = self.cuts.partition_point(|(from, _)| *from <= began);
        let cut = passed.checked_sub(1).and_then(|place| self.cuts.get(place));
        began.since(self.first).saturating_sub(cut.map_or(Duration::ZERO, |(_, cut)| *cut))
    }

    /// How many pauses were taken out, and how long they were in all.
    pub(super) fn passed_over(&self) -> (u64, Duration) {
        (self.cuts.len() as u64, self.cuts.last().map_or(Duration::ZERO, |(_, cut)| *cut))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: u64) -> Moment {
        Moment { nanos: second * 1_000_000_000 }
    }

    #[test]
    fn a_clock_that_was_set_is_passed_over() {
        let spacing = Spacing::of([100, 0, 300, 90_000, 90_010].map(at).into_iter());
        let due = [0, 100, 300, 90_000, 90_010].map(|second| spacing.after(at(second)).as_secs());
        assert_eq!(due, [0, 100, 300, 301, 311]);
        assert_eq!(spacing.passed_over(), (1, Duration::from_secs(89_699)));
        assert_eq!(Spacing::of(std::iter::empty()).after(at(7)), Duration::from_secs(7));
    }

    proptest! {
        #[test]
        fn order_stays_and_no_pause_is_longer_than_it_may(seconds in proptest::collection::vec(0..4_000_000_000_u64, 1..40)) {
            let spacing = Spacing::of(seconds.iter().map(|second| at(*second)));
            let mut sorted = seconds;
            sorted.sort_unstable();
            let due: Vec<Duration> = sorted.iter().map(|second| spacing.after(at(*second))).collect();
            prop_assert_eq!(due[0], Duration::ZERO);
            prop_assert!(due.windows(2).all(|pair| pair[0] <= pair[1] && pair[1].saturating_sub(pair[0]) <= PAUSE_MAX));
        }
    }
}
