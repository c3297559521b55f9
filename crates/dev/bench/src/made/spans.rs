//! One request and its spans, with the attributes that `opentelemetry-instrument` gives them.

use std::{fmt::Write as _, sync::Arc};

use model::{
    Attributes, Moment, Resource, Scope, Span, SpanId, SpanKind, Status, Text, TraceId, Value,
};

use super::Dice;

/// What is listed, its columns, and what each row leads to.
const RESOURCES: &[(&str, &[&str], &[&str])] = &[
    (
        "orders",
        &["customer_id", "status", "reference", "created_at", "total_cents"],
        &["customers", "order_items", "products"],
    ),
    (
        "applications",
        &["candidate_id", "job_id", "status_id", "submitted_at", "source"],
        &["candidates", "jobs", "companies"],
    ),
    (
        "posts",
        &["author_id", "title", "slug", "published_at", "comments_count"],
        &["authors", "categories", "comments"],
    ),
    (
        "tickets",
        &["assignee_id", "subject", "priority", "opened_at", "queue_id"],
        &["agents", "queues", "messages"],
    ),
    (
        "shipments",
        &["order_id", "carrier_id", "tracking_code", "shipped_at"],
        &["carriers", "parcels", "addresses"],
    ),
    (
        "invoices",
        &["account_id", "number", "due_on", "amount_cents", "currency"],
        &["accounts", "invoice_lines", "taxes"],
    ),
    (
        "courses",
        &["teacher_id", "title", "level", "starts_on", "seats"],
        &["teachers", "lessons", "enrolments"],
    ),
    (
        "listings",
        &["owner_id", "city_id", "headline", "rooms", "rent_cents"],
        &["owners", "cities", "photos"],
    ),
];

/// What a request is like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) begin: Moment,
    /// Calls that it makes.
    pub(super) statements: u64,
    /// Values are spelt out in statements.
    pub(super) literals: bool,
}

/// The request under way.
struct Answer<'a> {
    trace_id: TraceId,
    root: SpanId,
    resource: &'a Arc<Resource>,
    now: Moment,
}

/// A process.
pub(super) fn resource(number: u64, dice: &mut Dice) -> Arc<Resource> {
    let id = format!("{:016x}-{number:04x}", dice.next());
    let attributes = Attributes(vec![
        text("telemetry.sdk.language", "python"),
        text("telemetry.sdk.name", "opentelemetry"),
        text("telemetry.sdk.version", "1.45.1"),
        text("service.instance.id", &id),
        text("service.name", "shop"),
        text("telemetry.auto.version", "0.66b1"),
    ]);
    Arc::new(Resource { attributes, ..Resource::default() })
}

/// Instrumentations: of requests, of statements, of remote calls.
pub(super) fn scopes() -> [Arc<Scope>; 3] {
    ["django", "psycopg", "requests"].map(|name| {
        Arc::new(Scope {
            name: Text::from(format!("opentelemetry.instrumentation.{name}")),
            version: "0.66b1".into(),
            ..Scope::default()
        })
    })
}

