//! Each span is there once, whoever is killed and whenever; what is away is said to be.

use std::{thread, time::Duration};

use model::{Moment, Span, SpanId, Window};
use store::{
    Batch, Folder, Limits, Retention, Store as _, StoreError,
    clickhouse::{ClickHouse as Client, Secret, Segment, Settings, Trouble, Why},
    keep::{
        SPANS,
        query::{Filter, Measure, Measured, Query},
        spans::{Derived, SpanRows},
    },
};
use testkit::{arbitrary, clickhouse::ClickHouse};

use crate::{LONG, drain, open, options, rows, settings};

fn fill(store: &Folder, count: u64) {
    fill_from(store, 0, count);
}

/// Ten spans at a time, each with an id of its own.
fn fill_from(store: &Folder, from: u64, to: u64) {
    let one = arbitrary::one();
    for number in from..to {
        let spans: Vec<Span> = (0..10)
            .map(|place| {
                let mut span = one.clone();
                span.span_id.0 = (number * 10 + place + 1).to_be_bytes();
                span.start = Moment { nanos: number * 10 + place };
                span
            })
            .collect();
        let received = Moment { nanos: 1_000_000_000 * (number + 1) };
        store.append(&Batch { spans: &spans, otlp: None, received }).unwrap();
    }
}

fn counted(store: &Folder) -> (u64, Option<Trouble>) {
    let query = Query {
        table: &SPANS,
        window: Window::ALL,
        filter: Filter::All,
        group: Vec::new(),
        step: None,
        measures: vec![Measure::Count],
        limit: 1,
    };
    let told = store.ask(&query, &Limits { time: LONG, ..Limits::default() }).unwrap();
    let group = told.answer.groups.first().map(|group| group.measured[0].clone());
    match group {
        Some(Measured::Count(count)) => (count, told.coverage.elsewhere),
        None => (0, told.coverage.elsewhere),
        other => panic!("{other:?} is no count"),
    }
}

fn check_counted(store: &Folder, count: u64) {
    assert_eq!(counted(store), (count, None));
}

/// Every span is counted once, and ClickHouse has no row twice.
fn check_once(server: &ClickHouse, store: &Folder, count: u64) {
    check_counted(store, count);
    let twice =
        "SELECT count() FROM (SELECT span_id FROM taut.spans GROUP BY span_id HAVING count() > 1)";
    assert_eq!(server.ask(twice), "0");
}

#[test]
fn a_server_that_is_killed_before_it_answers_has_each_span_once() {
    let mut server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &server);
    fill(&store, 60);
    assert!(store.tidy().unwrap());
    let before = rows(&server, "spans");
    // Another segment is inserted, and its answer never comes.
    server.hold_answers(LONG);
    thread::scope(|scope| {
        let moving = scope.spawn(|| store.tidy());
        while !server.is_holding() {
            thread::sleep(Duration::from_millis(5));
        }
        server.kill();
        server.hold_nothing();
        let told = moving.join().unwrap();
        assert!(matches!(told, Err(StoreError::ClickHouse(_))), "{told:?}");
    });
    let (counted_away, missing) = counted(&store);
    assert_eq!(counted_away, 600 - before, "what has not been moved for sure is answered here");
    assert!(missing.is_some_and(|it| matches!(it.why, Why::Away(_))));
    server.start_again();
    assert!(before < rows(&server, "spans"), "it was inserted, and nobody was told");
    check_counted(&store, 600);
    drain(&store);
    check_once(&server, &store, 600);
}

#[test]
fn a_taut_that_is_killed_before_it_notes_what_it_moved_has_each_span_once() {
    let server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &server);
    fill(&store, 60);
    // The folder as it was before anything was moved: as if it had been killed before each note.
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    drain(&store);
    let moved = rows(&server, "spans");
    assert_ne!(moved, 0);
    drop(store);
    let store = open(copy.path(), &server);
    check_once(&server, &store, 600);
    drain(&store);
    // What was the last segment is full by now, and has gone too.
    assert!(moved <= rows(&server, "spans"));
    check_once(&server, &store, 600);
}

#[test]
fn an_insert_that_is_sent_again_changes_nothing() {
    let server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    let client = Client::new(&settings(&server), folder.path()).unwrap();
    let mut spans = SpanRows::default();
    let one = arbitrary::one();
    for number in 1_u64..100 {
        let span = Span { span_id: SpanId(number.to_be_bytes()), ..one.clone() };
        spans.push(&span, Derived::default());
    }
    let rows = spans.into_chunk();
    let segment = Segment { number: 7, received_secs: 1_000, rows: &rows };
    assert_eq!(client.insert(segment).unwrap(), 99);
    assert_eq!(client.insert(segment).unwrap(), 0, "it asks what is there");
    // A replica that lags says that nothing is there; then the token tells.
    assert_eq!(client.insert_all(segment).unwrap(), 99);
    assert_eq!(crate::rows(&server, "spans"), 99);
    let later = Segment { number: 8, ..segment };
    assert_eq!(client.insert(later).unwrap(), 99, "the same rows of another segment are others");
    assert_eq!(crate::rows(&server, "spans"), 198);
}

