//! A rehearsal as JSON, in a shape of its own. Everything may be missing: entries of older versions have less.

use serde::{Deserialize, Serialize};

use super::{
    event::{
        Rehearsal, RehearsalOutcome, RehearsedIndex, RehearsedSide, RehearsedStatement,
        SampledTable,
    },
    wire::finite,
};

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct RehearsalWire {
    outcome: String,
    ground: String,
    sampled: Vec<(String, u64, f64)>,
    indexes: Vec<(String, u64, u64)>,
    statements: Vec<StatementWire>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct StatementWire {
    query_id: i64,
    text: String,
    refused: String,
    verdict: String,
    before: SideWire,
    after: SideWire,
    plan_changed: bool,
    rows: String,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct SideWire {
    millis: Option<f64>,
    interval: Option<(f64, f64)>,
    runs: u64,
    blocks: Option<u64>,
    rows: Option<u64>,
    timed_out: bool,
}

const OUTCOMES: [RehearsalOutcome; 5] = [
    RehearsalOutcome::Better,
    RehearsalOutcome::NoGain,
    RehearsalOutcome::Worse,
    RehearsalOutcome::RowsDiffer,
    RehearsalOutcome::Open,
];

impl From<Rehearsal> for RehearsalWire {
    fn from(it: Rehearsal) -> Self {
        let sampled = it.sampled.into_iter();
        let indexes = it.indexes.into_iter();
        Self {
            outcome: it.outcome.as_str().to_owned(),
            ground: it.ground,
            sampled: sampled.map(|it| (it.name, it.rows, finite(it.fraction))).collect(),
            indexes: indexes.map(|it| (it.name, it.bytes, it.millis)).collect(),
            statements: it.statements.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<RehearsalWire> for Rehearsal {
    fn from(it: RehearsalWire) -> Self {
        let outcome = OUTCOMES.into_iter().find(|known| known.as_str() == it.outcome);
        let sampled = |(name, rows, fraction)| SampledTable { name, rows, fraction };
        let index = |(name, bytes, millis)| RehearsedIndex { name, bytes, millis };
        Self {
            outcome: outcome.unwrap_or_default(),
            ground: it.ground,
            sampled: it.sampled.into_iter().map(sampled).collect(),
            indexes: it.indexes.into_iter().map(index).collect(),
            statements: it.statements.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<RehearsedStatement> for StatementWire {
    fn from(it: RehearsedStatement) -> Self {
        Self {
            query_id: it.query_id,
            text: it.text,
            refused: it.refused,
            verdict: it.verdict,
            before: it.before.into(),
            after: it.after.into(),
            plan_changed: it.plan_changed,
            rows: it.rows,
        }
    }
}

impl From<StatementWire> for RehearsedStatement {
    fn from(it: StatementWire) -> Self {
        Self {
            query_id: it.query_id,
            text: it.text,
            refused: it.refused,
            verdict: it.verdict,
            before: it.before.into(),
            after: it.after.into(),
            plan_changed: it.plan_changed,
            rows: it.rows,
        }
    }
}

impl From<RehearsedSide> for SideWire {
    fn from(it: RehearsedSide) -> Self {
        let RehearsedSide { millis, interval, runs, blocks, rows, timed_out } = it;
        let interval = interval.map(|(low, high)| (finite(low), finite(high)));
        Self { millis: millis.map(finite), interval, runs, blocks, rows, timed_out }
    }
}

impl From<SideWire> for RehearsedSide {
    fn from(it: SideWire) -> Self {
        let SideWire { millis, interval, runs, blocks, rows, timed_out } = it;
        Self { millis, interval, runs, blocks, rows, timed_out }
    }
}
