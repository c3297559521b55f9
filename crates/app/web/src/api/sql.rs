//! Statements of people's own, where spans are kept in ClickHouse.

use std::time::Instant;

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    response::Response,
};
use store::{
    Limits,
    clickhouse::{SQL_BYTES_MAX, SqlError, Trouble, Why},
};

use super::exports;
use crate::{
    params::sent,
    problem::Problem,
    server::App,
    wire::{SqlAnswer, SqlColumn, SqlQuestion, micros},
};

/// Bytes of a request: a statement, and twice as much for how JSON writes it.
pub(crate) const BODY_BYTES_MAX: usize = 3 * SQL_BYTES_MAX;

/// What to send.
const ASKED: &str = "send JSON with `sql`, a statement of up to 32 KiB";

impl From<SqlError> for Problem {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::NoSql => Self::unknown(
                "sql",
                "spans are kept in a folder here, which speaks no SQL",
                "ask by filter and group; SQL is there once `store.clickhouse.url` is set",
            ),
            SqlError::Refused { what, hint } => Self::wrong(what, hint),
            SqlError::Trouble(trouble) => {
                let hint = hint(&trouble);
                let detail = trouble.to_string();
                if matches!(trouble.why, Why::Away(_) | Why::Busy(_)) {
                    Self::busy(detail, hint)
                } else {
                    Self::wrong(detail, hint)
                }
            }
        }
    }
}

fn hint(trouble: &Trouble) -> String {
    match &trouble.why {
        Why::Limit(_) => "ask for a shorter time: `WHERE start_at > now() - INTERVAL 1 HOUR`; \
             a statement has ten seconds, a hundred million rows and 2 GiB of memory"
            .to_owned(),
        Why::Refused(_) => "the page on ClickHouse in the guide has the tables and their columns; \
             neither FORMAT nor SETTINGS may be in a statement"
            .to_owned(),
        _ => trouble.hint(),
    }
}

/// Runs a statement that reads: `SELECT` or `WITH`, over what has gone to ClickHouse. Its first 1,000 rows are given.
#[utoipa::path(
    post,
    path = "/api/v1/sql",
    tag = "explore",
    request_body = SqlQuestion,
    responses(
        (status = 200, description = "columns and rows", body = SqlAnswer),
        (status = 400, description = "it is wrong, does more than read, or takes too long", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "nothing here speaks SQL", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn sql_rows(
    State(app): State<App>,
    body: Result<Json<SqlQuestion>, JsonRejection>,
) -> Result<Json<SqlAnswer>, Problem> {
    let question = sent(body, ASKED)?;
    app.read(move |source| {
        let begun = Instant::now();
        let answer = source.store().sql(&question.sql, &Limits::default())?;
        let columns = answer.columns.into_iter();
        Ok(Json(SqlAnswer {
            columns: columns.map(|(name, kind)| SqlColumn { name, kind }).collect(),
            rows: answer.rows,
            cut: answer.is_cut,
            rows_read: answer.rows_read,
            took_micros: micros(begun.elapsed()),
        }))
    })
    .await
}

/// The first 1,000 rows of a statement that reads as the Parquet file that ClickHouse makes of them, with the types of its columns.
#[utoipa::path(
    post,
    path = "/api/v1/sql.parquet",
    tag = "explore",
    request_body = SqlQuestion,
    responses(
        (status = 200, description = "a Parquet file", body = Vec<u8>,
            content_type = "application/vnd.apache.parquet"),
        (status = 400, description = "it is wrong, does more than read, takes too long, or has rows of more than 16 MiB",
            body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "nothing here speaks SQL", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn sql_file(
    State(app): State<App>,
    body: Result<Json<SqlQuestion>, JsonRejection>,
) -> Result<Response, Problem> {
    let question = sent(body, ASKED)?;
    let limits = Limits::default();
    let bytes =
        app.read(move |source| Ok(source.store().sql_parquet(&question.sql, &limits)?)).await?;
    Ok(exports::file(bytes, "attachment; filename=\"taut-sql.parquet\""))
}
