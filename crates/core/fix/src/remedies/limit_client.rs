//! Keep one client's requests from the others'.

use model::{Finding, GatewayChange, Proof};

use crate::{
    Hint, Remedy,
    gateway::{self, is_by_client, of_route},
};

pub(super) static LIMIT_CLIENT: Remedy = Remedy {
    name: "limit-client",
    title: "limit what one client may ask of the route, in the gateway",
    answers: &["bimodal-latency", "long-tail"],
    proofs: &[Proof::BeforeAfter, Proof::Load],
    advise,
};

/// Clients of few requests are never limited by what happens to have been seen.
const PER_MINUTE_MIN: u64 = 60;

fn advise(finding: &Finding) -> Option<Hint> {
    change(finding).as_ref().map(gateway::hint)
}

pub(super) fn change(finding: &Finding) -> Option<GatewayChange> {
    let (key, value) = finding.evidence.attribute.as_ref().filter(|_| is_by_client(finding))?;
    let nanos = finding.last_seen.nanos.saturating_sub(finding.first_seen.nanos);
    let minutes = (nanos / 60_000_000_000).max(1);
    // As much as all clients together send now: more than a fair share, and still a bound.
    let per_minute = (finding.requests / minutes).max(PER_MINUTE_MIN);
    let by = match key.strip_prefix("http.request.header.") {
        Some(header) => format!("header:{header}"),
        None => "address".to_owned(),
    };
    let reason = format!(
        "Requests with {key} = {value} are the slow ones. The gateway can let each client send {per_minute} a minute, \
         what all of them together send now, and refuse what is more with a 429: try it with `dry-run = \"on\"` first."
    );
    let limit = format!("{{ requests = {per_minute}, window = \"1m\", key = \"{by}\" }}");
    of_route(LIMIT_CLIENT.name, finding, &[("limit", limit)], reason)
}
