//! What can happen to a remedy, and which state it is in then.

use std::fmt;

use model::{Moment, database::TableName};

/// Where a remedy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It is known what to do.
    Proposed,
    /// It was tried on a clone or a replica.
    Rehearsed,
    /// The database has it.
    Applied,
    /// What was measured after it shows that it worked.
    Proven,
    /// The database had it, and has it no more.
    Reverted,
    /// It could not be applied, or not be taken back.
    Failed,
}

impl State {
    /// All of them, in the order in which a remedy goes through them.
    pub const ALL: [Self; 6] = [
        Self::Proposed,
        Self::Rehearsed,
        Self::Applied,
        Self::Proven,
        Self::Reverted,
        Self::Failed,
    ];

    /// The state after these events, the first of which is [`Event::Proposed`]; `None` without one.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Option<Self> {
        events.into_iter().filter_map(Event::state).last()
    }

    /// Whether a remedy in this state may go on like that: nothing that the database does not have can be
    /// proven, and nothing is rehearsed that it has.
    #[must_use]
    pub fn allows(self, event: &Event) -> bool {
        match event {
            // Once, by `propose`.
            Event::Proposed => false,
            Event::Rehearsed { .. } => !self.is_in_force(),
            Event::Proven { .. } | Event::Measured { .. } => self.is_in_force(),
            // A failed one may have been applied in part.
            Event::Applied { .. }
            | Event::Reverted { .. }
            | Event::Failed { .. }
            | Event::Started { .. }
            | Event::Intended { .. }
            | Event::Ran { .. }
            | Event::Broke { .. } => true,
        }
    }

    /// The database has it.
    #[must_use]
    pub fn is_in_force(self) -> bool {
        matches!(self, Self::Applied | Self::Proven)
    }

    /// `applied`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Rehearsed => "rehearsed",
            Self::Applied => "applied",
            Self::Proven => "proven",
            Self::Reverted => "reverted",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Something that happens to a remedy.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It is known what to do.
    Proposed,
    /// It was tried on a clone or a replica.
    Rehearsed {
        /// What came out, for people.
        report: String,
        /// With all figures; without any in entries of versions that did not keep them.
        figures: Rehearsal,
    },
    /// Applying or reverting begins.
    Started {
        /// Which of the two.
        direction: Direction,
        /// Counters before anything was run.
        before: Readings,
    },
    /// A statement is about to be run. Written before it is sent, so that the next run knows what to look
    /// for should this one die.
    Intended {
        /// Applying or reverting.
        direction: Direction,
        /// The statement.
        sql: String,
        /// The index that it makes or drops.
        index: Option<IndexTarget>,
        /// The server process that will run it.
        backend: Option<Backend>,
    },
    /// It was run.
    Ran {
        /// The entry that announced it.
        intent: i64,
        /// How long it took, in milliseconds.
        millis: f64,
        /// What was special: an earlier build was waited for, the index was there already. Else empty.
        note: String,
    },
    /// It failed, or it died with its process, and nothing is left of it unless `left` says so.
    Broke {
        /// The entry that announced it.
        intent: i64,
        /// Why.
        why: String,
        /// What it left behind that could not be cleared; empty if nothing.
        left: String,
    },
    /// The database has it.
    Applied {
        /// Counters from which on it counts.
        baseline: Readings,
    },
    /// What it did was measured, and does not settle it.
    Measured {
        /// What was found.
        verdict: Verdict,
        /// Counters at the end.
        after: Readings,
    },
    /// What it did was measured, and it worked.
    Proven {
        /// What was found.
        verdict: Verdict,
        /// Counters at the end.
        after: Readings,
    },
    /// The database has it no more.
    Reverted {
        /// Why, as somebody said; empty if nobody did, or in entries of versions that did not ask.
        because: String,
    },
    /// It could not be applied or taken back.
    Failed {
        /// Why.
        why: String,
    },
}

impl Event {
    /// The state that it leads to, if it leads to another.
    #[must_use]
    pub fn state(&self) -> Option<State> {
        match self {
            Self::Proposed => Some(State::Proposed),
            Self::Rehearsed { .. } => Some(State::Rehearsed),
            Self::Applied { .. } => Some(State::Applied),
            Self::Proven { .. } => Some(State::Proven),
            Self::Reverted { .. } => Some(State::Reverted),
            Self::Failed { .. } => Some(State::Failed),
            Self::Started { .. }
            | Self::Intended { .. }
            | Self::Ran { .. }
            | Self::Broke { .. }
            | Self::Measured { .. } => None,
        }
    }

    /// The announcement whose end it tells.
    #[must_use]
    pub fn settles(&self) -> Option<i64> {
        match self {
            Self::Ran { intent, .. } | Self::Broke { intent, .. } => Some(*intent),
            _ => None,
        }
    }

