//! Send fewer bytes.

use model::{Finding, Proof};

use super::snippets::snippet;
use crate::{Hint, Remedy};

pub(super) static TRIM_RESPONSE: Remedy = Remedy {
    name: "trim-response",
    title: "send fewer rows and fields, and compress them",
    answers: &["large-response"],
    proofs: &[Proof::Bytes, Proof::Replay],
    advise,
};

fn advise(_finding: &Finding) -> Option<Hint> {
    let text = "Page the list, send the fields that are shown, let clients ask for more, and compress text: \
                that takes 60 to 80 % off JSON."
        .to_owned();
    Some(Hint {
        text,
        snippet: snippet("http", "GET …?fields=id,title&limit=50\nAccept-Encoding: br, gzip"),
    })
}
