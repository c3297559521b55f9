//! Ask a service for many things in one call.

use model::{Finding, Proof};

use super::snippets::snippet;
use crate::{Hint, Remedy};

pub(super) static BATCH_CALLS: Remedy = Remedy {
    name: "batch-calls",
    title: "ask a service for many things in one call",
    answers: &["n-plus-one-calls", "chatty-service"],
    proofs: &[Proof::CriticalPath, Proof::Replay, Proof::Load],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let endpoint = finding.evidence.endpoint.as_ref()?;
    let text = format!(
        "Ask for everything in one call instead of {}; if {} has no such endpoint, give it one that takes a \
         list. Until then make the calls side by side, bounded.",
        finding.calls_now,
        endpoint.split_once(' ').map_or(endpoint.as_str(), |(_, target)| target)
    );
    let path = endpoint.split_once(' ').map_or(endpoint.as_str(), |(_, target)| target);
    let path = path.split("/{id}").next().unwrap_or(path);
    let snippet = (finding.fault == "n-plus-one-calls")
        .then(|| snippet("http", format!("GET {path}?ids=17,18,19")))
        .flatten();
    Some(Hint { text, snippet, change: None })
}