    /// Its name in messages and in the file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Rehearsed { .. } => "rehearsed",
            Self::Started { .. } => "started",
            Self::Intended { .. } => "intended",
            Self::Ran { .. } => "ran",
            Self::Broke { .. } => "broke",
            Self::Applied { .. } => "applied",
            Self::Measured { .. } => "measured",
            Self::Proven { .. } => "proven",
            Self::Reverted { .. } => "reverted",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Whether a change is made or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Made.
    Apply,
    /// Taken back.
    Revert,
}

/// An index that a statement makes or drops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexTarget {
    /// Its table.
    pub table: TableName,
    /// Its name; the schema is the table's.
    pub name: String,
    /// How to make it: what is to be built, or what was there before it was dropped.
    pub definition: String,
    /// Made, not dropped.
    pub made: bool,
}

/// A server process, told from a later one with the same number by when it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backend {
    /// `pid`
    pub pid: i32,
    /// `backend_start`
    pub started: Moment,
}

/// Counters of the statements and indexes of a remedy at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Readings {
    /// When.
    pub time: Moment,
    /// Since when they count; the epoch if unknown.
    pub since: Moment,
    /// Of statements, by `queryid`.
    pub statements: Vec<StatementReading>,
    /// Of indexes.
    pub indexes: Vec<IndexReading>,
}

/// What `pg_stat_statements` counted of a statement, over all users.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StatementReading {
    /// `queryid`
    pub query_id: i64,
    /// The statement, without literals.
    pub text: String,
    /// Runs.
    pub calls: u64,
    /// Time of all runs, in milliseconds.
    pub total_millis: f64,
    /// Sum of the squares of their times, from the standard deviation.
    pub square_millis: f64,
    /// Rows returned or changed.
    pub rows: u64,
    /// Shared blocks found in the buffers or read.
    pub blocks: u64,
    /// Bytes of WAL.
    pub wal_bytes: u64,
}

/// What `pg_stat_all_indexes` counted of an index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexReading {
    /// Its name.
    pub name: String,
    /// `idx_scan`
    pub scans: u64,
}

/// What a comparison came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verdict {
    /// In one sentence, figures and interval included.
    pub claim: String,
    /// One line for each statement that was compared.
    pub lines: Vec<String>,
    /// Statements that got worse, each with its evidence.
    pub worse: Vec<String>,
    /// One line for each statement whose plan was looked at: whether it uses what was made.
    pub plans: Vec<String>,
}

/// What a rehearsal came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rehearsal {
    /// In one word.
    pub outcome: RehearsalOutcome,
    /// Where: `clone`, `replica`, `primary`.
    pub ground: String,
    /// Of a clone: each table whose rows it has.
    pub sampled: Vec<SampledTable>,
    /// Indexes that were built for it.
    pub indexes: Vec<RehearsedIndex>,
    /// Each statement, those that were not run included.
    pub statements: Vec<RehearsedStatement>,
}

/// What a rehearsal came to, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum RehearsalOutcome {
    /// A statement is faster, none is slower, and all rows are the same.
    Better,
    /// No statement is faster beyond doubt.
    NoGain,
    /// A statement is slower.
    Worse,
    /// A rewrite returns other rows.
    RowsDiffer,
    /// Nothing could be measured.
    #[default]
    Open,
}

impl RehearsalOutcome {
    /// `no gain`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::NoGain => "no gain",
            Self::Worse => "worse",
            Self::RowsDiffer => "rows differ",
            Self::Open => "not measured",
        }
    }
}

/// What a clone has of a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SampledTable {
    /// Schema and name.
    pub name: String,
    /// Its rows in the clone.
    pub rows: u64,
    /// What part of the original that is; 1 if it is whole.
    pub fraction: f64,
}

/// An index that was built for a rehearsal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RehearsedIndex {
    /// Its name.
    pub name: String,
    /// Its size there.
    pub bytes: u64,
    /// How long the build took there.
    pub millis: u64,
}

/// A statement with the change and without.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RehearsedStatement {
    /// `queryid`; 0 if somebody gave it.
    pub query_id: i64,
    /// Without literals.
    pub text: String,
    /// Why it was not run; empty if it was.
    pub refused: String,
    /// What it proves: `faster`, `slower`, `same`, `unproven`, `ends now`, `times out`, `unknown`.
    pub verdict: String,
    /// Without the change.
    pub before: RehearsedSide,
    /// With it.
    pub after: RehearsedSide,
    /// Whether the plan is another one.
    pub plan_changed: bool,
    /// Of a rewrite: whether it returns the same rows, for people; else empty.
    pub rows: String,
}

/// What one side took.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RehearsedSide {
    /// Median of its runs in milliseconds; `None` if one took longer than it might.
    pub millis: Option<f64>,
    /// 95 % interval of the median; `None` for few runs.
    pub interval: Option<(f64, f64)>,
    /// Runs that count.
    pub runs: u64,
    /// Blocks that a run touched.
    pub blocks: Option<u64>,
    /// Rows that it returned.
    pub rows: Option<u64>,
    /// A run took longer than it might.
    pub timed_out: bool,
}
