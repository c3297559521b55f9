//! Made-up telemetry with everything that OTLP can carry.

mod signals;
mod telling;

use std::sync::Arc;

use model::{
    Attributes, Event, Link, Moment, Resource, Scope, Span, SpanId, SpanKind, Status, StatusCode,
    Text, TraceId, Value,
};
use proptest::{
    collection::vec, option, prelude::*, strategy::ValueTree as _, test_runner::TestRunner,
};

pub use signals::{logs, metrics};
pub use telling::telling_span;

/// Up to 12 spans in up to three groups.
pub fn spans() -> impl Strategy<Value = Vec<Span>> {
    let group = (resource(), scope(), vec(span(), 0..4));
    vec(group, 0..3).prop_map(|groups| {
        let of_group = |(resource, scope, mut spans): (Resource, Scope, Vec<Span>)| {
            let (resource, scope) = (Arc::new(resource), Arc::new(scope));
            for span in &mut spans {
                span.resource = Arc::clone(&resource);
                span.scope = Arc::clone(&scope);
            }
            spans
        };
        groups.into_iter().flat_map(of_group).collect()
    })
}

/// One span, the same every time, for tests that change what they are about.
pub fn one() -> Span {
    let mut runner = TestRunner::deterministic();
    loop {
        let made = spans().new_tree(&mut runner).map(|tree| tree.current());
        if let Some(span) = made.unwrap_or_default().pop() {
            return span;
        }
    }
}

/// Short and long, empty and beyond ASCII.
pub fn text() -> impl Strategy<Value = Text> {
    prop_oneof![
        Just(Text::default()),
        "[a-z.]{1,30}".prop_map(Text::from),
        "\\PC{0,12}".prop_map(Text::from),
        vec(any::<char>(), 0..4).prop_map(|chars| chars.into_iter().collect()),
    ]
}

/// Any value, NaN excepted, which equals nothing.
pub fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Empty),
        text().prop_map(Value::Text),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-1000_i64..1000).prop_map(Value::Int),
        prop::num::f64::ANY
            .prop_filter("not NaN", |double| !double.is_nan())
            .prop_map(Value::Double),
        vec(any::<u8>(), 0..8).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::List),
            vec((text(), inner), 0..4).prop_map(Value::Map),
        ]
    })
}

fn attributes() -> impl Strategy<Value = Attributes> {
    vec((text(), value()), 0..4).prop_map(Attributes)
}

fn resource() -> impl Strategy<Value = Resource> {
    (attributes(), any::<u32>(), text()).prop_map(
        |(attributes, dropped_attributes_count, schema_url)| Resource {
            attributes,
            dropped_attributes_count,
            schema_url,
        },
    )
}

fn scope() -> impl Strategy<Value = Scope> {
    (text(), text(), attributes(), any::<u32>(), text()).prop_map(
        |(name, version, attributes, dropped_attributes_count, schema_url)| Scope {
            name,
            version,
            attributes,
            dropped_attributes_count,
            schema_url,
        },
    )
}

fn span_id() -> impl Strategy<Value = SpanId> {
    (1..=u64::MAX).prop_map(|id| SpanId(id.to_be_bytes()))
}

fn trace_id() -> impl Strategy<Value = TraceId> {
    (1..=u128::MAX).prop_map(|id| TraceId(id.to_be_bytes()))
}

fn event() -> impl Strategy<Value = Event> {
    (any::<u64>(), text(), attributes(), any::<u32>()).prop_map(
        |(nanos, name, attributes, dropped_attributes_count)| Event {
            time: Moment { nanos },
            name,
            attributes,
            dropped_attributes_count,
        },
    )
}

fn link() -> impl Strategy<Value = Link> {
    (any::<[u8; 16]>(), any::<[u8; 8]>(), text(), attributes(), any::<u32>(), any::<u32>())
        .prop_map(|(trace_id, span_id, trace_state, attributes, dropped, flags)| Link {
            trace_id: TraceId(trace_id),
            span_id: SpanId(span_id),
            trace_state,
            attributes,
            dropped_attributes_count: dropped,
            flags,
        })
}

fn kind() -> impl Strategy<Value = SpanKind> {
    prop::sample::select(vec![
        SpanKind::Unspecified,
        SpanKind::Internal,
        SpanKind::Server,
        SpanKind::Client,
        SpanKind::Producer,
        SpanKind::Consumer,
    ])
}

fn status() -> impl Strategy<Value = Status> {
    let codes = vec![StatusCode::Unset, StatusCode::Ok, StatusCode::Error];
    (prop::sample::select(codes), text()).prop_map(|(code, message)| Status { code, message })
}

fn span() -> impl Strategy<Value = Span> {
    let ids = (trace_id(), span_id(), option::of(span_id()), text(), any::<u32>());
    let what = (text(), kind(), any::<u64>(), any::<u64>(), status());
    let lists = (attributes(), vec(event(), 0..3), vec(link(), 0..3), any::<[u32; 3]>());
    (ids, what, lists).prop_map(|(ids, what, lists)| Span {
        trace_id: ids.0,
        span_id: ids.1,
        parent_id: ids.2,
        trace_state: ids.3,
        flags: ids.4,
        name: what.0,
        kind: what.1,
        start: Moment { nanos: what.2 },
        end: Moment { nanos: what.3 },
        status: what.4,
        attributes: lists.0,
        events: lists.1,
        links: lists.2,
        dropped_attributes_count: lists.3[0],
        dropped_events_count: lists.3[1],
        dropped_links_count: lists.3[2],
        resource: Arc::default(),
        scope: Arc::default(),
    })
}
