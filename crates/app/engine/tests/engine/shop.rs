//! Spans of a made-up shop whose list of orders fetches its customers one by one.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use model::{
    Attributes, Moment, Resource, Scope, Span, SpanId, SpanKind, Status, Text, TraceId, Value,
};

/// Customers that each list of orders fetches.
pub(crate) const CUSTOMERS: u64 = 40;

pub(crate) fn trace_id(number: u64) -> TraceId {
    let mut id = [0xab; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    TraceId(id)
}

pub(crate) fn span_id(trace: u64, number: u64) -> SpanId {
    SpanId((((trace + 1) << 16) + number).to_be_bytes())
}

pub(crate) fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { nanos: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) }
}

/// One request: its server span first, then the list, then a look-up for each customer.
pub(crate) fn orders(trace: u64, start: Moment) -> Vec<Span> {
    let request = [
        ("http.request.method", "GET"),
        ("http.route", "/api/orders/"),
        ("url.path", "/api/orders/"),
    ];
    let end = 10 + CUSTOMERS * 5;
    let mut spans = vec![Span {
        kind: SpanKind::Server,
        ..span((trace, 0), "GET /api/orders/", start, (0, end), &request)
    }];
    let mut query = |number, text: &str, from| {
        let attributes = [("db.system.name", "postgresql"), ("db.query.text", text)];
        let query = span((trace, number), "SELECT", start, (from, from + 4), &attributes);
        spans.push(Span { parent_id: Some(span_id(trace, 0)), kind: SpanKind::Client, ..query });
    };
    query(1, "SELECT id, customer_id FROM orders LIMIT 40", 1);
    for customer in 0..CUSTOMERS {
        let text = format!("SELECT name FROM customers WHERE id = {}", trace * 1_000 + customer);
        query(2 + customer, &text, 6 + customer * 5);
    }
    spans
}

fn span(
    (trace, number): (u64, u64),
    name: &str,
    start: Moment,
    (from_millis, to_millis): (u64, u64),
    attributes: &[(&str, &str)],
) -> Span {
    let value = |text: &str| Value::Text(Text::from(text));
    let attribute = |(key, text): &(&str, &str)| (Text::from(*key), value(text));
    let resource = Attributes(vec![("service.name".into(), value("shop"))]);
    Span {
        trace_id: trace_id(trace),
        span_id: span_id(trace, number),
        parent_id: None,
        trace_state: Text::default(),
        flags: 0,
        name: Text::from(name),
        kind: SpanKind::Internal,
        start: start + Duration::from_millis(from_millis),
        end: start + Duration::from_millis(to_millis),
        attributes: Attributes(attributes.iter().map(attribute).collect()),
        dropped_attributes_count: 0,
        events: Vec::new(),
        dropped_events_count: 0,
        links: Vec::new(),
        dropped_links_count: 0,
        status: Status::default(),
        resource: Arc::new(Resource { attributes: resource, ..Resource::default() }),
        scope: Arc::new(Scope::default()),
    }
}
