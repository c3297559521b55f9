//! Log records and metrics on their way to the store, what stays of spans, and blocks on their way to where copies of
//! them are.
//!
//! Nothing is concluded from log records and metrics yet: they are kept and shown.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use model::{LogRecord, Metric, Moment, TraceId};
use receive::{Keeper, ReceivedItems, Refusal};
use store::{Items, Keeping, StoreError, keep::policy::Quotas};

use super::{Live, in_full, lock, now, problems::Work};
use crate::{
    copies::{Copier, CopiesSeen},
    metrics::{ItemCounts, counted},
};

/// How often is looked for blocks that are old enough to be copied.
const COPY_EVERY: Duration = Duration::from_mins(1);

/// After failures, at most this long until it is tried again.
const COPY_EVERY_MAX: Duration = Duration::from_mins(16);

impl Keeper<LogRecord> for Live {
    fn keep(&self, batch: ReceivedItems<LogRecord>) -> Result<(), Refusal> {
        let count = batch.items.len();
        let kept = |items: &Items<'_, LogRecord>| self.store.append_logs(items);
        self.keep_items(&batch, count, &self.own.counts.log_records, kept)
    }
}

impl Keeper<Metric> for Live {
    fn keep(&self, batch: ReceivedItems<Metric>) -> Result<(), Refusal> {
        let count = batch.items.iter().map(|metric| metric.points.len()).sum();
        let kept = |items: &Items<'_, Metric>| self.store.append_metrics(items);
        self.keep_items(&batch, count, &self.own.counts.data_points, kept)
    }
}

impl Live {
    fn keep_items<T>(
        &self,
        batch: &ReceivedItems<T>,
        count: usize,
        counts: &ItemCounts,
        append: impl FnOnce(&Items<'_, T>) -> Result<(), StoreError>,
    ) -> Result<(), Refusal> {
        let _in_flight = self.own.counts.batch();
        let ReceivedItems { items, otlp, received } = batch;
        let begun = Instant::now();
        let appended = append(&Items { items, otlp: otlp.as_deref(), received: *received });
        self.own.counts.append.add(begun.elapsed());
        let outcome = appended.map_err(|error| self.refuse(&error));
        let counter = match &outcome {
            Ok(()) => {
                lock(&self.problems).succeeded(Work::Keep);
                &counts.kept
            }
            Err(Refusal::Full { .. }) => &counts.full,
            Err(Refusal::Busy { .. } | Refusal::Failed { .. }) => &counts.failed,
        };
        counted(counter, count);
        outcome
    }

    /// A counter that rises with each log record and each point of a metric that is kept: they are no change that pages
    /// are told of ([`Live::changes`]), but answers about them are old then.
    #[must_use]
    pub fn items_kept(&self) -> u64 {
        let counts = &self.own.counts;
        let kept = |counts: &ItemCounts| counts.kept.load(Ordering::Relaxed);
        kept(&counts.log_records).wrapping_add(kept(&counts.data_points))
    }

    /// What stays of spans, and for how long.
    pub(super) fn keeping(&self) -> Keeping {
        let keep = &self.settings.keep;
        Keeping {
            all: keep.all,
            minutes: keep.minutes,
            quotas: Quotas { notable: keep.notable_per_minute, others: keep.others_per_minute },
            bytes_max: self.settings.store.bytes_max,
        }
    }

    /// Lets the store remember which traces findings show: they stay.
    pub(super) fn remember_traces(&self, now: Moment) -> Result<(), StoreError> {
        let outcome = self.outcome();
        let examples = outcome.findings.iter().flat_map(|finding| &finding.examples);
        let traces: Vec<TraceId> = examples.map(|example| example.trace_id).collect();
        self.store.remember(&traces, now)
    }

    /// Lets the store put in order what has come, so that it stays small.
    pub(super) fn tidy(&self) {
        while !self.stopping.load(Ordering::Acquire) {
            let start = now();
            let thin = || self.store.thin(&self.keeping(), start);
            match self.store.tidy().and_then(|did| if did { Ok(true) } else { thin() }) {
                Ok(true) => {
                    self.own.did("tidy the store", start, None, &[]);
                    continue;
                }
                Ok(false) => lock(&self.problems).succeeded(Work::Tidy),
                Err(error) => {
                    self.tell(Work::Tidy, &error);
                    self.own.did("tidy the store", start, Some(in_full(&error)), &[]);
                }
            }
            self.rest();
        }
    }

    /// Copies old blocks to where they are to go. Runs until the engine stops.
    pub(super) fn copy(&self) {
        let Some(copier) = &self.copier else { return };
        let mut every = COPY_EVERY;
        let mut due = Instant::now();
        while !self.stopping.load(Ordering::Acquire) {
            if due <= Instant::now() {
                let start = now();
                let outcome = copier.copy(&*self.store, start, &self.stopping);
                let failure = outcome.as_ref().err().map(|error| in_full(error));
                self.own.did("copy blocks", start, failure, &[]);
                every = if outcome.is_ok() { COPY_EVERY } else { (every * 2).min(COPY_EVERY_MAX) };
                due = Instant::now() + every;
            }
            self.rest();
        }
    }

    /// What became of copies; `None` if none are made.
    pub(crate) fn copies(&self) -> Option<CopiesSeen> {
        self.copier.as_ref().map(Copier::seen)
    }
}
