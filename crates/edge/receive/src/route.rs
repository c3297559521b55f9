//! Which requests are for whom: paths, methods, content types and encodings.

use http::{HeaderMap, Method, header, request::Parts};

use crate::{
    fault::{Fault, Kind},
    inflate::{Encoding, brief},
    intake::{Framing, Shape},
    signal::Signal,
    sink::Sink,
    wire::Format,
};

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
pub(crate) fn shape(parts: &Parts, dialect: Dialect, sink: &dyn Sink) -> Result<Shape, Fault> {
    match dialect {
        Dialect::Grpc => grpc_shape(parts, sink),
        Dialect::Http(format) => {
            let signal = http_path(parts, sink)?;
            let encoding = Encoding::read(text(&parts.headers, header::CONTENT_ENCODING.as_str()))?;
            Ok(Shape { signal, framing: Framing::Bare, encoding, format })
        }
        Dialect::Text => {
            let signal = http_path(parts, sink)?;
            let found = media_type(&parts.headers);
            let found =
                if found.is_empty() { "none".to_owned() } else { format!("`{}`", brief(&found)) };
            Err(Fault::new(
                Kind::WrongType,
                format!(
                    "the content type is {found}; {} are received as \
                     `application/x-protobuf` or `application/json`",
                    signal.name()
                ),
            ))
        }
    }
}

fn grpc_shape(parts: &Parts, sink: &dyn Sink) -> Result<Shape, Fault> {
    let path = parts.uri.path();
    let Some(signal) = kept(sink).find(|signal| path == signal.grpc()) else {
        let message = if let Some(signal) = other_signal(path) {
            not_yet(signal, sink)
        } else {
            let known: Vec<_> = kept(sink).map(|it| format!("`{}`", it.grpc())).collect();
            format!("unknown gRPC method `{}`; known is {}", brief(path), known.join(", "))
        };
        return Err(Fault::new(Kind::NotFound, message));
    };
    if parts.version != http::Version::HTTP_2 || parts.method != Method::POST {
        return Err(Fault::new(Kind::WrongMethod, "gRPC needs POST over HTTP/2"));
    }
    let encoding = Encoding::read(text(&parts.headers, "grpc-encoding"))?;
    Ok(Shape { signal, framing: Framing::Grpc, encoding, format: Format::Protobuf })
}

fn kept(sink: &dyn Sink) -> impl Iterator<Item = Signal> {
    Signal::ALL.into_iter().filter(|signal| signal.is_kept_by(sink))
}

fn http_path(parts: &Parts, sink: &dyn Sink) -> Result<Signal, Fault> {
    const TRACES: &str = "/v1/traces";
    let path = parts.uri.path();
    if let Some(signal) = kept(sink).find(|signal| path == signal.http()) {
        return if parts.method == Method::POST {
            Ok(signal)
        } else {
            let message = format!("`{path}` takes POST, not {}", brief(parts.method.as_str()));
            Err(Fault::new(Kind::WrongMethod, message))
        };
    }
    let message = match other_signal(path) {
        Some(signal) => not_yet(signal, sink),
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

fn not_yet(signal: &str, sink: &dyn Sink) -> String {
    let variable = signal.to_uppercase();
    let kept: Vec<&str> = kept(sink).map(Signal::name).collect();
    let kept = kept.join(" and ");
    format!(
        "{signal} are not received yet, only {kept} are; \
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
