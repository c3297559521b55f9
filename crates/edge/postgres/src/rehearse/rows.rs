//! Whether a rewrite returns the same rows, found out inside of the server: no row leaves it.
//!
//! Both sides see one snapshot. Rows count as often as they come; each is hashed as text, twice with different seeds, and
//! the hashes are added up, so that two different answers agree with a chance of 2^-128 or so.

use tokio_postgres::Transaction;

use super::{Options, RehearseError, Session, Statement, measure::AsText, text::Text};

/// What comparing the rows of two statements said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// The same rows, each as often.
    Same {
        /// How many.
        count: u64,
        /// The statement says ORDER BY, and the order is the same too.
        ordered: bool,
    },
    /// The same rows in another order, although the statement says ORDER BY: rows that are equal in it may come in
    /// any order.
    OtherOrder {
        /// How many.
        count: u64,
    },
    /// Other rows.
    Different {
        /// How many before.
        before: u64,
        /// How many after.
        after: u64,
        /// LIMIT without an order that tells all rows apart may explain it.
        limited: bool,
    },
    /// It was not found out.
    Unknown {
        /// Why not.
        why: String,
    },
    /// Both sides are the same statement.
    NotCompared,
}

/// What identifies the rows of a statement.
#[derive(Debug, PartialEq, Eq)]
struct Sums {
    count: i64,
    rows: (String, String),
    order: String,
}

/// Compares the rows of two statements, each checked to only read before.
pub(super) async fn compare(
    session: &mut Session,
    before: (&Statement, &Text),
    after: (&Statement, &Text),
    options: &Options,
) -> Result<Rows, RehearseError> {
    let transaction = session.begin(options).await?;
    let mut both = Vec::new();
    for (name, (statement, text)) in [("before", before), ("after", after)] {
        match sums(&transaction, statement, text).await {
            Ok(sums) => both.push(sums),
            Err(error) if error.is_closed() => {
                return Err(RehearseError::run("compare rows", error));
            }
            Err(error) => {
                let why = error
                    .as_db_error()
                    .map_or_else(|| error.to_string(), |error| error.message().to_owned());
                transaction.rollback().await.ok();
                return Ok(Rows::Unknown {
                    why: format!("the statement {name} the change: {why}"),
                });
            }
        }
    }
    transaction.rollback().await.map_err(|error| RehearseError::run("roll back", error))?;
    let [first, second] = both.as_slice() else {
        return Ok(Rows::Unknown { why: "one side is missing".to_owned() });
    };
    Ok(told(first, second, before.1, after.1))
}

fn told(first: &Sums, second: &Sums, before: &Text, after: &Text) -> Rows {
    let count = |sums: &Sums| u64::try_from(sums.count).unwrap_or(0);
    if (first.count, &first.rows) != (second.count, &second.rows) {
        let limited = before.limited || after.limited;
        return Rows::Different { before: count(first), after: count(second), limited };
    }
    let ordered = before.ordered && after.ordered;
    if before.ordered && first.order != second.order {
        return Rows::OtherOrder { count: count(first) };
    }
    Rows::Same { count: count(first), ordered }
}

async fn sums(
    transaction: &Transaction<'_>,
    statement: &Statement,
    text: &Text,
) -> Result<Sums, tokio_postgres::Error> {
    // `.*` is the whole row whatever its columns are called; the line break ends a comment.
    let sql = format!(
        "select /* taut */ count(*), \
         coalesce(sum(pg_catalog.hashtextextended(taut_numbered.taut_text, 0)), 0)::text, \
         coalesce(sum(pg_catalog.hashtextextended(taut_numbered.taut_text, 7918)), 0)::text, \
         coalesce(sum(pg_catalog.hashtextextended(taut_numbered.taut_text, taut_number)), 0)::text \
         from (select (taut_row.*)::text collate \"C\" as taut_text, row_number() over () as taut_number \
         from (\n{}\n) as taut_row) as taut_numbered",
        text.sql
    );
    let prepared = transaction.prepare(&sql).await?;
    let values: Vec<AsText<'_>> =
        statement.parameters.iter().map(|value| AsText(value.as_deref())).collect();
    let values: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = values
        .iter()
        .map(|value| -> &(dyn tokio_postgres::types::ToSql + Sync) { value })
        .collect();
    let row = transaction.query_one(&prepared, &values).await?;
    Ok(Sums { count: row.get(0), rows: (row.get(1), row.get(2)), order: row.get(3) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(count: i64, rows: &str, order: &str) -> Sums {
        Sums { count, rows: (rows.to_owned(), rows.to_owned()), order: order.to_owned() }
    }

    fn text(sql: &str) -> Text {
        super::super::text::read(sql).unwrap()
    }

    #[test]
    fn order_matters_where_the_statement_says_so() {
        let (plain, ordered) = (text("select 1"), text("select 1 order by 1 limit 1"));
        let (a, b) = (sums(2, "r", "1"), sums(2, "r", "2"));
        assert_eq!(told(&a, &b, &plain, &plain), Rows::Same { count: 2, ordered: false });
        assert_eq!(told(&a, &b, &ordered, &ordered), Rows::OtherOrder { count: 2 });
        assert_eq!(told(&a, &a, &ordered, &ordered), Rows::Same { count: 2, ordered: true });
        let other = sums(3, "x", "1");
        assert_eq!(
            told(&a, &other, &plain, &ordered),
            Rows::Different { before: 2, after: 3, limited: true }
        );
    }
}
