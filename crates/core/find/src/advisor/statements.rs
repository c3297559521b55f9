//! The statements that advice is for.

use std::sync::Arc;

use model::{
    StatementKind, StatementText,
    database::{Database, ServerStatement},
};

/// Statements that are looked at, those with most time first: the rest of a usual server takes a few percent.
const STATEMENTS_MAX: usize = 200;

/// A statement, and how much it is run.
#[derive(Debug, Clone, PartialEq)]
pub struct AdvisedStatement {
    /// For people and for fingerprints.
    pub text: Arc<StatementText>,
    /// What is planned: SQL with or without `$1`.
    pub sql: Arc<str>,
    /// `queryid`; 0 if it is not from the server's statistics.
    pub query_id: i64,
    /// Calls a day.
    pub calls_per_day: f64,
    /// Milliseconds of one run, as measured; `None` if only the planner's cost is known.
    pub mean_millis: Option<f64>,
}

/// The statements of a database that indexes may help, by total time.
#[must_use]
pub fn workload(database: &Database) -> Vec<AdvisedStatement> {
    let days = window_days(database);
    database
        .statements
        .iter()
        .filter(|statement| may_be_helped(statement))
        .take(STATEMENTS_MAX)
        .map(|statement| AdvisedStatement {
            text: Arc::clone(&statement.text),
            sql: Arc::clone(&statement.generic),
            query_id: statement.query_id,
            calls_per_day: calls(statement) / days,
            mean_millis: Some(statement.runs.mean_millis()).filter(|millis| 0.0 < *millis),
        })
        .collect()
}

fn may_be_helped(statement: &ServerStatement) -> bool {
    let kind = statement.text.kind;
    let looks = matches!(
        kind,
        StatementKind::Select
            | StatementKind::Update
            | StatementKind::Delete
            | StatementKind::Insert
    );
    looks && 0 < statement.runs.calls && !statement.text.tables.is_empty()
}

#[expect(clippy::cast_precision_loss, reason = "2^53 calls take longer than any window")]
fn calls(statement: &ServerStatement) -> f64 {
    statement.runs.calls as f64
}

/// Days that the counters count over; a second at least.
#[expect(clippy::cast_precision_loss, reason = "nanoseconds of a window, as a share of a day")]
pub(crate) fn window_days(database: &Database) -> f64 {
    let window = &database.window;
    let nanos = window.to.nanos.saturating_sub(window.from.nanos).max(1_000_000_000);
    nanos as f64 / 86_400e9
}
