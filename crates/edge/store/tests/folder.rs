//! The embedded store through its interface.
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "these are tests, and their counts are small"
)]

mod kit;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use model::{Moment, OperationKey, Span, SpanKind, Window};
use proptest::prelude::*;
use store::{Folder, GroupKind, Options, RequestFact, Retention, Store, StoreError, Syncing};

fn moment(nanos: u64) -> Moment {
    Moment { nanos }
}

#[test]
fn one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = kit::open(folder.path());
    let second = Folder::open(folder.path(), kit::options());
    assert!(matches!(second, Err(StoreError::Locked { path }) if path == folder.path()));
    drop(store);
    kit::open(folder.path());
}

#[test]
fn a_trace_is_its_spans_each_once_in_the_order_in_which_they_came() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = kit::open(folder.path());
    let mut again = kit::span(1, 2);
    again.name = "again".into();
    // Zipkin's client and server share the id.
    let mut server = kit::span(1, 2);
    server.kind = SpanKind::Server;
    kit::append(&store, &[kit::span(1, 5), kit::span(2, 1), kit::span(1, 2)], 1).unwrap();
    kit::append(&store, &kit::spans(3, 90), 2).unwrap();
    kit::append(&store, &[again, server.clone(), kit::span(1, 0)], 3).unwrap();
    let expected = [kit::span(1, 5), kit::span(1, 2), server, kit::span(1, 0)];
    assert_eq!(store.trace(kit::trace_id(1)).unwrap(), expected);
    assert_eq!(store.trace(kit::trace_id(4)).unwrap(), []);
}

#[test]
fn bytes_are_kept_as_they_came() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = kit::open(folder.path());
    let spans = kit::spans(1, 3);
    let mut otlp = observe::otlp::encode(&spans);
    // A field that only later versions know.
    otlp.extend_from_slice(&[0xf2, 0x3f, 3, b'n', b'e', b'w']);
    store.append(&store::Batch { spans: &spans, otlp: Some(&otlp), received: moment(1) }).unwrap();
    assert_eq!(store.trace(kit::trace_id(1)).unwrap(), spans);
    let kept = std::fs::read(folder.path().join("spans-000001.log")).unwrap();
    assert!(kept.ends_with(&otlp));
}

#[test]
fn an_empty_batch_is_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = kit::open(folder.path());
    kit::append(&store, &[], 1).unwrap();
    store.record(Vec::new()).unwrap();
    drop(store);
    assert_eq!(kit::open(folder.path()).1.records, 0);
}

#[test]
fn a_batch_beyond_the_limit_is_refused_and_the_next_one_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = kit::open(folder.path());
    let spans = kit::spans(1, 1);
    let otlp = vec![0; (32 << 20) + 1];
    let batch = store::Batch { spans: &spans, otlp: Some(&otlp), received: moment(1) };
    let refused = store.append(&batch).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "refused to keep a record of 33554433 bytes: it is longer than 32 MiB"
    );
    kit::append(&store, &spans, 1).unwrap();
    assert_eq!(store.trace(kit::trace_id(1)).unwrap(), spans);
}

#[test]
fn writers_and_readers_do_not_disturb_each_other() {
    const WRITERS: u64 = 4;
    const EACH: u64 = 150;
    for sync in [Syncing::Always, Syncing::Os] {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { sync, ..kit::options() };
        let (store, _) = Folder::open(folder.path(), options.clone()).unwrap();
        let done = [const { AtomicU64::new(0) }; WRITERS as usize];
        thread::scope(|scope| {
            for (writer, done) in (0..).zip(&done) {
                let store = &store;
                scope.spawn(move || {
                    for number in 0..EACH {
                        let trace = writer * EACH + number;
                        kit::append(store, &kit::spans(trace, 3), trace).unwrap();
                        store.record(vec![kit::fact(trace, trace, 10)]).unwrap();
                        done.store(number + 1, Ordering::Release);
                    }
                });
            }
            for (writer, done) in (0..).zip(&done) {
                let store = &store;
                scope.spawn(move || {
                    for number in 0..EACH {
                        while done.load(Ordering::Acquire) <= number {
                            thread::yield_now();
                        }
                        let trace = writer * EACH + number;
                        let spans = store.trace(kit::trace_id(trace)).unwrap();
                        assert_eq!(spans, kit::spans(trace, 3));
                        assert!(number < store.operations(Window::ALL).unwrap()[0].count);
                    }
                });
            }
        });
        drop(store);
        let (store, recovery) = Folder::open(folder.path(), options).unwrap();
        assert_eq!((recovery.records, recovery.bytes_cut), (2 * WRITERS * EACH, 0));
        for trace in 0..WRITERS * EACH {
            assert_eq!(store.trace(kit::trace_id(trace)).unwrap(), kit::spans(trace, 3));
        }
    }
}

