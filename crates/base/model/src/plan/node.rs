//! A node of a plan.

use super::{Aside, PlanValue, Resources};
use crate::Text;

/// One node of a plan.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own in EXPLAIN")]
pub struct PlanNode {
    /// Place of its parent in [`super::Plan::nodes`]; `None` for the root.
    pub parent: Option<usize>,
    /// Nodes above it.
    pub depth: usize,
    /// What it is to its parent.
    pub relationship: Relationship,
    /// `InitPlan 1 (returns $0)`, `SubPlan 2`, `CTE recent`.
    pub subplan: Option<Text>,
    /// As JSON has it: `Seq Scan`, `Aggregate`, `ModifyTable`; never with `Parallel` or the join type in it.
    /// `Task` and the like for the parts of a distributed query.
    pub node_type: Text,
    /// `Plain`, `Sorted`, `Hashed`, `Mixed`: of an `Aggregate` or `SetOp`.
    pub strategy: Option<Text>,
    /// `Partial` or `Finalize`; `None` for an aggregate that does all itself.
    pub partial_mode: Option<Text>,
    /// `Insert`, `Update`, `Delete`, `Merge`: of a `ModifyTable` or a `Foreign Scan` that writes.
    pub operation: Option<Text>,
    /// `Except`, `Intersect All`: of a `SetOp`.
    pub command: Option<Text>,
    /// `Inner`, `Left`, `Right Semi`: of a join.
    pub join_type: Option<Text>,
    /// Who provides a `Custom Scan`: `Citus Adaptive`, `ChunkAppend`.
    pub provider: Option<Text>,
    /// The workers share its work.
    pub parallel_aware: bool,
    /// It may be waited for together with its siblings.
    pub async_capable: bool,
    /// Its kind of node was switched off, but there was no other way (PostgreSQL 18).
    pub disabled: bool,
    /// Schema of `relation` (`VERBOSE`).
    pub schema: Option<Text>,
    /// The table, function, CTE or the like that it reads or writes, unquoted.
    pub relation: Option<Text>,
    /// Its name in the statement, where that differs; the only name of a `Values Scan` or `Subquery Scan`.
    pub alias: Option<Text>,
    /// The index that it reads, unquoted.
    pub index: Option<Text>,
    /// The index is read backwards.
    pub backward: bool,
    /// What the planner expected; `None` with `COSTS OFF`.
    pub estimate: Option<Estimate>,
    /// What happened; `None` without `ANALYZE`, and where it never ran.
    pub actual: Option<Actual>,
    /// It was there, but never ran.
    pub never_executed: bool,
    /// Columns that it hands on (`VERBOSE`).
    pub output: Vec<Text>,
    /// What rows have to pass.
    pub conditions: Conditions,
    /// Rows that did not, a loop.
    pub removed: RemovedRows,
    /// `Sort Key`, with direction.
    pub sort_key: Vec<Text>,
    /// `Presorted Key`: what an `Incremental Sort` finds sorted already.
    pub presorted_key: Vec<Text>,
    /// `Group Key`.
    pub group_key: Vec<Text>,
    /// Several groupings at once: `GROUPING SETS`, `ROLLUP`, `CUBE`.
    pub grouping_sets: Vec<GroupingSet>,
    /// `Workers Planned`: of a `Gather`.
    pub workers_planned: Option<u64>,
    /// `Workers Launched`: of a `Gather` that ran.
    pub workers_launched: Option<u64>,
    /// A `Gather` whose plan runs in one worker only.
    pub single_copy: bool,
    /// `Params Evaluated`: of a `Gather` before PostgreSQL 17.
    pub params_evaluated: Vec<Text>,
    /// `Subplans Removed`: partitions that were left out when the statement started.
    pub subplans_removed: u64,
    /// `TABLESAMPLE`.
    pub sampling: Option<Sampling>,
    /// `Conflict Resolution`: `NOTHING` or `UPDATE`.
    pub conflict_resolution: Option<Text>,
    /// `Conflict Arbiter Indexes`.
    pub conflict_arbiters: Vec<Text>,
    /// Rows written, of `ON CONFLICT` and `MERGE`.
    pub tuples: Tuples,
    /// Tables that are written, where they are not just `relation`.
    pub targets: Vec<PlanTarget>,
    /// What it used: memory, disk, blocks; of the leader and all workers where EXPLAIN adds them up.
    pub resources: Resources,
    /// What each worker did, as far as EXPLAIN told it.
    pub workers: Vec<PlanWorker>,
    /// Every property that is not known by name, in order.
    pub extra: Vec<(Text, PlanValue)>,
    /// What only the richer formats say: `Inner Unique`, units, how a list was split.
    pub aside: Aside<Vec<(Text, PlanValue)>>,
}

impl PlanNode {
    /// The value of a property that is not known by name.
    #[must_use]
    pub fn extra(&self, key: &str) -> Option<&PlanValue> {
        self.extra.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// Rows that it gave, over all loops and processes; `None` if it was not run.
    #[must_use]
    pub fn rows(&self) -> Option<f64> {
        self.actual.as_ref().map(|actual| actual.rows * actual.loops)
    }

    /// How often it ran: 0 if never, or if nothing is known of it.
    #[must_use]
    pub fn loops(&self) -> f64 {
        self.actual.as_ref().map_or(0.0, |actual| actual.loops)
    }
}

/// What a node is to its parent. Text shows it by place and heading only, so it is told from there in all formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Relationship {
    /// The topmost node.
    #[default]
    Root,
    /// The only input, or the first of two.
    Outer,
    /// The second input.
    Inner,
    /// One of many: below `Append`, `BitmapOr` and the like.
    Member,
    /// Below a `Subquery Scan`.
    Subquery,
    /// Runs at most once, when its value is first needed; a CTE is one too.
    InitPlan,
    /// Runs for each row of its parent, or once into a hash table.
    SubPlan,
    /// Below a `Custom Scan`, or a part of a distributed query.
    Child,
}

