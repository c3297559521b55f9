//! One run of a statement under EXPLAIN, and what many of them say together.

use std::time::Duration;

use serde_json::Value;
use tokio_postgres::{
    Transaction,
    types::{Format, IsNull, ToSql, Type},
};

use super::{Options, RehearseError, Session, Statement};

/// What one side of a comparison took.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Side {
    /// Execution times of the runs that count, in their order.
    pub times: Vec<Duration>,
    /// Their median; `None` where a run took longer than it might.
    pub median: Option<Duration>,
    /// Where the median lies with 95 % confidence; `None` for fewer than six runs.
    pub interval: Option<(Duration, Duration)>,
    /// A run took longer than `statement_timeout`, and no more of them were made.
    pub timed_out: bool,
    /// Blocks of shared buffers that the last run touched, found or read; `None` where none ended.
    pub blocks: Option<u64>,
    /// Rows that the last run returned; `None` where none ended.
    pub rows: Option<u64>,
    /// What `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)` said in the run that does not count: with the
    /// time of each node.
    pub plan_json: Option<String>,
    /// What `EXPLAIN` says without running it.
    pub plan_text: String,
    /// Nodes of the plan with their tables and indexes, in order: equal where plans are.
    pub shape: String,
}

/// Which node times are taken: reading the clock twice for each row is not free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    /// Of each node.
    Nodes,
    /// Of the whole alone.
    Whole,
}

/// Measures one side a run at a time, so that two sides can take turns.
#[derive(Debug)]
pub(super) struct Runner<'a> {
    statement: &'a Statement,
    /// What is undone after each run: it makes the side what it is.
    changes: &'a [String],
    pub(super) side: Side,
}

impl<'a> Runner<'a> {
    pub(super) fn new(statement: &'a Statement, changes: &'a [String]) -> Self {
        Self { statement, changes, side: Side::default() }
    }

    /// The run that does not count: caches are as they will be from now on, and the plan is kept.
    pub(super) async fn warm_up(
        &mut self,
        session: &mut Session,
        options: &Options,
    ) -> Result<(), RehearseError> {
        let transaction = session.begin_after(self.changes, options).await?;
        let lines = explain(&transaction, "", self.statement)
            .await
            .map_err(|error| RehearseError::run("plan the statement", error))?;
        self.side.plan_text = lines.join("\n");
        transaction.rollback().await.map_err(|error| RehearseError::run("roll back", error))?;
        if let Some(json) = self.run(session, options, Clock::Nodes).await? {
            self.side.plan_json = Some(json);
        }
        Ok(())
    }

    /// A run that counts, unless one timed out already.
    pub(super) async fn count(
        &mut self,
        session: &mut Session,
        options: &Options,
    ) -> Result<(), RehearseError> {
        if self.side.timed_out {
            return Ok(());
        }
        if let Some(json) = self.run(session, options, Clock::Whole).await?
            && let Some(time) = execution(&json)
        {
            self.side.times.push(time);
        }
        Ok(())
    }

    /// What the runs say together.
    pub(super) fn finish(mut self) -> Side {
        let mut nanos: Vec<u64> = self
            .side
            .times
            .iter()
            .map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
            .collect();
        nanos.sort_unstable();
        if !self.side.timed_out {
            self.side.median = stats::quantile(&nanos, 0.5).map(Duration::from_nanos);
            self.side.interval = stats::quantile_interval(&nanos, 0.5).map(|interval| {
                let duration = |nanos: f64| Duration::from_secs_f64(nanos / 1e9);
                (duration(interval.low), duration(interval.high))
            });
        }
        self.side
    }

    /// One run; its plan, or `None` if it took longer than it may.
    async fn run(
        &mut self,
        session: &mut Session,
        options: &Options,
        clock: Clock,
    ) -> Result<Option<String>, RehearseError> {
        let transaction = session.begin_after(self.changes, options).await?;
        let timing = if clock == Clock::Nodes { "on" } else { "off" };
        let words = format!("analyze, buffers, settings, format json, timing {timing}");
        let outcome = explain(&transaction, &words, self.statement).await;
        let rolled_back = transaction.rollback().await;
        match outcome {
            Ok(lines) => {
                rolled_back.map_err(|error| RehearseError::run("roll back", error))?;
                let json = lines.join("\n");
                if let Ok(Value::Array(plans)) = serde_json::from_str(&json)
                    && let Some(plan) = plans.first().map(|plan| &plan["Plan"])
                {
                    self.side.blocks = Some(blocks(plan));
                    self.side.rows = rows(plan);
                    self.side.shape = shape(plan);
                }
                Ok(Some(json))
            }
            Err(error) if is_timeout(&error) && rolled_back.is_ok() => {
                self.side.timed_out = true;
                Ok(None)
            }
            Err(error) => Err(RehearseError::run("run the statement", error)),
        }
    }
}

