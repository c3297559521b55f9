//! What is kept for long: the same stays in ClickHouse as in the folder, what is told of it is the same to the last digit,
//! and what was replaced goes.

use std::{
    collections::BTreeSet,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use model::{Moment, Span, TraceId, Window};
use store::{
    Batch, Folder, Keeping, Limits, Options, Store as _, StoreError, Syncing,
    clickhouse::held,
    keep::{
        self, MINUTES, SPANS,
        policy::Quotas,
        query::{Comparison, Field, Filter, Measure, Query},
        table::{minute, span},
    },
};
use testkit::clickhouse::ClickHouse;

use crate::{
    LONG, drain, settings,
    shop::{BEGIN, HOUR, MINUTE, batch},
};

/// Minutes of requests; what came last is no full segment.
const MINUTES_COUNT: u64 = 200;

const KEEPING: Keeping = Keeping {
    all: Duration::from_hours(1),
    minutes: Duration::from_hours(10_000),
    quotas: Quotas { notable: 2, others: 1 },
    bytes_max: u64::MAX,
};

fn options() -> Options {
    Options { sync: Syncing::Os, segment_bytes: 32 << 10, ..Options::default() }
}

fn open(path: &Path, server: &ClickHouse, replaced_for: Duration) -> Folder {
    let settings = store::clickhouse::Settings { replaced_for, ..settings(server) };
    Folder::open_with_clickhouse(path, options(), &settings).unwrap().0
}

fn fill(store: &Folder) {
    for number in 0..MINUTES_COUNT {
        let received = Moment { nanos: BEGIN + (number + 1) * MINUTE };
        let spans = batch(number);
        store.append(&Batch { spans: &spans, otlp: None, received }).unwrap();
    }
    drain(store);
}

/// Thins all there is to thin: as late as a clock is believed that is ahead of what came last.
fn thin(store: &Folder) {
    thin_at(store, Moment { nanos: BEGIN + 20 * HOUR });
}

fn thin_at(store: &Folder, now: Moment) {
    while store.thin(&KEEPING, now).unwrap() || store.tidy().unwrap() {}
}

fn rows(server: &ClickHouse, which: &str) -> u64 {
    let count = server.ask(&format!("SELECT count() FROM taut.spans WHERE {which}"));
    count.parse().unwrap()
}

/// Waits until a question is answered so, for as long as anything here takes.
fn wait_for(server: &ClickHouse, sql: &str, answer: u64) {
    let begun = Instant::now();
    while server.ask(sql) != answer.to_string() {
        assert!(begun.elapsed() < LONG, "{sql}: {} and not {answer}", server.ask(sql));
        thread::sleep(Duration::from_millis(50));
    }
}

fn question(table: &'static keep::Table, group: Vec<Field>, step: Duration) -> Query {
    let duration = if table.name == SPANS.name { span::DURATION } else { minute::DURATIONS };
    Query {
        table,
        window: Window {
            from: Moment { nanos: BEGIN },
            to: Moment { nanos: BEGIN + MINUTES_COUNT * MINUTE },
        },
        filter: Filter::All,
        group,
        step: Some(step),
        measures: vec![Measure::Count, Measure::Distribution(Field::Column(duration))],
        limit: 1_000,
    }
}

/// Questions that roll-ups answer to the last digit.
fn exact() -> Vec<Query> {
    let column = Field::Column;
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let mut all = vec![
        question(&SPANS, vec![column(span::SERVICE), column(span::OPERATION)], minutes(60)),
        question(&SPANS, vec![column(span::STATEMENT)], minutes(7)),
        question(&MINUTES, vec![column(minute::SERVICE)], minutes(60)),
    ];
    // With an edge at either end that only spans answer: of what is whole, or its estimate.
    let mut edged = question(&SPANS, vec![column(span::KIND)], minutes(60));
    edged.step = None;
    edged.window.from.nanos += 60 * MINUTE;
    all.push(edged);
    all
}

/// Questions that spans have to answer, if only in part: what is told of thinned ones is an estimate.
fn estimates() -> Vec<Query> {
    let tier = || vec![Field::Attribute("user.tier".into())];
    let hour = Duration::from_hours(1);
    let mut edged = question(&SPANS, vec![Field::Column(span::SERVICE)], hour);
    edged.window.from.nanos += 7 * MINUTE / 2;
    vec![
        question(&SPANS, tier(), hour),
        question(&SPANS, vec![Field::Column(span::SERVICE)], Duration::from_secs(90)),
        question(&SPANS, vec![Field::Column(span::SERVICE)], Duration::from_secs(20)),
        edged,
    ]
}

fn check(one: &Folder, other: &Folder, queries: &[Query]) {
    let limits = Limits { time: LONG, ..Limits::default() };
    for query in queries {
        let (one, other) = (one.ask(query, &limits).unwrap(), other.ask(query, &limits).unwrap());
        assert!(other.coverage.is_whole(), "{query:?}: {:?}", other.coverage);
        assert!(!one.answer.groups.is_empty(), "{query:?}");
        assert_eq!(one.answer.groups, other.answer.groups, "{query:?}");
    }
}

/// Traces, and how many of their spans are left.
fn left(store: &Folder) -> Vec<(TraceId, usize)> {
    let mut traces = std::collections::BTreeMap::new();
    let each = |chunk: &keep::Chunk| {
        for span in keep::spans::read(chunk, &(0..chunk.rows()).collect::<Vec<_>>()) {
            *traces.entry(span.trace_id).or_default() += 1;
        }
        Ok::<(), StoreError>(())
    };
    store.export(&SPANS, Window::ALL, each).unwrap();
    traces.into_iter().collect()
}

fn check_same(one: &Folder, other: &Folder, all: &Folder) {
    check(one, other, &exact());
    check(all, other, &exact());
    check(one, other, &estimates());
    assert_eq!(left(one), left(other));
    let named = TraceId(u128::from(26_u64).to_be_bytes());
    for trace in [named, TraceId(u128::from(27_u64).to_be_bytes())] {
        assert_eq!(one.trace(trace).unwrap().len(), other.trace(trace).unwrap().len());
    }
    assert_eq!(other.trace(named).unwrap().len(), all.trace(named).unwrap().len());
    let failed = Filter::Is(Field::Column(span::STATUS), vec!["error".into()]);
    let comparison =
        Comparison { table: &SPANS, window: Window::ALL, filter: Filter::All, selection: failed };
    let limits = Limits::default();
    let told = |store: &Folder| store.compare(&comparison, &limits).unwrap().answer.ranked(99, 99);
    assert_eq!(told(one), told(other));
}

#[test]
fn the_same_spans_stay_in_clickhouse_and_in_the_folder_and_answers_are_the_same() {
    let server = ClickHouse::start();
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let one = Folder::open(folders[0].path(), options()).unwrap().0;
    let all = Folder::open(folders[1].path(), options()).unwrap().0;
    let other = open(folders[2].path(), &server, Duration::from_hours(1));
    let named = TraceId(u128::from(26_u64).to_be_bytes());
    for store in [&one, &all, &other] {
        fill(store);
        store.remember(&[named], Moment { nanos: BEGIN }).unwrap();
    }
    check(&all, &other, &exact());
    check(&all, &other, &estimates());
    let came = rows(&server, "taut_thinning = 0");
    thin(&one);
    thin(&other);
    assert_eq!(rows(&server, "taut_thinning = 0"), came, "a question may count them yet");
    let stays = rows(&server, "taut_thinning != 0");
    assert!(stays * 3 < came && 0 < stays, "{stays} of {came} stay");
    // Questions that began before are answered by the rows as they came, and others by what is left: both are there.
    check_same(&one, &other, &all);
    drop(other);
    let other = open(folders[2].path(), &server, Duration::ZERO);
    thin(&other);
    assert_eq!(rows(&server, "taut_thinning = 0"), 0, "what was replaced is gone");
    assert_eq!(rows(&server, "taut_thinning != 0"), stays, "nothing is thinned twice");
    check_same(&one, &other, &all);
    let held = held(&settings(&server)).unwrap();
    assert!(held.iter().all(|table| table.unlike == 0), "{held:?}");
    assert_eq!(held[0].rows, stays);
    // All of the day is thinned, so that its room comes free, too.
    let in_parts =
        "SELECT sum(rows) FROM system.parts WHERE database = 'taut' AND table = 'spans' AND active";
    wait_for(&server, in_parts, stays);
}

#[test]
fn what_came_within_an_hour_is_thinned_once_the_hour_is_over_and_what_is_younger_stays() {
    let server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &server, Duration::ZERO);
    fill(&store);
    let received = |sign: &str, minute: u64| {
        let at = (BEGIN + minute * MINUTE) / 1_000_000_000;
        format!("taut_received {sign} toDateTime({at}, 'UTC')")
    };
    let (old, young) = (received("<=", 60), received(">", 140));
    let (old_rows, young_rows) = (rows(&server, &old), rows(&server, &young));
    // Two hours and twenty minutes are due: of whole hours the first for sure, and the third for sure not.
    thin_at(&store, Moment { nanos: BEGIN + MINUTES_COUNT * MINUTE });
    assert_eq!(rows(&server, &format!("{old} AND taut_thinning = 0")), 0);
    let stays = rows(&server, &format!("{old} AND taut_thinning != 0"));
    assert!(0 < stays && stays * 3 < old_rows, "{stays} of {old_rows}");
    assert_eq!(rows(&server, &format!("{young} AND taut_thinning = 0")), young_rows);
    assert_eq!(rows(&server, &format!("{young} AND taut_thinning != 0")), 0);
    assert_ne!(young_rows, 0);
}

