//! Which requests are for whom: paths, methods, content types and encodings.

use http::{HeaderMap, Method, header, request::Parts};

use crate::{
    fault::{Fault, Kind},
    inflate::{Encoding, brief},
    intake::{Framing, Shape},
    wire::Format,
};

/// The path of OTLP/HTTP.
const TRACES: &str = "/v1/traces";

/// The path of the unary gRPC method.
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// How a sender wants to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// As gRPC, in trailers.
    Grpc,
    /// In the body, as the request was written.
    Http(Format),
    /// It does not speak OTLP: in words.
    Text,
}

impl Dialect {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        match media_type(headers).as_str() {
            "application/grpc" | "application/grpc+proto" => Self::Grpc,
            "application/x-protobuf" | "application/protobuf" => Self::Http(Format::Protobuf),
            "application/json" => Self::Http(Format::Json),
            _ => Self::Text,
        }
    }
}

/// How the body of this request is to be read, or why it is not.
pub(crate) fn shape(parts: &Parts, dialect: Dialect) -> Result<Shape, Fault> {
    match dialect {
        Dialect::Grpc => grpc_shape(parts),
        Dialect::Http(format) => {
            http_path(parts)?;
            let encoding = Encoding::read(text(&parts.headers, header::CONTENT_ENCODING.as_str()))?;
            Ok(Shape { framing: Framing::Bare, encoding, format })
        }
        Dialect::Text => {
            http_path(parts)?;
            let found = media_type(&parts.headers);
            let found =
                if found.is_empty() { "none".to_owned() } else { format!("`{}`", brief(&found)) };
            Err(Fault::new(
                Kind::WrongType,
                format!(
                    "the content type is {found}; traces are received as \
                     `application/x-protobuf` or `application/json`"
                ),
            ))
        }
    }
}

fn grpc_shape(parts: &Parts) -> Result<Shape, Fault> {
    let path = parts.uri.path();
    if path != EXPORT {
        let message = match other_signal(path) {
            Some(signal) => not_yet(signal),
            None => format!("unknown gRPC method `{}`; known is `{EXPORT}`", brief(path)),
        };
        return Err(Fault::new(Kind::NotFound, message));
    }
    if parts.version != http::Version::HTTP_2 || parts.method != Method::POST {
        return Err(Fault::new(Kind::WrongMethod, "gRPC needs POST over HTTP/2"));
    }
    let encoding = Encoding::read(text(&parts.headers, "grpc-encoding"))?;
    Ok(Shape { framing: Framing::Grpc, encoding, format: Format::Protobuf })
}

fn http_path(parts: &Parts) -> Result<(), Fault> {
    let path = parts.uri.path();
    if path == TRACES {
        return if parts.method == Method::POST {
            Ok(())
        } else {
            let message = format!("`{TRACES}` takes POST, not {}", brief(parts.method.as_str()));
            Err(Fault::new(Kind::WrongMethod, message))
        };
    }
    let message = match other_signal(path) {
        Some(signal) => not_yet(signal),
        None => format!(
            "nothing is received at `{}`; OTLP traces go to `{TRACES}`: set \
             OTEL_EXPORTER_OTLP_ENDPOINT without a path, or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT \
             with `{TRACES}`",
            brief(path)
        ),
    };
    Err(Fault::new(Kind::NotFound, message))
}

/// The signal that OTLP sends to this path, if it is one that is not received.
fn other_signal(path: &str) -> Option<&'static str> {
    const SIGNALS: [(&str, &str, &str); 3] = [
        ("metrics", "/v1/metrics", "/opentelemetry.proto.collector.metrics."),
        ("logs", "/v1/logs", "/opentelemetry.proto.collector.logs."),
        ("profiles", "/v1development/profiles", "/opentelemetry.proto.collector.profiles."),
    ];
    SIGNALS
        .into_iter()
        .find(|(_, http, grpc)| path == *http || path.starts_with(grpc))
        .map(|(signal, ..)| signal)
}

fn not_yet(signal: &str) -> String {
    let variable = signal.to_uppercase();
    format!(
        "{signal} are not received yet, only traces are; \
         `OTEL_{variable}_EXPORTER=none` stops sending them"
    )
}

/// The content type without its parameters, in lower case.
fn media_type(headers: &HeaderMap) -> String {
    let whole = text(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let (media_type, _) = whole.split_once(';').unwrap_or((whole, ""));
    media_type.trim().to_ascii_lowercase()
}

/// A header's text; one that is not text reads as one that nobody knows.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}
