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
    /// `rows` by `rows_planned`; none where somebody above stopped asking before it was done.
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
    /// Place of the node; none where it is about the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<usize>,
    /// What is wrong, in a sentence.
    pub claim: String,
    /// What to do, in a sentence.
    pub hint: String,
}

impl Plan {
    /// A plan with its times told apart and what there is to look at.
    #[must_use]
    pub fn new(plan: &model::Plan, limits: &find::plan::PlanLimits) -> Self {
        let times = sql::plan::own_times(plan);
        let timed = times.total_ms.is_some();
        let costs: f64 = times.nodes.iter().map(|node| node.own_cost).sum();
        let amount = |millis: Option<f64>, cost: f64| {
            if timed { millis.unwrap_or(0.0) * 1e3 } else { cost }
        };
        let notes = find::plan::look_with(plan, &times, limits);
        let nodes = plan.nodes.iter().zip(&times.nodes).map(|(node, spent)| PlanNode {
            depth: node.depth,
            name: sql::plan::title(node),
            relationship: sql::plan::role(node),
            own: amount(spent.own_ms, spent.own_cost),
            own_share: spent.share,
            whole: amount(
                spent.inclusive_ms,
                node.estimate.map_or(0.0, |estimate| estimate.total_cost),
            ),
            rows_planned: node.estimate.map_or(0.0, |estimate| estimate.rows),
            rows: node.actual.map(|actual| actual.rows),
            factor: spent.factor.filter(|_| !spent.cut_short),
            loops: node.loops(),
            blocks: spent.own_buffers.touched(),
            never_executed: node.never_executed,
            details: sql::plan::details(node).into_iter().map(PlanFact::from).collect(),
        });
        Self {
            basis: if timed { "time" } else { "cost" }.to_owned(),
            total: amount(times.total_ms, costs),
            planning_micros: plan.planning.time_ms.map(|millis| millis * 1e3),
            nodes: nodes.collect(),
            notes: notes.iter().map(PlanNote::from).collect(),
            facts: facts(plan),
        }
    }
}

impl From<(String, String)> for PlanFact {
    fn from((key, value): (String, String)) -> Self {
        Self { key, value }
    }
}

impl From<&find::plan::PlanNote> for PlanNote {
    fn from(note: &find::plan::PlanNote) -> Self {
        Self {
            name: note.rule.to_owned(),
            node: note.node,
            claim: note.claim.clone(),
            hint: note.hint.clone(),
        }
    }
}

/// What was said of the whole.
fn facts(plan: &model::Plan) -> Vec<PlanFact> {
    let mut facts: Vec<(String, String)> = Vec::new();
    if let Some(execution) = plan.execution_ms {
        facts.push(("execution".to_owned(), format!("{execution} ms")));
    }
    for (name, value) in &plan.settings {
        facts.push((name.to_string(), value.as_deref().unwrap_or("default").to_owned()));
    }
    for trigger in &plan.triggers {
        let time = trigger.time_ms.map_or_else(String::new, |time| format!(" {time} ms"));
        facts.push((format!("trigger {}", trigger.name), format!("{} calls{time}", trigger.calls)));
    }
    if let Some(jit) = &plan.jit {
        facts.push(("JIT".to_owned(), format!("{} functions", jit.functions)));
    }
    if let Some(serialization) = &plan.serialization {
        facts.push(("serialization".to_owned(), format!("{} kB", serialization.output_kb)));
    }
    if let Some(id) = plan.query_id {
        facts.push(("query id".to_owned(), id.to_string()));
    }
    for (name, value) in plan.extra.iter().chain(&plan.aside.0) {
        facts.push((name.to_string(), sql::plan::value_text(value)));
    }
    facts.into_iter().map(PlanFact::from).collect()
}
