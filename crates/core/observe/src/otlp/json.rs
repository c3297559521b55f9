//! OTLP JSON to spans: one request, one per line as the collector's file exporter writes them, or
//! one after the other.
//!
//! The mapping: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>. What it forbids but some
//! write is read all the same: field names in `snake_case`, enumerations by name, ids in base64. A request in
//! `result`, as Jaeger's API answers, is read too.

use std::sync::Arc;

use model::{
    Event, Link, Moment, Resource, Scope, Span, SpanKind, Status, StatusCode, Text, Value,
};
use serde::Deserialize;

use super::json_parts::{WirePair, WireResource, WireScope, attributes};
use crate::reading::{
    Decoded, Place, Problem, ReadError, documents,
    scalars::{Id, Int, NumberOrName, or_default, text},
    short,
};

/// Reads requests. Spans whose ids are missing, zero or not hexadecimal are left out, counted and
/// named, and so is a request that cannot be read among others.
///
/// # Errors
///
/// If not a single request can be read.
pub fn decode_json(bytes: &[u8]) -> Result<Decoded, ReadError> {
    let mut decoded = Decoded::default();
    documents(bytes, &mut decoded, |request: WireRequest, decoded, line| {
        let of_result = request.result.into_iter().flat_map(|result| result.resource_spans);
        for of_resource in request.resource_spans.into_iter().chain(of_result) {
            of_resource.add_to(decoded, line);
        }
    })
    .map_err(|malformed| malformed.of("OTLP JSON"))?;
    Ok(decoded)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireRequest {
    #[serde(alias = "resource_spans", deserialize_with = "or_default")]
    resource_spans: Vec<WireResourceSpans>,
    #[serde(deserialize_with = "or_default")]
    result: Option<Box<Self>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireResourceSpans {
    #[serde(deserialize_with = "or_default")]
    resource: WireResource,
    #[serde(alias = "scope_spans", deserialize_with = "or_default")]
    scope_spans: Vec<WireScopeSpans>,
    #[serde(alias = "schema_url", deserialize_with = "text")]
    schema_url: Text,
}

impl WireResourceSpans {
    fn add_to(self, decoded: &mut Decoded, line: usize) {
        let resource = self.resource.into_model(self.schema_url);
        for of_scope in self.scope_spans {
            let scope = of_scope.scope.into_model(of_scope.schema_url);
            for span in of_scope.spans {
                match span.into_model(&resource, &scope) {
                    Ok(span) => decoded.spans.push(span),
                    Err(message) => {
                        decoded.reject(|| Problem { place: Place::Line(line), message });
                    }
                }
            }
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireScopeSpans {
    #[serde(deserialize_with = "or_default")]
    scope: WireScope,
    #[serde(deserialize_with = "or_default")]
    spans: Vec<WireSpan>,
    #[serde(alias = "schema_url", deserialize_with = "text")]
    schema_url: Text,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireSpan {
    #[serde(alias = "trace_id", deserialize_with = "or_default")]
    trace_id: Id,
    #[serde(alias = "span_id", deserialize_with = "or_default")]
    span_id: Id,
    #[serde(alias = "parent_span_id", deserialize_with = "or_default")]
    parent_span_id: Id,
    #[serde(alias = "trace_state", deserialize_with = "text")]
    trace_state: Text,
    #[serde(deserialize_with = "or_default")]
    flags: Int,
    #[serde(deserialize_with = "text")]
    name: Text,
    #[serde(deserialize_with = "or_default")]
    kind: NumberOrName,
    #[serde(alias = "start_time_unix_nano", deserialize_with = "or_default")]
    start_time_unix_nano: Int,
    #[serde(alias = "end_time_unix_nano", deserialize_with = "or_default")]
    end_time_unix_nano: Int,
    #[serde(deserialize_with = "or_default")]
    attributes: Vec<WirePair>,
    #[serde(alias = "dropped_attributes_count", deserialize_with = "or_default")]
    dropped_attributes_count: Int,
    #[serde(deserialize_with = "or_default")]
    events: Vec<WireEvent>,
    #[serde(alias = "dropped_events_count", deserialize_with = "or_default")]
    dropped_events_count: Int,
    #[serde(deserialize_with = "or_default")]
    links: Vec<WireLink>,
    #[serde(alias = "dropped_links_count", deserialize_with = "or_default")]
    dropped_links_count: Int,
    #[serde(deserialize_with = "or_default")]
    status: WireStatus,
}

impl WireSpan {
    /// The span, or why it is none.
    fn into_model(self, resource: &Arc<Resource>, scope: &Arc<Scope>) -> Result<Span, String> {
        let (Some(trace_id), Some(span_id)) = (self.trace_id.trace(), self.span_id.span()) else {
            let (what, id) = match self.trace_id.trace() {
                None => ("trace", &self.trace_id),
                Some(_) => ("span", &self.span_id),
            };
            return Err(refusal(&self.name, what, id));
        };
        let parent_id = self.parent_span_id.span();
        if parent_id.is_none() && !self.parent_span_id.is_none() {
            return Err(refusal(&self.name, "parent", &self.parent_span_id));
        }
        Ok(Span {
            trace_id,
            span_id,
            parent_id,
            trace_state: self.trace_state,
            flags: self.flags.to_u32(),
            name: self.name,
            kind: kind(&self.kind.0),
            start: Moment { nanos: self.start_time_unix_nano.to_u64() },
            end: Moment { nanos: self.end_time_unix_nano.to_u64() },
            attributes: attributes(self.attributes),
            dropped_attributes_count: self.dropped_attributes_count.to_u32(),
            events: self.events.into_iter().map(WireEvent::into_model).collect(),
            dropped_events_count: self.dropped_events_count.to_u32(),
            links: self.links.into_iter().map(WireLink::into_model).collect(),
            dropped_links_count: self.dropped_links_count.to_u32(),
            status: Status { code: status_code(&self.status.code.0), message: self.status.message },
            resource: Arc::clone(resource),
            scope: Arc::clone(scope),
        })
    }
}

/// Why a span is left out whose `id` is none.
pub(crate) fn refusal(name: &str, what: &str, id: &Id) -> String {
    let name = short(name);
    match id {
        Id::None => format!("span `{name}` has no {what} id"),
        Id::Some(_) => format!("span `{name}` has a {what} id of more than 8 bytes"),
        Id::Bad(text) => format!("span `{name}` has a {what} id that is none: `{}`", short(text)),
    }
}

fn kind(value: &Value) -> SpanKind {
    let name = value.as_text().map(str::to_ascii_uppercase);
    match (value.as_int(), name.as_deref().map(|name| name.trim_start_matches("SPAN_KIND_"))) {
        (Some(1), _) | (_, Some("INTERNAL")) => SpanKind::Internal,
        (Some(2), _) | (_, Some("SERVER")) => SpanKind::Server,
        (Some(3), _) | (_, Some("CLIENT")) => SpanKind::Client,
        (Some(4), _) | (_, Some("PRODUCER")) => SpanKind::Producer,
        (Some(5), _) | (_, Some("CONSUMER")) => SpanKind::Consumer,
        _ => SpanKind::Unspecified,
    }
}

fn status_code(value: &Value) -> StatusCode {
    let name = value.as_text().map(str::to_ascii_uppercase);
    match (value.as_int(), name.as_deref().map(|name| name.trim_start_matches("STATUS_CODE_"))) {
        (Some(1), _) | (_, Some("OK")) => StatusCode::Ok,
        (Some(2), _) | (_, Some("ERROR")) => StatusCode::Error,
        _ => StatusCode::Unset,
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireStatus {
    #[serde(deserialize_with = "text")]
    message: Text,
    #[serde(deserialize_with = "or_default")]
    code: NumberOrName,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireEvent {
    #[serde(alias = "time_unix_nano", deserialize_with = "or_default")]
    time_unix_nano: Int,
    #[serde(deserialize_with = "text")]
    name: Text,
    #[serde(deserialize_with = "or_default")]
    attributes: Vec<WirePair>,
    #[serde(alias = "dropped_attributes_count", deserialize_with = "or_default")]
    dropped_attributes_count: Int,
}

impl WireEvent {
    fn into_model(self) -> Event {
        Event {
            time: Moment { nanos: self.time_unix_nano.to_u64() },
            name: self.name,
            attributes: attributes(self.attributes),
            dropped_attributes_count: self.dropped_attributes_count.to_u32(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireLink {
    #[serde(alias = "trace_id", deserialize_with = "or_default")]
    trace_id: Id,
    #[serde(alias = "span_id", deserialize_with = "or_default")]
    span_id: Id,
    #[serde(alias = "trace_state", deserialize_with = "text")]
    trace_state: Text,
    #[serde(deserialize_with = "or_default")]
    attributes: Vec<WirePair>,
    #[serde(alias = "dropped_attributes_count", deserialize_with = "or_default")]
    dropped_attributes_count: Int,
    #[serde(deserialize_with = "or_default")]
    flags: Int,
}

impl WireLink {
    fn into_model(self) -> Link {
        Link {
            trace_id: self.trace_id.trace().unwrap_or_default(),
            span_id: self.span_id.span().unwrap_or_default(),
            trace_state: self.trace_state,
            attributes: attributes(self.attributes),
            dropped_attributes_count: self.dropped_attributes_count.to_u32(),
            flags: self.flags.to_u32(),
        }
    }
}
