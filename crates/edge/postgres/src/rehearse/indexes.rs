//! Indexes that are really built for a rehearsal, and what statements take with and without them.
//!
//! The indexes stand while statements are measured. "Before" is a transaction that drops them first, "after" one that drops
//! what the proposal drops; both are rolled back, so that the sides take turns without building anything twice.

use std::time::{Duration, Instant};

use tokio_postgres::error::SqlState;

use super::{
    Allowed, Ground, Options, Refusal, Rehearsal, RehearseError, Session, Statement, ground,
    text::{Piece, Pieces},
    turns,
};

/// Indexes to make and indexes to drop, as one proposal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Indexes {
    /// `CREATE INDEX` statements; `CONCURRENTLY` is left out here.
    pub create: Vec<String>,
    /// Schema and name of indexes that go.
    pub drop: Vec<(String, String)>,
}

/// An index that was built for a rehearsal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// What was asked for.
    pub ddl: String,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// How long building it took.
    pub took: Duration,
}

/// What a set of indexes did to statements.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexRehearsal {
    /// What was built, in the order asked for; it is gone again.
    pub built: Vec<Built>,
    /// One for each statement, in their order; an error where a statement cannot be rehearsed.
    pub statements: Vec<Result<Rehearsal, String>>,
}

/// What a rehearsal of indexes is about to do, for people who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// An index is built: which of how many, and its DDL.
    Building(usize, usize, &'a str),
    /// A statement is measured: which of how many.
    Measuring(usize, usize),
    /// What was built is dropped.
    Clearing,
}

/// As [`rehearse_indexes_told`], for nobody who waits.
///
/// # Errors
///
/// As there.
pub async fn rehearse_indexes(
    session: &mut Session,
    indexes: &Indexes,
    statements: &[Statement],
    options: &Options,
) -> Result<IndexRehearsal, RehearseError> {
    rehearse_indexes_told(session, indexes, statements, options, &mut |_| ()).await
}

