//! Says what an input looks like that is of no known format, and what to do about it.

use super::{ReadError, keys};

/// One thing that users hand in by mistake.
struct Look {
    looks_like: &'static str,
    hint: &'static str,
    matches: fn(&[u8]) -> bool,
}

/// The first one that matches counts.
const LOOKS: &[Look] = &[
    Look {
        looks_like: "an HTML page",
        hint: "fetch the trace from the API instead of saving the page: Jaeger has `/api/traces/ID`, \
               Zipkin `/api/v2/trace/ID`",
        matches: |bytes| starts_with_word(bytes, b"<!doctype") || starts_with_word(bytes, b"<html"),
    },
    Look {
        looks_like: "XML",
        hint: "export the spans as OTLP JSON instead",
        matches: |bytes| starts_with_word(bytes, b"<"),
    },
    Look {
        looks_like: "OTLP metrics or logs",
        hint: "export traces: what Taut finds, it finds in spans",
        matches: |bytes| {
            keys::has(bytes, 1, "resourceMetrics") || keys::has(bytes, 1, "resourceLogs")
        },
    },
    Look {
        looks_like: "a speedscope profile",
        hint: "export traces: profiles are not read yet",
        matches: |bytes| keys::has(bytes, 1, "profiles") && keys::has(bytes, 2, "frames"),
    },
    Look {
        looks_like: "a trace of Chrome",
        hint: "export spans with OpenTelemetry instead",
        matches: |bytes| keys::has(bytes, 1, "traceEvents"),
    },
    Look {
        looks_like: "JSON without spans",
        hint: "export the spans as OTLP JSON, as Jaeger JSON or as Zipkin v2 JSON",
        matches: |bytes| keys::is_json(bytes) && std::str::from_utf8(head(bytes)).is_ok(),
    },
    Look {
        looks_like: "a pprof profile",
        hint: "export traces: profiles are not read yet",
        matches: |bytes| matches!(bytes, [0x0a, 1..=12, 0x08, _, 0x10, ..]),
    },
    Look {
        looks_like: "a zip archive",
        hint: "unpack it first",
        matches: |bytes| bytes.starts_with(b"PK"),
    },
    Look {
        looks_like: "a tar archive",
        hint: "unpack it first",
        matches: |bytes| bytes.get(257..262) == Some(b"ustar"),
    },
    Look {
        looks_like: "compressed with bzip2, xz or lz4",
        hint: "decompress it first, or use gzip or zstd, which are read as they are",
        matches: |bytes| {
            bytes.starts_with(b"BZh")
                || bytes.starts_with(b"\xfd7zXZ")
                || bytes.starts_with(b"\x04\x22\x4d\x18")
        },
    },
    Look {
        looks_like: "a Parquet file",
        hint: "export the spans as OTLP JSON instead",
        matches: |bytes| bytes.starts_with(b"PAR1"),
    },
    Look {
        looks_like: "text in UTF-16",
        hint: "convert it to UTF-8",
        matches: |bytes| bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff"),
    },
    Look {
        looks_like: "plain text",
        hint: "export the spans as OTLP JSON, as Jaeger JSON or as Zipkin v2 JSON",
        matches: is_text,
    },
];

/// The error for an input that no format knows.
pub(super) fn like(bytes: &[u8]) -> ReadError {
    let look = LOOKS.iter().find(|look| (look.matches)(bytes));
    look.map_or(
        ReadError::Unknown {
            looks_like: "binary data",
            hint: "export the spans as OTLP JSON or OTLP protobuf",
        },
        |look| ReadError::Unknown { looks_like: look.looks_like, hint: look.hint },
    )
}

/// Whether the beginning is text.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    let head = head(bytes);
    let control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    !head.iter().any(control)
        // The last character may be cut.
        && std::str::from_utf8(head).map_or_else(|error| head.len() - error.valid_up_to() < 4, |_| true)
}

fn head(bytes: &[u8]) -> &[u8] {
    bytes.get(..1024).unwrap_or(bytes)
}

fn starts_with_word(bytes: &[u8], word: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}
