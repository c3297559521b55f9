//! Points of histograms to quantiles, without loss: exponential buckets are brought to one scale and added.

use std::collections::BTreeMap;

use model::{Buckets, ExponentialHistogram, Histogram};

/// Scales beyond which buckets of doubles cannot differ, as OTLP has them.
const SCALES: std::ops::RangeInclusive<i32> = -10..=20;

/// Counts of exponential buckets of one scale.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Spread {
    scale: i32,
    zeros: u64,
    above: BTreeMap<i32, u64>,
    below: BTreeMap<i32, u64>,
    is_begun: bool,
}

impl Spread {
    /// Takes a histogram in.
    pub(super) fn add(&mut self, histogram: &ExponentialHistogram) {
        let scale = histogram.scale.clamp(*SCALES.start(), *SCALES.end());
        let scale = if self.is_begun { scale.min(self.scale) } else { scale };
        self.coarsen(scale);
        self.is_begun = true;
        let down = histogram.scale.saturating_sub(scale).clamp(0, 31);
        self.zeros = self.zeros.saturating_add(histogram.zero_count);
        for (index, count) in buckets(&histogram.positive, down) {
            add(&mut self.above, index, count);
        }
        for (index, count) in buckets(&histogram.negative, down) {
            add(&mut self.below, index, count);
        }
    }

    /// What is here beyond what was there before: points that add up since the start of a process.
    pub(super) fn since(&self, before: &Self) -> Self {
        let scale = self.scale.min(before.scale);
        let (mut more, mut less) = (self.clone(), before.clone());
        more.coarsen(scale);
        less.coarsen(scale);
        more.zeros = more.zeros.saturating_sub(less.zeros);
        for (own, other) in [(&mut more.above, &less.above), (&mut more.below, &less.below)] {
            for (index, count) in own.iter_mut() {
                *count = count.saturating_sub(other.get(index).copied().unwrap_or(0));
            }
        }
        more
    }

    /// Takes in all of another.
    pub(super) fn merge(&mut self, other: &Self) {
        let scale = if self.is_begun { self.scale.min(other.scale) } else { other.scale };
        let mut other = other.clone();
        other.coarsen(scale);
        self.coarsen(scale);
        self.is_begun = true;
        self.zeros = self.zeros.saturating_add(other.zeros);
        for (index, count) in other.above {
            add(&mut self.above, index, count);
        }
        for (index, count) in other.below {
            add(&mut self.below, index, count);
        }
    }

    /// The value of rank `ceil(q * count)`: the middle of its bucket, on a logarithmic axis.
    pub(super) fn quantile(&self, q: f64) -> Option<f64> {
        let below = self.below.iter().rev().map(|(index, count)| (-self.middle(*index), *count));
        let above = self.above.iter().map(|(index, count)| (self.middle(*index), *count));
        let ascending: Vec<(f64, u64)> = below.chain([(0.0, self.zeros)]).chain(above).collect();
        let count = ascending.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
        let rank = stats::rank(q, count)?;
        let mut passed = 0_u64;
        ascending.into_iter().find_map(|(value, count)| {
            passed = passed.saturating_add(count);
            (rank <= passed && 0 < count).then_some(value)
        })
    }

    fn middle(&self, index: i32) -> f64 {
        let base_log = 2_f64.powi(-self.scale);
        ((f64::from(index) + 0.5) * base_log).exp2()
    }

    fn coarsen(&mut self, scale: i32) {
        let down = self.scale.saturating_sub(scale).clamp(0, 31);
        if 0 < down && self.is_begun {
            for buckets in [&mut self.above, &mut self.below] {
                for (index, count) in std::mem::take(buckets) {
                    add(buckets, index >> down, count);
                }
            }
        }
        self.scale = scale;
    }
}

/// Indices and counts of buckets, at a scale that is coarser by `down`.
fn buckets(buckets: &Buckets, down: i32) -> impl Iterator<Item = (i32, u64)> + '_ {
    let held = (0_i32..).zip(&buckets.counts).filter(|(_, count)| 0 < **count);
    held.map(move |(place, count)| (buckets.offset.saturating_add(place) >> down, *count))
}

fn add(buckets: &mut BTreeMap<i32, u64>, index: i32, count: u64) {
    let known = buckets.entry(index).or_default();
    *known = known.saturating_add(count);
}

/// A quantile of an exponential histogram, to the middle of its bucket; `None` if it is empty.
#[must_use]
pub fn exponential_quantile(histogram: &ExponentialHistogram, q: f64) -> Option<f64> {
    let mut spread = Spread::default();
    spread.add(histogram);
    let value = spread.quantile(q)?;
    let value = histogram.min.map_or(value, |min| value.max(min));
    Some(histogram.max.map_or(value, |max| value.min(max)))
}

/// A quantile of a histogram with bounds of its own, spread evenly within its bucket; `None` if it is empty.
#[must_use]
pub fn histogram_quantile(histogram: &Histogram, q: f64) -> Option<f64> {
    let count = histogram.counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
    let rank = stats::rank(q, count)?;
    let mut passed = 0_u64;
    for (place, count) in histogram.counts.iter().enumerate() {
        if rank <= passed.saturating_add(*count) && 0 < *count {
            let first = histogram.bounds.first().copied();
            let below = match place.checked_sub(1) {
                Some(before) => histogram.bounds.get(before).copied(),
                None => histogram.min.or_else(|| first.map(|first| first.min(0.0))),
            };
            let above = histogram.bounds.get(place).copied().or(histogram.max);
            let (below, above) = (below.or(above)?, above.or(below)?);
            #[expect(clippy::cast_precision_loss, reason = "a share of a bucket")]
            let share = (rank - passed) as f64 / *count as f64;
            return Some(below + (above - below) * share);
        }
        passed = passed.saturating_add(*count);
    }
    None
}
