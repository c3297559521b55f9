//! OTLP, the protocol of OpenTelemetry: protobuf and JSON, both ways.
//!
//! Messages: <https://github.com/open-telemetry/opentelemetry-proto>, `trace/v1/trace.proto`. All of them is
//! kept except `Resource.entity_refs`, which is in development and repeats attributes.

mod cursor;
mod decode;
mod encode;
mod json;
mod json_encode;

pub use cursor::{DecodeError, DecodeErrorKind};
pub use decode::decode;
pub use encode::encode;
pub use json::decode_json;
pub(crate) use json::refusal;
pub use json_encode::encode_json;
