//! Drop an index that is not needed.

use model::{Finding, Proof};

use crate::{
    Hint, Remedy,
    database::{bytes, index_change, known, statements},
};

pub(super) static DROP_INDEX: Remedy = Remedy {
    name: "drop-index",
    title: "drop the index, and keep its definition",
    answers: &["unused-index", "duplicate-index", "invalid-index"],
    proofs: &[Proof::WhatIf, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let known = known(finding)?;
    let first = known.dropped.first()?;
    let change = index_change(known)?;
    let back = if finding.fault == "invalid-index" {
        String::new()
    } else {
        format!(" Should it be missed, this brings it back: {}.", change.revert.join("; "))
    };
    let text = format!(
        "Drop the index {}: {} come free, and every write of {} gets cheaper.{back}",
        first.name,
        bytes(first.bytes),
        first.table
    );
    let snippet = statements(&change.apply);
    // What was never valid is nothing to come back to.
    let revert = if back.is_empty() { Vec::new() } else { change.revert.clone() };
    Some(Hint { text, snippet, change: Some(model::Change { revert, ..change }) })
}
