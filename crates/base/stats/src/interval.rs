//! 95 % intervals of quantiles and means.

use crate::quantile::rank;

/// Where a figure lies with 95 % confidence, both ends included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Half of its width: the figure behind "±".
    #[must_use]
    pub fn half_width(self) -> f64 {
        (self.high - self.low) / 2.0
    }
}

/// The interval of the quantile `q` of values in ascending order, whatever their distribution: the two
/// order statistics that enclose it with at least 95 %, each side missing it with at most 2.5 %
/// (David and Nagaraja, *Order Statistics*, section 7.1). `None` where so few values cannot tell: the
/// median needs 6, p95 needs 72 and p99 needs 368.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "53 bits are plenty for a latency")]
pub fn quantile_interval(sorted: &[u64], q: f64) -> Option<Interval> {
    let (low, high) = interval_ranks(u64::try_from(sorted.len()).ok()?, q)?;
    let at = |rank: u64| sorted.get(usize::try_from(rank - 1).ok()?).map(|value| *value as f64);
    Some(Interval { low: at(low)?, high: at(high)? })
}

/// The interval of the mean of values that are roughly normal or many (Student's t). `None` for fewer
/// than two.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub fn mean_interval(values: &[f64]) -> Option<Interval> {
    if values.len() < 2 {
        return None;
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    let error = t_975(values.len() - 1) * (squares / (count - 1.0) / count).sqrt();
    Some(Interval { low: mean - error, high: mean + error })
}

/// The 97.5 % point of Student's distribution: tabulated up to 10 degrees of freedom, then the
/// expansion 26.7.5 of Abramowitz and Stegun, which is right to 0.001 there.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub(crate) fn t_975(freedom: usize) -> f64 {
    const FEW: [f64; 10] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
    const Z: f64 = 1.959_964;
    if let Some(point) = freedom.checked_sub(1).and_then(|place| FEW.get(place)) {
        return *point;
    }
    let freedom = freedom as f64;
    let first = (Z.powi(3) + Z) / (4.0 * freedom);
    let second = (5.0 * Z.powi(5) + 16.0 * Z.powi(3) + 3.0 * Z) / (96.0 * freedom.powi(2));
    let third = (3.0 * Z.powi(7) + 19.0 * Z.powi(5) + 17.0 * Z.powi(3) - 15.0 * Z)
        / (384.0 * freedom.powi(3));
    Z + first + second + third
}

/// Ranks, from 1, of the two order statistics that enclose the quantile `q` of `count` values.
///
/// With B binomial (`count`, `q`): the largest low rank with P(B < low) <= 2.5 %, the smallest high rank
/// with P(B >= high) <= 2.5 %. The weights are summed outwards from the mode by their ratios until they
/// vanish, which takes about 8 standard deviations: 4,000 steps for a million values.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub(crate) fn interval_ranks(count: u64, q: f64) -> Option<(u64, u64)> {
    const NEGLIGIBLE: f64 = 1e-17;
    if !(q > 0.0 && q < 1.0) {
        return None;
    }
    let mode = rank(q, count)?;
    let n = count as f64;
    let mut below = Vec::new();
    let (mut place, mut weight) = (mode, 1.0);
    while place > 0 && weight > NEGLIGIBLE {
        weight *= place as f64 / (n - place as f64 + 1.0) * (1.0 - q) / q;
        place -= 1;
        below.push(weight);
    }
    let mut above = Vec::new();
    (place, weight) = (mode, 1.0);
    while place < count && weight > NEGLIGIBLE {
        weight *= (n - place as f64) / (place as f64 + 1.0) * q / (1.0 - q);
        place += 1;
        above.push(weight);
    }
    let tail = 0.025 * (1.0 + below.iter().sum::<f64>() + above.iter().sum::<f64>());
    let cut_low = within(&below, tail);
    let cut_high = within(&above, tail);
    // P(B <= mode - k) holds the weights from the k-th below on; likewise above.
    let low = (mode + 1).checked_sub(cut_low).filter(|low| *low >= 1)?;
    let high = Some(mode + cut_high).filter(|high| *high <= count)?;
    Some((low, high))
}

/// The smallest number of steps from the mode from which on all weights together are at most `tail`.
fn within(weights: &[f64], tail: f64) -> u64 {
    let mut sum = 0.0;
    let outside = weights.iter().rev().take_while(|weight| {
        sum += **weight;
        sum <= tail
    });
    let outside = outside.count();
    u64::try_from(weights.len() - outside + 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_agree_with_published_tables() {
        // The median: the sign test's tables.
        assert_eq!(interval_ranks(5, 0.5), None);
        assert_eq!(interval_ranks(6, 0.5), Some((1, 6)));
        assert_eq!(interval_ranks(10, 0.5), Some((2, 9)));
        assert_eq!(interval_ranks(20, 0.5), Some((6, 15)));
        assert_eq!(interval_ranks(100, 0.5), Some((40, 61)));
    }

    #[test]
    fn high_quantiles_need_many_values() {
        let first = |q| (1..1_000).find(|count| interval_ranks(*count, q).is_some()).unwrap();
        assert_eq!((first(0.5), first(0.95), first(0.99)), (6, 72, 368));
        assert_eq!(interval_ranks(1_000_000, 0.99).map(|(low, high)| high - low), Some(391));
    }

    #[test]
    fn ends_of_the_scale_have_no_interval() {
        for q in [0.0, 1.0, f64::NAN, -1.0] {
            assert_eq!(interval_ranks(1_000, q), None);
        }
        assert_eq!(quantile_interval(&[], 0.5), None);
    }

    #[test]
    fn the_interval_of_a_mean_is_students() {
        let interval = mean_interval(&[10.0, 12.0, 14.0]).unwrap();
        assert!((interval.half_width() - 4.968).abs() < 0.01);
        assert_eq!(mean_interval(&[1.0]), None);
        assert!((t_975(11) - 2.201).abs() < 0.001);
        assert!((t_975(30) - 2.042).abs() < 0.001);
        assert!((t_975(1_000_000) - 1.96).abs() < 0.001);
    }
}
