//! Spans to OTLP JSON, the mirror image of `json`.

use std::fmt::Write as _;

use model::{Attributes, Event, Link, Resource, Scope, Span, StatusCode, Value};

use super::encode::{Item, groups, kind, status_code};
use crate::reading::base64;

/// Writes one request on one line, as OTLP JSON has it: ids in hexadecimal, 64-bit numbers as texts,
/// enumerations as numbers, no field that is empty.
#[must_use]
pub fn encode_json(spans: &[Span]) -> String {
    export(spans, ["resourceSpans", "scopeSpans", "spans"], write_span)
}

/// Writes a request of any signal: they differ in the names of three lists.
pub(super) fn export<I: Item>(
    items: &[I],
    names: [&'static str; 3],
    write: fn(&mut Out, &I),
) -> String {
    let [of_resources, of_scopes, list] = names;
    let mut out = Out(String::with_capacity(items.len() * 512));
    out.object(|out| {
        out.list(of_resources, groups(items, I::resource), |out, items| {
            let Some(resource) = items.first().map(|item| &**item.resource()) else { return };
            out.member("resource", |out| out.object(|out| write_resource(out, resource)));
            out.list(of_scopes, groups(items, I::scope), |out, items| {
                let Some(scope) = items.first().map(|item| &**item.scope()) else { return };
                out.member("scope", |out| out.object(|out| write_scope(out, scope)));
                out.list(list, items, write);
                out.text("schemaUrl", &scope.schema_url);
            });
            out.text("schemaUrl", &resource.schema_url);
        });
    });
    out.0
}

fn write_resource(out: &mut Out, resource: &Resource) {
    attributes(out, &resource.attributes);
    out.number("droppedAttributesCount", resource.dropped_attributes_count);
}

fn write_scope(out: &mut Out, scope: &Scope) {
    out.text("name", &scope.name);
    out.text("version", &scope.version);
    attributes(out, &scope.attributes);
    out.number("droppedAttributesCount", scope.dropped_attributes_count);
}

fn write_span(out: &mut Out, span: &Span) {
    out.quoted("traceId", span.trace_id);
    out.quoted("spanId", span.span_id);
    out.text("traceState", &span.trace_state);
    if let Some(parent_id) = span.parent_id {
        out.quoted("parentSpanId", parent_id);
    }
    out.number("flags", span.flags);
    out.text("name", &span.name);
    out.number("kind", kind(span.kind));
    out.quoted("startTimeUnixNano", span.start.nanos);
    out.quoted("endTimeUnixNano", span.end.nanos);
    attributes(out, &span.attributes);
    out.number("droppedAttributesCount", span.dropped_attributes_count);
    out.list("events", &span.events, write_event);
    out.number("droppedEventsCount", span.dropped_events_count);
    out.list("links", &span.links, write_link);
    out.number("droppedLinksCount", span.dropped_links_count);
    if span.status.code != StatusCode::Unset || !span.status.message.is_empty() {
        out.member("status", |out| {
            out.object(|out| {
                out.text("message", &span.status.message);
                out.number("code", status_code(span.status.code));
            });
        });
    }
}

fn write_event(out: &mut Out, event: &Event) {
    out.quoted("timeUnixNano", event.time.nanos);
    out.text("name", &event.name);
    attributes(out, &event.attributes);
    out.number("droppedAttributesCount", event.dropped_attributes_count);
}

fn write_link(out: &mut Out, link: &Link) {
    out.quoted("traceId", link.trace_id);
    out.quoted("spanId", link.span_id);
    out.text("traceState", &link.trace_state);
    attributes(out, &link.attributes);
    out.number("droppedAttributesCount", link.dropped_attributes_count);
    out.number("flags", link.flags);
}

pub(super) fn attributes(out: &mut Out, attributes: &Attributes) {
    out.list("attributes", &attributes.0, |out, (key, value)| pair(out, key, value));
}

pub(super) fn pair(out: &mut Out, key: &str, value: &Value) {
    out.member("key", |out| out.string(key));
    out.member("value", |out| out.object(|out| write_value(out, value)));
}

pub(super) fn write_value(out: &mut Out, value: &Value) {
    match value {
        Value::Empty => {}
        Value::Text(text) => out.member("stringValue", |out| out.string(text)),
        Value::Bool(bool) => out.member("boolValue", |out| out.display(bool)),
        Value::Int(int) => out.quoted("intValue", int),
        Value::Double(double) => out.member("doubleValue", |out| write_double(out, *double)),
        Value::List(list) => out.member("arrayValue", |out| {
            out.object(|out| out.list("values", list, write_value));
        }),
        Value::Map(map) => out.member("kvlistValue", |out| {
            out.object(|out| out.list("values", map, |out, (key, value)| pair(out, key, value)));
        }),
        Value::Bytes(bytes) => out.member("bytesValue", |out| {
            out.0.push('"');
            base64::encode(&mut out.0, bytes);
            out.0.push('"');
        }),
    }
}

/// What JSON has no number for is a text, as protobuf's mapping says.
pub(super) fn write_double(out: &mut Out, double: f64) {
    if double.is_finite() {
        out.display(format_args!("{double:?}"));
    } else if double.is_nan() {
        out.string("NaN");
    } else {
        out.string(if double < 0.0 { "-Infinity" } else { "Infinity" });
    }
}

/// JSON that grows.
pub(super) struct Out(String);

impl Out {
    pub(super) fn object(&mut self, content: impl FnOnce(&mut Self)) {
        self.0.push('{');
        content(self);
        self.0.push('}');
    }

    fn comma(&mut self) {
        if !self.0.ends_with(['{', '[']) {
            self.0.push(',');
        }
    }

    pub(super) fn member(&mut self, key: &str, value: impl FnOnce(&mut Self)) {
        self.comma();
        self.string(key);
        self.0.push(':');
        value(self);
    }

    /// A list of objects, unless it is empty.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        content: impl Fn(&mut Self, T),
    ) {
        self.values(key, items, |out, item| out.object(|out| content(out, item)));
    }

    /// A list of whatever is written, unless it is empty.
    pub(super) fn values<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        content: impl Fn(&mut Self, T),
    ) {
        let mut items = items.into_iter().peekable();
        if items.peek().is_none() {
            return;
        }
        self.member(key, |out| {
            out.0.push('[');
            for item in items {
                out.comma();
                content(out, item);
            }
            out.0.push(']');
        });
    }

    /// A text, unless it is empty.
    pub(super) fn text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.member(key, |out| out.string(text));
        }
    }

    /// A number, unless it is zero.
    pub(super) fn number(&mut self, key: &str, number: impl Into<u64>) {
        let number = number.into();
        if number != 0 {
            self.member(key, |out| out.display(number));
        }
    }

    /// Something whose text needs no escapes.
    pub(super) fn quoted(&mut self, key: &str, value: impl std::fmt::Display) {
        self.member(key, |out| out.display(format_args!("\"{value}\"")));
    }

    pub(super) fn display(&mut self, value: impl std::fmt::Display) {
        write!(self.0, "{value}").expect("a string takes all that is written");
    }

    pub(super) fn string(&mut self, text: &str) {
        self.0.push('"');
        let plain =
            |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\' || byte == b' ';
        if text.bytes().all(plain) {
            self.0.push_str(text);
        } else {
            self.escaped(text);
        }
        self.0.push('"');
    }

    fn escaped(&mut self, text: &str) {
        for char in text.chars() {
            match char {
                '"' => self.0.push_str("\\\""),
                '\\' => self.0.push_str("\\\\"),
                '\n' => self.0.push_str("\\n"),
                '\t' => self.0.push_str("\\t"),
                '\r' => self.0.push_str("\\r"),
                '\0'..='\x1f' | '\u{2028}' | '\u{2029}' => {
                    self.display(format_args!("\\u{:04x}", u32::from(char)));
                }
                char => self.0.push(char),
            }
        }
    }
}
