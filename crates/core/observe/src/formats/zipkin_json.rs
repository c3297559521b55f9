//! Zipkin v2 JSON.
//!
//! In Zipkin the two sides of a remote call may share one span id. Everything after this stage wants one
//! id per span, so the server's side gets an id of its own, with the client's side as its parent, as
//! Jaeger does when it reads such spans.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use model::{Attributes, Event, Moment, Resource, Span, SpanId, SpanKind, Text, TraceId, Value};
use serde::Deserialize;

use super::Format;
use crate::{
    otlp::refusal,
    reading::{
        Decoded, OneOrMany, Place, Problem, ReadError,
        bridge::{Bridged, Scopes, kind},
        documents, keys,
        scalars::{Any, Id, Int, Word, or_default, text},
    },
};

pub(super) static FORMAT: Format = Format {
    name: "zipkin-json",
    title: "Zipkin v2 JSON",
    doc: "What Zipkin's UI downloads, its `/api/v2/traces` answers and its reporters send: a list of \
          spans, a list of traces, or one span per line.",
    sniff,
    read,
};

/// A list of spans, a list of traces, or spans by themselves; in OTLP JSON ids are further down.
fn sniff(bytes: &[u8]) -> bool {
    keys::has(bytes, 3, "traceId") && keys::has(bytes, 3, "id")
}

fn read(bytes: &[u8]) -> Result<Decoded, ReadError> {
    let mut decoded = Decoded::default();
    let mut shared = BTreeSet::new();
    let mut interned = Interned::default();
    documents(bytes, &mut decoded, |found: OneOrMany<OneOrMany<WireSpan>>, decoded, line| {
        for span in found.0.into_iter().flat_map(|trace| trace.0) {
            let is_shared = span.shared;
            match span.into_model(&mut interned) {
                Ok(span) => {
                    if is_shared {
                        shared.insert(decoded.spans.len());
                    }
                    decoded.spans.push(span);
                }
                Err(message) => decoded.reject(|| Problem { place: Place::Line(line), message }),
            }
        }
    })
    .map_err(|malformed| malformed.of(FORMAT.title))?;
    part_shared(&mut decoded.spans, &shared);
    Ok(decoded)
}

/// What spans have in common, shared between them.
#[derive(Default)]
struct Interned {
    resources: BTreeMap<Text, Arc<Resource>>,
    scopes: Scopes,
}

