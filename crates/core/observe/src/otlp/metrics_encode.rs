//! Metrics to OTLP protobuf, the mirror image of `metrics`.

use std::sync::Arc;

use model::{
    Buckets, Exemplar, ExponentialHistogram, Histogram, Measured, Metric, MetricKind, Number,
    Point, Resource, Scope, Summary, Temporality,
};

use super::{
    encode::{
        Item, attributes, bytes, export, fixed64, message, number, tag, text, varint, with_unknown,
    },
    unknown::METRIC,
};

/// Writes one `ExportMetricsServiceRequest`. Metrics keep their order; neighbours that share resource and scope are
/// written as one group.
#[must_use]
pub fn encode_metrics(metrics: &[Metric]) -> Vec<u8> {
    export(metrics, write_metric)
}

impl Item for Metric {
    fn resource(&self) -> &Arc<Resource> {
        &self.resource
    }

    fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }
}

fn write_metric(out: &mut Vec<u8>, metric: &Metric) {
    text(out, 1, &metric.name);
    text(out, 2, &metric.description);
    text(out, 3, &metric.unit);
    let field = match metric.kind {
        MetricKind::Gauge => 5,
        MetricKind::Sum { .. } => 7,
        MetricKind::Histogram { .. } => 9,
        MetricKind::ExponentialHistogram { .. } => 10,
        MetricKind::Summary => 11,
    };
    message(out, field, |out| {
        for point in &metric.points {
            message(out, 1, |out| write_point(out, point));
        }
        let (since, is_monotonic) = match metric.kind {
            MetricKind::Gauge | MetricKind::Summary => (Temporality::Unspecified, false),
            MetricKind::Sum { temporality, is_monotonic } => (temporality, is_monotonic),
            MetricKind::Histogram { temporality }
            | MetricKind::ExponentialHistogram { temporality } => (temporality, false),
        };
        number(out, 2, temporality(since));
        number(out, 3, u64::from(is_monotonic));
    });
    with_unknown(out, METRIC, &metric.metadata);
}

/// The number that OTLP gives to it.
pub(super) fn temporality(temporality: Temporality) -> u64 {
    match temporality {
        Temporality::Unspecified => 0,
        Temporality::Delta => 1,
        Temporality::Cumulative => 2,
    }
}

fn write_point(out: &mut Vec<u8>, point: &Point) {
    fixed64(out, 2, point.start.nanos);
    fixed64(out, 3, point.time.nanos);
    match &point.measured {
        Measured::Nothing => write_rest(out, point, 7, 8, 5),
        Measured::Number(value) => {
            write_number(out, 4, *value);
            write_rest(out, point, 7, 8, 5);
        }
        Measured::Histogram(histogram) => {
            write_histogram(out, histogram);
            write_rest(out, point, 9, 10, 8);
        }
        Measured::Exponential(histogram) => {
            write_exponential(out, histogram);
            write_rest(out, point, 1, 10, 11);
        }
        Measured::Summary(summary) => {
            write_summary(out, summary);
            write_rest(out, point, 7, 8, 0);
        }
    }
}

/// What all points have, at the fields that it has there; points of summaries have no exemplars.
fn write_rest(out: &mut Vec<u8>, point: &Point, pairs: u32, flags: u32, exemplars: u32) {
    attributes(out, pairs, &point.attributes);
    number(out, flags, u64::from(point.flags));
    for exemplar in point.exemplars.iter().filter(|_| exemplars != 0) {
        message(out, exemplars, |out| write_exemplar(out, exemplar));
    }
}

/// A number that is set is written even if it is nought: a double at its field, a whole number at 6.
fn write_number(out: &mut Vec<u8>, double: u32, value: Number) {
    match value {
        Number::Int(int) => set_fixed64(out, 6, int.cast_unsigned()),
        Number::Double(value) => set_fixed64(out, double, value.to_bits()),
    }
}

fn set_fixed64(out: &mut Vec<u8>, field: u32, bits: u64) {
    tag(out, field, 1);
    out.extend_from_slice(&bits.to_le_bytes());
}

fn set_double(out: &mut Vec<u8>, field: u32, double: Option<f64>) {
    if let Some(double) = double {
        set_fixed64(out, field, double.to_bits());
    }
}

fn write_histogram(out: &mut Vec<u8>, histogram: &Histogram) {
    fixed64(out, 4, histogram.count);
    set_double(out, 5, histogram.sum);
    fixed64s(out, 6, histogram.counts.iter().copied());
    fixed64s(out, 7, histogram.bounds.iter().map(|bound| bound.to_bits()));
    set_double(out, 11, histogram.min);
    set_double(out, 12, histogram.max);
}

fn fixed64s(out: &mut Vec<u8>, field: u32, list: impl ExactSizeIterator<Item = u64>) {
    if 0 < list.len() {
        message(out, field, |out| list.for_each(|bits| out.extend_from_slice(&bits.to_le_bytes())));
    }
}

fn write_exponential(out: &mut Vec<u8>, histogram: &ExponentialHistogram) {
    fixed64(out, 4, histogram.count);
    set_double(out, 5, histogram.sum);
    number(out, 6, zigzag(histogram.scale));
    fixed64(out, 7, histogram.zero_count);
    for (field, buckets) in [(8, &histogram.positive), (9, &histogram.negative)] {
        if *buckets != Buckets::default() {
            message(out, field, |out| write_buckets(out, buckets));
        }
    }
    set_double(out, 12, histogram.min);
    set_double(out, 13, histogram.max);
    fixed64(out, 14, histogram.zero_threshold.to_bits());
}

fn write_buckets(out: &mut Vec<u8>, buckets: &Buckets) {
    number(out, 1, zigzag(buckets.offset));
    if !buckets.counts.is_empty() {
        message(out, 2, |out| buckets.counts.iter().for_each(|count| varint(out, *count)));
    }
}

/// 0, -1, 1, -2, … as 0, 1, 2, 3, …
fn zigzag(number: i32) -> u64 {
    u64::from((number << 1 ^ number >> 31).cast_unsigned())
}

fn write_summary(out: &mut Vec<u8>, summary: &Summary) {
    fixed64(out, 4, summary.count);
    fixed64(out, 5, summary.sum.to_bits());
    for quantile in &summary.quantiles {
        message(out, 6, |out| {
            fixed64(out, 1, quantile.quantile.to_bits());
            fixed64(out, 2, quantile.value.to_bits());
        });
    }
}

fn write_exemplar(out: &mut Vec<u8>, exemplar: &Exemplar) {
    fixed64(out, 2, exemplar.time.nanos);
    if let Some(value) = exemplar.value {
        write_number(out, 3, value);
    }
    if let Some(id) = exemplar.span_id {
        bytes(out, 4, &id.0);
    }
    if let Some(id) = exemplar.trace_id {
        bytes(out, 5, &id.0);
    }
    attributes(out, 7, &exemplar.attributes);
}
