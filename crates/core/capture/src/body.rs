//! What a body is, by its content type: what can be looked into, and how.

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// JSON, or a type that ends in `+json`.
    Json,
    /// A JSON text a line.
    JsonLines,
    /// `a=1&b=2`.
    Form,
    /// Any other text.
    Text,
    /// What cannot be looked into.
    Opaque,
}

/// How a body of this content type is written; without a type, by how it begins.
#[must_use]
pub fn shape_of(content_type: Option<&str>, body: &[u8]) -> Shape {
    let Some(written) = content_type else { return sniffed(body) };
    let kind = written.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "" => sniffed(body),
        "application/x-www-form-urlencoded" => Shape::Form,
        "application/x-ndjson" | "application/jsonl" | "application/json-seq" => Shape::JsonLines,
        "application/xml"
        | "application/javascript"
        | "application/graphql"
        | "application/yaml"
        | "image/svg+xml" => Shape::Text,
        kind if kind == "application/json" || kind.ends_with("+json") || kind == "text/json" => {
            Shape::Json
        }
        kind if kind.starts_with("text/") || kind.ends_with("+xml") => Shape::Text,
        _ => Shape::Opaque,
    }
}

fn sniffed(body: &[u8]) -> Shape {
    match body.trim_ascii_start().first() {
        None => Shape::Text,
        Some(b'{' | b'[') => Shape::Json,
        Some(_) => Shape::Opaque,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_told_by_its_type_or_by_how_it_begins() {
        let of = |kind| shape_of(Some(kind), b"");
        assert_eq!(of("application/json; charset=utf-8"), Shape::Json);
        assert_eq!(of("application/problem+json"), Shape::Json);
        assert_eq!(of("text/html"), Shape::Text);
        assert_eq!(of("application/x-www-form-urlencoded"), Shape::Form);
        assert_eq!(of("multipart/form-data; boundary=x"), Shape::Opaque);
        assert_eq!(of("image/png"), Shape::Opaque);
        assert_eq!(shape_of(None, b" {\"a\": 1}"), Shape::Json);
        assert_eq!(shape_of(None, b"\x89PNG"), Shape::Opaque);
    }
}
