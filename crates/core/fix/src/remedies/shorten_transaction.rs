//! Hold locks for as short as the work in the database takes.

use model::{Finding, Proof};

use crate::{
    Hint, Remedy,
    database::{known, statements},
};

pub(super) static SHORTEN_TRANSACTION: Remedy = Remedy {
    name: "shorten-transaction",
    title: "end the transaction before doing anything else",
    answers: &["lock-wait", "idle-in-transaction"],
    proofs: &[Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let known = known(finding)?;
    let last = finding.evidence.statement.as_ref().map(|text| text.text.as_str());
    let mut text = "End the transaction before anything that is no database work: mail, HTTP, waiting for people. "
        .to_owned();
    text.push_str(match (finding.fault, last) {
        ("idle-in-transaction", Some(_)) => {
            "Its last statement tells where in the code: what comes after it does not commit."
        }
        ("idle-in-transaction", None) => {
            "Look for a path that neither commits nor rolls back, errors among them."
        }
        _ => "Change rows in the same order everywhere, and as late in the transaction as can be.",
    });
    if known.sql.iter().any(|sql| sql.contains("pg_terminate_backend")) {
        text.push_str(" What holds on right now can be ended:");
    }
    Some(Hint { text, snippet: statements(&known.sql), change: None })
}