impl Interned {
    fn resource(&mut self, service: Text) -> Arc<Resource> {
        let resource = self.resources.entry(service).or_insert_with_key(|service| {
            let name = (Text::const_new("service.name"), Value::Text(service.clone()));
            let named = if service.is_empty() { Vec::new() } else { vec![name] };
            Arc::new(Resource { attributes: Attributes(named), ..Resource::default() })
        });
        Arc::clone(resource)
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireSpan {
    #[serde(deserialize_with = "or_default")]
    trace_id: Id,
    #[serde(deserialize_with = "or_default")]
    id: Id,
    #[serde(deserialize_with = "or_default")]
    parent_id: Id,
    #[serde(deserialize_with = "text")]
    name: Text,
    #[serde(deserialize_with = "text")]
    kind: Text,
    #[serde(deserialize_with = "or_default")]
    timestamp: Int,
    #[serde(deserialize_with = "or_default")]
    duration: Int,
    #[serde(deserialize_with = "or_default")]
    shared: bool,
    #[serde(deserialize_with = "or_default")]
    local_endpoint: WireEndpoint,
    #[serde(deserialize_with = "or_default")]
    remote_endpoint: WireEndpoint,
    #[serde(deserialize_with = "or_default")]
    annotations: Vec<WireAnnotation>,
    #[serde(deserialize_with = "or_default")]
    tags: BTreeMap<Word, Any>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireEndpoint {
    #[serde(deserialize_with = "text")]
    service_name: Text,
    #[serde(deserialize_with = "text")]
    ipv4: Text,
    #[serde(deserialize_with = "text")]
    ipv6: Text,
    #[serde(deserialize_with = "or_default")]
    port: Int,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireAnnotation {
    #[serde(deserialize_with = "or_default")]
    timestamp: Int,
    #[serde(deserialize_with = "text")]
    value: Text,
}

impl WireSpan {
    /// The span, or why it is none.
    fn into_model(self, interned: &mut Interned) -> Result<Span, String> {
        let Some(trace_id) = self.trace_id.trace() else {
            return Err(refusal(&self.name, "trace", &self.trace_id));
        };
        let Some(span_id) = self.id.span() else {
            return Err(refusal(&self.name, "span", &self.id));
        };
        let mut bridged = Bridged::default();
        let tags = self.tags.into_iter();
        let mut attributes: Vec<_> =
            tags.filter_map(|(key, value)| bridged.take(key.0, value.0)).collect();
        let kind = kind(&self.kind).or(bridged.kind).unwrap_or(SpanKind::Unspecified);
        self.local_endpoint.describe("network.local", None, &mut attributes);
        // Who answers has the address of a server, whoever tells of it.
        let side = match kind {
            SpanKind::Server | SpanKind::Consumer => "client",
            _ => "server",
        };
        self.remote_endpoint.describe(side, Some("peer.service"), &mut attributes);
        let events: Vec<Event> =
            self.annotations.into_iter().map(WireAnnotation::into_model).collect();
        // The server's side of a shared span may leave its times to the client.
        let start = match micros(self.timestamp) {
            Moment { nanos: 0 } => events.iter().map(|event| event.time).min().unwrap_or_default(),
            start => start,
        };
        Ok(Span {
            trace_id,
            span_id,
            parent_id: self.parent_id.span(),
            trace_state: std::mem::take(&mut bridged.trace_state),
            flags: 0,
            name: self.name,
            kind,
            start,
            end: Moment { nanos: start.nanos.saturating_add(micros(self.duration).nanos) },
            attributes: Attributes(attributes),
            dropped_attributes_count: 0,
            events,
            dropped_events_count: 0,
            links: Vec::new(),
            dropped_links_count: 0,
            status: bridged.status(),
            resource: interned.resource(self.local_endpoint.service_name),
            scope: bridged.scope(&mut interned.scopes),
        })
    }
}

impl WireEndpoint {
    /// Adds its address and port as `SIDE.address` and `SIDE.port`, and its name as `name_key`, unless
    /// a tag has said so already. Without an address the name stands for it.
    fn describe(
        &self,
        side: &str,
        name_key: Option<&'static str>,
        attributes: &mut Vec<(Text, Value)>,
    ) {
        let mut add = |key: Text, value: Value| {
            if !attributes.iter().any(|(known, _)| *known == key) {
                attributes.push((key, value));
            }
        };
        let name = name_key.map(|key| (key, &self.service_name));
        let of_name = name.map_or(&self.ipv4, |(_, name)| name);
        let address = [&self.ipv4, &self.ipv6, of_name].into_iter().find(|text| !text.is_empty());
        if let Some(address) = address {
            add(format!("{side}.address").into(), Value::Text(address.clone()));
        }
        if self.port.to_i64() != 0 {
            add(format!("{side}.port").into(), Value::Int(self.port.to_i64()));
        }
        if let Some((key, name)) = name.filter(|(_, name)| !name.is_empty()) {
            add(Text::const_new(key), Value::Text(name.clone()));
        }
    }
}

impl WireAnnotation {
    fn into_model(self) -> Event {
        Event {
            time: micros(self.timestamp),
            name: self.value,
            attributes: Attributes::default(),
            dropped_attributes_count: 0,
        }
    }
}

fn micros(number: Int) -> Moment {
    Moment { nanos: number.to_u64().saturating_mul(1000) }
}

/// Gives the server's side of a shared id an id of its own, and puts what the server did below it.
/// A server's side is one that says that it is shared, or is of kind server, while a client's side with
/// the same id is there; if the client's side is missing, nothing is ambiguous and nothing is changed.
fn part_shared(spans: &mut [Span], shared: &BTreeSet<usize>) {
    let clients: BTreeSet<(TraceId, SpanId)> = spans
        .iter()
        .enumerate()
        .filter(|(place, span)| {
            !shared.contains(place) && matches!(span.kind, SpanKind::Client | SpanKind::Producer)
        })
        .map(|(_, span)| (span.trace_id, span.span_id))
        .collect();
    // By old id, then by service: the new id.
    let mut parted: BTreeMap<(TraceId, SpanId, Text), SpanId> = BTreeMap::new();
    for (place, span) in spans.iter_mut().enumerate() {
        let is_server =
            shared.contains(&place) || matches!(span.kind, SpanKind::Server | SpanKind::Consumer);
        if is_server && clients.contains(&(span.trace_id, span.span_id)) {
            let old = span.span_id;
            span.span_id = derived(old, span.service());
            span.parent_id = Some(old);
            parted.insert((span.trace_id, old, span.service().into()), span.span_id);
        }
    }
    for span in spans {
        let Some(parent_id) = span.parent_id else { continue };
        let key = (span.trace_id, parent_id, Text::new(span.service()));
        if let Some(new) = parted.get(&key).filter(|new| **new != span.span_id) {
            span.parent_id = Some(*new);
        }
    }
}

/// An id that depends on nothing but the old one and the service: FNV-1a, 64 bits
/// (<http://www.isthe.com/chongo/tech/comp/fnv/>), over both.
fn derived(old: SpanId, service: &str) -> SpanId {
    let bytes = old.0.iter().chain(service.as_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    SpanId(hash.max(1).to_be_bytes())
}
