//! Bound what one request may take.

use model::{Finding, Proof};

use crate::{Hint, Remedy};

pub(super) static BOUND_TAIL: Remedy = Remedy {
    name: "bound-tail",
    title: "bound what one request may read and wait for",
    answers: &["long-tail"],
    proofs: &[Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let whom = match &finding.evidence.attribute {
        Some((key, value)) => format!("Look at requests with {key} = {value} first. "),
        None => String::new(),
    };
    let text = format!(
        "{whom}Bound what one request may read (rows, range of dates), give everything that it waits for a timeout, \
         and compare the slowest traces with a usual one."
    );
    Some(Hint { text, snippet: None, change: None })
}
