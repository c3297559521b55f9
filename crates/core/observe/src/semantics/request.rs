//! Requests that a service answers: what they are called, how they ended, and what else may tell fast
//! ones from slow ones.

use model::{Request, Span, Text, Value, Work};

use super::{
    cut,
    facts::{Facts, Key},
    http::{self, Url},
    template,
};

/// Attributes of a request that are kept at most.
const ATTRIBUTES_MAX: usize = 32;

/// Longest value of an attribute that is kept; longer ones tell one request from another.
const VALUE_BYTES_MAX: usize = 128;

/// Longest route, path or query that is kept; 2,048 is what browsers and proxies agree on.
const PATH_BYTES_MAX: usize = 2_048;

/// Whether an internal span without parent answers an HTTP request.
pub(super) fn is_answered(facts: &Facts<'_>) -> bool {
    let is_http = facts.has(Key::HttpMethod);
    facts.has(Key::HttpRoute) || is_http && (facts.has(Key::HttpTarget) || facts.has(Key::UrlPath))
}

/// The request that a span answers.
pub(super) fn answered(span: &Span, facts: &Facts<'_>) -> Work {
    if facts.has(Key::RpcSystem) || facts.has(Key::RpcService) {
        return rpc(span, facts);
    }
    let url = facts.text(Key::HttpUrl).map(Url::read).unwrap_or_default();
    let target = facts.text(Key::HttpTarget).unwrap_or_default();
    let path = facts.text(Key::UrlPath).unwrap_or_else(|| http::path_of(target));
    let path = if path.is_empty() { url.path } else { path };
    let query = facts.text(Key::UrlQuery).map(|query| query.trim_start_matches('?'));
    let query = query.or_else(|| Some(target.split_once('?')?.1)).unwrap_or(url.query);
    let method = facts.text(Key::HttpMethod).map(http::method_upper).unwrap_or_default();
    let route = facts.text(Key::HttpRoute).unwrap_or_default();
    Work::Request(Box::new(Request {
        operation: operation(span, facts, &method, route, path),
        method,
        route: cut(route, PATH_BYTES_MAX),
        path: cut(path, PATH_BYTES_MAX),
        query: cut(query, PATH_BYTES_MAX),
        status: http::status(facts),
        response_bytes: facts.count(Key::ResponseBytes),
        compressed: facts.text(Key::ResponseEncoding).map(|encoding| encoding != "identity"),
        background: false,
        variables: template::variables(path, query),
        attributes: attributes(span, query),
    }))
}

fn rpc(span: &Span, facts: &Facts<'_>) -> Work {
    let (service, method) = http::rpc_names(span, facts);
    let operation = match service {
        "" => cut(method, VALUE_BYTES_MAX),
        service => cut(&format!("{service}/{method}"), VALUE_BYTES_MAX),
    };
    Work::Request(Box::new(Request {
        operation,
        status: http::status(facts),
        attributes: attributes(span, ""),
        ..Request::default()
    }))
}

fn operation(span: &Span, facts: &Facts<'_>, method: &str, route: &str, path: &str) -> Text {
    let mut operation = Text::from(method);
    let place = if is_telling(route, path) {
        route_of(route)
    } else if !path.is_empty() {
        template::path(path)
    } else {
        named(&span.name, method)
    };
    if !operation.is_empty() && !place.is_empty() {
        operation.push(' ');
    }
    operation.push_str(&place);
    if let Some(name) = facts.text(Key::GraphqlOperation)
        && name.len() <= VALUE_BYTES_MAX
    {
        operation.push(' ');
        operation.push_str(name);
    }
    operation
}

/// Whether a route says where the request went: one that matches everything does not.
pub(super) fn is_telling(route: &str, path: &str) -> bool {
    match route {
        "" | "*" | "/*" | "/**" | "(.*)" | "/(.*)" => false,
        "/" => matches!(path, "" | "/"),
        _ => true,
    }
}

/// The route as frameworks write it, begun with a slash; regular expressions as Django has them
/// become what they stand for: `^orders/(?P<pk>[^/.]+)/$` is `/orders/{pk}/`.
fn route_of(route: &str) -> Text {
    let mut rest = route.trim_start_matches('^');
    let mut out = Text::default();
    if !rest.starts_with('/') {
        out.push('/');
    }
    if !rest.contains("(?P<") {
        out.push_str(&cut(rest.strip_suffix('$').unwrap_or(rest), PATH_BYTES_MAX));
        return out;
    }
    while let Some((before, group)) = rest.split_once("(?P<") {
        push_plain(before, &mut out);
        let (name, pattern) = group.split_once('>').unwrap_or((group, ""));
        out.push('{');
        out.push_str(name);
        out.push('}');
        rest = after_group(pattern);
    }
    push_plain(rest, &mut out);
    cut(&out, PATH_BYTES_MAX)
}

/// Adds literal parts of a regular expression, without its anchors and escapes.
fn push_plain(part: &str, out: &mut Text) {
    out.extend(part.chars().filter(|letter| !matches!(letter, '^' | '$' | '\\' | '?')));
}

/// What follows the parenthesis that closes the group in which `pattern` begins.
fn after_group(pattern: &str) -> &str {
    let mut depth = 1_u32;
    let mut escaped = false;
    let mut in_class = false;
    for (place, byte) in pattern.bytes().enumerate() {
        match byte {
            _ if escaped => {
                escaped = false;
                continue;
            }
            b'\\' => escaped = true,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'(' if !in_class => depth += 1,
            b')' if !in_class => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return pattern.get(place + 1..).unwrap_or_default();
        }
    }
    ""
}

