//! How latencies of both sides are spread, over one axis; and whether they are of the same time of day.

use model::Moment;

use super::{float, quantiles::Weighed};

/// Boxes of a spread: as many as a picture has room for.
pub const BOXES: usize = 60;

/// A box of latencies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Nanoseconds from which on.
    pub from_nanos: f64,
    /// Up to which, not included but in the last one.
    pub to_nanos: f64,
    /// Share of the requests before in it, 0 to 1.
    pub before: f64,
    /// Share of the requests after.
    pub after: f64,
}

/// See [`super::Comparison::spread`].
pub(super) fn spread(sides: &[Weighed; 2]) -> Vec<Bin> {
    let ends = sides.each_ref().map(|side| {
        let all = side.ascending();
        all.first().zip(all.last()).map(|(first, last)| (first.0.max(1.0), last.0.max(1.0)))
    });
    let [Some(one), Some(other)] = ends else { return Vec::new() };
    let (least, most) = (one.0.min(other.0), one.1.max(other.1));
    let ratio = (most / least).powf(1.0 / float(BOXES as u64));
    if ratio <= 1.0 {
        return vec![Bin { from_nanos: least, to_nanos: most, before: 1.0, after: 1.0 }];
    }
    let edge = |place: usize| least * ratio.powf(float(place as u64));
    let [before, after] = sides;
    let mut old = Below { all: before.ascending(), sum: 0.0 };
    let mut new = Below { all: after.ascending(), sum: 0.0 };
    (0..BOXES)
        .map(|place| {
            let (from_nanos, to_nanos) = (edge(place), edge(place + 1));
            // The last one holds all that is left, however its end is rounded.
            let end = if place + 1 < BOXES { to_nanos } else { f64::INFINITY };
            Bin { from_nanos, to_nanos, before: old.up_to(end), after: new.up_to(end) }
        })
        .collect()
}

/// Values, and the weight of those that have been passed.
struct Below<'a> {
    all: &'a [(f64, f64)],
    sum: f64,
}

impl Below<'_> {
    /// The weight of what lies below `end`, less what was passed before.
    fn up_to(&mut self, end: f64) -> f64 {
        let place = self.all.partition_point(|(value, _)| value.max(1.0) < end);
        let Some((_, sum)) = place.checked_sub(1).and_then(|last| self.all.get(last)) else {
            return 0.0;
        };
        sum - std::mem::replace(&mut self.sum, *sum)
    }
}

/// So far apart, and people do other things.
const HOURS_APART: u64 = 3;

/// Says where two sides began at another time of day: load, caches and nightly jobs are not the same then.
#[must_use]
pub fn time_of_day(before: Moment, after: Moment) -> Option<String> {
    const DAY: u64 = 24 * 60;
    let minute = |moment: Moment| moment.nanos / 60_000_000_000 % DAY;
    let (old, new) = (minute(before), minute(after));
    let apart = old.abs_diff(new);
    let clock = |minute: u64| format!("{:02}:{:02}", minute / 60, minute % 60);
    (HOURS_APART * 60 < apart.min(DAY - apart)).then(|| {
        format!(
            "before begins at {}, after at {} (UTC): at another time of day other things happen; compare equal hours",
            clock(old),
            clock(new)
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn side(millis: &[u32]) -> Weighed {
        let values = millis.iter().map(|millis| (f64::from(*millis) * 1e6, 1.0, 0));
        Weighed::new(values.collect())
    }

    #[test]
    fn both_sides_share_an_axis_from_the_least_to_the_most() {
        let bins = spread(&[side(&[1_000, 1_000, 900]), side(&[10, 12])]);
        assert_eq!(bins.len(), BOXES);
        assert!((bins[0].from_nanos - 1e7).abs() < 1.0 && (bins[0].after - 0.5).abs() < 1e-9);
        assert!((bins[BOXES - 1].before - 2.0 / 3.0).abs() < 1e-9, "{:?}", bins[BOXES - 1]);
        assert_eq!(spread(&[side(&[1]), side(&[])]), []);
        assert_eq!(spread(&[side(&[7, 7]), side(&[7])]).len(), 1);
    }

    #[test]
    fn another_time_of_day_is_told_around_midnight_too() {
        let at = |hours: u64| Moment { nanos: hours * 3_600_000_000_000 };
        assert_eq!(time_of_day(at(23), at(24 * 9 + 1)), None);
        let told = time_of_day(at(3), at(24 + 14)).unwrap();
        assert!(told.starts_with("before begins at 03:00, after at 14:00 (UTC)"), "{told}");
    }

    proptest! {
        #[test]
        fn shares_add_up(old in prop::collection::vec(0_u32..10_000, 1..60), new in prop::collection::vec(0_u32..10_000, 1..60)) {
            let bins = spread(&[side(&old), side(&new)]);
            let sum = |share: fn(&Bin) -> f64| bins.iter().map(share).sum::<f64>();
            prop_assert!((sum(|bin| bin.before) - 1.0).abs() < 1e-9, "{bins:?}");
            prop_assert!((sum(|bin| bin.after) - 1.0).abs() < 1e-9, "{bins:?}");
        }
    }
}
