//! Log records and metrics for the tests of this crate.
#![allow(
    clippy::allow_attributes,
    dead_code,
    unreachable_pub,
    reason = "each test binary uses another part of it, so `expect` would fail in one of them"
)]

use std::sync::Arc;

use model::{
    Attributes, LogRecord, Measured, Metric, MetricKind, Moment, Number, Point, Resource, Scope,
    Severity, SpanId, Text, TraceId, Value,
};
use store::{Items, Store, StoreError};

/// A log record of a trace, or of none.
pub fn log(trace: Option<TraceId>, number: u64) -> LogRecord {
    LogRecord {
        time: Moment { nanos: 1_000 + number },
        observed: Moment { nanos: 2_000 + number },
        severity: Severity(9),
        severity_text: "INFO".into(),
        body: Value::Text(Text::from(format!("line {number}"))),
        attributes: Attributes(vec![("number".into(), Value::Int(number.cast_signed()))]),
        dropped_attributes_count: 0,
        flags: 0,
        trace_id: trace,
        span_id: trace.map(|_| SpanId([3; 8])),
        event_name: Text::default(),
        resource: Arc::new(Resource::default()),
        scope: Arc::new(Scope::default()),
    }
}

/// A metric with some points, one a nanosecond.
pub fn metric(name: &str, first_nanos: u64, points: u64) -> Metric {
    let point = |number: u64| Point {
        attributes: Attributes(vec![("cpu".into(), Value::Int(number.cast_signed() % 2))]),
        start: Moment::default(),
        time: Moment { nanos: first_nanos + number },
        flags: 0,
        measured: Measured::Number(Number::Int(number.cast_signed())),
        exemplars: Vec::new(),
    };
    Metric {
        name: name.into(),
        description: Text::default(),
        unit: "1".into(),
        metadata: Attributes(Vec::new()),
        kind: MetricKind::Gauge,
        points: (0..points).map(point).collect(),
        resource: Arc::new(Resource::default()),
        scope: Arc::new(Scope::default()),
    }
}

pub fn append_logs(
    store: &dyn Store,
    items: &[LogRecord],
    received: u64,
) -> Result<(), StoreError> {
    store.append_logs(&Items { items, otlp: None, received: Moment { nanos: received } })
}

pub fn append_metrics(
    store: &dyn Store,
    items: &[Metric],
    received: u64,
) -> Result<(), StoreError> {
    store.append_metrics(&Items { items, otlp: None, received: Moment { nanos: received } })
}
