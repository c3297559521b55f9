//! What requests say, by the book: from what `prost` read to the nouns.

use std::sync::Arc;

use model::{
    Buckets, Exemplar, ExponentialHistogram, Histogram, LogRecord, Measured, Metric, MetricKind,
    Moment, Number, Point, Quantile, Resource, Scope, Severity, SpanId, Summary, Temporality,
    TraceId, Value,
};
use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest},
    common::v1::InstrumentationScope,
    metrics::v1::{
        self as wire, exemplar, exponential_histogram_data_point as exponential, metric::Data,
        number_data_point,
    },
    resource::v1::Resource as WireResource,
};

use crate::protobuf::{attributes, trace_id, value};

pub(super) fn logs(request: &ExportLogsServiceRequest) -> Vec<LogRecord> {
    let mut records = Vec::new();
    for of_resource in &request.resource_logs {
        let resource = resource(of_resource.resource.as_ref(), &of_resource.schema_url);
        for of_scope in &of_resource.scope_logs {
            let scope = scope(of_scope.scope.as_ref(), &of_scope.schema_url);
            for record in &of_scope.log_records {
                let record = LogRecord {
                    time: Moment { nanos: record.time_unix_nano },
                    observed: Moment { nanos: record.observed_time_unix_nano },
                    severity: Severity(record.severity_number.cast_unsigned()),
                    severity_text: record.severity_text.as_str().into(),
                    body: value(record.body.as_ref()),
                    attributes: attributes(&record.attributes),
                    dropped_attributes_count: record.dropped_attributes_count,
                    flags: record.flags,
                    trace_id: trace_id(&record.trace_id).filter(|id| !id.is_zero()),
                    span_id: span_id(&record.span_id),
                    event_name: record.event_name.as_str().into(),
                    resource: Arc::clone(&resource),
                    scope: Arc::clone(&scope),
                };
                let says_nothing = record.body == Value::Empty && record.attributes.0.is_empty();
                if !says_nothing || !record.event_name.is_empty() {
                    records.push(record);
                }
            }
        }
    }
    records
}

pub(super) fn metrics(request: &ExportMetricsServiceRequest) -> Vec<Metric> {
    let mut metrics = Vec::new();
    for of_resource in &request.resource_metrics {
        let resource = resource(of_resource.resource.as_ref(), &of_resource.schema_url);
        for of_scope in &of_resource.scope_metrics {
            let scope = scope(of_scope.scope.as_ref(), &of_scope.schema_url);
            for metric in &of_scope.metrics {
                let Some(data) = &metric.data else { continue };
                let (kind, mut points) = data_of(data);
                points.retain(|point| point.time.nanos != 0);
                metrics.push(Metric {
                    name: metric.name.as_str().into(),
                    description: metric.description.as_str().into(),
                    unit: metric.unit.as_str().into(),
                    metadata: attributes(&metric.metadata),
                    kind,
                    points,
                    resource: Arc::clone(&resource),
                    scope: Arc::clone(&scope),
                });
            }
        }
    }
    metrics
}

fn resource(resource: Option<&WireResource>, schema_url: &str) -> Arc<Resource> {
    let resource = resource.cloned().unwrap_or_default();
    Arc::new(Resource {
        attributes: attributes(&resource.attributes),
        dropped_attributes_count: resource.dropped_attributes_count,
        schema_url: schema_url.into(),
    })
}

fn scope(scope: Option<&InstrumentationScope>, schema_url: &str) -> Arc<Scope> {
    let scope = scope.cloned().unwrap_or_default();
    Arc::new(Scope {
        name: scope.name.into(),
        version: scope.version.into(),
        attributes: attributes(&scope.attributes),
        dropped_attributes_count: scope.dropped_attributes_count,
        schema_url: schema_url.into(),
    })
}

fn span_id(bytes: &[u8]) -> Option<SpanId> {
    bytes.try_into().ok().map(SpanId).filter(|id| !id.is_zero())
}

