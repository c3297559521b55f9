//! A request as spans, by the semantic conventions of OpenTelemetry for HTTP (1.37): one of the server, and one of
//! the client for each attempt.

use std::sync::Arc;

use http::Version;
use model::{Attributes, Resource, Scope, Span, SpanId, SpanKind, Status, StatusCode, Text, Value};

use super::{Attempt, End, Told};

/// The spans of a request; none if it has no trace.
pub(crate) fn spans(told: &Told, resource: &Arc<Resource>, scope: &Arc<Scope>) -> Vec<Span> {
    let Some(trace) = told.trace else { return Vec::new() };
    let method = told.method.as_str();
    let span = |id: SpanId, parent: Option<SpanId>, kind: SpanKind, name: String| Span {
        trace_id: trace.id,
        span_id: id,
        parent_id: parent,
        trace_state: Text::from(&*told.trace_state),
        flags: u32::from(trace.flags),
        name: name.into(),
        kind,
        start: told.began,
        end: told.began + told.took,
        attributes: Attributes::default(),
        dropped_attributes_count: 0,
        events: Vec::new(),
        dropped_events_count: 0,
        links: Vec::new(),
        dropped_links_count: 0,
        status: Status::default(),
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
    };
    let name =
        if told.route.is_empty() { method.to_owned() } else { format!("{method} {}", told.route) };
    let mut server = span(trace.span, trace.parent, SpanKind::Server, name);
    server.attributes = Attributes(of_server(told));
    if told.status >= 500 || told.end == End::Broken {
        let message = told.refused.as_str().into();
        server.status = Status { code: StatusCode::Error, message };
    }
    let mut spans = vec![server];
    for (place, attempt) in told.attempts.iter().enumerate() {
        let mut client = span(attempt.span, Some(trace.span), SpanKind::Client, method.to_owned());
        client.start = attempt.began;
        client.end = attempt.began + attempt.took.unwrap_or_default();
        client.attributes = Attributes(of_client(told, attempt, place));
        let failed = attempt.status.is_some_and(|status| status >= 400);
        if failed || attempt.error.is_some() {
            let message = attempt.error.unwrap_or_default().into();
            client.status = Status { code: StatusCode::Error, message };
        }
        spans.push(client);
    }
    spans
}

/// Attributes, one by one.
#[derive(Default)]
struct List(Vec<(Text, Value)>);

impl List {
    fn text(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.0.push((key.into(), Value::Text(value.into())));
        }
    }

    fn int(&mut self, key: &str, value: u64) {
        self.0.push((key.into(), Value::Int(i64::try_from(value).unwrap_or(i64::MAX))));
    }

    /// Host and port.
    fn server(&mut self, named: &str) {
        let (host, port) = match named.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
            _ => (named, ""),
        };
        self.text("server.address", host);
        if let Ok(port) = port.parse() {
            self.int("server.port", port);
        }
    }
}

fn of_server(told: &Told) -> Vec<(Text, Value)> {
    let mut list = List::default();
    list.text("http.request.method", told.method.as_str());
    list.text("url.scheme", told.scheme);
    list.text("url.path", &told.path);
    list.text("http.route", &told.route);
    list.server(&told.host);
    list.text("client.address", &told.client);
    list.text("user_agent.original", &told.agent);
    list.text("network.protocol.version", version(told.version));
    if told.end != End::Gone {
        list.int("http.response.status_code", u64::from(told.status));
    }
    list.int("http.response.body.size", told.coded_bytes.unwrap_or(told.bytes));
    let error = match told.end {
        _ if !told.refused.is_empty() => told.refused.clone(),
        End::Whole if told.status >= 500 => told.status.to_string(),
        end => end.error_type().to_owned(),
    };
    list.text("error.type", &error);
    for (name, value) in &told.answer {
        let value = Value::List(vec![Value::Text(value.as_str().into())]);
        list.0.push((format!("http.response.header.{name}").into(), value));
    }
    for (place, (name, _)) in told.decisions.iter().enumerate() {
        // What was decided more than once is one attribute.
        let is_first = told.decisions[..place].iter().all(|(before, _)| before != name);
        if *name != "route" && is_first {
            let same = told.decisions.iter().filter(|(other, _)| other == name);
            let values: Vec<&str> = same.map(|(_, value)| &**value).collect();
            list.text(&format!("taut.{name}"), &values.join("; "));
        }
    }
    list.0
}

fn of_client(told: &Told, attempt: &Attempt, place: usize) -> Vec<(Text, Value)> {
    let mut list = List::default();
    list.text("http.request.method", told.method.as_str());
    list.text("url.full", &attempt.url);
    list.server(&attempt.member);
    if let Some(status) = attempt.status {
        list.int("http.response.status_code", u64::from(status));
        if status >= 400 {
            list.text("error.type", &status.to_string());
        }
    }
    list.text("error.type", attempt.error.unwrap_or_default());
    if place > 0 {
        list.int("http.request.resend_count", place as u64);
    }
    list.0
}

/// As the semantic conventions and the access log have it.
pub(crate) fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}
