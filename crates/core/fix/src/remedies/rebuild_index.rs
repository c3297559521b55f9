//! Build an index anew, beside the traffic.

use model::{Change, Finding, Proof};

use crate::{
    Hint, Remedy,
    database::{known, statements},
};

pub(super) static REBUILD_INDEX: Remedy = Remedy {
    name: "rebuild-index",
    title: "build the index anew, beside the traffic",
    answers: &["bloated-index", "invalid-index"],
    proofs: &[Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let known = known(finding)?;
    let index = known.index.as_ref()?;
    let apply: Vec<String> =
        known.sql.iter().filter(|statement| statement.starts_with("REINDEX")).cloned().collect();
    if apply.is_empty() {
        return None;
    }
    let text = if finding.fault == "invalid-index" {
        format!(
            "Build {index} to its end; if it is unique and fails again, there are duplicates to remove first."
        )
    } else {
        format!(
            "Build {index} anew: needs room for a second copy while it runs; readers and writers go on."
        )
    };
    let change = Change {
        database: known.database.clone(),
        apply: apply.clone(),
        locks: "SHARE UPDATE EXCLUSIVE on the table: readers and writers go on, other schema changes and vacuum wait."
            .to_owned(),
        ..Change::default()
    };
    Some(Hint { text, snippet: statements(&apply), change: Some(change) })
}
