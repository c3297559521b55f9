//! One span with all that OTLP carries, for people to read.

use model::{SpanKind, StatusCode, Value};
use serde::Serialize;
use utoipa::ToSchema;

use super::{CodeLocation, hex, micros, unix_micros};

/// One span with all that OTLP carries.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SpanDetail {
    /// Its trace.
    pub trace_id: String,
    /// Its identity.
    pub span_id: String,
    /// The span that caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    /// What its instrumentation called it.
    pub name: String,
    /// Its role: `server`.
    pub kind: String,
    /// `service.name`.
    pub service: String,
    /// When it began, by the clock of its host.
    pub start_unix_micros: u64,
    /// How long it took.
    pub duration_micros: f64,
    /// Verdict: `unset`, `ok` or `error`.
    pub status: String,
    /// Why it failed.
    pub status_message: String,
    /// `tracestate`, verbatim.
    pub trace_state: String,
    /// W3C trace flags in the low byte.
    pub flags: u32,
    /// What it did, if it ran a statement: the text without its literals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// Where in the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeLocation>,
    /// What is known of it.
    pub attributes: Vec<KeyValue>,
    /// Attributes that its exporter dropped.
    pub dropped_attributes_count: u32,
    /// What happened during it.
    pub events: Vec<SpanEvent>,
    /// Events that its exporter dropped.
    pub dropped_events_count: u32,
    /// Other spans that it has to do with.
    pub links: Vec<SpanLink>,
    /// Links that its exporter dropped.
    pub dropped_links_count: u32,
    /// What is known of its process.
    pub resource: Vec<KeyValue>,
    /// The instrumentation that produced it.
    pub scope: Scope,
}

/// A key and its value as people read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeyValue {
    /// The key.
    pub key: String,
    /// The value: texts as they are, everything else as JSON, bytes in hexadecimal.
    pub value: String,
}

/// Something that happened during a span.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SpanEvent {
    /// From the begin of the span.
    pub offset_micros: f64,
    /// What.
    pub name: String,
    /// What is known of it.
    pub attributes: Vec<KeyValue>,
    /// Attributes that its exporter dropped.
    pub dropped_attributes_count: u32,
}

/// Another span that a span has to do with.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SpanLink {
    /// Its trace.
    pub trace_id: String,
    /// Its identity.
    pub span_id: String,
    /// Its `tracestate`.
    pub trace_state: String,
    /// W3C trace flags.
    pub flags: u32,
    /// What is known of the relation.
    pub attributes: Vec<KeyValue>,
    /// Attributes that its exporter dropped.
    pub dropped_attributes_count: u32,
}

/// The instrumentation that produced a span.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Scope {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What else is known of it.
    pub attributes: Vec<KeyValue>,
}

impl From<&model::Span> for SpanDetail {
    fn from(span: &model::Span) -> Self {
        Self {
            trace_id: span.trace_id.to_string(),
            span_id: span.span_id.to_string(),
            parent_id: span.parent_id.map(|parent| parent.to_string()),
            name: span.name.to_string(),
            kind: kind_name(span.kind).to_owned(),
            service: span.service().to_owned(),
            start_unix_micros: unix_micros(span.start),
            duration_micros: micros(span.duration()),
            status: status_name(span.status.code).to_owned(),
            status_message: span.status.message.to_string(),
            trace_state: span.trace_state.to_string(),
            flags: span.flags,
            statement: None,
            code: None,
            attributes: pairs(&span.attributes),
            dropped_attributes_count: span.dropped_attributes_count,
            events: span.events.iter().map(|event| event_of(event, span)).collect(),
            dropped_events_count: span.dropped_events_count,
            links: span.links.iter().map(SpanLink::from).collect(),
            dropped_links_count: span.dropped_links_count,
            resource: pairs(&span.resource.attributes),
            scope: (&*span.scope).into(),
        }
    }
}

impl From<&model::Scope> for Scope {
    fn from(scope: &model::Scope) -> Self {
        Self {
            name: scope.name.to_string(),
            version: scope.version.to_string(),
            attributes: pairs(&scope.attributes),
        }
    }
}

impl From<&model::Link> for SpanLink {
    fn from(link: &model::Link) -> Self {
        Self {
            trace_id: link.trace_id.to_string(),
            span_id: link.span_id.to_string(),
            trace_state: link.trace_state.to_string(),
            flags: link.flags,
            attributes: pairs(&link.attributes),
            dropped_attributes_count: link.dropped_attributes_count,
        }
    }
}

fn event_of(event: &model::Event, span: &model::Span) -> SpanEvent {
    SpanEvent {
        offset_micros: micros(event.time.since(span.start)),
        name: event.name.to_string(),
        attributes: pairs(&event.attributes),
        dropped_attributes_count: event.dropped_attributes_count,
    }
}

pub(super) fn pairs(attributes: &model::Attributes) -> Vec<KeyValue> {
    let pair = |(key, value): &(model::Text, Value)| KeyValue {
        key: key.to_string(),
        value: readable(value),
    };
    attributes.0.iter().map(pair).collect()
}

pub(super) fn readable(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        other => json(other).to_string(),
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Empty => serde_json::Value::Null,
        Value::Text(text) => text.as_str().into(),
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Double(value) => (*value).into(),
        Value::Bytes(bytes) => hex(bytes).into(),
        Value::List(values) => values.iter().map(json).collect(),
        Value::Map(pairs) => pairs
            .iter()
            .map(|(key, value)| (key.to_string(), json(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

pub(super) fn kind_name(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => "unspecified",
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    }
}

fn status_name(code: StatusCode) -> &'static str {
    match code {
        StatusCode::Unset => "unset",
        StatusCode::Ok => "ok",
        StatusCode::Error => "error",
    }
}
