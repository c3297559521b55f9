//! Move a table out of the way that nobody reads.

use model::{Finding, Proof};

use crate::{
    Hint, Remedy,
    database::{known, statements},
};

pub(super) static ARCHIVE_TABLE: Remedy = Remedy {
    name: "archive-table",
    title: "rename the table, wait, dump it, drop it",
    answers: &["dead-table"],
    proofs: &[Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let table = known(finding)?.table.clone()?;
    let aside = format!("{}_unread", table.name);
    let (name, to) = (sql::qualified(&table), sql::identifier(&aside).into_owned());
    let moved = sql::qualified(&model::database::TableName::new(&table.schema, &aside));
    let text = format!(
        "Rename {table} and wait for a week: whoever still needs it will say so. Then dump it, keep the file, and drop it."
    );
    let code = [
        format!("ALTER TABLE {name} RENAME TO {to}"),
        format!("-- a week later: pg_dump --table='{moved}' -Fc -f {}.dump", table.name),
        format!("-- DROP TABLE {moved};"),
    ];
    Some(Hint { text, snippet: statements(&code), change: None })
}
