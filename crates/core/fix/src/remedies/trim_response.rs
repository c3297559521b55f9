//! Send fewer bytes.

use model::{Finding, Proof};

use super::snippets::{short_columns, snippet};
use crate::{Hint, Remedy};

pub(super) static TRIM_RESPONSE: Remedy = Remedy {
    name: "trim-response",
    title: "send fewer rows and fields, and compress them",
    answers: &["large-response"],
    proofs: &[Proof::Bytes, Proof::Replay],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let text = "Page the list, send the fields that are shown, let clients ask for more, and compress text: \
                that takes 60 to 80 % off JSON."
        .to_owned();
    let (_, path) = finding.operation.operation.split_once(' ').unwrap_or(("", "…"));
    let fields = short_columns(finding).map_or_else(|| "…".to_owned(), |columns| columns.join(","));
    let code = format!("GET {path}?fields={fields}&limit=50\nAccept-Encoding: br, gzip");
    Some(Hint { text, snippet: snippet("http", code), change: None })
}
