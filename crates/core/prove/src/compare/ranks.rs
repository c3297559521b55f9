//! Tests over whole distributions: Mann and Whitney's, Kolmogorov and Smirnov's, and how large the effect is.

use super::quantiles::Weighed;
use crate::normal::{kolmogorov, two_sided};

/// What the tests say; routes are weighed as in the quantiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranks {
    /// Pairs of one request of each side in which the one after is the slower; half of those that are equal.
    pub u: f64,
    /// How likely so uneven pairs are by chance alone.
    pub u_p: f64,
    /// Largest distance of the two distributions, 0 to 1.
    pub distance: f64,
    /// How likely so large a distance is by chance alone.
    pub distance_p: f64,
    /// How far one side lies above the other.
    pub effect: Effect,
}

/// Cliff's delta: the share of pairs in which after is slower, less those in which it is faster; -1 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// Below zero: after is faster.
    pub delta: f64,
    /// In a word.
    pub size: Size,
}

/// Words for effects (Romano and others, 2006).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Below 0.147.
    Negligible,
    /// Below 0.33.
    Small,
    /// Below 0.474.
    Medium,
    /// Above.
    Large,
}

impl Size {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Negligible => "negligible",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }

    fn of(delta: f64) -> Self {
        match delta.abs() {
            delta if delta < 0.147 => Self::Negligible,
            delta if delta < 0.33 => Self::Small,
            delta if delta < 0.474 => Self::Medium,
            _ => Self::Large,
        }
    }
}

/// Both tests of two sides that are worth so many independent values; `None` where one is empty.
pub(super) fn test([before, after]: &[Weighed; 2], worth: [f64; 2]) -> Option<Ranks> {
    let (old, new) = (before.ascending(), after.ascending());
    if old.is_empty() || new.is_empty() {
        return None;
    }
    // One walk over both: at each value the weights below and at it.
    let (mut i, mut j) = (0, 0);
    let (mut below_old, mut below_new) = (0.0_f64, 0.0_f64);
    let (mut slower, mut ties, mut distance) = (0.0_f64, 0.0_f64, 0.0_f64);
    while let Some(value) = smaller(old.get(i), new.get(j)) {
        let up_to_old = pass(old, &mut i, value, below_old);
        let up_to_new = pass(new, &mut j, value, below_new);
        let (at_old, at_new) = (up_to_old - below_old, up_to_new - below_new);
        slower += at_new * (below_old + 0.5 * at_old);
        ties += (f64::midpoint(at_old, at_new)).powi(3);
        (below_old, below_new) = (up_to_old, up_to_new);
        distance = distance.max((below_old - below_new).abs());
    }
    let [many_old, many_new] = worth;
    let variance =
        (many_old + many_new + 1.0) / (12.0 * many_old * many_new) * (1.0 - ties).max(0.0);
    let z = if variance > 0.0 { (slower - 0.5) / variance.sqrt() } else { 0.0 };
    let delta = (2.0 * slower - 1.0).clamp(-1.0, 1.0);
    let pairs = super::float(before.count() as u64) * super::float(after.count() as u64);
    Some(Ranks {
        u: slower * pairs,
        u_p: two_sided(z),
        distance,
        distance_p: kolmogorov(distance, many_old * many_new / (many_old + many_new)),
        effect: Effect { delta, size: Size::of(delta) },
    })
}

fn smaller(left: Option<&(f64, f64)>, right: Option<&(f64, f64)>) -> Option<f64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.0.min(right.0)),
        (Some(one), None) | (None, Some(one)) => Some(one.0),
        (None, None) => None,
    }
}

/// Goes past all that equal `value`; the weight up to there.
fn pass(side: &[(f64, f64)], place: &mut usize, value: f64, mut below: f64) -> f64 {
    while let Some((seen, sum)) = side.get(*place)
        && *seen <= value
    {
        below = *sum;
        *place += 1;
    }
    below
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(values: &[f64]) -> Weighed {
        Weighed::new(values.iter().map(|value| (*value, 1.0, 0)).collect())
    }

    fn test(old: &[f64], new: &[f64]) -> Option<Ranks> {
        let sides = [side(old), side(new)];
        let worth = sides.each_ref().map(|side| side.worth(0.5));
        super::test(&sides, worth)
    }

    #[test]
    fn the_tests_count_pairs() {
        // Of the 12 pairs, after is the slower in 7 and equal in one.
        let ranks = test(&[1.0, 2.0, 3.0, 6.0], &[2.0, 4.0, 5.0]).unwrap();
        assert!((ranks.u - 7.5).abs() < 1e-9, "{ranks:?}");
        assert!((ranks.effect.delta - (2.0 * 7.5 / 12.0 - 1.0)).abs() < 1e-9);
        assert_eq!(ranks.effect.size, Size::Small);
        assert!((ranks.distance - (0.75 - 1.0 / 3.0)).abs() < 1e-9);
    }

    #[test]
    fn equal_sides_do_not_differ() {
        let values: Vec<f64> = (0..500).map(f64::from).collect();
        let ranks = test(&values, &values).unwrap();
        assert!(ranks.u_p > 0.99 && ranks.distance_p > 0.99 && ranks.distance < 1e-9, "{ranks:?}");
        assert_eq!(test(&[], &values), None);
        let one = test(&[3.0; 40], &[3.0; 40]).unwrap();
        assert!((one.u_p - 1.0).abs() < 1e-6, "{one:?}");
    }
}