/// What the span is called, without the method; paths among it become templates.
fn named(name: &str, method: &str) -> Text {
    let name = name.strip_prefix("HTTP ").unwrap_or(name);
    let rest = name.strip_prefix(method).unwrap_or(name).trim_start();
    if rest.starts_with('/') {
        template::path(http::path_of(rest))
    } else {
        cut(rest, VALUE_BYTES_MAX)
    }
}

/// Attributes that may tell fast requests from slow ones, sorted by key: few values each, as far as
/// one span can tell. Of the query only which keys it has.
pub(super) fn attributes(span: &Span, query: &str) -> Vec<(Text, Text)> {
    let mut kept: Vec<(Text, Text)> = Vec::new();
    for (key, value) in &span.attributes.0 {
        if kept.len() < 2 * ATTRIBUTES_MAX && is_telling_key(key) {
            kept.extend(told(value).map(|value| (key.clone(), value)));
        }
    }
    let resource = &span.resource.attributes;
    for (key, value) in &resource.0 {
        if OF_THE_RESOURCE.contains(&key.as_str()) {
            kept.extend(told(value).map(|value| (key.clone(), value)));
        }
    }
    for pair in query.split('&').take(ATTRIBUTES_MAX) {
        let key = pair.split('=').next().unwrap_or_default();
        if !key.is_empty() && key.len() <= 32 && !template::is_variable(key) {
            let mut name = Text::const_new("?");
            name.push_str(key);
            kept.push((name, Text::const_new("present")));
        }
    }
    kept.sort();
    kept.dedup_by(|later, earlier| later.0 == earlier.0);
    kept.truncate(ATTRIBUTES_MAX);
    kept
}

/// Of the process: where it runs, and what runs.
const OF_THE_RESOURCE: &[&str] = &[
    "cloud.availability_zone",
    "cloud.region",
    "deployment.environment",
    "deployment.environment.name",
    "host.name",
    "k8s.node.name",
    "k8s.pod.name",
    "service.version",
];

fn is_telling_key(key: &str) -> bool {
    if key.len() > 64 {
        return false;
    }
    match key.split_once('.').unwrap_or(("", key)) {
        ("http", rest) => {
            matches!(
                rest,
                "method" | "request.method" | "status_code" | "response.status_code" | "flavor"
            ) || rest.strip_prefix("response.header.").is_some_and(|header| {
                header.contains("cache") || matches!(header, "content-type" | "content_type")
            })
        }
        ("network", rest) => rest == "protocol.version",
        ("url", rest) => rest == "scheme",
        (
            "net" | "server" | "client" | "code" | "db" | "thread" | "telemetry" | "otel"
            | "process" | "rpc" | "user_agent" | "asgi" | "exception" | "error" | "peer"
            | "aggregation" | "span" | "sampling" | "internal" | "messaging",
            _,
        ) => false,
        _ => !is_identity(key),
    }
}

/// Whether a key names what differs from request to request; whom a request is for may tell much,
/// so tenants and their like are let through.
fn is_identity(key: &str) -> bool {
    const GROUPS: &[&str] =
        &["tenant", "org", "account", "workspace", "shop", "plan", "tier", "flag"];
    const IDS: &[&str] = &["id", "ids", "uuid", "guid", "token", "hash", "key", "email", "ip"];
    const ALWAYS: &[&str] = &[
        "time",
        "timestamp",
        "date",
        "at",
        "ts",
        "url",
        "uri",
        "duration",
        "password",
        "secret",
        "authorization",
        "cookie",
    ];
    let last = key.rsplit(['.', '_', '-']).next().unwrap_or_default();
    let is_one_of = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(last));
    let is_of_group = || {
        let lower = key.to_ascii_lowercase();
        GROUPS.iter().any(|group| lower.contains(group))
    };
    let is_id = is_one_of(IDS) || key.ends_with("Id") || key.ends_with("ID");
    is_one_of(ALWAYS) || is_id && !is_of_group()
}

fn told(value: &Value) -> Option<Text> {
    match value {
        Value::Text(text) => told_text(text),
        Value::Bool(bool) => Some(Text::const_new(if *bool { "true" } else { "false" })),
        // Numbers with more digits count time or name things.
        Value::Int(int) if int.unsigned_abs() < 1_000_000_000 => Some(Text::from(int.to_string())),
        Value::List(list) if list.len() == 1 => told_text(list.first()?.as_text()?),
        _ => None,
    }
}

fn told_text(text: &str) -> Option<Text> {
    let is_kept = !text.is_empty()
        && text.len() <= VALUE_BYTES_MAX
        && !text.contains("://")
        && !text.contains('@')
        && !is_identifier(text);
    is_kept.then(|| Text::from(text))
}

/// UUIDs, long numbers, long hexadecimal digits, points in time.
fn is_identifier(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let all = |test: fn(&u8) -> bool| text.bytes().all(|byte| test(&byte));
    digits >= 9 && all(u8::is_ascii_digit)
        || text.len() >= 16 && digits >= 2 && all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
        || text.len() >= 16
            && digits >= 10
            && all(|byte| {
                byte.is_ascii_digit()
                    || matches!(byte, b'-' | b':' | b'.' | b'T' | b'Z' | b' ' | b'+')
            })
}
