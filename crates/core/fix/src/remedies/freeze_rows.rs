//! Freeze old rows before transaction numbers run out.

use model::{Change, Finding, Proof};

use crate::{
    Hint, Remedy,
    database::{known, statements},
};

pub(super) static FREEZE_ROWS: Remedy = Remedy {
    name: "freeze-rows",
    title: "end what holds vacuum back, then freeze the oldest tables",
    answers: &["transaction-wraparound"],
    proofs: &[Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let known = known(finding)?;
    let text = "First end what holds vacuum back: transactions open for hours, prepared ones, slots that nobody reads. \
                Then freeze the oldest tables; nobody waits for that, but all of them is read once."
        .to_owned();
    let change = Change {
        database: known.database.clone(),
        apply: known.sql.clone(),
        locks:
            "SHARE UPDATE EXCLUSIVE on the table: readers and writers go on, schema changes wait."
                .to_owned(),
        ..Change::default()
    };
    Some(Hint { text, snippet: statements(&known.sql), change: Some(change) })
}
