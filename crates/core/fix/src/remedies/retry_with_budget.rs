//! Retry little, late and within a budget.

use model::{Finding, Language, Proof};

use super::snippets::{python, snippet};
use crate::{Hint, Remedy};

pub(super) static RETRY_WITH_BUDGET: Remedy = Remedy {
    name: "retry-with-budget",
    title: "retry once, late, within a budget; break the circuit while the other side is down",
    answers: &["retry-storm"],
    proofs: &[Proof::FaultInjection, Proof::Load],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let snippet = match finding.language {
        Some(Language::Python) => python(
            "retry = Retry(total=1, backoff_factor=0.2, backoff_jitter=0.1, status_forcelist=(502, 503, 504))\n\
             session.mount(\"https://\", HTTPAdapter(max_retries=retry))\n\
             session.get(url, timeout=(0.5, 2))  # connect, read",
        ),
        Some(Language::JavaScript) => snippet(
            "javascript",
            "fetch(url, { signal: AbortSignal.timeout(2000) })  // and one retry with jitter, no more",
        ),
        _ => None,
    };
    let target = finding.evidence.endpoint.as_deref().unwrap_or("the endpoint");
    let text = format!(
        "Give {target} a timeout, retry once at most with back-off and jitter, keep retries below a tenth of all \
         calls, and stop asking while it is down."
    );
    Some(Hint { text, snippet, change: None })
}