#[test]
fn what_comes_while_clickhouse_is_away_is_moved_once_it_is_back() {
    let mut server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &server);
    fill(&store, 20);
    drain(&store);
    server.kill();
    let there = counted(&store).0;
    fill_from(&store, 20, 40);
    let told = store.tidy();
    assert!(
        matches!(&told, Err(StoreError::ClickHouse(it)) if matches!(it.why, Why::Away(_))),
        "{told:?}"
    );
    let (here, missing) = counted(&store);
    assert_eq!(here, there + 200, "reads of the folder go on");
    assert!(missing.is_some());
    server.start_again();
    drain(&store);
    check_once(&server, &store, 400);
}

#[test]
fn a_server_that_goes_and_comes_back_while_spans_come_has_each_once() {
    let mut server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &server);
    fill(&store, 20);
    thread::scope(|scope| {
        let sender = scope.spawn(|| fill_from(&store, 20, 60));
        for _ in 0..2 {
            drain(&store);
            server.kill();
            // What comes meanwhile fills segments, none of which can be moved.
            while store.tidy().is_ok() {
                thread::yield_now();
                if sender.is_finished() {
                    break;
                }
            }
            server.start_again();
        }
        sender.join().unwrap();
    });
    drain(&store);
    check_once(&server, &store, 600);
}

#[test]
fn numbers_of_segments_go_on_when_all_were_moved() {
    let server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let store = open(folder.path(), &server);
        fill_from(&store, round * 20, (round + 1) * 20);
        drain(&store);
        check_once(&server, &store, (round + 1) * 200);
    }
}

fn refused(server: &ClickHouse, change: impl FnOnce(&mut Settings)) -> Why {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(server);
    change(&mut settings);
    let told = Client::new(&settings, folder.path()).unwrap().prepare();
    told.unwrap_err().why
}

#[test]
fn what_is_wrong_is_told_in_our_words() {
    let mut server = ClickHouse::start();
    let wrong = refused(&server, |settings| settings.password = Secret("guess".to_owned()));
    assert_eq!(wrong, Why::Credentials);
    let wrong = refused(&server, |settings| settings.user = "nobody".to_owned());
    assert_eq!(wrong, Why::Credentials);
    let folder = tempfile::tempdir().unwrap();
    Client::new(&settings(&server), folder.path()).unwrap().prepare().unwrap();
    server.run("INSERT INTO taut.taut_migrations (version, name) VALUES (99, 'dreams')");
    assert_eq!(refused(&server, |_| ()), Why::Schema(99));
    server.kill();
    assert!(matches!(refused(&server, |_| ()), Why::Away(_)));
}

#[test]
fn a_user_with_too_few_rights_and_a_server_that_is_too_old_are_told_what_is_missing() {
    let server = ClickHouse::start();
    server.pretend_version("24.3.1.7");
    let wrong = refused(&server, |_| ());
    assert_eq!(wrong, Why::Version("24.3.1.7".to_owned()));
    server.pretend_version("dreams");
    assert_eq!(refused(&server, |_| ()), Why::Version("dreams".to_owned()));
    server.pretend_version("24.8.1.1");
    server.deny(&["CREATE DATABASE"]);
    let wrong = refused(&server, |settings| settings.database = "elsewhere".to_owned());
    assert!(matches!(wrong, Why::Database(_)), "{wrong:?}");
    server.deny(&["CREATE TABLE"]);
    assert!(matches!(refused(&server, |_| ()), Why::Rights(_)));
    server.deny(&[]);
    // A right that is taken away later: what comes waits in the folder, and is moved once the right is back.
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &server);
    fill(&store, 20);
    drain(&store);
    fill_from(&store, 20, 30);
    server.deny(&["INSERT INTO"]);
    let told = store.tidy();
    let Err(StoreError::ClickHouse(trouble)) = told else { panic!("{told:?}") };
    assert!(matches!(trouble.why, Why::Rights(_)), "{trouble}");
    assert!(trouble.hint().contains("INSERT"), "{}", trouble.hint());
    fill_from(&store, 30, 40);
    check_counted(&store, 400);
    server.deny(&["SELECT"]);
    let (here, missing) = counted(&store);
    assert!((200..400).contains(&here), "the folder answers for what it has: {here}");
    assert!(missing.is_some_and(|it| matches!(it.why, Why::Rights(_))));
    server.deny(&[]);
    drain(&store);
    check_once(&server, &store, 400);
}

#[test]
fn a_folder_that_was_opened_without_clickhouse_goes_on_after_what_was_moved() {
    let server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &server);
    fill_from(&store, 0, 20);
    drain(&store);
    drop(store);
    // Somebody looks into the folder, or settings are forgotten for a while.
    let store = Folder::open(folder.path(), options()).unwrap().0;
    fill_from(&store, 20, 40);
    drop(store);
    let store = open(folder.path(), &server);
    drain(&store);
    check_once(&server, &store, 400);
}

#[test]
fn what_waits_for_clickhouse_is_bounded_and_never_dropped() {
    let mut server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &server);
    fill_from(&store, 0, 40);
    server.kill();
    assert!(store.tidy().is_err());
    let retention = Retention { age_max: Duration::MAX, bytes_max: 1 };
    store.retain(retention, Moment { nanos: 1_000_000_000 * 100 }).unwrap();
    assert_eq!(counted(&store).0, 400, "nothing that waits is dropped");
    let span = [arbitrary::one()];
    let batch = Batch { spans: &span, otlp: None, received: Moment { nanos: 1 } };
    assert!(matches!(store.append(&batch), Err(StoreError::Full { .. })), "no more is taken");
    server.start_again();
    drain(&store);
    fill_from(&store, 40, 41);
    check_once(&server, &store, 410);
}