/// What the planner expected of one run of a node.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Estimate {
    /// Cost until the first row.
    pub startup_cost: f64,
    /// Cost until the last row.
    pub total_cost: f64,
    /// Rows.
    pub rows: f64,
    /// Bytes a row.
    pub width: u64,
}

/// What happened in a node, on average over its loops.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Actual {
    /// Until the first row, in milliseconds; `None` with `TIMING OFF`.
    pub startup_ms: Option<f64>,
    /// Until the last row, in milliseconds; `None` with `TIMING OFF`.
    pub total_ms: Option<f64>,
    /// Rows a loop; rounded to a whole number before PostgreSQL 18.
    pub rows: f64,
    /// Times that it ran, over all processes.
    pub loops: f64,
}

/// What rows have to pass, as PostgreSQL spells it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Conditions {
    /// `Filter`
    pub filter: Option<Text>,
    /// `Index Cond`
    pub index: Option<Text>,
    /// `Recheck Cond`
    pub recheck: Option<Text>,
    /// `Order By`: by distance, told by the index itself.
    pub order_by: Option<Text>,
    /// `TID Cond`
    pub tid: Option<Text>,
    /// `Hash Cond`
    pub hash: Option<Text>,
    /// `Merge Cond`
    pub merge: Option<Text>,
    /// `Join Filter`
    pub join_filter: Option<Text>,
    /// `One-Time Filter`
    pub one_time_filter: Option<Text>,
    /// `Run Condition`: when a window function may stop.
    pub run_condition: Option<Text>,
    /// `Conflict Filter`: the `WHERE` of `ON CONFLICT DO UPDATE`.
    pub conflict_filter: Option<Text>,
    /// `Function Call`, `Table Function Call`
    pub function_call: Option<Text>,
    /// `Window`: definition of the window (PostgreSQL 18).
    pub window: Option<Text>,
    /// `Cache Key` of a `Memoize`.
    pub cache_key: Option<Text>,
    /// `Cache Mode` of a `Memoize`: `logical` or `binary`.
    pub cache_mode: Option<Text>,
    /// `Remote SQL`: what a foreign server is asked.
    pub remote_sql: Option<Text>,
}

impl Conditions {
    /// Those that are there, with their names, in the order of the text.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &Text)> {
        [
            ("Function Call", &self.function_call),
            ("Index Cond", &self.index),
            ("Recheck Cond", &self.recheck),
            ("TID Cond", &self.tid),
            ("Order By", &self.order_by),
            ("Hash Cond", &self.hash),
            ("Merge Cond", &self.merge),
            ("Join Filter", &self.join_filter),
            ("One-Time Filter", &self.one_time_filter),
            ("Window", &self.window),
            ("Run Condition", &self.run_condition),
            ("Cache Key", &self.cache_key),
            ("Cache Mode", &self.cache_mode),
            ("Conflict Filter", &self.conflict_filter),
            ("Filter", &self.filter),
            ("Remote SQL", &self.remote_sql),
        ]
        .into_iter()
        .filter_map(|(name, condition)| Some((name, condition.as_ref()?)))
    }
}

/// Rows that did not pass, a loop, rounded by PostgreSQL. Zero where nothing was said.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RemovedRows {
    /// `Rows Removed by Filter`
    pub filter: f64,
    /// `Rows Removed by Join Filter`
    pub join_filter: f64,
    /// `Rows Removed by Index Recheck`
    pub index_recheck: f64,
    /// `Rows Removed by Conflict Filter`
    pub conflict_filter: f64,
}

/// One of several groupings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupingSet {
    /// What is sorted by before this grouping and those after it, where it is sorted anew.
    pub sort_key: Vec<Text>,
    /// By a hash table (`Hash Key`), not in order (`Group Key`).
    pub hashed: bool,
    /// Its key; empty for the whole.
    pub key: Vec<Text>,
}

/// `TABLESAMPLE`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sampling {
    /// `system`, `bernoulli`.
    pub method: Text,
    /// Its parameters.
    pub parameters: Vec<Text>,
    /// `REPEATABLE`.
    pub repeatable: Option<Text>,
}

/// Rows written by `ON CONFLICT` or `MERGE`. Zero where nothing was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tuples {
    /// New rows.
    pub inserted: u64,
    /// Changed rows.
    pub updated: u64,
    /// Removed rows.
    pub deleted: u64,
    /// Rows that no `WHEN` took.
    pub skipped: u64,
    /// Rows that were there already.
    pub conflicting: u64,
}

/// A table that is written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlanTarget {
    /// Its schema (`VERBOSE`).
    pub schema: Option<Text>,
    /// Its name, unquoted.
    pub relation: Text,
    /// Its name in the statement, where that differs.
    pub alias: Option<Text>,
    /// What its foreign server is asked, and other properties.
    pub extra: Vec<(Text, PlanValue)>,
}

/// What one parallel worker did in a node.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlanWorker {
    /// From 0.
    pub number: u64,
    /// What happened in it (`VERBOSE`).
    pub actual: Option<Actual>,
    /// What it used.
    pub resources: Resources,
    /// Every property that is not known by name, in order.
    pub extra: Vec<(Text, PlanValue)>,
}
