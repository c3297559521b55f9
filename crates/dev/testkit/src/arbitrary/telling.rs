//! Spans that say what the semantic conventions know, in combinations that no instrumentation sends.

use model::{Attributes, Span, SpanKind, Text, Value};
use proptest::prelude::*;

use super::one;

const KEYS: &[&str] = &[
    "db.system",
    "db.statement",
    "db.query.text",
    "db.query.summary",
    "db.collection.name",
    "db.operation",
    "db.name",
    "db.statement.parameters",
    "http.route",
    "http.target",
    "http.url",
    "url.path",
    "url.query",
    "http.method",
    "http.status_code",
    "rpc.system",
    "rpc.service",
    "rpc.method",
    "messaging.system",
    "messaging.operation",
    "messaging.destination.name",
    "celery.task_name",
    "graphql.operation.name",
    "cache.key",
    "net.peer.port",
    "server.address",
    "template.name",
    "user.id",
];

const TEXTS: &[&str] = &[
    "",
    "/",
    "*",
    "/orders/{id}",
    "^orders/(?P<pk>[^/.]+)/$",
    "/orders/17?page=2",
    "http://shop.example/orders/17",
    "postgresql",
    "redis",
    "mongodb",
    "SELECT * FROM orders WHERE id = 17",
    "BEGIN",
    "{\"find\": \"orders\"}",
    "orders",
    "GET",
    "publish",
    "grpc",
    "25",
];

const NAMES: &[&str] = &[
    "GET /orders/17",
    "SELECT shop",
    "connect",
    "prisma:engine:db_query",
    "PDOStatement::execute",
    "send_mail",
    "shop.Orders/List",
    "orders process",
    "",
];

/// A span of which much can be told: keys and values that the semantic conventions know, in any combination.
pub fn telling_span() -> impl Strategy<Value = Span> {
    let text = || prop::sample::select(TEXTS).prop_map(|text| Value::Text(text.into()));
    let value = prop_oneof![
        8 => text(),
        1 => prop::collection::vec(text(), 0..3).prop_map(Value::List),
        1 => (0_i64..600).prop_map(Value::Int),
    ];
    let attribute = (prop::sample::select(KEYS).prop_map(Text::const_new), value);
    let attributes = prop::collection::vec(attribute, 0..8);
    let kinds = prop::sample::select(vec![
        SpanKind::Unspecified,
        SpanKind::Internal,
        SpanKind::Server,
        SpanKind::Client,
        SpanKind::Producer,
        SpanKind::Consumer,
    ]);
    let said = (prop::sample::select(NAMES), kinds, any::<bool>(), attributes);
    let seed = one();
    said.prop_map(move |(name, kind, is_root, attributes)| Span {
        name: name.into(),
        kind,
        parent_id: if is_root { None } else { Some(seed.span_id) },
        attributes: Attributes(attributes),
        ..seed.clone()
    })
}
