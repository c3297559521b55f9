//! Values for the parameters of a statement, from rows of the very tables that it compares them with.
//!
//! What the server counts has `$1` where the application had values. The tree of a statement tells which column each is
//! compared with; columns of one table take their values from one row, so that conditions that belong together hold
//! together. Values are bound to the statement and go nowhere else.

mod nodes;
mod uses;

use std::collections::BTreeMap;

use tokio_postgres::Transaction;

use super::{Options, RehearseError, Session, Statement, text};
use uses::{Column, Folded, Kind, Use};

/// Pages of a table that values are taken from, and rows.
const PAGES: f64 = 200.0;
const ROWS: usize = 500;
/// Elements of a list that is a parameter of its own.
const LIST: usize = 5;
/// Letters that a pattern begins with.
const PATTERN_LETTERS: usize = 3;
/// Rows that `LIMIT $1` asks for, and passes over: a page, and fifty.
const LIMIT: &str = "20";
const OFFSET: &str = "1000";
/// Of the values of a column: what a bound on one side leaves a tenth of, and two bounds with a tenth between them.
const PERCENTILES: [f64; 4] = [0.1, 0.45, 0.55, 0.9];

/// A statement that can be run, and how its values came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Valued {
    /// The statement with its values.
    pub statement: Statement,
    /// How many of them are from rows, or are numbers of rows.
    pub known: usize,
    /// Parameters of which nothing tells what they may be: `$3`.
    pub guessed: Vec<String>,
}

/// Finds values for the parameters of a statement, if it has any.
///
/// # Errors
///
/// [`RehearseError::Refused`] if it is no query, [`RehearseError::Invalid`] if the server does not take it.
pub async fn with_values(
    session: &mut Session,
    sql: &str,
    options: &Options,
) -> Result<Valued, RehearseError> {
    let sql = text::read(sql)?.sql;
    let bare = Statement::new(sql.clone());
    let printed = session.tree(&bare, options).await?;
    let transaction = session.begin(options).await?;
    let failed = |error| RehearseError::run("look for values of parameters", error);
    let prepared = transaction.prepare(&sql).await.map_err(failed)?;
    let types: Vec<String> = prepared.params().iter().map(|kind| kind.name().to_owned()).collect();
    let mut valued = Valued { statement: bare, known: 0, guessed: Vec::new() };
    if types.is_empty() {
        transaction.rollback().await.ok();
        return Ok(valued);
    }
    let uses = uses::uses(&nodes::read(&printed));
    let found = values(&transaction, &uses).await.map_err(failed)?;
    transaction.rollback().await.ok();
    for (place, kind) in types.iter().enumerate() {
        let value = found.get(&(place + 1)).cloned();
        if value.is_some() {
            valued.known += 1;
        } else {
            valued.guessed.push(format!("${}", place + 1));
        }
        valued.statement.parameters.push(value.or_else(|| some_value(kind)));
    }
    Ok(valued)
}

/// What could be found, by number of the parameter.
async fn values(
    transaction: &Transaction<'_>,
    uses: &[Use],
) -> Result<BTreeMap<usize, String>, tokio_postgres::Error> {
    let signs = signs(transaction, uses).await?;
    let mut found = BTreeMap::new();
    let mut instances: BTreeMap<usize, (u32, Vec<Column>)> = BTreeMap::new();
    for one in uses {
        match &one.kind {
            Kind::Limit => drop(found.insert(one.parameter, LIMIT.to_owned())),
            Kind::Offset => drop(found.insert(one.parameter, OFFSET.to_owned())),
            Kind::Counted { operator, flipped } => {
                // A count is compared to tell whether there is one: by 0 or by 1.
                let sign = signs.get(operator).map_or("", String::as_str);
                let one_or_more =
                    matches!((sign, flipped), (">=" | "<", false) | ("<=" | ">", true));
                found.insert(one.parameter, if one_or_more { "1" } else { "0" }.to_owned());
            }
            Kind::Compared { column, .. } | Kind::Listed { column } | Kind::List { column } => {
                let known = instances.entry(column.instance);
                let (_, columns) = known.or_insert_with(|| (column.relation, Vec::new()));
                if columns.iter().all(|known| known.number != column.number) {
                    columns.push(*column);
                }
            }
        }
    }
    for (instance, (relation, columns)) in &instances {
        // A table that may not be read has no values to offer; others may.
        transaction.batch_execute("savepoint taut_values").await?;
        let Ok(sample) = Sample::read(transaction, *relation, columns).await else {
            transaction.batch_execute("rollback to savepoint taut_values").await?;
            continue;
        };
        let of_it =
            uses.iter().filter(|one| column(one).is_some_and(|it| it.instance == *instance));
        let mut listed = 0;
        for one in of_it {
            if let Some(value) = sample.value(one, uses, &signs, &mut listed) {
                found.entry(one.parameter).or_insert(value);
            }
        }
    }
    Ok(found)
}

