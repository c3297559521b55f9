//! Spans as they were sent: nothing that OTLP carries is dropped.

use std::{sync::Arc, time::Duration};

use crate::{Attributes, Moment, SpanId, Text, TraceId};

/// One span, as its exporter sent it.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The trace that it belongs to.
    pub trace_id: TraceId,
    /// Its own identity.
    pub span_id: SpanId,
    /// The span that caused it; `None` for a root.
    pub parent_id: Option<SpanId>,
    /// The `tracestate` header of W3C Trace Context, verbatim.
    pub trace_state: Text,
    /// W3C trace flags in the low byte, "parent is remote" above it.
    pub flags: u32,
    /// What its instrumentation called it.
    pub name: Text,
    /// Its role towards its parent and children.
    pub kind: SpanKind,
    /// When it began, by the clock of its host.
    pub start: Moment,
    /// When it ended, by the clock of its host.
    pub end: Moment,
    /// What is known of it.
    pub attributes: Attributes,
    /// Attributes that its exporter dropped.
    pub dropped_attributes_count: u32,
    /// What happened during it.
    pub events: Vec<Event>,
    /// Events that its exporter dropped.
    pub dropped_events_count: u32,
    /// Other spans that it has to do with.
    pub links: Vec<Link>,
    /// Links that its exporter dropped.
    pub dropped_links_count: u32,
    /// Whether it failed.
    pub status: Status,
    /// The process that produced it, shared with its other spans.
    pub resource: Arc<Resource>,
    /// The instrumentation that produced it, shared with its other spans.
    pub scope: Arc<Scope>,
}

impl Span {
    /// Time from start to end; zero if the span ends before it starts.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.end.since(self.start)
    }

    /// `service.name` of its resource, or OTLP's word for none.
    #[must_use]
    pub fn service(&self) -> &str {
        self.resource.service()
    }
}

/// Role of a span towards its parent and children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SpanKind {
    /// Not said; read as internal.
    #[default]
    Unspecified,
    /// Within one process.
    Internal,
    /// Answers a remote call.
    Server,
    /// Makes a remote call.
    Client,
    /// Sends a message that is handled later.
    Producer,
    /// Handles a message.
    Consumer,
}

/// Whether a span failed, and why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// The verdict of its instrumentation.
    pub code: StatusCode,
    /// Why it failed, for people.
    pub message: Text,
}

/// Verdict on a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum StatusCode {
    /// Nothing was said.
    #[default]
    Unset,
    /// Explicitly fine.
    Ok,
    /// Failed.
    Error,
}

/// Something that happened during a span.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When.
    pub time: Moment,
    /// What.
    pub name: Text,
    /// What is known of it.
    pub attributes: Attributes,
    /// Attributes that its exporter dropped.
    pub dropped_attributes_count: u32,
}

/// Another span that a span has to do with.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its identity.
    pub span_id: SpanId,
    /// Its `tracestate`.
    pub trace_state: Text,
    /// What is known of the relation.
    pub attributes: Attributes,
    /// Attributes that the exporter dropped.
    pub dropped_attributes_count: u32,
    /// W3C trace flags.
    pub flags: u32,
}

/// What produced spans: a process on a host.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resource {
    /// What is known of it, `service.name` above all.
    pub attributes: Attributes,
    /// Attributes that its exporter dropped.
    pub dropped_attributes_count: u32,
    /// Version of the conventions that its attributes follow.
    pub schema_url: Text,
}

impl Resource {
    /// `service.name`, or OTLP's word for none.
    #[must_use]
    pub fn service(&self) -> &str {
        self.attributes.text("service.name").unwrap_or("unknown_service")
    }
}

/// The instrumentation library that produced spans.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scope {
    /// Such as `opentelemetry.instrumentation.psycopg`.
    pub name: Text,
    /// Its version.
    pub version: Text,
    /// What else is known of it.
    pub attributes: Attributes,
    /// Attributes that its exporter dropped.
    pub dropped_attributes_count: u32,
    /// Version of the conventions that its spans follow.
    pub schema_url: Text,
}
