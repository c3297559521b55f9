//! Plans that `auto_explain` logged: how many of each statement, and the slowest of them as a short tree.
//!
//! Of a plan the names of its nodes are kept, with times and rows: conditions hold literals.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::parts::{more, nanos};
use crate::postgres_log::{event::PlanFormat, record::Record};

/// Statements whose plans are kept: the report shows some dozens.
const STATEMENTS_MAX: usize = 1_000;
/// Nodes of a tree: those of most plans; larger ones are cut.
const NODES_MAX: usize = 60;
/// Bytes of a plan that is read: longer ones are generated, and nobody reads them.
const PLAN_BYTES_MAX: usize = 256 << 10;

/// Plans of one shape of statements.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoggedPlans {
    /// Of the statement.
    pub fingerprint: u64,
    /// How many were logged.
    pub count: u64,
    /// Time of the statements that they were of.
    pub total_nanos: u64,
    /// The slowest of them.
    pub slowest_nanos: u64,
    /// When that was logged, in nanoseconds since 1970 on the log's clock.
    pub at_nanos: Option<i64>,
    /// Its nodes, parents first; empty if it could not be read.
    pub nodes: Vec<LoggedNode>,
    /// Nodes beyond those.
    pub nodes_left_out: u64,
}

/// A node of a plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoggedNode {
    /// Nodes above it.
    pub depth: u32,
    /// As EXPLAIN calls it: `Index Scan using orders_pkey on orders`.
    pub title: String,
    /// Its own time; `None` without `log_analyze` and `log_timing`.
    pub own_nanos: Option<u64>,
    /// Its own part of the whole, from 0 to 1: of time, or of cost where there are no times.
    pub share: f64,
    /// Rows that it gave, over all loops.
    pub rows: Option<f64>,
    /// Rows that the planner expected.
    pub expected_rows: Option<f64>,
    /// It was not needed.
    pub never_executed: bool,
}

/// All plans, by the fingerprint of their statement.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Plans {
    by_statement: BTreeMap<u64, LoggedPlans>,
}

impl Plans {
    /// Takes in a plan.
    pub(super) fn add(
        &mut self,
        fingerprint: u64,
        took: Duration,
        record: &Record<'_>,
        text: &str,
    ) {
        let took = nanos(took);
        if !self.by_statement.contains_key(&fingerprint) && !self.has_room_for(took) {
            return;
        }
        let known = self.by_statement.entry(fingerprint).or_default();
        known.fingerprint = fingerprint;
        more(&mut known.count, 1);
        more(&mut known.total_nanos, took);
        if known.count == 1 || known.slowest_nanos < took {
            known.slowest_nanos = took;
            known.at_nanos = record.time.map(|time| time.local_nanos);
            (known.nodes, known.nodes_left_out) = tree(text);
        }
    }

    /// Room for one more statement; the one whose plans took least goes for one that takes longer.
    fn has_room_for(&mut self, took: u64) -> bool {
        if self.by_statement.len() < STATEMENTS_MAX {
            return true;
        }
        let least = self.by_statement.values().min_by_key(|known| known.total_nanos);
        match least.map(|known| (known.fingerprint, known.total_nanos)) {
            Some((fingerprint, total)) if total < took => {
                self.by_statement.remove(&fingerprint);
                true
            }
            _ => false,
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (fingerprint, plans) in &other.by_statement {
            if !self.by_statement.contains_key(fingerprint) && !self.has_room_for(plans.total_nanos)
            {
                continue;
            }
            let known = self.by_statement.entry(*fingerprint).or_default();
            known.fingerprint = *fingerprint;
            more(&mut known.count, plans.count);
            more(&mut known.total_nanos, plans.total_nanos);
            let is_slower = (known.slowest_nanos, std::cmp::Reverse(known.at_nanos))
                < (plans.slowest_nanos, std::cmp::Reverse(plans.at_nanos));
            if is_slower || known.nodes.is_empty() {
                known.slowest_nanos = known.slowest_nanos.max(plans.slowest_nanos);
                known.at_nanos = plans.at_nanos;
                known.nodes.clone_from(&plans.nodes);
                known.nodes_left_out = plans.nodes_left_out;
            }
        }
    }

    /// Those that took longest first.
    pub(super) fn list(&self) -> Vec<&LoggedPlans> {
        let mut all: Vec<&LoggedPlans> = self.by_statement.values().collect();
        all.sort_by_key(|plans| (std::cmp::Reverse(plans.slowest_nanos), plans.fingerprint));
        all
    }
}

/// The nodes of a plan, whatever it is printed as, and how many were left out.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float saturates when it becomes a whole number"
)]
fn tree(text: &str) -> (Vec<LoggedNode>, u64) {
    if PLAN_BYTES_MAX < text.len() {
        return (Vec::new(), 0);
    }
    let plans = sql::plan::read(text).unwrap_or_default();
    let Some(plan) = plans.first() else { return (Vec::new(), 0) };
    let times = sql::plan::own_times(plan);
    let nodes = plan.nodes.iter().zip(&times.nodes).take(NODES_MAX);
    let nodes = nodes.map(|(node, times)| LoggedNode {
        depth: u32::try_from(node.depth).unwrap_or(u32::MAX),
        title: sql::plan::title(node),
        own_nanos: times.own_ms.map(|own| (own * 1e6) as u64),
        share: times.share,
        rows: times.rows,
        expected_rows: times.expected_rows,
        never_executed: node.never_executed,
    });
    (nodes.collect(), plan.nodes.len().saturating_sub(NODES_MAX) as u64)
}

/// The statement that a plan is of.
pub(super) fn query(format: PlanFormat, text: &str) -> Option<Cow<'_, str>> {
    match format {
        PlanFormat::Text => {
            let rest = text.strip_prefix("Query Text:")?;
            let ends =
                |line: &str| line.contains("  (cost=") || line.starts_with("Query Parameters:");
            let mut end = 0;
            for line in rest.split_inclusive('\n') {
                if ends(line) {
                    break;
                }
                end += line.len();
            }
            Some(Cow::Borrowed(rest.get(..end)?.trim()))
        }
        PlanFormat::Json | PlanFormat::Yaml => {
            let mark = if format == PlanFormat::Json { "\"Query Text\":" } else { "Query Text:" };
            let (_, rest) = text.split_once(mark)?;
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            Some(Cow::Owned(values.next()?.ok()?))
        }
        PlanFormat::Xml => {
            let (_, rest) = text.split_once("<Query-Text>")?;
            let (query, _) = rest.split_once("</Query-Text>")?;
            let plain = query.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
            Some(Cow::Owned(plain.replace("&#x0d;", "\r").replace("&amp;", "&")))
        }
    }
}
