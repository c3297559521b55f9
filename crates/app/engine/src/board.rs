//! Before and after, for people who decide: what operations did in two recordings, with sample counts and intervals.

mod kept;

use std::collections::BTreeMap;

use find::{Outcome, RequestView};
use model::{OperationKey, Trace, Window};
use stats::{Interval, quantile, quantile_interval};

pub use kept::{Kept, Spent, kept};

use crate::{Analysis, SeenBefore};

/// Operations that are told; the rest are added up in what all of them cost.
pub const OPERATIONS_TOLD_MAX: usize = 20;

/// One recording.
#[derive(Debug)]
pub struct Side {
    /// From the first request to the last; `None` if there was none.
    pub window: Option<Window>,
    /// Its requests.
    pub requests: u64,
    /// What is wrong in it, and what that costs.
    pub outcome: Outcome,
    /// What each operation did.
    pub operations: BTreeMap<OperationKey, Did>,
}

/// What an operation did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Did {
    /// How long requests took, ascending.
    pub durations_nanos: Vec<u64>,
    /// Statements of each, ascending.
    pub statements: Vec<u64>,
    /// Of them, failed.
    pub failed: u64,
}

/// A measure of one operation in both recordings.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Which.
    pub key: OperationKey,
    /// `p95`, `queries per request`, `failed`.
    pub name: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// Before.
    pub before: Figure,
    /// After.
    pub after: Figure,
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds.
    Nanos,
    /// Things.
    Count,
    /// Parts of a whole, 0 to 1.
    Share,
}

/// A figure with what it stands on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// How much.
    pub value: f64,
    /// Where it lies with 95 %; `None` where there are too few requests.
    pub interval: Option<Interval>,
    /// Requests that it is of.
    pub requests: u64,
}

impl Row {
    /// `after / before - 1`; `None` where there was nothing before.
    #[must_use]
    pub fn change(&self) -> Option<f64> {
        (self.before.value > 0.0).then(|| self.after.value / self.before.value - 1.0)
    }

    /// Whether the intervals of both lie apart, so that it is no chance.
    #[must_use]
    pub fn is_sure(&self) -> bool {
        match (self.before.interval, self.after.interval) {
            (Some(before), Some(after)) => before.high < after.low || after.high < before.low,
            _ => false,
        }
    }
}

/// What a recording shows.
#[must_use]
pub fn side(traces: &[Trace], settings: &config::Settings) -> Side {
    let mut analysis =
        Analysis::new(settings.find.clone(), settings.targets, settings.levels, None);
    let mut operations: BTreeMap<OperationKey, Did> = BTreeMap::new();
    for trace in traces {
        let _facts = analysis.add(trace, &mut SeenBefore::default());
        for entry in &trace.entries {
            let view = RequestView::new(trace, *entry);
            if view.request().is_none() {
                continue;
            }
            let did = operations.entry(view.key.clone()).or_default();
            let nanos = u64::try_from(view.duration().as_nanos()).unwrap_or(u64::MAX);
            did.durations_nanos.push(nanos);
            did.statements.push(u64::from(view.statement_count()));
            did.failed += u64::from(view.entry_call().failed);
        }
    }
    for did in operations.values_mut() {
        did.durations_nanos.sort_unstable();
        did.statements.sort_unstable();
    }
    analysis.look_at_window();
    let outcome = analysis.outcome();
    let requests = operations.values().map(|did| did.durations_nanos.len() as u64).sum();
    Side { window: outcome.observed, requests, outcome, operations }
}

/// Operations that both have, those first that took the most time before.
#[must_use]
pub fn rows(before: &Side, after: &Side) -> Vec<Row> {
    let mut common: Vec<(&OperationKey, &Did, &Did)> = before
        .operations
        .iter()
        .filter_map(|(key, did)| Some((key, did, after.operations.get(key)?)))
        .collect();
    let spent =
        |did: &Did| did.durations_nanos.iter().map(|nanos| u128::from(*nanos)).sum::<u128>();
    common.sort_by(|left, right| spent(right.1).cmp(&spent(left.1)).then(left.0.cmp(right.0)));
    common.truncate(OPERATIONS_TOLD_MAX);
    common.into_iter().flat_map(|(key, before, after)| of(key, before, after)).collect()
}

fn of(key: &OperationKey, before: &Did, after: &Did) -> Vec<Row> {
    let row = |name, unit, figure: &dyn Fn(&Did) -> Option<Figure>| {
        Some(Row { key: key.clone(), name, unit, before: figure(before)?, after: figure(after)? })
    };
    let time = |at: f64| move |did: &Did| ordered(&did.durations_nanos, at);
    let failed = |did: &Did| {
        let requests = did.durations_nanos.len() as u64;
        let value = if requests == 0 { 0.0 } else { float(did.failed) / float(requests) };
        Some(Figure { value, interval: None, requests })
    };
    let rows = [
        row("p50", Unit::Nanos, &time(0.5)),
        row("p95", Unit::Nanos, &time(0.95)),
        row("queries per request", Unit::Count, &|did| ordered(&did.statements, 0.5)),
        row("failed", Unit::Share, &failed),
    ];
    let is_told = |row: &Row| row.unit != Unit::Share || 0.0 < row.before.value + row.after.value;
    rows.into_iter().flatten().filter(is_told).collect()
}

fn ordered(ascending: &[u64], at: f64) -> Option<Figure> {
    Some(Figure {
        value: float(quantile(ascending, at)?),
        interval: quantile_interval(ascending, at),
        requests: ascending.len() as u64,
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts and latencies are far below 2^53")]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn did(millis: impl IntoIterator<Item = u64>, statements: u64) -> Did {
        let durations_nanos: Vec<u64> = millis.into_iter().map(|it| it * 1_000_000).collect();
        let statements = vec![statements; durations_nanos.len()];
        Did { durations_nanos, statements, failed: 0 }
    }

    #[test]
    fn a_change_is_sure_where_intervals_lie_apart() {
        let key = OperationKey { service: Arc::from("shop"), operation: Arc::from("GET /") };
        let rows = of(&key, &did(100..120, 384), &did(10..30, 3));
        let names: Vec<&str> = rows.iter().map(|row| row.name).collect();
        assert_eq!(names, ["p50", "p95", "queries per request"]);
        assert!(rows[0].is_sure() && rows[2].is_sure());
        assert!(!rows[1].is_sure(), "p95 of twenty requests has no interval");
        assert!(rows[2].change().is_some_and(|change| (change + 0.992).abs() < 0.001));
        assert_eq!(rows[0].before.requests, 20);
    }
}
