//! Latency sketches, quantiles, intervals and modes.

mod sketch;

pub use sketch::Sketch;
