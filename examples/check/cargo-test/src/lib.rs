//! A list of orders and their customers, fetched one by one where `FAULTY` is set. What a framework and a database driver do
//! with OpenTelemetry is done by hand here, so that the example needs neither.

use std::{thread::sleep, time::Duration};

use opentelemetry::{
    Context, KeyValue, global,
    trace::{Span as _, SpanKind, TraceContextExt as _, Tracer as _},
};

/// Answers `GET /api/orders/`.
pub fn orders() -> Vec<String> {
    let tracer = global::tracer("shop");
    let attributes = [
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("http.route", "/api/orders/"),
        KeyValue::new("url.path", "/api/orders/"),
        KeyValue::new("http.response.status_code", 200),
    ];
    let request = tracer
        .span_builder("GET /api/orders/")
        .with_kind(SpanKind::Server)
        .with_attributes(attributes)
        .start(&tracer);
    let context = Context::current_with_span(request);
    let names: Vec<String> = (1..=20).map(|number| format!("customer {number}")).collect();
    if std::env::var_os("FAULTY").is_some() {
        query(&context, "SELECT customer_id FROM orders ORDER BY id");
        for number in 1..=20 {
            query(&context, &format!("SELECT name FROM customers WHERE id = {number}"));
        }
    } else {
        query(&context, "SELECT name FROM orders JOIN customers ON customers.id = customer_id");
    }
    context.span().end();
    names
}

fn query(request: &Context, sql: &str) {
    let tracer = global::tracer("database");
    let attributes = [
        KeyValue::new("db.system.name", "postgresql"),
        KeyValue::new("db.query.text", sql.to_owned()),
    ];
    let mut span = tracer
        .span_builder("query")
        .with_kind(SpanKind::Client)
        .with_attributes(attributes)
        .start_with_context(&tracer, request);
    sleep(Duration::from_millis(1));
    span.end();
}
