//! OTLP protobuf to spans: `ExportTraceServiceRequest`, and `TracesData`, which looks the same.
//!
//! On the way of every span that is received, so it takes one pass over the bytes of a span and
//! allocates only what the span keeps. As protobuf says, unknown fields are skipped, the last scalar
//! wins, and a submessage that comes twice is merged.

use std::sync::Arc;

use model::{
    Attributes, Event, Link, Moment, Resource, Scope, Span, SpanId, SpanKind, Status, StatusCode,
    Text, TraceId, Value,
};

use super::cursor::{Cursor, DecodeError, DecodeErrorKind, Field};
use crate::reading::{Decoded, Place, Problem, short};

/// Values within values; more than a request of 100 nested messages can hold, which is where other
/// decoders stop, and safe for the stack.
const VALUE_DEPTH_MAX: u32 = 64;

/// No span with both of its ids is shorter.
const SPAN_BYTES_MIN: usize = 30;

/// Reads an `ExportTraceServiceRequest` or a `TracesData`. Spans whose ids are missing, zero or of a
/// wrong length are left out, counted and named; the rest is kept. Trace ids of 8 bytes are padded on
/// the left. Takes at most some 60 times the memory of its input.
///
/// # Errors
///
/// If the bytes are not protobuf, or a known field is not of its type.
pub fn decode(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let mut decoded = Decoded::default();
    let mut cursor = Cursor::new(bytes);
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => resource_spans(cursor.message(field)?, &mut decoded)?,
            _ => cursor.skip(field)?,
        }
    }
    Ok(decoded)
}

/// Looks for the resource first, which may come after its spans.
fn resource_spans(mut cursor: Cursor<'_>, decoded: &mut Decoded) -> Result<(), DecodeError> {
    let mut resource = Resource::default();
    let mut ahead = cursor;
    while let Some(field) = ahead.field()? {
        match field.number {
            1 => merge_resource(ahead.message(field)?, &mut resource)?,
            3 => resource.schema_url = ahead.text(field)?,
            _ => ahead.skip(field)?,
        }
    }
    let resource = Arc::new(resource);
    while let Some(field) = cursor.field()? {
        match field.number {
            2 => scope_spans(cursor.message(field)?, &resource, decoded)?,
            _ => cursor.skip(field)?,
        }
    }
    Ok(())
}

fn merge_resource(mut cursor: Cursor<'_>, resource: &mut Resource) -> Result<(), DecodeError> {
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => attribute(&mut cursor, field, &mut resource.attributes)?,
            2 => resource.dropped_attributes_count = cursor.number32(field)?,
            _ => cursor.skip(field)?,
        }
    }
    Ok(())
}

/// Looks for the scope first, which may come after its spans.
fn scope_spans(
    mut cursor: Cursor<'_>,
    resource: &Arc<Resource>,
    decoded: &mut Decoded,
) -> Result<(), DecodeError> {
    let mut scope = Scope::default();
    let mut count = 0;
    let mut ahead = cursor;
    while let Some(field) = ahead.field()? {
        match field.number {
            1 => merge_scope(ahead.message(field)?, &mut scope)?,
            2 => count += ahead.bytes(field)?.len().min(SPAN_BYTES_MIN),
            3 => scope.schema_url = ahead.text(field)?,
            _ => ahead.skip(field)?,
        }
    }
    let scope = Arc::new(scope);
    decoded.spans.reserve(count / SPAN_BYTES_MIN);
    while let Some(field) = cursor.field()? {
        match field.number {
            2 => {
                let offset = cursor.offset();
                match span(cursor.message(field)?, resource, &scope)? {
                    Read::Span(span) => decoded.spans.push(span),
                    Read::Reject(message) => {
                        decoded.reject(|| Problem { place: Place::Byte(offset), message });
                    }
                }
            }
            _ => cursor.skip(field)?,
        }
    }
    Ok(())
}

fn merge_scope(mut cursor: Cursor<'_>, scope: &mut Scope) -> Result<(), DecodeError> {
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => scope.name = cursor.text(field)?,
            2 => scope.version = cursor.text(field)?,
            3 => attribute(&mut cursor, field, &mut scope.attributes)?,
            4 => scope.dropped_attributes_count = cursor.number32(field)?,
            _ => cursor.skip(field)?,
        }
    }
    Ok(())
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
            9 => attribute(&mut cursor, field, &mut span.attributes)?,
            10 => span.dropped_attributes_count = cursor.number32(field)?,
            11 => span.events.push(event(cursor.message(field)?)?),
            12 => span.dropped_events_count = cursor.number32(field)?,
            13 => span.links.push(link(cursor.message(field)?)?),
            14 => span.dropped_links_count = cursor.number32(field)?,
            15 => merge_status(cursor.message(field)?, &mut span.status)?,
            16 => span.flags = cursor.fixed32(field)?,
            _ => cursor.skip(field)?,
        }
    }
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

