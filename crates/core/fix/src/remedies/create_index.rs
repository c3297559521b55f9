//! Create the indexes that were chosen for the workload.

use model::{Finding, Proof};

use crate::{
    Hint, Remedy,
    database::{bytes, count, index_change, known, statements},
};

pub(super) static CREATE_INDEX: Remedy = Remedy {
    name: "create-index",
    title: "create the index, beside the traffic",
    answers: &["missing-index", "unindexed-foreign-key"],
    proofs: &[Proof::WhatIf, Proof::Rehearsal, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let known = known(finding)?;
    let first = known.proposed.first()?;
    let change = index_change(known)?;
    let mut text = format!("Create the index {}", first.name);
    if 1 < known.proposed.len() {
        text.push_str(&format!(" and {} more", known.proposed.len() - 1));
    }
    if 0 < first.bytes && first.has_guessed_size() {
        text.push_str(&format!(": perhaps {}, which may be several times off", bytes(first.bytes)));
    } else if 0 < first.bytes {
        text.push_str(&format!(": {} when fresh", bytes(first.bytes)));
        if first.bytes < first.bytes_grown {
            text.push_str(&format!(", up to {} once it has grown", bytes(first.bytes_grown)));
        }
        if 1.0 <= first.build_seconds {
            text.push_str(&format!(", built in about {:.0} s", first.build_seconds));
        }
    }
    text.push_str(". ");
    let cost = &first.write_cost;
    if 0.0 < cost.cpu_micros_per_row && 1.0 <= cost.rows_per_day {
        text.push_str(&format!(
            "Each of {} rows that are written a day then takes {:.1} µs longer. ",
            count(cost.rows_per_day),
            cost.cpu_micros_per_row
        ));
    }
    let dropped: Vec<&str> = known.dropped.iter().map(|index| index.name.as_str()).collect();
    if !dropped.is_empty() {
        text.push_str(&format!("It makes {} superfluous. ", dropped.join(", ")));
    }
    text.push_str(if change.apply.iter().all(|it| it.contains("CONCURRENTLY")) {
        "Readers and writers go on while it is built."
    } else {
        "Writers wait while it is built."
    });
    let snippet = statements(&change.apply);
    Some(Hint { text, snippet, change: Some(change) })
}
