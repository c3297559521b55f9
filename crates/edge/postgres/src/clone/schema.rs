//! The schema of a clone: statements from the source's own catalogs, run until nothing new succeeds.
//!
//! The server itself prints views, functions, constraints, indexes and statistics as SQL; tables and types are put
//! together here. What comes before what is not worked out: a statement that fails because something is not
//! there yet is tried again after the others. No program besides the two servers is needed.

use tokio_postgres::{Client, Transaction};

use super::{CloneError, ddl};

/// Statements that make a schema.
#[derive(Debug, Default)]
pub(super) struct Schema {
    /// What must be there before rows are.
    pub(super) before: Vec<Ddl>,
    /// What is made quicker once they are: constraints, indexes, statistics, views of rows.
    pub(super) after: Vec<Ddl>,
    /// What is not carried over, for people.
    pub(super) notes: Vec<String>,
}

/// A statement, and what it makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ddl {
    pub(super) sql: String,
    pub(super) what: String,
}

/// A chain of objects that need each other in the worst order takes as many passes.
const PASSES_MAX: usize = 50;
/// So many failures are told one by one.
const NOTES_MAX: usize = 20;

/// Reads the schema of the source; of some schemas alone if there are any.
pub(super) async fn read(
    reading: &Transaction<'_>,
    schemas: &[String],
) -> Result<Schema, CloneError> {
    let mut schema = Schema::default();
    for (list, queries) in [(&mut schema.before, ddl::BEFORE), (&mut schema.after, ddl::AFTER)] {
        for query in queries {
            let rows = reading
                .query(*query, &[&schemas])
                .await
                .map_err(|error| CloneError::of("read the schema of the source", error))?;
            list.extend(rows.iter().map(|row| Ddl { sql: row.get(0), what: row.get(1) }));
        }
    }
    let rows = reading
        .query(ddl::LEFT_OUT, &[&schemas])
        .await
        .map_err(|error| CloneError::of("read the schema of the source", error))?;
    schema.notes = rows.iter().map(|row| row.get(0)).collect();
    Ok(schema)
}

/// Runs statements until a pass brings nothing new; what still fails then is told.
pub(super) async fn apply(
    into: &Client,
    statements: &[Ddl],
    notes: &mut Vec<String>,
) -> Result<(), CloneError> {
    let mut todo: Vec<&Ddl> = statements.iter().collect();
    let mut failures = Vec::new();
    for _ in 0..PASSES_MAX {
        let mut failed = Vec::new();
        failures.clear();
        for ddl in &todo {
            match into.batch_execute(&ddl.sql).await {
                Ok(()) => {}
                Err(error) => {
                    let Some(said) = error.as_db_error() else {
                        return Err(CloneError::of(format!("make {}", ddl.what), error));
                    };
                    if into.is_closed() {
                        return Err(CloneError::of(format!("make {}", ddl.what), error));
                    }
                    failures.push(format!("{} is missing: {}", ddl.what, said.message()));
                    failed.push(*ddl);
                }
            }
        }
        let is_over = failed.is_empty() || failed.len() == todo.len();
        todo = failed;
        if is_over {
            break;
        }
    }
    let more = failures.len().saturating_sub(NOTES_MAX);
    failures.truncate(NOTES_MAX);
    notes.append(&mut failures);
    if more > 0 {
        notes.push(format!("{more} more objects are missing"));
    }
    Ok(())
}
