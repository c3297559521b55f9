//! Made-up log records and metrics with everything that OTLP can carry.

use std::sync::Arc;

use model::{
    Buckets, Exemplar, ExponentialHistogram, Histogram, LogRecord, Measured, Metric, MetricKind,
    Moment, Number, Point, Quantile, Resource, Scope, Severity, Summary, Temporality, Value,
};
use proptest::{collection::vec, option, prelude::*};

use super::{attributes, resource, scope, span_id, text, trace_id, value};

/// Up to 12 log records in up to three groups; none is empty.
pub fn logs() -> impl Strategy<Value = Vec<LogRecord>> {
    groups(log_record(), |record, resource, scope| {
        record.resource = Arc::clone(resource);
        record.scope = Arc::clone(scope);
    })
}

/// Up to 12 metrics in up to three groups; every point has a time.
pub fn metrics() -> impl Strategy<Value = Vec<Metric>> {
    groups(metric(), |metric, resource, scope| {
        metric.resource = Arc::clone(resource);
        metric.scope = Arc::clone(scope);
    })
}

fn groups<T: std::fmt::Debug + Clone>(
    item: impl Strategy<Value = T>,
    place: fn(&mut T, &Arc<Resource>, &Arc<Scope>),
) -> impl Strategy<Value = Vec<T>> {
    let group = (resource(), scope(), vec(item, 0..4));
    vec(group, 0..3).prop_map(move |groups| {
        let of_group = |(resource, scope, mut items): (Resource, Scope, Vec<T>)| {
            let (resource, scope) = (Arc::new(resource), Arc::new(scope));
            for item in &mut items {
                place(item, &resource, &scope);
            }
            items
        };
        groups.into_iter().flat_map(of_group).collect()
    })
}

fn log_record() -> impl Strategy<Value = LogRecord> {
    let times = (any::<u64>(), any::<u64>(), 0..26_u32, text());
    let what = (value(), attributes(), any::<u32>(), any::<u32>(), text());
    (times, what, option::of(trace_id()), option::of(span_id())).prop_map(
        |(times, what, trace_id, span_id)| {
            let says_nothing = what.0 == Value::Empty && what.1.0.is_empty() && what.4.is_empty();
            LogRecord {
                time: Moment { nanos: times.0 },
                observed: Moment { nanos: times.1 },
                severity: Severity(times.2),
                severity_text: times.3,
                body: if says_nothing { Value::Bool(true) } else { what.0 },
                attributes: what.1,
                dropped_attributes_count: what.2,
                flags: what.3,
                trace_id,
                span_id,
                event_name: what.4,
                resource: Arc::default(),
                scope: Arc::default(),
            }
        },
    )
}

fn metric() -> impl Strategy<Value = Metric> {
    let temporality = prop::sample::select(vec![
        Temporality::Unspecified,
        Temporality::Delta,
        Temporality::Cumulative,
    ]);
    let kind =
        (0..5_u8, temporality, any::<bool>()).prop_map(|(kind, temporality, is_monotonic)| {
            match kind {
                0 => MetricKind::Gauge,
                1 => MetricKind::Sum { temporality, is_monotonic },
                2 => MetricKind::Histogram { temporality },
                3 => MetricKind::ExponentialHistogram { temporality },
                _ => MetricKind::Summary,
            }
        });
    let points = kind.prop_flat_map(|kind| (Just(kind), vec(point(kind), 0..4)));
    (text(), text(), text(), attributes(), points).prop_map(
        |(name, description, unit, metadata, (kind, points))| Metric {
            name,
            description,
            unit,
            metadata,
            kind,
            points,
            resource: Arc::default(),
            scope: Arc::default(),
        },
    )
}

fn point(kind: MetricKind) -> impl Strategy<Value = Point> {
    let exemplars = if kind == MetricKind::Summary { 0..1_usize } else { 0..3 };
    let times = (any::<u64>(), 1..=u64::MAX, any::<u32>());
    (attributes(), times, measured(kind), vec(exemplar(), exemplars)).prop_map(
        |(attributes, (start, time, flags), measured, exemplars)| Point {
            attributes,
            start: Moment { nanos: start },
            time: Moment { nanos: time },
            flags,
            measured,
            exemplars,
        },
    )
}

fn measured(kind: MetricKind) -> BoxedStrategy<Measured> {
    match kind {
        MetricKind::Gauge | MetricKind::Sum { .. } => option::of(number())
            .prop_map(|number| number.map_or(Measured::Nothing, Measured::Number))
            .boxed(),
        MetricKind::Histogram { .. } => (spread(), vec(double(), 0..4), vec(any::<u64>(), 0..4))
            .prop_map(|((count, [sum, min, max]), bounds, counts)| {
                let histogram = Histogram { count, sum, min, max, bounds, counts };
                Measured::Histogram(Box::new(histogram))
            })
            .boxed(),
        MetricKind::ExponentialHistogram { .. } => {
            (spread(), any::<i32>(), any::<u64>(), double(), buckets(), buckets())
                .prop_map(|((count, [sum, min, max]), scale, zero_count, zero, up, down)| {
                    Measured::Exponential(Box::new(ExponentialHistogram {
                        count,
                        sum,
                        min,
                        max,
                        scale,
                        zero_count,
                        zero_threshold: zero,
                        positive: up,
                        negative: down,
                    }))
                })
                .boxed()
        }
        MetricKind::Summary => {
            let quantile = (double(), double());
            let quantile = quantile.prop_map(|(quantile, value)| Quantile { quantile, value });
            (any::<u64>(), double(), vec(quantile, 0..3))
                .prop_map(|(count, sum, quantiles)| {
                    Measured::Summary(Box::new(Summary { count, sum, quantiles }))
                })
                .boxed()
        }
    }
}

fn spread() -> impl Strategy<Value = (u64, [Option<f64>; 3])> {
    let sides = [option::of(double()), option::of(double()), option::of(double())];
    (any::<u64>(), sides)
}

fn buckets() -> impl Strategy<Value = Buckets> {
    (any::<i32>(), vec(any::<u64>(), 0..4)).prop_map(|(offset, counts)| Buckets { offset, counts })
}

/// Any number but NaN, which equals nothing.
fn double() -> impl Strategy<Value = f64> {
    prop::num::f64::ANY.prop_filter("not NaN", |double| !double.is_nan())
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![any::<i64>().prop_map(Number::Int), double().prop_map(Number::Double)]
}

fn exemplar() -> impl Strategy<Value = Exemplar> {
    let ids = (option::of(trace_id()), option::of(span_id()));
    (attributes(), any::<u64>(), option::of(number()), ids).prop_map(
        |(attributes, nanos, value, (trace_id, span_id))| Exemplar {
            attributes,
            time: Moment { nanos },
            value,
            trace_id,
            span_id,
        },
    )
}
