//! Keep answers in the gateway.

use model::{Finding, GatewayChange, Proof};

use crate::{
    Hint, Remedy,
    gateway::{self, of_route},
};

pub(super) static CACHE_ROUTE: Remedy = Remedy {
    name: "cache-route",
    title: "keep the route's answers in the gateway, one request at a time filling them",
    answers: &["uncached-work"],
    proofs: &[Proof::Simulation, Proof::BeforeAfter, Proof::Load],
    advise,
};

/// The same minute that the detector reckons with; the old answer serves while a new one is fetched.
const CACHE: &str = "{ ttl = \"1m\", stale-while-revalidate = \"30s\" }";

fn advise(finding: &Finding) -> Option<Hint> {
    change(finding).as_ref().map(gateway::hint)
}

pub(super) fn change(finding: &Finding) -> Option<GatewayChange> {
    let operation = &finding.operation.operation;
    if !operation.starts_with("GET ") {
        return None;
    }
    let reason = format!(
        "The gateway can keep answers of {operation} for a minute: one request fetches, the others take what is there. \
         Requests with cookies or Authorization are passed on as before, unless answers say that they may be shared."
    );
    of_route(CACHE_ROUTE.name, finding, &[("cache", CACHE.to_owned())], reason)
}
