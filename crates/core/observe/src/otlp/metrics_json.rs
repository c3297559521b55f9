//! OTLP JSON to metrics, by the rules of `json`.

use std::sync::Arc;

use model::{
    Buckets, Exemplar, ExponentialHistogram, Histogram, Measured, Metric, MetricKind, Moment,
    Number, Point, Quantile, Resource, Scope, Summary, Temporality, Text, Value,
};
use serde::Deserialize;

use super::{
    json_parts::{WirePair, WireResource, WireScope, attributes},
    metrics::keep_timed,
};
use crate::reading::{
    DecodedItems, Place, ReadError, documents,
    scalars::{Any, Double, Id, Int, NumberOrName, or_default, text},
};

/// Reads requests, as [`decode_json`](super::decode_json) does. Points without a time are left out, counted and
/// named.
///
/// # Errors
///
/// If not a single request can be read.
pub fn decode_metrics_json(bytes: &[u8]) -> Result<DecodedItems<Metric>, ReadError> {
    let mut decoded = DecodedItems::default();
    documents(bytes, &mut decoded, |request: WireRequest, decoded, line| {
        for of_resource in request.resource_metrics {
            of_resource.add_to(decoded, line);
        }
    })
    .map_err(|malformed| malformed.of("OTLP JSON"))?;
    Ok(decoded)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireRequest {
    #[serde(alias = "resource_metrics", deserialize_with = "or_default")]
    resource_metrics: Vec<WireResourceMetrics>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireResourceMetrics {
    #[serde(deserialize_with = "or_default")]
    resource: WireResource,
    #[serde(alias = "scope_metrics", deserialize_with = "or_default")]
    scope_metrics: Vec<WireScopeMetrics>,
    #[serde(alias = "schema_url", deserialize_with = "text")]
    schema_url: Text,
}

impl WireResourceMetrics {
    fn add_to(self, decoded: &mut DecodedItems<Metric>, line: usize) {
        let resource = self.resource.into_model(self.schema_url);
        for of_scope in self.scope_metrics {
            let scope = of_scope.scope.into_model(of_scope.schema_url);
            for metric in of_scope.metrics {
                if let Some(mut metric) = metric.into_model(&resource, &scope) {
                    keep_timed(&mut metric, Place::Line(line), decoded);
                    decoded.items.push(metric);
                }
            }
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireScopeMetrics {
    #[serde(deserialize_with = "or_default")]
    scope: WireScope,
    #[serde(deserialize_with = "or_default")]
    metrics: Vec<WireMetric>,
    #[serde(alias = "schema_url", deserialize_with = "text")]
    schema_url: Text,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireMetric {
    #[serde(deserialize_with = "text")]
    name: Text,
    #[serde(deserialize_with = "text")]
    description: Text,
    #[serde(deserialize_with = "text")]
    unit: Text,
    #[serde(deserialize_with = "or_default")]
    metadata: Vec<WirePair>,
    #[serde(deserialize_with = "or_default")]
    gauge: Option<WireData>,
    #[serde(deserialize_with = "or_default")]
    sum: Option<WireData>,
    #[serde(deserialize_with = "or_default")]
    histogram: Option<WireData>,
    #[serde(alias = "exponential_histogram", deserialize_with = "or_default")]
    exponential_histogram: Option<WireData>,
    #[serde(deserialize_with = "or_default")]
    summary: Option<WireData>,
}

impl WireMetric {
    /// The metric, if it is of a kind that is known.
    fn into_model(self, resource: &Arc<Resource>, scope: &Arc<Scope>) -> Option<Metric> {
        let data = |data: WireData, kind: fn(&WireData) -> MetricKind| (kind(&data), data);
        let (kind, data) = None
            .or_else(|| self.gauge.map(|it| data(it, |_| MetricKind::Gauge)))
            .or_else(|| self.sum.map(|it| data(it, WireData::sum)))
            .or_else(|| self.histogram.map(|it| data(it, WireData::histogram)))
            .or_else(|| self.exponential_histogram.map(|it| data(it, WireData::exponential)))
            .or_else(|| self.summary.map(|it| data(it, |_| MetricKind::Summary)))?;
        Some(Metric {
            name: self.name,
            description: self.description,
            unit: self.unit,
            metadata: attributes(self.metadata),
            kind,
            points: data.data_points.into_iter().map(|point| point.into_model(kind)).collect(),
            resource: Arc::clone(resource),
            scope: Arc::clone(scope),
        })
    }
}

/// The data of a metric of any kind: their members have the same names.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireData {
    #[serde(alias = "data_points", deserialize_with = "or_default")]
    data_points: Vec<WirePoint>,
    #[serde(alias = "aggregation_temporality", deserialize_with = "or_default")]
    aggregation_temporality: NumberOrName,
    #[serde(alias = "is_monotonic", deserialize_with = "or_default")]
    is_monotonic: Any,
}

impl WireData {
    fn sum(&self) -> MetricKind {
        let is_monotonic = match &self.is_monotonic.0 {
            Value::Bool(bool) => *bool,
            Value::Text(text) => text == "true",
            _ => false,
        };
        MetricKind::Sum { temporality: self.temporality(), is_monotonic }
    }

    fn histogram(&self) -> MetricKind {
        MetricKind::Histogram { temporality: self.temporality() }
    }

    fn exponential(&self) -> MetricKind {
        MetricKind::ExponentialHistogram { temporality: self.temporality() }
    }

    fn temporality(&self) -> Temporality {
        let value = &self.aggregation_temporality.0;
        let name = value.as_text().map(str::to_ascii_uppercase);
        let name = name.as_deref().map(|name| name.trim_start_matches("AGGREGATION_TEMPORALITY_"));
        match (value.as_int(), name) {
            (Some(1), _) | (_, Some("DELTA")) => Temporality::Delta,
            (Some(2), _) | (_, Some("CUMULATIVE")) => Temporality::Cumulative,
            _ => Temporality::Unspecified,
        }
    }
}

/// A point of any kind: what its kind does not have is not there.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WirePoint {
    #[serde(deserialize_with = "or_default")]
    attributes: Vec<WirePair>,
    #[serde(alias = "start_time_unix_nano", deserialize_with = "or_default")]
    start_time_unix_nano: Int,
    #[serde(alias = "time_unix_nano", deserialize_with = "or_default")]
    time_unix_nano: Int,
    #[serde(deserialize_with = "or_default")]
    flags: Int,
    #[serde(deserialize_with = "or_default")]
    exemplars: Vec<WireExemplar>,
    #[serde(alias = "as_double", deserialize_with = "or_default")]
    as_double: Option<Double>,
    #[serde(alias = "as_int", deserialize_with = "or_default")]
    as_int: Option<Int>,
    #[serde(deserialize_with = "or_default")]
    count: Int,
    #[serde(deserialize_with = "or_default")]
    sum: Option<Double>,
    #[serde(deserialize_with = "or_default")]
    min: Option<Double>,
    #[serde(deserialize_with = "or_default")]
    max: Option<Double>,
    #[serde(alias = "bucket_counts", deserialize_with = "or_default")]
    bucket_counts: Vec<Int>,
    #[serde(alias = "explicit_bounds", deserialize_with = "or_default")]
    explicit_bounds: Vec<Double>,
    #[serde(deserialize_with = "or_default")]
    scale: Int,
    #[serde(alias = "zero_count", deserialize_with = "or_default")]
    zero_count: Int,
    #[serde(alias = "zero_threshold", deserialize_with = "or_default")]
    zero_threshold: Double,
    #[serde(deserialize_with = "or_default")]
    positive: WireBuckets,
    #[serde(deserialize_with = "or_default")]
    negative: WireBuckets,
    #[serde(alias = "quantile_values", deserialize_with = "or_default")]
    quantile_values: Vec<WireQuantile>,
}

impl WirePoint {
    fn into_model(mut self, kind: MetricKind) -> Point {
        let exemplars = std::mem::take(&mut self.exemplars);
        Point {
            attributes: attributes(std::mem::take(&mut self.attributes)),
            start: Moment { nanos: self.start_time_unix_nano.to_u64() },
            time: Moment { nanos: self.time_unix_nano.to_u64() },
            flags: self.flags.to_u32(),
            measured: self.measured(kind),
            exemplars: match kind {
                MetricKind::Summary => Vec::new(),
                _ => exemplars.into_iter().map(WireExemplar::into_model).collect(),
            },
        }
    }

    fn measured(self, kind: MetricKind) -> Measured {
        let double = |double: Option<Double>| double.map(|double| double.0);
        let count = self.count.to_u64();
        match kind {
            MetricKind::Gauge | MetricKind::Sum { .. } => {
                number(self.as_int, self.as_double).map_or(Measured::Nothing, Measured::Number)
            }
            MetricKind::Histogram { .. } => Measured::Histogram(Box::new(Histogram {
                count,
                sum: double(self.sum),
                min: double(self.min),
                max: double(self.max),
                bounds: self.explicit_bounds.into_iter().map(|bound| bound.0).collect(),
                counts: self.bucket_counts.into_iter().map(Int::to_u64).collect(),
            })),
            MetricKind::ExponentialHistogram { .. } => {
                Measured::Exponential(Box::new(ExponentialHistogram {
                    count,
                    sum: double(self.sum),
                    min: double(self.min),
                    max: double(self.max),
                    scale: to_i32(self.scale),
                    zero_count: self.zero_count.to_u64(),
                    zero_threshold: self.zero_threshold.0,
                    positive: self.positive.into_model(),
                    negative: self.negative.into_model(),
                }))
            }
            MetricKind::Summary => Measured::Summary(Box::new(Summary {
                count,
                sum: double(self.sum).unwrap_or_default(),
                quantiles: self.quantile_values.into_iter().map(WireQuantile::into_model).collect(),
            })),
        }
    }
}

fn number(int: Option<Int>, double: Option<Double>) -> Option<Number> {
    let int = int.map(|int| Number::Int(int.to_i64()));
    int.or_else(|| double.map(|double| Number::Double(double.0)))
}

fn to_i32(int: Int) -> i32 {
    i32::try_from(int.to_i64().clamp(i32::MIN.into(), i32::MAX.into())).unwrap_or_default()
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireBuckets {
    #[serde(deserialize_with = "or_default")]
    offset: Int,
    #[serde(alias = "bucket_counts", deserialize_with = "or_default")]
    bucket_counts: Vec<Int>,
}

impl WireBuckets {
    fn into_model(self) -> Buckets {
        let counts = self.bucket_counts.into_iter().map(Int::to_u64).collect();
        Buckets { offset: to_i32(self.offset), counts }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireQuantile {
    #[serde(deserialize_with = "or_default")]
    quantile: Double,
    #[serde(deserialize_with = "or_default")]
    value: Double,
}

impl WireQuantile {
    fn into_model(self) -> Quantile {
        Quantile { quantile: self.quantile.0, value: self.value.0 }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireExemplar {
    #[serde(alias = "filtered_attributes", deserialize_with = "or_default")]
    filtered_attributes: Vec<WirePair>,
    #[serde(alias = "time_unix_nano", deserialize_with = "or_default")]
    time_unix_nano: Int,
    #[serde(alias = "as_double", deserialize_with = "or_default")]
    as_double: Option<Double>,
    #[serde(alias = "as_int", deserialize_with = "or_default")]
    as_int: Option<Int>,
    #[serde(alias = "trace_id", deserialize_with = "or_default")]
    trace_id: Id,
    #[serde(alias = "span_id", deserialize_with = "or_default")]
    span_id: Id,
}

impl WireExemplar {
    fn into_model(self) -> Exemplar {
        Exemplar {
            attributes: attributes(self.filtered_attributes),
            time: Moment { nanos: self.time_unix_nano.to_u64() },
            value: number(self.as_int, self.as_double),
            trace_id: self.trace_id.trace(),
            span_id: self.span_id.span(),
        }
    }
}
