//! OTLP, the protocol of OpenTelemetry: protobuf and JSON, both ways.
//!
//! Messages: <https://github.com/open-telemetry/opentelemetry-proto>, `trace/v1/trace.proto` and its siblings for logs and metrics. All of them is
//! kept, in protobuf also what a later version may add: see `unknown`.

mod cursor;
mod decode;
mod encode;
mod json;
mod json_encode;
mod json_parts;
mod logs;
mod logs_encode;
mod logs_json;
mod logs_json_encode;
mod metrics;
mod metrics_encode;
mod metrics_json;
mod metrics_json_encode;
mod parts;
mod unknown;
mod view;

pub(crate) use cursor::{Cursor, Field};
pub use cursor::{DecodeError, DecodeErrorKind};
pub use decode::decode;
pub use encode::encode;
pub use json::decode_json;
pub(crate) use json::refusal;
pub use json_encode::encode_json;
pub use logs::decode_logs;
pub use logs_encode::encode_logs;
pub use logs_json::decode_logs_json;
pub use logs_json_encode::encode_logs_json;
pub use metrics::decode_metrics;
pub use metrics_encode::encode_metrics;
pub use metrics_json::decode_metrics_json;
pub use metrics_json_encode::encode_metrics_json;
pub use unknown::{UNKNOWN_FIELDS, UNKNOWN_FIELDS_AROUND};
pub use view::view;
