//! What has no column of its own, as OTLP JSON: readable for people and for other tools, and read back
//! without loss.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::{Attributes, Event, Link, Moment, Resource, Scope, SpanId, Text, TraceId, Value};
use serde_json::{Map, Value as Json, json};

/// Values within values that are read; no deeper ones are ever received.
const DEPTH_MAX: u32 = 128;

type Object = Map<String, Json>;

/// An `AnyValue`.
pub(crate) fn value(value: &Value) -> Json {
    match value {
        Value::Empty => json!({}),
        Value::Text(text) => json!({ "stringValue": text.as_str() }),
        Value::Bool(bool) => json!({ "boolValue": bool }),
        Value::Int(int) => json!({ "intValue": int.to_string() }),
        Value::Double(double) => json!({ "doubleValue": self::double(*double) }),
        Value::Bytes(bytes) => json!({ "bytesValue": STANDARD.encode(bytes) }),
        Value::List(list) => {
            json!({ "arrayValue": { "values": list.iter().map(self::value).collect::<Vec<_>>() } })
        }
        Value::Map(map) => json!({ "kvlistValue": { "values": pairs(map) } }),
    }
}

/// A value as people write it: texts bare, the rest as JSON.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Bool(bool) => bool.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Double(double) => double.to_string(),
        other => self::value(other).to_string(),
    }
}

/// A number; what JSON has no number for is a text.
pub(crate) fn double(double: f64) -> Json {
    if double.is_finite() {
        json!(double)
    } else if double.is_nan() {
        json!("NaN")
    } else {
        json!(if double.is_sign_positive() { "Infinity" } else { "-Infinity" })
    }
}

/// What [`double`] wrote.
pub(crate) fn read_double(json: &Json) -> Option<f64> {
    match json.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        _ => json.as_f64(),
    }
}

pub(crate) fn pairs(pairs: &[(Text, Value)]) -> Json {
    let pair = |(key, it): &(Text, Value)| json!({ "key": key.as_str(), "value": value(it) });
    pairs.iter().map(pair).collect()
}

/// The value that an `AnyValue` stands for; nothing for what is none.
pub(crate) fn read_value(json: &Json) -> Value {
    read_value_within(json, 0)
}

fn read_value_within(json: &Json, depth: u32) -> Value {
    let Some((name, inner)) = json.as_object().and_then(|object| object.iter().next()) else {
        return Value::Empty;
    };
    if depth == DEPTH_MAX {
        return Value::Empty;
    }
    let read = match name.as_str() {
        "stringValue" => inner.as_str().map(|text| Value::Text(text.into())),
        "boolValue" => inner.as_bool().map(Value::Bool),
        "intValue" => inner.as_str().and_then(|int| int.parse().ok()).map(Value::Int),
        "doubleValue" => read_double(inner).map(Value::Double),
        "bytesValue" => {
            inner.as_str().and_then(|text| STANDARD.decode(text).ok()).map(Value::Bytes)
        }
        "arrayValue" => inner["values"].as_array().map(|list| {
            Value::List(list.iter().map(|it| read_value_within(it, depth + 1)).collect())
        }),
        "kvlistValue" => Some(Value::Map(read_pairs(&inner["values"], depth + 1))),
        _ => None,
    };
    read.unwrap_or_default()
}

pub(crate) fn read_pairs(json: &Json, depth: u32) -> Vec<(Text, Value)> {
    let pairs = json.as_array().map(Vec::as_slice).unwrap_or_default();
    let pair = |pair: &Json| (text(&pair["key"]), read_value_within(&pair["value"], depth));
    pairs.iter().map(pair).collect()
}

pub(crate) fn text(json: &Json) -> Text {
    json.as_str().unwrap_or_default().into()
}

pub(crate) fn number(json: &Json) -> u32 {
    json.as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}

