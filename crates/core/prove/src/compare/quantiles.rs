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

    /// As many equal weights would say as much (Kish, 1965): three heavy values among many light ones are three.
    pub(super) fn size(&self) -> f64 {
        let squares: f64 = self.by_time.iter().map(|(_, weight, _)| weight * weight).sum();
        if squares > 0.0 { 1.0 / squares } else { 0.0 }
    }

    /// In ascending order, each with the weight of all up to it.
    pub(super) fn ascending(&self) -> &[(f64, f64)] {
        &self.by_size
    }

    /// As many independent, equal values would tell the quantile as well.
    ///
    /// The error of the share of weight below the quantile is the sum of the errors of its routes: each value counts
    /// with its weight and with what the share of its own route leaves open; then as often as it repeats what the
    /// values before it said. No share is certain: of three values that all lie below, the fourth need not.
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
        let share = |route: u32| {
            let (below, count) = sums.get(place(route)).copied().unwrap_or_default();
            (below + quantile) / (count + 1.0)
        };
        let variance = self.by_time.iter().map(|(_, weight, route)| {
            let share = share(*route);
            weight * weight * share * (1.0 - share)
        });
        let variance: f64 = variance.sum();
        let parts = self.by_time.iter().map(|(seen, weight, route)| {
            weight * (f64::from(u8::from(*seen <= value)) - share(*route))
        });
        let parts: Vec<f64> = parts.collect();
        // Ties at the quantile make the share below it larger than the quantile: that is no knowledge.
        let alike = quantile * (1.0 - quantile) / variance;
        alike.min(self.size()) / series::correlation_time(&parts)
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
    fn a_few_heavy_values_are_few() {
        let mut values: Vec<(f64, f64, u32)> = (0..3).map(|_| (2e9, 0.3, 0)).collect();
        values.extend((0..50).map(|_| (5e6, 0.002, 1)));
        let side = Weighed::new(values);
        assert!((3.0..4.0).contains(&side.size()), "{}", side.size());
        assert!(side.worth(0.95) < 4.0, "{}", side.worth(0.95));
    }

    #[test]
    fn independent_values_are_worth_their_number() {
        let mut random = crate::Random::new(5);
        let side = Weighed::new((0..10_000).map(|_| (random.unit(), 1.0, 0)).collect());
        let worth = side.worth(0.5);
        assert!((8_500.0..=10_100.0).contains(&worth), "{worth}");
    }
}
