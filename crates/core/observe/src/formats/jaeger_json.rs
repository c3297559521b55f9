//! Jaeger JSON.
//!
//! Read as OpenTelemetry's own receiver for Jaeger does: the first reference to a parent in the same trace is the
//! parent, every other reference a link; process tags are the resource; logs are events.

use std::{collections::BTreeMap, sync::Arc};

use model::{Attributes, Event, Link, Moment, Resource, Span, SpanKind, Text, Value};
use serde::Deserialize;

use super::Format;
use crate::{
    otlp::refusal,
    reading::{
        Decoded, OneOrMany, Place, Problem, ReadError, base64,
        bridge::{Bridged, Scopes},
        documents, keys,
        scalars::{Any, Id, Int, Word, or_default, text},
    },
};

pub(super) static FORMAT: Format = Format {
    name: "jaeger-json",
    title: "Jaeger JSON",
    doc: "What Jaeger's UI downloads and its `/api/traces` answers: traces under `data`, a list of \
          traces, or a single one.",
    sniff,
    read,
};

/// Jaeger alone writes `traceID` with two capitals.
fn sniff(bytes: &[u8]) -> bool {
    let of_api = || keys::has(bytes, 1, "data") && keys::has(bytes, 5, "traceID");
    let empty = || keys::has(bytes, 1, "data") && keys::has(bytes, 1, "errors");
    let by_itself = || keys::has(bytes, 2, "spans") && keys::has(bytes, 4, "traceID");
    of_api() || by_itself() || empty()
}

fn read(bytes: &[u8]) -> Result<Decoded, ReadError> {
    let mut decoded = Decoded::default();
    let mut scopes = Scopes::new();
    documents(bytes, &mut decoded, |found: OneOrMany<WireDocument>, decoded, line| {
        for document in found.0 {
            for trace in document.data {
                trace.add_to(decoded, &mut scopes, line);
            }
            let trace = WireTrace { spans: document.spans, processes: document.processes };
            trace.add_to(decoded, &mut scopes, line);
        }
    })
    .map_err(|malformed| malformed.of(FORMAT.title))?;
    Ok(decoded)
}

