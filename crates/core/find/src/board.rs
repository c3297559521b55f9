//! Sightings in, ranked findings out: the same fault of the same cause in the same place is one finding.
//!
//! Counts and durations are kept in slots of time, so that impact follows the last window and not all
//! history; a finding that is no longer seen drops out once its last slot is older than the window.
//! Rates are extrapolated from what was observed, never from less than a minute.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use model::{
    Effort, Example, Finding, FindingId, Impact, Level, Moment, OperationKey, Sighting, Stack,
    Window,
};
use stats::Sketch;

use crate::{Levels, Looks, RequestView, Targets, detector, rank};

/// Findings kept: past this, a flood of operation names is more likely than that many faults.
const FINDINGS_MAX: usize = 10_000;

/// Operations counted, for the same reason.
const OPERATIONS_MAX: usize = 20_000;

/// Sightings from which on a tenth of [`crate::Detector::share_min`] is enough: no accident any more.
const SIGHTINGS_ENOUGH: u64 = 5;

/// A sighting that would save this much needs no others: a busy machine adds less than that.
const SEVERE: Duration = Duration::from_millis(400);

/// Example traces of a finding.
const EXAMPLES_MAX: usize = 10;

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

/// What findings waste together, at least.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Waste {
    /// Time that users wait in vain, in hours a day.
    pub user_hours_per_day: f64,
    /// Time that databases work in vain, in hours a day.
    pub database_hours_per_day: f64,
    /// Share of the time of all database statements, 0 to 1.
    pub database_share: f64,
    /// Share of the time of all requests, 0 to 1.
    pub worker_share: f64,
}

impl Waste {
    /// Adds up what is wasted at each place. Findings at one place may be about the same milliseconds, so
    /// of those the largest counts: the sum is what is wasted at least.
    #[must_use]
    pub fn of<K: Ord>(impacts: impl IntoIterator<Item = (K, Self)>) -> Self {
        let mut places: BTreeMap<K, Self> = BTreeMap::new();
        for (place, waste) in impacts {
            let most = places.entry(place).or_default();
            most.user_hours_per_day = most.user_hours_per_day.max(waste.user_hours_per_day);
            most.database_hours_per_day =
                most.database_hours_per_day.max(waste.database_hours_per_day);
            most.database_share = most.database_share.max(waste.database_share);
            most.worker_share = most.worker_share.max(waste.worker_share);
        }
        places.into_values().fold(Self::default(), |sum, waste| Self {
            user_hours_per_day: sum.user_hours_per_day + waste.user_hours_per_day,
            database_hours_per_day: sum.database_hours_per_day + waste.database_hours_per_day,
            database_share: (sum.database_share + waste.database_share).min(1.0),
            worker_share: (sum.worker_share + waste.worker_share).min(1.0),
        })
    }
}

impl From<&Impact> for Waste {
    fn from(impact: &Impact) -> Self {
        Self {
            user_hours_per_day: impact.user_hours_per_day,
            database_hours_per_day: impact.database_hours_per_day,
            database_share: impact.database_share,
            worker_share: impact.worker_share,
        }
    }
}

impl Outcome {
    /// What all findings waste together, at least.
    #[must_use]
    pub fn waste(&self) -> Waste {
        Waste::of(
            self.findings.iter().map(|finding| (&finding.operation, Waste::from(&finding.impact))),
        )
    }
}

#[derive(Debug, Clone)]
struct State {
    worst: Sighting,
    stack: Stack,
    sightings: u64,
    first_seen: Moment,
    last_seen: Moment,
    calls_now: Sketch,
    calls_after: Sketch,
    statements: Sketch,
    examples: Vec<Example>,
    slots: BTreeMap<u64, Slot>,
}

#[derive(Debug, Clone, Default)]
struct Slot {
    sightings: u64,
    awaited: u64,
    saved_seconds: f64,
    saved_seconds_squared: f64,
    saved_database_seconds: f64,
    durations: Sketch,
    durations_after: Sketch,
    /// Duration and saving of each awaited sighting, capped: what lies above the target.
    waits: Vec<(Duration, Duration)>,
}

/// What sightings are measured by.
#[derive(Clone, Copy)]
struct Yardstick<'a> {
    /// Requests of the operation.
    requests: u64,
    /// Requests of all operations.
    all: Tally,
    /// Days that they stand for.
    days: f64,
    targets: &'a Targets,
    levels: &'a Levels,
}

/// Waits kept per slot; the level is computed from these and scaled to all.
const WAITS_MAX: usize = 256;

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

impl State {
    fn new(sighting: &Sighting, stack: Stack) -> Self {
        Self {
            worst: sighting.clone(),
            stack,
            sightings: 0,
            first_seen: sighting.time,
            last_seen: sighting.time,
            calls_now: Sketch::default(),
            calls_after: Sketch::default(),
            statements: Sketch::default(),
            examples: Vec::new(),
            slots: BTreeMap::new(),
        }
    }

    fn add(&mut self, sighting: Sighting, seen: Seen<'_>, slot: u64) {
        self.sightings += 1;
        self.last_seen = self.last_seen.max(sighting.time);
        self.calls_now.add(u64::from(sighting.calls_now));
        self.calls_after.add(u64::from(sighting.calls_after));
        self.statements.add(u64::from(seen.statements));
        self.slots.entry(slot).or_default().add(&sighting, seen.awaited);
        self.examples.push(Example {
            trace_id: sighting.trace_id,
            span_id: sighting.request_span_id,
            time: sighting.time,
            duration: sighting.duration,
            saved: sighting.saved,
        });
        self.examples.sort_by_key(|example| {
            (std::cmp::Reverse(example.duration), example.trace_id, example.span_id)
        });
        self.examples.truncate(EXAMPLES_MAX);
        let order = |sighting: &Sighting| (sighting.saved, std::cmp::Reverse(sighting.trace_id));
        if order(&self.worst) < order(&sighting) {
            self.worst = sighting;
        }
    }

