//! Circuit breaker: stops asking a service that fails, and finds out carefully whether it is back.
//!
//! Closed, everything passes and is counted. Open, nothing passes for a while. Half open, a few probes
//! pass: when all are good it closes, with the first bad one it opens again, for twice as long.

use std::time::Duration;

use model::Moment;

/// When to stop asking.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerSettings {
    /// Failures in a row that open it; 0 for never.
    pub consecutive: u32,
    /// The share of failures that opens it; above 1 for never.
    pub failures_share: f64,
    /// Requests below which a share says nothing.
    pub requests_min: u32,
    /// The stretch of time over which the share is taken.
    pub window: Duration,
    /// How long it stays open the first time.
    pub open_for: Duration,
    /// The longest it stays open.
    pub open_for_max: Duration,
    /// Good probes that close it; at least 1.
    pub probes: u32,
}

impl Default for BreakerSettings {
    /// Half of at least 20 requests within ten seconds, or none but failures.
    fn default() -> Self {
        Self {
            consecutive: 0,
            failures_share: 0.5,
            requests_min: 20,
            window: Duration::from_secs(10),
            open_for: Duration::from_secs(5),
            open_for_max: Duration::from_mins(1),
            probes: 3,
        }
    }
}

/// Whether a request passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It does. Tell how it ended, with this pass, or that this says nothing.
    Passed(Pass),
    /// It does not; after so long one may.
    Refused(Duration),
}

/// A request that passed. Ends of requests from before the breaker last changed count for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    era: u64,
}

/// A breaker.
#[derive(Debug, Clone)]
pub struct Breaker {
    settings: BreakerSettings,
    state: State,
    /// When it last changed; `None` as long as it never has.
    since: Option<Moment>,
    era: u64,
    /// Opened in a row without having closed.
    openings: u32,
}

#[derive(Debug, Clone)]
enum State {
    Closed { row: u32, slices: [Slice; SLICES] },
    Open { until: Moment },
    HalfOpen { let_through: u32, good: u32, since: Moment },
}

/// Slices of the window: it moves on by an eighth at a time.
const SLICES: usize = 8;

#[derive(Debug, Clone, Copy, Default)]
struct Slice {
    number: u64,
    good: u32,
    bad: u32,
}

impl Breaker {
    /// Closed, and nothing was counted.
    #[must_use]
    pub fn new(settings: BreakerSettings) -> Self {
        let state = State::Closed { row: 0, slices: [Slice::default(); SLICES] };
        Self { settings, state, since: None, era: 0, openings: 0 }
    }

    /// Whether a request passes.
    pub fn admit(&mut self, now: Moment) -> Admission {
        if let State::Open { until } = self.state {
            if now < until {
                return Admission::Refused(until.since(now));
            }
            self.enter(State::HalfOpen { let_through: 0, good: 0, since: now }, now);
        }
        let (probes, open_for) = (self.settings.probes.max(1), self.settings.open_for);
        if let State::HalfOpen { let_through, since, .. } = &mut self.state {
            if probes <= *let_through {
                // Probes that never end do not keep it shut for ever.
                let waited = now.since(*since);
                if waited < open_for {
                    return Admission::Refused(open_for.saturating_sub(waited));
                }
                (*let_through, *since) = (0, now);
            }
            *let_through += 1;
        }
        Admission::Passed(Pass { era: self.era })
    }

    /// Takes how a request ended that had passed.
    pub fn record(&mut self, pass: Pass, good: bool, now: Moment) {
        if pass.era != self.era {
            return;
        }
        let settings = self.settings;
        match &mut self.state {
            State::Closed { row, slices } => {
                *row = if good { 0 } else { row.saturating_add(1) };
                let in_a_row = settings.consecutive > 0 && settings.consecutive <= *row;
                let too_many = count(slices, &settings, good, now);
                if in_a_row || too_many {
                    self.open(now);
                }
            }
            State::HalfOpen { good: seen, .. } if good => {
                *seen += 1;
                if settings.probes.max(1) <= *seen {
                    self.openings = 0;
                    let slices = [Slice::default(); SLICES];
                    self.enter(State::Closed { row: 0, slices }, now);
                }
            }
            State::HalfOpen { .. } => self.open(now),
            State::Open { .. } => {}
        }
    }

    /// Takes back that a request passed whose end says nothing about the service: another probe may take its place.
    pub fn forget(&mut self, pass: Pass) {
        if let State::HalfOpen { let_through, .. } = &mut self.state
            && pass.era == self.era
        {
            *let_through = let_through.saturating_sub(1);
        }
    }

    /// `closed`, `open` or `half-open`.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self.state {
            State::Closed { .. } => "closed",
            State::Open { .. } => "open",
            State::HalfOpen { .. } => "half-open",
        }
    }

    /// Since when it is so; `None` if it was never anything else.
    #[must_use]
    pub fn since(&self) -> Option<Moment> {
        self.since
    }

    fn open(&mut self, now: Moment) {
        let times = 1_u32 << self.openings.min(20);
        let open_for = self.settings.open_for.saturating_mul(times).min(self.settings.open_for_max);
        self.openings = self.openings.saturating_add(1);
        self.enter(State::Open { until: now + open_for }, now);
    }

    fn enter(&mut self, state: State, now: Moment) {
        self.state = state;
        self.since = Some(now);
        self.era += 1;
    }
}

/// Counts an end; tells whether too many were bad within the window.
fn count(
    slices: &mut [Slice; SLICES],
    settings: &BreakerSettings,
    good: bool,
    now: Moment,
) -> bool {
    let window = u64::try_from(settings.window.as_nanos()).unwrap_or(u64::MAX);
    let number = now.nanos / (window / SLICES as u64).max(1);
    let slice = &mut slices[usize::try_from(number % SLICES as u64).unwrap_or(0)];
    if slice.number < number {
        *slice = Slice { number, good: 0, bad: 0 };
    }
    if good {
        slice.good = slice.good.saturating_add(1);
    } else {
        slice.bad = slice.bad.saturating_add(1);
    }
    let recent = slices.iter().filter(|slice| number < slice.number + SLICES as u64);
    let (good, bad) = recent.fold((0_u32, 0_u32), |(good, bad), slice| {
        (good.saturating_add(slice.good), bad.saturating_add(slice.bad))
    });
    let all = good.saturating_add(bad).max(1);
    settings.requests_min <= all && settings.failures_share <= f64::from(bad) / f64::from(all)
}
