//! Tables as they are made.

use model::{Moment, Span, Window};
use stats::Sketch;
use store::{
    clickhouse::{Bounds, ClickHouse as Client, Layout, Reached, Segment, Why},
    keep::{
        SPANS,
        query::{Field, Filter, Measure, Measured, Query},
        spans::{Derived, SpanRows},
        table::span as place,
    },
};
use testkit::{arbitrary, clickhouse::ClickHouse};

use crate::{LONG, settings};

#[test]
fn tables_are_made_once_and_changed_where_settings_are() {
    let server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    for days in [14, 14, 30] {
        let mut settings = settings(&server);
        settings.days = days;
        Client::new(&settings, folder.path()).unwrap().prepare().unwrap();
        let create = server.ask("SHOW CREATE TABLE taut.spans");
        assert!(create.contains(&format!("toIntervalDay({days})")), "{create}");
    }
    assert_eq!(server.ask("SELECT count() FROM taut.taut_migrations"), "2");
}

#[test]
fn a_column_that_is_missing_is_added() {
    let server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    let client = || Client::new(&settings(&server), folder.path()).unwrap();
    client().prepare().unwrap();
    let columns = "SELECT count() FROM system.columns WHERE database = 'taut'";
    let before = server.ask(columns);
    server.run("ALTER TABLE taut.spans DROP COLUMN flags");
    server.run("ALTER TABLE taut.logs DROP COLUMN observed_time_at");
    assert_ne!(server.ask(columns), before);
    client().prepare().unwrap();
    assert_eq!(server.ask(columns), before);
}

#[test]
fn rows_age_from_their_insert_on_and_not_from_their_own_time() {
    let server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    let client = Client::new(&settings(&server), folder.path()).unwrap();
    let mut spans = SpanRows::default();
    let long_ago =
        Span { start: Moment { nanos: 1 }, end: Moment { nanos: 2 }, ..arbitrary::one() };
    spans.push(&long_ago, Derived::default());
    let rows = spans.into_chunk();
    client.insert(Segment { number: 1, received_secs: 1_000, rows: &rows }).unwrap();
    server.run("OPTIMIZE TABLE taut.spans FINAL");
    assert_eq!(crate::rows(&server, "spans"), 1, "what comes late is kept as long as all");
    server.run(
        "INSERT INTO taut.spans (service, taut_received, taut_inserted) \
         VALUES ('old', now(), now() - INTERVAL 20 DAY)",
    );
    server.run("OPTIMIZE TABLE taut.spans FINAL");
    let old = "SELECT count() FROM taut.spans WHERE service = 'old'";
    assert_eq!(server.ask(old), "0", "what was inserted too long ago goes");
    assert_eq!(crate::rows(&server, "spans"), 1);
}

#[test]
fn rows_may_be_spread_over_the_shards_of_a_cluster() {
    let server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(&server);
    settings.layout = Layout { cluster: "alone".to_owned(), replicated: false, sharded: true };
    let client = Client::new(&settings, folder.path()).unwrap();
    client.prepare().unwrap();
    assert!(server.ask("SHOW CREATE TABLE taut.spans").contains("Distributed"));
    assert!(server.ask("SHOW CREATE TABLE taut.spans_local").contains("MergeTree"));
    let mut spans = SpanRows::default();
    let one = arbitrary::one();
    spans.push(&one, Derived::default());
    let rows = spans.into_chunk();
    let segment = Segment { number: 1, received_secs: 1_000, rows: &rows };
    for _ in 0..3 {
        client.insert(segment).unwrap();
        assert_eq!(crate::rows(&server, "spans_local"), 1);
    }
    let bounds = Bounds { time: LONG, rows: 1_000 };
    let (found, _) = client.trace(&SPANS, one.trace_id, bounds, &[]).unwrap();
    assert_eq!(found.rows(), 1);
    let (found, _) = client.trace(&SPANS, one.trace_id, bounds, &[1]).unwrap();
    assert_eq!(found.rows(), 0, "the folder answers for that segment itself");
}

#[test]
fn the_bucket_that_clickhouse_works_out_is_that_of_the_sketch() {
    let server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    let client = Client::new(&settings(&server), folder.path()).unwrap();
    let mut spans = SpanRows::default();
    let one = arbitrary::one();
    let edges = (0..63_u32).flat_map(|bit| {
        let power = 1_u64 << bit;
        [power.saturating_sub(1), power, power + 1, power + power / 64, power + power / 3]
    });
    let values: Vec<u64> = edges.chain(0..300).collect();
    for value in &values {
        let span =
            Span { start: Moment { nanos: 0 }, end: Moment { nanos: *value }, ..one.clone() };
        spans.push(&span, Derived::default());
    }
    let rows = spans.into_chunk();
    client.insert(Segment { number: 1, received_secs: 1_000, rows: &rows }).unwrap();
    let query = Query {
        table: &SPANS,
        window: Window::ALL,
        // No roll-up has that.
        filter: Filter::Has(Field::Column(place::SPAN_ID)),
        group: Vec::new(),
        step: None,
        measures: vec![Measure::Distribution(Field::Column(place::DURATION))],
        limit: 1,
    };
    let bounds = Bounds { time: LONG, rows: 10_000 };
    let told = client.groups(&query, bounds, &[]).unwrap().answer(&query);
    let expected: Sketch = values.into_iter().collect();
    assert_eq!(told.groups[0].measured, [Measured::Distribution(expected)]);
}

#[test]
fn hostile_texts_are_texts() {
    let server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    let client = Client::new(&settings(&server), folder.path()).unwrap();
    let hostile =
        ["'", "\\", "\\'", "'; DROP TABLE taut.spans; --", "a\0b", "{x:String}", "%s", "\n`"];
    for text in hostile {
        let filters = [
            Filter::Is(Field::Attribute(text.into()), vec![text.into()]),
            Filter::Contains(Field::Column(place::NAME), text.into()),
            Filter::Is(Field::Resource(text.into()), vec![text.into()]),
        ];
        for filter in filters {
            let query = Query {
                table: &SPANS,
                window: Window::ALL,
                filter,
                group: vec![Field::Attribute(text.into())],
                step: None,
                measures: vec![Measure::Sum(Field::Attribute(text.into()))],
                limit: 1,
            };
            let bounds = Bounds { time: LONG, rows: 1_000 };
            let told = client.groups(&query, bounds, &[]).unwrap().answer(&query);
            assert!(told.groups.is_empty(), "{text}");
        }
    }
    assert_eq!(crate::rows(&server, "spans"), 0, "the table is there");
}

#[test]
fn limits_of_a_question_are_told() {
    let server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    let client = Client::new(&settings(&server), folder.path()).unwrap();
    let mut spans = SpanRows::default();
    let one = arbitrary::one();
    for _ in 0..100 {
        spans.push(&one, Derived::default());
    }
    let rows = spans.into_chunk();
    client.insert(Segment { number: 1, received_secs: 1_000, rows: &rows }).unwrap();
    let query = Query {
        table: &SPANS,
        window: Window::ALL,
        // No roll-up has that.
        filter: Filter::Has(Field::Column(place::SPAN_ID)),
        group: vec![Field::Column(place::NAME)],
        step: None,
        measures: vec![Measure::Count],
        limit: 1,
    };
    let told = client.groups(&query, Bounds { time: LONG, rows: 10 }, &[]);
    assert_eq!(told.unwrap_err().why, Why::Limit(Reached::Rows));
}
