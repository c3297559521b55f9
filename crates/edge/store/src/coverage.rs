//! How far a question goes, and how much of what is kept its answer rests on.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use model::Moment;

use crate::clickhouse::Trouble;

/// How far a question may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long it may take. What has begun is ended, some tenths of a second.
    pub time: Duration,
    /// Rows that may be looked at. A row group or a segment that has begun is ended.
    pub rows: u64,
}

impl Default for Limits {
    /// Ten seconds, which is as long as somebody waits for a page; a hundred million rows.
    fn default() -> Self {
        Self { time: Duration::from_secs(10), rows: 100_000_000 }
    }
}

impl Limits {
    /// What is left of them, of a question that was begun then and has looked at so many rows.
    pub(crate) fn left(&self, begun: Instant, rows: u64) -> Self {
        Self {
            time: self.time.saturating_sub(begun.elapsed()),
            rows: self.rows.saturating_sub(rows),
        }
    }
}

/// A limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::time`]
    Time,
    /// [`Limits::rows`]
    Rows,
}

/// What was asked for, and how much of what is kept it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered<T> {
    /// What was asked for.
    pub answer: T,
    /// What was looked at for it.
    pub coverage: Coverage,
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Rows that were looked at.
    pub rows: u64,
    /// The limit that was reached before all was looked at; what is older is missing then.
    pub reached: Option<Limit>,
    /// Blocks that are damaged, so that some or all of what they hold is missing.
    pub damaged: Vec<PathBuf>,
    /// Why ClickHouse has not answered, so that what is kept there is missing.
    pub elsewhere: Option<Trouble>,
    /// When the oldest was received that is held, where the window begins earlier and something was dropped before: what
    /// is older is in no answer any more.
    pub held_since: Option<Moment>,
    /// Rows of a sample were counted, which stand for several: what is told is right on average.
    pub is_estimate: bool,
}

impl Coverage {
    /// Takes in what a part of an answer rests on, and gives the part.
    pub(crate) fn take<T>(&mut self, part: Answered<T>) -> T {
        self.merge(part.coverage);
        part.answer
    }

    /// Takes in what another part of an answer rests on.
    pub fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        self.reached = self.reached.or(other.reached);
        self.damaged.extend(other.damaged);
        self.damaged.sort_unstable();
        self.damaged.dedup();
        self.elsewhere = self.elsewhere.take().or(other.elsewhere);
        self.held_since = self.held_since.max(other.held_since);
        self.is_estimate |= other.is_estimate;
    }

    /// Takes in what an answer of more rows rests on, of which this one tells a part: the rows are not other ones.
    pub fn of_rest(&mut self, other: Self) {
        let rows = self.rows.max(other.rows);
        self.merge(other);
        self.rows = rows;
    }

    /// Whether nothing is missing of what is held.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.reached.is_none() && self.damaged.is_empty() && self.elsewhere.is_none()
    }
}