/// The answer of the API, or a trace by itself.
#[derive(Default, Deserialize)]
#[serde(default)]
struct WireDocument {
    #[serde(deserialize_with = "or_default")]
    data: Vec<WireTrace>,
    #[serde(deserialize_with = "or_default")]
    spans: Vec<WireSpan>,
    #[serde(deserialize_with = "or_default")]
    processes: BTreeMap<Word, WireProcess>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireTrace {
    #[serde(deserialize_with = "or_default")]
    spans: Vec<WireSpan>,
    #[serde(deserialize_with = "or_default")]
    processes: BTreeMap<Word, WireProcess>,
}

impl WireTrace {
    fn add_to(self, decoded: &mut Decoded, scopes: &mut Scopes, line: usize) {
        let resources: BTreeMap<Word, Arc<Resource>> =
            self.processes.into_iter().map(|(id, process)| (id, process.into_model())).collect();
        for mut span in self.spans {
            let resource = match (span.process.take(), resources.get(&span.process_id)) {
                (_, Some(resource)) => Arc::clone(resource),
                (Some(process), None) => process.into_model(),
                (None, None) => Arc::default(),
            };
            match span.into_model(resource, scopes) {
                Ok(span) => decoded.spans.push(span),
                Err(message) => decoded.reject(|| Problem { place: Place::Line(line), message }),
            }
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireProcess {
    #[serde(deserialize_with = "text")]
    service_name: Text,
    #[serde(deserialize_with = "or_default")]
    tags: Vec<WireTag>,
}

impl WireProcess {
    fn into_model(self) -> Arc<Resource> {
        let name = (Text::const_new("service.name"), Value::Text(self.service_name));
        let tags = self.tags.into_iter().map(WireTag::into_model);
        let attributes = Attributes(std::iter::once(name).chain(tags).collect());
        Arc::new(Resource { attributes, ..Resource::default() })
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireSpan {
    #[serde(rename = "traceID", deserialize_with = "or_default")]
    trace_id: Id,
    #[serde(rename = "spanID", deserialize_with = "or_default")]
    span_id: Id,
    #[serde(rename = "parentSpanID", deserialize_with = "or_default")]
    parent_span_id: Id,
    #[serde(deserialize_with = "or_default")]
    flags: Int,
    #[serde(deserialize_with = "text")]
    operation_name: Text,
    #[serde(deserialize_with = "or_default")]
    references: Vec<WireReference>,
    #[serde(deserialize_with = "or_default")]
    start_time: Int,
    #[serde(deserialize_with = "or_default")]
    duration: Int,
    #[serde(deserialize_with = "or_default")]
    tags: Vec<WireTag>,
    #[serde(deserialize_with = "or_default")]
    logs: Vec<WireLog>,
    #[serde(rename = "processID", deserialize_with = "or_default")]
    process_id: Word,
    #[serde(deserialize_with = "or_default")]
    process: Option<WireProcess>,
}

impl WireSpan {
    /// The span, or why it is none.
    fn into_model(self, resource: Arc<Resource>, scopes: &mut Scopes) -> Result<Span, String> {
        let Some(trace_id) = self.trace_id.trace() else {
            return Err(refusal(&self.operation_name, "trace", &self.trace_id));
        };
        let Some(span_id) = self.span_id.span() else {
            return Err(refusal(&self.operation_name, "span", &self.span_id));
        };
        let mut references = self.references;
        let of_parent = |kind: &str| {
            references.iter().position(|reference| {
                reference.ref_type == kind && reference.trace_id.trace() == Some(trace_id)
            })
        };
        let parent = of_parent("CHILD_OF").or_else(|| of_parent("FOLLOWS_FROM"));
        let parent_id = match parent.map(|place| references.remove(place)) {
            Some(reference) => reference.span_id.span(),
            None => self.parent_span_id.span(),
        };
        let mut bridged = Bridged::default();
        let tags = self.tags.into_iter().map(WireTag::into_model);
        let tags = tags.filter_map(|(key, value)| bridged.take(key, value)).collect();
        let start = micros(self.start_time);
        Ok(Span {
            trace_id,
            span_id,
            parent_id,
            trace_state: std::mem::take(&mut bridged.trace_state),
            // Of Jaeger's flags only the first, sampled, is one of W3C's too.
            flags: self.flags.to_u32() & 1,
            name: self.operation_name,
            kind: bridged.kind.unwrap_or(SpanKind::Unspecified),
            start,
            end: Moment { nanos: start.nanos.saturating_add(micros(self.duration).nanos) },
            attributes: Attributes(tags),
            dropped_attributes_count: 0,
            events: self.logs.into_iter().map(WireLog::into_model).collect(),
            dropped_events_count: 0,
            links: references.into_iter().map(WireReference::into_link).collect(),
            dropped_links_count: 0,
            status: bridged.status(),
            resource,
            scope: bridged.scope(scopes),
        })
    }
}

fn micros(number: Int) -> Moment {
    Moment { nanos: number.to_u64().saturating_mul(1000) }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireReference {
    #[serde(deserialize_with = "text")]
    ref_type: Text,
    #[serde(rename = "traceID", deserialize_with = "or_default")]
    trace_id: Id,
    #[serde(rename = "spanID", deserialize_with = "or_default")]
    span_id: Id,
}

impl WireReference {
    fn into_link(self) -> Link {
        let kind = Value::Text(self.ref_type.to_lowercase());
        Link {
            trace_id: self.trace_id.trace().unwrap_or_default(),
            span_id: self.span_id.span().unwrap_or_default(),
            trace_state: Text::default(),
            attributes: Attributes(vec![(Text::const_new("opentracing.ref_type"), kind)]),
            dropped_attributes_count: 0,
            flags: 0,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireLog {
    #[serde(deserialize_with = "or_default")]
    timestamp: Int,
    #[serde(deserialize_with = "or_default")]
    fields: Vec<WireTag>,
}

impl WireLog {
    /// The field `event` is the name.
    fn into_model(self) -> Event {
        let mut attributes: Vec<_> = self.fields.into_iter().map(WireTag::into_model).collect();
        let named =
            attributes.iter().position(|(key, value)| key == "event" && value.as_text().is_some());
        let name = match named.map(|place| attributes.remove(place)) {
            Some((_, Value::Text(name))) => name,
            _ => Text::default(),
        };
        Event {
            time: micros(self.timestamp),
            name,
            attributes: Attributes(attributes),
            dropped_attributes_count: 0,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireTag {
    #[serde(deserialize_with = "text")]
    key: Text,
    #[serde(rename = "type", deserialize_with = "text")]
    kind: Text,
    #[serde(deserialize_with = "or_default")]
    value: Any,
}

impl WireTag {
    /// The value as its type says, which storages turn into texts; as it stands if it cannot be.
    fn into_model(self) -> (Text, Value) {
        let value = match (self.kind.as_str(), self.value.0) {
            ("bool", Value::Text(text)) => match text.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                _ => Value::Text(text),
            },
            ("int64", Value::Text(text)) => text.parse().map_or(Value::Text(text), Value::Int),
            ("float64", Value::Text(text)) => text.parse().map_or(Value::Text(text), Value::Double),
            #[expect(
                clippy::cast_precision_loss,
                reason = "a whole number is one without fraction"
            )]
            ("float64", Value::Int(int)) => Value::Double(int as f64),
            ("binary", Value::Text(text)) => {
                base64::decode(&text).map_or(Value::Text(text), Value::Bytes)
            }
            (_, value) => value,
        };
        (self.key, value)
    }
}
