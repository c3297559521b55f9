//! Spans to rows and back: nothing that OTLP carries is lost on the way.

use std::sync::Arc;

use model::{
    Moment, Resource, Scope, Span, SpanId, SpanKind, SpanView, Status, StatusCode, TraceId,
};

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
    /// Places and values of the attributes of the span at hand.
    placed: Vec<(u32, u64)>,
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
        Self::over(Chunk::new(&SPANS))
    }
}

impl SpanRows {
    /// Fills a chunk of spans that has no rows.
    #[must_use]
    pub fn over(mut chunk: Chunk) -> Self {
        let kinds = KINDS.map(|(_, name)| chunk.text(name));
        let statuses = STATUSES.map(|(_, name)| chunk.text(name));
        let (origin, placed) = (LastOrigin::default(), Vec::new());
        Self { chunk, kinds, statuses, origin, placed }
    }

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

impl SpanRows {
    /// Adds a span that stands for itself alone, straight from the bytes in which it came: the row is the one that
    /// [`SpanRows::push`] makes of it.
    ///
    /// `derive` is given the rows so far, and for each attribute of the span the place of its column and its value there:
    /// equal ones mean an equal attribute. It returns the numbers of the texts of operation and statement, 0 for none.
    pub fn push_view(
        &mut self,
        view: &SpanView<'_>,
        derive: impl FnOnce(&mut Chunk, &[(u32, u64)]) -> (u32, u32),
    ) {
        let chunk = &mut self.chunk;
        let (resource, service) = self.origin.resource(view.resource, chunk);
        let scope = self.origin.scope(view.scope, chunk);
        chunk.set_id16(place::TRACE_ID, view.trace_id.0);
        chunk.set_id8(place::SPAN_ID, view.span_id.0);
        chunk.set_id8(place::PARENT_SPAN_ID, view.parent_id.unwrap_or_default().0);
        chunk.set_whole(place::START, view.start.nanos);
        chunk.set_whole(place::DURATION, view.end.nanos.saturating_sub(view.start.nanos));
        chunk.set_text(place::SERVICE, service);
        chunk.set_text(place::KIND, self.kinds[view.kind as usize]);
        chunk.set_text(place::STATUS, self.statuses[view.status as usize]);
        chunk.set_text(place::RESOURCE, resource);
        chunk.set_text(place::SCOPE, scope);
        chunk.set_whole(place::FLAGS, u64::from(view.flags));
        chunk.set_whole(place::WEIGHT, 1);
        for (place, text) in [
            (place::NAME, view.name),
            (place::STATUS_MESSAGE, view.status_message),
            (place::TRACE_STATE, view.trace_state),
        ] {
            let number = if text.is_empty() { 0 } else { chunk.text_of(text) };
            chunk.set_text(place, number);
        }
        let said = Other {
            dropped_attributes_count: view.dropped_attributes_count,
            dropped_events_count: view.dropped_events_count,
            dropped_links_count: view.dropped_links_count,
            end: (view.end < view.start).then_some(view.end),
        };
        let number = if said == Other::default() { 0 } else { chunk.text(&said.line()) };
        chunk.set_text(place::OTHER, number);
        let number =
            if view.events.is_empty() { 0 } else { chunk.text(&json::events(view.events)) };
        chunk.set_text(place::EVENTS, number);
        let number = if view.links.is_empty() { 0 } else { chunk.text(&json::links(view.links)) };
        chunk.set_text(place::LINKS, number);
        self.placed.clear();
        for (key, value) in view.attributes {
            self.placed.push(chunk.set_attribute_view(key, value));
        }
        let (operation, statement) = derive(chunk, &self.placed);
        chunk.set_text(place::OPERATION, operation);
        chunk.set_text(place::STATEMENT, statement);
        chunk.end_row();
    }

