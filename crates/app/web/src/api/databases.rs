//! Watched databases: how each is, and its statements.

use axum::{
    Json,
    extract::{Path, State},
};
use engine::database::DatabaseStanding;
use model::database::{Database, RunStatistics, ServerStatement};
use serde::Deserialize;
use utoipa::IntoParams;

use super::ROWS_MAX;
use crate::{
    params::{Params, WindowParams, bounded, now},
    problem::Problem,
    server::App,
    source::Source,
    wire::{
        DatabaseDetail, DatabaseStatement, DatabaseStatementDetail, DatabaseStatements,
        DatabaseSummary, Databases, Finding, PlanSeen, ProposedIndex, StatementPoint,
    },
};

/// Steps of a series: one for each five pixels of a wide chart.
pub(super) const STEPS: usize = 120;

/// Every database that is watched.
#[utoipa::path(
    get,
    path = "/api/v1/databases",
    tag = "databases",
    responses((status = 200, description = "databases, in the order of the settings",
        body = Databases))
)]
pub(crate) async fn list(State(app): State<App>) -> Result<Json<Databases>, Problem> {
    app.read(|source| {
        let standings = source.history().databases();
        let databases = standings.iter().map(DatabaseSummary::from).collect();
        Ok(Json(Databases { databases }))
    })
    .await
}

/// One watched database: load by wait event, connections, locks, findings, proposed indexes.
#[utoipa::path(
    get,
    path = "/api/v1/databases/{id}",
    tag = "databases",
    params(("id" = String, Path, description = "as in the list"), WindowParams),
    responses(
        (status = 200, description = "the database", body = DatabaseDetail),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "no such database is watched", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn one(
    State(app): State<App>,
    Path(id): Path<String>,
    Params(params): Params<WindowParams>,
) -> Result<Json<DatabaseDetail>, Problem> {
    let window = params.window(now())?;
    app.read(move |source| {
        let standing = standing(source, &id)?;
        let history = source.history();
        let load = history.database_load(&id, window, STEPS);
        let connections = history.connection_history(&id, window, STEPS);
        let activity = history.activity_history(&id, window, STEPS);
        Ok(Json(DatabaseDetail::new(&standing, window, &load, &connections, &activity)))
    })
    .await
}

/// Which statements are meant.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatementsParams {
    /// What comes first: `time` unless told otherwise, `calls`, `mean`, `rows`, `blocks`, `temp`.
    #[param(inline)]
    sort: Option<Order>,
    /// Those whose text or tables hold this, in either case.
    q: Option<String>,
    /// Most rows, at most 500; 100 unless told otherwise.
    limit: Option<usize>,
}

/// What statements are sorted by, largest first.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    /// Time of all runs.
    #[default]
    Time,
    /// Runs.
    Calls,
    /// Mean time of a run.
    Mean,
    /// Blocks touched for each row.
    Rows,
    /// Blocks touched.
    Blocks,
    /// Temporary blocks written.
    Temp,
}

impl Order {
    #[expect(clippy::cast_precision_loss, reason = "only the order counts")]
    fn of(self, runs: &RunStatistics) -> f64 {
        let blocks = (runs.shared_hit + runs.shared_read) as f64;
        match self {
            Self::Time => runs.total_millis,
            Self::Calls => runs.calls as f64,
            Self::Mean => runs.mean_millis(),
            Self::Rows => blocks / runs.rows.max(1) as f64,
            Self::Blocks => blocks,
            Self::Temp => runs.temp_written as f64,
        }
    }
}

