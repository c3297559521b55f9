//! A materialised view that is made for a rehearsal, on a clone, and what statements take that read it instead of
//! summing up.

use std::time::Instant;

use super::{
    Built, Ground, IndexRehearsal, Options, Refusal, RehearseError, Session, Statement, Step,
    check_read_only, ground, indexes, rehearse_rewrite,
};

/// A materialised view, as it is proposed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// Its name as it stands in SQL: with its schema, and quoted where it has to be.
    pub name: String,
    /// What it holds.
    pub query: String,
    /// `CREATE INDEX` statements on it.
    pub indexes: Vec<String>,
}

/// Makes the view, measures each statement and reading the view by turns, compares their rows, and drops the view.
///
/// # Errors
///
/// [`RehearseError::Refused`] unless it is a clone of ours, or if what the view holds may do more than read;
/// [`RehearseError::Invalid`] where the view cannot be made, [`RehearseError::Server`] where the server fails.
pub async fn rehearse_view(
    session: &mut Session,
    view: &View,
    statements: &[Statement],
    options: &Options,
    tell: &mut (dyn FnMut(Step<'_>) + Send),
) -> Result<IndexRehearsal, RehearseError> {
    if ground(session).await? != Ground::Clone {
        return Err(Refusal::Building.into());
    }
    check_read_only(session, &Statement::new(view.query.clone()), options).await?;
    tell(Step::Building(1, 1, &view.name));
    let made = make(session, view, options).await;
    let measured = match made {
        Ok(built) => compare(session, view, statements, (options, &mut *tell))
            .await
            .map(|statements| IndexRehearsal { built, statements }),
        Err(error) => Err(error),
    };
    tell(Step::Clearing);
    // Also where something failed on the way; a clone that somebody keeps stays as it was.
    let drop_it = format!("drop materialized view if exists {}", view.name);
    let dropped = session.execute(&drop_it, options.building_timeout).await;
    let measured = measured?;
    dropped.map_err(|error| RehearseError::run("drop the view that was made for it", error))?;
    Ok(measured)
}

/// The view and its indexes.
async fn make(
    session: &mut Session,
    view: &View,
    options: &Options,
) -> Result<Vec<Built>, RehearseError> {
    const FACTS: &str =
        "select /* taut */ n.nspname::text, c.relname::text, pg_catalog.pg_table_size(c.oid)
        from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.oid = $1::text::pg_catalog.regclass";
    let failed = |error| RehearseError::run("make the view", error);
    let View { name, query, .. } = view;
    let create = format!("create materialized view {name} as {query}");
    let since = Instant::now();
    session.execute(&create, options.building_timeout).await.map_err(failed)?;
    let took = since.elapsed();
    session.execute(&format!("analyze {name}"), options.building_timeout).await.map_err(failed)?;
    let mut built = Vec::new();
    for row in session.question(FACTS, &[name]).await.map_err(failed)? {
        built.push(Built {
            ddl: create.clone(),
            schema: row.get(0),
            name: row.get(1),
            bytes: u64::try_from(row.get::<_, i64>(2)).unwrap_or(0),
            took,
        });
    }
    for asked in &view.indexes {
        built.push(indexes::build_asked(session, asked, options).await?);
    }
    Ok(built)
}

async fn compare(
    session: &mut Session,
    view: &View,
    statements: &[Statement],
    (options, tell): (&Options, &mut (dyn FnMut(Step<'_>) + Send)),
) -> Result<Vec<Result<super::Rehearsal, String>>, RehearseError> {
    let read = Statement::new(format!("select /* taut */ * from {}", view.name));
    let mut told = Vec::new();
    for (place, statement) in statements.iter().enumerate() {
        tell(Step::Measuring(place + 1, statements.len()));
        match rehearse_rewrite(session, statement, &read, options).await {
            Ok(rehearsal) => told.push(Ok(rehearsal)),
            Err(error @ (RehearseError::Refused(_) | RehearseError::Invalid(_))) => {
                told.push(Err(error.told()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(told)
}
