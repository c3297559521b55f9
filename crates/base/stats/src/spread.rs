//! How fractional numbers, negative ones too, are spread: exact up to 128 of them, buckets beyond.
//!
//! A bucket is the sign, the exponent and the six highest bits of the fraction of a double, so that each octave has 64
//! of them, as [`crate::Sketch`] has. The sum is one of whole numbers, of the parts before and after the point. So a
//! spread hangs only on which numbers went in, never on their order, and any engine that shifts bits makes the same.

use std::{collections::BTreeMap, mem::size_of};

use crate::{EXACT_COUNT_MAX, quantile::rank};

/// Bits of a number that its bucket leaves out.
const LEFT_OUT_BITS: u32 = 46;

/// Greatest whole part that is told apart, up or down.
#[expect(clippy::cast_precision_loss, reason = "a power of two is exact")]
const WHOLE_MAX: f64 = (1_u64 << 62) as f64;

/// What fractions are counted in: so many make one.
const PARTS: f64 = 9_007_199_254_740_992.0;

/// Numbers, summarised; those that are not finite are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spread {
    count: u64,
    whole: i128,
    parts: i128,
    /// As they are ordered.
    least: u64,
    greatest: u64,
    state: State,
}

/// Exact if and only if `count` is at most [`EXACT_COUNT_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// As they are ordered, ascending.
    Exact(Vec<u64>),
    Buckets(BTreeMap<u32, u64>),
}

impl Default for State {
    fn default() -> Self {
        Self::Exact(Vec::new())
    }
}

/// What a spread is made of, as another engine has summed it up.
#[derive(Debug, Clone, Default)]
pub struct SpreadParts {
    /// Numbers seen.
    pub count: u64,
    /// The sum of what is before the point, rounded down.
    pub whole: i128,
    /// The sum of what is after the point, in units of 2^-53.
    pub parts: i128,
    /// The least number.
    pub least: f64,
    /// The greatest number.
    pub greatest: f64,
    /// The numbers, and how many of each there were, if there were at most [`EXACT_COUNT_MAX`].
    pub exact: Vec<(f64, u64)>,
    /// Or else their buckets.
    pub buckets: Vec<(u32, u64)>,
}

impl Spread {
    /// Takes in a number that was seen `count` times.
    #[expect(clippy::cast_possible_truncation, reason = "both are whole, and clamped to 62 bits")]
    pub fn add_many(&mut self, number: f64, count: u64) {
        if count == 0 || !number.is_finite() {
            return;
        }
        // Of the two zeros one.
        let number = number + 0.0;
        let key = ordered(number);
        self.least = if self.count == 0 { key } else { self.least.min(key) };
        self.greatest = self.greatest.max(key);
        self.count = self.count.saturating_add(count);
        let whole = number.floor();
        let parts = ((number - whole) * PARTS).floor() as i64;
        let whole = whole.clamp(-WHOLE_MAX, WHOLE_MAX) as i64;
        self.whole = self.whole.saturating_add(i128::from(whole) * i128::from(count));
        self.parts = self.parts.saturating_add(i128::from(parts) * i128::from(count));
        if EXACT_COUNT_MAX < self.count {
            self.spill();
        }
        match &mut self.state {
            State::Exact(keys) => {
                let place = keys.partition_point(|known| *known <= key);
                keys.splice(place..place, (0..count).map(|_| key));
            }
            State::Buckets(buckets) => bump(buckets, key, count),
        }
    }