#[test]
fn a_thinning_that_a_crash_has_cut_short_counts_nowhere_and_is_done_again() {
    let mut server = ClickHouse::start();
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let one = Folder::open(folders[0].path(), options()).unwrap().0;
    let all = Folder::open(folders[1].path(), options()).unwrap().0;
    let other = open(folders[2].path(), &server, Duration::ZERO);
    for store in [&one, &all, &other] {
        fill(store);
        let named = TraceId(u128::from(26_u64).to_be_bytes());
        store.remember(&[named], Moment { nanos: BEGIN }).unwrap();
    }
    thin(&one);
    // What is left of a segment is inserted, and its answer never comes.
    server.hold_answers(LONG);
    thread::scope(|scope| {
        let thinning = scope.spawn(|| other.thin(&KEEPING, Moment { nanos: BEGIN + 20 * HOUR }));
        while !server.is_holding() {
            thread::sleep(Duration::from_millis(5));
        }
        server.kill();
        server.hold_nothing();
        assert!(matches!(thinning.join().unwrap(), Err(StoreError::ClickHouse(_))));
    });
    server.start_again();
    let orphans = "SELECT count() FROM taut.spans WHERE taut_thinning != 0";
    assert_ne!(server.ask(orphans), "0", "rows are there that nobody was told of");
    check(&all, &other, &exact());
    check(&all, &other, &estimates());
    drop(other);
    let other = open(folders[2].path(), &server, Duration::ZERO);
    thin(&other);
    check_same(&one, &other, &all);
    let ids: BTreeSet<String> = left(&other).iter().map(|(id, _)| id.to_string()).collect();
    let there = server.ask("SELECT uniqExact(trace_id) FROM taut.spans");
    // What came last is in the folder yet.
    assert!(there.parse::<usize>().unwrap() <= ids.len(), "{there} {}", ids.len());
}

#[test]
fn after_a_restart_what_has_gone_to_clickhouse_is_looked_at_again() {
    let server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &server, Duration::ZERO);
    fill(&store);
    drop(store);
    let store = open(folder.path(), &server, Duration::ZERO);
    let since = Moment { nanos: BEGIN + (MINUTES_COUNT - 60) * MINUTE };
    let mut seen = BTreeSet::new();
    let mut each = |received: Moment, spans: Vec<Span>| {
        assert!(since <= received);
        for span in spans {
            assert!(seen.insert((span.trace_id, span.span_id)), "each span comes once");
        }
    };
    store.replay(since, &mut each).unwrap();
    let expected = (MINUTES_COUNT - 60..MINUTES_COUNT).flat_map(batch);
    for span in expected {
        assert!(seen.contains(&(span.trace_id, span.span_id)), "{span:?}");
    }
    assert!(seen.len() < 70 * 17, "nothing of long ago: {}", seen.len());
}
