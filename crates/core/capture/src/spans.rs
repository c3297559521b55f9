//! Spans of servers as requests: method, path and query are in them, headers and bodies are not.

use model::{AnswerSeen, Exchange, RequestSeen, Span, SpanKind};

/// What servers were asked, by their spans, in the order of time. Spans that do not tell method and path are left out, and
/// so is what one of our own services asked of another, if `entries_only`.
#[must_use]
pub fn of_spans(spans: &[Span], entries_only: bool) -> Vec<Exchange> {
    let mut exchanges: Vec<Exchange> =
        spans.iter().filter_map(|span| one(span, entries_only)).collect();
    exchanges.sort_by_key(|exchange| (exchange.began, exchange.trace_id));
    exchanges
}

fn one(span: &Span, entries_only: bool) -> Option<Exchange> {
    if span.kind != SpanKind::Server || (entries_only && span.parent_id.is_some()) {
        return None;
    }
    let text = |names: &[&str]| names.iter().find_map(|name| span.attributes.text(name));
    let method = text(&["http.request.method", "http.method"])?;
    let target = match text(&["url.path"]) {
        Some(path) => match text(&["url.query"]).filter(|query| !query.is_empty()) {
            Some(query) => format!("{path}?{}", query.trim_start_matches('?')),
            None => path.to_owned(),
        },
        None => match text(&["http.target"]) {
            Some(target) => target.to_owned(),
            None => path_of(text(&["url.full", "http.url"])?).to_owned(),
        },
    };
    if !target.starts_with('/') || target.contains([' ', '\r', '\n']) {
        return None;
    }
    let status = ["http.response.status_code", "http.status_code"]
        .iter()
        .find_map(|name| span.attributes.int(name));
    let answer = status.and_then(|status| u16::try_from(status).ok());
    Some(Exchange {
        began: span.start,
        took: span.duration(),
        route: text(&["http.route"]).unwrap_or_default().to_owned(),
        trace_id: Some(span.trace_id),
        client: text(&["client.address", "http.client_ip", "enduser.id", "session.id"])
            .unwrap_or_default()
            .to_owned(),
        request: RequestSeen {
            method: method.to_ascii_uppercase(),
            target,
            ..RequestSeen::default()
        },
        answer: answer.map(|status| AnswerSeen { status, ..AnswerSeen::default() }),
    })
}

fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').and_then(|place| rest.get(place..)).unwrap_or("/")
}
