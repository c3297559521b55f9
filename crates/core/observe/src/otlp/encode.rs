//! Spans to OTLP protobuf, the mirror image of `decode`.

use std::sync::Arc;

use model::{Attributes, Event, Link, Resource, Scope, Span, SpanKind, StatusCode, Text, Value};

use super::unknown::{EVENT, LINK, RESOURCE, SCOPE, SPAN, Shape, Written, around};

/// Writes one `ExportTraceServiceRequest`. Spans keep their order; neighbours that share resource
/// and scope are written as one group.
#[must_use]
pub fn encode(spans: &[Span]) -> Vec<u8> {
    export(spans, write_span)
}

/// An item of a request, and where it comes from.
pub(super) trait Item {
    fn resource(&self) -> &Arc<Resource>;
    fn scope(&self) -> &Arc<Scope>;
}

impl Item for Span {
    fn resource(&self) -> &Arc<Resource> {
        &self.resource
    }

    fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }
}

/// Runs of neighbours with an equal `part`.
pub(super) fn groups<I, T: PartialEq>(
    items: &[I],
    part: fn(&I) -> &Arc<T>,
) -> impl Iterator<Item = &[I]> {
    items.chunk_by(move |left, right| {
        Arc::ptr_eq(part(left), part(right)) || part(left) == part(right)
    })
}

/// Writes a request of any signal: they number these fields alike.
pub(super) fn export<I: Item>(items: &[I], write: fn(&mut Vec<u8>, &I)) -> Vec<u8> {
    let mut out = Vec::with_capacity(items.len() * 256);
    for items in groups(items, I::resource) {
        message(&mut out, 1, |out| of_resource(out, items, write));
    }
    out
}

fn of_resource<I: Item>(out: &mut Vec<u8>, items: &[I], write: fn(&mut Vec<u8>, &I)) {
    let Some(resource) = items.first().map(|item| &**item.resource()) else { return };
    message(out, 1, |out| write_resource(out, resource));
    for items in groups(items, I::scope) {
        message(out, 2, |out| of_scope(out, items, write));
    }
    text(out, 3, &resource.schema_url);
    out.extend_from_slice(around(&resource.attributes).unwrap_or_default());
}

fn write_resource(out: &mut Vec<u8>, resource: &Resource) {
    with_unknown(out, RESOURCE, &resource.attributes);
    number(out, 2, u64::from(resource.dropped_attributes_count));
}

fn of_scope<I: Item>(out: &mut Vec<u8>, items: &[I], write: fn(&mut Vec<u8>, &I)) {
    let Some(scope) = items.first().map(|item| &**item.scope()) else { return };
    message(out, 1, |out| write_scope(out, scope));
    for item in items {
        message(out, 2, |out| write(out, item));
    }
    text(out, 3, &scope.schema_url);
    out.extend_from_slice(around(&scope.attributes).unwrap_or_default());
}

fn write_scope(out: &mut Vec<u8>, scope: &Scope) {
    text(out, 1, &scope.name);
    text(out, 2, &scope.version);
    with_unknown(out, SCOPE, &scope.attributes);
    number(out, 4, u64::from(scope.dropped_attributes_count));
}

fn write_span(out: &mut Vec<u8>, span: &Span) {
    bytes(out, 1, &span.trace_id.0);
    bytes(out, 2, &span.span_id.0);
    text(out, 3, &span.trace_state);
    if let Some(parent_id) = span.parent_id {
        bytes(out, 4, &parent_id.0);
    }
    text(out, 5, &span.name);
    number(out, 6, kind(span.kind));
    fixed64(out, 7, span.start.nanos);
    fixed64(out, 8, span.end.nanos);
    with_unknown(out, SPAN, &span.attributes);
    number(out, 10, u64::from(span.dropped_attributes_count));
    for event in &span.events {
        message(out, 11, |out| write_event(out, event));
    }
    number(out, 12, u64::from(span.dropped_events_count));
    for link in &span.links {
        message(out, 13, |out| write_link(out, link));
    }
    number(out, 14, u64::from(span.dropped_links_count));
    if span.status.code != StatusCode::Unset || !span.status.message.is_empty() {
        message(out, 15, |out| {
            text(out, 2, &span.status.message);
            number(out, 3, status_code(span.status.code));
        });
    }
    fixed32(out, 16, span.flags);
}

