//! What remedies of a database share: its evidence, changes, statements to run.

use model::{Change, DatabaseEvidence, Finding, Snippet};

/// What the database at fault knows; `None` for findings of traces alone.
pub(crate) fn known(finding: &Finding) -> Option<&DatabaseEvidence> {
    finding.evidence.database.as_deref()
}

/// Statements to copy, each ended.
pub(crate) fn statements(statements: &[String]) -> Option<Snippet> {
    if statements.is_empty() {
        return None;
    }
    let code: Vec<String> = statements
        .iter()
        .map(|statement| {
            let ends = statement.ends_with(';') || statement.starts_with("--");
            if ends { statement.clone() } else { format!("{statement};") }
        })
        .collect();
    Some(Snippet { language: "sql", code: code.join("\n") })
}

/// A change that creates and drops indexes as the evidence proposes; `None` if it proposes none.
pub(crate) fn index_change(known: &DatabaseEvidence) -> Option<Change> {
    if known.proposed.is_empty() && known.dropped.is_empty() {
        return None;
    }
    let mut change = Change { database: known.database.clone(), ..Change::default() };
    for index in &known.proposed {
        change.apply.push(index.ddl.clone());
        change.creates.push((index.index.table.clone(), index.name.clone()));
    }
    // What becomes superfluous goes once the new ones are there, and comes back before they go.
    for index in &known.dropped {
        change.apply.push(index.ddl.clone());
        change.drops.push((index.table.clone(), index.name.clone()));
        let again = index.definition.replacen(" INDEX ", " INDEX CONCURRENTLY ", 1);
        change.revert.push(if index.ddl.contains("CONCURRENTLY") {
            again
        } else {
            index.definition.clone()
        });
    }
    for index in &known.proposed {
        let name = &index.name;
        let locking = if index.ddl.contains(" CONCURRENTLY ") {
            sql::Locking::Concurrently
        } else {
            sql::Locking::Blocking
        };
        change.revert.push(sql::drop_index(&index.index.table.schema, name, locking));
    }
    let blocks = change.apply.iter().any(|statement| !statement.contains("CONCURRENTLY"));
    change.locks = if blocks {
        "Partitioned tables take no concurrent build: writers of the table wait until it is done."
            .to_owned()
    } else {
        "SHARE UPDATE EXCLUSIVE on the table: readers and writers go on, other schema changes and vacuum wait."
            .to_owned()
    };
    Some(change)
}

/// `4,500`, `1.2 million`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
pub(crate) fn count(value: f64) -> String {
    if 1e9 <= value {
        return format!("{:.1} billion", value / 1e9);
    }
    if 1e6 <= value {
        return format!("{:.1} million", value / 1e6);
    }
    let whole = value.round() as u64;
    if 1_000 <= whole {
        format!("{},{:03}", whole / 1_000, whole % 1_000)
    } else {
        whole.to_string()
    }
}

/// `12 MB`, `1.3 GB`, as PostgreSQL counts.
#[expect(clippy::cast_precision_loss, reason = "two digits for people")]
pub(crate) fn bytes(bytes: u64) -> String {
    let mut value = bytes as f64 / 1_024.0;
    let mut unit = "kB";
    for next in ["MB", "GB", "TB"] {
        if value < 1_024.0 {
            break;
        }
        value /= 1_024.0;
        unit = next;
    }
    if 9.95 <= value { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") }
}
