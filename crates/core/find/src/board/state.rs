//! What is known of one finding: its sightings, in slots of time, and what they cost.

use std::{collections::BTreeMap, time::Duration};

use model::{Effort, Example, Finding, FindingId, Impact, Level, Moment, Sighting, Stack};
use stats::Sketch;

use super::{Seen, Tally};
use crate::{Levels, Targets, detector};

/// Sightings from which on a tenth of [`crate::Detector::share_min`] is enough: no accident any more.
const SIGHTINGS_ENOUGH: u64 = 5;

/// A sighting that would save this much needs no others: a busy machine adds less than that.
const SEVERE: Duration = Duration::from_millis(400);

/// Example traces of a finding.
const EXAMPLES_MAX: usize = 10;

/// Waits kept per slot; the level is computed from these and scaled to all.
const WAITS_MAX: usize = 256;

#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) worst: Sighting,
    stack: Stack,
    sightings: u64,
    pub(super) first_seen: Moment,
    last_seen: Moment,
    calls_now: Sketch,
    calls_after: Sketch,
    statements: Sketch,
    examples: Vec<Example>,
    pub(super) slots: BTreeMap<u64, Slot>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Slot {
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
pub(super) struct Yardstick<'a> {
    /// Requests of the operation.
    pub(super) requests: u64,
    /// Requests of all operations.
    pub(super) all: Tally,
    /// Days that they stand for.
    pub(super) days: f64,
    pub(super) targets: &'a Targets,
    pub(super) levels: &'a Levels,
}

impl State {
    pub(super) fn new(sighting: &Sighting, stack: Stack) -> Self {
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

    pub(super) fn add(&mut self, sighting: Sighting, seen: Seen<'_>, slot: u64) {
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

    pub(super) fn finding(&self, id: FindingId, by: &Yardstick<'_>) -> Option<Finding> {
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

/// Whether the calls of a sighting are database statements.
fn counts_statements(sighting: &Sighting) -> bool {
    sighting.evidence.statement.is_some()
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