/// 16 bytes, or the 8 of older systems.
fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    let mut id = [0; 16];
    match bytes.len() {
        16 => id.copy_from_slice(bytes),
        8 => id.last_chunk_mut::<8>()?.copy_from_slice(bytes),
        _ => return None,
    }
    Some(TraceId(id))
}

fn span_id(bytes: &[u8]) -> Option<SpanId> {
    bytes.try_into().ok().map(SpanId)
}

/// Nothing and zeros are both no id.
fn span_id_or_none(bytes: &[u8]) -> Result<Option<SpanId>, ()> {
    if bytes.is_empty() {
        return Ok(None);
    }
    span_id(bytes).map(|id| (!id.is_zero()).then_some(id)).ok_or(())
}

/// Values that a later release may add are read as unspecified.
fn kind(number: u32) -> SpanKind {
    match number {
        1 => SpanKind::Internal,
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => SpanKind::Unspecified,
    }
}

fn merge_status(mut cursor: Cursor<'_>, status: &mut Status) -> Result<(), DecodeError> {
    while let Some(field) = cursor.field()? {
        match field.number {
            2 => status.message = cursor.text(field)?,
            3 => status.code = status_code(cursor.number32(field)?),
            _ => cursor.skip(field)?,
        }
    }
    Ok(())
}

fn status_code(number: u32) -> StatusCode {
    match number {
        1 => StatusCode::Ok,
        2 => StatusCode::Error,
        _ => StatusCode::Unset,
    }
}

fn event(mut cursor: Cursor<'_>) -> Result<Event, DecodeError> {
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
            3 => attribute(&mut cursor, field, &mut event.attributes)?,
            4 => event.dropped_attributes_count = cursor.number32(field)?,
            _ => cursor.skip(field)?,
        }
    }
    Ok(event)
}

/// Links may lack their ids, as long as they say something else; ids of a wrong length are none.
fn link(mut cursor: Cursor<'_>) -> Result<Link, DecodeError> {
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
            4 => attribute(&mut cursor, field, &mut link.attributes)?,
            5 => link.dropped_attributes_count = cursor.number32(field)?,
            6 => link.flags = cursor.fixed32(field)?,
            _ => cursor.skip(field)?,
        }
    }
    Ok(link)
}

/// Adds one `KeyValue`, with room for those that follow.
#[inline]
fn attribute(
    cursor: &mut Cursor<'_>,
    field: Field,
    attributes: &mut Attributes,
) -> Result<(), DecodeError> {
    let list = &mut attributes.0;
    if list.len() == list.capacity() {
        list.reserve_exact(cursor.run(field));
    }
    list.push(key_value(cursor.message(field)?, 0)?);
    Ok(())
}

fn key_value(mut cursor: Cursor<'_>, depth: u32) -> Result<(Text, Value), DecodeError> {
    let mut key = Text::default();
    let mut value = Value::default();
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => key = cursor.text(field)?,
            2 => merge_value(cursor.message(field)?, &mut value, depth)?,
            _ => cursor.skip(field)?,
        }
    }
    Ok((key, value))
}

/// The last kind of value wins; lists and maps that come in parts are joined.
fn merge_value(mut cursor: Cursor<'_>, value: &mut Value, depth: u32) -> Result<(), DecodeError> {
    if depth == VALUE_DEPTH_MAX {
        return Err(DecodeError { offset: cursor.offset(), kind: DecodeErrorKind::Depth });
    }
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => *value = Value::Text(cursor.text(field)?),
            2 => *value = Value::Bool(cursor.number(field)? != 0),
            3 => *value = Value::Int(cursor.number(field)?.cast_signed()),
            4 => *value = Value::Double(f64::from_bits(cursor.fixed64(field)?)),
            5 => {
                let mut list = match std::mem::take(value) {
                    Value::List(list) => list,
                    _ => Vec::new(),
                };
                merge_list(cursor.message(field)?, &mut list, depth + 1)?;
                *value = Value::List(list);
            }
            6 => {
                let mut map = match std::mem::take(value) {
                    Value::Map(map) => map,
                    _ => Vec::new(),
                };
                merge_map(cursor.message(field)?, &mut map, depth + 1)?;
                *value = Value::Map(map);
            }
            7 => *value = Value::Bytes(cursor.bytes(field)?.to_vec()),
            // An index into a table that only profiles have.
            8 => {
                cursor.number(field)?;
                *value = Value::Empty;
            }
            _ => cursor.skip(field)?,
        }
    }
    Ok(())
}

fn merge_list(
    mut cursor: Cursor<'_>,
    list: &mut Vec<Value>,
    depth: u32,
) -> Result<(), DecodeError> {
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => {
                let mut value = Value::default();
                merge_value(cursor.message(field)?, &mut value, depth)?;
                list.push(value);
            }
            _ => cursor.skip(field)?,
        }
    }
    Ok(())
}

fn merge_map(
    mut cursor: Cursor<'_>,
    map: &mut Vec<(Text, Value)>,
    depth: u32,
) -> Result<(), DecodeError> {
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => map.push(key_value(cursor.message(field)?, depth)?),
            _ => cursor.skip(field)?,
        }
    }
    Ok(())
}
