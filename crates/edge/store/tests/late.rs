//! Spans and log records that come hours late, or from hosts whose clocks are wrong, are found by the time that they say,
//! whenever they came.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod items;
mod kit;

use std::time::Duration;

use items::{append_logs, log};
use kit::{append, open, span, trace_id};
use model::{LogRecord, Moment, Severity, Span, SpanId, Window};
use proptest::prelude::*;
use store::{
    Folder, Keeping, Limits, Retention, Store as _, StoreError,
    keep::{
        LOGS, SPANS, Table,
        policy::Quotas,
        query::{Field, Filter, Measure, Query, Top},
        table::span as place,
    },
};

const HOUR: u64 = 3_600_000_000_000;

/// 2026-11-21 in nanoseconds.
const NOW: u64 = 1_795_000_000_000_000_000;

/// When something began: mostly now, some hours ago, some as a clock says that is wrong.
fn time() -> impl Strategy<Value = u64> {
    prop_oneof![
        6 => NOW - HOUR..NOW,
        3 => NOW - 30 * HOUR..NOW,
        1 => prop::sample::select(vec![1, 2, HOUR, 4_102_444_800_000_000_000, i64::MAX as u64]),
        1 => prop::sample::select(vec![i64::MAX as u64 + 1, u64::MAX - 1]),
    ]
}

/// When it was received, by a clock that jumps.
fn received() -> impl Strategy<Value = u64> {
    prop_oneof![4 => NOW - HOUR..NOW, 1 => 0..HOUR, 1 => NOW..NOW + 9_000 * HOUR]
}

#[derive(Debug, Clone)]
enum Act {
    Append(Vec<u64>, u64),
    Tidy,
    Compact,
    Reopen,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (prop::collection::vec(time(), 1..12), received())
            .prop_map(|(times, received)| Act::Append(times, received)),
        2 => Just(Act::Tidy),
        1 => Just(Act::Compact),
        1 => Just(Act::Reopen),
    ];
    prop::collection::vec(act, 1..40)
}

fn began_at(number: usize, nanos: u64) -> Span {
    let mut span = span(number as u64 % 9, number as u64);
    span.span_id = SpanId((number as u64 + 1).to_be_bytes());
    span.start = Moment { nanos };
    span.end = Moment { nanos: nanos.saturating_add(1_000) };
    span
}

fn written_at(number: usize, nanos: u64) -> LogRecord {
    let number = number as u64;
    let severity = Severity(9);
    LogRecord { severity, time: Moment { nanos }, ..log(Some(trace_id(number % 9)), number) }
}

fn counted(store: &Folder, table: &'static Table, window: Window) -> u64 {
    let (filter, group, measures) = (Filter::All, Vec::new(), vec![Measure::Count]);
    let query = Query { table, window, filter, group, step: None, measures, limit: 1 };
    let answered = store.ask(&query, &Limits::default()).unwrap();
    assert!(answered.coverage.is_whole());
    answered.answer.rows_passed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_came_late_or_with_a_wrong_clock_is_found_by_its_time(
        acts in acts(),
        from in time(),
        long in prop::sample::select(vec![1, HOUR, 24 * HOUR, 300_000 * HOUR]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, _) = open(folder.path());
        let mut kept: Vec<u64> = Vec::new();
        for act in acts {
            match act {
                Act::Append(times, received) => {
                    let numbered = || (kept.len()..).zip(times.iter().copied());
                    let spans: Vec<Span> =
                        numbered().map(|(number, time)| began_at(number, time)).collect();
                    let records: Vec<LogRecord> =
                        numbered().map(|(number, time)| written_at(number, time)).collect();
                    append(&store, &spans, received).unwrap();
                    append_logs(&store, &records, received).unwrap();
                    kept.extend(times);
                }
                Act::Tidy => drop(store.tidy().unwrap()),
                Act::Compact => store.compact(&mut |_| {}).unwrap(),
                Act::Reopen => {
                    drop(store);
                    store = open(folder.path()).0;
                }
            }
        }
        let to = Moment { nanos: from.saturating_add(long) };
        let window = Window { from: Moment { nanos: from }, to };
        for window in [window, Window::ALL] {
            let within: Vec<u64> =
                kept.iter().copied().filter(|it| window.contains(Moment { nanos: *it })).collect();
            prop_assert_eq!(counted(&store, &SPANS, window), within.len() as u64);
            prop_assert_eq!(counted(&store, &LOGS, window), within.len() as u64);
            let by = Field::Column(place::DURATION);
            let top = Top { table: &SPANS, window, filter: Filter::All, by, limit: 1_000 };
            let found = store.top(&top, &Limits::default()).unwrap().answer;
            let mut found: Vec<u64> = found.iter().map(|span| span.start.nanos).collect();
            let mut within = within;
            found.sort_unstable();
            within.sort_unstable();
            prop_assert_eq!(found, within);
        }
        let of_trace = kept.iter().enumerate().filter(|(number, _)| number % 9 == 4).count();
        prop_assert_eq!(store.trace(trace_id(4)).unwrap().len(), of_trace);
        let records = store.logs_of(trace_id(4)).unwrap();
        prop_assert_eq!(records.len(), of_trace);
        prop_assert!(records.is_sorted_by_key(|record| record.time));
    }
}

