//! Plans that were logged, and who waited for whom, as they are told.

use observe::postgres_log::{LockChain, LoggedNode, LoggedPlans, Summary};
use serde::Serialize;

use super::made::{clock, text_of};

/// Plans of one statement.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PlansTold {
    pub(crate) fingerprint: String,
    pub(crate) statement: String,
    /// Plans that were logged.
    pub(crate) count: u64,
    pub(crate) total_micros: u64,
    pub(crate) slowest_micros: u64,
    /// When the slowest was logged.
    pub(crate) at: String,
    /// Nodes of the slowest one, parents first.
    pub(crate) nodes: Vec<NodeTold>,
    pub(crate) nodes_left_out: u64,
}

/// A node of a plan.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NodeTold {
    pub(crate) depth: u32,
    pub(crate) title: String,
    pub(crate) own_micros: Option<u64>,
    /// Its own part of the whole: of time, or of cost where there are no times.
    pub(crate) share: f64,
    pub(crate) rows: Option<f64>,
    pub(crate) expected_rows: Option<f64>,
    pub(crate) never_executed: bool,
}

/// Waits of one kind, from who held the lock to who waited for it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ChainTold {
    pub(crate) what: String,
    /// Statements, the holder's first; empty where the log does not tell one.
    pub(crate) statements: Vec<String>,
    pub(crate) waits: u64,
    pub(crate) total_micros: u64,
    pub(crate) longest_micros: u64,
    pub(crate) last: String,
}

impl PlansTold {
    fn new(plans: &LoggedPlans, summary: &Summary) -> Self {
        Self {
            fingerprint: format!("{:016x}", plans.fingerprint),
            statement: text_of(plans.fingerprint, summary),
            count: plans.count,
            total_micros: plans.total_nanos / 1_000,
            slowest_micros: plans.slowest_nanos / 1_000,
            at: plans.at_nanos.map(clock).unwrap_or_default(),
            nodes: plans.nodes.iter().map(NodeTold::new).collect(),
            nodes_left_out: plans.nodes_left_out,
        }
    }
}

impl NodeTold {
    fn new(node: &LoggedNode) -> Self {
        Self {
            depth: node.depth,
            title: node.title.clone(),
            own_micros: node.own_nanos.map(|own| own / 1_000),
            share: node.share,
            rows: node.rows,
            expected_rows: node.expected_rows,
            never_executed: node.never_executed,
        }
    }

    /// `12 rows, 1 expected`; empty where neither is known.
    pub(crate) fn rows_told(&self) -> String {
        if self.never_executed {
            return "never executed".to_owned();
        }
        match (self.rows, self.expected_rows) {
            (Some(rows), Some(expected)) => format!("{rows:.0} rows, {expected:.0} expected"),
            (Some(rows), None) => format!("{rows:.0} rows"),
            (None, Some(expected)) => format!("{expected:.0} rows expected"),
            (None, None) => String::new(),
        }
    }
}

/// The statements whose plans were slowest.
pub(super) fn plans(summary: &Summary, top: usize) -> Vec<PlansTold> {
    summary.logged_plans().into_iter().take(top).map(|one| PlansTold::new(one, summary)).collect()
}

/// The chains that waited longest.
pub(super) fn chains(summary: &Summary, top: usize) -> Vec<ChainTold> {
    let told = |chain: LockChain| ChainTold {
        statements: chain.fingerprints.iter().map(|one| text_of(*one, summary)).collect(),
        what: chain.what,
        waits: chain.waits,
        total_micros: chain.total_nanos / 1_000,
        longest_micros: chain.longest_nanos / 1_000,
        last: chain.last_nanos.map(clock).unwrap_or_default(),
    };
    summary.lock_chains().into_iter().take(top).map(told).collect()
}