fn old_traces(store: &dyn Store) -> Vec<u64> {
    (0..100).filter(|trace| !store.trace(kit::trace_id(*trace)).unwrap().is_empty()).collect()
}

fn filled(folder: &std::path::Path) -> Folder {
    let (store, _) = kit::open(folder);
    for trace in 0..100 {
        kit::append(&store, &kit::spans(trace, 6), 1_000 * trace).unwrap();
        store.record(vec![kit::fact(trace, 1_000 * trace, 10)]).unwrap();
    }
    store
}

fn disk_bytes(folder: &std::path::Path) -> u64 {
    let files = std::fs::read_dir(folder).unwrap();
    files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn what_is_too_old_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let before = disk_bytes(folder.path());
    let retention = Retention { age_max: Duration::from_micros(50), bytes_max: u64::MAX };
    let freed = store.retain(retention, moment(100_000)).unwrap();
    let left = old_traces(&store);
    assert_eq!(left.last(), Some(&99));
    assert!((41..=50).contains(&left[0]), "{left:?}");
    assert_eq!(left.len() as u64, 100 - left[0]);
    assert!(before / 3 < freed);
    let operations = store.operations(Window::ALL).unwrap();
    assert!((50..60).contains(&operations[0].count));
    let told = kit::answers(&store);
    drop(store);
    assert_eq!(kit::answers(&kit::open(folder.path()).0), told);

    // Nothing came for long: even the segment that was written last goes.
    let (store, _) = kit::open(folder.path());
    store.retain(retention, moment(200_000)).unwrap();
    assert_eq!(old_traces(&store), <[u64; 0]>::default());
    assert!(store.operations(Window::ALL).unwrap().is_empty());
    assert!(disk_bytes(folder.path()) < 100);
    kit::append(&store, &kit::spans(7, 1), 200_000).unwrap();
    assert_eq!(old_traces(&store), [7]);
}

#[test]
fn what_is_too_much_is_dropped_oldest_first() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let retention = Retention { age_max: Duration::from_secs(1), bytes_max: 30_000 };
    store.retain(retention, moment(100_000)).unwrap();
    let bytes = disk_bytes(folder.path());
    assert!((30_000 - 3 * kit::SEGMENT_BYTES..=30_000).contains(&bytes), "{bytes}");
    let left = old_traces(&store);
    assert_eq!(left, (left[0]..100).collect::<Vec<_>>());
    assert_eq!(store.retain(retention, moment(100_000)).unwrap(), 0);
}

#[test]
fn facts_are_bounded_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { requests_max: 200, ..kit::options() };
    let (store, _) = Folder::open(folder.path(), options).unwrap();
    for trace in 0..1_000 {
        store.record(vec![kit::fact(trace, trace, 10)]).unwrap();
    }
    let known = store.requests_usage().requests;
    assert!((180..=200).contains(&known), "{known}");
    let newest = (1_000 - known as u64..1_000).map(kit::trace_id);
    assert!(newest.into_iter().all(|trace| store.knows(trace, model::SpanId([7; 8]))));
}

#[test]
fn facts_that_are_recorded_again_push_out_none() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { requests_max: 200, ..kit::options() };
    let (store, _) = Folder::open(folder.path(), options).unwrap();
    let record = |traces: std::ops::Range<u64>| {
        let facts = traces.map(|trace| kit::fact(trace, trace, 10)).collect();
        store.record(facts).unwrap();
    };
    (0..15).for_each(|part| record(part * 10..part * 10 + 10));
    // As each start does that looks at the last hour again.
    (0..20).for_each(|_| record(150..190));
    let is_known = |trace: u64| store.knows(kit::trace_id(trace), model::SpanId([7; 8]));
    assert_eq!((0..190).filter(|trace| is_known(*trace)).count(), 190);
}

