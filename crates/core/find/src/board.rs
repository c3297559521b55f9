//! Sightings in, ranked findings out: the same fault of the same cause in the same place is one finding.
//!
//! Counts and durations are kept in slots of time, so that impact follows the last window and not all
//! history; a finding that is no longer seen drops out once its last slot is older than the window.
//! Rates are extrapolated from what was observed, never from less than a minute.

mod state;
mod waste;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use model::{Finding, FindingId, Moment, OperationKey, Sighting, Stack, Window};

pub use waste::{Waste, Whole};

use crate::{Levels, Looks, RequestView, Targets, detector, rank};
use state::{State, Yardstick};

/// Findings kept: past this, a flood of operation names is more likely than that many faults.
const FINDINGS_MAX: usize = 10_000;

/// Operations counted, for the same reason.
const OPERATIONS_MAX: usize = 20_000;

/// Slots of a window: how finely it moves on.
const SLOTS: u32 = 12;

/// The least time that rates are extrapolated from.
const OBSERVED_MIN: Duration = Duration::from_mins(1);

const DAY_SECONDS: f64 = 86_400.0;

/// Merges sightings into findings.
#[derive(Debug, Clone, Default)]
pub struct Board {
    window: Option<Duration>,
    operations: BTreeMap<OperationKey, VecDeque<(u64, Tally)>>,
    findings: BTreeMap<FindingId, State>,
    first_seen: BTreeMap<FindingId, Moment>,
    observed: Option<Window>,
}

/// What is known of the request in which a sighting was made.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Database statements of the request.
    pub statements: u32,
    /// Somebody waited for the answer.
    pub awaited: bool,
    /// What the service is built with.
    pub stack: Option<&'a Stack>,
}

/// All findings over a window, and what they are measured against.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What to fix first comes first.
    pub findings: Vec<Finding>,
    /// Requests looked at.
    pub requests: u64,
    /// Operations among them.
    pub operations: usize,
    /// From the first request to the last; `None` if there was none.
    pub observed: Option<Window>,
}

/// Requests of an operation in one slot.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    requests: u64,
    seconds: f64,
    database_seconds: f64,
}

impl Board {
    /// A board over the last `window`, or over everything.
    #[must_use]
    pub fn new(window: Option<Duration>) -> Self {
        Self { window, ..Self::default() }
    }

    /// Tells when a finding of an earlier run was first seen.
    pub fn remember(&mut self, id: FindingId, first_seen: Moment) {
        self.first_seen.insert(id, first_seen);
    }

    /// When each finding was first seen: what [`Board::remember`] wants back.
    #[must_use]
    pub fn memory(&self) -> &BTreeMap<FindingId, Moment> {
        &self.first_seen
    }

    /// Counts a request, with a fault or without.
    pub fn count(&mut self, view: &RequestView<'_>) {
        let (operation, start) = (&view.key, view.entry_call().start);
        let end = start + Duration::from_nanos(1);
        let observed = self.observed.get_or_insert(Window { from: start, to: end });
        observed.from = observed.from.min(start);
        observed.to = observed.to.max(end);
        let slot = self.slot(start);
        if !self.operations.contains_key(operation) {
            if OPERATIONS_MAX <= self.operations.len() {
                return;
            }
            self.operations.insert(operation.clone(), VecDeque::new());
        }
        let Some(slots) = self.operations.get_mut(operation) else { return };
        if let Some((_, tally)) = slots.iter_mut().rev().find(|(known, _)| *known == slot) {
            tally.add(view);
        } else {
            let mut tally = Tally::default();
            tally.add(view);
            slots.push_back((slot, tally));
        }
        if 2 * SLOTS as usize <= slots.len() {
            slots.pop_front();
        }
    }

    /// Adds a sighting.
    pub fn add(&mut self, sighting: Sighting, seen: Seen<'_>) {
        let id = identity(&sighting);
        if !self.findings.contains_key(&id) && FINDINGS_MAX <= self.findings.len() {
            return;
        }
        let slot = self.slot(sighting.time);
        let first_seen = self.first_seen.entry(id).or_insert(sighting.time);
        *first_seen = (*first_seen).min(sighting.time);
        let first_seen = *first_seen;
        let state = self
            .findings
            .entry(id)
            .or_insert_with(|| State::new(&sighting, seen.stack.cloned().unwrap_or_default()));
        state.first_seen = first_seen;
        state.add(sighting, seen, slot);
    }

    /// Forgets the sightings of detectors that look at a window, which report all of them anew.
    pub fn forget_window_findings(&mut self) {
        self.findings.retain(|_, state| {
            detector(state.worst.fault).is_none_or(|known| {
                !known.looks.iter().any(|looks| matches!(looks, Looks::Window(_)))
            })
        });
    }

