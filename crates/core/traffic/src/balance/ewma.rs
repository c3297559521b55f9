//! How long a member takes, lately: a mean that jumps up at once and comes down slowly.
//!
//! A slow answer is believed at once, quick ones only after a while ("peak EWMA", as Finagle has it). A
//! failure counts as slow: a member that refuses everything within a millisecond is not a quick one.

use std::time::Duration;

use model::Moment;

/// A moving mean of latencies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeakEwma {
    seconds: f64,
    at: Moment,
    half_life: Duration,
}

/// What a failed request counts as, at least: nobody waits that long for a member in good health.
const FAILURE_COUNTS_AS: Duration = Duration::from_secs(1);

impl PeakEwma {
    /// Nothing is known yet; what is learnt is half forgotten after `half_life`.
    #[must_use]
    pub fn new(half_life: Duration, now: Moment) -> Self {
        Self { seconds: 0.0, at: now, half_life: half_life.max(Duration::from_millis(1)) }
    }

    /// Learns how long a request took, and whether it failed.
    pub fn record(&mut self, took: Duration, failed: bool, now: Moment) {
        let took = if failed { took.max(FAILURE_COUNTS_AS) } else { took }.as_secs_f64();
        let known = self.seconds;
        let old = self.remains(now);
        self.seconds = if known < took { took } else { known * old + took * (1.0 - old) };
        self.at = self.at.max(now);
    }

    /// How long a request takes. Fades while nothing is learnt, so that a member which once was slow is
    /// tried again.
    #[must_use]
    pub fn latency(&self, now: Moment) -> Duration {
        Duration::try_from_secs_f64(self.seconds * self.remains(now)).unwrap_or(Duration::MAX)
    }

    /// The share of what was known that still counts.
    fn remains(&self, now: Moment) -> f64 {
        let halves = now.since(self.at).as_secs_f64() / self.half_life.as_secs_f64();
        (-halves).exp2()
    }
}
