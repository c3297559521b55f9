//! Spans as OTLP JSON, for download: what `taut find` and any collector read.

use std::sync::Arc;

use model::{Attributes, Resource, Scope, Span, SpanKind, StatusCode, Value};
use serde_json::{Map, Value as Json, json};

/// An `ExportTraceServiceRequest` in the JSON encoding of OTLP; spans keep their order within each
/// scope of each resource.
#[must_use]
pub fn otlp_json(spans: &[Span]) -> Json {
    let mut resources: Vec<(&Arc<Resource>, Vec<(&Arc<Scope>, Vec<Json>)>)> = Vec::new();
    for span in spans {
        let place = resources.iter().position(|(known, _)| same(known, &span.resource));
        let place = place.unwrap_or_else(|| {
            resources.push((&span.resource, Vec::new()));
            resources.len() - 1
        });
        let scopes = &mut resources[place].1;
        let place = scopes.iter().position(|(known, _)| same(known, &span.scope));
        let place = place.unwrap_or_else(|| {
            scopes.push((&span.scope, Vec::new()));
            scopes.len() - 1
        });
        scopes[place].1.push(span_json(span));
    }
    let resources = resources.into_iter().map(|(resource, scopes)| {
        let scopes = scopes.into_iter().map(|(scope, spans)| scope_json(scope, spans));
        json!({
            "resource": {
                "attributes": attributes_json(&resource.attributes),
                "droppedAttributesCount": resource.dropped_attributes_count,
            },
            "scopeSpans": scopes.collect::<Vec<_>>(),
            "schemaUrl": resource.schema_url.as_str(),
        })
    });
    json!({ "resourceSpans": resources.collect::<Vec<_>>() })
}

fn same<T: PartialEq>(left: &Arc<T>, right: &Arc<T>) -> bool {
    Arc::ptr_eq(left, right) || left == right
}

fn scope_json(scope: &Scope, spans: Vec<Json>) -> Json {
    json!({
        "scope": {
            "name": scope.name.as_str(),
            "version": scope.version.as_str(),
            "attributes": attributes_json(&scope.attributes),
            "droppedAttributesCount": scope.dropped_attributes_count,
        },
        "spans": spans,
        "schemaUrl": scope.schema_url.as_str(),
    })
}

fn span_json(span: &Span) -> Json {
    let events = span.events.iter().map(|event| {
        json!({
            "timeUnixNano": event.time.nanos.to_string(),
            "name": event.name.as_str(),
            "attributes": attributes_json(&event.attributes),
            "droppedAttributesCount": event.dropped_attributes_count,
        })
    });
    let links = span.links.iter().map(|link| {
        json!({
            "traceId": link.trace_id.to_string(),
            "spanId": link.span_id.to_string(),
            "traceState": link.trace_state.as_str(),
            "attributes": attributes_json(&link.attributes),
            "droppedAttributesCount": link.dropped_attributes_count,
            "flags": link.flags,
        })
    });
    json!({
        "traceId": span.trace_id.to_string(),
        "spanId": span.span_id.to_string(),
        "traceState": span.trace_state.as_str(),
        "parentSpanId": span.parent_id.map(|parent| parent.to_string()).unwrap_or_default(),
        "flags": span.flags,
        "name": span.name.as_str(),
        "kind": kind_number(span.kind),
        "startTimeUnixNano": span.start.nanos.to_string(),
        "endTimeUnixNano": span.end.nanos.to_string(),
        "attributes": attributes_json(&span.attributes),
        "droppedAttributesCount": span.dropped_attributes_count,
        "events": events.collect::<Vec<_>>(),
        "droppedEventsCount": span.dropped_events_count,
        "links": links.collect::<Vec<_>>(),
        "droppedLinksCount": span.dropped_links_count,
        "status": { "code": status_number(span.status.code), "message": span.status.message.as_str() },
    })
}

fn attributes_json(attributes: &Attributes) -> Json {
    pairs_json(&attributes.0)
}

fn pairs_json(pairs: &[(model::Text, Value)]) -> Json {
    let pair = |(key, value): &(model::Text, Value)| json!({ "key": key.as_str(), "value": value_json(value) });
    pairs.iter().map(pair).collect()
}

fn value_json(value: &Value) -> Json {
    match value {
        Value::Empty => Json::Object(Map::new()),
        Value::Text(text) => json!({ "stringValue": text.as_str() }),
        Value::Bool(value) => json!({ "boolValue": value }),
        Value::Int(value) => json!({ "intValue": value.to_string() }),
        Value::Double(value) if value.is_finite() => json!({ "doubleValue": value }),
        // As the JSON encoding of protobuf spells what JSON has no number for.
        Value::Double(value) if value.is_nan() => json!({ "doubleValue": "NaN" }),
        Value::Double(value) if *value > 0.0 => json!({ "doubleValue": "Infinity" }),
        Value::Double(_) => json!({ "doubleValue": "-Infinity" }),
        Value::Bytes(bytes) => json!({ "bytesValue": base64(bytes) }),
        Value::List(values) => {
            json!({ "arrayValue": { "values": values.iter().map(value_json).collect::<Vec<_>>() } })
        }
        Value::Map(pairs) => json!({ "kvlistValue": { "values": pairs_json(pairs) } }),
    }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |place: usize| u32::from(chunk.get(place).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

fn kind_number(kind: SpanKind) -> u8 {
    match kind {
        SpanKind::Unspecified => 0,
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

fn status_number(code: StatusCode) -> u8 {
    match code {
        StatusCode::Unset => 0,
        StatusCode::Ok => 1,
        StatusCode::Error => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn bytes_are_written_as_the_rfc_shows() {
        let check = |bytes: &str, expected| assert_eq!(base64(bytes.as_bytes()), expected);
        check("", "");
        check("f", "Zg==");
        check("fo", "Zm8=");
        check("foo", "Zm9v");
        check("foob", "Zm9vYg==");
        check("fooba", "Zm9vYmE=");
        check("foobar", "Zm9vYmFy");
    }
}