    /// Forgets slots older than the window.
    pub fn forget_old(&mut self) {
        let Some(oldest) = self.oldest_slot() else { return };
        for slots in self.operations.values_mut() {
            slots.retain(|(slot, _)| oldest <= *slot);
        }
        self.operations.retain(|_, slots| !slots.is_empty());
        for state in self.findings.values_mut() {
            state.slots.retain(|slot, _| oldest <= *slot);
        }
        self.findings.retain(|_, state| !state.slots.is_empty());
    }

    /// All findings, ranked: impact over effort, largest first.
    #[must_use]
    pub fn outcome(&self, targets: &Targets, levels: &Levels) -> Outcome {
        let days = self.observed_length().as_secs_f64() / DAY_SECONDS;
        let all = self.all_requests();
        let mut findings: Vec<Finding> = self
            .findings
            .iter()
            .filter_map(|(id, state)| {
                let requests = self.requests(&state.worst.operation);
                state.finding(*id, &Yardstick { requests, all, days, targets, levels })
            })
            .collect();
        drop_parts(&mut findings);
        findings.sort_by(|left, right| {
            let priority = |finding: &Finding| rank::priority(&finding.impact, finding.effort.days);
            priority(right).total_cmp(&priority(left)).then(left.id.cmp(&right.id))
        });
        Outcome {
            findings,
            requests: self.operations.keys().map(|key| self.requests(key)).sum(),
            operations: self.operations.len(),
            observed: self.observed,
        }
    }

    fn requests(&self, operation: &OperationKey) -> u64 {
        let oldest = self.oldest_slot().unwrap_or_default();
        self.operations.get(operation).map_or(0, |slots| {
            slots.iter().filter(|(slot, _)| oldest <= *slot).map(|(_, tally)| tally.requests).sum()
        })
    }

    /// All requests of the window, together.
    fn all_requests(&self) -> Tally {
        let oldest = self.oldest_slot().unwrap_or_default();
        let slots = self.operations.values().flatten().filter(|(slot, _)| oldest <= *slot);
        slots.fold(Tally::default(), |sum, (_, tally)| Tally {
            requests: sum.requests + tally.requests,
            seconds: sum.seconds + tally.seconds,
            database_seconds: sum.database_seconds + tally.database_seconds,
        })
    }

    /// Time that counts stand for: the window, or less if less was observed.
    fn observed_length(&self) -> Duration {
        let observed = self.observed.map(|window| window.length()).unwrap_or_default();
        self.window.map_or(observed, |window| observed.min(window)).max(OBSERVED_MIN)
    }

    fn slot(&self, time: Moment) -> u64 {
        self.slot_nanos().map_or(0, |length| time.nanos / length)
    }

    fn slot_nanos(&self) -> Option<u64> {
        let length = self.window? / SLOTS;
        Some(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX).max(1))
    }

    fn oldest_slot(&self) -> Option<u64> {
        let newest = self.observed?.to.nanos / self.slot_nanos()?;
        Some(newest.saturating_sub(u64::from(SLOTS)))
    }
}

impl Tally {
    fn add(&mut self, view: &RequestView<'_>) {
        self.requests += 1;
        self.seconds += view.duration().as_secs_f64();
        let statements = view.statements.iter().map(|group| view.spent(&group.places));
        self.database_seconds += statements.sum::<Duration>().as_secs_f64();
    }
}

/// Drops a loop that another loop of the same operation holds as a part: the same code with fewer rows.
fn drop_parts(findings: &mut Vec<Finding>) {
    let statements = |finding: &Finding| -> BTreeSet<u64> {
        let evidence = &finding.evidence;
        evidence.statement.iter().chain(&evidence.related).map(|text| text.fingerprint).collect()
    };
    let loops: Vec<(OperationKey, BTreeSet<u64>)> = findings
        .iter()
        .filter(|finding| finding.fault == "n-plus-one")
        .map(|finding| (finding.operation.clone(), statements(finding)))
        .collect();
    findings.retain(|finding| {
        let own = statements(finding);
        finding.fault != "n-plus-one"
            || !loops.iter().any(|(operation, other)| {
                *operation == finding.operation && own.len() < other.len() && own.is_subset(other)
            })
    });
}

/// The finding that a sighting belongs to.
#[must_use]
pub fn identity(sighting: &Sighting) -> FindingId {
    let OperationKey { service, operation } = &sighting.operation;
    let parts: [&str; 4] = [sighting.fault, service, operation, &sighting.cause];
    FindingId(sql::hash(parts.join("\0").as_bytes()))
}
