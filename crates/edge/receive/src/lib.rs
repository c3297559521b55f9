//! Receivers of telemetry: OTLP over HTTP and gRPC, as the OTLP specification 1.x has them.
//!
//! One service answers on both ports, so that an exporter pointed at the wrong one of the two still
//! gets through: `POST /v1/traces` (protobuf or JSON) and the unary `TraceService/Export`, and alike for
//! logs and metrics if the sink keeps them. gRPC is spoken directly on hyper's HTTP/2: a unary method
//! needs a five-byte frame and three trailers, and this way every bound (bytes, requests, time) is the same code for both.
//!
//! A request is acknowledged only after [`Sink::accept`] has returned, never before.

mod answer;
mod body;
mod connection;
mod counters;
mod fault;
mod inflate;
mod intake;
mod options;
mod route;
mod serve;
mod signal;
mod sink;
mod tail;
mod wire;

pub use counters::{Answered, Counters, ItemTotals, Totals};
pub use options::Options;
pub use serve::{BindError, Running, Stopped, serve};
pub use sink::{Keeper, Received, ReceivedItems, Refusal, Sink};
pub use tail::{Tail, Tailed};
