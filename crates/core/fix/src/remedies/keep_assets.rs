//! Let browsers keep files.

use model::{Finding, GatewayChange, GatewayPlace, Proof};

use crate::{Hint, Remedy, gateway};

pub(super) static KEEP_ASSETS: Remedy = Remedy {
    name: "keep-assets",
    title: "let browsers keep files: for good where names have a hash, else as long as they are told",
    answers: &["unkept-asset"],
    proofs: &[Proof::BeforeAfter, Proof::Bytes],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    change(finding).as_ref().map(gateway::hint)
}

pub(super) fn change(finding: &Finding) -> Option<GatewayChange> {
    let endpoint = finding.evidence.endpoint.as_ref()?;
    // Of the gateway's spans the operation is a route's name; the path is that of a file.
    let (method, _, example) = gateway::paths_of(endpoint)?;
    let (folder, _) = example.rsplit_once('/')?;
    let paths = if folder.is_empty() { example.clone() } else { format!("{folder}/*") };
    let kind = finding.evidence.attribute.as_ref().map_or("", |(_, kind)| kind.as_str());
    // What the application forbids to keep may be somebody's own: that is for people to look at.
    if kind == "forbidden" {
        return None;
    }
    let (key, value, reason) = if kind.starts_with("unmarked") {
        let reason = format!(
            "The gateway can tell browsers to keep what is below {paths} for good where names have a hash of the content, and to \
             ask about the rest."
        );
        ("assets", "\"on\"", reason)
    } else {
        let reason = format!(
            "The gateway can tell browsers, and nobody between, to keep what is below {paths} for five minutes. \
             Better than that: names with a hash of the content, or an ETag of the application's, and `assets = \"on\"`."
        );
        ("set-response-headers", "{ cache-control = \"private, max-age=300\" }", reason)
    };
    Some(GatewayChange {
        remedy: KEEP_ASSETS.name.to_owned(),
        on: GatewayPlace::Route,
        method,
        paths,
        example,
        settings: vec![(key.to_owned(), value.to_owned())],
        reason,
    })
}
