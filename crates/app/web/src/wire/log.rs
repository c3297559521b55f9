//! Log records on the wire.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Coverage, KeyValue, Scope, Window, span::pairs, span::readable, unix_micros};

/// Log records that pass a filter.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Logs {
    /// The window.
    pub window: Window,
    /// Records, the latest first.
    pub logs: Vec<Log>,
    /// What it rests on.
    pub coverage: Coverage,
}

/// Log records that were written during a trace.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TraceLogs {
    /// The trace.
    pub trace_id: String,
    /// Records, the earliest first.
    pub logs: Vec<Log>,
    /// Records that are not told, since there are too many.
    pub left_out: usize,
}

/// A log record with all that OTLP carries.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Log {
    /// When it happened, or else when it was collected; 0 if neither was said.
    pub unix_micros: u64,
    /// `trace`, `debug`, `info`, `warn`, `error` or `fatal`; empty if it was not said.
    pub severity: String,
    /// How bad it is, in the words of its logger; empty if there are none.
    pub severity_text: String,
    /// How bad it is, 1 to 24; 0 if it was not said.
    pub severity_number: u32,
    /// What it says.
    pub body: String,
    /// The kind of event that it is; empty if it is none.
    pub event_name: String,
    /// `service.name`.
    pub service: String,
    /// The trace during which it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The span during which it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span_id: Option<String>,
    /// What else is known of it.
    pub attributes: Vec<KeyValue>,
    /// Attributes that its exporter dropped.
    pub dropped_attributes_count: u32,
    /// What is known of its process.
    pub resource: Vec<KeyValue>,
    /// The logger that wrote it.
    pub scope: Scope,
}

impl From<&model::LogRecord> for Log {
    fn from(record: &model::LogRecord) -> Self {
        let body = match &record.body {
            model::Value::Empty => String::new(),
            value => readable(value),
        };
        Self {
            unix_micros: unix_micros(record.when()),
            severity: record.severity.name().unwrap_or_default().to_owned(),
            severity_text: record.severity_text.to_string(),
            severity_number: record.severity.0,
            body,
            event_name: record.event_name.to_string(),
            service: record.service().to_owned(),
            trace_id: record.trace_id.map(|id| id.to_string()),
            span_id: record.span_id.map(|id| id.to_string()),
            attributes: pairs(&record.attributes),
            dropped_attributes_count: record.dropped_attributes_count,
            resource: pairs(&record.resource.attributes),
            scope: (&*record.scope).into(),
        }
    }
}
