//! Spans for tests, tersely: name, then whatever differs from a plain internal span of `shop`.

use std::sync::Arc;

use model::{
    Attributes, Moment, Resource, Scope, Span, SpanId, SpanKind, Status, Text, TraceId, Value,
};

/// A plain internal span of the service `shop`, with id 1.
pub(crate) fn span(name: &str) -> Span {
    Span {
        trace_id: TraceId([7; 16]),
        span_id: id(1),
        parent_id: None,
        trace_state: Text::default(),
        flags: 0,
        name: Text::from(name),
        kind: SpanKind::Internal,
        start: Moment { nanos: 0 },
        end: Moment { nanos: 1_000 },
        attributes: Attributes::default(),
        dropped_attributes_count: 0,
        events: Vec::new(),
        dropped_events_count: 0,
        links: Vec::new(),
        dropped_links_count: 0,
        status: Status::default(),
        resource: resource("shop"),
        scope: Arc::default(),
    }
}

pub(crate) fn id(number: u64) -> SpanId {
    SpanId(number.to_be_bytes())
}

fn resource(service: &str) -> Arc<Resource> {
    let attributes = vec![(Text::from("service.name"), Value::from_str(service))];
    Arc::new(Resource { attributes: Attributes(attributes), ..Resource::default() })
}

trait FromStr {
    fn from_str(text: &str) -> Self;
}

impl FromStr for Value {
    fn from_str(text: &str) -> Self {
        Self::Text(Text::from(text))
    }
}

/// What a test may say of a span, one after the other.
pub(crate) trait Say: Sized {
    fn id(self, own: u64, parent: u64) -> Self;
    fn kind(self, kind: SpanKind) -> Self;
    /// From and until, in microseconds.
    fn micros(self, start: u64, end: u64) -> Self;
    fn service(self, name: &str) -> Self;
    fn scope(self, name: &str) -> Self;
    fn with(self, key: &str, text: &str) -> Self;
    fn int(self, key: &str, int: i64) -> Self;
    fn value(self, key: &str, value: Value) -> Self;
}

impl Say for Span {
    fn id(mut self, own: u64, parent: u64) -> Self {
        self.span_id = id(own);
        self.parent_id = (parent != 0).then(|| id(parent));
        self
    }

    fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = kind;
        self
    }

    fn micros(mut self, start: u64, end: u64) -> Self {
        self.start = Moment { nanos: start * 1_000 };
        self.end = Moment { nanos: end * 1_000 };
        self
    }

    fn service(mut self, name: &str) -> Self {
        self.resource = resource(name);
        self
    }

    fn scope(mut self, name: &str) -> Self {
        self.scope = Arc::new(Scope { name: Text::from(name), ..Scope::default() });
        self
    }

    fn with(self, key: &str, text: &str) -> Self {
        self.value(key, Value::from_str(text))
    }

    fn int(self, key: &str, int: i64) -> Self {
        self.value(key, Value::Int(int))
    }

    fn value(mut self, key: &str, value: Value) -> Self {
        self.attributes.0.push((Text::from(key), value));
        self
    }
}
