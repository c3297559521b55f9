//! Pages by the key of the last row instead of by `OFFSET`.

use sqlparser::ast::{
    BinaryOperator, Expr, LimitClause, OrderBy, OrderByExpr, OrderByKind, OrderByOptions,
    OrderBySort, Query,
};

use super::{
    Rewritten, binary, both, column, first_table, joins, parameter, parameters, parse, plain_select,
};

/// The page after the row whose sort key is given, in the order that the statement asks for. `key` names the columns
/// that identify a row of its (first) table: they make the order total.
#[must_use]
pub fn keyset(statement: &str, key: &[&str]) -> Option<Rewritten> {
    let mut query = parse(statement)?;
    let last = parameters(statement);
    let first_new = offset_parameter(&query).filter(|number| *number == last).unwrap_or(last + 1);
    take_offset(&mut query)?;
    let mut order = order_of(&query)?;
    if order.is_empty() && key.is_empty() {
        return None;
    }
    let select = plain_select(&mut query)?;
    let table = first_table(select)?;
    let qualifier = joins(select).then_some(&table);
    let descends = order.last().is_some_and(descending);
    for name in key {
        if !order.iter().any(|known| names(&known.expr, name)) {
            order.push(OrderByExpr {
                expr: column(qualifier, name),
                options: OrderByOptions {
                    sort: descends.then_some(OrderBySort::Desc),
                    nulls_first: None,
                },
                with_fill: None,
            });
        }
    }
    let condition = after(&order, first_new);
    select.selection = Some(both(select.selection.take(), condition));
    let told: Vec<String> = order.iter().map(|it| it.expr.to_string()).collect();
    let numbers: Vec<String> =
        (0..order.len()).map(|place| format!("${}", first_new + place)).collect();
    query.order_by = Some(OrderBy { kind: OrderByKind::Expressions(order), interpolate: None });
    Some(Rewritten {
        sql: query.to_string(),
        note: format!(
            "{} {} {} of the last row of the page before; leave the condition out for the first page",
            numbers.join(", "),
            if numbers.len() == 1 { "is" } else { "are" },
            told.join(", ")
        ),
    })
}

/// Takes the offset out; `None` if there is none.
fn take_offset(query: &mut Query) -> Option<()> {
    match query.limit_clause.as_mut()? {
        LimitClause::LimitOffset { offset, limit_by, .. } if limit_by.is_empty() => {
            offset.take().map(drop)
        }
        _ => None,
    }
}

/// The number of the offset's parameter.
fn offset_parameter(query: &Query) -> Option<usize> {
    let LimitClause::LimitOffset { offset: Some(offset), .. } = query.limit_clause.as_ref()? else {
        return None;
    };
    offset.value.to_string().strip_prefix('$')?.parse().ok()
}

