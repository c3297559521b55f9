//! OTLP protobuf to spans: `ExportTraceServiceRequest`, and `TracesData`, which looks the same.
//!
//! On the way of every span that is received, so it takes one pass over the bytes of a span and
//! allocates only what the span keeps. As protobuf says, the last scalar wins, and a submessage that
//! comes twice is merged; fields that are not known are kept as they came.

use std::sync::Arc;

use model::{
    Attributes, Event, Link, Moment, Resource, Scope, Span, SpanId, SpanKind, Status, StatusCode,
    Text, TraceId,
};

use super::{
    cursor::{Cursor, DecodeError},
    parts::{Items, attribute, export, span_id, trace_id},
    unknown::{OWN, Unknown},
};
use crate::reading::{Decoded, Place, Problem, short};

/// Reads an `ExportTraceServiceRequest` or a `TracesData`. Spans whose ids are missing, zero or of a
/// wrong length are left out, counted and named; the rest is kept. Trace ids of 8 bytes are padded on
/// the left. Takes at most some 60 times the memory of its input.
///
/// # Errors
///
/// If the bytes are not protobuf, or a known field is not of its type.
pub fn decode(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let mut decoded = Decoded::default();
    export(bytes, &mut decoded)?;
    Ok(decoded)
}

impl Items<'_> for Decoded {
    /// No span with both of its ids is shorter.
    const BYTES_MIN: usize = 30;

    fn reserve(&mut self, count: usize) {
        self.spans.reserve(count);
    }

    #[inline]
    fn item(
        &mut self,
        cursor: Cursor<'_>,
        offset: usize,
        resource: &Arc<Resource>,
        scope: &Arc<Scope>,
    ) -> Result<(), DecodeError> {
        match span(cursor, resource, scope)? {
            Read::Span(span) => self.spans.push(span),
            Read::Reject(message) => {
                self.reject(|| Problem { place: Place::Byte(offset), message });
            }
        }
        Ok(())
    }
}

/// What became of a span.
#[expect(clippy::large_enum_variant, reason = "nearly all are spans, and none is kept")]
enum Read {
    Span(Span),
    /// Why not.
    Reject(String),
}

/// The ids of a span as they are on the wire; their lengths are checked once all fields are known.
#[derive(Default)]
struct Ids<'a> {
    trace: &'a [u8],
    span: &'a [u8],
    parent: &'a [u8],
}

fn span(
    mut cursor: Cursor<'_>,
    resource: &Arc<Resource>,
    scope: &Arc<Scope>,
) -> Result<Read, DecodeError> {
    let mut ids = Ids::default();
    let mut unknown = Unknown::default();
    let mut span = Span {
        trace_id: TraceId::default(),
        span_id: SpanId::default(),
        parent_id: None,
        trace_state: Text::default(),
        flags: 0,
        name: Text::default(),
        kind: SpanKind::default(),
        start: Moment::default(),
        end: Moment::default(),
        attributes: Attributes::default(),
        dropped_attributes_count: 0,
        events: Vec::new(),
        dropped_events_count: 0,
        links: Vec::new(),
        dropped_links_count: 0,
        status: Status::default(),
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
    };
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => ids.trace = cursor.bytes(field)?,
            2 => ids.span = cursor.bytes(field)?,
            3 => span.trace_state = cursor.text(field)?,
            4 => ids.parent = cursor.bytes(field)?,
            5 => span.name = cursor.text(field)?,
            6 => span.kind = kind(cursor.number32(field)?),
            7 => span.start.nanos = cursor.fixed64(field)?,
            8 => span.end.nanos = cursor.fixed64(field)?,
            9 => attribute(&mut cursor, field, &mut span.attributes, &mut unknown)?,
            10 => span.dropped_attributes_count = cursor.number32(field)?,
            11 => span.events.push(event(cursor.message(field)?)?),
            12 => span.dropped_events_count = cursor.number32(field)?,
            13 => span.links.push(link(cursor.message(field)?)?),
            14 => span.dropped_links_count = cursor.number32(field)?,
            15 => {
                let mut inner = Unknown::default();
                merge_status(cursor.message(field)?, &mut span.status, &mut inner)?;
                unknown.within(15, &inner);
            }
            16 => span.flags = cursor.fixed32(field)?,
            _ => unknown.take(&mut cursor, field)?,
        }
    }
    unknown.settle(OWN, &mut span.attributes);
    Ok(identified(span, &ids))
}

