//! Requests to a made-up shop, a batch each minute.
#![allow(
    clippy::allow_attributes,
    unreachable_pub,
    reason = "each test binary that uses it has it as a module of its own"
)]
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::sync::LazyLock;

use model::{
    Attributes, Moment, Resource, Span, SpanId, SpanKind, Status, StatusCode, Text, TraceId, Value,
};
use testkit::arbitrary;

pub const HOUR: u64 = 3_600_000_000_000;
pub const MINUTE: u64 = HOUR / 60;
pub const BEGIN: u64 = 1_000 * HOUR;

/// Requests of a minute: of two services, one of which calls the other; the reply of some traces comes a minute later.
pub fn batch(number: u64) -> Vec<Span> {
    let mut spans = Vec::new();
    for request in 0..6 {
        let trace = number * 6 + request;
        let begin = BEGIN + number * MINUTE + request * 1_000_000_000;
        let long = 1_000_000 * (1 + trace * 7_919 % 97);
        spans.push(made(trace, 1, "shop", begin, long));
        spans.push(made(trace, 2, "shop", begin + 1, long / 2));
        if !request.is_multiple_of(3) {
            spans.push(made(trace, 3, "mail", begin + 2, long / 3));
        }
        if request == 0 && 0 < number {
            spans.push(made(trace - 6, 3, "mail", begin + 2, long / 3));
        }
    }
    spans
}

/// What all have in common. To make one up takes milliseconds.
static TEMPLATE: LazyLock<Span> = LazyLock::new(arbitrary::one);

fn made(trace: u64, place: u64, service: &str, begin: u64, long: u64) -> Span {
    let failed = trace.is_multiple_of(211) && place == 1;
    let code = if failed { StatusCode::Error } else { StatusCode::Unset };
    let text = |text: &str| Value::Text(text.into());
    let mut attributes =
        vec![("user.tier".into(), text(["gold", "tin"][usize::from(trace.is_multiple_of(4))]))];
    let kind = if place == 2 {
        attributes.push(("db.statement".into(), text("SELECT * FROM orders WHERE id = 5")));
        attributes.push(("db.system".into(), text("postgresql")));
        SpanKind::Client
    } else {
        attributes.push(("http.request.method".into(), text("GET")));
        attributes.push((
            "http.route".into(),
            text(["/", "/list"][usize::from(trace.is_multiple_of(5))]),
        ));
        SpanKind::Server
    };
    let named = Attributes(vec![("service.name".into(), text(service))]);
    Span {
        trace_id: TraceId(u128::from(trace + 1).to_be_bytes()),
        span_id: SpanId((trace * 4 + place).to_be_bytes()),
        name: Text::from(["", "GET", "SELECT orders", "GET"][usize::try_from(place).unwrap()]),
        kind,
        start: Moment { nanos: begin },
        end: Moment { nanos: begin + long },
        attributes: Attributes(attributes),
        status: Status { code, message: Text::default() },
        resource: Resource { attributes: named, ..Resource::default() }.into(),
        ..TEMPLATE.clone()
    }
}
