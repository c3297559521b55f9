//! Keep an answer for the length of a request.

use model::{Finding, Language, Proof};

use super::snippets::{python, snippet, table};
use crate::{Hint, Remedy};

pub(super) static MEMOISE: Remedy = Remedy {
    name: "memoise",
    title: "keep an answer for the length of the request",
    answers: &["duplicate-statement"],
    proofs: &[Proof::QueryCount, Proof::Replay],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let table = table(finding);
    let snippet = match finding.language {
        Some(Language::Python) => python(format!(
            "@cached_property  # on an object that lives as long as the request\ndef {table}(self):\n    return ..."
        )),
        Some(Language::Ruby) => snippet("ruby", format!("def {table}\n  @{table} ||= ...\nend")),
        Some(Language::JavaScript) => snippet(
            "javascript",
            format!("request.{table} ??= load()  // a promise, so that callers share it"),
        ),
        _ => None,
    };
    let text = format!(
        "Ask {table} once and hand the answer on: {} instead of {} runs in a request.",
        finding.calls_after.max(1),
        finding.calls_now
    );
    Some(Hint { text, snippet, change: None })
}
