//! Spans that borrow their texts from the bytes in which they came: for whoever keeps columns of them, and has no use
//! for an allocation a text. [`SpanView::to_span`] is the span itself.

use std::sync::Arc;

use crate::{
    Attributes, Event, Link, Moment, Resource, Scope, Span, SpanId, SpanKind, Status, StatusCode,
    Text, TraceId, Value,
};

/// A span, as [`Span`] has it; texts are bytes that should be UTF-8, and [`text_of`] reads them.
#[derive(Debug, Clone, Copy)]
pub struct SpanView<'a> {
    /// [`Span::trace_id`]
    pub trace_id: TraceId,
    /// [`Span::span_id`]
    pub span_id: SpanId,
    /// [`Span::parent_id`]
    pub parent_id: Option<SpanId>,
    /// [`Span::trace_state`]
    pub trace_state: &'a [u8],
    /// [`Span::flags`]
    pub flags: u32,
    /// [`Span::name`]
    pub name: &'a [u8],
    /// [`Span::kind`]
    pub kind: SpanKind,
    /// [`Span::start`]
    pub start: Moment,
    /// [`Span::end`]
    pub end: Moment,
    /// [`Span::attributes`]
    pub attributes: &'a [(&'a [u8], ValueView<'a>)],
    /// [`Span::dropped_attributes_count`]
    pub dropped_attributes_count: u32,
    /// [`Span::events`]
    pub events: &'a [Event],
    /// [`Span::dropped_events_count`]
    pub dropped_events_count: u32,
    /// [`Span::links`]
    pub links: &'a [Link],
    /// [`Span::dropped_links_count`]
    pub dropped_links_count: u32,
    /// [`Status::code`]
    pub status: StatusCode,
    /// [`Status::message`]
    pub status_message: &'a [u8],
    /// [`Span::resource`]
    pub resource: &'a Arc<Resource>,
    /// [`Span::scope`]
    pub scope: &'a Arc<Scope>,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueView<'a> {
    /// [`Value::Text`]
    Text(&'a [u8]),
    /// [`Value::Bool`]
    Bool(bool),
    /// [`Value::Int`]
    Int(i64),
    /// [`Value::Double`]
    Double(f64),
    /// Any value: lists and maps are rare.
    Other(Value),
}

/// The text that bytes spell; what is no UTF-8 becomes U+FFFD.
#[must_use]
pub fn text_of(bytes: &[u8]) -> Text {
    std::str::from_utf8(bytes).map_or_else(|_| Text::from_utf8_lossy(bytes), Text::new)
}

impl ValueView<'_> {
    /// The value with what it needs of its own.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Text(bytes) => Value::Text(text_of(bytes)),
            Self::Bool(bool) => Value::Bool(*bool),
            Self::Int(int) => Value::Int(*int),
            Self::Double(double) => Value::Double(*double),
            Self::Other(value) => value.clone(),
        }
    }
}

impl SpanView<'_> {
    /// The span with what it needs of its own.
    #[must_use]
    pub fn to_span(&self) -> Span {
        let attributes = self.attributes.iter();
        Span {
            attributes: Attributes(
                attributes.map(|(key, value)| (text_of(key), value.to_value())).collect(),
            ),
            trace_state: text_of(self.trace_state),
            status: Status { code: self.status, message: text_of(self.status_message) },
            events: self.events.to_vec(),
            links: self.links.to_vec(),
            ..self.without_lists()
        }
    }

    /// The span without its attributes, events, links, state and message.
    #[must_use]
    pub fn without_lists(&self) -> Span {
        Span {
            trace_id: self.trace_id,
            span_id: self.span_id,
            parent_id: self.parent_id,
            trace_state: Text::default(),
            flags: self.flags,
            name: text_of(self.name),
            kind: self.kind,
            start: self.start,
            end: self.end,
            attributes: Attributes::default(),
            dropped_attributes_count: self.dropped_attributes_count,
            events: Vec::new(),
            dropped_events_count: self.dropped_events_count,
            links: Vec::new(),
            dropped_links_count: self.dropped_links_count,
            status: Status { code: self.status, message: Text::default() },
            resource: Arc::clone(self.resource),
            scope: Arc::clone(self.scope),
        }
    }
}
