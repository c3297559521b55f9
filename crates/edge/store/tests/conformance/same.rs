//! The same questions, the same answers.

use std::collections::BTreeSet;

use model::{Attributes, LogRecord, Moment, Span, TraceId, Window};
use proptest::{
    collection::vec,
    strategy::{Strategy, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use store::{
    Batch, Folder, Items, Limits, Store as _,
    keep::{
        self, SPANS,
        query::{Comparison, Field, Filter, Measure, Query, Top},
        table::span as place,
    },
};
use testkit::clickhouse::ClickHouse;

use crate::{
    drain,
    made::{self, Kept},
    open, options,
};

/// Rounds of what is kept, and questions of each kind in a round.
const ROUNDS: usize = 3;
const QUESTIONS: usize = 60;

fn append(store: &Folder, kept: &Kept) {
    for (number, spans) in kept.spans.chunks(17).enumerate() {
        let received = Moment { nanos: 1_000_000_000_000 + number as u64 };
        store.append(&Batch { spans, otlp: None, received }).unwrap();
    }
    for (number, items) in kept.logs.chunks(17).enumerate() {
        let received = Moment { nanos: 1_000_000_000_000 + number as u64 };
        store.append_logs(&Items { items, otlp: None, received }).unwrap();
    }
    for (number, items) in kept.metrics.chunks(5).enumerate() {
        let received = Moment { nanos: 1_000_000_000_000 + number as u64 };
        store.append_metrics(&Items { items, otlp: None, received }).unwrap();
    }
}

fn check_query(one: &Folder, other: &Folder, query: &Query) {
    let limits = Limits::default();
    let (one, other) = (one.ask(query, &limits).unwrap(), other.ask(query, &limits).unwrap());
    let Query { table, window, filter, group, step, measures, .. } = query;
    let shown = format!("{} {window:?} {filter:?} by {group:?} {step:?}: {measures:?}", table.name);
    assert!(other.coverage.is_whole(), "{shown}: {:?}", other.coverage);
    // How many rows of roll-ups there are hangs on segments.
    if table.sketch.is_none() && keep::rollup::asked(query).is_none() {
        assert_eq!(one.answer.rows_passed, other.answer.rows_passed, "{shown}");
    }
    for (one, other) in one.answer.groups.iter().zip(&other.answer.groups) {
        assert_eq!(one, other, "{shown}");
    }
    assert_eq!(one.answer.groups.len(), other.answer.groups.len(), "{shown}");
    assert_eq!(one.answer.is_cut, other.answer.is_cut, "{shown}");
}

fn check_comparison(one: &Folder, other: &Folder, comparison: &Comparison) {
    let limits = Limits::default();
    let one = one.compare(comparison, &limits).unwrap();
    let other = other.compare(comparison, &limits).unwrap();
    let Comparison { table, window, filter, selection } = comparison;
    let shown = format!("{} {window:?} {filter:?}: {selection:?}", table.name);
    assert!(other.coverage.is_whole(), "{shown}: {:?}", other.coverage);
    assert_eq!(one.answer.rows(), other.answer.rows(), "{shown}");
    assert_eq!(one.answer.ranked(99, 99), other.answer.ranked(99, 99), "{shown}");
}

/// Whole spans in an order of their own: of those that rank the same, engines may name another first.
fn settled(spans: &[Span]) -> BTreeSet<String> {
    let settled = |span: &Span| {
        let mut span = span.clone();
        sort(&mut span.attributes);
        format!("{span:?}")
    };
    spans.iter().map(settled).collect()
}

fn sort(attributes: &mut Attributes) {
    attributes.0.sort_by(|one, other| one.0.cmp(&other.0));
}

fn check_top(one: &Folder, other: &Folder, top: &Top) {
    let limits = Limits::default();
    let (one, other) = (one.top(top, &limits).unwrap(), other.top(top, &limits).unwrap());
    let Top { table, window, filter, by, limit } = top;
    let shown = format!("{} {window:?} {filter:?} by {by:?} {limit}", table.name);
    assert!(other.coverage.is_whole(), "{shown}: {:?}", other.coverage);
    let starts = |spans: &[Span]| spans.iter().map(|span| span.start).collect::<Vec<_>>();
    assert_eq!(starts(&one.answer), starts(&other.answer), "{shown}");
    if one.answer.len() < *limit {
        assert_eq!(settled(&one.answer), settled(&other.answer), "{shown}");
    }
}

fn check_traces(one: &Folder, other: &Folder, kept: &Kept) {
    let traces: BTreeSet<TraceId> = kept.spans.iter().map(|span| span.trace_id).collect();
    let logs = |records: Vec<LogRecord>| {
        let shown = records.into_iter().map(|mut record| {
            sort(&mut record.attributes);
            format!("{record:?}")
        });
        shown.collect::<BTreeSet<String>>()
    };
    for trace in traces.into_iter().take(40) {
        let (here, there) = (one.trace(trace).unwrap(), other.trace(trace).unwrap());
        assert_eq!(here.len(), there.len(), "{trace}");
        assert_eq!(settled(&here), settled(&there), "{trace}");
    }
    let traces: BTreeSet<TraceId> = kept.logs.iter().filter_map(|log| log.trace_id).collect();
    for trace in traces {
        assert_eq!(logs(one.logs_of(trace).unwrap()), logs(other.logs_of(trace).unwrap()));
    }
    assert!(one.trace(TraceId([1; 16])).unwrap().is_empty());
    assert!(other.trace(TraceId([1; 16])).unwrap().is_empty());
}

fn runner() -> TestRunner {
    let seed = std::env::var("TAUT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7_u8);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    TestRunner::new_with_rng(Config::default(), rng)
}

fn made<T>(strategy: impl Strategy<Value = T>, runner: &mut TestRunner) -> T {
    strategy.new_tree(runner).unwrap().current()
}

#[test]
fn clickhouse_and_the_folder_answer_the_same() {
    let server = ClickHouse::start();
    let mut runner = runner();
    for round in 0..ROUNDS {
        let kept = made(made::kept(), &mut runner);
        let folders = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let one = Folder::open(folders.0.path(), options()).unwrap().0;
        let other = open(folders.1.path(), &server);
        append(&one, &kept);
        append(&other, &kept);
        // In the first round all is in the head; then segments are moved while one is still filled.
        if 0 < round {
            drain(&one);
            drain(&other);
        }
        for query in made(vec(made::query(), QUESTIONS), &mut runner) {
            check_query(&one, &other, &query);
        }
        for query in made(vec(made::minutes_query(), QUESTIONS / 5), &mut runner) {
            check_query(&one, &other, &query);
        }
        for comparison in made(vec(made::comparison(), QUESTIONS / 5), &mut runner) {
            check_comparison(&one, &other, &comparison);
        }
        for top in made(vec(made::top(), QUESTIONS / 2), &mut runner) {
            check_top(&one, &other, &top);
        }
        check_traces(&one, &other, &kept);
        for table in ["spans", "logs", "metrics", "minutes"] {
            if 0 < round {
                assert_ne!(crate::rows(&server, table), 0, "{table} have gone there");
            }
            server.run(&format!("TRUNCATE TABLE IF EXISTS taut.{table}"));
        }
    }
}

#[test]
fn what_clickhouse_has_of_other_folders_is_told_too() {
    let server = ClickHouse::start();
    let mut runner = runner();
    let kept = made(made::kept(), &mut runner);
    let folders = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let stores = (open(folders.0.path(), &server), open(folders.1.path(), &server));
    append(&stores.0, &kept);
    drain(&stores.0);
    let query = Query {
        table: &SPANS,
        window: Window::ALL,
        filter: Filter::All,
        group: Vec::new(),
        step: None,
        measures: vec![Measure::Count],
        limit: 1,
    };
    let query = Query { filter: Filter::Has(Field::Column(place::SPAN_ID)), ..query };
    let moved = crate::rows(&server, "spans");
    let told = stores.1.ask(&query, &Limits::default()).unwrap();
    assert_eq!(told.answer.rows_passed, moved);
    assert_ne!(moved, 0);
    // It was received in 1970: others of that age have gone by now.
    let since = told.coverage.held_since.unwrap();
    assert_eq!(since, Moment { nanos: 1_000_000_000_000 });
    let query = Query { window: Window { from: since, ..Window::ALL }, ..query };
    let told = stores.1.ask(&query, &Limits::default()).unwrap();
    assert_eq!(told.coverage.held_since, None, "all of the window is held");
}
