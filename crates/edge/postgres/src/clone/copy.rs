//! Rows from the source to the clone: streamed, a piece at a time, never more than that in memory.

use futures_util::{SinkExt as _, StreamExt as _, pin_mut};
use tokio_postgres::{Client, Transaction, error::SqlState};

use super::{
    CloneError, Cloned, Step,
    sample::{self, Part, Rows},
    source::{Key, Source, Table},
};

/// Rows that are referred to are fetched this many at a time: a query of some kilobytes.
const FETCHED_AT_ONCE: usize = 500;
/// So many rounds of rows that refer to further rows; a tree that is deeper keeps some references open.
const ROUNDS_MAX: usize = 6;
/// So many rows are fetched for one key in one round.
const FETCHED_MAX: u64 = 200_000;

/// Rows between two words about how far it is.
const TOLD_EVERY: u64 = 50_000;

/// What became of one table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableCopy {
    /// Schema and name.
    pub name: String,
    /// Rows in the clone.
    pub rows: u64,
    /// Rows of the original, as its last ANALYZE had it.
    pub rows_of_source: Option<f64>,
    /// What part of the original that is; 1 for a table that came whole.
    pub fraction: f64,
    /// Bytes that were sent.
    pub bytes: u64,
}

/// Copies all parts, then fetches what they refer to besides.
pub(super) async fn all(
    reading: &Transaction<'_>,
    into: &Client,
    source: &Source,
    plan: &[Part],
    (cloned, tell): (&mut Cloned, &mut (dyn FnMut(Step) + Send)),
) -> Result<(), CloneError> {
    let mut copies: Vec<TableCopy> = Vec::new();
    for (place, part) in plan.iter().enumerate() {
        let Some(table) = source.tables.get(part.table) else { continue };
        let query = sample::query(part, plan, &source.tables, &source.keys, source.seed);
        let nulls = sample::query_of_nulls(part, &source.tables, &source.keys, source.seed);
        let mut copy = TableCopy {
            name: table.shown.clone(),
            rows: 0,
            rows_of_source: table.rows,
            fraction: 1.0,
            bytes: 0,
        };
        for query in query.into_iter().chain(nulls) {
            let earlier = copy.rows;
            let mut told = |rows| {
                let name = table.shown.clone();
                tell(Step::Copying(place + 1, plan.len(), name, earlier + rows));
            };
            told(0);
            let told = (&mut cloned.notes, &mut told as &mut (dyn FnMut(u64) + Send));
            let (rows, bytes) = one(reading, into, table, &query, told).await?;
            copy.rows += rows;
            copy.bytes += bytes;
            if rows >= part.rows_max {
                cloned.notes.push(format!("`{}` was cut off after {rows} rows", table.shown));
            }
        }
        copies.push(copy);
    }
    tell(Step::References);
    for _ in 0..ROUNDS_MAX {
        let mut fetched = 0;
        // What follows comes last, and is looked at first.
        for part in plan.iter().rev() {
            for key in source.keys.iter().filter(|key| key.child == part.table) {
                let parent = plan.iter().position(|other| other.table == key.parent);
                let Some((_, copy)) = parent
                    .and_then(|at| plan.get(at).zip(copies.get_mut(at)))
                    .filter(|(parent, _)| parent.rows != Rows::Whole)
                else {
                    continue;
                };
                let told = (copy, &mut cloned.notes);
                fetched += follow(reading, into, source, key, told).await?;
            }
        }
        if fetched == 0 {
            break;
        }
    }
    for (part, copy) in plan.iter().zip(&mut copies) {
        #[expect(clippy::cast_precision_loss, reason = "a share of rows")]
        let rows = copy.rows as f64;
        copy.fraction = match (part.rows, copy.rows_of_source) {
            (Rows::Whole, _) => 1.0,
            (_, Some(all)) if all > 0.0 => (rows / all).min(1.0),
            (Rows::Sampled(fraction) | Rows::Following(_, fraction), _) => fraction,
        };
    }
    cloned.tables = copies;
    Ok(())
}

/// What a source says of a table that it lets nobody read; others can be.
const UNREADABLE: [SqlState; 2] =
    [SqlState::INSUFFICIENT_PRIVILEGE, SqlState::FEATURE_NOT_SUPPORTED];

/// Whose fault it was.
enum Side {
    Source(tokio_postgres::Error),
    Clone(tokio_postgres::Error),
}

