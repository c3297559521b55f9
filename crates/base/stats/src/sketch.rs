//! A mergeable latency sketch.

/// Durations in nanoseconds, summarised.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sketch {}
