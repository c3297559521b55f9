//! Tell the planner what is in a table.

use model::{Change, Finding, Proof};

use crate::{
    Hint, Remedy,
    database::{known, statements},
};

pub(super) static ANALYZE_TABLE: Remedy = Remedy {
    name: "analyze-table",
    title: "analyse the table, with finer or joint statistics where they are wanted",
    answers: &["stale-statistics", "misestimate"],
    proofs: &[Proof::Rehearsal, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let known = known(finding)?;
    let table = known.table.as_ref()?;
    let has = |words: &str| known.sql.iter().any(|sql| sql.contains(words));
    let text = if has("CREATE STATISTICS") {
        format!("Let ANALYZE look at the columns of {table} together: they depend on each other.")
    } else if has("SET STATISTICS") {
        format!("Let ANALYZE look closer at the column of {table} that is filtered by.")
    } else if has("RESET (autovacuum_enabled)") {
        format!("Analyse {table} now, and let autovacuum do it again from now on.")
    } else {
        format!("Analyse {table} now, then see why autovacuum does not.")
    };
    let change = Change {
        database: known.database.clone(),
        apply: known.sql.clone(),
        revert: known.revert.clone(),
        locks:
            "SHARE UPDATE EXCLUSIVE on the table while it is sampled: readers and writers go on."
                .to_owned(),
        ..Change::default()
    };
    Some(Hint { text, snippet: statements(&known.sql), change: Some(change) })
}
