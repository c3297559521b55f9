//! What the engine counts while it works. Nothing here locks.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use stats::{Timings, TimingsSeen};

/// Counters of a running engine; all but `batches_in_flight` only rise.
#[derive(Debug, Default)]
pub struct Counts {
    pub(crate) spans_kept: AtomicU64,
    pub(crate) spans_busy: AtomicU64,
    pub(crate) batches_busy: AtomicU64,
    pub(crate) spans_full: AtomicU64,
    pub(crate) spans_failed: AtomicU64,
    pub(crate) log_records: ItemCounts,
    pub(crate) data_points: ItemCounts,
    pub(crate) batches_in_flight: AtomicU64,
    pub(crate) append: Timings,
    pub(crate) traces_settled: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) facts_dropped: AtomicU64,
    pub(crate) bugs: AtomicU64,
    pub(crate) store_errors: AtomicU64,
    pub(crate) looks: Timings,
    pub(crate) window_looks: Timings,
    pub(crate) retentions: Timings,
    /// What the API answered.
    pub api: ApiCounts,
}

/// What became of log records, or of data points of metrics.
#[derive(Debug, Default)]
pub(crate) struct ItemCounts {
    pub(crate) kept: AtomicU64,
    pub(crate) full: AtomicU64,
    pub(crate) failed: AtomicU64,
}

/// Answers of the API, by the first digit of their status.
#[derive(Debug, Default)]
pub struct ApiCounts {
    by_class: [AtomicU64; 5],
    times: Timings,
}

impl ApiCounts {
    /// Counts an answer.
    pub fn add(&self, status: u16, took: Duration) {
        let class = usize::from((status / 100).clamp(1, 5)) - 1;
        self.by_class[class].fetch_add(1, Relaxed);
        self.times.add(took);
    }

    /// Answers from 1xx to 5xx.
    #[must_use]
    pub fn by_class(&self) -> [u64; 5] {
        std::array::from_fn(|class| self.by_class[class].load(Relaxed))
    }

    /// How long they took.
    #[must_use]
    pub fn times(&self) -> TimingsSeen {
        self.times.seen()
    }
}

/// One batch in flight, until it is dropped.
pub(crate) struct InFlight<'a>(&'a Counts);

impl Counts {
    /// Log records that were kept.
    #[must_use]
    pub fn log_records_kept(&self) -> u64 {
        get(&self.log_records.kept)
    }

    /// Data points of metrics that were kept.
    #[must_use]
    pub fn data_points_kept(&self) -> u64 {
        get(&self.data_points.kept)
    }

    pub(crate) fn batch(&self) -> InFlight<'_> {
        self.batches_in_flight.fetch_add(1, Relaxed);
        InFlight(self)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.batches_in_flight.fetch_sub(1, Relaxed);
    }
}

pub(crate) fn add(counter: &AtomicU64, amount: usize) {
    counter.fetch_add(amount as u64, Relaxed);
}

pub(crate) fn get(counter: &AtomicU64) -> u64 {
    counter.load(Relaxed)
}
