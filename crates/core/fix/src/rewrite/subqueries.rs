//! Subqueries that can become joins: `NOT EXISTS` for `NOT IN`, `EXISTS` for a count that is compared with 0, and the
//! union of both halves for a subquery beside `OR`.

use sqlparser::ast::{
    BinaryOperator, Expr, Ident, Query, Select, SelectItem, SetExpr, SetOperator, SetQuantifier,
};

use super::{Rewritten, both, first_table, joins, parse, plain_select};

/// The statement with its subqueries written another way; `None` if nothing in it can be, or not safely. `key` names
/// the columns that identify a row of its first table.
#[must_use]
pub fn subquery(statement: &str, key: &[&str]) -> Option<Rewritten> {
    let query = parse(statement)?;
    whole_count(&query).or_else(|| inner(&query, key)).or_else(|| halves(&query, key))
}

/// `SELECT count(*) > 0 FROM …`
fn whole_count(query: &Query) -> Option<Rewritten> {
    let mut inner = query.clone();
    let select = plain_select(&mut inner)?;
    let [
        SelectItem::UnnamedExpr(Expr::BinaryOp { left, op, right })
        | SelectItem::ExprWithAlias { expr: Expr::BinaryOp { left, op, right }, .. },
    ] = select.projection.as_slice()
    else {
        return None;
    };
    let (negated, told) = asks_for_one(op, right)?;
    if !is_count(left) {
        return None;
    }
    select.projection = one();
    let not = if negated { "NOT " } else { "" };
    Some(Rewritten { sql: format!("SELECT {not}EXISTS ({inner})"), note: told })
}

/// Conditions of the outermost `WHERE`, those joined by `AND` and `OR`.
fn inner(query: &Query, key: &[&str]) -> Option<Rewritten> {
    let mut query = query.clone();
    let mut notes = Vec::new();
    let outer = match query.body.as_ref() {
        SetExpr::Select(select) => select.clone(),
        _ => return None,
    };
    let SetExpr::Select(select) = query.body.as_mut() else { return None };
    let selection = select.selection.take()?;
    select.selection = Some(condition(selection, &outer, key, &mut notes));
    notes.dedup();
    (!notes.is_empty()).then(|| Rewritten { sql: query.to_string(), note: notes.join("; ") })
}

fn condition(expr: Expr, outer: &Select, key: &[&str], notes: &mut Vec<String>) -> Expr {
    match expr {
        Expr::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } => {
            let left = condition(*left, outer, key, notes);
            let right = condition(*right, outer, key, notes);
            Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
        }
        Expr::Nested(inner) => Expr::Nested(Box::new(condition(*inner, outer, key, notes))),
        Expr::BinaryOp { left, op, right } => match counted(&left, &op, &right) {
            Some((exists, note)) => {
                notes.push(note);
                exists
            }
            None => Expr::BinaryOp { left, op, right },
        },
        Expr::InSubquery { expr, subquery, negated: true } => {
            match not_exists(&expr, &subquery, outer, key) {
                Some((exists, note)) => {
                    notes.push(note);
                    exists
                }
                None => Expr::InSubquery { expr, subquery, negated: true },
            }
        }
        other => other,
    }
}

