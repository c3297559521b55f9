//! What endpoints did when it was last looked at and found right.

use std::collections::BTreeMap;

use model::OperationKey;
use stats::{Interval, quantile, quantile_interval};

use super::{Endpoint, Measure, Run};

/// Quantiles of requests that a baseline keeps.
pub const KEPT_QUANTILES: [Measure; 2] = [Measure::P50, Measure::P95];

/// What endpoints did before.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Baseline {
    /// Each endpoint.
    pub endpoints: BTreeMap<OperationKey, Kept>,
}

/// What one endpoint did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Kept {
    /// Requests that the figures are of.
    pub requests: u64,
    /// Statements of the request that ran most.
    pub queries: u64,
    /// Repeated runs with the same parameters, in the request with most of them.
    pub duplicates: u64,
    /// The largest answer.
    pub bytes: Option<u64>,
    /// Quantiles of its times, where there were enough requests for an interval.
    pub times: BTreeMap<Measure, KeptTime>,
    /// Statements by fingerprint.
    pub statements: BTreeMap<u64, String>,
}

/// A quantile with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeptTime {
    /// Nanoseconds.
    pub nanos: f64,
    /// Where it lies with 95 %.
    pub interval: Interval,
}

/// Texts of statements are cut to so many letters: they are for people who read a diff.
const TEXT_LETTERS_MAX: usize = 300;

impl Baseline {
    /// What a run did.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        let endpoints = run.endpoints.iter();
        Self {
            endpoints: endpoints
                .filter_map(|endpoint| Some((endpoint.key.clone()?, Kept::of(endpoint))))
                .collect(),
        }
    }
}

impl Kept {
    fn of(endpoint: &Endpoint) -> Self {
        let texts = endpoint.shapes.iter().map(|(fingerprint, shape)| {
            (*fingerprint, shape.text.chars().take(TEXT_LETTERS_MAX).collect())
        });
        let times = KEPT_QUANTILES
            .into_iter()
            .filter_map(|measure| Some((measure, time(endpoint, measure)?.kept())));
        Self {
            requests: endpoint.requests,
            queries: endpoint.queries,
            duplicates: endpoint.duplicates,
            bytes: endpoint.bytes,
            times: times.collect(),
            statements: texts.collect(),
        }
    }
}

impl KeptTime {
    /// With three digits, so that a file of them changes little; the interval grows by that rather than that it shrinks.
    fn kept(self) -> Self {
        Self {
            nanos: digits(self.nanos, f64::round),
            interval: Interval {
                low: digits(self.interval.low, f64::floor),
                high: digits(self.interval.high, f64::ceil),
            },
        }
    }
}

/// A value of three significant digits.
fn digits(value: f64, round: fn(f64) -> f64) -> f64 {
    if value <= 0.0 {
        return 0.0;
    }
    let scale = 10_f64.powf(value.log10().floor() - 2.0);
    round(value / scale) * scale
}

/// A quantile of an endpoint's times; `None` where there are too few for an interval.
pub(super) fn time(endpoint: &Endpoint, measure: Measure) -> Option<KeptTime> {
    let at = measure.quantile()?;
    let interval = quantile_interval(&endpoint.durations_nanos, at)?;
    let nanos = quantile(&endpoint.durations_nanos, at)?;
    #[expect(clippy::cast_precision_loss, reason = "53 bits are plenty for a latency")]
    Some(KeptTime { nanos: nanos as f64, interval })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_kept() {
        assert!((digits(123_456.0, f64::floor) - 123_000.0).abs() < 1e-6);
        assert!((digits(123_456.0, f64::ceil) - 124_000.0).abs() < 1e-6);
        assert!((digits(1.234_5, f64::round) - 1.23).abs() < 1e-9);
        assert!(digits(0.0, f64::round).abs() < 1e-9);
    }
}