    fn finding(&self, id: FindingId, by: &Yardstick<'_>) -> Option<Finding> {
        let mut all = Slot::default();
        for slot in self.slots.values() {
            all.merge(slot);
        }
        let detector = detector(self.worst.fault)?;
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let share = all.sightings as f64 / by.requests.max(1) as f64;
        let often = SIGHTINGS_ENOUGH <= all.sightings && detector.share_min / 10.0 <= share;
        let severe = SEVERE <= self.worst.saved;
        if all.sightings == 0 || (share < detector.share_min && !often && !severe) {
            return None;
        }
        let median = |sketch: &Sketch| {
            u32::try_from(sketch.quantile(0.5).unwrap_or_default()).unwrap_or(u32::MAX)
        };
        let p95 = |sketch: &Sketch| Duration::from_nanos(sketch.quantile(0.95).unwrap_or_default());
        let (calls_now, calls_after) = (median(&self.calls_now), median(&self.calls_after));
        let statements_now = median(&self.statements);
        let spared =
            if counts_statements(&self.worst) { calls_now - calls_after.min(calls_now) } else { 0 };
        let (impact, level) = all.impact(by);
        Some(Finding {
            id,
            fault: self.worst.fault,
            operation: self.worst.operation.clone(),
            claim: self.worst.claim.clone(),
            evidence: self.worst.evidence.clone(),
            language: self.stack.language,
            frameworks: self.stack.frameworks.clone(),
            sightings: all.sightings,
            requests: by.requests.max(all.sightings),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            calls_now,
            calls_after,
            statements_now,
            statements_after: statements_now.saturating_sub(spared),
            duration_now: p95(&all.durations),
            duration_after: p95(&all.durations_after),
            impact,
            level,
            effort: Effort { days: detector.effort_days },
            examples: self.examples.clone(),
            advice: Vec::new(),
        })
    }
}

impl Slot {
    fn add(&mut self, sighting: &Sighting, awaited: bool) {
        let saved = sighting.saved.min(sighting.duration);
        self.sightings += 1;
        self.saved_seconds += saved.as_secs_f64();
        self.saved_seconds_squared += saved.as_secs_f64().powi(2);
        self.saved_database_seconds += sighting.saved_database.as_secs_f64();
        self.durations.add(nanos(sighting.duration));
        self.durations_after.add(nanos(sighting.duration.saturating_sub(saved)));
        if awaited {
            self.awaited += 1;
            if self.waits.len() < WAITS_MAX {
                self.waits.push((sighting.duration, saved));
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.sightings += other.sightings;
        self.awaited += other.awaited;
        self.saved_seconds += other.saved_seconds;
        self.saved_seconds_squared += other.saved_seconds_squared;
        self.saved_database_seconds += other.saved_database_seconds;
        self.durations.merge(&other.durations);
        self.durations_after.merge(&other.durations_after);
        self.waits.extend_from_slice(&other.waits);
    }

    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    fn impact(&self, by: &Yardstick<'_>) -> (Impact, Level) {
        let Yardstick { requests, all, days, targets, levels } = *by;
        let count = self.sightings as f64;
        let awaited_share = if self.sightings == 0 { 0.0 } else { self.awaited as f64 / count };
        let mean = if self.sightings == 0 { 0.0 } else { self.saved_seconds / count };
        let error = if 2 <= self.sightings {
            let variance =
                (self.saved_seconds_squared - count * mean * mean).max(0.0) / (count - 1.0);
            1.96 * (variance / count).sqrt()
        } else {
            0.0
        };
        let requests_per_day = count / days;
        let user_hours = requests_per_day * awaited_share * mean / 3_600.0;
        let database_hours = self.saved_database_seconds / days / 3_600.0;
        let target = targets.p95_at((requests.max(self.sightings)) as f64 / days);
        let above: f64 = self
            .waits
            .iter()
            .map(|(duration, saved)| duration.saturating_sub(target).min(*saved).as_secs_f64())
            .sum();
        let above_mean = if self.waits.is_empty() { 0.0 } else { above / self.waits.len() as f64 };
        let above_hours = requests_per_day * awaited_share * above_mean / 3_600.0;
        let impact = Impact {
            requests_per_day,
            user_hours_per_day: user_hours,
            database_hours_per_day: database_hours,
            saved_seconds: mean,
            saved_seconds_error: error,
            database_share: share(self.saved_database_seconds, all.database_seconds),
            worker_share: share(self.saved_seconds, all.seconds),
        };
        (impact, levels.of(above_hours.max(database_hours)))
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if 0.0 < whole { (part / whole).min(1.0) } else { 0.0 }
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

/// Whether the calls of a sighting are database statements.
fn counts_statements(sighting: &Sighting) -> bool {
    sighting.evidence.statement.is_some()
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The finding that a sighting belongs to.
#[must_use]
pub fn identity(sighting: &Sighting) -> FindingId {
    let OperationKey { service, operation } = &sighting.operation;
    let parts: [&str; 4] = [sighting.fault, service, operation, &sighting.cause];
    FindingId(sql::hash(parts.join("\0").as_bytes()))
}
