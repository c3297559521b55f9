//! How latencies of both sides are spread, over one axis; and whether they are of the same time of day.

use std::collections::BTreeSet;

use model::Moment;

use super::{Prepared, Side};

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

/// How the latencies of both are spread: boxes of equal ratio from the least to the most, each side's shares adding up to 1.
/// Routes are weighed as in the comparison; none where a side has no latency.
#[must_use]
pub fn spread(before: &Side, after: &Side) -> Vec<Bin> {
    let (mut old, mut new) = (Prepared::of(before), Prepared::of(after));
    let common: BTreeSet<String> = old.names().intersection(&new.names()).cloned().collect();
    old.keep(&common);
    new.keep(&common);
    // What is left out of it is told by the comparison.
    let timed = super::timed(&old.shares(), [&old, &new], &mut Vec::new());
    let sides = [old.weighed(&timed), new.weighed(&timed)];
    let ends = sides.each_ref().map(|side| {
        let all = side.ascending();
        all.first().zip(all.last()).map(|(first, last)| (first.0.max(1.0), last.0.max(1.0)))
    });
    let [Some(one), Some(other)] = ends else { return Vec::new() };
    let (least, most) = (one.0.min(other.0), one.1.max(other.1));
    let ratio = (most / least).powf(1.0 / float(BOXES));
    if ratio <= 1.0 {
        return vec![Bin { from_nanos: least, to_nanos: most, before: 1.0, after: 1.0 }];
    }
    let edge = |place: usize| least * ratio.powf(float(place));
    let mut bins: Vec<Bin> = (0..BOXES)
        .map(|place| Bin {
            from_nanos: edge(place),
            to_nanos: edge(place + 1),
            before: 0.0,
            after: 0.0,
        })
        .collect();
    for (side, which) in sides.iter().zip([0, 1]) {
        let mut below = 0.0;
        for (value, sum) in side.ascending() {
            let place = place_of(value.max(1.0) / least, ratio);
            if let Some(bin) = bins.get_mut(place) {
                let share = if which == 0 { &mut bin.before } else { &mut bin.after };
                *share += sum - below;
            }
            below = *sum;
        }
    }
    bins
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at least 1 in the logarithm, and limited to the boxes"
)]
fn place_of(times: f64, ratio: f64) -> usize {
    ((times.ln() / ratio.ln()).floor().max(0.0) as usize).min(BOXES - 1)
}

#[expect(clippy::cast_precision_loss, reason = "some dozen boxes")]
fn float(count: usize) -> f64 {
    count as f64
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
    use crate::compare::Request;

    fn side(millis: &[u64]) -> Side {
        let requests = millis.iter().zip(0..).map(|(millis, start_nanos)| Request {
            start_nanos,
            took_nanos: millis * 1_000_000,
            route: 0,
            failed: false,
        });
        Side { routes: vec!["/".to_owned()], requests: requests.collect() }
    }

    #[test]
    fn both_sides_share_an_axis_from_the_least_to_the_most() {
        let bins = spread(&side(&[1_000, 1_000, 900]), &side(&[10, 12]));
        assert_eq!(bins.len(), BOXES);
        assert!((bins[0].from_nanos - 1e7).abs() < 1.0 && (bins[0].after - 0.5).abs() < 1e-9);
        assert!((bins[BOXES - 1].before - 2.0 / 3.0).abs() < 1e-9, "{:?}", bins[BOXES - 1]);
        assert_eq!(spread(&side(&[1]), &side(&[])), []);
        assert_eq!(spread(&side(&[7, 7]), &side(&[7])).len(), 1);
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
        fn shares_add_up(old in prop::collection::vec(0_u64..10_000, 1..60), new in prop::collection::vec(0_u64..10_000, 1..60)) {
            let bins = spread(&side(&old), &side(&new));
            let sum = |share: fn(&Bin) -> f64| bins.iter().map(share).sum::<f64>();
            prop_assert!((sum(|bin| bin.before) - 1.0).abs() < 1e-9, "{bins:?}");
            prop_assert!((sum(|bin| bin.after) - 1.0).abs() < 1e-9, "{bins:?}");
        }
    }
}
