//! What a statement needs of each table that it names: which columns it compares, joins, sorts and reads.
//!
//! Names are resolved against the catalog, through aliases, subqueries and common table expressions: a table that
//! is named twice is told of twice. What an index could serve is told in the words of an index: columns by their
//! numbers, expressions as they would stand in `CREATE INDEX`, conditions without parameters as they would stand
//! in its `WHERE`. What cannot be told by the text alone (views, functions) is left to a planner.

mod children;
mod conditions;
mod from_plan;
mod places;
mod scope;
mod spelling;
mod walk;

use model::database::{Database, IndexKey, TableName};
use sqlparser::{dialect::PostgreSqlDialect, parser::Parser};

pub use from_plan::{PlanClause, PlanJoin, PlanNeeds, PlanScan, PlanSort, plan_needs};

/// Longer texts are not parsed: generated lists of values, whose shape a shorter text has too.
const BYTES_MAX: usize = 65_536;
/// Operators of equal rank make a tree as deep as they are many, which is taken apart by recursion.
const OPERATORS_MAX: usize = 1_000;
/// Nested expressions and subqueries: the parser's own limit for hostile input.
const DEPTH_MAX: usize = 50;

/// What a statement needs of one table that it names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableNeeds {
    /// The table.
    pub table: TableName,
    /// Comparisons that rows of this table have to pass, those joined by `AND`.
    pub conditions: Vec<Condition>,
    /// Columns and expressions that have to equal something of another table.
    pub joins: Vec<IndexKey>,
    /// The order that is asked for, as far as it is of this table alone.
    pub order: Vec<SortKey>,
    /// What rows are grouped by or made distinct by, as far as it is of this table.
    pub group: Vec<IndexKey>,
    /// Conditions without parameters and without a volatile part, as SQL over this table's columns alone.
    pub predicates: Vec<Predicate>,
    /// Numbers of the columns that are read, sorted.
    pub read: Vec<i16>,
    /// All columns are read (`*`, `RETURNING`), or the row itself is changed.
    pub whole_rows: bool,
    /// Only so many rows are asked for.
    pub limited: bool,
    /// Numbers of the columns that an `UPDATE` sets.
    pub sets: Vec<i16>,
}

/// A comparison of a column or expression with what is known before the table is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What is compared.
    pub key: IndexKey,
    /// How.
    pub kind: ConditionKind,
    /// Only one side of an `OR`: an index on it helps if all sides have one.
    pub alternative: bool,
}

/// How something is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionKind {
    /// `=`, `IS NULL`, a boolean alone
    Equal,
    /// `IN (…)`, `= ANY (…)`
    In,
    /// `<`, `>`, `BETWEEN`
    Range,
    /// `LIKE` with a pattern that does not begin with a wildcard, as far as is known; `^@`
    Prefix,
    /// `LIKE`, `ILIKE`, `~` with any other pattern: trigrams
    Pattern,
    /// `@>`, `<@`, `&&`, `?`, `?|`, `?&`: GIN
    Contains,
    /// `@@`: full text
    Search,
}

/// One key of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    /// What is sorted by.
    pub key: IndexKey,
    /// `DESC`
    pub descending: bool,
    /// `NULLS FIRST`, said or implied.
    pub nulls_first: bool,
}

/// A condition that may stand in the `WHERE` of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    /// As SQL, quoted where needed.
    pub sql: String,
    /// Numbers of the columns in it, sorted.
    pub columns: Vec<i16>,
    /// What it says, for its selectivity and for whether it will say the same tomorrow.
    pub kind: PredicateKind,
}

/// What kind of predicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PredicateKind {
    /// A column equals a constant, or is a boolean.
    Equal,
    /// A column is one of some constants.
    In,
    /// `IS NULL`
    Null,
    /// `IS NOT NULL`
    NotNull,
    /// `<>`, `NOT IN`
    NotEqual,
    /// Two columns of the row are compared.
    Columns,
    /// A column lies before or after a constant, which tends to move with time.
    Range,
}

/// What a statement needs of the tables that it names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Analysis {
    /// Each table as often as it is named.
    pub tables: Vec<TableNeeds>,
    /// Names that are no tables of the catalog: views, functions, tables that are gone.
    pub unknown: Vec<String>,
    /// Something was not understood: other columns may be read.
    pub partial: bool,
    /// Parameters that a column is compared with for equality, by number.
    pub parameters: Vec<Parameter>,
}

/// A parameter, and a column that it is compared with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Parameter {
    /// 1 of `$1`.
    pub number: usize,
    /// The column's table.
    pub table: TableName,
    /// The column's number.
    pub column: i16,
}

/// What the first statement in `text` needs; `None` if it cannot be parsed.
#[must_use]
pub fn analyse(text: &str, database: &Database) -> Option<Analysis> {
    if text.len() > BYTES_MAX || crate::shape::operators(&text.to_ascii_lowercase()) > OPERATORS_MAX
    {
        return None;
    }
    let parser = Parser::new(&PostgreSqlDialect {}).with_recursion_limit(DEPTH_MAX);
    let statements = parser.try_with_sql(text).ok()?.parse_statements().ok()?;
    Some(walk::statement(statements.first()?, database))
}

#[cfg(test)]
#[path = "analysis_tests.rs"]
mod tests;
