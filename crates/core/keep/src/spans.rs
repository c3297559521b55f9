//! Spans to rows and back: nothing that OTLP carries is lost on the way.

use std::sync::Arc;

use model::{Moment, Resource, Scope, Span, SpanId, SpanKind, Status, StatusCode, TraceId};

use crate::{
    chunk::{AttributeKind, Chunk},
    json::{self, Other},
    origin::{LastOrigin, Origins},
    reader::Reader,
    table::{SPANS, span as place},
};

/// Puts spans into rows.
#[derive(Debug)]
pub struct SpanRows {
    chunk: Chunk,
    kinds: [u32; KINDS.len()],
    statuses: [u32; STATUSES.len()],
    origin: LastOrigin,
}

/// What is known of a span beyond what it says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Derived<'a> {
    /// What was requested, if it is the entry of a request; empty if not.
    pub operation: &'a str,
    /// The normalised statement, if it ran one; empty if not.
    pub statement: &'a str,
}

const KINDS: [(SpanKind, &str); 6] = [
    (SpanKind::Unspecified, ""),
    (SpanKind::Internal, "internal"),
    (SpanKind::Server, "server"),
    (SpanKind::Client, "client"),
    (SpanKind::Producer, "producer"),
    (SpanKind::Consumer, "consumer"),
];

const STATUSES: [(StatusCode, &str); 3] =
    [(StatusCode::Unset, ""), (StatusCode::Ok, "ok"), (StatusCode::Error, "error")];

impl Default for SpanRows {
    fn default() -> Self {
        let mut chunk = Chunk::new(&SPANS);
        let kinds = KINDS.map(|(_, name)| chunk.text(name));
        let statuses = STATUSES.map(|(_, name)| chunk.text(name));
        Self { chunk, kinds, statuses, origin: LastOrigin::default() }
    }
}

impl SpanRows {
    /// The rows so far.
    #[must_use]
    pub fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    /// All rows.
    #[must_use]
    pub fn into_chunk(self) -> Chunk {
        self.chunk
    }

    /// Adds a span that stands for itself alone.
    pub fn push(&mut self, span: &Span, derived: Derived<'_>) {
        let chunk = &mut self.chunk;
        let (resource, service) = self.origin.resource(&span.resource, chunk);
        let scope = self.origin.scope(&span.scope, chunk);
        chunk.set_id16(place::TRACE_ID, span.trace_id.0);
        chunk.set_id8(place::SPAN_ID, span.span_id.0);
        chunk.set_id8(place::PARENT_SPAN_ID, span.parent_id.unwrap_or_default().0);
        chunk.set_whole(place::START, span.start.nanos);
        chunk.set_whole(place::DURATION, span.end.nanos.saturating_sub(span.start.nanos));
        chunk.set_text(place::SERVICE, service);
        chunk.set_text(place::KIND, self.kinds[span.kind as usize]);
        chunk.set_text(place::STATUS, self.statuses[span.status.code as usize]);
        chunk.set_text(place::RESOURCE, resource);
        chunk.set_text(place::SCOPE, scope);
        chunk.set_whole(place::FLAGS, u64::from(span.flags));
        chunk.set_whole(place::WEIGHT, 1);
        let texts: [(usize, &str); 5] = [
            (place::NAME, &span.name),
            (place::STATUS_MESSAGE, &span.status.message),
            (place::OPERATION, derived.operation),
            (place::STATEMENT, derived.statement),
            (place::TRACE_STATE, &span.trace_state),
        ];
        for (place, text) in texts {
            let number = if text.is_empty() { 0 } else { chunk.text(text) };
            chunk.set_text(place, number);
        }
        let written = [
            (place::EVENTS, json::events(&span.events)),
            (place::LINKS, json::links(&span.links)),
            (place::OTHER, other(span).line()),
        ];
        for (place, text) in written {
            let number = if text.is_empty() { 0 } else { chunk.text(&text) };
            chunk.set_text(place, number);
        }
        for (key, value) in &span.attributes.0 {
            let (kind, value) = AttributeKind::of(value, chunk);
            chunk.set_attribute(key, kind, value);
        }
        chunk.end_row();
    }
}

fn other(span: &Span) -> Other {
    Other {
        dropped_attributes_count: span.dropped_attributes_count,
        dropped_events_count: span.dropped_events_count,
        dropped_links_count: span.dropped_links_count,
        end: (span.end < span.start).then_some(span.end),
    }
}

/// The spans of some rows of a chunk that has all columns, in the order of `rows`. Their attributes are in the
/// order in which the chunk first met their keys.
///
/// # Panics
///
/// If the chunk is not of [`SPANS`].
#[must_use]
pub fn read(chunk: &Chunk, rows: &[usize]) -> Vec<Span> {
    assert_eq!(chunk.table().name, SPANS.name, "rows of another table are no spans");
    let reader = Reader { chunk };
    let mut origins = Origins::default();
    let mut spans = Vec::with_capacity(rows.len());
    for row in rows.iter().copied() {
        let resource = origins.resource(chunk, reader.number(place::RESOURCE, row));
        let scope = origins.scope(chunk, reader.number(place::SCOPE, row));
        spans.push(reader.span(row, resource, scope));
    }
    spans
}

impl Reader<'_> {
    fn span(&self, row: usize, resource: Arc<Resource>, scope: Arc<Scope>) -> Span {
        let other = Other::read(self.text(place::OTHER, row));
        let start = self.whole(place::START, row);
        let end = Moment { nanos: start.saturating_add(self.whole(place::DURATION, row)) };
        let parent = SpanId(self.id8(place::PARENT_SPAN_ID, row));
        Span {
            trace_id: TraceId(self.id16(place::TRACE_ID, row)),
            span_id: SpanId(self.id8(place::SPAN_ID, row)),
            parent_id: (!parent.is_zero()).then_some(parent),
            trace_state: self.text(place::TRACE_STATE, row).into(),
            flags: u32::try_from(self.whole(place::FLAGS, row)).unwrap_or(u32::MAX),
            name: self.text(place::NAME, row).into(),
            kind: named(&KINDS, self.text(place::KIND, row)),
            start: Moment { nanos: start },
            end: other.end.unwrap_or(end),
            attributes: self.attributes(row),
            dropped_attributes_count: other.dropped_attributes_count,
            events: json::read_events(self.text(place::EVENTS, row)),
            dropped_events_count: other.dropped_events_count,
            links: json::read_links(self.text(place::LINKS, row)),
            dropped_links_count: other.dropped_links_count,
            status: Status {
                code: named(&STATUSES, self.text(place::STATUS, row)),
                message: self.text(place::STATUS_MESSAGE, row).into(),
            },
            resource,
            scope,
        }
    }
}

pub(crate) fn named<T: Copy + Default>(names: &[(T, &str)], name: &str) -> T {
    names.iter().find(|(_, known)| *known == name).map(|(it, _)| *it).unwrap_or_default()
}