/// Builds indexes, measures each statement with and without them by turns, and drops them again.
///
/// # Errors
///
/// [`RehearseError::Refused`] unless it is a clone of ours, or building was allowed; [`RehearseError::Server`] where
/// an index cannot be built, or the server fails.
pub async fn rehearse_indexes_told(
    session: &mut Session,
    indexes: &Indexes,
    statements: &[Statement],
    options: &Options,
    tell: &mut (dyn FnMut(Step<'_>) + Send),
) -> Result<IndexRehearsal, RehearseError> {
    let found = ground(session).await?;
    if found != Ground::Clone && (options.building == Allowed::No || found == Ground::Standby) {
        return Err(Refusal::Building.into());
    }
    let ddls = indexes.create.iter().map(|ddl| plain(ddl)).collect::<Result<Vec<_>, _>>()?;
    let mut built = Vec::new();
    let mut outcome = Ok(Vec::new());
    for (place, (ddl, asked)) in ddls.iter().zip(&indexes.create).enumerate() {
        tell(Step::Building(place + 1, ddls.len(), asked));
        match build(session, ddl, asked, options).await {
            Ok(index) => built.push(index),
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    if outcome.is_ok() {
        outcome = compare(session, &built, indexes, statements, (options, &mut *tell)).await;
    }
    tell(Step::Clearing);
    // Also where measuring failed: what was built for it goes.
    let mut dropped = Ok(());
    for index in built.iter().rev() {
        let statement = drop_statement(&index.schema, &index.name);
        if let Err(error) = session.execute(&statement, options.building_timeout).await {
            dropped = Err(RehearseError::run("drop an index that was built for it", error));
        }
    }
    let statements = outcome?;
    dropped?;
    Ok(IndexRehearsal { built, statements })
}

/// Measures each statement with the indexes and without.
async fn compare(
    session: &mut Session,
    built: &[Built],
    indexes: &Indexes,
    statements: &[Statement],
    (options, tell): (&Options, &mut (dyn FnMut(Step<'_>) + Send)),
) -> Result<Vec<Result<Rehearsal, String>>, RehearseError> {
    let before: Vec<String> =
        built.iter().map(|index| drop_statement(&index.schema, &index.name)).collect();
    let mut after = Vec::new();
    for (schema, name) in &indexes.drop {
        after.push(removal(session, schema, name).await?);
    }
    let mut told = Vec::new();
    for (place, statement) in statements.iter().enumerate() {
        tell(Step::Measuring(place + 1, statements.len()));
        match turns(session, (statement, &before), (statement, &after), options).await {
            Ok(rehearsal) => told.push(Ok(rehearsal)),
            Err(error @ (RehearseError::Refused(_) | RehearseError::Invalid(_))) => {
                told.push(Err(error.told()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(told)
}

/// As [`build`], from the statement as somebody wrote it.
pub(super) async fn build_asked(
    session: &mut Session,
    asked: &str,
    options: &Options,
) -> Result<Built, RehearseError> {
    let ddl = plain(asked)?;
    build(session, &ddl, asked, options).await
}

/// Builds one, and gathers statistics on its expressions where it has any.
async fn build(
    session: &mut Session,
    ddl: &str,
    asked: &str,
    options: &Options,
) -> Result<Built, RehearseError> {
    const NEWEST: &str = "
        select /* taut */ n.nspname::text, c.relname::text,
               coalesce((select sum(pg_catalog.pg_relation_size(relid))
                         from pg_catalog.pg_partition_tree(c.oid)),
                        pg_catalog.pg_relation_size(c.oid))::bigint,
               case when i.indexprs is not null then i.indrelid::pg_catalog.regclass::text end
        from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where i.xmin::text = $1
          and not exists (select from pg_catalog.pg_inherits where inhrelid = i.indexrelid)";
    let failed = |error| RehearseError::run("build an index", error);
    let since = Instant::now();
    let id = session.execute_told(ddl, options.building_timeout).await.map_err(failed)?;
    let took = since.elapsed();
    let row = session.question(NEWEST, &[&id]).await.map_err(failed)?;
    let Some(row) = row.first() else {
        return Err(Refusal::NotAnIndex { begins: asked.chars().take(40).collect() }.into());
    };
    if let Some(table) = row.get::<_, Option<String>>(3) {
        let analyse = format!("analyze {table}");
        session.execute(&analyse, options.building_timeout).await.map_err(failed)?;
    }
    Ok(Built {
        ddl: asked.to_owned(),
        schema: row.get(0),
        name: row.get(1),
        bytes: u64::try_from(row.get::<_, i64>(2)).unwrap_or(0),
        took,
    })
}

/// What takes an index away; one that a constraint stands on goes with it.
async fn removal(session: &mut Session, schema: &str, name: &str) -> Result<String, RehearseError> {
    const CONSTRAINT: &str = "
        select /* taut */ k.conrelid::pg_catalog.regclass::text, k.conname::text
        from pg_catalog.pg_constraint k join pg_catalog.pg_class c on c.oid = k.conindid
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where n.nspname::text = $1 and c.relname::text = $2 and k.contype in ('p', 'u', 'x')";
    let rows = session
        .question(CONSTRAINT, &[&schema, &name])
        .await
        .map_err(|error| RehearseError::run("look for an index", error))?;
    Ok(rows.first().map_or_else(
        || drop_statement(schema, name),
        |row| {
            let (table, constraint): (String, String) = (row.get(0), row.get(1));
            format!("alter table {table} drop constraint {}", sql::identifier(&constraint))
        },
    ))
}

fn drop_statement(schema: &str, name: &str) -> String {
    format!("drop index {}.{}", sql::identifier(schema), sql::identifier(name))
}

/// A single `CREATE [UNIQUE] INDEX`, without `CONCURRENTLY`: nobody else is there, and a plain build is half the work.
fn plain(ddl: &str) -> Result<String, Refusal> {
    let refused = || Refusal::NotAnIndex { begins: ddl.chars().take(40).collect() };
    let pieces: Vec<Piece<'_>> = Pieces::of(ddl).collect();
    let end = pieces.iter().position(|piece| piece.text == ";").unwrap_or(pieces.len());
    if pieces.iter().skip(end).any(|piece| piece.text != ";") {
        return Err(refused());
    }
    let is = |place: usize, word: &str| {
        pieces.get(place).is_some_and(|piece| piece.text.eq_ignore_ascii_case(word))
    };
    let index = if is(1, "unique") { 2 } else { 1 };
    if !is(0, "create") || !is(index, "index") {
        return Err(refused());
    }
    let unique = if index == 2 { "unique " } else { "" };
    let from = if is(index + 1, "concurrently") { index + 2 } else { index + 1 };
    let (Some(first), Some(last)) =
        (pieces.get(from), end.checked_sub(1).and_then(|last| pieces.get(last)))
    else {
        return Err(refused());
    };
    let rest = ddl.get(first.from..last.to).ok_or_else(refused)?;
    Ok(format!("create {unique}index {rest}"))
}

/// Whether a server says that it stops, or has stopped.
pub(super) fn is_gone(error: &tokio_postgres::Error) -> bool {
    error.is_closed()
        || error.code().is_none_or(|code| {
            [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW]
                .contains(code)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_single_index_is_built_and_not_concurrently() {
        assert_eq!(
            plain("CREATE INDEX CONCURRENTLY a ON t (b); ").unwrap(),
            "create index a ON t (b)"
        );
        assert_eq!(
            plain("create unique index on t (lower(b)) where c = ';'").unwrap(),
            "create unique index on t (lower(b)) where c = ';'"
        );
        for ddl in [
            "",
            "create index",
            "create index concurrently",
            "drop index a",
            "create table index (a int)",
            "create index a on t (b); drop table t",
        ] {
            assert!(plain(ddl).is_err(), "{ddl}");
        }
    }
}
