//! Quantiles of plain values by nearest rank.

/// The quantiles that pages and reports show, with their names.
pub const QUANTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p75", 0.75), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)];

/// The quantile `q` of values in ascending order, by nearest rank; `None` if there are none or `q`
/// is not a number. `q` outside of 0 to 1 is taken as the nearer end.
#[must_use]
pub fn quantile(sorted: &[u64], q: f64) -> Option<u64> {
    let rank = rank(q, u64::try_from(sorted.len()).unwrap_or(u64::MAX))?;
    sorted.get(usize::try_from(rank).ok()? - 1).copied()
}

/// `ceil(q * count)`, within 1 to `count`; `None` if `count` is 0 or `q` is not a number.
///
/// The product is taken a hair smaller, so that 0.07 of 100 is rank 7 although `0.07 * 100.0` is
/// `7.000000000000001`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "`as` saturates, and the result is clamped"
)]
#[must_use]
pub fn rank(q: f64, count: u64) -> Option<u64> {
    if count == 0 || q.is_nan() {
        return None;
    }
    let exact = q.clamp(0.0, 1.0) * count as f64 * (1.0 - 4.0 * f64::EPSILON);
    Some((exact.ceil() as u64).clamp(1, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rank_is_a_value_that_was_seen() {
        let values: Vec<u64> = (1..=100).collect();
        let seen: Vec<_> = QUANTILES.iter().map(|(_, q)| quantile(&values, *q).unwrap()).collect();
        assert_eq!(seen, [50, 75, 90, 95, 99, 100]);
        assert_eq!(quantile(&values, 0.07), Some(7));
        assert_eq!(quantile(&[10, 20], 0.5), Some(10));
    }

    #[test]
    fn odd_quantiles_are_answered_by_the_nearer_end() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[1, 2], f64::NAN), None);
        assert_eq!(quantile(&[1, 2], -1.0), Some(1));
        assert_eq!(quantile(&[1, 2], 7.0), Some(2));
    }
}