/// Statements of a database, as its server counts them.
#[utoipa::path(
    get,
    path = "/api/v1/databases/{id}/statements",
    tag = "databases",
    params(("id" = String, Path, description = "as in the list"), StatementsParams),
    responses(
        (status = 200, description = "statements, in the order asked for", body = DatabaseStatements),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "no such database is watched", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn statements(
    State(app): State<App>,
    Path(id): Path<String>,
    Params(params): Params<StatementsParams>,
) -> Result<Json<DatabaseStatements>, Problem> {
    let text = bounded(params.q)?.map(|text| text.to_lowercase());
    let limit = params.limit.unwrap_or(100).min(ROWS_MAX);
    let order = params.sort.unwrap_or_default();
    app.read(move |source| {
        let standing = standing(source, &id)?;
        let empty = Database::default();
        let database = standing.latest.as_deref().unwrap_or(&empty);
        let holds = |one: &&ServerStatement| {
            text.as_deref().is_none_or(|text| {
                one.text.text.to_lowercase().contains(text)
                    || one.text.tables.iter().any(|table| table.to_lowercase().contains(text))
            })
        };
        let mut passing: Vec<&ServerStatement> = database.statements.iter().filter(holds).collect();
        passing.sort_by(|left, right| order.of(&right.runs).total_cmp(&order.of(&left.runs)));
        let all_millis = all_millis(database);
        let statements: Vec<DatabaseStatement> =
            passing.iter().take(limit).map(|one| DatabaseStatement::new(one, all_millis)).collect();
        Ok(Json(DatabaseStatements {
            counted: standing.latest.as_ref().map(|database| database.window.into()),
            left_out: passing.len() - statements.len(),
            statements,
            evicted: database.statements_evicted,
        }))
    })
    .await
}

/// One statement: its history, plans, routes and what would help it.
#[utoipa::path(
    get,
    path = "/api/v1/databases/{id}/statements/{query_id}",
    tag = "databases",
    params(
        ("id" = String, Path, description = "as in the list"),
        ("query_id" = String, Path, description = "`queryid` of `pg_stat_statements`"),
        WindowParams,
    ),
    responses(
        (status = 200, description = "the statement", body = DatabaseStatementDetail),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "it did not run in the window", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn statement(
    State(app): State<App>,
    Path((id, query_id)): Path<(String, String)>,
    Params(params): Params<WindowParams>,
) -> Result<Json<DatabaseStatementDetail>, Problem> {
    let window = params.window(now())?;
    app.read(move |source| {
        let standing = standing(source, &id)?;
        let wanted: Option<i64> = query_id.parse().ok();
        let known = standing.latest.as_deref().and_then(|database| {
            let one = database.statements.iter().find(|one| Some(one.query_id) == wanted)?;
            Some((database, one))
        });
        let Some((database, one)) = known else {
            return Err(Problem::unknown(
                "statement",
                format!("statement `{query_id}` did not run while its database was watched"),
                "the server may have forgotten it: see `pg_stat_statements.max`",
            ));
        };
        let history = source.history();
        let points = history.statement_history(&id, one.query_id, window, STEPS);
        let fingerprint = one.text.fingerprint;
        let about = |finding: &&model::Finding| {
            let evidence = &finding.evidence;
            evidence.database.as_ref().is_some_and(|known| known.query_id == one.query_id)
                || evidence.statement.as_ref().is_some_and(|text| text.fingerprint == fingerprint)
        };
        let proposals = standing.proposal.as_deref().map_or(&[][..], |set| &set.create);
        let helps = |index: &&model::ProposedIndex| {
            index.helped.iter().any(|effect| effect.query_id == one.query_id)
        };
        let plans = history.plans_seen(&id, one.query_id);
        Ok(Json(DatabaseStatementDetail {
            database: (&standing).into(),
            window: window.into(),
            statement: DatabaseStatement::new(one, all_millis(database)),
            generic: one.generic.to_string(),
            history: points.iter().map(|(from, runs)| StatementPoint::new(*from, runs)).collect(),
            plans: plans.iter().map(PlanSeen::from).collect(),
            findings: standing.findings.iter().filter(about).map(Finding::from).collect(),
            proposals: proposals.iter().filter(helps).map(ProposedIndex::from).collect(),
        }))
    })
    .await
}

fn all_millis(database: &Database) -> f64 {
    database.statements.iter().map(|one| one.runs.total_millis).sum()
}

pub(super) fn standing(source: &dyn Source, id: &str) -> Result<DatabaseStanding, Problem> {
    let known = source.history().databases().into_iter().find(|one| one.id == id);
    known.ok_or_else(|| {
        Problem::unknown(
            "database",
            "no database of this name is watched",
            "`[observe.postgres]` in taut.toml says which are; see the list of databases",
        )
    })
}