/// A request and its end: one list, then what its rows lead to one by one; the last call is remote where
/// there is nothing wrong.
pub(super) fn request(
    shape: Shape,
    (resource, scopes): (&Arc<Resource>, &[Arc<Scope>; 3]),
    dice: &mut Dice,
) -> (Vec<Span>, Moment) {
    let [django, psycopg, requests] = scopes;
    let (listed, columns, related) = *dice.pick(RESOURCES);
    let many = 10 < shape.statements;
    let root = SpanId(dice.next().to_be_bytes());
    let mut trace_id = [0; 16];
    trace_id[..8].copy_from_slice(&dice.next().to_be_bytes());
    trace_id[8..].copy_from_slice(&dice.next().to_be_bytes());
    let mut answer = Answer {
        trace_id: TraceId(trace_id),
        root,
        resource,
        now: later(shape.begin, dice, 2_000),
    };
    let mut spans = Vec::new();
    let owner = dice.below(5_000);
    for number in 0..shape.statements {
        let (sql, micros) = match number {
            0 => (list(listed, columns, owner, shape.literals), 4_000),
            1 if !many => (format!("SELECT COUNT(*) AS \"__count\" FROM \"{listed}\""), 3_000),
            2..7 if !many => {
                let table = *dice.pick(related);
                (prefetch(table, 20 + dice.below(31), shape.literals, dice), 2_000)
            }
            7 if !many => (update(listed, shape.literals, dice), 1_500),
            8 if !many => {
                spans.push(remote(&mut answer, requests, dice));
                continue;
            }
            _ => (row(dice.pick::<&str>(related), shape.literals, dice), 600),
        };
        spans.push(statement(&mut answer, psycopg, (sql, micros), dice));
    }
    let end = later(answer.now, dice, 20_000);
    spans.push(entry(&answer, django, (listed, owner, many), dice));
    if let Some(span) = spans.last_mut() {
        (span.start, span.end) = (shape.begin, end);
    }
    (spans, end)
}

fn list(table: &str, columns: &[&str], owner: u64, literals: bool) -> String {
    let mut sql = format!("SELECT \"{table}\".\"id\"");
    for column in columns {
        write_to(&mut sql, format_args!(", \"{table}\".\"{column}\""));
    }
    let first = columns.first().copied().unwrap_or("owner_id");
    write_to(&mut sql, format_args!(" FROM \"{table}\" WHERE \"{table}\".\"{first}\" = "));
    value(&mut sql, owner, literals);
    write_to(&mut sql, format_args!(" ORDER BY \"{table}\".\"id\" DESC LIMIT 50"));
    sql
}

fn row(table: &str, literals: bool, dice: &mut Dice) -> String {
    let mut sql = columns_of(table);
    write_to(&mut sql, format_args!(" WHERE \"{table}\".\"id\" = "));
    value(&mut sql, dice.below(1_000_000), literals);
    sql.push_str(" LIMIT 21");
    sql
}

fn prefetch(table: &str, keys: u64, literals: bool, dice: &mut Dice) -> String {
    let mut sql = columns_of(table);
    write_to(&mut sql, format_args!(" WHERE \"{table}\".\"id\" IN ("));
    for key in 0..keys {
        sql.push_str(if key == 0 { "" } else { ", " });
        value(&mut sql, dice.below(1_000_000), literals);
    }
    sql.push(')');
    sql
}

fn update(table: &str, literals: bool, dice: &mut Dice) -> String {
    let mut sql = format!("UPDATE \"{table}\" SET \"seen_at\" = ");
    if literals {
        sql.push_str("'2026-11-20T10:15:42.123456+00:00'::timestamptz");
    } else {
        sql.push_str("%s");
    }
    write_to(&mut sql, format_args!(" WHERE \"{table}\".\"id\" = "));
    value(&mut sql, dice.below(1_000_000), literals);
    sql
}

fn columns_of(table: &str) -> String {
    format!(
        "SELECT \"{table}\".\"id\", \"{table}\".\"name\", \"{table}\".\"kind\", \"{table}\".\"reference\", \
         \"{table}\".\"country\", \"{table}\".\"created_at\" FROM \"{table}\""
    )
}

fn value(sql: &mut String, value: u64, literals: bool) {
    if literals {
        write_to(sql, format_args!("{value}"));
    } else {
        sql.push_str("%s");
    }
}

fn write_to(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("writing to a text does not fail");
}

