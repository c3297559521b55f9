//! Hedged reads: while one member has not answered for longer than nearly all do, a second one is asked, and the first
//! answer counts (Dean, Barroso: "The tail at scale", CACM 56(2), 2013).
//!
//! What it costs is bounded twice: by when (after the 95th percentile one read in twenty is asked twice), and by the
//! budget that retries have as well.

use std::time::Duration;

use http::Method;

/// When a second member is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HedgeRule {
    /// After what 95 of 100 answers took, lately.
    Percentile,
    /// After so long.
    After(Duration),
}

/// Whether a request may be with two members at once: it changes nothing, and has no body.
#[must_use]
pub fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// How long answers take, lately: the last [`KEPT`] of them.
#[derive(Debug, Clone)]
pub struct Hedge {
    rule: HedgeRule,
    micros: Vec<u32>,
    next: usize,
    since: usize,
    after: Option<Duration>,
}

/// Answers that are remembered: enough for a 95th percentile that does not jump about, and forgotten within a second
/// of traffic.
pub const KEPT: usize = 256;

/// Answers that it takes before the percentile is believed.
pub const NEEDED: usize = 20;

/// Answers after which the percentile is looked up again.
const REFRESH: usize = 16;

/// The shortest time before a second member is asked: below it the second answer would not come sooner.
pub const AFTER_MIN: Duration = Duration::from_millis(1);

impl Hedge {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(rule: HedgeRule) -> Self {
        Self { rule, micros: Vec::new(), next: 0, since: 0, after: None }
    }

    /// What it was told.
    #[must_use]
    pub fn rule(&self) -> HedgeRule {
        self.rule
    }

    /// After how long a second member is asked; `None` while too little is known.
    #[must_use]
    pub fn after(&self) -> Option<Duration> {
        match self.rule {
            HedgeRule::After(time) => Some(time),
            HedgeRule::Percentile => self.after,
        }
    }

    /// Learns how long an answer took, from when it was first asked for.
    pub fn record(&mut self, took: Duration) {
        if self.rule != HedgeRule::Percentile {
            return;
        }
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        match self.micros.get_mut(self.next) {
            Some(place) => *place = micros,
            None => self.micros.push(micros),
        }
        self.next = (self.next + 1) % KEPT;
        self.since += 1;
        if NEEDED <= self.micros.len() && (self.after.is_none() || REFRESH <= self.since) {
            self.since = 0;
            let mut sorted = self.micros.clone();
            let place = (sorted.len() * 95).div_ceil(100).saturating_sub(1);
            let (_, found, _) = sorted.select_nth_unstable(place);
            self.after = Some(Duration::from_micros(u64::from(*found)).max(AFTER_MIN));
        }
    }
}
