//! A trace in columns, from the rows of the waterfall.

use std::collections::BTreeMap;

use engine::TraceDetail;
use model::{Resource, Span, SpanId};

use crate::{
    fold,
    wire::{EventColumns, GroupKind, SpanColumns, TraceColumns, TraceNode},
};

/// Which attributes of a resource say where a process runs, the first that is there.
const HOST_KEYS: [&str; 5] =
    ["host.name", "k8s.pod.name", "container.name", "container.id", "service.instance.id"];

const KINDS: [GroupKind; 5] =
    [GroupKind::Own, GroupKind::Database, GroupKind::Cache, GroupKind::Http, GroupKind::Queue];

/// Events that are told: more marks than anybody tells apart.
const EVENTS_MAX: usize = 5_000;

/// A trace in columns.
#[must_use]
pub fn columns(detail: &TraceDetail) -> TraceColumns {
    let trace = fold::trace(detail);
    let mut labels = Numbered::default();
    let mut hosts = Numbered::default();
    let by_id: BTreeMap<SpanId, &Span> =
        detail.spans.iter().map(|span| (span.span_id, span)).collect();
    let mut spans = with_room(trace.nodes.len());
    let mut events = EventColumns::default();
    for (place, (row, node)) in trace.nodes.iter().zip(&detail.trace.nodes).enumerate() {
        let span = by_id.get(&node.call.span_id);
        if let Some(span) = span {
            note(&mut events, place, row, span);
        }
        let host = span.map_or("", |span| host(&span.resource));
        push(&mut spans, row);
        spans.label.push(labels.number(&row.label));
        spans.host.push(hosts.number(host));
    }
    TraceColumns {
        id: trace.id,
        start_unix_micros: trace.start_unix_micros,
        duration_micros: trace.duration_micros,
        operation: trace.operation,
        service: trace.service,
        failed: trace.failed,
        statements_count: trace.statements_count,
        breakdown: trace.breakdown,
        notes: trace.notes,
        services: trace.services,
        hosts: hosts.texts,
        labels: labels.texts,
        kinds: KINDS.to_vec(),
        spans,
        events,
        folds: trace.folds,
        statements: trace.statements,
    }
}

fn with_room(count: usize) -> SpanColumns {
    SpanColumns { ids: String::with_capacity(16 * count), ..SpanColumns::default() }
}

fn push(spans: &mut SpanColumns, row: &TraceNode) {
    spans.ids.push_str(&row.span_id);
    spans.depth.push(row.depth);
    spans.service.push(u32::try_from(row.service).unwrap_or(u32::MAX));
    let kind = KINDS.iter().position(|kind| *kind == row.kind).unwrap_or(0);
    spans.kind.push(u8::try_from(kind).unwrap_or(0));
    spans.offset_nanos.push(nanos(row.offset_micros));
    spans.duration_nanos.push(nanos(row.duration_micros));
    spans.critical_own_nanos.push(nanos(row.critical_own_micros));
    spans.flags.push(u8::from(row.failed) + 2 * u8::from(row.double) + 4 * u8::from(row.missing));
    spans.count.push(row.count);
    spans.fold.push(row.fold.and_then(|fold| i64::try_from(fold).ok()).unwrap_or(-1));
}

/// Notes the events of a span; clocks differ, so that one may lie outside of it.
fn note(events: &mut EventColumns, place: usize, row: &TraceNode, span: &Span) {
    let begin = i128::from(nanos(row.offset_micros));
    let room = EVENTS_MAX.saturating_sub(events.span.len());
    for event in span.events.iter().take(room) {
        let since = i128::from(event.time.nanos) - i128::from(span.start.nanos);
        events.span.push(u32::try_from(place).unwrap_or(u32::MAX));
        events.offset_nanos.push(i64::try_from(begin + since).unwrap_or(i64::MAX));
        events.exception.push(event.name == "exception");
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "microseconds with three places, never below zero"
)]
fn nanos(micros: f64) -> u64 {
    (micros * 1000.0).round() as u64
}

fn host(resource: &Resource) -> &str {
    HOST_KEYS.iter().find_map(|key| resource.attributes.text(key)).unwrap_or_default()
}

/// Texts, each once, by number of appearance.
#[derive(Default)]
struct Numbered {
    texts: Vec<String>,
    known: BTreeMap<String, u32>,
}

impl Numbered {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(known) = self.known.get(text) {
            return *known;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(text.to_owned());
        self.known.insert(text.to_owned(), number);
        number
    }
}