#[test]
fn the_last_fact_about_a_request_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = kit::open(folder.path());
    store.record(vec![kit::fact(1, 5, 100), kit::fact(2, 6, 7)]).unwrap();
    store.record(vec![kit::fact(1, 5, 200)]).unwrap();
    let check = |store: &Folder| {
        let durations = store.slowest(&kit::everything(), 9).unwrap();
        let durations = durations.iter().map(|fact| fact.duration.as_nanos()).collect::<Vec<_>>();
        assert_eq!(durations, [200, 7]);
        assert_eq!(store.operations(Window::ALL).unwrap()[0].count, 2);
        assert_eq!(store.requests_usage().requests, 2);
    };
    check(&store);
    drop(store);
    check(&kit::open(folder.path()).0);
}

#[test]
fn groups_add_up() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = kit::open(folder.path());
    let mut first = kit::fact(1, 1, 10);
    first.groups = vec![
        kit::group(GroupKind::Database, "SELECT a", 3, 30),
        kit::group(GroupKind::Http, "SELECT a", 1, 500),
        kit::group(GroupKind::Database, "SELECT a", 2, 20),
    ];
    let mut second = kit::fact(2, 2, 20);
    second.groups = vec![kit::group(GroupKind::Database, "SELECT a", 1, 5)];
    store.record(vec![first, second]).unwrap();
    let groups = store.groups(&kit::everything(), 9).unwrap();
    let told =
        groups.iter().map(|it| (it.kind, it.requests, it.count, it.total.as_nanos(), it.failed));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [(GroupKind::Http, 1, 1, 500, 1), (GroupKind::Database, 2, 6, 55, 3)]
    );
}

