//! A quantile that is known from one end alone: how low it is at least, or how high at most.
//!
//! Of few requests a p95 has no upper end: the largest may lie below it. Yet where all of one side took seconds and all of
//! the other milliseconds, that is no question. The bounds are values of the sample at a rank (the number of values below
//! a quantile is binomial), so that they hold whatever the distribution is.

use super::{BEYOND_MIN, LEVEL, quantiles::Weighed, relative};

/// Fewer do not show how far they hang together.
const VALUES_MIN: f64 = 40.0;

/// Independent values that are counted at most, beyond the quantile: with more of them there are intervals.
const BEYOND_MAX: f64 = 50.0;

/// How far two quantiles lie apart at least, as `after / before - 1`: below zero where it surely fell, above where it rose.
/// Both bounds hold together as often as an interval does.
pub(super) fn apart([before, after]: &[Weighed; 2], worth: [f64; 2], quantile: f64) -> Option<f64> {
    let (old, new) = (bounds(before, worth[0], quantile)?, bounds(after, worth[1], quantile)?);
    let change = |(old, new): (f64, f64)| relative(old, new);
    let fell = old.low.zip(new.high).map(change);
    let rose = old.high.zip(new.low).map(change);
    fell.filter(|change| *change < 0.0).or_else(|| rose.filter(|change| *change > 0.0))
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bounds {
    low: Option<f64>,
    high: Option<f64>,
}

fn bounds(side: &Weighed, worth: f64, quantile: f64) -> Option<Bounds> {
    if side.size() < VALUES_MIN {
        return None;
    }
    let most = BEYOND_MAX / quantile.min(1.0 - quantile);
    let count = independent(worth, quantile).min(most).floor();
    let (low, high) = ranks(count, quantile);
    let at = |rank: f64| side.at(rank / count);
    Some(Bounds { low: low.and_then(at), high: high.and_then(at) })
}

/// How many independent values are counted on: the correlation is known from so many values only, which is Student's
/// correction to its first term, doubled because it is an estimate itself.
pub(super) fn independent(worth: f64, quantile: f64) -> f64 {
    worth / (1.0 + 5.0 / (worth * quantile.min(1.0 - quantile)).max(1e-9))
}

/// Whether there are enough independent values beyond a quantile for an interval.
pub(super) fn has_interval(worth: f64, quantile: f64) -> bool {
    BEYOND_MIN <= worth * quantile.min(1.0 - quantile)
}

/// The highest rank whose value lies below the quantile, and the lowest that lies above, each with half of what an
/// interval may err; `None` where not even the first or the last does.
fn ranks(count: f64, quantile: f64) -> (Option<f64>, Option<f64>) {
    let out = (1.0 - LEVEL) / 2.0;
    let odds = (quantile / (1.0 - quantile)).ln();
    let (mut low, mut high) = (None, None);
    // How likely exactly so many values lie below the quantile, and how likely at most so many.
    let mut exactly = count * (1.0 - quantile).ln();
    let (mut at_most, mut below) = (0.0, 0.0);
    while below < count {
        at_most += exactly.exp();
        let rank = below + 1.0;
        // The value of this rank lies above the quantile where fewer than so many lie below it.
        if at_most <= out {
            low = Some(rank);
        }
        if high.is_none() && 1.0 - at_most <= out {
            high = Some(rank);
        }
        exactly += ((count - below) / rank).ln() + odds;
        below = rank;
    }
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    #[test]
    fn ranks_are_those_of_the_tables() {
        // Binomial, 100 at a half: at most 39 with 1.76 %, at most 40 with 2.84 %.
        assert_eq!(ranks(100.0, 0.5), (Some(40.0), Some(61.0)));
        // 0.95 ^ 76 is 2.03 %, 0.95 ^ 77 is 1.93 %.
        assert_eq!((ranks(76.0, 0.95).1, ranks(77.0, 0.95).1), (None, Some(77.0)));
        assert_eq!(ranks(0.0, 0.5), (None, None));
        assert_eq!(ranks(2.0, 0.5), (None, None));
    }

    fn side(from: f64, count: usize, seed: u64) -> Weighed {
        let mut random = Random::new(seed);
        Weighed::new((0..count).map(|_| (from + random.unit(), 1.0, 0)).collect())
    }

    fn apart(sides: &[Weighed; 2], quantile: f64) -> Option<f64> {
        super::apart(sides, sides.each_ref().map(|side| side.worth(quantile)), quantile)
    }

    #[test]
    fn what_lies_apart_is_told_from_few() {
        let change = apart(&[side(100.0, 60, 1), side(1.0, 2_000, 2)], 0.95).unwrap();
        assert!((-0.99..-0.97).contains(&change), "{change}");
        let back = apart(&[side(1.0, 2_000, 2), side(100.0, 60, 1)], 0.95).unwrap();
        assert!((48.0..100.0).contains(&back), "{back}");
        assert_eq!(apart(&[side(100.0, 60, 1), side(100.0, 60, 2)], 0.95), None);
        assert_eq!(apart(&[side(100.0, 30, 1), side(1.0, 2_000, 2)], 0.95), None, "too few");
    }

    #[test]
    fn a_bound_errs_no_more_often_than_it_says() {
        let (mut above, mut below, mut known) = (0, 0, 0);
        for seed in 0..2_000 {
            let side = side(0.0, 220, seed);
            let bounds = bounds(&side, side.worth(0.95), 0.95).unwrap();
            above += u32::from(bounds.low.is_some_and(|low| 0.95 < low));
            below += u32::from(bounds.high.is_some_and(|high| high < 0.95));
            known += u32::from(bounds.high.is_some());
        }
        assert!(1_800 < known, "{known} of 2000 have an upper end");
        assert!(above <= 50 && below <= 50, "{above} and {below} of 2000, 2 % each are allowed");
    }

    #[test]
    fn of_few_requests_of_a_heavy_route_nothing_is_sure() {
        let side = |heavy: (usize, f64), light: (usize, f64)| {
            let mut values: Vec<(f64, f64, u32)> = (0..heavy.0)
                .map(|_| (heavy.1, 0.9 / super::super::float(heavy.0 as u64), 0))
                .collect();
            let weight = 0.1 / super::super::float(light.0 as u64);
            values.extend((0..light.0).map(|_| (light.1, weight, 1)));
            Weighed::new(values)
        };
        let before = side((900, 100.0), (100, 5.0));
        assert_eq!(apart(&[before, side((3, 2_000.0), (50, 5.0))], 0.95), None);
    }
}
