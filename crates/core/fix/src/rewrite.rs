//! Statements written another way: parsed, changed as a tree, printed. What cannot be changed safely is left alone.
//!
//! Statements come as the server normalised them, with `$1` for constants. New parameters get numbers after the last
//! one, so that those that were there keep theirs. Whether both give the same rows is for a rehearsal to say.

mod keyset;
mod subqueries;
mod sums;

use sqlparser::{
    ast::{
        BinaryOperator, Expr, GroupByExpr, Ident, Query, Select, SetExpr, Statement, TableFactor,
        Value, ValueWithSpan,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
};

pub use keyset::keyset;
pub use subqueries::subquery;
pub(crate) use sums::{covering_index, sums};

/// A statement written another way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// The statement.
    pub sql: String,
    /// What was done, and what to look out for.
    pub note: String,
}

/// Longer texts are not rewritten by a machine: nobody could review that.
const BYTES_MAX: usize = 16_384;
/// Nested expressions and subqueries.
const DEPTH_MAX: usize = 40;
/// Operators of equal rank make a tree as deep as they are many, which is printed by recursion.
const OPERATORS_MAX: usize = 500;

/// The one query that a text is; `None` for anything else.
fn parse(text: &str) -> Option<Query> {
    let operators = text.bytes().filter(|byte| b"+-*/%<>=|&~(".contains(byte)).count();
    let words = text.split_whitespace().filter(|word| {
        ["and", "or", "union", "not"].iter().any(|known| word.eq_ignore_ascii_case(known))
    });
    if BYTES_MAX < text.len() || OPERATORS_MAX < operators + words.count() {
        return None;
    }
    let parser = Parser::new(&PostgreSqlDialect {}).with_recursion_limit(DEPTH_MAX);
    let mut statements = parser.try_with_sql(text).ok()?.parse_statements().ok()?;
    match (statements.pop(), statements.pop()) {
        (Some(Statement::Query(query)), None) => Some(*query),
        _ => None,
    }
}

/// The plain `SELECT` of a query: no set operation, no grouping, nothing that makes rows of rows.
fn plain_select(query: &mut Query) -> Option<&mut Select> {
    if query.for_clause.is_some() || !query.locks.is_empty() || query.fetch.is_some() {
        return None;
    }
    let SetExpr::Select(select) = query.body.as_mut() else { return None };
    let grouped = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(columns, _) => !columns.is_empty(),
    };
    let plain = select.distinct.is_none() && !grouped && select.having.is_none();
    (plain && select.qualify.is_none() && select.into.is_none()).then_some(select)
}

/// How a statement calls its only table, or the first of several: the alias, else the name.
fn first_table(select: &Select) -> Option<Ident> {
    named(&select.from.first()?.relation)
}

fn named(table: &TableFactor) -> Option<Ident> {
    let TableFactor::Table { name, alias, args: None, .. } = table else { return None };
    match alias {
        Some(alias) => Some(alias.name.clone()),
        None => name.0.last()?.as_ident().cloned(),
    }
}

/// Whether a statement reads more than one table, so that bare columns could be of any.
fn joins(select: &Select) -> bool {
    select.from.len() != 1 || select.from.iter().any(|from| !from.joins.is_empty())
}

/// Two conditions of which both must hold, or the one that there is.
fn both(left: Option<Expr>, right: Expr) -> Expr {
    let Some(left) = left else { return right };
    let left = match left {
        or @ Expr::BinaryOp { op: BinaryOperator::Or, .. } => Expr::Nested(Box::new(or)),
        other => other,
    };
    binary(left, BinaryOperator::And, right)
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

/// The highest number of a parameter in a text.
fn parameters(text: &str) -> usize {
    let numbers = text.split('$').skip(1).filter_map(|rest| {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        rest.get(..digits)?.parse::<usize>().ok()
    });
    numbers.max().unwrap_or(0)
}

fn parameter(number: usize) -> Expr {
    let value = Value::Placeholder(format!("${number}"));
    Expr::Value(ValueWithSpan { value, span: sqlparser::tokenizer::Span::empty() })
}

/// A column as it has to be written.
fn column(table: Option<&Ident>, name: &str) -> Expr {
    let quoted = sql::identifier(name);
    let ident = if quoted == name { Ident::new(name) } else { Ident::with_quote('"', name) };
    match table {
        Some(table) => Expr::CompoundIdentifier(vec![table.clone(), ident]),
        None => Expr::Identifier(ident),
    }
}
