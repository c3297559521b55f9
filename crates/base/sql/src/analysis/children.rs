//! What an expression is made of: one level of it, and the subqueries in it.

use sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, OrderByExpr, Query, Subscript, WindowType,
};

/// The parts of an expression.
#[derive(Default)]
pub(super) struct Parts<'expr> {
    pub(super) exprs: Vec<&'expr Expr>,
    pub(super) queries: Vec<&'expr Query>,
    /// There is more in it that was not understood.
    pub(super) more: bool,
}

/// The parts of `expr`, itself not among them.
pub(super) fn parts(expr: &Expr) -> Parts<'_> {
    let mut parts = Parts::default();
    if !plain(expr, &mut parts) && !clauses(expr, &mut parts) {
        parts.more = true;
    }
    parts
}

/// Operators, predicates and names.
fn plain<'expr>(expr: &'expr Expr, parts: &mut Parts<'expr>) -> bool {
    match expr {
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::Value(_)
        | Expr::TypedString(_)
        | Expr::Wildcard(_)
        | Expr::QualifiedWildcard(..) => {}
        Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner)
        | Expr::Nested(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::Cast { expr: inner, .. }
        | Expr::Collate { expr: inner, .. }
        | Expr::Extract { expr: inner, .. }
        | Expr::Ceil { expr: inner, .. }
        | Expr::Floor { expr: inner, .. }
        | Expr::Prefixed { value: inner, .. }
        | Expr::Named { expr: inner, .. }
        | Expr::IsJson { expr: inner, .. }
        | Expr::IsNormalized { expr: inner, .. } => parts.exprs.push(inner),
        Expr::IsDistinctFrom(left, right)
        | Expr::IsNotDistinctFrom(left, right)
        | Expr::BinaryOp { left, right, .. }
        | Expr::AnyOp { left, right, .. }
        | Expr::AllOp { left, right, .. }
        | Expr::AtTimeZone { timestamp: left, time_zone: right }
        | Expr::Position { expr: left, r#in: right } => parts.exprs.extend([&**left, &**right]),
        Expr::InList { expr, list, .. } => {
            parts.exprs.push(expr);
            parts.exprs.extend(list);
        }
        Expr::Between { expr, low, high, .. } => parts.exprs.extend([&**expr, &**low, &**high]),
        Expr::Like { expr, pattern, .. }
        | Expr::ILike { expr, pattern, .. }
        | Expr::SimilarTo { expr, pattern, .. }
        | Expr::RLike { expr, pattern, .. } => parts.exprs.extend([&**expr, &**pattern]),
        Expr::Tuple(members) => parts.exprs.extend(members),
        Expr::Array(array) => parts.exprs.extend(&array.elem),
        Expr::Interval(interval) => parts.exprs.push(&interval.value),
        Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
            parts.exprs.extend(sets.iter().flatten());
        }
        _ => return false,
    }
    true
}

/// Subqueries, functions and what has clauses of its own.
fn clauses<'expr>(expr: &'expr Expr, parts: &mut Parts<'expr>) -> bool {
    match expr {
        Expr::InSubquery { expr, subquery, .. } => {
            parts.exprs.push(expr);
            parts.queries.push(subquery);
        }
        Expr::Exists { subquery, .. } | Expr::Subquery(subquery) => parts.queries.push(subquery),
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            parts.exprs.push(expr);
            parts.exprs.extend(substring_from.iter().chain(substring_for).map(|part| &**part));
        }
        Expr::Trim { trim_what, expr, trim_characters, .. } => {
            parts.exprs.push(expr);
            parts.exprs.extend(trim_what.as_deref());
            parts.exprs.extend(trim_characters.iter().flatten());
        }
        Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
            parts.exprs.extend([&**expr, &**overlay_what, &**overlay_from]);
            parts.exprs.extend(overlay_for.as_deref());
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            parts.exprs.extend(operand.as_deref());
            parts.exprs.extend(conditions.iter().flat_map(|when| [&when.condition, &when.result]));
            parts.exprs.extend(else_result.as_deref());
        }
        Expr::Function(function) => call(function, parts),
        Expr::CompoundFieldAccess { root, access_chain } => {
            parts.exprs.push(root);
            for access in access_chain {
                match access {
                    AccessExpr::Subscript(Subscript::Index { index }) => parts.exprs.push(index),
                    AccessExpr::Dot(_) => {}
                    AccessExpr::Subscript(_) => parts.more = true,
                }
            }
        }
        _ => return false,
    }
    true
}

fn call<'expr>(function: &'expr Function, parts: &mut Parts<'expr>) {
    for arguments in [&function.parameters, &function.args] {
        match arguments {
            FunctionArguments::None => {}
            FunctionArguments::Subquery(query) => parts.queries.push(query),
            FunctionArguments::List(list) => {
                for argument in &list.args {
                    let (FunctionArg::Unnamed(argument)
                    | FunctionArg::Named { arg: argument, .. }
                    | FunctionArg::ExprNamed { arg: argument, .. }) = argument;
                    match argument {
                        FunctionArgExpr::Expr(expr) => parts.exprs.push(expr),
                        FunctionArgExpr::Wildcard => {}
                        _ => parts.more = true,
                    }
                }
                for clause in &list.clauses {
                    if let FunctionArgumentClause::OrderBy(order) = clause {
                        parts.exprs.extend(sorted(order));
                    }
                }
            }
        }
    }
    parts.exprs.extend(function.filter.as_deref());
    parts.exprs.extend(sorted(&function.within_group));
    if let Some(WindowType::WindowSpec(window)) = &function.over {
        parts.exprs.extend(&window.partition_by);
        parts.exprs.extend(sorted(&window.order_by));
    }
}

fn sorted(order: &[OrderByExpr]) -> impl Iterator<Item = &Expr> {
    order.iter().map(|key| &key.expr)
}
