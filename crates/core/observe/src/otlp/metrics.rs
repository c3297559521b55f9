//! OTLP protobuf to metrics: `ExportMetricsServiceRequest`, and `MetricsData`, which looks the same.

use std::sync::Arc;

use model::{
    Attributes, Buckets, Exemplar, ExponentialHistogram, Histogram, Measured, Metric, MetricKind,
    Moment, Number, Point, Quantile, Resource, Scope, SpanId, Summary, Temporality, Text, TraceId,
};

use super::{
    cursor::{Cursor, DecodeError, Field},
    parts::{self, Items, export, span_id, trace_id},
    unknown::{OWN, Unknown},
};
use crate::reading::{DecodedItems, Place, Problem, short};

/// Reads an `ExportMetricsServiceRequest` or a `MetricsData`. Points without a time are left out, counted and
/// named, as OTLP asks; so are metrics of a kind that is not known. Takes at most some 60 times the
/// memory of its input.
///
/// # Errors
///
/// If the bytes are not protobuf, or a known field is not of its type.
pub fn decode_metrics(bytes: &[u8]) -> Result<DecodedItems<Metric>, DecodeError> {
    let mut decoded = DecodedItems::default();
    export(bytes, &mut decoded)?;
    Ok(decoded)
}

/// Leaves points without a time out, and counts them.
pub(super) fn keep_timed(metric: &mut Metric, place: Place, decoded: &mut DecodedItems<Metric>) {
    let before = metric.points.len();
    metric.points.retain(|point| point.time.nanos != 0);
    let untimed = before - metric.points.len();
    if 0 < untimed {
        let message = format!("{untimed} points of metric `{}` have no time", short(&metric.name));
        decoded.reject(untimed, || Problem { place, message });
    }
}

impl Items<'_> for DecodedItems<Metric> {
    /// A name of a letter, and a gauge with a number at a time.
    const BYTES_MIN: usize = 25;

    fn reserve(&mut self, count: usize) {
        self.items.reserve(count);
    }

    fn item(
        &mut self,
        cursor: Cursor<'_>,
        offset: usize,
        resource: &Arc<Resource>,
        scope: &Arc<Scope>,
    ) -> Result<(), DecodeError> {
        let place = Place::Byte(offset);
        match metric(cursor, resource, scope)? {
            Read::Metric(mut metric) => {
                keep_timed(&mut metric, place, self);
                // What had no points at all is kept: it tells that there is such a metric.
                self.items.push(metric);
            }
            Read::Reject(name) => {
                let message = format!("metric `{}` is of a kind that is not known", short(&name));
                self.reject(1, || Problem { place, message });
            }
            Read::Nothing => {}
        }
        Ok(())
    }
}

/// What became of a metric.
enum Read {
    Metric(Metric),
    /// Its name, if it is of a kind that is not known.
    Reject(Text),
    /// It has no data.
    Nothing,
}

fn metric(
    mut cursor: Cursor<'_>,
    resource: &Arc<Resource>,
    scope: &Arc<Scope>,
) -> Result<Read, DecodeError> {
    let mut kind = None;
    let mut unknown = Unknown::default();
    let mut metric = Metric {
        name: Text::default(),
        description: Text::default(),
        unit: Text::default(),
        metadata: Attributes::default(),
        kind: MetricKind::Gauge,
        points: Vec::new(),
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
    };
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => metric.name = cursor.text(field)?,
            2 => metric.description = cursor.text(field)?,
            3 => metric.unit = cursor.text(field)?,
            12 => parts::attribute(&mut cursor, field, &mut metric.metadata, &mut unknown)?,
            number => match kind_of(number) {
                Some(next) => {
                    let data = cursor.message(field)?;
                    // The last kind wins; two parts of one kind are joined.
                    if kind != Some(number) {
                        kind = Some(number);
                        metric.kind = next;
                        metric.points.clear();
                    }
                    merge_data(data, &mut metric)?;
                }
                None => unknown.take(&mut cursor, field)?,
            },
        }
    }
    // A metric of no data at all says nothing; one of a kind that is not known does, and it is told that it is not kept.
    if kind.is_none() {
        return Ok(if unknown.is_empty() { Read::Nothing } else { Read::Reject(metric.name) });
    }
    unknown.settle(OWN, &mut metric.metadata);
    Ok(Read::Metric(metric))
}

