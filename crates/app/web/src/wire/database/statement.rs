//! Statements of a watched database on the wire.

use engine::database::PlanSeen as Seen;
use model::database as pg;
use serde::Serialize;
use utoipa::ToSchema;

use super::{DatabaseSummary, ProposedIndex};
use crate::wire::{Finding, Statement, Window, unix_ms};

/// Statements of a database.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DatabaseStatements {
    /// Since when the counters count, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted: Option<Window>,
    /// Those that passed the filter, in the order asked for.
    pub statements: Vec<DatabaseStatement>,
    /// Those that passed but are not listed.
    pub left_out: usize,
    /// Statements that the server forgot within the window.
    pub evicted: u64,
}

/// A statement over the window that counters cover.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DatabaseStatement {
    /// `queryid`, as text: it has more digits than a double holds.
    pub query_id: String,
    /// Without its literals.
    pub statement: Statement,
    /// Roles that ran it.
    pub users: Vec<String>,
    /// Applications that were seen running it.
    pub applications: Vec<String>,
    /// Operations whose spans run it.
    pub routes: Vec<StatementRoute>,
    /// Runs.
    pub calls: u64,
    /// Time of all runs.
    pub total_micros: f64,
    /// Share of the time of all statements.
    pub share: f64,
    /// Mean time of a run.
    pub mean_micros: f64,
    /// Longest run since the server's reset.
    pub max_micros: f64,
    /// Standard deviation since the server's reset.
    pub stddev_micros: f64,
    /// Rows returned or changed.
    pub rows: u64,
    /// Blocks touched for each row returned or changed: high where many rows are read for few.
    pub blocks_per_row: f64,
    /// Blocks found in the buffers and read.
    pub blocks: u64,
    /// Of these, found in the buffers; none if it touched none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hit_share: Option<f64>,
    /// Temporary blocks written.
    pub temp_blocks: u64,
    /// WAL written.
    pub wal_bytes: u64,
}

/// An operation that runs a statement.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StatementRoute {
    /// `service.name`.
    pub service: String,
    /// Such as `GET /api/orders/`.
    pub operation: String,
    /// Runs that its spans show.
    pub calls: u64,
    /// Their time.
    pub total_micros: f64,
    /// Of the time of this statement that spans show.
    pub share: f64,
}

/// A statement, its history, and what can be done about it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DatabaseStatementDetail {
    /// The database.
    pub database: DatabaseSummary,
    /// The stretch that the history covers.
    pub window: Window,
    /// The statement.
    pub statement: DatabaseStatement,
    /// As the server normalised it, with `$1` for constants.
    pub generic: String,
    /// Its history.
    pub history: Vec<StatementPoint>,
    /// Plans that it was seen with, newest first.
    pub plans: Vec<PlanSeen>,
    /// Findings about it.
    pub findings: Vec<Finding>,
    /// Indexes that would help it.
    pub proposals: Vec<ProposedIndex>,
}

/// Counters of a statement within one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct StatementPoint {
    /// When the step begins.
    pub from_unix_ms: u64,
    /// Runs.
    pub calls: u64,
    /// Mean time of a run.
    pub mean_micros: f64,
    /// Time of all runs.
    pub total_micros: f64,
    /// Rows.
    pub rows: u64,
    /// Blocks.
    pub blocks: u64,
}

/// A plan that a statement was seen with.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PlanSeen {
    /// When it was last seen.
    pub time_unix_ms: u64,
    /// `auto_explain`, `what-if` or `rehearsal`.
    pub source: String,
    /// Time of that run, where it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micros: Option<f64>,
    /// Runs that were seen with it.
    pub runs: u64,
    /// As it was printed.
    pub text: String,
}

impl From<&Seen> for PlanSeen {
    fn from(seen: &Seen) -> Self {
        Self {
            time_unix_ms: unix_ms(seen.time),
            source: seen.source.to_string(),
            micros: seen.millis.map(|millis| millis * 1e3),
            runs: seen.runs,
            text: seen.text.clone(),
        }
    }
}

impl StatementPoint {
    /// The counters of a step.
    #[must_use]
    pub fn new(from: model::Moment, runs: &pg::RunStatistics) -> Self {
        Self {
            from_unix_ms: unix_ms(from),
            calls: runs.calls,
            mean_micros: runs.mean_millis() * 1e3,
            total_micros: runs.total_millis * 1e3,
            rows: runs.rows,
            blocks: runs.shared_hit + runs.shared_read,
        }
    }
}

impl DatabaseStatement {
    /// A statement, where all statements took `all_millis`.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share needs three digits")]
    pub fn new(one: &pg::ServerStatement, all_millis: f64) -> Self {
        let runs = &one.runs;
        let blocks = runs.shared_hit + runs.shared_read;
        let spans: f64 = one.routes.values().map(|(_, millis)| millis).sum();
        let mut routes: Vec<StatementRoute> = one
            .routes
            .iter()
            .map(|(key, (calls, millis))| StatementRoute {
                service: key.service.to_string(),
                operation: key.operation.to_string(),
                calls: *calls,
                total_micros: millis * 1e3,
                share: if 0.0 < spans { millis / spans } else { 0.0 },
            })
            .collect();
        routes.sort_by(|left, right| right.total_micros.total_cmp(&left.total_micros));
        Self {
            query_id: one.query_id.to_string(),
            statement: (&*one.text).into(),
            users: one.users.iter().map(ToString::to_string).collect(),
            applications: one.applications.iter().map(ToString::to_string).collect(),
            routes,
            calls: runs.calls,
            total_micros: runs.total_millis * 1e3,
            share: if 0.0 < all_millis { runs.total_millis / all_millis } else { 0.0 },
            mean_micros: runs.mean_millis() * 1e3,
            max_micros: runs.max_millis * 1e3,
            stddev_micros: runs.stddev_millis * 1e3,
            rows: runs.rows,
            blocks_per_row: blocks as f64 / runs.rows.max(1) as f64,
            blocks,
            hit_share: (0 < blocks).then(|| runs.shared_hit as f64 / blocks as f64),
            temp_blocks: runs.temp_written,
            wal_bytes: runs.wal_bytes,
        }
    }
}