/// Whether `statement_timeout` ended it.
fn is_timeout(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&tokio_postgres::error::SqlState::QUERY_CANCELED)
}

async fn explain(
    transaction: &Transaction<'_>,
    words: &str,
    statement: &Statement,
) -> Result<Vec<String>, tokio_postgres::Error> {
    let words = if words.is_empty() { "settings" } else { words };
    // A comment at its end must not swallow anything; and one that begins it is fine.
    let sql = format!("explain /* taut */ ({words})\n{}", statement.sql);
    let prepared = transaction.prepare(&sql).await?;
    let values: Vec<AsText<'_>> =
        statement.parameters.iter().map(|value| AsText(value.as_deref())).collect();
    let values: Vec<&(dyn ToSql + Sync)> =
        values.iter().map(|value| -> &(dyn ToSql + Sync) { value }).collect();
    let rows = transaction.query(&prepared, &values).await?;
    // JSON comes as `json`, the others as `text`: the bytes are the same.
    Ok(rows.iter().map(|row| row.get::<_, RawText>(0).0).collect())
}

/// A value as somebody would type it; the server reads it as what the parameter is.
#[derive(Debug)]
pub(super) struct AsText<'a>(pub(super) Option<&'a str>);

impl ToSql for AsText<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut bytes::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let Some(text) = self.0 else { return Ok(IsNull::Yes) };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    tokio_postgres::types::to_sql_checked!();
}

/// The bytes of a value as text, whatever its type is called.
struct RawText(String);

impl<'a> tokio_postgres::types::FromSql<'a> for RawText {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(String::from_utf8_lossy(raw).into_owned()))
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::TEXT | Type::JSON)
    }
}

/// `Execution Time` of a plan.
fn execution(json: &str) -> Option<Duration> {
    let plans: Value = serde_json::from_str(json).ok()?;
    let millis = plans.get(0)?.get("Execution Time")?.as_f64()?;
    Duration::try_from_secs_f64(millis / 1000.0).ok()
}

/// Blocks of shared buffers that a plan touched; the root counts for all below it.
fn blocks(plan: &Value) -> u64 {
    let count = |name: &str| plan[name].as_u64().unwrap_or(0);
    count("Shared Hit Blocks") + count("Shared Read Blocks")
}

/// Rows of the root, which is run once; from 18 on they are printed as fractions.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of rows")]
fn rows(plan: &Value) -> Option<u64> {
    Some(plan["Actual Rows"].as_f64()?.max(0.0).round() as u64)
}

/// What makes a plan itself, a line a node.
fn shape(plan: &Value) -> String {
    const NAMES: &[&str] = &[
        "Node Type",
        "Strategy",
        "Partial Mode",
        "Join Type",
        "Scan Direction",
        "Schema",
        "Relation Name",
        "Index Name",
        "CTE Name",
        "Function Name",
        "Subplan Name",
    ];
    let mut lines = Vec::new();
    let mut todo = vec![(0, plan)];
    while let Some((depth, node)) = todo.pop() {
        let words: Vec<&str> = NAMES.iter().filter_map(|name| node[*name].as_str()).collect();
        lines.push(format!("{}{}", " ".repeat(depth), words.join(" ")));
        let below = node["Plans"].as_array().map(Vec::as_slice).unwrap_or_default();
        todo.extend(below.iter().rev().map(|node| (depth + 1, node)));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_told_by_its_nodes_and_not_by_its_figures() {
        let plan = |rows: u64| {
            serde_json::json!({"Node Type": "Limit", "Plan Rows": rows, "Shared Hit Blocks": 3,
                "Shared Read Blocks": 4, "Plans": [
                    {"Node Type": "Index Scan", "Index Name": "a", "Relation Name": "t",
                     "Plans": [{"Node Type": "Result"}]},
                    {"Node Type": "Seq Scan", "Relation Name": "u"}]})
        };
        assert_eq!(shape(&plan(1)), "Limit\n Index Scan t a\n  Result\n Seq Scan u");
        assert_eq!(shape(&plan(1)), shape(&plan(2)));
        assert_eq!(blocks(&plan(1)), 7);
    }

    #[test]
    fn a_plan_without_a_time_has_none() {
        assert_eq!(execution("[{\"Execution Time\": 1.5}]"), Some(Duration::from_micros(1500)));
        for json in ["", "[]", "[{}]", "[{\"Execution Time\": -1}]", "{\"a\": 1}"] {
            assert_eq!(execution(json), None, "{json}");
        }
    }
}
