//! The server's log, followed: plans that `auto_explain` prints, without their literals, and what else it tells.

mod seen;

use std::{path::Path, sync::Arc, time::Duration};

use model::{Moment, Plan, StatementText, Text};
use observe::postgres_log::{Event, PlanFormat, Reader, ReaderOptions, Record, event};
use receive::{Tail, Tailed};

use super::{One, lock};
use crate::database::PlanSeen;

pub(super) use seen::LogSeen;

/// Plans of one statement: those of the last days of a plan that changes now and then.
const PLANS_MAX: usize = 5;
/// Statements of which plans are kept.
const STATEMENTS_MAX: usize = 500;
/// Bytes of a plan: longer ones are generated, and nobody reads them.
const PLAN_BYTES_MAX: usize = 256 << 10;

/// A plan that the log showed.
#[derive(Debug, Clone)]
pub(super) struct Logged {
    pub(super) seen: PlanSeen,
    pub(super) statement: Arc<StatementText>,
    pub(super) plan: Arc<Plan>,
    /// Runs that were seen with it, and their time in milliseconds.
    pub(super) runs: u64,
    pub(super) total_millis: f64,
    /// When it was first seen.
    pub(super) first: Moment,
    /// The same for the same tree of nodes, whatever it cost.
    shape: u64,
}

impl Logged {
    /// The same with as many runs as fall into the window, if they were spread evenly.
    pub(super) fn within(&self, window: Duration, now: Moment) -> Self {
        let known = now.since(self.first).max(window).as_secs_f64();
        let share = if 0.0 < known { window.as_secs_f64() / known } else { 1.0 };
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts far below 2^52"
        )]
        let runs = (self.runs as f64 * share).ceil() as u64;
        Self { runs, total_millis: self.total_millis * share, ..self.clone() }
    }
}

/// Follows one log.
pub(super) struct Follower {
    tail: Tail,
    reader: Reader,
    statements: sql::Statements,
}

impl Follower {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            tail: Tail::new(path),
            reader: Reader::new(ReaderOptions::default()),
            statements: sql::Statements::default(),
        }
    }

    /// Reads what came since the last look. A log that cannot be read is tried again at the next one.
    pub(super) fn look(&mut self, databases: &[Arc<One>], now: Moment) {
        let Self { tail, reader, statements } = self;
        let (mut is_quiet, mut grew) = (false, false);
        while !is_quiet {
            let mut take = |record: Record<'_>| take_in(&record, statements, databases, now);
            match tail.read(&mut |bytes| reader.feed(bytes, &mut take)) {
                Ok(Tailed::Grew(_)) => grew = true,
                Ok(Tailed::Turned) => reader.finish(&mut |_| {}),
                Ok(Tailed::Nothing) | Err(_) => is_quiet = true,
            }
        }
        // Half a second later whole lines belong to entries that are whole too.
        if !grew && 0 < reader.pending_bytes() {
            let mut take = |record: Record<'_>| take_in(&record, statements, databases, now);
            reader.finish_lines(&mut take);
        }
    }
}

/// Whether a record is about a database, or about the whole server.
fn is_about(record: &Record<'_>, one: &One) -> bool {
    record.database.is_empty() || one.request.target.database() == record.database
}

fn take_in(
    record: &Record<'_>,
    statements: &mut sql::Statements,
    databases: &[Arc<One>],
    now: Moment,
) {
    for one in databases.iter().filter(|one| is_about(record, one)) {
        let database = one.request.target.database();
        lock(&one.log).add(record, database, statements, now);
    }
    plan(record, statements, databases, now);
}

/// Remembers the plan that a record holds, with the database that it is of.
fn plan(
    record: &Record<'_>,
    statements: &mut sql::Statements,
    databases: &[Arc<One>],
    now: Moment,
) {
    let Event::Plan { took, format, text } = event(record) else { return };
    if PLAN_BYTES_MAX < text.len() {
        return;
    }
    let Some((query, shown)) = without_literals(text, format) else { return };
    let statement = statements.read(&query).0;
    let fingerprint = statement.fingerprint;
    let Some(plan) = sql::plan::read(&shown).ok().and_then(|plans| plans.into_iter().next()) else {
        return;
    };
    for one in databases.iter().filter(|one| is_about(record, one)) {
        let mut known = lock(&one.standing);
        let same = known.latest.as_ref().and_then(|latest| {
            latest.statements.iter().find(|one| one.text.fingerprint == fingerprint)
        });
        let query_id = record.query_id.filter(|id| *id != 0).or_else(|| Some(same?.query_id));
        let Some(query_id) = query_id else { continue };
        if STATEMENTS_MAX <= known.plans.len() && !known.plans.contains_key(&query_id) {
            continue;
        }
        let millis = took.as_secs_f64() * 1e3;
        let shape = shape(&shown);
        let plans = known.plans.entry(query_id).or_default();
        let before = plans.iter().find(|known| known.shape == shape);
        let (runs, total_millis, first) =
            before.map_or((0, 0.0, now), |it| (it.runs, it.total_millis, it.first));
        plans.retain(|known| known.shape != shape);
        let seen = PlanSeen {
            time: now,
            source: Text::from("auto_explain"),
            millis: Some(millis),
            runs: runs.saturating_add(1),
            text: shown.clone(),
        };
        let logged = Logged {
            statement: Arc::clone(&statement),
            plan: Arc::new(plan.clone()),
            runs: seen.runs,
            total_millis: total_millis + millis,
            first,
            shape,
            seen,
        };
        plans.insert(0, logged);
        plans.truncate(PLANS_MAX);
    }
}

