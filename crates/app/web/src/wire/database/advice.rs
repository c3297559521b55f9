//! Proposed indexes on the wire.

use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::{Attribute, Statement};

/// Indexes that were chosen together for the whole workload.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct IndexSet {
    /// To create, the one that brings most for its size first.
    pub create: Vec<ProposedIndex>,
    /// To drop: redundant with them, or already so.
    pub drop: Vec<DroppedIndex>,
    /// How costs came about: `what-if`, `rehearsed`, `model`.
    pub basis: String,
    /// Bytes that it may take, if limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_bytes: Option<u64>,
    /// Cost of the workload then over its cost now.
    pub cost_share: f64,
    /// What-if plans that it took.
    pub plans_asked: u64,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// An index to create.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ProposedIndex {
    /// Its name to be.
    pub name: String,
    /// Its table.
    pub table: String,
    /// The statement that creates it.
    pub ddl: String,
    /// Bytes when fresh.
    pub bytes: u64,
    /// Bytes after growth by random keys.
    pub bytes_grown: u64,
    /// CPU time for each row written.
    pub write_cpu_micros_per_row: f64,
    /// WAL for each row written.
    pub write_wal_bytes_per_row: f64,
    /// Rows written a day.
    pub written_rows_per_day: f64,
    /// HOT updates a day that would not be HOT any more.
    pub hot_updates_lost_per_day: f64,
    /// Seconds that the build takes, roughly.
    pub build_seconds: f64,
    /// Statements that it helps.
    pub helped: Vec<StatementEffect>,
    /// Statements that get worse.
    pub hurt: Vec<StatementEffect>,
    /// Why it looks as it does.
    pub why: Vec<String>,
}

/// What a change does to one statement.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StatementEffect {
    /// The statement.
    pub statement: Statement,
    /// `queryid`; empty if it is not from the server's statistics.
    pub query_id: String,
    /// Calls a day.
    pub calls_per_day: f64,
    /// The planner's cost now.
    pub cost_now: f64,
    /// The planner's cost then.
    pub cost_then: f64,
    /// Time of one run now.
    pub micros_now: f64,
    /// Time of one run then.
    pub micros_then: f64,
    /// Plan now; empty if there is none.
    pub plan_now: String,
    /// Plan then; empty if there is none.
    pub plan_then: String,
}

/// An index to drop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DroppedIndex {
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Bytes that it frees.
    pub bytes: u64,
    /// The statement that drops it.
    pub ddl: String,
    /// Why.
    pub why: String,
}

impl From<&model::IndexSet> for IndexSet {
    fn from(set: &model::IndexSet) -> Self {
        Self {
            create: set.create.iter().map(ProposedIndex::from).collect(),
            drop: set.drop.iter().map(DroppedIndex::from).collect(),
            basis: basis_name(set.basis).to_owned(),
            budget_bytes: set.budget_bytes,
            cost_share: if 0.0 < set.cost_now { set.cost_then / set.cost_now } else { 1.0 },
            plans_asked: set.plans_asked,
            notes: set.notes.clone(),
        }
    }
}

pub(crate) fn basis_name(basis: model::Basis) -> &'static str {
    match basis {
        model::Basis::WhatIf => "what-if",
        model::Basis::Rehearsed => "rehearsed",
        model::Basis::Model => "model",
    }
}

impl From<&model::ProposedIndex> for ProposedIndex {
    fn from(one: &model::ProposedIndex) -> Self {
        Self {
            name: one.name.to_string(),
            table: one.index.table.to_string(),
            ddl: one.ddl.clone(),
            bytes: one.bytes,
            bytes_grown: one.bytes_grown,
            write_cpu_micros_per_row: one.write_cost.cpu_micros_per_row,
            write_wal_bytes_per_row: one.write_cost.wal_bytes_per_row,
            written_rows_per_day: one.write_cost.rows_per_day,
            hot_updates_lost_per_day: one.write_cost.hot_updates_lost_per_day,
            build_seconds: one.build_seconds,
            helped: one.helped.iter().map(StatementEffect::from).collect(),
            hurt: one.hurt.iter().map(StatementEffect::from).collect(),
            why: one.why.clone(),
        }
    }
}

impl From<&model::StatementEffect> for StatementEffect {
    fn from(effect: &model::StatementEffect) -> Self {
        Self {
            statement: (&*effect.text).into(),
            query_id: if effect.query_id == 0 {
                String::new()
            } else {
                effect.query_id.to_string()
            },
            calls_per_day: effect.calls_per_day,
            cost_now: effect.cost.0,
            cost_then: effect.cost.1,
            micros_now: effect.millis.0 * 1e3,
            micros_then: effect.millis.1 * 1e3,
            plan_now: effect.plans.0.clone(),
            plan_then: effect.plans.1.clone(),
        }
    }
}

impl From<&model::DroppedIndex> for DroppedIndex {
    fn from(one: &model::DroppedIndex) -> Self {
        Self {
            table: one.table.to_string(),
            name: one.name.to_string(),
            bytes: one.bytes,
            ddl: one.ddl.clone(),
            why: one.why.clone(),
        }
    }
}

/// What in a database is at fault.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DatabaseEvidence {
    /// Name of the database.
    pub database: String,
    /// The table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// `queryid` of the statement; none if there is no statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_id: Option<String>,
    /// What was measured, in the order in which to read it.
    pub figures: Vec<Attribute>,
    /// Indexes that would answer it.
    pub proposed: Vec<ProposedIndex>,
    /// Indexes that should go.
    pub dropped: Vec<DroppedIndex>,
    /// A plan that shows it; empty if there is none.
    pub plan: String,
    /// How figures about what does not exist yet came about: `what-if`, `rehearsed`, `model`.
    pub basis: String,
}

impl From<&model::DatabaseEvidence> for DatabaseEvidence {
    fn from(evidence: &model::DatabaseEvidence) -> Self {
        let figure = |(key, value): &(model::Text, String)| Attribute {
            key: key.to_string(),
            value: value.clone(),
        };
        Self {
            database: evidence.database.to_string(),
            table: evidence.table.as_ref().map(ToString::to_string),
            index: evidence.index.as_ref().map(ToString::to_string),
            query_id: (evidence.query_id != 0).then(|| evidence.query_id.to_string()),
            figures: evidence.figures.iter().map(figure).collect(),
            proposed: evidence.proposed.iter().map(ProposedIndex::from).collect(),
            dropped: evidence.dropped.iter().map(DroppedIndex::from).collect(),
            plan: evidence.plan.clone(),
            basis: basis_name(evidence.basis).to_owned(),
        }
    }
}

/// A change that `taut fix` can make and take back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Change {
    /// Statements that make it, one by one.
    pub apply: Vec<String>,
    /// Statements that take it back.
    pub revert: Vec<String>,
    /// Which locks it takes, and who has to wait.
    pub locks: String,
}

impl From<&model::Change> for Change {
    fn from(change: &model::Change) -> Self {
        Self {
            apply: change.apply.clone(),
            revert: change.revert.clone(),
            locks: change.locks.clone(),
        }
    }
}
