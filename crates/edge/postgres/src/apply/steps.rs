//! The statements of a change, told apart by how they have to be run.

use model::Change;
use sql::IndexStatement;

use super::{ApplyError, named};

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Makes an index; always concurrently, however it is written.
    Create {
        /// What.
        index: IndexStatement,
    },
    /// Drops an index; likewise.
    Drop {
        /// Schema; empty if the search path decides.
        schema: String,
        /// Name.
        name: String,
    },
    /// Builds an index anew; as it is, which has to be concurrently.
    Rebuild {
        /// The statement.
        sql: String,
        /// Schema; empty if the search path decides.
        schema: String,
        /// Name.
        name: String,
    },
    /// Anything else, as it is.
    Other {
        /// The statement.
        sql: String,
    },
}

/// Reads statements.
pub(super) fn read(statements: &[String]) -> Result<Vec<Step>, ApplyError> {
    statements.iter().map(|sql| step(sql)).collect()
}

fn step(sql: &str) -> Result<Step, ApplyError> {
    if let Some(mut index) = IndexStatement::parse(sql) {
        if index.name.is_empty() {
            // The server would choose one, and nobody could tell afterwards which.
            index.name = named::name(&index);
        }
        if sql::NAME_BYTES_MAX < index.name.len() {
            let why = format!("its name has more than {} bytes", sql::NAME_BYTES_MAX);
            return Err(ApplyError::Refused { what: sql.to_owned(), why });
        }
        return Ok(Step::Create { index });
    }
    if let Some((schema, name)) = sql::dropped_index(sql) {
        return Ok(Step::Drop { schema, name });
    }
    if let Some((schema, name)) = sql::rebuilt_index(sql) {
        return Ok(Step::Rebuild { sql: sql.to_owned(), schema, name });
    }
    let mut words = sql.split_whitespace().map(str::to_ascii_lowercase);
    let first = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    // What makes or drops an index and is not understood would run without any of the care that they need.
    if matches!(
        (first.0.as_str(), first.1.as_str()),
        ("create", "index" | "unique") | ("drop", "index") | ("reindex", _)
    ) {
        let why = "it is not understood".to_owned();
        return Err(ApplyError::Refused { what: sql.to_owned(), why });
    }
    Ok(Step::Other { sql: sql.to_owned() })
}

/// What a run keeps others from: each index, or else the change as a whole. Sorted, so that two runs never hold
/// what the other wants.
pub(super) fn lock_names(change: &Change) -> Vec<String> {
    let indexes = change.creates.iter().chain(&change.drops);
    let mut names: Vec<String> =
        indexes.map(|(table, name)| format!("{}.{name}", table.schema)).collect();
    if names.is_empty() {
        names.push(change.apply.join(";"));
    }
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_an_index_is_understood_or_refused() {
        let step = |sql: &str| step(sql);
        assert!(matches!(step("create index i on t (a)"), Ok(Step::Create { .. })));
        assert!(matches!(step("DROP INDEX CONCURRENTLY s.i"), Ok(Step::Drop { .. })));
        assert!(matches!(step("REINDEX INDEX CONCURRENTLY s.i"), Ok(Step::Rebuild { .. })));
        let unnamed = step("CREATE UNIQUE INDEX ON s.t (a, lower(b))");
        assert!(matches!(unnamed, Ok(Step::Create { index }) if index.name == "t_a_expr_idx"));
        assert!(matches!(step("ALTER TABLE t SET (fillfactor = 90)"), Ok(Step::Other { .. })));
        for refused in [
            "REINDEX INDEX i",
            "REINDEX TABLE CONCURRENTLY t",
            "create unique index i on t (a) what",
            "DROP INDEX a, b",
        ] {
            assert!(matches!(step(refused), Err(ApplyError::Refused { .. })), "{refused}");
        }
        let long = format!("CREATE INDEX {} ON t (a)", "x".repeat(64));
        assert!(matches!(step(&long), Err(ApplyError::Refused { .. })));
    }
}
