//! What is in a store after a loss of power.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use model::{Moment, Span, SpanId, Text, TraceId, Window};
use store::{
    Folder, Limits, Store as _, StoreError,
    keep::{
        self,
        query::{Field, Filter, Measure, Measured, Query},
        table::span,
    },
};

use crate::{Kind, Thins, batch, times};

/// What is in a store.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) batches: BTreeSet<u64>,
    pub(crate) document: Option<Vec<u8>>,
}

impl Found {
    /// Counts all; panics at what is half or twice.
    pub(crate) fn in_store(store: &Folder, thins: Thins) -> Self {
        let mut batches = match thins {
            Thins::Nothing => Self::spans(store),
            Thins::Most => Self::spans_told_of(store),
        };
        for kind in [Kind::Logs, Kind::Metrics] {
            let mut found: Vec<u64> = Vec::new();
            let coverage = store.export(kind.table(), Window::ALL, |chunk| {
                let keep::Column::Whole(times) = chunk.column(chunk.table().time) else {
                    panic!("times are whole numbers");
                };
                found.extend(times);
                Ok::<(), StoreError>(())
            });
            assert!(coverage.unwrap().damaged.is_empty());
            found.sort_unstable();
            let from = if kind == Kind::Logs { 1_000 } else { 0 };
            let numbers: BTreeSet<u64> = found.iter().map(|time| (time - from) / 10).collect();
            assert!(numbers.iter().all(|number| Kind::of(*number) == kind));
            let whole: Vec<u64> = numbers.iter().flat_map(|number| times(*number)).collect();
            assert!(found == whole, "each batch of {kind:?} is there whole and once");
            batches.extend(numbers);
        }
        let document = store.load_document("state").expect("a document is whole, or not there");
        Self { batches, document }
    }

    /// Batches of spans, each of which is there whole and once.
    fn spans(store: &Folder) -> BTreeSet<u64> {
        let (rows, _) = rows(store);
        let number = |span: &Span| of_trace(span.trace_id) / 10;
        let batches: BTreeSet<u64> = rows.iter().map(number).collect();
        let whole: Vec<Span> = batches.iter().flat_map(|number| batch(*number)).collect();
        assert!(ids(&rows) == ids(&whole), "each batch of spans is there whole and once");
        for number in batches.iter().step_by(9) {
            let all = batch(*number);
            let first = all[0].trace_id;
            let expected: Vec<Span> = all.into_iter().filter(|it| it.trace_id == first).collect();
            assert_eq!(store.trace(first).unwrap(), expected);
        }
        batches
    }

    /// Batches of spans that roll-ups, and what is in none, tell of: whole and once. What is left of them is of whole
    /// traces, each span once, and stands for a power of two.
    fn spans_told_of(store: &Folder) -> BTreeSet<u64> {
        let told = told_by_name(store);
        let number = |name: &str| {
            let trace = name.strip_prefix("span ")?.split_once('/')?.0.parse::<u64>().ok()?;
            Some(trace / 10)
        };
        let batches: BTreeSet<u64> = told.keys().map(|name| number(name).unwrap()).collect();
        let all = batches.iter().flat_map(|number| batch(*number));
        let expected: BTreeMap<String, u64> = all.map(|span| (span.name.to_string(), 1)).collect();
        let files = || crate::kit::names(store.home().unwrap()).collect::<BTreeSet<_>>();
        for (name, count) in &expected {
            let told = told.get(name);
            assert!(
                told == Some(count),
                "{name} is told of {told:?} times; there are {:?}",
                files()
            );
        }
        let (rows, weights) = rows(store);
        assert!(weights.iter().all(|weight| (*weight).max(1).is_power_of_two()), "{weights:?}");
        let traces: BTreeSet<TraceId> = rows.iter().map(|span| span.trace_id).collect();
        let of = |trace: &TraceId| {
            let all = batch(of_trace(*trace) / 10);
            all.into_iter().filter(|span| span.trace_id == *trace).collect::<Vec<_>>()
        };
        let whole: Vec<Span> = traces.iter().flat_map(of).collect();
        assert!(ids(&rows) == ids(&whole), "each trace that is left is whole and there once");
        for trace in traces.iter().step_by(9) {
            assert_eq!(store.trace(*trace).unwrap(), of(trace));
        }
        batches
    }
}

/// All rows of spans, and how many each stands for.
fn rows(store: &Folder) -> (Vec<Span>, Vec<u64>) {
    let (mut rows, mut weights) = (Vec::new(), Vec::new());
    let coverage = store.export(&keep::SPANS, Window::ALL, |chunk| {
        rows.extend(keep::spans::read(chunk, &(0..chunk.rows()).collect::<Vec<_>>()));
        let keep::Column::Whole(own) = chunk.column(span::WEIGHT) else {
            panic!("weights are whole numbers");
        };
        weights.extend(own);
        Ok::<(), StoreError>(())
    });
    assert!(coverage.unwrap().damaged.is_empty());
    let mut replayed = Vec::new();
    store.replay(Moment::default(), &mut |_, spans| replayed.extend(spans)).unwrap();
    assert!(ids(&rows) == ids(&replayed), "what is exported is what is replayed");
    (rows, weights)
}

/// How many spans of each name there were, thinned or not.
fn told_by_name(store: &Folder) -> BTreeMap<String, u64> {
    let query = Query {
        table: &keep::SPANS,
        window: Window::ALL,
        filter: Filter::All,
        group: vec![Field::Column(span::NAME)],
        step: None,
        measures: vec![Measure::Count],
        limit: 100_000,
    };
    let limits = Limits { time: Duration::from_mins(10), ..Limits::default() };
    let answered = store.ask(&query, &limits).unwrap();
    assert!(answered.coverage.is_whole(), "{:?}", answered.coverage);
    let groups = answered.answer.groups.into_iter();
    let count = |measured: &Measured| match measured {
        Measured::Count(count) => *count,
        other => panic!("{other:?} is no count"),
    };
    let name = |key: &[Option<Text>]| key[0].as_ref().map(ToString::to_string).unwrap_or_default();
    groups.map(|group| (name(&group.key), count(&group.measured[0]))).collect()
}

fn of_trace(id: TraceId) -> u64 {
    u64::from_be_bytes(*id.0.last_chunk().unwrap())
}

fn ids(spans: &[Span]) -> Vec<(TraceId, SpanId)> {
    let mut ids: Vec<_> = spans.iter().map(|span| (span.trace_id, span.span_id)).collect();
    ids.sort_unstable();
    ids
}