#[test]
fn what_came_late_is_kept_as_long_as_what_came_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    for batch in 0..40_usize {
        // A month ago by their own clocks, received now.
        let times = (0..20).map(|at| NOW - 720 * HOUR + at);
        let spans: Vec<Span> =
            (batch * 20..).zip(times).map(|(number, time)| began_at(number, time)).collect();
        append(&store, &spans, NOW + batch as u64).unwrap();
    }
    while store.tidy().unwrap() {}
    let retention = Retention { age_max: Duration::from_hours(48), bytes_max: u64::MAX };
    store.retain(retention, Moment { nanos: NOW + HOUR }).unwrap();
    assert_eq!(exported(&store), 800);
    let retention = Retention { age_max: Duration::from_mins(30), ..retention };
    store.retain(retention, Moment { nanos: NOW + HOUR }).unwrap();
    assert_eq!(exported(&store), 0);
}

#[test]
fn what_comes_while_the_clock_is_set_back_makes_nothing_else_old() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let received = |batch: usize| match batch {
        // The battery is empty: after a start it is 1970, until the network is there.
        30..40 => HOUR + batch as u64,
        _ => NOW + batch as u64,
    };
    for batch in 0..80 {
        let times = (0..20).map(|at| NOW + at);
        let spans: Vec<Span> =
            (batch * 20..).zip(times).map(|(number, time)| began_at(number, time)).collect();
        append(&store, &spans, received(batch)).unwrap();
        if batch == 38 {
            while store.tidy().unwrap() {}
        }
    }
    while store.tidy().unwrap() {}
    drop(store);
    let (store, _) = open(folder.path());
    let now = Moment { nanos: NOW + HOUR };
    let keeping = Keeping {
        all: Duration::from_hours(2),
        minutes: Duration::from_hours(2),
        quotas: Quotas { notable: 1, others: 1 },
        bytes_max: u64::MAX,
    };
    assert!(!store.thin(&keeping, now).unwrap(), "nothing is as old");
    let retention = Retention { age_max: Duration::from_hours(2), bytes_max: u64::MAX };
    assert_eq!(store.retain(retention, now).unwrap(), 0);
    assert_eq!(exported(&store), 1_600);
    assert_eq!(counted(&store, &SPANS, Window::ALL), 1_600);
    // Once the rest is as old it goes, and what came while the clock was wrong goes with it.
    let now = Moment { nanos: NOW + 3 * HOUR };
    store.retain(retention, now).unwrap();
    assert!(exported(&store) < 200, "{}", exported(&store));
}

#[test]
fn a_clock_that_is_days_ahead_neither_drops_nor_thins() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    for batch in 0..40_usize {
        let spans: Vec<Span> =
            (batch * 20..batch * 20 + 20).map(|number| began_at(number, NOW)).collect();
        append(&store, &spans, NOW + batch as u64).unwrap();
    }
    while store.tidy().unwrap() {}
    let hours = Duration::from_hours(20);
    let keeping = Keeping {
        all: hours,
        minutes: hours,
        quotas: Quotas { notable: 1, others: 1 },
        bytes_max: u64::MAX,
    };
    let retention = Retention { age_max: hours, bytes_max: u64::MAX };
    // It jumps ahead, back, by hours and by years, and is right again in the end.
    for ahead in [26, 24 * 365 * 40, 0, 72] {
        let now = Moment { nanos: NOW + ahead * HOUR };
        assert!(!store.thin(&keeping, now).unwrap(), "{ahead} hours ahead");
        assert_eq!(store.retain(retention, now).unwrap(), 0, "{ahead} hours ahead");
    }
    for back in [5, 26, 24 * 365 * 40] {
        let now = Moment { nanos: NOW - back * HOUR };
        assert!(!store.thin(&keeping, now).unwrap(), "{back} hours back");
        assert_eq!(store.retain(retention, now).unwrap(), 0, "{back} hours back");
    }
    assert_eq!(exported(&store), 800);
}

fn exported(store: &Folder) -> u64 {
    let coverage = store.export(&SPANS, Window::ALL, |_| Ok::<(), StoreError>(()));
    coverage.unwrap().rows
}