fn data_of(data: &Data) -> (MetricKind, Vec<Point>) {
    match data {
        Data::Gauge(gauge) => (MetricKind::Gauge, gauge.data_points.iter().map(number).collect()),
        Data::Sum(sum) => {
            let temporality = temporality(sum.aggregation_temporality);
            let kind = MetricKind::Sum { temporality, is_monotonic: sum.is_monotonic };
            (kind, sum.data_points.iter().map(number).collect())
        }
        Data::Histogram(it) => {
            let temporality = temporality(it.aggregation_temporality);
            let points = it.data_points.iter().map(histogram).collect();
            (MetricKind::Histogram { temporality }, points)
        }
        Data::ExponentialHistogram(it) => {
            let temporality = temporality(it.aggregation_temporality);
            let points = it.data_points.iter().map(exponential).collect();
            (MetricKind::ExponentialHistogram { temporality }, points)
        }
        Data::Summary(it) => (MetricKind::Summary, it.data_points.iter().map(summary).collect()),
    }
}

fn temporality(number: i32) -> Temporality {
    match number {
        1 => Temporality::Delta,
        2 => Temporality::Cumulative,
        _ => Temporality::Unspecified,
    }
}

fn number(point: &wire::NumberDataPoint) -> Point {
    use number_data_point::Value;
    Point {
        attributes: attributes(&point.attributes),
        start: Moment { nanos: point.start_time_unix_nano },
        time: Moment { nanos: point.time_unix_nano },
        flags: point.flags,
        measured: match point.value {
            None => Measured::Nothing,
            Some(Value::AsInt(int)) => Measured::Number(Number::Int(int)),
            Some(Value::AsDouble(double)) => Measured::Number(Number::Double(double)),
        },
        exemplars: exemplars(&point.exemplars),
    }
}

fn histogram(point: &wire::HistogramDataPoint) -> Point {
    Point {
        attributes: attributes(&point.attributes),
        start: Moment { nanos: point.start_time_unix_nano },
        time: Moment { nanos: point.time_unix_nano },
        flags: point.flags,
        measured: Measured::Histogram(Box::new(Histogram {
            count: point.count,
            sum: point.sum,
            min: point.min,
            max: point.max,
            bounds: point.explicit_bounds.clone(),
            counts: point.bucket_counts.clone(),
        })),
        exemplars: exemplars(&point.exemplars),
    }
}

fn exponential(point: &wire::ExponentialHistogramDataPoint) -> Point {
    let buckets = |buckets: &Option<exponential::Buckets>| {
        let buckets = buckets.clone().unwrap_or_default();
        Buckets { offset: buckets.offset, counts: buckets.bucket_counts }
    };
    Point {
        attributes: attributes(&point.attributes),
        start: Moment { nanos: point.start_time_unix_nano },
        time: Moment { nanos: point.time_unix_nano },
        flags: point.flags,
        measured: Measured::Exponential(Box::new(ExponentialHistogram {
            count: point.count,
            sum: point.sum,
            min: point.min,
            max: point.max,
            scale: point.scale,
            zero_count: point.zero_count,
            zero_threshold: point.zero_threshold,
            positive: buckets(&point.positive),
            negative: buckets(&point.negative),
        })),
        exemplars: exemplars(&point.exemplars),
    }
}

fn summary(point: &wire::SummaryDataPoint) -> Point {
    let quantile = |it: &wire::summary_data_point::ValueAtQuantile| Quantile {
        quantile: it.quantile,
        value: it.value,
    };
    Point {
        attributes: attributes(&point.attributes),
        start: Moment { nanos: point.start_time_unix_nano },
        time: Moment { nanos: point.time_unix_nano },
        flags: point.flags,
        measured: Measured::Summary(Box::new(Summary {
            count: point.count,
            sum: point.sum,
            quantiles: point.quantile_values.iter().map(quantile).collect(),
        })),
        exemplars: Vec::new(),
    }
}

fn exemplars(list: &[wire::Exemplar]) -> Vec<Exemplar> {
    let exemplar = |it: &wire::Exemplar| Exemplar {
        attributes: attributes(&it.filtered_attributes),
        time: Moment { nanos: it.time_unix_nano },
        value: it.value.map(|value| match value {
            exemplar::Value::AsInt(int) => Number::Int(int),
            exemplar::Value::AsDouble(double) => Number::Double(double),
        }),
        trace_id: trace_id(&it.trace_id).filter(|id: &TraceId| !id.is_zero()),
        span_id: span_id(&it.span_id),
    };
    list.iter().map(exemplar).collect()
}