/// One query's rows into one table; none, and a note, where the source does not let us read it.
async fn one(
    reading: &Transaction<'_>,
    into: &Client,
    table: &Table,
    query: &str,
    (notes, told): (&mut Vec<String>, &mut (dyn FnMut(u64) + Send)),
) -> Result<(u64, u64), CloneError> {
    let failed = |error| CloneError::of(format!("copy the rows of `{}`", table.shown), error);
    if table.columns.is_empty() {
        return Ok((0, 0));
    }
    reading.batch_execute("savepoint taut_copy").await.map_err(failed)?;
    match stream(reading, into, table, query, told).await {
        Ok(copied) => {
            reading.batch_execute("release savepoint taut_copy").await.map_err(failed)?;
            Ok(copied)
        }
        // No right to, or an unlogged table on a replica.
        Err(Side::Source(error)) if error.code().is_some_and(|code| UNREADABLE.contains(code)) => {
            reading.batch_execute("rollback to savepoint taut_copy").await.map_err(failed)?;
            let why = error.as_db_error().map_or("no right to read it", |error| error.message());
            notes.push(format!("`{}` is empty: {why}", table.shown));
            Ok((0, 0))
        }
        Err(Side::Source(error) | Side::Clone(error)) => Err(failed(error)),
    }
}

/// Rows and bytes that went over. The server sends a message for each row; the next is read once the clone took it.
async fn stream(
    reading: &Transaction<'_>,
    into: &Client,
    table: &Table,
    query: &str,
    told: &mut (dyn FnMut(u64) + Send),
) -> Result<(u64, u64), Side> {
    let out = reading
        .copy_out(&format!("copy /* taut */ ({query}) to stdout"))
        .await
        .map_err(Side::Source)?;
    let columns = table.columns.join(", ");
    let taking = format!("copy {} ({columns}) from stdin", table.name);
    let sink = into.copy_in::<_, bytes::Bytes>(&taking).await.map_err(Side::Clone)?;
    pin_mut!(out, sink);
    let (mut rows, mut bytes) = (0_u64, 0_u64);
    while let Some(row) = out.next().await {
        let row = row.map_err(Side::Source)?;
        rows += 1;
        bytes += u64::try_from(row.len()).unwrap_or(0);
        sink.feed(row).await.map_err(Side::Clone)?;
        if rows.is_multiple_of(TOLD_EVERY) {
            told(rows);
        }
    }
    sink.finish().await.map_err(Side::Clone)?;
    Ok((rows, bytes))
}

/// Fetches rows that others in the clone refer to and that are not there; returns how many came.
async fn follow(
    reading: &Transaction<'_>,
    into: &Client,
    source: &Source,
    key: &Key,
    (copy, notes): (&mut TableCopy, &mut Vec<String>),
) -> Result<u64, CloneError> {
    let (Some(child), Some(parent)) = (source.tables.get(key.child), source.tables.get(key.parent))
    else {
        return Ok(0);
    };
    let each = |shape: &dyn Fn(&str, &str) -> String, between: &str| {
        let pairs = key.child_columns.iter().zip(&key.parent_columns);
        pairs.map(|(child, parent)| shape(child, parent)).collect::<Vec<_>>().join(between)
    };
    let missing = format!(
        "select /* taut */ distinct {} from {} c where {} and not exists (select from {} p where {}) limit {FETCHED_MAX}",
        each(&|child, _| format!("c.{child}::text"), ", "),
        child.name,
        each(&|child, _| format!("c.{child} is not null"), " and "),
        parent.name,
        each(&|child, parent| format!("p.{parent} = c.{child}"), " and "),
    );
    let rows = into.query(&missing, &[]).await.map_err(|error| {
        CloneError::of(format!("look for what `{}` refers to", child.shown), error)
    })?;
    let mut fetched = 0;
    for rows in rows.chunks(FETCHED_AT_ONCE) {
        let values: Vec<String> = rows
            .iter()
            .map(|row| {
                let columns = key.types.iter().enumerate();
                let values = columns
                    .map(|(at, kind)| format!("{}::{kind}", sql::literal(row.get::<_, &str>(at))));
                format!("({})", values.collect::<Vec<_>>().join(", "))
            })
            .collect();
        let query = format!(
            "select /* taut */ {} from {} where ({}) in ({})",
            parent.columns.join(", "),
            if parent.is_partitioned {
                parent.name.clone()
            } else {
                format!("only {}", parent.name)
            },
            key.parent_columns.join(", "),
            values.join(", "),
        );
        let (rows, bytes) = one(reading, into, parent, &query, (&mut *notes, &mut |_| ())).await?;
        copy.rows += rows;
        copy.bytes += bytes;
        fetched += rows;
    }
    Ok(fetched)
}