/// The kind of metric that a field holds, before anything is said of it.
fn kind_of(field: u32) -> Option<MetricKind> {
    let temporality = Temporality::Unspecified;
    match field {
        5 => Some(MetricKind::Gauge),
        7 => Some(MetricKind::Sum { temporality, is_monotonic: false }),
        9 => Some(MetricKind::Histogram { temporality }),
        10 => Some(MetricKind::ExponentialHistogram { temporality }),
        11 => Some(MetricKind::Summary),
        _ => None,
    }
}

/// `Gauge`, `Sum`, `Histogram`, `ExponentialHistogram` and `Summary` number their fields alike.
fn merge_data(mut cursor: Cursor<'_>, metric: &mut Metric) -> Result<(), DecodeError> {
    let Metric { kind, points, .. } = metric;
    while let Some(field) = cursor.field()? {
        match (field.number, &mut *kind) {
            (1, kind) => {
                if points.len() == points.capacity() {
                    points.reserve_exact(cursor.run(field));
                }
                let of_point = cursor.message(field)?;
                points.push(match kind {
                    MetricKind::Gauge | MetricKind::Sum { .. } => number_point(of_point)?,
                    MetricKind::Histogram { .. } => histogram_point(of_point)?,
                    MetricKind::ExponentialHistogram { .. } => exponential_point(of_point)?,
                    MetricKind::Summary => summary_point(of_point)?,
                });
            }
            (
                2,
                MetricKind::Sum { temporality, .. }
                | MetricKind::Histogram { temporality }
                | MetricKind::ExponentialHistogram { temporality },
            ) => *temporality = self::temporality(cursor.number32(field)?),
            (3, MetricKind::Sum { is_monotonic, .. }) => *is_monotonic = cursor.number(field)? != 0,
            _ => cursor.skip(field)?,
        }
    }
    Ok(())
}

fn temporality(number: u32) -> Temporality {
    match number {
        1 => Temporality::Delta,
        2 => Temporality::Cumulative,
        _ => Temporality::Unspecified,
    }
}

fn blank() -> Point {
    Point {
        attributes: Attributes::default(),
        start: Moment::default(),
        time: Moment::default(),
        flags: 0,
        measured: Measured::Nothing,
        exemplars: Vec::new(),
    }
}

/// Adds one `KeyValue`. What is not known of those of a point is left out: attributes tell series apart.
fn attribute(
    cursor: &mut Cursor<'_>,
    field: Field,
    attributes: &mut Attributes,
) -> Result<(), DecodeError> {
    parts::attribute(cursor, field, attributes, &mut Unknown::default())
}

fn double(cursor: &mut Cursor<'_>, field: Field) -> Result<f64, DecodeError> {
    cursor.fixed64(field).map(f64::from_bits)
}

fn number_point(mut cursor: Cursor<'_>) -> Result<Point, DecodeError> {
    let mut point = blank();
    while let Some(field) = cursor.field()? {
        match field.number {
            2 => point.start.nanos = cursor.fixed64(field)?,
            3 => point.time.nanos = cursor.fixed64(field)?,
            4 => {
                point.measured = Measured::Number(Number::Double(double(&mut cursor, field)?));
            }
            5 => exemplar(&mut cursor, field, &mut point.exemplars)?,
            6 => {
                let int = cursor.fixed64(field)?.cast_signed();
                point.measured = Measured::Number(Number::Int(int));
            }
            7 => attribute(&mut cursor, field, &mut point.attributes)?,
            8 => point.flags = cursor.number32(field)?,
            _ => cursor.skip(field)?,
        }
    }
    Ok(point)
}

fn histogram_point(mut cursor: Cursor<'_>) -> Result<Point, DecodeError> {
    let mut point = blank();
    let mut histogram = Histogram::default();
    let mut bounds = Vec::new();
    while let Some(field) = cursor.field()? {
        match field.number {
            2 => point.start.nanos = cursor.fixed64(field)?,
            3 => point.time.nanos = cursor.fixed64(field)?,
            4 => histogram.count = cursor.fixed64(field)?,
            5 => histogram.sum = Some(double(&mut cursor, field)?),
            6 => cursor.fixed64s(field, &mut histogram.counts)?,
            7 => cursor.fixed64s(field, &mut bounds)?,
            8 => exemplar(&mut cursor, field, &mut point.exemplars)?,
            9 => attribute(&mut cursor, field, &mut point.attributes)?,
            10 => point.flags = cursor.number32(field)?,
            11 => histogram.min = Some(double(&mut cursor, field)?),
            12 => histogram.max = Some(double(&mut cursor, field)?),
            _ => cursor.skip(field)?,
        }
    }
    histogram.bounds = bounds.into_iter().map(f64::from_bits).collect();
    point.measured = Measured::Histogram(Box::new(histogram));
    Ok(point)
}

