//! Write a subquery so that it can become a join.

use model::{Finding, Proof};

use crate::{
    Hint, Remedy,
    database::{known, statements},
    rewrite,
};

pub(super) static REWRITE_SUBQUERY: Remedy = Remedy {
    name: "rewrite-subquery",
    title: "write the subquery as EXISTS, NOT EXISTS or UNION",
    answers: &["subquery-shape"],
    proofs: &[Proof::Rehearsal, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let known = known(finding)?;
    let key: Vec<&str> = known.key.iter().map(model::Text::as_str).collect();
    let rewritten = rewrite::subquery(&known.generic, &key);
    let text = match &rewritten {
        Some(rewritten) => format!("Write it so that the planner can join: {}.", rewritten.note),
        None => "Write NOT IN (SELECT …) as NOT EXISTS, a count that is compared with 0 as EXISTS, and a subquery \
                 beside OR as the UNION of both halves."
            .to_owned(),
    };
    let snippet = rewritten.and_then(|it| statements(&[it.sql]));
    Some(Hint { text, snippet, change: None })
}
