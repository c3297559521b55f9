//! Statements and their answers on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A statement to run.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlQuestion {
    /// `SELECT …` or `WITH … SELECT …`, of up to 32 KiB.
    #[schema(example = "SELECT service, count() FROM spans GROUP BY service")]
    pub sql: String,
}

/// What a statement says.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SqlAnswer {
    /// Columns, in order.
    pub columns: Vec<SqlColumn>,
    /// Rows, at most 1,000: of each column its value as text, `null` for `NULL`.
    pub rows: Vec<Vec<Option<String>>>,
    /// There are more rows.
    pub cut: bool,
    /// Rows that ClickHouse looked at.
    pub rows_read: u64,
    /// How long it took.
    pub took_micros: f64,
}

/// A column of an answer.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SqlColumn {
    /// Its name.
    pub name: String,
    /// Its type, as ClickHouse names it.
    pub kind: String,
}
