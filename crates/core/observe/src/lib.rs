//! Stage 1, observe: bytes to spans, spans to traces.

pub mod otlp;
mod reading;

pub use reading::{Decoded, Place, Problem};