    /// Drops all rows but the first `rows`.
    pub fn truncate(&mut self, rows: usize) {
        self.chunk.truncate(rows);
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

#[cfg(test)]
mod tests {
    use model::{Text, Value, ValueView};
    use proptest::prelude::*;
    use testkit::arbitrary;

    use super::*;

    fn push_view(rows: &mut SpanRows, span: &Span) {
        let attributes: Vec<(&[u8], ValueView<'_>)> = span
            .attributes
            .0
            .iter()
            .map(|(key, value)| {
                let value = match value {
                    Value::Text(text) => ValueView::Text(text.as_bytes()),
                    Value::Int(int) => ValueView::Int(*int),
                    other => ValueView::Other(other.clone()),
                };
                (key.as_bytes(), value)
            })
            .collect();
        let view = SpanView {
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_id: span.parent_id,
            trace_state: span.trace_state.as_bytes(),
            flags: span.flags,
            name: span.name.as_bytes(),
            kind: span.kind,
            start: span.start,
            end: span.end,
            attributes: &attributes,
            dropped_attributes_count: span.dropped_attributes_count,
            events: &span.events,
            dropped_events_count: span.dropped_events_count,
            links: &span.links,
            dropped_links_count: span.dropped_links_count,
            status: span.status.code,
            status_message: span.status.message.as_bytes(),
            resource: &span.resource,
            scope: &span.scope,
        };
        let numbers = |chunk: &mut Chunk| (chunk.text("operation"), chunk.text("statement"));
        rows.push_view(&view, |chunk, placed| {
            for ((place, bits), (key, _)) in placed.iter().zip(&span.attributes.0) {
                let column = &chunk.attributes()[*place as usize];
                assert_eq!(chunk.texts().get(column.key), key);
                assert!(column.values.contains(bits) || 1 < placed.len());
            }
            numbers(chunk)
        });
    }

    /// Texts of the columns that are derived.
    fn derived(chunk: &Chunk, row: usize) -> [Text; 2] {
        let reader = Reader { chunk };
        [place::OPERATION, place::STATEMENT].map(|place| reader.text(place, row).into())
    }

    proptest! {
        #[test]
        fn rows_of_views_are_those_of_the_spans(spans in arbitrary::spans(), kept in 0_usize..12) {
            let derived_of = Derived { operation: "operation", statement: "statement" };
            let (mut pushed, mut viewed) = (SpanRows::default(), SpanRows::default());
            for span in &spans {
                pushed.push(span, derived_of);
                push_view(&mut viewed, span);
            }
            let all: Vec<usize> = (0..spans.len()).collect();
            prop_assert_eq!(read(viewed.chunk(), &all), read(pushed.chunk(), &all));
            for row in &all {
                prop_assert_eq!(derived(viewed.chunk(), *row), derived(pushed.chunk(), *row));
            }
            // What is dropped leaves nothing behind that later rows would meet.
            viewed.truncate(kept);
            let kept = kept.min(spans.len());
            prop_assert_eq!(viewed.chunk().rows(), kept);
            for span in &spans {
                push_view(&mut viewed, span);
            }
            let again: Vec<usize> = (0..kept).chain(kept..kept + spans.len()).collect();
            let expected = [read(pushed.chunk(), &all[..kept]), read(pushed.chunk(), &all)].concat();
            let found: Vec<Attributed> = read(viewed.chunk(), &again).iter().map(attributed).collect();
            prop_assert_eq!(found, expected.iter().map(attributed).collect::<Vec<_>>());
        }
    }

    type Attributed = (SpanId, Vec<(Text, String)>);

    /// Attributes in an order of their own: the order in which the chunk met their keys may differ.
    fn attributed(span: &Span) -> Attributed {
        let mut attributes: Vec<(Text, String)> = span
            .attributes
            .0
            .iter()
            .map(|(key, value)| (key.clone(), format!("{value:?}")))
            .collect();
        attributes.sort();
        (span.span_id, attributes)
    }
}