#[test]
fn after_a_restart_batches_that_came_since_are_given_again() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = kit::open(folder.path());
    assert_eq!(store.recorded_until(), None);
    for trace in 0..40 {
        kit::append(&store, &kit::spans(trace, 4), 100 + trace).unwrap();
        if trace == 20 {
            store.record(vec![kit::fact(1, 1, 1)]).unwrap();
        }
    }
    drop(store);
    let (store, _) = kit::open(folder.path());
    let since = store.recorded_until().unwrap();
    assert_eq!(since, moment(120));
    let mut given = Vec::new();
    store.replay(since, &mut |received, spans| given.push((received, spans))).unwrap();
    let expected = (20..40).map(|trace| (moment(100 + trace), kit::spans(trace, 4)));
    assert_eq!(given, expected.collect::<Vec<_>>());
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<(u64, u64)>),
    Record(Vec<RequestFact>),
    Retain(u64),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let spans = prop::collection::vec((0_u64..9, 0_u64..30), 0..12);
    let step = prop_oneof![
        6 => spans.prop_map(Step::Append),
        4 => prop::collection::vec(kit::any_fact(), 0..6).prop_map(Step::Record),
        1 => (1_u64..40).prop_map(Step::Retain),
        3 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn a_store_that_is_closed_and_opened_answers_as_one_that_never_was(steps in steps()) {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let mut reopened = kit::open(folders[0].path()).0;
        let never_closed = kit::open(folders[1].path()).0;
        for (now, step) in (10..).zip(steps) {
            for store in [&reopened, &never_closed] {
                match &step {
                    Step::Append(ids) => {
                        // No batch is sent again: a restart knows only those of the newest log.
                        let spans = ids.iter().map(|(trace, id)| Span {
                            flags: u32::try_from(now).unwrap(),
                            ..kit::span(*trace, *id)
                        });
                        kit::append(store, &spans.collect::<Vec<_>>(), now).unwrap();
                    }
                    Step::Record(facts) => store.record(facts.clone()).unwrap(),
                    Step::Retain(age) => {
                        let age_max = Duration::from_nanos(*age);
                        let retention = Retention { age_max, bytes_max: u64::MAX };
                        store.retain(retention, moment(now)).unwrap();
                    }
                    Step::Reopen => {}
                }
            }
            if matches!(step, Step::Reopen) {
                drop(reopened);
                let (opened, recovery) = kit::open(folders[0].path());
                prop_assert_eq!((recovery.bytes_cut, recovery.bytes_damaged), (0, 0));
                reopened = opened;
            }
        }
        prop_assert_eq!(kit::answers(&reopened), kit::answers(&never_closed));
    }

    #[test]
    fn answers_are_those_of_plain_sums(
        facts in prop::collection::vec(kit::any_fact(), 0..60),
        from in 0_u64..1_000,
        length in 0_u64..2_000,
        steps in 0_usize..9,
        failed: Option<bool>,
        duration_nanos_min in 0_u64..2_000,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = kit::open(folder.path());
        for facts in facts.chunks(3) {
            store.record(facts.to_vec()).unwrap();
        }
        let id = |fact: &RequestFact| (fact.trace_id, fact.span_id);
        let mut kept = Vec::<RequestFact>::new();
        for fact in &facts {
            kept.retain(|known| id(known) != id(fact));
            kept.push(fact.clone());
        }
        let window = Window { from: moment(from), to: moment(from + length) };
        let inside = kept.iter().filter(|it| window.contains(it.start)).collect::<Vec<_>>();
        let mut counted = 0;
        for operation in store.operations(window).unwrap() {
            let own = inside.iter().filter(|it| it.operation == operation.key);
            let own = own.collect::<Vec<_>>();
            counted += own.len();
            prop_assert_eq!(operation.count as usize, own.len());
            prop_assert_eq!(operation.failed as usize, own.iter().filter(|it| it.failed).count());
            let statements = own.iter().map(|it| u64::from(it.statements)).sum::<u64>();
            prop_assert_eq!(operation.statements, statements);
            let points = store.series(std::slice::from_ref(&operation.key), window, steps).unwrap().remove(0);
            prop_assert_eq!(points.len(), steps);
            for point in &points {
                let starts = own.iter().filter(|it| point.window.contains(it.start)).count();
                prop_assert_eq!(point.count as usize, starts);
                prop_assert_eq!(point.durations.count(), point.count);
            }
            let edges = points.windows(2).all(|pair| pair[0].window.to == pair[1].window.from);
            prop_assert!(edges);
        }
        prop_assert_eq!(counted, inside.len());
        let mut filter = kit::everything();
        filter.failed = failed;
        filter.duration_min = Some(Duration::from_nanos(duration_nanos_min));
        let mut passing = kept.clone();
        passing.retain(|it| failed.is_none_or(|failed| failed == it.failed));
        passing.retain(|it| Some(it.duration) >= filter.duration_min);
        passing.sort_by(|left, right| {
            let by_age = || (left.start, id(left)).cmp(&(right.start, id(right)));
            right.duration.cmp(&left.duration).then_with(by_age)
        });
        prop_assert_eq!(&store.slowest(&filter, 1_000).unwrap(), &passing);
        let mut latest = passing.clone();
        passing.truncate(3);
        prop_assert_eq!(store.slowest(&filter, 3).unwrap(), passing);
        latest.sort_by(|left, right| {
            right.start.cmp(&left.start).then_with(|| id(left).cmp(&id(right)))
        });
        latest.truncate(3);
        prop_assert_eq!(store.latest(&filter, 3).unwrap(), latest);
    }

    #[test]
    fn any_window_has_its_parts(from: u64, to: u64, steps in 0_usize..9) {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = kit::open(folder.path());
        let key = OperationKey { service: "a".into(), operation: "b".into() };
        let window = Window { from: moment(from), to: moment(to) };
        let points = store.series(std::slice::from_ref(&key), window, steps).unwrap().remove(0);
        prop_assert_eq!(points.len(), if from < to { steps } else { 0 });
        if let (Some(first), Some(last)) = (points.first(), points.last()) {
            prop_assert_eq!((first.window.from, last.window.to), (window.from, window.to));
        }
    }
}
