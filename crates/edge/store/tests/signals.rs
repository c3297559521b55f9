//! Log records and metrics are kept as spans are: answers are what a plain look at them says, whatever has become of
//! segments and blocks.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod items;
mod kit;

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use items::{append_logs, append_metrics, log, metric};
use kit::{append, open, spans, trace_id};
use model::{LogRecord, Metric, Moment, Severity, Text, Window};
use proptest::prelude::*;
use store::{
    FileState, Folder, Limits, Retention, Store as _, StoreError, check,
    keep::{
        LOGS, METRICS, SPANS, Table, logs, metrics, policy,
        query::{Comparison, Field, Filter, Measure, Measured, Query, Top},
        table,
    },
};

fn counted(store: &Folder, table: &'static Table, window: Window, filter: Filter) -> u64 {
    let group = Vec::new();
    let measures = vec![Measure::Count];
    let query = Query { table, window, filter, group, step: None, measures, limit: 1 };
    let answered = store.ask(&query, &Limits::default()).unwrap();
    assert!(answered.coverage.is_whole(), "{:?}", answered.coverage);
    answered.answer.rows_passed
}

fn all(store: &Folder, table: &'static Table) -> u64 {
    counted(store, table, Window::ALL, Filter::All)
}

/// Compacts a store and opens it again.
fn compacted(store: Folder, path: &Path) -> Folder {
    store.compact(&mut |_| {}).unwrap();
    drop(store);
    open(path).0
}

fn filled(path: &Path, batches: u64) -> Folder {
    let (store, _) = open(path);
    for batch in 0..batches {
        let trace = Some(trace_id(batch % 7));
        let records: Vec<LogRecord> = (0..10).map(|it| log(trace, batch * 10 + it)).collect();
        append(&store, &spans(batch, 10), batch).unwrap();
        append_logs(&store, &records, batch).unwrap();
        append_metrics(&store, &[metric("cpu", 1 + batch * 10, 10)], batch).unwrap();
    }
    store
}

#[derive(Debug, Clone)]
enum Act {
    Logs(Vec<LogRecord>),
    Metrics(Vec<Metric>),
    Tidy,
    Compact,
    Reopen,
}

fn any_log() -> impl Strategy<Value = LogRecord> {
    (prop::option::of(0_u64..5), 0_u64..200, 0_u32..25).prop_map(|(trace, number, severity)| {
        let severity = Severity(severity);
        LogRecord { severity, ..log(trace.map(trace_id), number) }
    })
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let metric = (prop::sample::select(vec!["cpu", "memory"]), 1_u64..200, 1_u64..5)
        .prop_map(|(name, first, points)| metric(name, first, points));
    let act = prop_oneof![
        6 => prop::collection::vec(any_log(), 1..15).prop_map(Act::Logs),
        6 => prop::collection::vec(metric, 1..6).prop_map(Act::Metrics),
        2 => Just(Act::Tidy),
        1 => Just(Act::Compact),
        1 => Just(Act::Reopen),
    ];
    prop::collection::vec(act, 1..40)
}

fn check_logs(store: &Folder, kept: &[LogRecord], window: Window) -> Result<(), TestCaseError> {
    let mut expected: BTreeMap<Option<Text>, u64> = BTreeMap::new();
    for record in kept.iter().filter(|it| window.contains(it.time)) {
        *expected.entry(record.severity.name().map(Text::from)).or_default() += 1;
    }
    let severity = Field::Column(table::log::SEVERITY);
    let query = Query {
        table: &LOGS,
        window,
        filter: Filter::All,
        group: vec![severity.clone()],
        step: None,
        measures: vec![Measure::Count],
        limit: 100,
    };
    let told = store.ask(&query, &Limits::default()).unwrap().answer.groups.into_iter();
    let told: BTreeMap<Option<Text>, u64> = told
        .map(|group| match group.measured[..] {
            [Measured::Count(count)] => (group.key[0].clone(), count),
            _ => panic!("{group:?} was not asked for"),
        })
        .collect();
    prop_assert_eq!(told, expected);

    for trace in 0..5 {
        let of_trace = kept.iter().filter(|it| it.trace_id == Some(trace_id(trace)));
        let mut expected: Vec<LogRecord> = of_trace.cloned().collect();
        let found = store.logs_of(trace_id(trace)).unwrap();
        prop_assert!(found.is_sorted_by_key(|record| record.time));
        let by = |it: &LogRecord| (it.time, it.severity);
        let mut found = found;
        found.sort_by_key(by);
        expected.sort_by_key(by);
        prop_assert_eq!(found, expected);
    }

    let by = Field::Column(table::log::TIME);
    let top = Top { table: &LOGS, window, filter: Filter::Has(severity.clone()), by, limit: 5 };
    let latest = store.top_logs(&top, &Limits::default()).unwrap().answer;
    let within = kept.iter().filter(|it| window.contains(it.time) && it.severity.name().is_some());
    let mut times: Vec<Moment> = within.map(|it| it.time).collect();
    times.sort_unstable_by(|one, other| other.cmp(one));
    times.truncate(5);
    prop_assert_eq!(latest.iter().map(|it| it.time).collect::<Vec<_>>(), times);
    prop_assert!(latest.iter().all(|record| kept.contains(record)));

    let selection = Filter::Is(severity, vec!["error".into()]);
    let comparison = Comparison { table: &LOGS, window, filter: Filter::All, selection };
    let rows = store.compare(&comparison, &Limits::default()).unwrap().answer.rows();
    let within: Vec<&LogRecord> = kept.iter().filter(|it| window.contains(it.time)).collect();
    let selected = within.iter().filter(|it| it.severity.name() == Some("error")).count() as u64;
    prop_assert_eq!(rows, (selected, within.len() as u64 - selected));
    Ok(())
}