    /// Takes in all that `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.least = if self.count == 0 { other.least } else { self.least.min(other.least) };
        self.greatest = self.greatest.max(other.greatest);
        self.count = self.count.saturating_add(other.count);
        self.whole = self.whole.saturating_add(other.whole);
        self.parts = self.parts.saturating_add(other.parts);
        if EXACT_COUNT_MAX < self.count {
            self.spill();
        }
        match (&mut self.state, &other.state) {
            (State::Exact(keys), State::Exact(more)) => {
                keys.extend(more);
                keys.sort_unstable();
            }
            (State::Buckets(buckets), State::Exact(more)) => {
                for key in more {
                    bump(buckets, *key, 1);
                }
            }
            (State::Buckets(buckets), State::Buckets(more)) => {
                for (bucket, count) in more {
                    let held = buckets.entry(*bucket).or_default();
                    *held = held.saturating_add(*count);
                }
            }
            // What holds buckets has seen more than may be exact.
            (State::Exact(_), State::Buckets(_)) => {}
        }
    }

    /// The spread that was summed up elsewhere; `None` if there is none of that kind.
    #[must_use]
    pub fn of_parts(parts: SpreadParts) -> Option<Self> {
        let mut spread = Self::default();
        if parts.count <= EXACT_COUNT_MAX {
            for (number, count) in parts.exact {
                // Bounded before it is made so long.
                if EXACT_COUNT_MAX < count {
                    return None;
                }
                spread.add_many(number, count);
            }
            return (spread.count == parts.count).then_some(spread);
        }
        let held = parts.buckets.iter().try_fold(0_u64, |sum, (_, count)| sum.checked_add(*count));
        if held != Some(parts.count) || parts.buckets.iter().any(|(it, _)| BUCKETS <= *it) {
            return None;
        }
        Some(Self {
            count: parts.count,
            whole: parts.whole,
            parts: parts.parts,
            least: ordered(parts.least + 0.0),
            greatest: ordered(parts.greatest + 0.0),
            state: State::Buckets(parts.buckets.into_iter().collect()),
        })
    }

    /// Numbers seen.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum; `None` if there are none. Of each number what is beyond 2^62, or behind 2^-53, is left out.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a sum is told with the digits of a double")]
    pub fn sum(&self) -> Option<f64> {
        (0 < self.count).then(|| self.whole as f64 + self.parts as f64 / PARTS)
    }

    /// Their mean; `None` if there are none.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a mean is told with the digits of a double")]
    pub fn mean(&self) -> Option<f64> {
        self.sum().map(|sum| sum / self.count as f64)
    }

    /// The least, exact; `None` if there are none.
    #[must_use]
    pub fn min(&self) -> Option<f64> {
        (0 < self.count).then(|| number(self.least))
    }

    /// The greatest, exact; `None` if there are none.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        (0 < self.count).then(|| number(self.greatest))
    }

    /// The number of rank `ceil(q * count)`, up to [`crate::RELATIVE_ERROR`]; exact for at most [`EXACT_COUNT_MAX`].
    /// `None` if there are none, or `q` is not a number.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let rank = rank(q, self.count)?;
        let key = match &self.state {
            State::Exact(keys) => {
                let place = usize::try_from(rank - 1).unwrap_or(usize::MAX);
                keys.get(place).copied().unwrap_or(self.greatest)
            }
            State::Buckets(_) if rank <= 1 => self.least,
            State::Buckets(_) if self.count <= rank => self.greatest,
            State::Buckets(buckets) => {
                let mut below = 0_u64;
                let found = buckets.iter().find(|(_, count)| {
                    below = below.saturating_add(**count);
                    rank <= below
                });
                let middle =
                    |bucket: u32| (u64::from(bucket) << LEFT_OUT_BITS) + (1 << (LEFT_OUT_BITS - 1));
                found.map_or(self.greatest, |(bucket, _)| middle(*bucket))
            }
        };
        Some(number(key.clamp(self.least, self.greatest)))
    }

    /// Bytes of memory that it takes, roughly.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + match &self.state {
                State::Exact(keys) => keys.capacity() * size_of::<u64>(),
                // A node of a tree holds up to eleven, and is two thirds full.
                State::Buckets(buckets) => buckets.len() * 24,
            }
    }

    fn spill(&mut self) {
        if let State::Exact(keys) = &mut self.state {
            let mut buckets = BTreeMap::new();
            for key in std::mem::take(keys) {
                bump(&mut buckets, key, 1);
            }
            self.state = State::Buckets(buckets);
        }
    }
}

