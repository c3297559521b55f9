//! Traces as they come, and what must become of them.

use std::fmt::Write as _;

use model::{Note, Parameters, Span, SpanKind};
use proptest::prelude::*;
use sql::Statements;

use super::*;
use crate::testing::{Say as _, id, span};

fn server(name: &str) -> Span {
    span(name).kind(SpanKind::Server).with("http.method", "GET").with("http.target", name)
}

fn client(host: &str) -> Span {
    span("GET")
        .kind(SpanKind::Client)
        .with("http.method", "GET")
        .with("http.url", &format!("http://{host}/x"))
}

fn statement(scope: &str, text: &str) -> Span {
    span("SELECT")
        .kind(SpanKind::Client)
        .scope(scope)
        .with("db.system", "postgresql")
        .with("db.statement", text)
}

fn trace(spans: &[Span]) -> Trace {
    assemble_spans(TraceId([7; 16]), spans, &mut Statements::default())
}

/// The tree, one node a line: id, times in microseconds, `entry`, `double`.
fn drawn(trace: &Trace) -> String {
    let mut out = String::new();
    for (place, node) in trace.nodes.iter().enumerate() {
        let indent = "  ".repeat(node.depth as usize);
        let number = u64::from_be_bytes(node.call.span_id.0);
        let (start, end) = (node.call.start.nanos / 1_000, node.call.end.nanos / 1_000);
        let entry = if node.entry == place { " entry" } else { "" };
        let double = if node.double { " double" } else { "" };
        let missing = if node.call.work == Work::Missing { " missing" } else { "" };
        writeln!(out, "{indent}{number} {start}..{end}{missing}{entry}{double}").unwrap();
    }
    out
}

fn check(spans: &[Span], expected: &str) -> Trace {
    let trace = trace(spans);
    check_shape(&trace);
    let expected: Vec<&str> = expected.lines().filter(|line| !line.trim().is_empty()).collect();
    let margin = expected.first().map_or(0, |line| line.len() - line.trim_start().len());
    let expected: Vec<&str> = expected.iter().filter_map(|line| line.get(margin..)).collect();
    let drawn = drawn(&trace);
    assert_eq!(drawn.lines().collect::<Vec<_>>(), expected, "{:?}", trace.notes);
    trace
}

/// What holds for every trace.
fn check_shape(trace: &Trace) {
    for (place, node) in trace.nodes.iter().enumerate() {
        assert!(node.call.start <= node.call.end);
        assert!(place < node.subtree_end && node.subtree_end <= trace.nodes.len());
        assert!(node.entry <= place && trace.nodes[node.entry].entry == node.entry);
        match node.parent {
            Some(parent) => {
                assert!(parent < place && node.subtree_end <= trace.nodes[parent].subtree_end);
                assert_eq!(node.depth, trace.nodes[parent].depth + 1);
                assert!(node.entry == place || node.entry == trace.nodes[parent].entry);
            }
            None => assert_eq!((node.depth, node.entry), (0, place)),
        }
    }
    let entries: Vec<usize> =
        (0..trace.nodes.len()).filter(|place| trace.nodes[*place].entry == *place).collect();
    assert_eq!(trace.entries, entries);
}

