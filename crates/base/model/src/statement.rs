//! What a statement says once its literals are gone.

use crate::Text;

/// A statement without its literals, and what can be told from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementText {
    /// Hash of `text`; equal for equal shapes, whatever the client library, the quoting or the case
    /// of keywords. Stable between releases.
    pub fingerprint: u64,
    /// One line, literals and parameters as `?`, lists folded to `(?)`.
    pub text: Text,
    /// What it does.
    pub kind: StatementKind,
    /// Tables that it names, in order of appearance, unquoted.
    pub tables: Vec<Text>,
    /// The rest that a parser can tell; `None` if the text was cut or is of no known dialect.
    pub shape: Option<Box<Shape>>,
    /// The text was cut by the exporter.
    pub truncated: bool,
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatementKind {
    /// Reads.
    Select,
    /// Adds rows.
    Insert,
    /// Changes rows.
    Update,
    /// Removes rows.
    Delete,
    /// `BEGIN`, `COMMIT`, `SAVEPOINT`, `SET` …
    Session,
    /// `CREATE`, `ALTER`, `DROP` …
    Definition,
    /// Anything else, stored procedures among it.
    Other,
}

impl StatementKind {
    /// Whether it may change rows.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(self, Self::Insert | Self::Update | Self::Delete)
    }
}

/// What the outermost `SELECT` of a statement asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a clause that is there or not")]
pub struct Shape {
    /// What comes back.
    pub projection: Projection,
    /// Comparisons in `WHERE`, those joined by `AND` at the top.
    pub filters: Vec<Filter>,
    /// Whether `WHERE` holds more than `filters` tells (`OR`, functions, subqueries).
    pub filters_more: bool,
    /// Columns of `ORDER BY`, unqualified.
    pub order_by: Vec<Text>,
    /// Has `LIMIT`, `FETCH FIRST` or `TOP`.
    pub limited: bool,
    /// Has `OFFSET`.
    pub offset: bool,
    /// Joins another table.
    pub joins: bool,
    /// Has `GROUP BY` or `DISTINCT`.
    pub grouped: bool,
}

/// What a `SELECT` gives back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Projection {
    /// Not a `SELECT`.
    #[default]
    Nothing,
    /// `*` or `t.*`.
    Star,
    /// Columns and expressions, that many.
    Columns(u32),
    /// `count(*)` or `count(column)` alone.
    Count,
    /// Aggregates alone, or aggregates by group.
    Aggregate,
}

/// A comparison that a row has to pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Table or alias before the column; empty if there is none.
    pub table: Text,
    /// The column, unquoted.
    pub column: Text,
    /// How it is compared with a literal or parameter.
    pub operator: FilterOperator,
}

/// How a column is compared with a literal or parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FilterOperator {
    /// `=` or `IS NULL`.
    Equal,
    /// `IN (…)` or `= ANY (…)`.
    In,
    /// `<`, `>`, `<=`, `>=`, `BETWEEN`.
    Range,
    /// `LIKE`, `ILIKE`, `~`.
    Pattern,
    /// `<>`, `NOT IN`, `IS NOT NULL` and the like.
    Other,
}
