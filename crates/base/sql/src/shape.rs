//! The clauses of a statement, by a real parser over its normalised text.

use model::{Projection, Shape, Text};
use sqlparser::{
    ast::{
        Delete, Distinct, Expr, FromTable, Function, FunctionArg, FunctionArgExpr,
        FunctionArguments, GroupByExpr, Ident, LimitClause, ObjectName, OrderBy, OrderByExpr,
        OrderByKind, Query, Select, SelectItem, SetExpr, Statement, TableFactor, TableWithJoins,
        Update, UpdateTableFromKind,
    },
    dialect::{Dialect, GenericDialect, MsSqlDialect, MySqlDialect, PostgreSqlDialect},
    parser::Parser,
};

use crate::filters::{Filters, Names};

/// Longer texts are not parsed: 16 KB hold some 400 columns.
const BYTES_MAX: usize = 16_384;
/// Operators of equal rank make a tree as deep as they are many, and the tree is taken apart by
/// recursion: this many fit in a small stack.
const OPERATORS_MAX: usize = 500;
/// Nested expressions and subqueries: the parser's own limit for hostile input.
const DEPTH_MAX: usize = 40;

/// The shape of the first statement in normalised text; `None` if no dialect can read it.
pub(crate) fn shape(text: &str) -> Option<Shape> {
    if text.len() > BYTES_MAX || operators(text) > OPERATORS_MAX {
        return None;
    }
    let text = with_values(text);
    let dialects: [&dyn Dialect; 4] =
        [&GenericDialect {}, &PostgreSqlDialect {}, &MySqlDialect {}, &MsSqlDialect {}];
    let statement = dialects.iter().find_map(|dialect| {
        let parser = Parser::new(*dialect).with_recursion_limit(DEPTH_MAX);
        let statements = parser.try_with_sql(&text).ok()?.parse_statements().ok()?;
        statements.into_iter().next()
    })?;
    of_statement(&statement)
}

pub(crate) fn operators(text: &str) -> usize {
    let signs = text.bytes().filter(|byte| b"+-*/%<>=|&^~!#@:[.".contains(byte)).count();
    // Columns are qualified by dots, which nest no deeper than a name has parts.
    let dots = text.bytes().filter(|byte| *byte == b'.').count();
    let words = ["and", "or", "union", "except", "intersect", "is", "join", "at", "collate", "not"];
    let nesting = text.split_whitespace().filter(|word| words.contains(word)).count();
    signs - dots + nesting
}

/// Puts literals in the place of `?`, for which dialects disagree: a number, or a string where a type or an
/// interval stands before it.
fn with_values(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('?') {
        out.push_str(before);
        let word = before.trim_end().rsplit([' ', '(', ',']).next().unwrap_or_default();
        let typed = ["interval", "date", "time", "timestamp", "timestamptz", "escape", "zone"];
        let operator = after.starts_with(['|', '&']) && !after.starts_with("||");
        out.push_str(match () {
            () if operator => "?",
            () if typed.contains(&word) => "'1'",
            () => "1",
        });
        rest = after;
    }
    out.push_str(rest);
    out
}

fn of_statement(statement: &Statement) -> Option<Shape> {
    match statement {
        Statement::Query(query) => Some(of_query(query)),
        Statement::Insert(_) => Some(Shape::default()),
        Statement::Update(update) => Some(of_update(update)),
        Statement::Delete(delete) => Some(of_delete(delete)),
        _ => None,
    }
}

fn of_query(query: &Query) -> Shape {
    let mut shape = of_set(&query.body);
    if let Some(order_by) = &query.order_by {
        shape.order_by = ordered(order_by);
    }
    match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit, offset, .. }) => {
            shape.limited |= limit.is_some();
            shape.offset |= offset.is_some();
        }
        Some(LimitClause::OffsetCommaLimit { .. }) => {
            shape.limited = true;
            shape.offset = true;
        }
        None => {}
    }
    shape.limited |= query.fetch.is_some();
    shape
}

/// Of a set operation, the first `SELECT` tells what comes back.
fn of_set(body: &SetExpr) -> Shape {
    let mut body = body;
    let mut united = false;
    while let SetExpr::SetOperation { left, .. } = body {
        body = left;
        united = true;
    }
    let mut shape = match body {
        SetExpr::Select(select) => of_select(select),
        SetExpr::Query(query) => of_query(query),
        SetExpr::Insert(statement)
        | SetExpr::Update(statement)
        | SetExpr::Delete(statement)
        | SetExpr::Merge(statement) => of_statement(statement).unwrap_or_default(),
        _ => Shape::default(),
    };
    shape.filters_more |= united;
    shape
}

fn of_select(select: &Select) -> Shape {
    let grouped = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(columns, _) => !columns.is_empty(),
    };
    let distinct = matches!(select.distinct, Some(Distinct::Distinct | Distinct::On(_)));
    let names = names(&select.from);
    let filters = Filters::of(select.selection.as_ref(), &names);
    Shape {
        projection: projection(&select.projection, grouped),
        filters: filters.known,
        filters_more: filters.more,
        order_by: Vec::new(),
        limited: select.top.is_some(),
        offset: false,
        joins: joined(&select.from),
        grouped: grouped || distinct,
    }
}

