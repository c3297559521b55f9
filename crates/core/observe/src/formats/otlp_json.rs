//! OTLP JSON.

use super::Format;
use crate::{otlp::decode_json, reading::keys};

pub(super) static FORMAT: Format = Format {
    name: "otlp-json",
    title: "OTLP JSON",
    doc: "What the collector's file exporter writes, one request per line; what SDKs send with \
          `http/json`; what Jaeger's API v3 and Tempo's `/api/v2/traces` answer.",
    sniff,
    read: decode_json,
};

fn sniff(bytes: &[u8]) -> bool {
    let has = |depth, name| keys::has(bytes, depth, name);
    // Jaeger's API wraps the request in `result`.
    has(1, "resourceSpans")
        || has(1, "resource_spans")
        || has(1, "result") && has(2, "resourceSpans")
}
