//! Two means compared: by how much one lies above the other, with its 95 % interval.

use crate::interval::{Interval, t_975};

/// A mean, and how far it may be off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// How many values.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// The square of its standard error: the variance of the values over their number.
    pub error_squared: f64,
}

impl Mean {
    /// From what counters keep: how many values, their sum and the sum of their squares. `None` for fewer than two,
    /// and for what cannot be sums of real numbers.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    pub fn of_sums(count: u64, sum: f64, squares: f64) -> Option<Self> {
        if count < 2 || !sum.is_finite() || !squares.is_finite() {
            return None;
        }
        let values = count as f64;
        let mean = sum / values;
        // Two large figures that are nearly equal may differ by less than they are rounded by.
        let variance = ((squares - sum * mean) / (values - 1.0)).max(0.0);
        Some(Self { count, mean, error_squared: variance / values })
    }
}

/// Where the true difference of two means lies, `after` less `before`: Welch's interval, for samples of different size
/// and spread. `None` where there is nothing to tell the spread from.
#[must_use]
pub fn difference(before: Mean, after: Mean) -> Option<Interval> {
    sum_of_differences(&[(1.0, before, after)])
}

/// The same for a weighted sum of differences, such as the time of calls of several kinds: (weight, before, after).
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "degrees of freedom are positive, and far below 2^53"
)]
pub fn sum_of_differences(parts: &[(f64, Mean, Mean)]) -> Option<Interval> {
    let (mut sum, mut error, mut freedom) = (0.0, 0.0, 0.0);
    for (weight, before, after) in parts {
        sum += weight * (after.mean - before.mean);
        for mean in [before, after] {
            let part = weight.powi(2) * mean.error_squared;
            error += part;
            freedom += part.powi(2) / mean.count.saturating_sub(1).max(1) as f64;
        }
    }
    if parts.is_empty() || !sum.is_finite() || !error.is_finite() {
        return None;
    }
    // Welch and Satterthwaite; without any spread, it does not matter.
    let freedom = if 0.0 < freedom { (error.powi(2) / freedom).floor().max(1.0) } else { 1e9 };
    let half = t_975(freedom as usize) * error.sqrt();
    Some(Interval { low: sum - half, high: sum + half })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(values: &[f64]) -> Mean {
        let squares = values.iter().map(|value| value * value).sum();
        Mean::of_sums(values.len() as u64, values.iter().sum(), squares).unwrap()
    }

    #[test]
    fn the_interval_is_welchs() {
        // Means 20.8 and 23.0 with variances 9.7 and 2.5 of five and four values: worked through by hand,
        // error² = 9.7/5 + 2.5/4 … freedom = 6.2, floored to 6, t = 2.447.
        let before = Mean { count: 5, mean: 20.8, error_squared: 1.94 };
        let after = Mean { count: 4, mean: 23.0, error_squared: 0.625 };
        let interval = difference(before, after).unwrap();
        assert!((interval.low - (2.2 - 3.919)).abs() < 0.01, "{interval:?}");
        assert!((interval.high - (2.2 + 3.919)).abs() < 0.01, "{interval:?}");
    }

    #[test]
    fn sums_tell_what_the_values_would() {
        let from_sums = mean(&[1.0, 2.0, 3.0, 4.0]);
        assert!((from_sums.mean - 2.5).abs() < 1e-12);
        assert!((from_sums.error_squared - 5.0 / 3.0 / 4.0).abs() < 1e-12);
        assert_eq!(Mean::of_sums(1, 1.0, 1.0), None);
        assert_eq!(Mean::of_sums(5, f64::NAN, 1.0), None);
    }

    #[test]
    fn what_never_varies_is_certain() {
        let interval = difference(mean(&[2.0, 2.0, 2.0]), mean(&[1.0, 1.0])).unwrap();
        assert_eq!((interval.low, interval.high), (-1.0, -1.0));
        assert_eq!(sum_of_differences(&[]), None);
    }

    #[test]
    fn weights_scale_the_difference_and_its_error() {
        let (before, after) = (mean(&[1.0, 2.0, 3.0]), mean(&[4.0, 6.0, 5.0]));
        let (one, ten) = (
            difference(before, after).unwrap(),
            sum_of_differences(&[(10.0, before, after)]).unwrap(),
        );
        assert!((ten.low - 10.0 * one.low).abs() < 1e-9);
        assert!((ten.high - 10.0 * one.high).abs() < 1e-9);
    }
}