/// An object without members that say nothing.
pub(crate) fn object(members: impl IntoIterator<Item = (&'static str, Json)>) -> Json {
    let says = |json: &Json| match json {
        Json::String(text) => !text.is_empty(),
        Json::Array(list) => !list.is_empty(),
        Json::Number(number) => number.as_u64() != Some(0),
        _ => true,
    };
    let members = members.into_iter().filter(|(_, json)| says(json));
    Json::Object(members.map(|(name, json)| (name.to_owned(), json)).collect::<Object>())
}

/// The text of an object; empty if it has no members.
pub(crate) fn line(json: &Json) -> String {
    match json {
        Json::Object(object) if object.is_empty() => String::new(),
        Json::Array(list) if list.is_empty() => String::new(),
        _ => json.to_string(),
    }
}

/// A `Resource`, with the URL of its schema.
pub(crate) fn resource(resource: &Resource) -> String {
    line(&object([
        ("attributes", pairs(&resource.attributes.0)),
        ("droppedAttributesCount", json!(resource.dropped_attributes_count)),
        ("schemaUrl", json!(resource.schema_url.as_str())),
    ]))
}

/// What [`resource`] wrote.
pub(crate) fn read_resource(line: &str) -> Resource {
    let json: Json = serde_json::from_str(line).unwrap_or_default();
    Resource {
        attributes: Attributes(read_pairs(&json["attributes"], 0)),
        dropped_attributes_count: number(&json["droppedAttributesCount"]),
        schema_url: text(&json["schemaUrl"]),
    }
}

/// An `InstrumentationScope`, with the URL of its schema.
pub(crate) fn scope(scope: &Scope) -> String {
    line(&object([
        ("name", json!(scope.name.as_str())),
        ("version", json!(scope.version.as_str())),
        ("attributes", pairs(&scope.attributes.0)),
        ("droppedAttributesCount", json!(scope.dropped_attributes_count)),
        ("schemaUrl", json!(scope.schema_url.as_str())),
    ]))
}

/// What [`scope`] wrote.
pub(crate) fn read_scope(line: &str) -> Scope {
    let json: Json = serde_json::from_str(line).unwrap_or_default();
    Scope {
        name: text(&json["name"]),
        version: text(&json["version"]),
        attributes: Attributes(read_pairs(&json["attributes"], 0)),
        dropped_attributes_count: number(&json["droppedAttributesCount"]),
        schema_url: text(&json["schemaUrl"]),
    }
}

/// A list of `Event`.
pub(crate) fn events(events: &[Event]) -> String {
    let event = |event: &Event| {
        object([
            ("timeUnixNano", json!(event.time.nanos.to_string())),
            ("name", json!(event.name.as_str())),
            ("attributes", pairs(&event.attributes.0)),
            ("droppedAttributesCount", json!(event.dropped_attributes_count)),
        ])
    };
    line(&events.iter().map(event).collect())
}

/// What [`events`] wrote.
pub(crate) fn read_events(line: &str) -> Vec<Event> {
    let event = |json: &Json| Event {
        time: Moment { nanos: text(&json["timeUnixNano"]).parse().unwrap_or(0) },
        name: text(&json["name"]),
        attributes: Attributes(read_pairs(&json["attributes"], 0)),
        dropped_attributes_count: number(&json["droppedAttributesCount"]),
    };
    read_list(line).iter().map(event).collect()
}

/// A list of `Link`.
pub(crate) fn links(links: &[Link]) -> String {
    let link = |link: &Link| {
        object([
            ("traceId", json!(link.trace_id.to_string())),
            ("spanId", json!(link.span_id.to_string())),
            ("traceState", json!(link.trace_state.as_str())),
            ("attributes", pairs(&link.attributes.0)),
            ("droppedAttributesCount", json!(link.dropped_attributes_count)),
            ("flags", json!(link.flags)),
        ])
    };
    line(&links.iter().map(link).collect())
}

/// What [`links`] wrote.
pub(crate) fn read_links(line: &str) -> Vec<Link> {
    let link = |json: &Json| Link {
        trace_id: TraceId::from_hex(&text(&json["traceId"])).unwrap_or_default(),
        span_id: SpanId::from_hex(&text(&json["spanId"])).unwrap_or_default(),
        trace_state: text(&json["traceState"]),
        attributes: Attributes(read_pairs(&json["attributes"], 0)),
        dropped_attributes_count: number(&json["droppedAttributesCount"]),
        flags: number(&json["flags"]),
    };
    read_list(line).iter().map(link).collect()
}

pub(crate) fn read_list(line: &str) -> Vec<Json> {
    if line.is_empty() {
        return Vec::new();
    }
    serde_json::from_str(line).unwrap_or_default()
}

/// What is rarely said of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Other {
    pub(crate) dropped_attributes_count: u32,
    pub(crate) dropped_events_count: u32,
    pub(crate) dropped_links_count: u32,
    /// When it ended, if that is before it began.
    pub(crate) end: Option<Moment>,
}

impl Other {
    /// As JSON; empty if nothing is said.
    pub(crate) fn line(&self) -> String {
        if *self == Self::default() {
            return String::new();
        }
        let mut json = object([
            ("droppedAttributesCount", json!(self.dropped_attributes_count)),
            ("droppedEventsCount", json!(self.dropped_events_count)),
            ("droppedLinksCount", json!(self.dropped_links_count)),
        ]);
        if let Some(end) = self.end {
            json["endTimeUnixNano"] = json!(end.nanos.to_string());
        }
        line(&json)
    }

    /// What [`Other::line`] wrote.
    pub(crate) fn read(line: &str) -> Self {
        if line.is_empty() {
            return Self::default();
        }
        let json: Json = serde_json::from_str(line).unwrap_or_default();
        let end = json["endTimeUnixNano"].as_str().and_then(|nanos| nanos.parse().ok());
        Self {
            dropped_attributes_count: number(&json["droppedAttributesCount"]),
            dropped_events_count: number(&json["droppedEventsCount"]),
            dropped_links_count: number(&json["droppedLinksCount"]),
            end: end.map(|nanos| Moment { nanos }),
        }
    }
}