fn column(one: &Use) -> Option<&Column> {
    match &one.kind {
        Kind::Compared { column, .. } | Kind::Listed { column } | Kind::List { column } => {
            Some(column)
        }
        Kind::Counted { .. } | Kind::Limit | Kind::Offset => None,
    }
}

/// Names of the operators, by number.
async fn signs(
    transaction: &Transaction<'_>,
    uses: &[Use],
) -> Result<BTreeMap<u32, String>, tokio_postgres::Error> {
    let numbers: Vec<u32> = uses
        .iter()
        .filter_map(|one| match one.kind {
            Kind::Compared { operator, .. } | Kind::Counted { operator, .. } => Some(operator),
            _ => None,
        })
        .collect();
    let sql =
        "select /* taut */ oid, oprname::text from pg_catalog.pg_operator where oid = any($1)";
    let rows = transaction.query(sql, &[&numbers]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// What some rows of a table hold.
struct Sample {
    numbers: Vec<i16>,
    /// Rows with a value in each of the columns.
    rows: Vec<Vec<String>>,
    /// By column: values at [`PERCENTILES`]; empty if they have no order.
    percentiles: Vec<Vec<String>>,
}

impl Sample {
    async fn read(
        transaction: &Transaction<'_>,
        relation: u32,
        columns: &[Column],
    ) -> Result<Self, tokio_postgres::Error> {
        const NAMES: &str = "
            select /* taut */ c.oid::pg_catalog.regclass::text, c.relpages::float8, c.relkind in ('r', 'm', 'p'),
                   array(select pg_catalog.quote_ident(a.attname)
                         from pg_catalog.unnest($2::int2[]) with ordinality u(number, at)
                         join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = u.number
                         order by u.at)
            from pg_catalog.pg_class c where c.oid = $1";
        let numbers: Vec<i16> = columns.iter().map(|column| column.number).collect();
        let row = transaction.query_one(NAMES, &[&relation, &numbers]).await?;
        let (name, pages): (String, f64) = (row.get(0), row.get(1));
        let names: Vec<String> = row.get(3);
        let share = (100.0 * PAGES / pages.max(1.0)).min(100.0);
        let sampled = format!("{name} tablesample system ({share}) repeatable (1)");
        let sources: Vec<&str> =
            if row.get(2) && 0.0 < pages { vec![&sampled, &name] } else { vec![&name] };
        let texts: Vec<String> = names.iter().map(|name| format!("{name}::text")).collect();
        let there: Vec<String> = names.iter().map(|name| format!("{name} is not null")).collect();
        let mut sample = Self { numbers, rows: Vec::new(), percentiles: Vec::new() };
        for from in sources {
            let sql = format!(
                "select /* taut */ array[{}] from {from} where {} limit {ROWS}",
                texts.join(", "),
                there.join(" and ")
            );
            let rows = transaction.query(&sql, &[]).await?;
            sample.rows = rows.iter().map(|row| row.get(0)).collect();
            if sample.rows.is_empty() {
                continue;
            }
            for name in &names {
                let at = PERCENTILES.map(|share| share.to_string()).join(", ");
                let sql = format!(
                    "select /* taut */ (percentile_disc(array[{at}]::float8[]) within group (order by v))::text[] \
                     from (select {name} as v from {from} where {name} is not null limit {ROWS}) s"
                );
                transaction.batch_execute("savepoint taut_order").await?;
                // Types without an order have none.
                let row = transaction.query_one(&sql, &[]).await;
                if row.is_err() {
                    transaction.batch_execute("rollback to savepoint taut_order").await?;
                }
                let values = row.ok().and_then(|row| row.get::<_, Option<Vec<String>>>(0));
                sample.percentiles.push(values.unwrap_or_default());
            }
            break;
        }
        Ok(sample)
    }

    /// A value for one use; `listed` counts the elements of lists that were given out.
    fn value(
        &self,
        one: &Use,
        uses: &[Use],
        signs: &BTreeMap<u32, String>,
        listed: &mut usize,
    ) -> Option<String> {
        let column = column(one)?;
        let place = self.numbers.iter().position(|number| *number == column.number)?;
        // One from the middle: the first rows of a table are often those of its tests.
        let typical = self.rows.get(self.rows.len() / 2)?.get(place)?;
        let folded = |text: &str| match column.folded {
            Folded::No => text.to_owned(),
            Folded::Lower => text.to_lowercase(),
            Folded::Upper => text.to_uppercase(),
        };
        let spread = |at: usize| self.rows.get(at % self.rows.len().max(1))?.get(place).cloned();
        Some(match &one.kind {
            Kind::Counted { .. } | Kind::Limit | Kind::Offset => return None,
            Kind::Listed { .. } => {
                *listed += 1;
                folded(&spread(*listed * 37)?)
            }
            Kind::List { .. } => {
                let elements = (1..=LIST).filter_map(|at| spread(at * 37));
                let quoted = elements.map(|text| {
                    format!("\"{}\"", folded(&text).replace('\\', "\\\\").replace('"', "\\\""))
                });
                format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))
            }
            Kind::Compared { operator, flipped, .. } => {
                match (signs.get(operator)?.as_str(), *flipped) {
                    ("<" | "<=", false) | (">" | ">=", true) => {
                        let at = if has_bound(uses, column, signs, true) { 2 } else { 0 };
                        self.percentiles.get(place)?.get(at)?.clone()
                    }
                    (">" | ">=", false) | ("<" | "<=", true) => {
                        let at = if has_bound(uses, column, signs, false) { 1 } else { 3 };
                        self.percentiles.get(place)?.get(at)?.clone()
                    }
                    ("~~" | "~~*", false) => {
                        let start: String = folded(typical).chars().take(PATTERN_LETTERS).collect();
                        format!("{}%", start.replace(['%', '_', '\\'], ""))
                    }
                    ("=" | "<>" | "^@" | "@>" | "<@" | "&&", _) => folded(typical),
                    _ => return None,
                }
            }
        })
    }
}