/// Names of nodes without costs and times.
fn shape(shown: &str) -> u64 {
    let nodes =
        shown.lines().filter(|line| line.contains("(cost=") || line.contains("\"Node Type\""));
    let names: Vec<&str> =
        nodes.map(|line| line.split(" (cost=").next().unwrap_or_default()).collect();
    sql::hash(names.join("\n").as_bytes())
}

/// The query, and the plan with each condition made generic; YAML and XML become JSON.
fn without_literals(text: &str, format: PlanFormat) -> Option<(String, String)> {
    match format {
        PlanFormat::Text => {
            let mut query = String::new();
            let mut plan = String::new();
            for line in text.lines() {
                if plan.is_empty() && !line.contains("(cost=") {
                    query.push_str(line.strip_prefix("Query Text: ").unwrap_or(line));
                    query.push('\n');
                    continue;
                }
                match line.split_once(": ") {
                    Some((label, value)) if !line.contains("(cost=") && is_expression(label) => {
                        plan.push_str(&format!("{label}: {}\n", sql::generic(value)));
                    }
                    _ => plan.push_str(&format!("{line}\n")),
                }
            }
            Some((query, plan))
        }
        PlanFormat::Json => {
            let mut value: serde_json::Value = serde_json::from_str(text).ok()?;
            let query = value.get("Query Text").and_then(|text| text.as_str()).map(str::to_owned);
            if let Some(fields) = value.as_object_mut() {
                fields.remove("Query Text");
                fields.remove("Query Parameters");
            }
            hide(&mut value);
            Some((query?, serde_json::to_string_pretty(&value).ok()?))
        }
        PlanFormat::Xml | PlanFormat::Yaml => {
            without_literals(&sql::plan::as_json(text)?, PlanFormat::Json)
        }
    }
}

/// Makes every expression in a plan generic.
fn hide(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            for (label, value) in fields {
                match value {
                    serde_json::Value::String(text) if is_expression(label) => {
                        *text = sql::generic(text);
                    }
                    serde_json::Value::Array(texts) if is_expression(label) => {
                        for text in texts {
                            if let serde_json::Value::String(text) = text {
                                *text = sql::generic(text);
                            }
                        }
                    }
                    other => hide(other),
                }
            }
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(hide),
        _ => {}
    }
}

/// Whether the property of a node is made of expressions, which may hold literals.
fn is_expression(label: &str) -> bool {
    let label = label.trim();
    if label.contains("Removed") {
        return false;
    }
    [
        "Cond",
        "Filter",
        "Key",
        "Keys",
        "Output",
        "Call",
        "Condition",
        "Remote SQL",
        "Order By",
        "Sampling Parameters",
    ]
    .iter()
    .any(|end| label.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_kept_without_their_literals() {
        let text = "Query Text: select *\nfrom t where name = 'secret'\n\
                    Sort  (cost=1.00..2.00 rows=1 width=4)\n  Sort Key: (name || 'secret'::text)\n  \
                    ->  Seq Scan on t  (cost=0.00..1.00 rows=1 width=4)\n        \
                    Filter: (name = 'secret'::text)\n        Rows Removed by Filter: 17\n";
        let (query, plan) = without_literals(text, PlanFormat::Text).unwrap();
        assert_eq!(query, "select *\nfrom t where name = 'secret'\n");
        assert!(!plan.contains("secret"), "{plan}");
        assert!(
            plan.contains("Filter: (name = $1::text)") && plan.contains("Filter: 17"),
            "{plan}"
        );
        let json = r#"{"Query Text": "select 'secret'", "Plan": {"Node Type": "Result",
            "Filter": "(a = 'secret'::text)", "Output": ["'secret'"], "Plan Rows": 17}}"#;
        let (query, plan) = without_literals(json, PlanFormat::Json).unwrap();
        assert_eq!(query, "select 'secret'");
        assert!(!plan.contains("secret") && plan.contains("17"), "{plan}");
        assert_eq!(without_literals("{", PlanFormat::Json), None);
        let yaml = "Query Text: \"select 'secret'\"\nPlan:\n  Node Type: \"Result\"\n  \
                    Filter: \"(a = 'secret'::text)\"\n  Plan Rows: 17\n";
        let xml = "<explain><Query-Text>select 'secret'</Query-Text><Plan><Node-Type>Result</Node-Type>\
                   <Filter>(a = 'secret'::text)</Filter><Plan-Rows>17</Plan-Rows></Plan></explain>";
        for (text, format) in [(yaml, PlanFormat::Yaml), (xml, PlanFormat::Xml)] {
            let (query, plan) = without_literals(text, format).unwrap();
            assert_eq!(query, "select 'secret'");
            assert!(!plan.contains("secret") && plan.contains("17"), "{plan}");
        }
    }

    #[test]
    fn the_same_tree_is_the_same_plan_whatever_it_cost() {
        let plan =
            |cost| format!("Seq Scan on t  (cost={cost} rows=1 width=4)\n  Filter: (a = $1)\n");
        assert_eq!(shape(&plan("1..2")), shape(&plan("3..4")));
        assert_ne!(shape(&plan("1..2")), shape("Index Scan on t  (cost=1..2)"));
    }
}
