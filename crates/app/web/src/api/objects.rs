//! Tables and indexes of a watched database, and what was done with each over time.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use model::{Window, database::Database};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    ROWS_MAX,
    databases::{STEPS, standing},
};
use crate::{
    params::{Params, WindowParams, bounded, now},
    problem::Problem,
    server::App,
    source::Source,
    wire::{
        DatabaseIndex, DatabaseIndexDetail, DatabaseIndexes, DatabaseTable, DatabaseTableDetail,
        DatabaseTables, IndexPoint, TablePoint,
    },
};

/// Steps of a series that stands in a row of a table: one for each three pixels.
const SPARK_STEPS: usize = 30;

/// Which tables or indexes are meant.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ObjectsParams {
    /// Those whose name or table holds this, in either case.
    q: Option<String>,
    /// Most rows, at most 500; 100 unless told otherwise.
    limit: Option<usize>,
    /// The stretch that series cover, which ends now: `15m`, `1h`, `24h`; the last hour unless told otherwise.
    last: Option<String>,
}

impl ObjectsParams {
    fn window(&self) -> Result<Window, Problem> {
        WindowParams { last: self.last.clone(), ..WindowParams::default() }.window(now())
    }
}

/// Tables of a database, largest first.
#[utoipa::path(
    get,
    path = "/api/v1/databases/{id}/tables",
    tag = "databases",
    params(("id" = String, Path, description = "as in the list"), ObjectsParams),
    responses(
        (status = 200, description = "tables, largest first", body = DatabaseTables),
        (status = 404, description = "no such database is watched", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn tables(
    State(app): State<App>,
    Path(id): Path<String>,
    Params(params): Params<ObjectsParams>,
) -> Result<Json<DatabaseTables>, Problem> {
    let window = params.window()?;
    let text = bounded(params.q)?.map(|text| text.to_lowercase());
    let limit = params.limit.unwrap_or(100).min(ROWS_MAX);
    app.read(move |source| {
        let database = latest(source, &id)?;
        let mut counts = std::collections::BTreeMap::<u32, usize>::new();
        for index in &database.indexes {
            *counts.entry(index.table_oid).or_default() += 1;
        }
        let mut passing: Vec<DatabaseTable> = database
            .tables
            .iter()
            .map(|table| DatabaseTable::new(table, counts.get(&table.oid).copied().unwrap_or(0)))
            .filter(|table| {
                text.as_deref().is_none_or(|text| table.name.to_lowercase().contains(text))
            })
            .collect();
        passing.sort_by_key(|table| {
            std::cmp::Reverse(table.bytes + table.toast_bytes + table.index_bytes)
        });
        let cut = passing.len().saturating_sub(limit) as u64;
        passing.truncate(limit);
        let steps = source.history().table_history(&id, window, SPARK_STEPS);
        for row in &mut passing {
            let used = || steps.iter().map(|(_, tables)| tables.get(&row.oid));
            row.read_series =
                used().map(|it| it.map(|it| it.sequential_rows + it.index_rows)).collect();
            row.written_series =
                used().map(|it| it.map(|it| it.inserted + it.updated + it.deleted)).collect();
        }
        Ok(Json(DatabaseTables { tables: passing, left_out: database.tables_left_out + cut }))
    })
    .await
}

/// One table: what was done with it over time.
#[utoipa::path(
    get,
    path = "/api/v1/databases/{id}/tables/{oid}",
    tag = "databases",
    params(
        ("id" = String, Path, description = "as in the list"),
        ("oid" = u32, Path, description = "`oid` of the table"),
        WindowParams,
    ),
    responses(
        (status = 200, description = "the table", body = DatabaseTableDetail),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "no such table is known", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn table(
    State(app): State<App>,
    Path((id, oid)): Path<(String, u32)>,
    Params(params): Params<WindowParams>,
) -> Result<Json<DatabaseTableDetail>, Problem> {
    let window = params.window(now())?;
    app.read(move |source| {
        let database = latest(source, &id)?;
        let Some(table) = database.table(oid) else { return Err(unknown("table", oid)) };
        let mut indexes: Vec<DatabaseIndex> =
            database.indexes_of(oid).map(|index| DatabaseIndex::new(index, Some(table))).collect();
        indexes.sort_by_key(|index| std::cmp::Reverse(index.bytes));
        let steps = source.history().table_history(&id, window, STEPS);
        Ok(Json(DatabaseTableDetail {
            table: DatabaseTable::new(table, indexes.len()),
            window: window.into(),
            history: steps
                .iter()
                .filter_map(|(from, tables)| Some(TablePoint::new(*from, tables.get(&oid)?)))
                .collect(),
            indexes,
        }))
    })
    .await
}

/// Indexes of a database, largest first.
#[utoipa::path(
    get,
    path = "/api/v1/databases/{id}/indexes",
    tag = "databases",
    params(("id" = String, Path, description = "as in the list"), ObjectsParams),
    responses(
        (status = 200, description = "indexes, largest first", body = DatabaseIndexes),
        (status = 404, description = "no such database is watched", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn indexes(
    State(app): State<App>,
    Path(id): Path<String>,
    Params(params): Params<ObjectsParams>,
) -> Result<Json<DatabaseIndexes>, Problem> {
    let window = params.window()?;
    let text = bounded(params.q)?.map(|text| text.to_lowercase());
    let limit = params.limit.unwrap_or(100).min(ROWS_MAX);
    app.read(move |source| {
        let database = latest(source, &id)?;
        let tables: std::collections::BTreeMap<u32, &model::database::Table> =
            database.tables.iter().map(|table| (table.oid, table)).collect();
        let mut passing: Vec<DatabaseIndex> = database
            .indexes
            .iter()
            .map(|index| DatabaseIndex::new(index, tables.get(&index.table_oid).copied()))
            .filter(|index| {
                text.as_deref().is_none_or(|text| {
                    index.name.to_lowercase().contains(text)
                        || index.table.to_lowercase().contains(text)
                })
            })
            .collect();
        passing.sort_by_key(|index| std::cmp::Reverse(index.bytes));
        let left_out = passing.len().saturating_sub(limit) as u64;
        passing.truncate(limit);
        let steps = source.history().index_history(&id, window, SPARK_STEPS);
        for row in &mut passing {
            row.scan_series = steps
                .iter()
                .map(|(_, indexes)| indexes.get(&row.oid).map(|used| used.scans))
                .collect();
        }
        Ok(Json(DatabaseIndexes { indexes: passing, left_out }))
    })
    .await
}

/// One index: what was done with it over time.
#[utoipa::path(
    get,
    path = "/api/v1/databases/{id}/indexes/{oid}",
    tag = "databases",
    params(
        ("id" = String, Path, description = "as in the list"),
        ("oid" = u32, Path, description = "`oid` of the index"),
        WindowParams,
    ),
    responses(
        (status = 200, description = "the index", body = DatabaseIndexDetail),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "no such index is known", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn index(
    State(app): State<App>,
    Path((id, oid)): Path<(String, u32)>,
    Params(params): Params<WindowParams>,
) -> Result<Json<DatabaseIndexDetail>, Problem> {
    let window = params.window(now())?;
    app.read(move |source| {
        let database = latest(source, &id)?;
        let found = database.indexes.iter().find(|index| index.oid == oid);
        let Some(index) = found else { return Err(unknown("index", oid)) };
        let steps = source.history().index_history(&id, window, STEPS);
        Ok(Json(DatabaseIndexDetail {
            index: DatabaseIndex::new(index, database.table(index.table_oid)),
            window: window.into(),
            history: steps
                .iter()
                .filter_map(|(from, indexes)| Some(IndexPoint::new(*from, indexes.get(&oid)?)))
                .collect(),
        }))
    })
    .await
}

/// What is known of a database; nothing before its first answer.
fn latest(source: &dyn Source, id: &str) -> Result<Arc<Database>, Problem> {
    Ok(standing(source, id)?.latest.unwrap_or_default())
}

fn unknown(noun: &'static str, oid: u32) -> Problem {
    Problem::unknown(
        noun,
        format!("no {noun} of oid {oid} is known"),
        "the largest are read: see `observe.postgres.tables-max`, and the list",
    )
}
