//! `OpenAPI` 3: what can be asked, as requests to begin with. Parameters have their example, default or first choice, or else something
//! of their type.

use model::{BodySeen, Exchange, RequestSeen};
use serde_json::{Map, Value};

/// Why something is no description of an API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenApiError {
    /// Not JSON.
    #[error("it is no JSON: {0}")]
    Json(String),
    /// Without paths.
    #[error("it has no `openapi` and `paths`, which every description of an API by OpenAPI 3 has")]
    NoPaths,
}

/// Operations at most.
const OPERATIONS_MAX: usize = 2_000;
/// References to other parts of the document, one within another.
const DEPTH_MAX: usize = 8;

/// One request for each operation: those that read, and with `writes` all. In the order of the paths.
///
/// # Errors
///
/// It is no description of an API.
pub fn openapi(bytes: &[u8], writes: bool) -> Result<Vec<Exchange>, OpenApiError> {
    let document: Value =
        serde_json::from_slice(bytes).map_err(|error| OpenApiError::Json(error.to_string()))?;
    let paths = document
        .get("paths")
        .and_then(Value::as_object)
        .filter(|_| document.get("openapi").is_some());
    let paths = paths.ok_or(OpenApiError::NoPaths)?;
    let base = base(&document);
    let mut exchanges = Vec::new();
    for (path, item) in paths {
        let methods: &[&str] =
            if writes { &["get", "post", "put", "patch", "delete"] } else { &["get"] };
        for method in methods {
            let Some(operation) = item.get(method) else { continue };
            let shared = item.get("parameters").and_then(Value::as_array);
            let own = operation.get("parameters").and_then(Value::as_array);
            let parameters: Vec<&Value> = own.into_iter().chain(shared).flatten().collect();
            exchanges.push(Exchange {
                route: format!("{} {path}", method.to_ascii_uppercase()),
                request: request(
                    &document,
                    (method, &format!("{base}{path}")),
                    operation,
                    &parameters,
                ),
                ..Exchange::default()
            });
        }
    }
    exchanges.truncate(OPERATIONS_MAX);
    Ok(exchanges)
}

/// The path below which the API lies, by its first server.
fn base(document: &Value) -> String {
    let url = document.pointer("/servers/0/url").and_then(Value::as_str).unwrap_or_default();
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|place| rest.get(place..)).unwrap_or_default(),
        None => url,
    };
    if path.contains('{') { String::new() } else { path.trim_end_matches('/').to_owned() }
}

fn request(
    document: &Value,
    (method, path): (&str, &str),
    operation: &Value,
    parameters: &[&Value],
) -> RequestSeen {
    let (mut path, mut query, mut headers) = (path.to_owned(), Vec::new(), Vec::new());
    for parameter in parameters {
        let parameter = resolved(document, parameter);
        let text = |key: &str| parameter.get(key).and_then(Value::as_str).unwrap_or_default();
        let (name, place) = (text("name"), text("in"));
        let value = || plain(&sample(document, parameter, 0));
        let is_required = parameter.get("required").and_then(Value::as_bool).unwrap_or_default();
        match place {
            "path" => path = path.replace(&format!("{{{name}}}"), &escape(&value())),
            "query" if is_required => query.push(format!("{}={}", escape(name), escape(&value()))),
            "header" if is_required => headers.push((name.to_ascii_lowercase(), value())),
            _ => {}
        }
    }
    let content = operation.get("requestBody").map(|body| resolved(document, body));
    let json = content.and_then(|content| content.get("content")?.get("application/json"));
    let mut body = BodySeen::default();
    if let Some(json) = json {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        body = BodySeen::whole(sample(document, json, 0).to_string().into_bytes());
    }
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    RequestSeen {
        method: method.to_ascii_uppercase(),
        target: format!("{path}{query}"),
        headers,
        body,
    }
}

/// What a `$ref` within the document stands for.
fn resolved<'a>(document: &'a Value, mut value: &'a Value) -> &'a Value {
    for _ in 0..DEPTH_MAX {
        let found = || document.pointer(value.get("$ref")?.as_str()?.strip_prefix('#')?);
        let Some(found) = found() else { break };
        value = found;
    }
    value
}

