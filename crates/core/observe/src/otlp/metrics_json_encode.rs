//! Metrics to OTLP JSON, the mirror image of `metrics_json`.

use model::{
    Buckets, Exemplar, ExponentialHistogram, Histogram, Measured, Metric, MetricKind, Number,
    Point, Quantile, Summary, Temporality,
};

use super::{
    json_encode::{Out, attributes, export, pair, write_double},
    metrics_encode::temporality,
};

/// Writes one request on one line, as [`encode_json`](super::encode_json) does.
#[must_use]
pub fn encode_metrics_json(metrics: &[Metric]) -> String {
    export(metrics, ["resourceMetrics", "scopeMetrics", "metrics"], write_metric)
}

fn write_metric(out: &mut Out, metric: &Metric) {
    out.text("name", &metric.name);
    out.text("description", &metric.description);
    out.text("unit", &metric.unit);
    let (name, since, is_monotonic) = match metric.kind {
        MetricKind::Gauge => ("gauge", Temporality::Unspecified, false),
        MetricKind::Sum { temporality, is_monotonic } => ("sum", temporality, is_monotonic),
        MetricKind::Histogram { temporality } => ("histogram", temporality, false),
        MetricKind::ExponentialHistogram { temporality } => {
            ("exponentialHistogram", temporality, false)
        }
        MetricKind::Summary => ("summary", Temporality::Unspecified, false),
    };
    out.member(name, |out| {
        out.object(|out| {
            out.list("dataPoints", &metric.points, write_point);
            out.number("aggregationTemporality", temporality(since));
            if is_monotonic {
                out.member("isMonotonic", |out| out.display(true));
            }
        });
    });
    out.list("metadata", &metric.metadata.0, |out, (key, value)| pair(out, key, value));
}

fn write_point(out: &mut Out, point: &Point) {
    attributes(out, &point.attributes);
    time(out, "startTimeUnixNano", point.start.nanos);
    time(out, "timeUnixNano", point.time.nanos);
    out.number("flags", point.flags);
    match &point.measured {
        Measured::Nothing => {}
        Measured::Number(number) => write_number(out, *number),
        Measured::Histogram(histogram) => write_histogram(out, histogram),
        Measured::Exponential(histogram) => write_exponential(out, histogram),
        Measured::Summary(summary) => write_summary(out, summary),
    }
    out.list("exemplars", &point.exemplars, write_exemplar);
}

/// A time, unless it is not known.
fn time(out: &mut Out, key: &str, nanos: u64) {
    if nanos != 0 {
        out.quoted(key, nanos);
    }
}

/// A number that is set is written even if it is nought.
fn write_number(out: &mut Out, number: Number) {
    match number {
        Number::Int(int) => out.quoted("asInt", int),
        Number::Double(double) => out.member("asDouble", |out| write_double(out, double)),
    }
}

fn doubles(out: &mut Out, known: [(&str, Option<f64>); 3]) {
    for (key, double) in known {
        if let Some(double) = double {
            out.member(key, |out| write_double(out, double));
        }
    }
}

fn write_histogram(out: &mut Out, histogram: &Histogram) {
    let Histogram { count, sum, min, max, bounds, counts } = histogram;
    out.quoted("count", count);
    doubles(out, [("sum", *sum), ("min", *min), ("max", *max)]);
    write_counts(out, counts);
    out.values("explicitBounds", bounds, |out, bound| write_double(out, *bound));
}

fn write_counts(out: &mut Out, counts: &[u64]) {
    out.values("bucketCounts", counts, |out, count| out.display(format_args!("\"{count}\"")));
}

fn write_exponential(out: &mut Out, histogram: &ExponentialHistogram) {
    out.quoted("count", histogram.count);
    let ExponentialHistogram { sum, min, max, .. } = histogram;
    doubles(out, [("sum", *sum), ("min", *min), ("max", *max)]);
    out.member("scale", |out| out.display(histogram.scale));
    if histogram.zero_count != 0 {
        out.quoted("zeroCount", histogram.zero_count);
    }
    if histogram.zero_threshold.to_bits() != 0 {
        out.member("zeroThreshold", |out| write_double(out, histogram.zero_threshold));
    }
    for (key, buckets) in [("positive", &histogram.positive), ("negative", &histogram.negative)] {
        if *buckets != Buckets::default() {
            out.member(key, |out| {
                out.object(|out| {
                    out.member("offset", |out| out.display(buckets.offset));
                    write_counts(out, &buckets.counts);
                });
            });
        }
    }
}

fn write_summary(out: &mut Out, summary: &Summary) {
    out.quoted("count", summary.count);
    out.member("sum", |out| write_double(out, summary.sum));
    out.list("quantileValues", &summary.quantiles, |out, it: &Quantile| {
        out.member("quantile", |out| write_double(out, it.quantile));
        out.member("value", |out| write_double(out, it.value));
    });
}

fn write_exemplar(out: &mut Out, exemplar: &Exemplar) {
    out.list("filteredAttributes", &exemplar.attributes.0, |out, (key, value)| {
        pair(out, key, value);
    });
    time(out, "timeUnixNano", exemplar.time.nanos);
    if let Some(number) = exemplar.value {
        write_number(out, number);
    }
    if let Some(id) = exemplar.trace_id {
        out.quoted("traceId", id);
    }
    if let Some(id) = exemplar.span_id {
        out.quoted("spanId", id);
    }
}
