//! How fast OTLP is read and written: spans a second, one core, a span as web backends send it
//! (ten attributes, seven of them texts; some 430 bytes of protobuf).

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use model::{
    Attributes, Moment, Resource, Scope, Span, SpanId, SpanKind, Status, StatusCode, Text, TraceId,
    Value,
};
use observe::otlp;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

const GROUPS: u64 = 5;
const SPANS_PER_GROUP: u64 = 200;

fn made_up_spans() -> Vec<Span> {
    let mut spans = Vec::new();
    for group in 0..GROUPS {
        let name = (Text::const_new("service.name"), text(&format!("service-{group}")));
        let resource = Resource { attributes: Attributes(vec![name]), ..Resource::default() };
        let scope =
            Scope { name: "opentelemetry.instrumentation.psycopg".into(), ..Scope::default() };
        let (resource, scope) = (Arc::new(resource), Arc::new(scope));
        for number in 0..SPANS_PER_GROUP {
            spans.push(span(group << 32 | number, &resource, &scope));
        }
    }
    spans
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn span(number: u64, resource: &Arc<Resource>, scope: &Arc<Scope>) -> Span {
    let start = 1_761_900_000_000_000_000 + number * 1_000_000;
    let attributes = [
        ("db.system", text("postgresql")),
        ("db.name", text("shop")),
        ("db.user", text("shop")),
        (
            "db.statement",
            text("SELECT id, name, email FROM customers WHERE customers.id = %s LIMIT 21"),
        ),
        ("net.peer.name", text("postgres-primary.internal")),
        ("net.peer.port", Value::Int(5432)),
        ("thread.name", text("gunicorn-worker-7")),
        ("thread.id", Value::Int(140_245_123_456_789)),
        ("code.function", text("django.db.models.query.get")),
        ("code.lineno", Value::Int(637)),
    ];
    Span {
        trace_id: TraceId((u128::from(number / 20) + 1).to_be_bytes()),
        span_id: SpanId((number + 1).to_be_bytes()),
        parent_id: Some(SpanId((number / 20 + 1).to_be_bytes())),
        trace_state: Text::default(),
        flags: 257,
        name: "SELECT shop.customers".into(),
        kind: SpanKind::Client,
        start: Moment { nanos: start },
        end: Moment { nanos: start + 1_234_567 },
        attributes: Attributes(attributes.map(|(key, value)| (key.into(), value)).into()),
        dropped_attributes_count: 0,
        events: Vec::new(),
        dropped_events_count: 0,
        links: Vec::new(),
        dropped_links_count: 0,
        status: Status { code: StatusCode::Unset, message: Text::default() },
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
    }
}

fn decode(criterion: &mut Criterion) {
    let spans = made_up_spans();
    let protobuf = otlp::encode(&spans);
    let json = otlp::encode_json(&spans);
    let mut group = criterion.benchmark_group("otlp");
    group.throughput(Throughput::Elements(spans.len() as u64));
    group.bench_function("decode protobuf", |bencher| {
        bencher.iter(|| otlp::decode(black_box(&protobuf)).expect("it was encoded"));
    });
    group.bench_function("decode protobuf with prost", |bencher| {
        bencher.iter(|| {
            ExportTraceServiceRequest::decode(black_box(protobuf.as_slice()))
                .expect("it was encoded")
        });
    });
    group.bench_function("encode protobuf", |bencher| {
        bencher.iter(|| otlp::encode(black_box(&spans)));
    });
    group.bench_function("decode JSON", |bencher| {
        bencher.iter(|| otlp::decode_json(black_box(json.as_bytes())).expect("it was encoded"));
    });
    group.bench_function("encode JSON", |bencher| {
        bencher.iter(|| otlp::encode_json(black_box(&spans)));
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
