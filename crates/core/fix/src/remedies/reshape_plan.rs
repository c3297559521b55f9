//! Do what a plan that was seen asks for.

use model::{Finding, Proof};

use crate::{Hint, Remedy, database::known};

pub(super) static RESHAPE_PLAN: Remedy = Remedy {
    name: "reshape-plan",
    title: "do what the plan asks for",
    answers: &["costly-plan", "subquery-shape", "rows-scanned-vs-returned", "spill", "deep-offset"],
    proofs: &[Proof::Rehearsal, Proof::BeforeAfter],
    advise,
};

/// Label of the figure that detectors put the hint under.
const HELPS: &str = "what helps";

/// The hint of the note on the plan, as a sentence.
fn advise(finding: &Finding) -> Option<Hint> {
    let known = known(finding)?;
    let (_, hint) = known.figures.iter().find(|(label, _)| label == HELPS)?;
    let mut letters = hint.chars();
    let first = letters.next()?;
    let text = format!("{}{}.", first.to_uppercase(), letters.as_str());
    Some(Hint { text, snippet: None, change: None })
}