/// The number that OTLP gives to a kind of span.
pub(super) fn kind(kind: SpanKind) -> u64 {
    match kind {
        SpanKind::Unspecified => 0,
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

/// The number that OTLP gives to a verdict.
pub(super) fn status_code(code: StatusCode) -> u64 {
    match code {
        StatusCode::Unset => 0,
        StatusCode::Ok => 1,
        StatusCode::Error => 2,
    }
}

fn write_event(out: &mut Vec<u8>, event: &Event) {
    fixed64(out, 1, event.time.nanos);
    text(out, 2, &event.name);
    with_unknown(out, EVENT, &event.attributes);
    number(out, 4, u64::from(event.dropped_attributes_count));
}

fn write_link(out: &mut Vec<u8>, link: &Link) {
    bytes(out, 1, &link.trace_id.0);
    bytes(out, 2, &link.span_id.0);
    text(out, 3, &link.trace_state);
    with_unknown(out, LINK, &link.attributes);
    number(out, 5, u64::from(link.dropped_attributes_count));
    fixed32(out, 6, link.flags);
}

/// Attributes, and the fields that are not known here as they came.
pub(super) fn with_unknown(out: &mut Vec<u8>, shape: Shape, attributes: &Attributes) {
    Written::of(shape, attributes, &Value::Empty).write(out);
}

pub(super) fn attributes(out: &mut Vec<u8>, field: u32, attributes: &Attributes) {
    for pair in &attributes.0 {
        message(out, field, |out| key_value(out, pair));
    }
}

pub(super) fn key_value(out: &mut Vec<u8>, (key, value): &(Text, Value)) {
    text(out, 1, key);
    if !matches!(value, Value::Empty) {
        message(out, 2, |out| write_value(out, value));
    }
}

/// Of a value that is set even nought is written: it is one of several.
pub(super) fn write_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Empty => {}
        Value::Text(text) => bytes(out, 1, text.as_bytes()),
        Value::Bool(bool) => {
            tag(out, 2, 0);
            varint(out, u64::from(*bool));
        }
        Value::Int(int) => {
            tag(out, 3, 0);
            varint(out, int.cast_unsigned());
        }
        Value::Double(double) => {
            tag(out, 4, 1);
            out.extend_from_slice(&double.to_bits().to_le_bytes());
        }
        Value::List(list) => message(out, 5, |out| {
            for value in list {
                message(out, 1, |out| write_value(out, value));
            }
        }),
        Value::Map(map) => message(out, 6, |out| {
            for pair in map {
                message(out, 1, |out| key_value(out, pair));
            }
        }),
        Value::Bytes(value) => bytes(out, 7, value),
    }
}

/// Writes the content and its length, then turns the two round: simpler than adding lengths up first,
/// and moving a few hundred bytes costs less than a second walk over the values.
pub(super) fn message(out: &mut Vec<u8>, field: u32, content: impl FnOnce(&mut Vec<u8>)) {
    tag(out, field, 2);
    let start = out.len();
    content(out);
    let end = out.len();
    varint(out, (end - start) as u64);
    let length_bytes = out.len() - end;
    out[start..].rotate_right(length_bytes);
}

pub(super) fn bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    tag(out, field, 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(super) fn text(out: &mut Vec<u8>, field: u32, text: &str) {
    if !text.is_empty() {
        bytes(out, field, text.as_bytes());
    }
}

pub(super) fn number(out: &mut Vec<u8>, field: u32, number: u64) {
    if number != 0 {
        tag(out, field, 0);
        varint(out, number);
    }
}

pub(super) fn fixed64(out: &mut Vec<u8>, field: u32, number: u64) {
    if number != 0 {
        tag(out, field, 1);
        out.extend_from_slice(&number.to_le_bytes());
    }
}

pub(super) fn fixed32(out: &mut Vec<u8>, field: u32, number: u32) {
    if number != 0 {
        tag(out, field, 5);
        out.extend_from_slice(&number.to_le_bytes());
    }
}

pub(super) fn tag(out: &mut Vec<u8>, field: u32, wire: u32) {
    varint(out, u64::from(field << 3 | wire));
}

pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while 0x80 <= value {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}
