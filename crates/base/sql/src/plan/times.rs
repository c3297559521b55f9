//! Where the time of a plan really goes.
//!
//! EXPLAIN gives each node the average of its loops, children included. What a node took in all is that average times
//! its loops; what it took itself is that without its children. Four things make it more than a subtraction:
//!
//! - **Workers.** Below a `Gather` loops are counted over all processes, which run at the same time. The child of a
//!   `Gather` runs once in each, so its loops over the `Gather`'s own are the number of processes, the leader
//!   included if it took part; all times below are divided by it. What is told is wall-clock time on average over the
//!   processes; waiting for the slowest of them is the `Gather`'s own.
//! - **`InitPlan`s** run when their value is first needed, within the node that names it, not within the node that they
//!   are printed below. Where that node is within parallel workers, its `Gather` runs them first.
//! - **CTEs** run while somebody reads them: the time is taken from their readers, the first one first. One that
//!   writes runs to its end after everything else, so what no reader accounts for is on top of the root's time.
//! - **Rounding.** Averages have three digits, so a million loops can be off by a second. Children that claim more
//!   than their parent has are scaled down to it.
//!
//! So no node has less than nothing, and own times always add up to the total: [`PlanTimes::total_ms`].

mod tree;

use model::{
    Plan,
    plan::{Buffers, IoTimes},
};

/// A plan with its times told apart.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlanTimes {
    /// What all nodes took together, in milliseconds: the root's time, and that of writing CTEs that ran after it.
    /// `None` if the plan was not run, or without timing.
    pub total_ms: Option<f64>,
    /// What `Execution Time` has beyond that and the triggers: start, end, sending rows. `None` if it is not known.
    pub beyond_ms: Option<f64>,
    /// Time of triggers that run after their statement; of others it is within their `ModifyTable`.
    pub triggers_ms: f64,
    /// One for each node of the plan, in the same order.
    pub nodes: Vec<NodeTimes>,
}

/// What one node took.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NodeTimes {
    /// In whose time it ran: its parent, but for CTEs and `InitPlan`s. `None` for what ran on its own.
    pub within: Option<usize>,
    /// Wall-clock time with what ran within it, in milliseconds.
    pub inclusive_ms: Option<f64>,
    /// Wall-clock time of its own.
    pub own_ms: Option<f64>,
    /// Its own part of the whole, from 0 to 1: of time, or of cost where there are no times.
    pub share: f64,
    /// What the planner took its own cost to be; never below zero.
    pub own_cost: f64,
    /// Processes that shared its work.
    pub processes: f64,
    /// Rows that it gave, over all loops.
    pub rows: Option<f64>,
    /// Rows that the planner expected, over as many loops.
    pub expected_rows: Option<f64>,
    /// Actual rows over expected ones, a loop: above 1 there were more. Counts below one row are taken for one.
    pub factor: Option<f64>,
    /// Rows that it looked at and dropped, over all loops.
    pub removed_rows: f64,
    /// Somebody above stopped asking before it was done (`LIMIT`, a semi-join), so that few rows are no misestimate.
    pub cut_short: bool,
    /// Blocks that it touched itself.
    pub own_buffers: Buffers,
    /// Time that it spent itself reading and writing.
    pub own_io: IoTimes,
}

/// Tells the times of a plan apart; one entry for each of its nodes.
#[must_use]
pub fn own_times(plan: &Plan) -> PlanTimes {
    let tree = tree::Tree::new(plan);
    let spent = tree.spend(plan);
    let total_ms = spent.iter().any(Option::is_some).then(|| tree::Tree::all_ms(&spent));
    let triggers_ms: f64 = plan.triggers.iter().filter_map(|trigger| trigger.time_ms).sum();
    let costs = own_costs(plan);
    let all_costs: f64 = costs.iter().sum();
    let mut nodes = Vec::with_capacity(plan.nodes.len());
    for (place, node) in plan.nodes.iter().enumerate() {
        let own_ms = spent.get(place).copied().flatten().map(|spent| spent.own_ms);
        let own_cost = costs.get(place).copied().unwrap_or(0.0);
        let share = match (own_ms, total_ms) {
            (Some(own), Some(total)) if 0.0 < total => own / total,
            (None, None) if 0.0 < all_costs => own_cost / all_costs,
            _ => 0.0,
        };
        let loops = node.loops();
        let expected = node.estimate.map(|estimate| estimate.rows);
        let removed = &node.removed;
        let removed =
            removed.filter + removed.join_filter + removed.index_recheck + removed.conflict_filter;
        let inner = tree.children(place);
        let sum = |mut left: Buffers| {
            for child in inner {
                if let Some(child) = plan.nodes.get(*child) {
                    left = left.without(&child.resources.buffers);
                }
            }
            left
        };
        nodes.push(NodeTimes {
            within: tree.within(place),
            inclusive_ms: spent.get(place).copied().flatten().map(|spent| spent.inclusive_ms),
            own_ms,
            share,
            own_cost,
            processes: tree.processes(place),
            rows: node.rows(),
            expected_rows: expected.map(|rows| rows * loops),
            factor: node
                .actual
                .zip(expected)
                .map(|(actual, expected)| actual.rows.max(1.0) / expected.max(1.0)),
            removed_rows: removed * loops,
            cut_short: tree.is_cut_short(place),
            own_buffers: sum(node.resources.buffers),
            own_io: own_io(plan, place, inner),
        });
    }
    let beyond_ms = total_ms
        .zip(plan.execution_ms)
        .map(|(total, execution)| (execution - total - triggers_ms).max(0.0));
    PlanTimes { total_ms, beyond_ms, triggers_ms, nodes }
}

fn own_io(plan: &Plan, place: usize, inner: &[usize]) -> IoTimes {
    let Some(node) = plan.nodes.get(place) else { return IoTimes::default() };
    let mut own = node.resources.io;
    for child in inner.iter().filter_map(|child| plan.nodes.get(*child)) {
        let part = &child.resources.io;
        own = IoTimes {
            shared_read_ms: (own.shared_read_ms - part.shared_read_ms).max(0.0),
            shared_write_ms: (own.shared_write_ms - part.shared_write_ms).max(0.0),
            local_read_ms: (own.local_read_ms - part.local_read_ms).max(0.0),
            local_write_ms: (own.local_write_ms - part.local_write_ms).max(0.0),
            temp_read_ms: (own.temp_read_ms - part.temp_read_ms).max(0.0),
            temp_write_ms: (own.temp_write_ms - part.temp_write_ms).max(0.0),
        };
    }
    own
}

/// Cost of each node without its children. A parent that stops early costs less than its child: it is zero then.
fn own_costs(plan: &Plan) -> Vec<f64> {
    let total = |place: usize| {
        plan.nodes
            .get(place)
            .and_then(|node| node.estimate)
            .map_or(0.0, |estimate| estimate.total_cost)
    };
    let mut own: Vec<f64> = (0..plan.nodes.len()).map(total).collect();
    for (place, node) in plan.nodes.iter().enumerate() {
        if let Some(own) = node.parent.and_then(|parent| own.get_mut(parent)) {
            *own -= total(place);
        }
    }
    own.into_iter().map(|cost| cost.max(0.0)).collect()
}
