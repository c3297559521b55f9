//! Values with weights, in order of time and of size: quantiles, and how many independent values they are worth.

use super::series;

/// Latencies with their weights.
#[derive(Debug)]
pub(super) struct Weighed {
    /// (nanoseconds, weight, route), in order of time. Weights add up to 1.
    by_time: Vec<(f64, f64, u32)>,
    /// (nanoseconds, weight of all up to it), ascending.
    by_size: Vec<(f64, f64)>,
}

impl Weighed {
    /// Of values in order of time.
    pub(super) fn new(mut values: Vec<(f64, f64, u32)>) -> Self {
        let total: f64 = values.iter().map(|(_, weight, _)| weight).sum();
        for (_, weight, _) in &mut values {
            *weight /= total;
        }
        let mut by_size: Vec<(f64, f64)> =
            values.iter().map(|(value, weight, _)| (*value, *weight)).collect();
        by_size.sort_by(|left, right| left.0.total_cmp(&right.0));
        let mut sum = 0.0;
        for (_, weight) in &mut by_size {
            sum += *weight;
            *weight = sum;
        }
        Self { by_time: values, by_size }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.by_time.len()
    }

    /// The quantile: the first value up to which there is as much weight. `None` if there is none.
    pub(super) fn at(&self, quantile: f64) -> Option<f64> {
        // Sums of weights are rounded.
        let place = self.by_size.partition_point(|(_, sum)| *sum < quantile - 1e-12);
        self.by_size.get(place.min(self.by_size.len().checked_sub(1)?)).map(|(value, _)| *value)
    }

    /// In ascending order, each with the weight of all up to it.
    pub(super) fn ascending(&self) -> &[(f64, f64)] {
        &self.by_size
    }

    /// As many independent, equal values would tell the quantile as well.
    ///
    /// The error of the share of weight below the quantile is the sum of the errors of its routes: each value counts
    /// with its weight and with how far it is from the share of its own route; then as often as it repeats what the
    /// values before it said.
    pub(super) fn worth(&self, quantile: f64) -> f64 {
        let Some(value) = self.at(quantile) else { return 0.0 };
        let routes = self.by_time.iter().map(|(_, _, route)| *route).max().unwrap_or(0);
        let mut sums = vec![(0.0_f64, 0.0_f64); usize::try_from(routes).unwrap_or(0) + 1];
        let place = |route: u32| usize::try_from(route).unwrap_or(0);
        for (seen, _, route) in &self.by_time {
            if let Some((below, count)) = sums.get_mut(place(*route)) {
                *below += f64::from(u8::from(*seen <= value));
                *count += 1.0;
            }
        }
        let parts = self.by_time.iter().map(|(seen, weight, route)| {
            let (below, count) = sums.get(place(*route)).copied().unwrap_or((0.0, 1.0));
            weight * (f64::from(u8::from(*seen <= value)) - below / count)
        });
        let parts: Vec<f64> = parts.collect();
        let variance: f64 = parts.iter().map(|part| part * part).sum();
        if variance <= 0.0 {
            // All the same: there is nothing to be unsure of but the number of values.
            return super::float(self.by_time.len() as u64);
        }
        // Ties at the quantile make the share below it larger than the quantile: that is no knowledge.
        let alike = quantile * (1.0 - quantile) / variance;
        alike.min(super::float(self.by_time.len() as u64)) / series::correlation_time(&parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_weights_are_the_nearest_rank() {
        let side = Weighed::new((1_u32..=100).map(|value| (f64::from(value), 1.0, 0)).collect());
        assert_eq!((side.at(0.0), side.at(0.5)), (Some(1.0), Some(50.0)));
        assert_eq!((side.at(0.95), side.at(1.0)), (Some(95.0), Some(100.0)));
        assert_eq!(Weighed::new(Vec::new()).at(0.5), None);
    }

    #[test]
    fn a_heavier_route_moves_the_quantile() {
        let mut values: Vec<(f64, f64, u32)> = (0..100).map(|_| (1.0, 0.1, 0)).collect();
        values.extend((0..100).map(|_| (2.0, 0.9, 1)));
        let side = Weighed::new(values);
        assert_eq!((side.at(0.05), side.at(0.5)), (Some(1.0), Some(2.0)));
    }

    #[test]
    fn independent_values_are_worth_their_number() {
        let mut random = crate::Random::new(5);
        let side = Weighed::new((0..10_000).map(|_| (random.unit(), 1.0, 0)).collect());
        let worth = side.worth(0.5);
        assert!((8_500.0..=10_100.0).contains(&worth), "{worth}");
    }
}