#[test]
fn children_stand_below_their_parents_in_order_of_start() {
    let spans = [
        span("c").id(4, 2).micros(30, 40),
        span("b").id(3, 1).micros(50, 60),
        server("/").id(1, 0).micros(0, 100),
        span("a").id(2, 1).micros(10, 45),
    ];
    let trace = check(
        &spans,
        "
        1 0..100 entry
          2 10..45
            4 30..40
          3 50..60
        ",
    );
    assert_eq!(trace.notes, []);
    assert_eq!(trace.entries, [0]);
    assert_eq!(trace.children(0).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn a_span_that_comes_twice_counts_once() {
    let one = server("/").id(1, 0).micros(0, 100);
    let trace = check(&[one.clone(), one.clone(), one], "1 0..100 entry");
    assert_eq!(trace.notes, [Note::Duplicates { count: 2 }]);
}

#[test]
fn children_of_one_absent_parent_get_one_placeholder() {
    let spans = [
        span("a").id(2, 9).micros(10, 20),
        span("b").id(3, 9).micros(30, 90),
        span("c").id(4, 8).micros(50, 60).service("other"),
    ];
    let trace = check(
        &spans,
        "
        9 10..90 missing entry
          2 10..20
          3 30..90
        8 50..60 missing entry
          4 50..60
        ",
    );
    assert_eq!(&*trace.nodes[0].call.service, "shop");
    assert_eq!(&*trace.nodes[3].call.service, "other");
    assert_eq!(
        trace.notes,
        [
            Note::MissingParent { parent_id: id(8), count: 1 },
            Note::MissingParent { parent_id: id(9), count: 2 }
        ]
    );
}

#[test]
fn cycles_are_cut_at_their_earliest_span() {
    let spans = [
        span("a").id(1, 3).micros(20, 30),
        span("b").id(2, 1).micros(10, 30),
        span("c").id(3, 2).micros(30, 30),
        span("below").id(4, 3).micros(40, 50),
        span("own parent").id(5, 5).micros(60, 70),
    ];
    let trace = check(
        &spans,
        "
        2 10..30 entry
          3 30..30
            1 20..30
            4 40..50
        5 60..70 entry
        ",
    );
    assert_eq!(trace.notes, [Note::Cycle { span_id: id(2) }, Note::Cycle { span_id: id(5) }]);
}

#[test]
fn several_roots_and_spans_that_end_before_they_begin_are_noted() {
    let spans = [span("a").id(1, 0).micros(50, 10), span("b").id(2, 0).micros(0, 10)];
    let trace = check(
        &spans,
        "
        2 0..10 entry
        1 50..50 entry
        ",
    );
    assert_eq!(trace.notes, [Note::ManyRoots { count: 2 }, Note::NegativeDuration { count: 1 }]);
}

#[test]
fn another_services_clock_is_corrected_with_all_that_it_timed() {
    let spans = [
        server("/").id(1, 0).micros(1_000, 2_000),
        client("b").id(2, 1).micros(1_100, 1_300),
        server("/x").id(3, 2).micros(9_000, 9_100).service("b"),
        span("inner").id(4, 3).micros(9_010, 9_020).service("b"),
        client("c").id(5, 3).micros(9_030, 9_060).service("b"),
        server("/x").id(6, 5).micros(1_190, 1_200).service("c"),
        span("own, late").id(7, 1).micros(5_000, 5_100),
    ];
    let trace = check(
        &spans,
        "
        1 1000..2000 entry
          2 1100..1300
            3 1150..1250 entry
              4 1160..1170
              5 1180..1210
                6 1190..1200 entry
          7 5000..5100
        ",
    );
    assert_eq!(trace.notes, [Note::ClockSkew { service: "b".to_owned(), nanos: -7_850_000 }]);
}

#[test]
fn a_server_that_outlives_its_client_is_moved_only_to_its_begin() {
    let spans = |start: u64| {
        [
            client("b").id(1, 0).micros(1_000, 1_100),
            server("/x").id(2, 1).micros(start, start + 500).service("b"),
        ]
    };
    check(&spans(1_050), "1 1000..1100 entry\n  2 1050..1550 entry");
    check(&spans(100), "1 1000..1100 entry\n  2 1000..1500 entry");
}

#[test]
fn messages_are_handled_when_they_are_handled() {
    let spans = |start: u64| {
        [
            span("send").kind(SpanKind::Producer).id(1, 0).micros(1_000, 1_010),
            span("orders process")
                .kind(SpanKind::Consumer)
                .id(2, 1)
                .micros(start, start + 10)
                .service("worker"),
        ]
    };
    check(&spans(90_000), "1 1000..1010 entry\n  2 90000..90010 entry");
    check(&spans(500), "1 1000..1010 entry\n  2 1000..1010 entry");
}

#[test]
fn a_client_and_a_server_may_share_their_id() {
    let spans = [
        server("/").id(1, 0).micros(0, 100),
        client("b").id(2, 1).micros(10, 90),
        server("/x").id(2, 1).micros(20, 80).service("b"),
        span("in b").id(3, 2).micros(30, 40).service("b"),
        span("in shop").id(4, 2).micros(12, 15),
    ];
    let trace = check(
        &spans,
        "
        1 0..100 entry
          2 10..90
            4 12..15
            2 20..80 entry
              3 30..40
        ",
    );
    assert!(trace.nodes[1].call.http().unwrap().answered);
    assert_eq!(trace.notes, []);
}

#[test]
fn a_call_is_answered_if_a_server_span_is_below_it() {
    let spans = [
        server("/").id(1, 0).micros(0, 100),
        client("b").id(2, 1).micros(10, 40),
        server("/x").id(3, 2).micros(15, 35).service("b"),
        client("c").id(4, 1).micros(50, 90),
    ];
    let trace = trace(&spans);
    assert!(trace.nodes[1].call.http().unwrap().answered);
    assert!(!trace.nodes[3].call.http().unwrap().answered);
}

#[test]
fn a_framework_below_its_web_server_is_the_same_request() {
    let outer = server("/orders/17").id(1, 0).micros(0, 100_000);
    let inner =
        server("/orders/17").with("http.route", "/orders/:id").id(2, 1).micros(2_000, 99_000);
    let statement = statement("pg", "SELECT 1").id(3, 2).micros(5_000, 6_000);
    let trace = check(
        &[outer.clone(), inner.clone(), statement],
        "
        1 0..100000 entry
          2 2000..99000 double
            3 5000..6000
        ",
    );
    assert_eq!(trace.nodes[0].call.request().unwrap().operation, "GET /orders/:id");
    check(
        &[outer.clone(), inner.clone().service("other")],
        "1 0..100000 entry\n  2 2000..99000 entry",
    );
    check(&[outer, inner.micros(2_000, 30_000)], "1 0..100000 entry\n  2 2000..30000 entry");
}

fn doubles(spans: &[Span]) -> (Trace, Vec<u64>) {
    let trace = trace(spans);
    check_shape(&trace);
    let doubles = trace.nodes.iter().filter(|node| node.double);
    let ids = doubles.map(|node| u64::from_be_bytes(node.call.span_id.0)).collect();
    (trace, ids)
}

const ORM: &str = "opentelemetry.instrumentation.sqlalchemy";
const DRIVER: &str = "opentelemetry.instrumentation.psycopg2";

#[test]
fn a_driver_below_its_orm_is_a_double() {
    let spans = [
        server("/").id(1, 0).micros(0, 1_000),
        statement("sequelize", "SELECT a FROM t WHERE b = 1").id(2, 1).micros(10, 100),
        span("pool").id(3, 2).micros(12, 95),
        statement("pg", "SELECT a FROM t WHERE b = 1")
            .int("db.response.returned_rows", 3)
            .id(4, 3)
            .micros(20, 90),
        statement("pg", "SELECT x FROM u WHERE b = 1").id(5, 2).micros(91, 95),
    ];
    let (trace, doubles) = doubles(&spans);
    assert_eq!(doubles, [4]);
    assert_eq!(trace.nodes[1].call.statement().unwrap().returned_rows, Some(3));
}

#[test]
fn a_driver_beside_its_orm_is_a_double_and_loops_stay_loops() {
    let mut spans = vec![server("/").id(1, 0).micros(0, 100_000)];
    for number in 0..20 {
        let start = 1_000 + number * 300;
        spans.push(
            statement(ORM, "SELECT a FROM t WHERE b = %s")
                .id(100 + number, 1)
                .micros(start, start + 280),
        );
        let driver = statement(DRIVER, "SELECT a FROM t WHERE b = %s")
            .with("db.statement.parameters", "(17,)");
        spans.push(driver.id(200 + number, 1).micros(start + 40, start + 270));
    }
    let (trace, found) = doubles(&spans);
    assert_eq!(found, (200..220).collect::<Vec<u64>>());
    let kept = trace.request(0).filter_map(|place| trace.nodes[place].call.statement());
    assert!(kept.into_iter().all(|statement| matches!(statement.parameters, Parameters::Known(_))));
    let same_scope: Vec<Span> = spans.into_iter().map(|span| span.scope(DRIVER)).collect();
    assert_eq!(doubles(&same_scope).1, Vec::<u64>::new(), "one scope tells of each statement once");
}

#[test]
fn statements_at_other_times_are_no_doubles() {
    let spans = [
        server("/").id(1, 0).micros(0, 100_000),
        statement(ORM, "SELECT a FROM t WHERE b = %s").id(2, 1).micros(1_000, 2_000),
        statement(DRIVER, "SELECT a FROM t WHERE b = %s").id(3, 1).micros(8_000, 20_000),
    ];
    assert_eq!(doubles(&spans).1, Vec::<u64>::new());
}

#[test]
fn of_two_layers_the_one_with_text_is_kept() {
    let orm = |own: u64| {
        span("find users").kind(SpanKind::Client).with("db.system", "postgresql").id(own, 1)
    };
    let spans = [
        server("/").id(1, 0).micros(0, 1_000),
        orm(2).micros(10, 100),
        statement("pg", "SELECT a FROM users WHERE b = $1").id(3, 2).micros(20, 50),
        statement("pg", "SELECT a FROM orders WHERE b = $1").id(4, 2).micros(60, 90),
        orm(5).micros(200, 300),
    ];
    assert_eq!(doubles(&spans).1, [2]);
    let inner_without = [
        server("/").id(1, 0).micros(0, 1_000),
        statement("pg", "SELECT a FROM users WHERE b = $1").id(2, 1).micros(10, 100),
        span("query")
            .kind(SpanKind::Client)
            .with("db.system", "postgresql")
            .id(3, 2)
            .micros(20, 90),
    ];
    assert_eq!(doubles(&inner_without).1, [3]);
}

#[test]
fn mongoose_over_mongodb_is_one_call() {
    let document = |name: &str, operation: &str| {
        let span = span(name)
            .kind(SpanKind::Client)
            .with("db.system", "mongodb")
            .with("db.operation", operation);
        span.with("db.mongodb.collection", "users")
    };
    let spans = [
        server("/").id(1, 0).micros(0, 1_000),
        document("mongoose.User.findOne", "findOne").id(2, 1).micros(10, 100),
        document("mongodb.find", "find")
            .with("db.statement", r#"{"filter":{"name":"?"}}"#)
            .id(3, 2)
            .micros(20, 90),
    ];
    assert_eq!(doubles(&spans).1, [3]);
}

#[test]
fn a_driver_below_prisma_is_a_double() {
    let spans = [
        server("/").id(1, 0).micros(0, 1_000),
        span("prisma:client:operation").id(2, 1).micros(10, 500),
        span("prisma:engine:query").id(3, 2).micros(20, 490),
        span("prisma:engine:db_query")
            .with("db.query.text", "SELECT a FROM t WHERE b = $1")
            .id(4, 3)
            .micros(30, 480),
        statement("@opentelemetry/instrumentation-pg", "SELECT a FROM t WHERE b = $1")
            .id(5, 3)
            .micros(40, 470),
    ];
    assert_eq!(doubles(&spans).1, [5]);
}

#[test]
fn a_prepared_statement_is_told_by_its_preparation_and_timed_by_its_execution() {
    let pdo = |name: &str| span(name).kind(SpanKind::Client).with("db.system.name", "mysql");
    let spans = [
        server("/").id(1, 0).micros(0, 1_000),
        pdo("PDO::prepare")
            .with("db.query.text", "SELECT a FROM t WHERE b = ?")
            .id(2, 1)
            .micros(10, 12),
        pdo("PDOStatement::execute").id(3, 1).micros(15, 100),
    ];
    let (trace, found) = doubles(&spans);
    assert_eq!(found, [2]);
    let told = &trace.nodes[2].call.statement().unwrap().text;
    assert!(told.text.eq_ignore_ascii_case("SELECT a FROM t WHERE b = ?"), "{}", told.text);
}

#[test]
fn layers_of_an_http_client_are_one_call() {
    let spans = [
        server("/").id(1, 0).micros(0, 1_000),
        client("api").scope("requests").id(2, 1).micros(10, 500),
        client("api").scope("urllib3").int("http.status_code", 200).id(3, 2).micros(20, 490),
        client("other").scope("urllib3").id(4, 2).micros(491, 495),
        client("api").scope("requests").id(5, 1).micros(600, 700),
    ];
    let (trace, found) = doubles(&spans);
    assert_eq!(found, [3]);
    assert_eq!(trace.nodes[1].call.http().unwrap().status, 200);
}

#[test]
fn attempts_below_one_call_are_counted_as_resent() {
    let spans = [
        server("/").id(1, 0).micros(0, 1_000),
        client("api").scope("requests").id(2, 1).micros(10, 500),
        client("api").scope("urllib3").id(3, 2).micros(20, 100),
        client("api").scope("urllib3").id(4, 2).micros(120, 200),
        client("api").scope("urllib3").id(5, 2).micros(220, 300),
    ];
    let (trace, found) = doubles(&spans);
    assert_eq!(found, [3, 4, 5]);
    assert_eq!(trace.nodes[1].call.http().unwrap().resend_count, 2);
}

#[test]
fn a_chain_of_100_000_spans_does_not_overflow_the_stack() {
    let spans: Vec<Span> = (1..=100_000).map(|own| span("x").id(own, own - 1)).collect();
    let trace = trace(&spans);
    assert_eq!(trace.nodes.len(), 100_000);
    assert_eq!(trace.nodes[99_999].depth, 99_999);
    assert_eq!(trace.notes, []);
}

#[test]
fn of_too_many_spans_the_earliest_are_kept() {
    let mut calls = Vec::new();
    let first = crate::call(&span("x").id(1, 0), &mut Statements::default());
    for number in 0..SPANS_MAX + 3 {
        let mut call = first.clone();
        call.span_id = id(number as u64 + 1);
        call.start.nanos = number as u64;
        calls.push(call);
    }
    calls.reverse();
    let trace = assemble(TraceId::default(), calls, BTreeMap::new());
    assert_eq!(trace.nodes.len(), SPANS_MAX);
    assert_eq!(trace.nodes[0].call.span_id, id(1));
    assert!(trace.notes.contains(&Note::TooLarge { count: 3 }));
}

/// Spans with few ids, so that parents are missing, shared, turned around and in cycles.
fn any_span() -> impl Strategy<Value = Span> {
    (1..30_u64, 0..30_u64, 0..2_000_u64, 0..300_u64, 0..6_usize, 0..3_usize).prop_map(
        |(own, parent, start, length, what, service)| {
            let service = ["shop", "b", "c"][service];
            let span = match what {
                0 => server("/x"),
                1 => client("api"),
                2 => statement(ORM, "SELECT a FROM t WHERE b = 1"),
                3 => statement(DRIVER, "SELECT a FROM t WHERE b = 1"),
                4 => span("orders process").kind(SpanKind::Consumer),
                _ => span("x"),
            };
            let end = (start + length).saturating_sub(10);
            span.id(own, parent).micros(start, end).service(service)
        },
    )
}

proptest! {
    #[test]
    fn the_order_in_which_spans_come_does_not_matter(
        spans in proptest::collection::vec(any_span(), 0..60),
        seed: u64,
        again in proptest::collection::vec(any::<proptest::sample::Index>(), 0..10),
    ) {
        let straight = trace(&spans);
        check_shape(&straight);
        let mut shuffled = spans.clone();
        if !spans.is_empty() {
            shuffled.extend(again.iter().map(|index| index.get(&spans).clone()));
        }
        let mut state = seed | 1;
        for place in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(place, (state >> 33) as usize % (place + 1));
        }
        let mut other = trace(&shuffled);
        // Only the count of duplicates tells that spans came more often.
        other.notes.retain(|note| !matches!(note, Note::Duplicates { .. }));
        let mut straight = straight;
        straight.notes.retain(|note| !matches!(note, Note::Duplicates { .. }));
        prop_assert_eq!(straight, other);
    }
}