/// `(SELECT count(*) FROM …) > 0`
fn counted(left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<(Expr, String)> {
    let Expr::Subquery(subquery) = left else { return None };
    let (negated, note) = asks_for_one(op, right)?;
    let mut subquery = subquery.clone();
    let select = plain_select(&mut subquery)?;
    match select.projection.as_slice() {
        [SelectItem::UnnamedExpr(count)] if is_count(count) => {}
        _ => return None,
    }
    select.projection = one();
    Some((Expr::Exists { subquery, negated }, note))
}

/// Whether a comparison of a count asks for at least one, or for none; constants that were normalised away are named.
fn asks_for_one(op: &BinaryOperator, right: &Expr) -> Option<(bool, String)> {
    let value = right.to_string();
    let known = |text: &str| value == text;
    let hidden = value.starts_with('$');
    let told = |than: &str| {
        let what = if hidden { format!(", if {value} is {than}") } else { String::new() };
        format!("EXISTS instead of counting{what}")
    };
    match op {
        BinaryOperator::Gt | BinaryOperator::NotEq if known("0") || hidden => {
            Some((false, told("0")))
        }
        BinaryOperator::GtEq if known("1") || hidden => Some((false, told("1"))),
        BinaryOperator::Eq if known("0") || hidden => Some((true, told("0"))),
        _ => None,
    }
}

/// `count(*)` and `count(1)`: a count of a column leaves NULLs out.
fn is_count(expr: &Expr) -> bool {
    let text = expr.to_string().to_lowercase();
    text == "count(*)" || text == "count(1)"
}

fn one() -> Vec<SelectItem> {
    vec![SelectItem::UnnamedExpr(Expr::value(sqlparser::ast::Value::Number("1".to_owned(), false)))]
}

/// `x NOT IN (SELECT y FROM …)` as `NOT EXISTS (SELECT 1 FROM … WHERE y = x)`.
fn not_exists(
    expr: &Expr,
    subquery: &Query,
    outer: &Select,
    key: &[&str],
) -> Option<(Expr, String)> {
    let mut subquery = Box::new(subquery.clone());
    if subquery.limit_clause.is_some() || subquery.with.is_some() {
        return None;
    }
    let select = plain_select(&mut subquery)?;
    let inner_table = first_table(select)?;
    let outer_table = first_table(outer)?;
    if inner_table == outer_table {
        return None;
    }
    let [SelectItem::UnnamedExpr(listed)] = select.projection.as_slice() else { return None };
    let listed = qualified(listed, &inner_table, joins(select))?;
    let tested = qualified(expr, &outer_table, joins(outer))?;
    let is_key = match (key, &tested) {
        ([only], Expr::CompoundIdentifier(parts)) => {
            parts.last().is_some_and(|ident| ident.value == *only)
        }
        _ => false,
    };
    select.projection = one();
    let equal = super::binary(listed, BinaryOperator::Eq, tested.clone());
    select.selection = Some(both(select.selection.take(), equal));
    let exists = Expr::Exists { subquery, negated: true };
    let note = "NOT EXISTS instead of NOT IN: it gives rows too if the list holds a NULL, where NOT IN gives none";
    // NULL is never outside of a list that is not empty.
    let whole = if is_key {
        exists
    } else {
        let not_null = Expr::IsNotNull(Box::new(tested));
        Expr::Nested(Box::new(super::binary(not_null, BinaryOperator::And, exists)))
    };
    Some((whole, note.to_owned()))
}

/// A column with its table before it; `None` for what is no column, or could be of several tables.
fn qualified(expr: &Expr, table: &Ident, ambiguous: bool) -> Option<Expr> {
    match expr {
        Expr::Identifier(ident) if !ambiguous => {
            Some(Expr::CompoundIdentifier(vec![table.clone(), ident.clone()]))
        }
        compound @ Expr::CompoundIdentifier(_) => Some(compound.clone()),
        _ => None,
    }
}

/// `WHERE a OR x IN (SELECT …)` as the union of both halves; right only where rows tell themselves apart.
fn halves(query: &Query, key: &[&str]) -> Option<Rewritten> {
    let mut query = query.clone();
    let select = plain_select(&mut query)?;
    if !tells_apart(select, key) {
        return None;
    }
    let Some(Expr::BinaryOp { left, op: BinaryOperator::Or, right }) = select.selection.clone()
    else {
        return None;
    };
    let is_in = |expr: &Expr| matches!(expr, Expr::InSubquery { negated: false, .. });
    if !is_in(&left) && !is_in(&right) {
        return None;
    }
    let half = |condition: Expr| {
        let mut half = select.clone();
        half.selection = Some(condition);
        Box::new(SetExpr::Select(Box::new(half)))
    };
    let union = SetExpr::SetOperation {
        left: half(*left),
        op: SetOperator::Union,
        set_quantifier: SetQuantifier::None,
        right: half(*right),
    };
    *query.body = union;
    let note =
        "the union of both halves instead of OR, so that each half can use its index".to_owned();
    Some(Rewritten { sql: query.to_string(), note })
}

/// Whether no two rows of the result are the same: one table, with its key among the columns. A union would make one
/// of them.
fn tells_apart(select: &Select, key: &[&str]) -> bool {
    let has = |name: &str| {
        select.projection.iter().any(|item| match item {
            SelectItem::Wildcard(_) => true,
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) => ident.value == name,
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
                parts.last().is_some_and(|ident| ident.value == name)
            }
            _ => false,
        })
    };
    !joins(select) && !key.is_empty() && key.iter().all(|name| has(name))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn of(statement: &str) -> String {
        subquery(statement, &["id"]).map_or_else(|| "left alone".to_owned(), |it| it.sql)
    }

    #[test]
    fn not_in_becomes_not_exists() {
        assert_snapshot!(
            of("SELECT * FROM customers WHERE id NOT IN (SELECT customer_id FROM orders WHERE total > $1)"),
            @"SELECT * FROM customers WHERE NOT EXISTS (SELECT 1 FROM orders WHERE total > $1 AND orders.customer_id = customers.id)"
        );
        assert_snapshot!(
            of("SELECT c.id FROM customers c WHERE c.mail NOT IN (SELECT b.mail FROM blocked b) AND c.a = $1"),
            @"SELECT c.id FROM customers c WHERE (c.mail IS NOT NULL AND NOT EXISTS (SELECT 1 FROM blocked b WHERE b.mail = c.mail)) AND c.a = $1"
        );
    }

    #[test]
    fn counts_become_exists() {
        assert_snapshot!(
            of("SELECT id FROM customers c WHERE (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) > 0"),
            @"SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id)"
        );
        assert_snapshot!(
            of("SELECT id FROM customers c WHERE (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) = $1"),
            @"SELECT id FROM customers c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id)"
        );
        assert_snapshot!(
            of("SELECT count(*) > $1 FROM orders WHERE customer_id = $2"),
            @"SELECT EXISTS (SELECT 1 FROM orders WHERE customer_id = $2)"
        );
        let note = subquery("SELECT count(*) > $1 FROM orders", &[]).unwrap().note;
        assert_eq!(note, "EXISTS instead of counting, if $1 is 0");
    }

    #[test]
    fn or_becomes_a_union_where_rows_tell_themselves_apart() {
        assert_snapshot!(
            of("SELECT * FROM posts WHERE author_id = $1 OR id IN (SELECT post_id FROM shares WHERE user_id = $2) ORDER BY id LIMIT $3"),
            @"SELECT * FROM posts WHERE author_id = $1 UNION SELECT * FROM posts WHERE id IN (SELECT post_id FROM shares WHERE user_id = $2) ORDER BY id LIMIT $3"
        );
        assert_eq!(
            of("SELECT title FROM posts WHERE a = $1 OR id IN (SELECT b FROM c)"),
            "left alone"
        );
    }

    #[test]
    fn what_may_mean_something_else_is_left_alone() {
        for statement in [
            "SELECT * FROM a WHERE x NOT IN (SELECT y FROM a)",
            "SELECT * FROM a WHERE x NOT IN (SELECT y FROM b LIMIT 3)",
            "SELECT * FROM a WHERE x NOT IN (SELECT max(y) FROM b GROUP BY z)",
            "SELECT * FROM a WHERE x NOT IN (SELECT y FROM b UNION SELECT y FROM c)",
            "SELECT * FROM a WHERE (SELECT count(y) FROM b) > 0",
            "SELECT * FROM a WHERE (SELECT count(*) FROM b) > 3",
            "SELECT * FROM a JOIN d ON d.i = a.i WHERE x NOT IN (SELECT y FROM b)",
            "SELECT * FROM a WHERE id IN (SELECT y FROM b)",
        ] {
            assert_eq!(of(statement), "left alone", "{statement}");
        }
    }
}