fn check_metrics(store: &Folder, kept: &[Metric], window: Window) -> Result<(), TestCaseError> {
    for name in ["cpu", "memory"] {
        let filter = Filter::Is(Field::Column(table::metric::NAME), vec![name.into()]);
        let points = kept.iter().filter(|it| it.name == name).flat_map(|it| &it.points);
        let expected = points.filter(|point| window.contains(point.time)).count() as u64;
        prop_assert_eq!(counted(store, &METRICS, window, filter), expected);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn answers_do_not_depend_on_which_segments_have_become_blocks(
        acts in acts(),
        from in 0_u64..1_300,
        long in 0_u64..300,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, _) = open(folder.path());
        let (mut records, mut points) = (Vec::new(), Vec::new());
        for (at, act) in (0..).zip(acts) {
            match act {
                Act::Logs(batch) => {
                    append_logs(&store, &batch, at).unwrap();
                    records.extend(batch);
                }
                Act::Metrics(batch) => {
                    append_metrics(&store, &batch, at).unwrap();
                    points.extend(batch);
                }
                Act::Tidy => drop(store.tidy().unwrap()),
                Act::Compact => store.compact(&mut |_| {}).unwrap(),
                Act::Reopen => {
                    drop(store);
                    store = open(folder.path()).0;
                }
            }
        }
        let window = Window { from: Moment { nanos: from }, to: Moment { nanos: from + long } };
        for window in [window, Window::ALL] {
            check_logs(&store, &records, window)?;
            check_metrics(&store, &points, window)?;
        }
    }
}

#[test]
fn the_three_kinds_are_kept_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = filled(folder.path(), 60);
    for _ in 0..2 {
        for table in [&SPANS, &LOGS, &METRICS] {
            assert_eq!(all(&store, table), 600, "{}", table.name);
        }
        assert_eq!(store.logs_of(trace_id(3)).unwrap().len(), 90);
        assert_eq!(store.trace(trace_id(3)).unwrap().len(), 10);
        store = compacted(store, folder.path());
    }
    let usage = store.usage().unwrap();
    let rows: Vec<(&str, u64)> = usage.signals.iter().map(|it| (it.name, it.block_rows)).collect();
    assert_eq!(rows, [("spans", 600), ("logs", 600), ("metrics", 600)]);
    assert!(usage.signals.iter().all(|it| 0 < it.block_bytes && it.log_bytes < 100));
    drop(store);
    let checked = check(folder.path(), &mut |_, _| {}).unwrap();
    assert!(checked.iter().all(|file| file.state == FileState::Sound), "{checked:?}");
}

#[test]
fn a_folder_of_spans_alone_is_opened_as_ever() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    for trace in 0..30 {
        append(&store, &spans(trace, 10), trace).unwrap();
    }
    store.tidy().unwrap();
    drop(store);
    for entry in fs::read_dir(folder.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.starts_with("logs") && !name.starts_with("metrics"), "{name}");
    }
    let (store, recovery) = open(folder.path());
    assert_eq!((recovery.bytes_cut, recovery.set_aside.len()), (0, 0));
    assert_eq!((all(&store, &SPANS), all(&store, &LOGS), all(&store, &METRICS)), (300, 0, 0));
}

#[test]
fn what_is_old_or_too_much_is_dropped_of_all_kinds_the_oldest_first() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path(), 200);
    let hour = Duration::from_hours(1);
    let retention = Retention { age_max: hour, bytes_max: 80 << 10 };
    store.retain(retention, Moment { nanos: 200 }).unwrap();
    let left = [&SPANS, &LOGS, &METRICS].map(|table| exported(&store, table));
    assert!(left.iter().all(|rows| 0 < *rows && *rows < 2_000), "{left:?}");
    assert_eq!(store.logs_of(trace_id(199 % 7)).unwrap().last().unwrap().time.nanos, 2_999);
    let dropped = store.usage().unwrap().dropped;
    assert!(0 < dropped.spans && 0 < dropped.logs && 0 < dropped.metrics, "{dropped:?}");
    let later = Moment::default() + 2 * hour;
    store.retain(Retention { bytes_max: u64::MAX, ..retention }, later).unwrap();
    for table in [&SPANS, &LOGS, &METRICS] {
        assert_eq!(exported(&store, table), 0, "{}", table.name);
    }
}

