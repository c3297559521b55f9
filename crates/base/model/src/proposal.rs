//! Proposals: changes of a database that Taut can make, prove and take back.

use std::sync::Arc;

use crate::{
    StatementText, Text,
    database::{IndexMethod, NewIndex, TableName},
};

/// A change of the database, as statements to run one by one, outside of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// The database that it is for.
    pub database: Text,
    /// What makes it: `CREATE INDEX CONCURRENTLY …`.
    pub apply: Vec<String>,
    /// What takes it back.
    pub revert: Vec<String>,
    /// Indexes that exist once it is made, and are watched while they are built.
    pub creates: Vec<(TableName, Text)>,
    /// Indexes that no longer exist once it is made.
    pub drops: Vec<(TableName, Text)>,
    /// Which locks it takes, and who has to wait.
    pub locks: String,
}

/// How a figure about something that does not exist yet came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Basis {
    /// The planner's cost with a hypothetical index (`HypoPG`).
    WhatIf,
    /// Measured on a clone or a replica.
    Rehearsed,
    /// A model of the planner over the statistics, tied to the plan that there is now.
    #[default]
    Model,
}

/// Indexes that are chosen together for a whole workload.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IndexSet {
    /// Indexes to create, the one that brings most for its size first.
    pub create: Vec<ProposedIndex>,
    /// Indexes that become redundant with them, or are so already.
    pub drop: Vec<DroppedIndex>,
    /// How costs came about.
    pub basis: Basis,
    /// Bytes that it may take, if it was limited.
    pub budget_bytes: Option<u64>,
    /// Cost of the workload now: calls times planner's cost, scaled to time where times were measured.
    pub cost_now: f64,
    /// The same with the proposed set.
    pub cost_then: f64,
    /// What-if plans that it took.
    pub plans_asked: u64,
    /// What was left out and why, for people.
    pub notes: Vec<String>,
}

/// An index that is proposed, and what is known of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProposedIndex {
    /// The index.
    pub index: NewIndex,
    /// Its name to be.
    pub name: Text,
    /// `CREATE INDEX CONCURRENTLY …`
    pub ddl: String,
    /// Bytes when fresh.
    pub bytes: u64,
    /// Bytes after growth by random keys.
    pub bytes_grown: u64,
    /// What it costs writers.
    pub write_cost: WriteCost,
    /// Seconds that the build takes, roughly.
    pub build_seconds: f64,
    /// Statements that it helps, most time first.
    pub helped: Vec<StatementEffect>,
    /// Statements that get worse.
    pub hurt: Vec<StatementEffect>,
    /// Why it looks as it does: which clause each part is for.
    pub why: Vec<String>,
}

impl ProposedIndex {
    /// Whether its size is a guess that may be several times off: what decides it is not in the statistics.
    #[must_use]
    pub fn has_guessed_size(&self) -> bool {
        use IndexMethod::{Gin, Gist, Other, Spgist};
        matches!(self.index.method, Gin | Gist | Spgist | Other(_))
    }
}

/// What an index costs those who write to its table.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct WriteCost {
    /// CPU time for each row that is inserted, or updated without HOT, in microseconds.
    pub cpu_micros_per_row: f64,
    /// WAL for each such row, in bytes.
    pub wal_bytes_per_row: f64,
    /// Such rows a day, as measured over the window.
    pub rows_per_day: f64,
    /// Updates a day that are HOT now and would not be any more.
    pub hot_updates_lost_per_day: f64,
}

/// What a change does to one statement.
#[derive(Debug, Clone, PartialEq)]
pub struct StatementEffect {
    /// The statement.
    pub text: Arc<StatementText>,
    /// `queryid`; 0 if it is not from the server's statistics.
    pub query_id: i64,
    /// Calls a day.
    pub calls_per_day: f64,
    /// The planner's cost of one run now, and then.
    pub cost: (f64, f64),
    /// Milliseconds of one run: measured now; then as measured in a rehearsal, else scaled by the cost.
    pub millis: (f64, f64),
    /// Plans now and then, as `EXPLAIN` prints them; empty if there are none.
    pub plans: (String, String),
}

/// An index that goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DroppedIndex {
    /// Its table.
    pub table: TableName,
    /// Its name.
    pub name: Text,
    /// Bytes that it frees.
    pub bytes: u64,
    /// `DROP INDEX CONCURRENTLY …`
    pub ddl: String,
    /// Its definition, to get it back.
    pub definition: String,
    /// Why: what covers it, or that nothing reads it.
    pub why: String,
}
