//! Treat the slow kind of request as an operation of its own.

use model::{Finding, Proof};

use crate::{Hint, Remedy};

pub(super) static SPLIT_PATHS: Remedy = Remedy {
    name: "split-paths",
    title: "compare one fast and one slow trace, and mend the slow path",
    answers: &["bimodal-latency"],
    proofs: &[Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let text = match &finding.evidence.attribute {
        Some((key, value)) if key.contains("cache") => format!(
            "Requests with {key} = {value} do the work anew: warm the cache before it is asked, let one \
             request refresh it while the others get the old answer, and lengthen its time to live."
        ),
        Some((key, value)) => format!(
            "Look at requests with {key} = {value} as an operation of their own: compare a slow trace with a fast \
             one; the difference is the remedy."
        ),
        None => "Compare a slow trace with a fast one: the difference between the two code paths is the remedy. \
                 Add an attribute to the span that names the path, and it will be told here."
            .to_owned(),
    };
    Some(Hint { text, snippet: None, change: None })
}