fn statement(
    answer: &mut Answer<'_>,
    scope: &Arc<Scope>,
    (sql, micros): (String, u64),
    dice: &mut Dice,
) -> Span {
    let name = sql.split(' ').next().unwrap_or_default();
    let mut span = span(answer, scope, (name, SpanKind::Client, micros), dice);
    span.attributes = Attributes(vec![
        text("db.system", "postgresql"),
        text("db.name", "shop"),
        text("db.statement", &sql),
        text("db.user", "postgres"),
        text("net.peer.name", "127.0.0.1"),
        (Text::const_new("net.peer.port"), Value::Int(5432)),
    ]);
    span
}

fn remote(answer: &mut Answer<'_>, scope: &Arc<Scope>, dice: &mut Dice) -> Span {
    let mut span = span(answer, scope, ("GET", SpanKind::Client, 6_000), dice);
    let url = format!("http://stock.internal:8080/stock/SKU-{:06}", dice.below(100_000));
    span.attributes = Attributes(vec![
        text("http.method", "GET"),
        text("http.url", &url),
        text("user_agent.original", "python-requests/2.32.5"),
        (Text::const_new("http.status_code"), Value::Int(200)),
    ]);
    span
}

fn entry(
    answer: &Answer<'_>,
    scope: &Arc<Scope>,
    (listed, owner, many): (&str, u64, bool),
    dice: &mut Dice,
) -> Span {
    let route = if many { format!("api/{listed}/") } else { format!("api/{listed}/page/") };
    let target = format!("/{route}?owner={owner}");
    let int =
        |key: &'static str, value: u64| (Text::const_new(key), Value::Int(value.cast_signed()));
    let size = Value::Text(Text::from(dice.below(60_000).to_string()));
    let attributes = Attributes(vec![
        text("http.method", "GET"),
        text("http.server_name", "127.0.0.1"),
        text("http.scheme", "http"),
        text("net.host.name", "127.0.0.1:8000"),
        text("http.host", "127.0.0.1:8000"),
        int("net.host.port", 8000),
        text("http.target", &target),
        text("net.peer.ip", "127.0.0.1"),
        int("net.peer.port", 32_768 + dice.below(28_000)),
        text("http.flavor", "1.1"),
        text("http.route", &route),
        int("http.status_code", 200),
        (Text::const_new("http.response.header.content_length"), Value::List(vec![size])),
    ]);
    Span {
        span_id: answer.root,
        parent_id: None,
        attributes,
        ..blank(answer, scope, (&format!("GET {route}"), SpanKind::Server))
    }
}

/// A child of the request's span, after what came before it.
fn span(
    answer: &mut Answer<'_>,
    scope: &Arc<Scope>,
    (name, kind, micros): (&str, SpanKind, u64),
    dice: &mut Dice,
) -> Span {
    let start = later(answer.now, dice, 600);
    let end = later(start, dice, micros);
    answer.now = end;
    let span_id = SpanId(dice.next().to_be_bytes());
    let parent_id = Some(answer.root);
    Span { span_id, parent_id, start, end, ..blank(answer, scope, (name, kind)) }
}

fn blank(answer: &Answer<'_>, scope: &Arc<Scope>, (name, kind): (&str, SpanKind)) -> Span {
    Span {
        trace_id: answer.trace_id,
        span_id: SpanId([0; 8]),
        parent_id: None,
        trace_state: Text::default(),
        flags: 256,
        name: name.into(),
        kind,
        start: answer.now,
        end: answer.now,
        attributes: Attributes::default(),
        dropped_attributes_count: 0,
        events: Vec::new(),
        dropped_events_count: 0,
        links: Vec::new(),
        dropped_links_count: 0,
        status: Status::default(),
        resource: Arc::clone(answer.resource),
        scope: Arc::clone(scope),
    }
}

/// Half of `micros` to one and a half later.
fn later(moment: Moment, dice: &mut Dice, micros: u64) -> Moment {
    let nanos = micros * 500 + dice.below(micros * 1_000);
    Moment { nanos: moment.nanos + nanos }
}

fn text(key: &'static str, value: &str) -> (Text, Value) {
    (Text::const_new(key), Value::Text(value.into()))
}