/// Whether a column has a bound on its other side as well: a lower one if `lower`.
fn has_bound(uses: &[Use], column: &Column, signs: &BTreeMap<u32, String>, lower: bool) -> bool {
    uses.iter().any(|one| {
        let Kind::Compared { column: other, operator, flipped } = &one.kind else { return false };
        let sign = signs.get(operator).map_or("", String::as_str);
        let above = match sign {
            ">" | ">=" => !flipped,
            "<" | "<=" => *flipped,
            _ => return false,
        };
        other == column && above == lower
    })
}

/// A value of a type of which nothing else is known.
fn some_value(kind: &str) -> Option<String> {
    Some(match kind {
        "int2" | "int4" | "int8" | "numeric" | "float4" | "float8" | "oid" => "1".to_owned(),
        "bool" => "true".to_owned(),
        "text" | "varchar" | "bpchar" | "name" | "unknown" => "a".to_owned(),
        "date" | "timestamp" | "timestamptz" => "yesterday".to_owned(),
        "interval" => "1 day".to_owned(),
        "uuid" => "00000000-0000-0000-0000-000000000000".to_owned(),
        "json" | "jsonb" => "{}".to_owned(),
        kind if kind.starts_with('_') => "{}".to_owned(),
        _ => return None,
    })
}