fn identified(mut span: Span, ids: &Ids<'_>) -> Read {
    let (Some(trace_id), Some(span_id)) = (trace_id(ids.trace), span_id(ids.span)) else {
        return Read::Reject(refusal(&span.name, ids));
    };
    let parent_id = span_id_or_none(ids.parent);
    if trace_id.is_zero() || span_id.is_zero() || parent_id.is_err() {
        return Read::Reject(refusal(&span.name, ids));
    }
    span.trace_id = trace_id;
    span.span_id = span_id;
    span.parent_id = parent_id.unwrap_or_default();
    Read::Span(span)
}

#[cold]
fn refusal(name: &str, ids: &Ids<'_>) -> String {
    let (id, bytes) = match (trace_id(ids.trace), span_id(ids.span)) {
        (Some(trace), Some(span)) if !trace.is_zero() && !span.is_zero() => ("parent", ids.parent),
        (Some(trace), _) if !trace.is_zero() => ("span", ids.span),
        _ => ("trace", ids.trace),
    };
    let name = short(name);
    if bytes.is_empty() {
        format!("span `{name}` has no {id} id")
    } else if bytes.iter().all(|byte| *byte == 0) {
        format!("span `{name}` has a {id} id of zeros")
    } else {
        format!("span `{name}` has a {id} id of {} bytes", bytes.len())
    }
}

/// Nothing and zeros are both no id.
pub(super) fn span_id_or_none(bytes: &[u8]) -> Result<Option<SpanId>, ()> {
    if bytes.is_empty() {
        return Ok(None);
    }
    span_id(bytes).map(|id| (!id.is_zero()).then_some(id)).ok_or(())
}

/// Values that a later release may add are read as unspecified.
pub(super) fn kind(number: u32) -> SpanKind {
    match number {
        1 => SpanKind::Internal,
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => SpanKind::Unspecified,
    }
}

pub(super) fn merge_status(
    mut cursor: Cursor<'_>,
    status: &mut Status,
    unknown: &mut Unknown,
) -> Result<(), DecodeError> {
    while let Some(field) = cursor.field()? {
        match field.number {
            2 => status.message = cursor.text(field)?,
            3 => status.code = status_code(cursor.number32(field)?),
            _ => unknown.take(&mut cursor, field)?,
        }
    }
    Ok(())
}

pub(super) fn status_code(number: u32) -> StatusCode {
    match number {
        1 => StatusCode::Ok,
        2 => StatusCode::Error,
        _ => StatusCode::Unset,
    }
}

pub(super) fn event(mut cursor: Cursor<'_>) -> Result<Event, DecodeError> {
    let mut unknown = Unknown::default();
    let mut event = Event {
        time: Moment::default(),
        name: Text::default(),
        attributes: Attributes::default(),
        dropped_attributes_count: 0,
    };
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => event.time.nanos = cursor.fixed64(field)?,
            2 => event.name = cursor.text(field)?,
            3 => attribute(&mut cursor, field, &mut event.attributes, &mut unknown)?,
            4 => event.dropped_attributes_count = cursor.number32(field)?,
            _ => unknown.take(&mut cursor, field)?,
        }
    }
    unknown.settle(OWN, &mut event.attributes);
    Ok(event)
}

/// Links may lack their ids, as long as they say something else; ids of a wrong length are none.
pub(super) fn link(mut cursor: Cursor<'_>) -> Result<Link, DecodeError> {
    let mut unknown = Unknown::default();
    let mut link = Link {
        trace_id: TraceId::default(),
        span_id: SpanId::default(),
        trace_state: Text::default(),
        attributes: Attributes::default(),
        dropped_attributes_count: 0,
        flags: 0,
    };
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => link.trace_id = trace_id(cursor.bytes(field)?).unwrap_or_default(),
            2 => link.span_id = span_id(cursor.bytes(field)?).unwrap_or_default(),
            3 => link.trace_state = cursor.text(field)?,
            4 => attribute(&mut cursor, field, &mut link.attributes, &mut unknown)?,
            5 => link.dropped_attributes_count = cursor.number32(field)?,
            6 => link.flags = cursor.fixed32(field)?,
            _ => unknown.take(&mut cursor, field)?,
        }
    }
    unknown.settle(OWN, &mut link.attributes);
    Ok(link)
}
