//! The comparisons in `WHERE` that an index could answer.

use model::{Filter, FilterOperator, Text};
use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator};

use crate::shape::arguments;

/// Names and aliases of the tables in `FROM`, each with the name of its table.
#[derive(Default)]
pub(crate) struct Names(pub(crate) Vec<(Text, Text)>);

impl Names {
    fn table(&self, name: &str) -> Text {
        let known = self.0.iter().find(|(known, _)| known == name);
        known.map_or_else(|| Text::from(name), |(_, table)| table.clone())
    }
}

/// The filters of one `WHERE`.
#[derive(Default)]
pub(crate) struct Filters {
    /// Comparisons of a column with a constant, joined by `AND`.
    pub(crate) known: Vec<Filter>,
    /// There are others.
    pub(crate) more: bool,
}

impl Filters {
    pub(crate) fn of(selection: Option<&Expr>, names: &Names) -> Self {
        let mut filters = Self::default();
        let mut open: Vec<&Expr> = selection.into_iter().collect();
        while let Some(expr) = open.pop() {
            match expr {
                Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                    open.push(right);
                    open.push(left);
                }
                Expr::Nested(inner) => open.push(inner),
                _ if joins(expr) || is_constant(expr) => {}
                _ => match compared(expr) {
                    Some((column, operator)) => filters.known.push(column.filter(operator, names)),
                    None => filters.more = true,
                },
            }
        }
        filters
    }
}

/// A column as it is written.
struct Column<'expr> {
    table: &'expr str,
    column: &'expr str,
}

impl Column<'_> {
    fn filter(&self, operator: FilterOperator, names: &Names) -> Filter {
        let table = if self.table.is_empty() { Text::default() } else { names.table(self.table) };
        Filter { table, column: Text::from(self.column), operator }
    }
}

fn column(expr: &Expr) -> Option<Column<'_>> {
    match expr {
        Expr::Identifier(ident) => Some(Column { table: "", column: &ident.value }),
        Expr::CompoundIdentifier(parts) => {
            let (column, before) = parts.split_last()?;
            Some(Column { table: &before.last()?.value, column: &column.value })
        }
        Expr::Nested(inner)
        | Expr::Cast { expr: inner, .. }
        | Expr::Collate { expr: inner, .. } => column(inner),
        _ => None,
    }
}

/// Whether two columns are compared: the condition of a join.
fn joins(expr: &Expr) -> bool {
    let Expr::BinaryOp { left, right, .. } = expr else { return false };
    column(left).is_some() && column(right).is_some()
}

/// Whether no column takes part in it.
fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Value(_) | Expr::TypedString(_) => true,
        Expr::Nested(inner)
        | Expr::Cast { expr: inner, .. }
        | Expr::UnaryOp { expr: inner, .. } => is_constant(inner),
        Expr::AtTimeZone { timestamp, .. } => is_constant(timestamp),
        Expr::Interval(interval) => is_constant(&interval.value),
        Expr::BinaryOp { left, right, .. } => is_constant(left) && is_constant(right),
        Expr::Array(array) => array.elem.iter().all(is_constant),
        Expr::Tuple(members) => members.iter().all(is_constant),
        Expr::Function(function) => {
            arguments(function).is_some_and(|arguments| arguments.into_iter().all(is_constant))
        }
        _ => false,
    }
}

/// The column that is compared with a constant, and how.
fn compared(expr: &Expr) -> Option<(Column<'_>, FilterOperator)> {
    let or_other = |negated: bool, operator| if negated { FilterOperator::Other } else { operator };
    match expr {
        Expr::BinaryOp { left, op, right } => {
            let operator = operator(op)?;
            let straight = column(left).filter(|_| is_constant(right));
            straight.or_else(|| column(right).filter(|_| is_constant(left))).zip(Some(operator))
        }
        Expr::InList { expr, list, negated } if list.iter().all(is_constant) => {
            Some((column(expr)?, or_other(*negated, FilterOperator::In)))
        }
        Expr::AnyOp { left, compare_op, right, .. } if is_constant(right) => {
            let operator = match operator(compare_op)? {
                FilterOperator::Equal => FilterOperator::In,
                FilterOperator::Pattern => FilterOperator::Pattern,
                _ => FilterOperator::Other,
            };
            Some((column(left)?, operator))
        }
        Expr::AllOp { left, right, .. } if is_constant(right) => {
            Some((column(left)?, FilterOperator::Other))
        }
        Expr::Between { expr, negated, low, high } if is_constant(low) && is_constant(high) => {
            Some((column(expr)?, or_other(*negated, FilterOperator::Range)))
        }
        Expr::Like { negated, expr, pattern, .. }
        | Expr::ILike { negated, expr, pattern, .. }
        | Expr::SimilarTo { negated, expr, pattern, .. }
        | Expr::RLike { negated, expr, pattern, .. }
            if is_constant(pattern) =>
        {
            Some((column(expr)?, or_other(*negated, FilterOperator::Pattern)))
        }
        Expr::IsNull(inner) | Expr::IsTrue(inner) | Expr::IsFalse(inner) => {
            Some((column(inner)?, FilterOperator::Equal))
        }
        Expr::IsNotNull(inner) | Expr::IsNotTrue(inner) | Expr::IsNotFalse(inner) => {
            Some((column(inner)?, FilterOperator::Other))
        }
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => match compared(expr)? {
            (column, FilterOperator::Equal) if self::column(expr).is_some() => {
                Some((column, FilterOperator::Equal))
            }
            (column, _) => Some((column, FilterOperator::Other)),
        },
        // A boolean column alone.
        _ => Some((column(expr)?, FilterOperator::Equal)),
    }
}

fn operator(op: &BinaryOperator) -> Option<FilterOperator> {
    Some(match op {
        BinaryOperator::Eq | BinaryOperator::Spaceship => FilterOperator::Equal,
        BinaryOperator::Lt | BinaryOperator::Gt | BinaryOperator::LtEq | BinaryOperator::GtEq => {
            FilterOperator::Range
        }
        BinaryOperator::PGRegexMatch
        | BinaryOperator::PGRegexIMatch
        | BinaryOperator::PGLikeMatch
        | BinaryOperator::PGILikeMatch
        | BinaryOperator::Regexp => FilterOperator::Pattern,
        BinaryOperator::Or | BinaryOperator::Xor => return None,
        _ => FilterOperator::Other,
    })
}
