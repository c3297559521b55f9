//! Plans on the wire: each node with what it took itself.

use serde::Serialize;
use utoipa::ToSchema;

/// Plans that were read from a text.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlanAnswer {
    /// In the order of the text.
    pub plans: Vec<Plan>,
    /// What could not be understood.
    pub problems: Vec<String>,
}

/// One plan.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Plan {
    /// What `own`, `whole` and `total` are: `time` in microseconds, or the planner's `cost` where nothing was
    /// run or timed.
    pub basis: String,
    /// What the statement took, or would cost.
    pub total: f64,
    /// Time of planning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planning_micros: Option<f64>,
    /// Nodes, depth first.
    pub nodes: Vec<PlanNode>,
    /// What to look at, worst first.
    pub notes: Vec<PlanNote>,
    /// What is known of the whole: settings, compilation, triggers.
    pub facts: Vec<PlanFact>,
}

/// One node.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlanNode {
    /// Steps below the root.
    pub depth: usize,
    /// `Index Scan using orders_pkey on orders`.
    pub name: String,
    /// `InitPlan 1`, `CTE recent`, `SubPlan 2`; empty for an input.
    pub relationship: String,
    /// What it took itself, over all its runs.
    pub own: f64,
    /// Share of that in the whole plan, 0 to 1.
    pub own_share: f64,
    /// What it took with all below it.
    pub whole: f64,
    /// Rows expected of one run.
    pub rows_planned: f64,
    /// Rows that one run gave on average.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<f64>,
    /// `rows` by `rows_planned`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// Runs.
    pub loops: f64,
    /// Blocks that it touched itself.
    pub blocks: u64,
    /// It was there, but never ran.
    pub never_executed: bool,
    /// Everything else that was said of it, in order.
    pub details: Vec<PlanFact>,
}

/// A property and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlanFact {
    /// As `EXPLAIN` calls it.
    pub key: String,
    /// As `EXPLAIN` prints it.
    pub value: String,
}

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlanNote {
    /// What it is called: `sequential-scan`.
    pub name: String,
    /// Place of the node.
    pub node: usize,
    /// What is wrong, in a sentence.
    pub claim: String,
    /// What to do, in a sentence.
    pub hint: String,
}
