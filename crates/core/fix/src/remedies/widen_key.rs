//! Give a key more room before its numbers run out.

use model::{Change, Finding, Proof};

use crate::{
    Hint, Remedy,
    database::{known, statements},
};

pub(super) static WIDEN_KEY: Remedy = Remedy {
    name: "widen-key",
    title: "make the key a bigint",
    answers: &["sequence-exhaustion"],
    proofs: &[Proof::Rehearsal],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let known = known(finding)?;
    if known.sql.is_empty() {
        let text =
            "Give the sequence a larger MAXVALUE if the column that it feeds has room for it."
                .to_owned();
        return Some(Hint { text, snippet: None, change: None });
    }
    let table = known.table.as_ref()?;
    let text = format!(
        "Make the key of {table} a bigint, and every column that refers to it. This rewrites the table under a lock; on \
         a large one add a bigint column beside, fill it in batches, and swap the two."
    );
    let change = Change {
        database: known.database.clone(),
        apply: known.sql.clone(),
        locks: "ACCESS EXCLUSIVE on the table while it is rewritten: readers and writers wait."
            .to_owned(),
        ..Change::default()
    };
    Some(Hint { text, snippet: statements(&known.sql), change: Some(change) })
}
