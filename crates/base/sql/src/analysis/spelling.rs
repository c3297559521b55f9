//! Expressions and conditions as they would stand in an index: without aliases, quoted where needed, and only
//! what says the same for the same row for ever.

use model::database::Table;
use sqlparser::ast::{BinaryOperator, DataType, Expr, Function, Ident, Value};

use super::children::parts;

/// Functions of one row's values that are immutable for every type that they take.
const IMMUTABLE: &[&str] = &[
    "abs",
    "btrim",
    "ceil",
    "coalesce",
    "floor",
    "greatest",
    "least",
    "left",
    "length",
    "lower",
    "ltrim",
    "md5",
    "mod",
    "nullif",
    "replace",
    "reverse",
    "right",
    "round",
    "rtrim",
    "split_part",
    "substr",
    "substring",
    "upper",
];
/// Functions that are immutable unless the type knows of time zones.
const IMMUTABLE_WITHOUT_ZONE: &[&str] = &["date_part", "date_trunc"];

/// The expression over columns of `table` alone, as it would stand in an index; `None` if it holds a parameter, or
/// something that may change.
pub(super) fn of(expr: &Expr, table: &Table) -> Option<String> {
    let mut plain = expr.clone();
    is_stable(expr, table).then(|| unqualify(&mut plain))?.then(|| plain.to_string())
}

/// Whether it says the same for the same row for ever.
fn is_stable(expr: &Expr, table: &Table) -> bool {
    let inside = parts(expr);
    let known = match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => column_of(expr, table).is_some(),
        Expr::Value(value) => !matches!(value.value, Value::Placeholder(_)),
        Expr::TypedString(typed) => {
            matches!(typed.data_type, DataType::Date | DataType::Timestamp(..))
        }
        Expr::Function(function) => is_immutable(function, &inside.exprs, table),
        Expr::Extract { .. } => !inside.exprs.iter().any(|inner| may_have_zone(inner, table)),
        Expr::Cast { data_type, .. } => {
            !inside.exprs.iter().any(|inner| is_temporal(inner, table))
                && !matches!(
                    data_type,
                    DataType::Date | DataType::Timestamp(..) | DataType::Time(..)
                )
        }
        Expr::BinaryOp { .. }
        | Expr::UnaryOp { .. }
        | Expr::Nested(_)
        | Expr::Substring { .. }
        | Expr::Trim { .. }
        | Expr::Interval(_)
        | Expr::Between { .. }
        | Expr::InList { .. }
        | Expr::Like { .. }
        | Expr::ILike { .. }
        | Expr::Case { .. }
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNotFalse(_) => true,
        _ => false,
    };
    known
        && !inside.more
        && inside.queries.is_empty()
        && inside.exprs.iter().all(|inner| is_stable(inner, table))
}

fn is_immutable(function: &Function, arguments: &[&Expr], table: &Table) -> bool {
    let plain =
        function.over.is_none() && function.filter.is_none() && function.within_group.is_empty();
    let [name] = function.name.0.as_slice() else { return false };
    let Some(name) = name.as_ident().map(super::scope::folded) else { return false };
    plain
        && (IMMUTABLE.contains(&name.as_str())
            || IMMUTABLE_WITHOUT_ZONE.contains(&name.as_str())
                && !arguments.iter().any(|inner| may_have_zone(inner, table)))
}

/// Whether a column with a time zone takes part in it.
fn may_have_zone(expr: &Expr, table: &Table) -> bool {
    any_column(expr, table, &|type_name| type_name.contains("with time zone"))
}

fn is_temporal(expr: &Expr, table: &Table) -> bool {
    any_column(expr, table, &|type_name| {
        type_name.starts_with("time") || type_name == "date" || type_name == "interval"
    })
}

fn any_column(expr: &Expr, table: &Table, is: &dyn Fn(&str) -> bool) -> bool {
    let here = column_of(expr, table)
        .and_then(|number| table.column(number))
        .is_some_and(|column| is(&column.type_name));
    here || parts(expr).exprs.into_iter().any(|inner| any_column(inner, table, is))
}

/// The number of the column that it names.
pub(super) fn column_of(expr: &Expr, table: &Table) -> Option<i16> {
    let name = match expr {
        Expr::Identifier(name) => name,
        Expr::CompoundIdentifier(names) => names.last()?,
        _ => return None,
    };
    table.column_named(&super::scope::folded(name)).map(|column| column.number)
}

/// Numbers of the columns in it, sorted.
pub(super) fn columns_of(expr: &Expr, table: &Table) -> Vec<i16> {
    let mut columns = Vec::new();
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        columns.extend(column_of(expr, table));
        open.extend(parts(expr).exprs);
    }
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// Takes aliases off; whether all was understood.
fn unqualify(expr: &mut Expr) -> bool {
    match expr {
        Expr::CompoundIdentifier(names) => {
            let Some(last) = names.last() else { return false };
            *expr = Expr::Identifier(requoted(last));
            true
        }
        Expr::Identifier(name) => {
            *name = requoted(name);
            true
        }
        Expr::Value(_) | Expr::TypedString(_) => true,
        Expr::Nested(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::Cast { expr: inner, .. }
        | Expr::Extract { expr: inner, .. }
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNotFalse(inner) => unqualify(inner),
        Expr::BinaryOp { left, right, op } => {
            !matches!(op, BinaryOperator::And | BinaryOperator::Or)
                && unqualify(left)
                && unqualify(right)
        }
        Expr::Between { expr, low, high, .. } => {
            unqualify(expr) && unqualify(low) && unqualify(high)
        }
        Expr::InList { expr, list, .. } => unqualify(expr) && list.iter_mut().all(unqualify),
        Expr::Like { expr, pattern, .. } | Expr::ILike { expr, pattern, .. } => {
            unqualify(expr) && unqualify(pattern)
        }
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            unqualify(expr)
                && substring_from.iter_mut().chain(substring_for).all(|part| unqualify(part))
        }
        Expr::Function(function) => arguments_unqualified(function),
        _ => false,
    }
}

fn arguments_unqualified(function: &mut Function) -> bool {
    use sqlparser::ast::{FunctionArg, FunctionArgExpr, FunctionArguments};
    let FunctionArguments::List(list) = &mut function.args else { return false };
    list.clauses.is_empty()
        && list.args.iter_mut().all(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => unqualify(expr),
            _ => false,
        })
}

/// The name with quotes exactly where PostgreSQL wants them.
fn requoted(name: &Ident) -> Ident {
    let folded = super::scope::folded(name);
    if crate::identifier(&folded) == folded.as_str() {
        Ident::new(folded)
    } else {
        Ident::with_quote('"', folded)
    }
}