/// What it orders by: columns alone, for anything else may be in no index and is no parameter either.
fn order_of(query: &Query) -> Option<Vec<OrderByExpr>> {
    let Some(order) = &query.order_by else { return Some(Vec::new()) };
    let OrderByKind::Expressions(order) = &order.kind else { return None };
    let plain = order.iter().all(|it| {
        matches!(it.expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
            && it.with_fill.is_none()
            && it.options.nulls_first.is_none()
            && !matches!(it.options.sort, Some(OrderBySort::Using(_)))
    });
    plain.then(|| order.clone())
}

fn descending(order: &OrderByExpr) -> bool {
    matches!(order.options.sort, Some(OrderBySort::Desc))
}

fn names(expr: &Expr, name: &str) -> bool {
    let ident = match expr {
        Expr::Identifier(ident) => Some(ident),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    };
    ident.is_some_and(|ident| ident.value == name)
}

/// What comes after a row in this order: a comparison of rows where all go one way, which an index follows; else
/// spelt out.
fn after(order: &[OrderByExpr], first: usize) -> Expr {
    let descends = order.first().is_some_and(descending);
    let sign =
        |it: &OrderByExpr| if descending(it) { BinaryOperator::Lt } else { BinaryOperator::Gt };
    let value = |place: usize| parameter(first + place);
    if let [only] = order {
        return binary(only.expr.clone(), sign(only), value(0));
    }
    if order.iter().all(|it| descending(it) == descends) {
        let left = order.iter().map(|it| it.expr.clone()).collect();
        let right = (0..order.len()).map(value).collect();
        let sign = if descends { BinaryOperator::Lt } else { BinaryOperator::Gt };
        return binary(Expr::Tuple(left), sign, Expr::Tuple(right));
    }
    let mut any: Option<Expr> = None;
    for (place, it) in order.iter().enumerate() {
        let equal = order
            .iter()
            .take(place)
            .enumerate()
            .map(|(place, it)| binary(it.expr.clone(), BinaryOperator::Eq, value(place)));
        let further = binary(it.expr.clone(), sign(it), value(place));
        let all =
            equal.chain([further]).reduce(|left, right| binary(left, BinaryOperator::And, right));
        let Some(all) = all else { continue };
        any = Some(match any {
            Some(any) => binary(any, BinaryOperator::Or, Expr::Nested(Box::new(all))),
            None => all,
        });
    }
    any.map_or_else(|| value(0), |any| Expr::Nested(Box::new(any)))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn of(statement: &str, key: &[&str]) -> String {
        keyset(statement, key).map_or_else(|| "left alone".to_owned(), |it| it.sql)
    }

    #[test]
    fn the_offset_gives_way_to_the_last_rows_key() {
        assert_snapshot!(
            of("SELECT id, title FROM posts WHERE status = $1 ORDER BY created_at DESC LIMIT $2 OFFSET $3", &["id"]),
            @"SELECT id, title FROM posts WHERE status = $1 AND (created_at, id) < ($3, $4) ORDER BY created_at DESC, id DESC LIMIT $2"
        );
        assert_snapshot!(
            of("select * from posts order by id limit $2 offset $1", &["id"]),
            @"SELECT * FROM posts WHERE id > $3 ORDER BY id LIMIT $2"
        );
        assert_snapshot!(
            of("SELECT * FROM \"Posts\" LIMIT $1 OFFSET $2", &["Id"]),
            @r#"SELECT * FROM "Posts" WHERE "Id" > $2 ORDER BY "Id" LIMIT $1"#
        );
    }

    #[test]
    fn conditions_with_or_keep_together_and_joins_are_qualified() {
        assert_snapshot!(
            of("SELECT p.id FROM posts p JOIN users u ON u.id = p.user_id WHERE p.a = $1 OR p.b = $2 ORDER BY p.created_at OFFSET $3 LIMIT $4", &["id"]),
            @"SELECT p.id FROM posts p JOIN users u ON u.id = p.user_id WHERE (p.a = $1 OR p.b = $2) AND (p.created_at, p.id) > ($5, $6) ORDER BY p.created_at, p.id LIMIT $4"
        );
    }

    #[test]
    fn mixed_directions_are_spelt_out() {
        assert_snapshot!(
            of("SELECT id FROM posts ORDER BY score DESC, title LIMIT 20 OFFSET 1000", &["id"]),
            @"SELECT id FROM posts WHERE (score < $1 OR (score = $1 AND title > $2) OR (score = $1 AND title = $2 AND id > $3)) ORDER BY score DESC, title, id LIMIT 20"
        );
    }

    #[test]
    fn what_is_no_plain_list_is_left_alone() {
        for statement in [
            "SELECT id FROM posts ORDER BY id LIMIT 20",
            "SELECT a, count(*) FROM posts GROUP BY a ORDER BY a LIMIT 20 OFFSET 40",
            "SELECT DISTINCT a FROM posts ORDER BY a LIMIT 20 OFFSET 40",
            "SELECT a FROM posts UNION SELECT a FROM drafts ORDER BY a LIMIT 20 OFFSET 40",
            "SELECT a FROM posts ORDER BY lower(a) LIMIT 20 OFFSET 40",
            "SELECT a FROM posts ORDER BY a NULLS FIRST LIMIT 20 OFFSET 40",
            "DELETE FROM posts",
            "SELECT (((",
        ] {
            assert_eq!(of(statement, &["id"]), "left alone", "{statement}");
        }
    }
}
