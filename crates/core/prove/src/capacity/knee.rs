//! The knee: where more load brings more waiting than work. Kleinrock's (1979): where throughput over latency is largest.

/// A knee wants as many points.
pub const KNEE_POINTS_MIN: usize = 3;

/// A step of load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Requests a second that were answered.
    pub rate: f64,
    /// How long they took, in any unit: their mean, or a quantile.
    pub latency: f64,
}

/// The point with most power, if it lies within what was measured: at the last one the knee has not been reached.
#[must_use]
pub fn knee(points: &[Point]) -> Option<Point> {
    let sound = |point: &&Point| point.rate > 0.0 && point.latency > 0.0;
    let mut points: Vec<Point> = points.iter().filter(sound).copied().collect();
    if points.len() < KNEE_POINTS_MIN {
        return None;
    }
    points.sort_by(|left, right| left.rate.total_cmp(&right.rate));
    let power = |point: &Point| point.rate / point.latency;
    let best = points.iter().copied().max_by(|left, right| power(left).total_cmp(&power(right)))?;
    (points.last() != Some(&best)).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_knee_of_a_queue_is_at_half_its_capacity() {
        // One server of 100 a second: latency is 1 / (100 - rate).
        let point = |rate: f64| Point { rate, latency: 1.0 / (100.0 - rate) };
        let points: Vec<Point> = (1..=9).map(|ten| point(f64::from(ten) * 10.0)).collect();
        assert!((knee(&points).unwrap().rate - 50.0).abs() < 1e-9);
        assert_eq!(knee(&points[..4]), None);
        assert_eq!(knee(&[]), None);
    }
}