/// Buckets that there can be.
const BUCKETS: u32 = 1 << (u64::BITS - LEFT_OUT_BITS);

fn bump(buckets: &mut BTreeMap<u32, u64>, key: u64, count: u64) {
    let held = buckets.entry((key >> LEFT_OUT_BITS) as u32).or_default();
    *held = held.saturating_add(count);
}

/// A whole number in the order of numbers: negative ones, whose bits run the other way, below the others.
fn ordered(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

/// The number that was [`ordered`].
fn number(ordered: u64) -> f64 {
    f64::from_bits(if ordered >> 63 == 0 { !ordered } else { ordered & !(1 << 63) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::RELATIVE_ERROR;

    fn of(numbers: &[f64]) -> Spread {
        let mut spread = Spread::default();
        for number in numbers {
            spread.add_many(*number, 1);
        }
        spread
    }

    fn any_number() -> impl Strategy<Value = f64> {
        prop_oneof![
            -10.0..10.0,
            prop::num::f64::NORMAL,
            Just(0.0),
            Just(-0.0),
            Just(1e-9),
            Just(5e-324)
        ]
    }

    proptest! {
        #[test]
        fn a_spread_is_the_same_in_any_order_and_any_split(
            mut numbers in prop::collection::vec(any_number(), 0..300),
            split in 0_usize..300,
        ) {
            let all = of(&numbers);
            let (one, other) = numbers.split_at(split.min(numbers.len()));
            let mut merged = of(one);
            merged.merge(&of(other));
            prop_assert_eq!(&merged, &all);
            numbers.reverse();
            prop_assert_eq!(&of(&numbers), &all);
        }

        #[test]
        fn quantiles_are_near_the_number_of_their_rank(
            mut numbers in prop::collection::vec(any_number(), 1..400),
            q in 0.0..=1.0,
        ) {
            let told = of(&numbers).quantile(q).unwrap();
            numbers.sort_by(f64::total_cmp);
            let place = usize::try_from(rank(q, numbers.len() as u64).unwrap()).unwrap() - 1;
            let is = numbers[place];
            let near = is.abs() * RELATIVE_ERROR + f64::MIN_POSITIVE / 32.0;
            prop_assert!((told - is).abs() <= near, "{} for {}", told, is);
            let ends = [of(&numbers).min().unwrap(), of(&numbers).max().unwrap()];
            // Zero has one sign here.
            let are = [numbers[0] + 0.0, numbers[numbers.len() - 1] + 0.0];
            prop_assert_eq!(ends.map(f64::to_bits), are.map(f64::to_bits));
        }
    }

    #[test]
    fn sums_are_those_of_the_numbers() {
        let spread = of(&[0.1, 0.2, 0.3, -0.6, f64::NAN, f64::INFINITY]);
        assert_eq!(spread.count(), 4);
        assert!(spread.sum().unwrap().abs() < 1e-15, "{spread:?}");
        let mut many = Spread::default();
        many.add_many(2.5, 1_000);
        assert_eq!(
            (many.sum(), many.mean(), many.quantile(0.5)),
            (Some(2500.0), Some(2.5), Some(2.5))
        );
        assert_eq!(Spread::default().mean(), None);
    }

    #[test]
    fn parts_that_do_not_fit_together_are_none() {
        let parts =
            |count, exact, buckets| SpreadParts { count, exact, buckets, ..SpreadParts::default() };
        assert_eq!(Spread::of_parts(parts(2, vec![(0.5, 2)], vec![])), {
            let mut two = Spread::default();
            two.add_many(0.5, 2);
            Some(two)
        });
        assert_eq!(Spread::of_parts(parts(3, vec![(0.5, 2)], vec![])), None);
        assert_eq!(Spread::of_parts(parts(300, vec![], vec![(7, 299)])), None);
        assert_eq!(Spread::of_parts(parts(300, vec![], vec![(BUCKETS, 300)])), None);
    }
}