fn exponential_point(mut cursor: Cursor<'_>) -> Result<Point, DecodeError> {
    let mut point = blank();
    let mut histogram = Box::<ExponentialHistogram>::default();
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => attribute(&mut cursor, field, &mut point.attributes)?,
            2 => point.start.nanos = cursor.fixed64(field)?,
            3 => point.time.nanos = cursor.fixed64(field)?,
            4 => histogram.count = cursor.fixed64(field)?,
            5 => histogram.sum = Some(double(&mut cursor, field)?),
            6 => histogram.scale = cursor.zigzag32(field)?,
            7 => histogram.zero_count = cursor.fixed64(field)?,
            8 => merge_buckets(cursor.message(field)?, &mut histogram.positive)?,
            9 => merge_buckets(cursor.message(field)?, &mut histogram.negative)?,
            10 => point.flags = cursor.number32(field)?,
            11 => exemplar(&mut cursor, field, &mut point.exemplars)?,
            12 => histogram.min = Some(double(&mut cursor, field)?),
            13 => histogram.max = Some(double(&mut cursor, field)?),
            14 => histogram.zero_threshold = double(&mut cursor, field)?,
            _ => cursor.skip(field)?,
        }
    }
    point.measured = Measured::Exponential(histogram);
    Ok(point)
}

fn merge_buckets(mut cursor: Cursor<'_>, buckets: &mut Buckets) -> Result<(), DecodeError> {
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => buckets.offset = cursor.zigzag32(field)?,
            2 => cursor.numbers(field, &mut buckets.counts)?,
            _ => cursor.skip(field)?,
        }
    }
    Ok(())
}

fn summary_point(mut cursor: Cursor<'_>) -> Result<Point, DecodeError> {
    let mut point = blank();
    let mut summary = Box::<Summary>::default();
    while let Some(field) = cursor.field()? {
        match field.number {
            2 => point.start.nanos = cursor.fixed64(field)?,
            3 => point.time.nanos = cursor.fixed64(field)?,
            4 => summary.count = cursor.fixed64(field)?,
            5 => summary.sum = double(&mut cursor, field)?,
            6 => summary.quantiles.push(quantile(cursor.message(field)?)?),
            7 => attribute(&mut cursor, field, &mut point.attributes)?,
            8 => point.flags = cursor.number32(field)?,
            _ => cursor.skip(field)?,
        }
    }
    point.measured = Measured::Summary(summary);
    Ok(point)
}

fn quantile(mut cursor: Cursor<'_>) -> Result<Quantile, DecodeError> {
    let mut quantile = Quantile::default();
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => quantile.quantile = double(&mut cursor, field)?,
            2 => quantile.value = double(&mut cursor, field)?,
            _ => cursor.skip(field)?,
        }
    }
    Ok(quantile)
}

/// Adds one `Exemplar`. Ids of a wrong length are none.
fn exemplar(
    within: &mut Cursor<'_>,
    field: Field,
    into: &mut Vec<Exemplar>,
) -> Result<(), DecodeError> {
    let mut cursor = within.message(field)?;
    let mut exemplar = Exemplar {
        attributes: Attributes::default(),
        time: Moment::default(),
        value: None,
        trace_id: None,
        span_id: None,
    };
    while let Some(field) = cursor.field()? {
        match field.number {
            2 => exemplar.time.nanos = cursor.fixed64(field)?,
            3 => exemplar.value = Some(Number::Double(double(&mut cursor, field)?)),
            4 => {
                exemplar.span_id = span_id(cursor.bytes(field)?).filter(|id| !SpanId::is_zero(*id));
            }
            5 => {
                let id = trace_id(cursor.bytes(field)?);
                exemplar.trace_id = id.filter(|id| !TraceId::is_zero(*id));
            }
            6 => exemplar.value = Some(Number::Int(cursor.fixed64(field)?.cast_signed())),
            7 => attribute(&mut cursor, field, &mut exemplar.attributes)?,
            _ => cursor.skip(field)?,
        }
    }
    into.push(exemplar);
    Ok(())
}
