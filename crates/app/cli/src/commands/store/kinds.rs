//! Spans, log records and points of metrics: what a store keeps, and what to call it.

use std::ops::AddAssign;

use clap::ValueEnum;
use observe::otlp;
use store::keep::{Chunk, LOGS, METRICS, SPANS, Table, logs, metrics, spans};

use crate::units;

/// What is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// Spans.
    Spans,
    /// Log records.
    Logs,
    /// Points of metrics.
    Metrics,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Spans, Self::Logs, Self::Metrics];

    pub(super) fn of(table: &Table) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.table().name == table.name)
    }

    pub(super) fn table(self) -> &'static Table {
        match self {
            Self::Spans => &SPANS,
            Self::Logs => &LOGS,
            Self::Metrics => &METRICS,
        }
    }

    fn some(self, count: u64) -> String {
        match self {
            Self::Spans => units::some(count, "span", "spans"),
            Self::Logs => units::some(count, "log record", "log records"),
            Self::Metrics => units::some(count, "point of a metric", "points of metrics"),
        }
    }

    /// Rows as a request in OTLP JSON.
    pub(super) fn to_json(self, chunk: &Chunk, rows: &[usize]) -> String {
        match self {
            Self::Spans => otlp::encode_json(&spans::read(chunk, rows)),
            Self::Logs => otlp::encode_logs_json(&logs::read(chunk, rows)),
            Self::Metrics => otlp::encode_metrics_json(&metrics::read(chunk, rows)),
        }
    }
}

/// How many there are of each kind.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts([u64; 3]);

impl Counts {
    pub(super) fn add(&mut self, kind: Kind, count: u64) {
        self.0[kind as usize] += count;
    }

    pub(super) fn of(self, kind: Kind) -> u64 {
        self.0[kind as usize]
    }

    /// `420 spans, 7 log records`
    pub(super) fn told(self) -> String {
        let there = Kind::ALL.into_iter().filter(|kind| 0 < self.of(*kind));
        let told: Vec<String> = there.map(|kind| kind.some(self.of(kind))).collect();
        if told.is_empty() { Kind::Spans.some(0) } else { told.join(", ") }
    }

    /// Adds what there is to a result as JSON.
    pub(super) fn put(self, json: &mut serde_json::Value) {
        for kind in Kind::ALL {
            json[kind.table().name] = self.of(kind).into();
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        for kind in Kind::ALL {
            self.add(kind, other.of(kind));
        }
    }
}