fn exported(store: &Folder, table: &'static Table) -> u64 {
    store.export(table, Window::ALL, |_| Ok::<(), StoreError>(())).unwrap().rows
}

#[test]
fn a_block_of_another_kind_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    drop(compacted(filled(folder.path(), 60), folder.path()));
    let names = fs::read_dir(folder.path()).unwrap();
    let mut names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let block = names.find(|it| it.starts_with("spans-") && it.ends_with(".parquet")).unwrap();
    let path = folder.path().join(&block);
    fs::rename(&path, folder.path().join("metrics-000900-000900.parquet")).unwrap();
    let (store, recovery) = open(folder.path());
    assert_eq!(recovery.set_aside.len(), 1);
    assert_eq!(all(&store, &METRICS), 600);
}

#[test]
fn all_of_a_kind_is_taken_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path(), 60);
    store.tidy().unwrap();
    let (mut records, mut points) = (Vec::new(), Vec::new());
    let window = Window { from: Moment { nanos: 1_100 }, to: Moment { nanos: 1_200 } };
    let coverage = store.export(&LOGS, window, |chunk| {
        records.extend(logs::read(chunk, &(0..chunk.rows()).collect::<Vec<_>>()));
        Ok::<(), StoreError>(())
    });
    assert_eq!((coverage.unwrap().rows, records.len()), (100, 100));
    assert!(records.iter().all(|it| window.contains(it.time)));
    let coverage = store.export(&METRICS, Window::ALL, |chunk| {
        points.extend(metrics::read(chunk, &(0..chunk.rows()).collect::<Vec<_>>()));
        Ok::<(), StoreError>(())
    });
    assert_eq!((coverage.unwrap().rows, points.len()), (600, 600));
}

#[test]
fn what_is_asked_of_the_wrong_kind_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path(), 1);
    let by = Field::Column(table::metric::VALUE);
    let top = Top { table: &METRICS, window: Window::ALL, filter: Filter::All, by, limit: 5 };
    let limits = Limits::default();
    assert!(matches!(store.top(&top, &limits), Err(StoreError::NotKept { table: "metrics" })));
    assert!(matches!(store.top_logs(&top, &limits), Err(StoreError::NotKept { .. })));
}

#[test]
fn a_batch_that_is_sent_again_is_kept_once_after_a_restart_too() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = open(folder.path());
    let untimed =
        LogRecord { time: Moment::default(), observed: Moment::default(), ..log(None, 1) };
    for received in 0..4 {
        append(&store, &spans(1, 10), received).unwrap();
        append_logs(&store, &[log(None, 1)], received).unwrap();
        append_logs(&store, std::slice::from_ref(&untimed), received).unwrap();
        append_metrics(&store, &[metric("cpu", 1, 3)], received).unwrap();
        if received == 1 {
            drop(store);
            store = open(folder.path()).0;
        }
    }
    assert_eq!((all(&store, &SPANS), all(&store, &METRICS)), (10, 3));
    assert_eq!(all(&store, &LOGS), 1 + 4, "equal lines without a time may well be several");
}

#[test]
fn a_span_that_came_in_two_batches_is_one_row_of_a_block() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    append(&store, &spans(1, 10), 0).unwrap();
    append(&store, &spans(1, 12), 1).unwrap();
    assert_eq!(all(&store, &SPANS), 22);
    let store = compacted(store, folder.path());
    assert_eq!(all(&store, &SPANS), 12);
    for batch in 0..200 {
        append(&store, &[spans(1, 12), spans(2 + batch, 10)].concat(), 2 + batch).unwrap();
    }
    let store = compacted(store, folder.path());
    assert_eq!(all(&store, &SPANS), 2_000 + 12 * store.usage().unwrap().blocks as u64);
    assert_eq!(store.trace(trace_id(1)).unwrap().len(), 12);
}

#[test]
fn rows_of_another_store_come_in_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let from = filled(&folder.path().join("from"), 20);
    let path = folder.path().join("to");
    let (to, _) = open(&path);
    append(&to, &spans(500, 10), 1).unwrap();
    for table in [&SPANS, &LOGS, &METRICS] {
        let taken = from.export(table, Window::ALL, |chunk| {
            let mut rows = chunk.clone();
            policy::weigh(&mut rows, &vec![7; chunk.rows()]);
            to.take_in(&rows, Moment { nanos: 9 })
        });
        taken.unwrap();
    }
    append(&to, &spans(501, 10), 1).unwrap();
    let to = compacted(to, &path);
    assert_eq!((all(&to, &LOGS), all(&to, &METRICS)), (200, 200));
    let measures = vec![Measure::Count];
    let (window, filter, group) = (Window::ALL, Filter::All, Vec::new());
    let query = Query { table: &SPANS, window, filter, group, step: None, measures, limit: 1 };
    let answer = to.ask(&query, &Limits::default()).unwrap().answer;
    assert_eq!(answer.groups[0].measured, [Measured::Count(20 + 7 * 200)]);
    assert_eq!(to.trace(trace_id(3)).unwrap(), spans(3, 10));
}
