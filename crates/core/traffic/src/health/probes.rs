//! Active checks: a member is asked in regular intervals, and believed after some answers in a row.

/// Answers in a row before a member is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Good ones, until a member that was ill is well; at least 1.
    pub healthy: u32,
    /// Bad ones, until a member that was well is ill; at least 1.
    pub unhealthy: u32,
}

impl Default for Thresholds {
    /// As load balancers in clouds have it: slow to believe that somebody is well, quicker that they are not.
    fn default() -> Self {
        Self { healthy: 3, unhealthy: 2 }
    }
}

/// What the checks of one member have shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probes {
    thresholds: Thresholds,
    healthy: bool,
    /// Answers in a row that speak against what is believed.
    against: u32,
    /// Whether anything has been seen at all.
    asked: bool,
}

/// A member became well, or ill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is well.
    Healthy,
    /// It is ill.
    Unhealthy,
}

impl Probes {
    /// Nothing has been asked yet: the member is believed to be well, and the first answer decides alone.
    #[must_use]
    pub fn new(thresholds: Thresholds) -> Self {
        Self { thresholds, healthy: true, against: 0, asked: false }
    }

    /// It has been asked before, and this is what is believed: it takes as many answers as ever to change that.
    #[must_use]
    pub fn known(thresholds: Thresholds, healthy: bool) -> Self {
        Self { thresholds, healthy, against: 0, asked: true }
    }

    /// Whether the member is believed to be well.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.healthy
    }

    /// Takes an answer; tells if it changed what is believed.
    pub fn record(&mut self, good: bool) -> Option<Change> {
        let first = !std::mem::replace(&mut self.asked, true);
        if good == self.healthy {
            self.against = 0;
            return None;
        }
        self.against = self.against.saturating_add(1);
        let needed = if good { self.thresholds.healthy } else { self.thresholds.unhealthy }.max(1);
        if !first && self.against < needed {
            return None;
        }
        self.healthy = good;
        self.against = 0;
        Some(if good { Change::Healthy } else { Change::Unhealthy })
    }
}

/// What a good answer looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The lowest status that is good.
    pub status_from: u16,
    /// The highest status that is good.
    pub status_to: u16,
    /// What the body must contain; empty for anything.
    pub body: String,
}

impl Default for Expected {
    /// Any success, whatever it says.
    fn default() -> Self {
        Self { status_from: 200, status_to: 299, body: String::new() }
    }
}

impl Expected {
    /// Whether an answer is good.
    #[must_use]
    pub fn is_met(&self, status: u16, body: &[u8]) -> bool {
        let needle = self.body.as_bytes();
        let contained =
            needle.is_empty() || body.windows(needle.len()).any(|window| window == needle);
        (self.status_from..=self.status_to).contains(&status) && contained
    }
}
