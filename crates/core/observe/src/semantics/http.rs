//! Calls to remote endpoints: client spans of HTTP and RPC.

use model::{HttpCall, Span, SpanKind, Text};

use super::{
    Hash, cut,
    facts::{Facts, Key},
    template,
};

/// Longest host that is kept; names in the DNS end at 253.
const HOST_BYTES_MAX: usize = 253;

/// Longest method of an RPC that is kept.
const METHOD_BYTES_MAX: usize = 128;

/// Reads the call to a remote endpoint, if the span is one.
pub(super) fn call(span: &Span, facts: &Facts<'_>) -> Option<HttpCall> {
    let is_client = span.kind == SpanKind::Client;
    if is_client && facts.has(Key::RpcSystem) {
        return Some(rpc(span, facts));
    }
    let url = facts.text(Key::HttpUrl);
    let method = facts.text(Key::HttpMethod).or_else(|| method_of(&span.name));
    let (Some(method), true) = (method, url.is_some() || is_client) else {
        return None;
    };
    let url = url.map(Url::read).unwrap_or_default();
    let query = url.query;
    let target = facts.text(Key::HttpTarget).or_else(|| facts.text(Key::UrlPath));
    let path = if url.path.is_empty() { path_of(target.unwrap_or_default()) } else { url.path };
    let host = if url.host.is_empty() { host(facts) } else { cut(url.host, HOST_BYTES_MAX) };
    let template = match facts.text(Key::HttpUrlTemplate).or_else(|| facts.text(Key::HttpRoute)) {
        Some(known) => cut(known, HOST_BYTES_MAX),
        None => template::path(path),
    };
    let hash = match facts.text(Key::HttpUrl) {
        Some(whole) => Hash::new().add(whole.as_bytes()),
        None => Hash::new().add(host.as_bytes()).add(target.unwrap_or_default().as_bytes()),
    };
    Some(HttpCall {
        method: method_upper(method),
        host,
        template,
        url_hash: hash.0,
        variables: template::variables(path, query),
        walks: walks(query),
        status: status(facts),
        resend_count: resend_count(facts),
        response_bytes: facts.count(Key::ResponseBytes),
        answered: false,
    })
}

/// Whether a query asks for a page of a list or a part of a file.
fn walks(query: &str) -> bool {
    const KEYS: &[&str] = &[
        "page",
        "page[number]",
        "pagenumber",
        "page_token",
        "pagetoken",
        "cursor",
        "after",
        "offset",
        "skip",
        "start",
        "starting_after",
        "next",
        "marker",
        "continuation",
        "continuation-token",
        "partnumber",
        "chunk",
    ];
    query
        .split('&')
        .filter_map(|pair| pair.split('=').next())
        .any(|key| KEYS.iter().any(|known| key.eq_ignore_ascii_case(known)))
}

/// The HTTP status; 0 if unknown.
pub(super) fn status(facts: &Facts<'_>) -> u16 {
    facts.count(Key::HttpStatus).and_then(|status| u16::try_from(status).ok()).unwrap_or(0)
}

/// The method in upper case; what is none of the known ones is the conventions' `_OTHER`.
pub(super) fn method_upper(method: &str) -> Text {
    match METHODS.iter().find(|known| known.eq_ignore_ascii_case(method)) {
        Some(known) => Text::const_new(known),
        None => Text::const_new("_OTHER"),
    }
}

const METHODS: &[&str] =
    &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE", "QUERY"];

/// The method that a client span is named after: `GET`, `HTTP GET`, `GET /orders`.
fn method_of(name: &str) -> Option<&'static str> {
    let name = name.strip_prefix("HTTP ").unwrap_or(name);
    let word = name.split(' ').next()?;
    METHODS.iter().copied().find(|known| *known == word && *known != "CONNECT")
}

fn resend_count(facts: &Facts<'_>) -> u32 {
    let count = facts.count(Key::ResendCount).unwrap_or(0);
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn rpc(span: &Span, facts: &Facts<'_>) -> HttpCall {
    let (service, method) = rpc_names(span, facts);
    let host = host(facts);
    HttpCall {
        url_hash: Hash::new().add(host.as_bytes()).add(span.name.as_bytes()).0,
        method: cut(method, METHOD_BYTES_MAX),
        host: if host.is_empty() { cut(service, HOST_BYTES_MAX) } else { host },
        template: cut(service, HOST_BYTES_MAX),
        status: status(facts),
        resend_count: resend_count(facts),
        ..HttpCall::default()
    }
}

/// Service and method of an RPC, from attributes or from a name such as `shop.Orders/List`.
pub(super) fn rpc_names<'a>(span: &'a Span, facts: &Facts<'a>) -> (&'a str, &'a str) {
    let method = facts.text(Key::RpcMethod).unwrap_or(&span.name);
    let method = method.strip_prefix('/').unwrap_or(method);
    let (service, method) = method.rsplit_once('/').unwrap_or(("", method));
    (facts.text(Key::RpcService).unwrap_or(service), method)
}

fn host(facts: &Facts<'_>) -> Text {
    let host = facts.text(Key::PeerHost).or_else(|| facts.text(Key::PeerName));
    let mut host = cut(host.unwrap_or_default(), HOST_BYTES_MAX);
    if !host.is_empty()
        && !host.contains(':')
        && let Some(port) = facts.count(Key::PeerPort)
        && !matches!(port, 80 | 443)
    {
        host.push(':');
        host.push_str(&port.to_string());
    }
    host
}

/// A path without what follows it.
pub(super) fn path_of(target: &str) -> &str {
    target.split(['?', '#']).next().unwrap_or_default()
}

/// Parts of a URL.
#[derive(Default)]
pub(super) struct Url<'a> {
    /// With its port unless that is the scheme's.
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
}

impl<'a> Url<'a> {
    pub(super) fn read(url: &'a str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let authority_end = match scheme {
            "" if rest.starts_with('/') => 0,
            _ => rest.find(['/', '?', '#']).unwrap_or(rest.len()),
        };
        let (authority, tail) = rest.split_at(authority_end);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let usual_port = match scheme {
            "http" | "ws" => ":80",
            "https" | "wss" => ":443",
            _ => "\0",
        };
        let host = host.strip_suffix(usual_port).unwrap_or(host);
        let tail = tail.split('#').next().unwrap_or_default();
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        Self { host, path: if path.is_empty() { "/" } else { path }, query }
    }
}
