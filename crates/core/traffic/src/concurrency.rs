//! How many requests a service is given at once, found out by how long it takes to answer.
//!
//! While answers come as quickly as they ever do, more are let in; when they take longer, a queue has
//! formed somewhere and fewer are. The limit moves by the ratio of the shortest latency to the latest
//! ("gradient"), with room for a short queue; a failure takes a tenth off at once. Now and then half as
//! many are let in for a moment, to see how long it takes when nothing queues.

use std::time::Duration;

/// Bounds of the limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConcurrencySettings {
    /// Never below this.
    pub min: u32,
    /// Never above this.
    pub max: u32,
    /// Where it starts.
    pub start: u32,
    /// How much longer than at best answers may take before fewer are let in: 1.5 is half as long again.
    pub tolerance: f64,
}

impl Default for ConcurrencySettings {
    /// From a handful to what a process with a few thousand sockets bears.
    fn default() -> Self {
        Self { min: 4, max: 2_000, start: 20, tolerance: 1.5 }
    }
}

/// Who gives way first when there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Priority {
    /// Refused first: takes at most two thirds of the room.
    Low,
    /// As most requests are: takes at most nine tenths.
    #[default]
    Normal,
    /// Refused last.
    High,
}

impl Priority {
    fn share(self) -> f64 {
        match self {
            Self::Low => 0.67,
            Self::Normal => 0.9,
            Self::High => 1.0,
        }
    }
}

/// A limit that adapts.
#[derive(Debug, Clone, Copy)]
pub struct Concurrency {
    settings: ConcurrencySettings,
    limit: f64,
    /// The shortest latency of this round and of the last, in seconds; infinite before anything was seen.
    shortest: f64,
    shortest_of_last: f64,
    /// Answers of this round.
    answers: u32,
}

/// Answers of a round. What is usual is what was shortest within one or two of them.
const ROUND: u32 = 1_000;

/// Answers at the end of a round during which half as many are let in: while a queue stands, nobody can tell
/// how long it takes without one.
const DIP: u32 = ROUND / 10;

/// How far one round trip of as many requests as are let in moves the limit.
const STEP: f64 = 0.2;

impl Concurrency {
    /// At the start.
    #[must_use]
    pub fn new(settings: ConcurrencySettings) -> Self {
        let unknown = f64::INFINITY;
        let limit = f64::from(settings.start);
        Self { settings, limit, shortest: unknown, shortest_of_last: unknown, answers: 0 }
    }

    /// Requests at once.
    #[must_use]
    pub fn limit(&self) -> f64 {
        if self.is_dipping() {
            (self.limit / 2.0).max(f64::from(self.settings.min))
        } else {
            self.limit
        }
    }

    /// Whether one more is let in beside those in flight. Two thirds and nine tenths are rounded up, so
    /// that even the least limit lets something of everything in.
    #[must_use]
    pub fn admits(&self, in_flight: u32, priority: Priority) -> bool {
        f64::from(in_flight) < (self.limit() * priority.share()).ceil()
    }

    /// Takes how long an answer took, and how many were in flight when its request was sent, itself included.
    pub fn record(&mut self, took: Duration, in_flight: u32, failed: bool) {
        let (min, max) = (f64::from(self.settings.min.max(1)), f64::from(self.settings.max.max(1)));
        let bounded = |limit: f64| limit.clamp(min, max.max(min));
        if failed {
            self.limit = bounded(self.limit * 0.9);
            return;
        }
        let took = took.as_secs_f64().max(1e-6);
        let dipped = self.is_dipping();
        self.learn(took);
        // Who uses less than half of the room says nothing about more of it.
        if dipped || f64::from(in_flight) < self.limit / 2.0 {
            return;
        }
        let usual = self.shortest.min(self.shortest_of_last);
        let gradient = (self.settings.tolerance * usual / took).clamp(0.5, 1.0);
        let wanted = self.limit * gradient + self.limit.sqrt();
        // A full round of answers makes one step: `limit` of them come in the time of one.
        let step = STEP / self.limit.max(1.0);
        self.limit = bounded(self.limit + (wanted - self.limit) * step);
    }

    fn is_dipping(&self) -> bool {
        ROUND - DIP <= self.answers
    }

    fn learn(&mut self, took: f64) {
        self.shortest = self.shortest.min(took);
        self.answers += 1;
        if self.answers == ROUND {
            self.answers = 0;
            self.shortest_of_last = self.shortest;
            self.shortest = f64::INFINITY;
        }
    }
}
