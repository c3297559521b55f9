//! Figures of operations, computed from what the store answers.

use std::{collections::BTreeMap, time::Duration};

use model::{Finding, OperationKey};
use stats::Sketch;

use crate::wire::{self, nanos_as_micros};

/// Buckets of a distribution: as many as a chart of 640 pixels can show as bars.
const BUCKETS: usize = 64;

/// Findings at each operation: how many, and the worst.
pub(crate) fn findings_at(findings: &[Finding]) -> BTreeMap<OperationKey, (usize, wire::Level)> {
    let mut at: BTreeMap<OperationKey, (usize, wire::Level)> = BTreeMap::new();
    for finding in findings {
        let level = wire::Level::from(finding.level);
        let entry = at.entry(finding.operation.clone()).or_insert((0, level));
        *entry = (entry.0 + 1, entry.1.max(level));
    }
    at
}

/// The figures of one operation. `all_seconds` is the time of all operations.
pub(crate) fn operation(
    operation: &store::Operation,
    window: model::Window,
    all_seconds: f64,
) -> wire::Operation {
    wire::Operation {
        service: operation.key.service.to_string(),
        operation: operation.key.operation.to_string(),
        count: operation.count,
        failed: operation.failed,
        rate_per_second: rate(operation, window),
        share: ratio(operation.total.as_secs_f64(), all_seconds),
        duration: (&operation.durations).into(),
        statements_per_request: ratio(float(operation.statements), float(operation.count)),
        breakdown: operation.breakdown.into(),
        findings: 0,
        worst: None,
        spark: Vec::new(),
    }
}

/// Requests a second while the operation was requested.
pub(crate) fn rate(operation: &store::Operation, window: model::Window) -> f64 {
    let seen = operation.seen.to.since(operation.seen.from).as_secs_f64();
    let length = window.length().as_secs_f64();
    // One request tells nothing of a rate: it is spread over the window.
    let over = if operation.count < 2 || seen <= 0.0 { length } else { seen.min(length) };
    ratio(float(operation.count), over)
}

/// Traffic, errors and latency over a window of this length.
pub(crate) fn signs(signs: &engine::Signs, length: Duration) -> wire::Signs {
    let count = float(signs.count);
    wire::Signs {
        count: signs.count,
        failed: signs.failed,
        rate_per_second: ratio(count, length.as_secs_f64()),
        error_share: ratio(float(signs.failed), count),
        statements_per_request: ratio(float(signs.statements), count),
        duration: (&signs.durations).into(),
    }
}

/// A step of a sparkline.
pub(crate) fn spark(point: &store::OperationPoint) -> wire::Spark {
    wire::Spark {
        count: point.count,
        failed: point.failed,
        p95_micros: point.durations.quantile(0.95).map(nanos_as_micros),
    }
}

/// A step of a time series.
pub(crate) fn point(point: &store::OperationPoint) -> wire::Point {
    let window = wire::Window::from(point.window);
    wire::Point {
        from_unix_ms: window.from_unix_ms,
        to_unix_ms: window.to_unix_ms,
        count: point.count,
        failed: point.failed,
        statements_per_request: ratio(float(point.statements), float(point.count)),
        breakdown: point.breakdown.into(),
        duration: (0 < point.count).then(|| (&point.durations).into()),
    }
}

/// One statement or remote endpoint, as a share of the time of `all_seconds`.
pub(crate) fn group(group: &store::SpanGroup, all_seconds: f64) -> wire::Group {
    let total_micros = wire::micros(group.total);
    wire::Group {
        kind: group.kind.into(),
        name: group.name.to_string(),
        requests: group.requests,
        count: group.count,
        count_per_request: ratio(float(group.count), float(group.requests)),
        total_micros,
        mean_micros: ratio(total_micros, float(group.count)),
        share: ratio(group.total.as_secs_f64(), all_seconds),
        failed: group.failed,
    }
}

/// How durations are distributed, in buckets of equal width on a logarithmic axis, the empty ones
/// between the shortest and the longest included.
pub(crate) fn distribution(durations: &Sketch) -> Vec<wire::Bucket> {
    let (Some(min), Some(max)) = (durations.min(), durations.max()) else { return Vec::new() };
    // At least a nanosecond, which has a logarithm, and at least a fifth of a decade wide.
    let (low, high) = (float(min.max(1)).log10(), float(max.max(1)).log10());
    let margin = ((0.2 - (high - low)) / 2.0).max(0.0);
    let low = low - margin;
    let width = (high + margin - low) / float(u64_of(BUCKETS));
    let edge = |place: usize| 10_f64.powf(low + width * float(u64_of(place))) / 1000.0;
    let mut buckets: Vec<wire::Bucket> = (0..BUCKETS)
        .map(|place| wire::Bucket {
            from_micros: edge(place),
            to_micros: edge(place + 1),
            count: 0,
        })
        .collect();
    for (from, to, count) in durations.buckets() {
        let middle = float(from.max(1)).midpoint(float(to.max(1))).log10();
        let place = ((middle - low) / width).clamp(0.0, float(u64_of(BUCKETS - 1)));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the places that there are"
        )]
        let place = place as usize;
        buckets[place].count += count;
    }
    buckets
}

/// `part / whole`; 0 where there is no whole.
pub(crate) fn ratio(part: f64, whole: f64) -> f64 {
    if 0.0 < whole { part / whole } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "figures are shown with three digits")]
fn float(count: u64) -> f64 {
    count as f64
}

fn u64_of(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_distribution_counts_every_request_once(durations: Vec<u64>) {
            let sketch: Sketch = durations.iter().copied().collect();
            let counted: u64 = distribution(&sketch).iter().map(|bucket| bucket.count).sum();
            prop_assert_eq!(counted, u64_of(durations.len()));
        }
    }

    #[test]
    fn no_requests_have_no_distribution() {
        assert_eq!(distribution(&Sketch::default()), []);
    }

    #[test]
    fn equal_requests_share_a_bucket() {
        let sketch: Sketch = [5_000_000; 7].into_iter().collect();
        let counts: Vec<u64> = distribution(&sketch)
            .iter()
            .map(|bucket| bucket.count)
            .filter(|count| 0 < *count)
            .collect();
        assert_eq!(counts, [7]);
    }
}
