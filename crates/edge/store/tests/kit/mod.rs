//! Spans, facts and stores for the tests of this crate.
#![allow(
    clippy::allow_attributes,
    dead_code,
    unreachable_pub,
    reason = "each test binary uses another part of it, so `expect` would fail in one of them"
)]
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::{collections::BTreeMap, fmt::Write as _, path::Path, sync::Arc, time::Duration};

use model::{
    Attributes, Moment, OperationKey, Resource, Scope, Span, SpanId, SpanKind, Status, Text,
    TraceId, Value, Window,
};
use proptest::prelude::*;
use store::{
    Batch, Breakdown, Folder, GroupFact, GroupKind, Options, Recovery, RequestFact, RequestFilter,
    Store, StoreError, Syncing, keep,
};

/// The smallest segments that a store accepts, so that tests see many.
pub const SEGMENT_BYTES: u64 = 4 << 10;

pub fn options() -> Options {
    Options { sync: Syncing::Os, segment_bytes: SEGMENT_BYTES, ..Options::default() }
}

pub fn open(path: &Path) -> (Folder, Recovery) {
    Folder::open(path, options()).unwrap()
}

pub fn trace_id(number: u64) -> TraceId {
    let mut id = [0xab; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    TraceId(id)
}

pub fn span(trace: u64, number: u64) -> Span {
    Span {
        trace_id: trace_id(trace),
        span_id: SpanId((number + 1).to_be_bytes()),
        parent_id: None,
        trace_state: Text::default(),
        flags: 0,
        name: Text::from(format!("span {trace}/{number}")),
        kind: SpanKind::Client,
        start: Moment { nanos: 1_000 + number },
        end: Moment { nanos: 2_000 + number },
        attributes: Attributes(vec![("db.statement".into(), Value::Text("SELECT 1".into()))]),
        dropped_attributes_count: 0,
        events: Vec::new(),
        dropped_events_count: 0,
        links: Vec::new(),
        dropped_links_count: 0,
        status: Status::default(),
        resource: Arc::new(Resource::default()),
        scope: Arc::new(Scope::default()),
    }
}

/// Spans of one trace, as many as `count`.
pub fn spans(trace: u64, count: u64) -> Vec<Span> {
    (0..count).map(|number| span(trace, number)).collect()
}

pub fn append(store: &dyn Store, spans: &[Span], received_nanos: u64) -> Result<(), StoreError> {
    store.append(&Batch { spans, otlp: None, received: Moment { nanos: received_nanos } })
}

pub fn fact(trace: u64, start_nanos: u64, duration_nanos: u64) -> RequestFact {
    RequestFact {
        operation: OperationKey { service: "shop".into(), operation: "GET /orders".into() },
        trace_id: trace_id(trace),
        span_id: SpanId([7; 8]),
        start: Moment { nanos: start_nanos },
        duration: Duration::from_nanos(duration_nanos),
        failed: false,
        status: 200,
        statements: 3,
        spans: 9,
        breakdown: Breakdown { own: Duration::from_nanos(duration_nanos), ..Breakdown::default() },
        groups: vec![group(GroupKind::Database, "SELECT ?", 3, duration_nanos / 2)],
        attributes: vec![("user.tier".into(), "gold".into())],
    }
}

pub fn group(kind: GroupKind, name: &str, count: u32, total_nanos: u64) -> GroupFact {
    let total = Duration::from_nanos(total_nanos);
    GroupFact { kind, name: name.into(), count, total, failed: 1 }
}

pub fn everything() -> RequestFilter {
    RequestFilter {
        window: Window::ALL,
        service: None,
        operation: None,
        duration_min: None,
        failed: None,
    }
}

/// Facts of few traces and operations, so that they meet and replace each other.
pub fn any_fact() -> impl Strategy<Value = RequestFact> {
    let kinds =
        [GroupKind::Own, GroupKind::Database, GroupKind::Cache, GroupKind::Http, GroupKind::Queue];
    let text = prop::sample::select(vec!["", "a", "b", "GET /orders/", "SELECT ?", "é✓"]);
    let nanos = prop_oneof![0_u64..2_000, any::<u64>()];
    let groups = (prop::sample::select(kinds.to_vec()), text.clone(), any::<u32>(), nanos.clone())
        .prop_map(|(kind, name, count, nanos)| group(kind, name, count, nanos));
    let attributes =
        (text.clone(), text.clone()).prop_map(|(key, value)| (key.into(), value.into()));
    let counts = (any::<bool>(), any::<u16>(), any::<u32>(), any::<u32>());
    (
        (text.clone(), text, 0_u64..9, nanos.clone(), nanos.clone()),
        counts,
        prop::array::uniform5(nanos),
        prop::collection::vec(groups, 0..4),
        prop::collection::vec(attributes, 0..4),
    )
        .prop_map(|(place, (failed, status, statements, spans), parts, groups, attributes)| {
            let (service, operation, trace, start, duration) = place;
            let [own, database, cache, http, queue] = parts.map(Duration::from_nanos);
            RequestFact {
                operation: OperationKey { service: service.into(), operation: operation.into() },
                failed,
                status,
                statements,
                spans,
                breakdown: Breakdown { own, database, cache, http, queue },
                groups,
                attributes,
                ..fact(trace, start, duration)
            }
        })
}

/// How many rows there are of each trace, by its number.
pub fn counted(store: &Folder) -> BTreeMap<u64, u64> {
    let mut found = BTreeMap::new();
    let coverage = store.export(&keep::SPANS, Window::ALL, |chunk| {
        for span in keep::spans::read(chunk, &(0..chunk.rows()).collect::<Vec<_>>()) {
            let number = u64::from_be_bytes(*span.trace_id.0.last_chunk().unwrap());
            *found.entry(number).or_default() += 1;
        }
        Ok::<(), StoreError>(())
    });
    assert!(coverage.unwrap().damaged.is_empty());
    found
}

/// Names of the files in a folder.
pub fn names(folder: &Path) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap())
}

/// All that a store answers, as text to compare.
pub fn answers(store: &dyn Store) -> String {
    let mut told = String::new();
    for trace in 0..9 {
        let spans = store.trace(trace_id(trace)).unwrap();
        let names = spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>();
        let known = store.knows(trace_id(trace), SpanId([7; 8]));
        writeln!(told, "{trace} {known} {names:?}").unwrap();
    }
    for since in [0, 30, 1_000] {
        let mut each = |received: Moment, spans: Vec<Span>| {
            let ids = spans.iter().map(|span| (span.trace_id, span.span_id)).collect::<Vec<_>>();
            writeln!(told, "{since} {} {ids:?}", received.nanos).unwrap();
        };
        store.replay(Moment { nanos: since }, &mut each).unwrap();
    }
    let window = Window { from: Moment { nanos: 10 }, to: Moment { nanos: 1_510 } };
    for operation in store.operations(window).unwrap() {
        let series =
            store.series(std::slice::from_ref(&operation.key), window, 7).unwrap().remove(0);
        writeln!(told, "{operation:?}\n{series:?}").unwrap();
    }
    let slow = RequestFilter { duration_min: Some(Duration::from_nanos(500)), ..everything() };
    for filter in [everything(), slow] {
        let facts = store.slowest(&filter, 1_000).unwrap();
        let groups = store.groups(&filter, 1_000).unwrap();
        writeln!(told, "{facts:?}\n{groups:?}").unwrap();
    }
    writeln!(told, "{:?}", store.recorded_until()).unwrap();
    told
}