fn of_update(update: &Update) -> Shape {
    let mut tables = vec![update.table.clone()];
    if let Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) =
        &update.from
    {
        tables.extend(from.iter().cloned());
    }
    of_write(&tables, update.selection.as_ref(), update.limit.is_some())
}

fn of_delete(delete: &Delete) -> Shape {
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    let mut tables = from.clone();
    tables.extend(delete.using.iter().flatten().cloned());
    of_write(&tables, delete.selection.as_ref(), delete.limit.is_some())
}

fn of_write(tables: &[TableWithJoins], selection: Option<&Expr>, limited: bool) -> Shape {
    let filters = Filters::of(selection, &names(tables));
    Shape {
        filters: filters.known,
        filters_more: filters.more,
        limited,
        joins: joined(tables),
        ..Shape::default()
    }
}

fn joined(from: &[TableWithJoins]) -> bool {
    from.len() > 1 || from.iter().any(|table| !table.joins.is_empty())
}

/// Aliases of tables and the tables behind them.
fn names(from: &[TableWithJoins]) -> Names {
    let mut names = Names::default();
    for table in from {
        let joined = table.joins.iter().map(|join| &join.relation);
        for factor in std::iter::once(&table.relation).chain(joined) {
            if let TableFactor::Table { name, alias, .. } = factor {
                let table = unqualified(name);
                if let Some(alias) = alias {
                    names.0.push((Text::from(alias.name.value.as_str()), table.clone()));
                }
                let last = name.0.last().and_then(|part| part.as_ident());
                if let Some(last) = last {
                    names.0.push((Text::from(last.value.as_str()), table));
                }
            }
        }
    }
    names
}

/// The name of a table as [`crate::tables`] writes it.
fn unqualified(name: &ObjectName) -> Text {
    let mut parts: Vec<&str> =
        name.0.iter().filter_map(|part| part.as_ident()).map(|part| part.value.as_str()).collect();
    if parts.len() > 1 && ["public", "dbo", "main"].contains(&parts[0]) {
        parts.remove(0);
    }
    Text::from(parts.join("."))
}

fn ordered(order_by: &OrderBy) -> Vec<Text> {
    let OrderByKind::Expressions(columns) = &order_by.kind else { return Vec::new() };
    columns.iter().filter_map(|OrderByExpr { expr, .. }| column(expr)).collect()
}

fn column(expr: &Expr) -> Option<Text> {
    let ident: &Ident = match expr {
        Expr::Identifier(ident) => ident,
        Expr::CompoundIdentifier(parts) => parts.last()?,
        Expr::Nested(inner) => return column(inner),
        _ => return None,
    };
    Some(Text::from(ident.value.as_str()))
}

fn projection(items: &[SelectItem], grouped: bool) -> Projection {
    let star = |item: &SelectItem| {
        matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
    };
    if items.iter().any(star) {
        return Projection::Star;
    }
    let expr = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            (is_aggregate(expr), is_count(expr))
        }
        _ => (false, false),
    };
    let told: Vec<(bool, bool)> = items.iter().map(expr).collect();
    match told.as_slice() {
        [(_, true)] if !grouped => Projection::Count,
        told if grouped && told.iter().any(|(aggregate, _)| *aggregate) => Projection::Aggregate,
        told if !told.is_empty() && told.iter().all(|(aggregate, _)| *aggregate) => {
            Projection::Aggregate
        }
        told => Projection::Columns(u32::try_from(told.len()).unwrap_or(u32::MAX)),
    }
}

fn is_count(expr: &Expr) -> bool {
    match expr {
        Expr::Function(function) => {
            named(function, &["count", "count_big"]) && function.over.is_none()
        }
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => is_count(inner),
        _ => false,
    }
}

fn is_aggregate(expr: &Expr) -> bool {
    const AGGREGATES: [&str; 22] = [
        "array_agg",
        "avg",
        "bit_and",
        "bit_or",
        "bool_and",
        "bool_or",
        "count",
        "count_big",
        "every",
        "group_concat",
        "json_agg",
        "json_object_agg",
        "jsonb_agg",
        "jsonb_object_agg",
        "max",
        "min",
        "percentile_cont",
        "percentile_disc",
        "stddev",
        "string_agg",
        "sum",
        "variance",
    ];
    match expr {
        Expr::Function(function) if function.over.is_some() => false,
        Expr::Function(function) => {
            named(function, &AGGREGATES)
                || arguments(function).into_iter().flatten().any(is_aggregate)
        }
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => is_aggregate(inner),
        Expr::BinaryOp { left, right, .. } => is_aggregate(left) || is_aggregate(right),
        _ => false,
    }
}

fn named(function: &Function, names: &[&str]) -> bool {
    let last = function.name.0.last().and_then(|part| part.as_ident());
    last.is_some_and(|ident| names.contains(&ident.value.as_str()))
}

/// The arguments that are expressions; `None` if there are others.
pub(crate) fn arguments(function: &Function) -> Option<Vec<&Expr>> {
    match &function.args {
        FunctionArguments::None => Some(Vec::new()),
        FunctionArguments::Subquery(_) => None,
        FunctionArguments::List(list) => list
            .args
            .iter()
            .map(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                _ => None,
            })
            .collect(),
    }
}
