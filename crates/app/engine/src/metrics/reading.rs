//! All that figures are read from, at one time.

use std::sync::Arc;

use model::{Level, Moment};
use receive::{Answered, Totals};
use stats::TimingsSeen;
use store::Usage;

use super::{Counts, Process};
use crate::{Standing, copies::CopiesSeen, own_spans::OwnSpansSeen};

/// All that figures are read from.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Version of the binary.
    pub version: &'static str,
    /// When this was read.
    pub time: Moment,
    /// What the engine counts.
    pub counts: Arc<Counts>,
    /// What the receiver counts; `None` if nothing is received.
    pub receiver: Option<ReceiverReading>,
    /// How the engine is doing.
    pub standing: Standing,
    /// Traces that were taken as complete early, to make room.
    pub traces_closed_early: u64,
    /// Requests in which a fault was seen, once for each fault.
    pub sightings: u64,
    /// Findings of each level, the lowest first.
    pub findings: [(Level, usize); 4],
    /// What the store takes; `None` if the disk does not say.
    pub store: Option<Usage>,
    /// This process.
    pub process: Process,
    /// Databases that are watched.
    pub databases: Vec<DatabaseReading>,
    /// Spans of Taut's own work.
    pub own_spans: OwnSpansSeen,
    /// Copies of blocks; `None` if none are made.
    pub copies: Option<CopiesSeen>,
}

/// What the receiver counts.
#[derive(Debug, Clone)]
pub struct ReceiverReading {
    /// Its counters.
    pub totals: Totals,
    /// How requests ended.
    pub answered: Vec<Answered>,
    /// How long it took to acknowledge them.
    pub acknowledged: TimingsSeen,
}

/// What is known of watching one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseReading {
    /// Its name in addresses of pages.
    pub id: String,
    /// Whether it answers.
    pub is_up: bool,
    /// How long polls took that worked.
    pub polls: TimingsSeen,
    /// Connections and polls that failed.
    pub errors: u64,
}

impl Reading {
    /// Requests that ended in one of these ways.
    pub(crate) fn outcomes(&self, outcomes: &[&str]) -> u64 {
        let answered = self.receiver.iter().flat_map(|receiver| &receiver.answered);
        let ours = answered.filter(|answered| outcomes.contains(&answered.outcome));
        ours.map(|answered| answered.count).sum()
    }

    /// Batches that the engine, not the receiver, was too busy for.
    pub(crate) fn busy_batches(&self) -> u64 {
        super::counts::get(&self.counts.batches_busy)
    }
}