/// A value for a parameter, a body or a schema.
fn sample(document: &Value, of: &Value, depth: usize) -> Value {
    let of = resolved(document, of);
    let first = |key: &str| of.get(key)?.as_array()?.first().cloned();
    let named = || of.get("examples")?.as_object()?.values().next()?.get("value").cloned();
    let given = of.get("example").cloned().or_else(named).or_else(|| of.get("default").cloned());
    if let Some(given) = given.or_else(|| first("enum")).or_else(|| first("examples")) {
        return given;
    }
    if DEPTH_MAX <= depth {
        return Value::Null;
    }
    if let Some(schema) = of.get("schema") {
        return sample(document, schema, depth + 1);
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(one) = first(key) {
            return sample(document, &one, depth + 1);
        }
    }
    if let Some(parts) = of.get("allOf").and_then(Value::as_array) {
        return all_of(document, of, parts, depth + 1);
    }
    let kind = || {
        let kind = of.get("type")?;
        kind.as_str().or_else(|| kind.get(0)?.as_str())
    };
    match kind() {
        Some("integer" | "number") => of.get("minimum").cloned().unwrap_or_else(|| Value::from(1)),
        Some("boolean") => Value::from(true),
        Some("array") => {
            let items = of.get("items").map(|items| sample(document, items, depth + 1));
            Value::Array(items.into_iter().collect())
        }
        Some("object") => {
            let properties = of.get("properties").and_then(Value::as_object);
            let pairs = properties.into_iter().flatten();
            Value::Object(
                pairs
                    .map(|(key, schema)| (key.clone(), sample(document, schema, depth + 1)))
                    .collect::<Map<_, _>>(),
            )
        }
        Some("string") => Value::from(match of.get("format").and_then(Value::as_str) {
            Some("date") => "2026-01-01",
            Some("date-time") => "2026-01-01T00:00:00Z",
            Some("uuid") => "00000000-0000-4000-8000-000000000001",
            Some("email") => "someone@mail.example",
            _ => "text",
        }),
        _ => Value::from("1"),
    }
}

/// What is of all these kinds at once: the properties of each together with its own; where they are no objects, the first.
fn all_of(document: &Value, of: &Value, parts: &[Value], depth: usize) -> Value {
    let mut merged = Map::new();
    let own = of.get("properties").map(|_| {
        let mut own = of.clone();
        if let Some(own) = own.as_object_mut() {
            own.remove("allOf");
            own.insert("type".to_owned(), Value::from("object"));
        }
        own
    });
    for part in parts.iter().chain(&own) {
        match sample(document, part, depth) {
            Value::Object(properties) => merged.extend(properties),
            other if merged.is_empty() => return other,
            _ => {}
        }
    }
    Value::Object(merged)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const API: &str = r##"{"openapi": "3.1.0", "servers": [{"url": "https://shop.example/v1/"}],
        "components": {"parameters": {"id": {"name": "id", "in": "path", "schema": {"type": "integer", "minimum": 7}}}},
        "paths": {"/orders/{id}": {"parameters": [{"$ref": "#/components/parameters/id"}],
            "get": {"parameters": [{"name": "as", "in": "query", "required": true, "schema": {"enum": ["a b"]}}, {"name": "x", "in": "query"}]},
            "post": {"requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}}}}}}}"##;

    #[test]
    fn each_operation_is_a_request() {
        let told = |writes| -> Vec<String> {
            let all = openapi(API.as_bytes(), writes).unwrap();
            all.iter()
                .map(|one| {
                    format!(
                        "{} {} {}",
                        one.request.method,
                        one.request.target,
                        String::from_utf8_lossy(&one.request.body.bytes)
                    )
                })
                .collect()
        };
        assert_eq!(told(false), ["GET /v1/orders/7?as=a%20b "]);
        assert_eq!(told(true)[1], "POST /v1/orders/7 {\"n\":1}");
        assert_eq!(openapi(b"{}", false), Err(OpenApiError::NoPaths));
        assert!(matches!(openapi(b"openapi: 3.0.0", false), Err(OpenApiError::Json(_))));
    }

    #[test]
    fn what_is_of_several_kinds_has_the_properties_of_all() {
        let api = r##"{"openapi": "3.1.0", "components": {"schemas": {"Base": {"type": "object", "properties": {"id": {"type": "integer"}}}}},
            "paths": {"/": {"post": {"requestBody": {"content": {"application/json": {"schema": {
                "allOf": [{"$ref": "#/components/schemas/Base"}, {"type": "object", "properties": {"name": {"type": "string"}}}],
                "properties": {"paid": {"type": "boolean"}}}}}}}}}}"##;
        let all = openapi(api.as_bytes(), true).unwrap();
        let body: Value = serde_json::from_slice(&all[0].request.body.bytes).unwrap();
        assert_eq!(body, serde_json::json!({"id": 1, "name": "text", "paid": true}));
    }

    #[test]
    fn a_reference_to_itself_ends() {
        let circle = r##"{"openapi": "3.0.0", "paths": {"/": {"get": {"parameters": [
            {"name": "q", "in": "query", "required": true, "schema": {"$ref": "#/a"}}]}}},
            "a": {"type": "object", "properties": {"b": {"$ref": "#/a"}}}}"##;
        assert_eq!(openapi(circle.as_bytes(), false).unwrap().len(), 1);
    }
}
