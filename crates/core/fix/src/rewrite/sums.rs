//! Sums as a view that can be kept, or an index that holds what they need.

use std::fmt::Write as _;

use sqlparser::ast::{Expr, GroupByExpr, Ident, Query, SelectItem, SetExpr, Value, ValueWithSpan};

use super::{joins, parse};

/// Sums that can be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sums {
    /// The query, every column with a name of its own, without order and limit.
    pub(crate) query: String,
    /// Names of the columns that tell its rows apart; empty if there is one row only.
    pub(crate) keys: Vec<String>,
}

/// The query behind sums, if it is the same for everybody: a parameter would make another result for each value.
pub(crate) fn sums(statement: &str) -> Option<Sums> {
    let mut query = parse(statement)?;
    query.order_by = None;
    query.limit_clause = None;
    if query.fetch.is_some() || !query.locks.is_empty() || query.to_string().contains('$') {
        return None;
    }
    let SetExpr::Select(select) = query.body.as_mut() else { return None };
    let GroupByExpr::Expressions(groups, modifiers) = &select.group_by else { return None };
    if !modifiers.is_empty() || select.distinct.is_some() {
        return None;
    }
    let groups = groups.clone();
    let mut names: Vec<String> = Vec::new();
    let mut keys: Vec<(usize, String)> = Vec::new();
    for (place, item) in select.projection.iter_mut().enumerate() {
        let expr = match &*item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => expr.clone(),
            _ => return None,
        };
        let told = match &*item {
            SelectItem::ExprWithAlias { alias, .. } => alias.value.clone(),
            _ => name_of(&expr),
        };
        let mut name = told.clone();
        let mut turn = 2;
        while names.contains(&name) {
            name.clear();
            write!(name, "{told}_{turn}").ok()?;
            turn += 1;
        }
        let group = groups.iter().position(|group| {
            *group == expr || is_place(group, place + 1) || is_alias(group, &name)
        });
        keys.extend(group.map(|group| (group, name.clone())));
        names.push(name.clone());
        *item = SelectItem::ExprWithAlias { expr, alias: quoted(&name) };
    }
    // A group that is not shown leaves rows that nothing tells apart.
    let all = (0..groups.len()).all(|group| keys.iter().any(|(known, _)| *known == group));
    all.then(|| Sums {
        query: query.to_string(),
        keys: keys.into_iter().map(|(_, name)| name).collect(),
    })
}

fn is_place(group: &Expr, place: usize) -> bool {
    matches!(group, Expr::Value(ValueWithSpan { value: Value::Number(number, _), .. }) if *number == place.to_string())
}

fn is_alias(group: &Expr, name: &str) -> bool {
    matches!(group, Expr::Identifier(ident) if ident.value == name)
}

fn name_of(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::CompoundIdentifier(parts) => {
            parts.last().map_or_else(String::new, |it| it.value.clone())
        }
        Expr::Function(function) => {
            let text = function.to_string().to_lowercase();
            let words: Vec<&str> = text
                .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                .filter(|word| !word.is_empty())
                .collect();
            words.join("_").chars().take(40).collect()
        }
        _ => "value".to_owned(),
    }
}

fn quoted(name: &str) -> Ident {
    if sql::identifier(name) == name { Ident::new(name) } else { Ident::with_quote('"', name) }
}

/// The index that answers sums over one table alone: what is compared for equality as keys, then what is grouped by,
/// all else that is read in `INCLUDE`.
pub(crate) fn covering_index(statement: &str) -> Option<String> {
    let query: Query = parse(statement)?;
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    if joins(select) {
        return None;
    }
    let sqlparser::ast::TableFactor::Table { name, .. } = &select.from.first()?.relation else {
        return None;
    };
    let mut keys: Vec<String> = Vec::new();
    let mut ranges: Vec<String> = Vec::new();
    compared(select.selection.as_ref()?, &mut keys, &mut ranges);
    if let GroupByExpr::Expressions(groups, _) = &select.group_by {
        keys.extend(groups.iter().filter_map(column_of));
    }
    keys.extend(ranges);
    let mut rest: Vec<String> = Vec::new();
    for item in &select.projection {
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else {
            return None;
        };
        if let Expr::Function(function) = expr {
            let text = function.args.to_string();
            let inner = text.trim_start_matches('(').trim_end_matches(')');
            if inner != "*"
                && inner.chars().all(|it| it.is_ascii_alphanumeric() || it == '_' || it == '.')
            {
                rest.push(inner.rsplit('.').next().unwrap_or(inner).to_owned());
            }
        }
    }
    let mut seen = Vec::new();
    keys.retain(|key| {
        !seen.contains(key) && {
            seen.push(key.clone());
            true
        }
    });
    rest.retain(|column| !keys.contains(column) && !column.is_empty());
    rest.sort();
    rest.dedup();
    if keys.is_empty() {
        return None;
    }
    let include =
        if rest.is_empty() { String::new() } else { format!(" INCLUDE ({})", rest.join(", ")) };
    Some(format!("CREATE INDEX CONCURRENTLY ON {name} ({}){include}", keys.join(", ")))
}

fn compared(expr: &Expr, keys: &mut Vec<String>, ranges: &mut Vec<String>) {
    use sqlparser::ast::BinaryOperator::{And, Eq, Gt, GtEq, Lt, LtEq};
    match expr {
        Expr::Nested(inner) => compared(inner, keys, ranges),
        Expr::BinaryOp { left, op: And, right } => {
            compared(left, keys, ranges);
            compared(right, keys, ranges);
        }
        Expr::BinaryOp { left, op: Eq, .. } => keys.extend(column_of(left)),
        Expr::BinaryOp { left, op: Gt | GtEq | Lt | LtEq, .. } => ranges.extend(column_of(left)),
        Expr::Between { expr, .. } => ranges.extend(column_of(expr)),
        _ => {}
    }
}

fn column_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => Some(ident.to_string()),
        Expr::CompoundIdentifier(parts) => Some(parts.last()?.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_get_names_and_a_key() {
        let sums = sums(
            "SELECT date_trunc('day', created_at), o.status, count(*), sum(total), sum(total) FROM orders o \
             GROUP BY 1, o.status ORDER BY 1 LIMIT 30",
        )
        .unwrap();
        insta::assert_snapshot!(sums.query, @"SELECT date_trunc('day', created_at) AS date_trunc_day_created_at, o.status AS status, count(*) AS count, sum(total) AS sum_total, sum(total) AS sum_total_2 FROM orders o GROUP BY 1, o.status");
        assert_eq!(sums.keys, ["date_trunc_day_created_at", "status"]);
        assert_eq!(
            super::sums("SELECT sum(total) FROM orders").unwrap().keys,
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_depends_on_a_parameter_is_not_kept() {
        assert_eq!(sums("SELECT sum(total) FROM orders WHERE customer_id = $1"), None);
        assert_eq!(
            sums("SELECT sum(total) FROM orders GROUP BY customer_id"),
            None,
            "no key is shown"
        );
    }

    #[test]
    fn an_index_holds_what_sums_need() {
        assert_eq!(
            covering_index("SELECT sum(o.total), count(*) FROM orders o WHERE o.customer_id = $1 AND o.created_at > $2").unwrap(),
            "CREATE INDEX CONCURRENTLY ON orders (customer_id, created_at) INCLUDE (total)"
        );
        assert_eq!(covering_index("SELECT sum(total) FROM orders"), None);
    }
}
