//! Compress answers in the gateway.

use model::{Finding, GatewayChange, Proof};

use crate::{
    Hint, Remedy,
    gateway::{self, of_route},
};

pub(super) static COMPRESS_ROUTE: Remedy = Remedy {
    name: "compress-route",
    title: "compress the route's answers in the gateway",
    answers: &["large-response"],
    proofs: &[Proof::Bytes, Proof::Load],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    change(finding).as_ref().map(gateway::hint)
}

pub(super) fn change(finding: &Finding) -> Option<GatewayChange> {
    let operation = &finding.operation.operation;
    let reason = format!(
        "The gateway can compress answers of {operation}: that takes 60 to 80 % off JSON, and leaves alone what is \
         compressed already. Not where an answer holds a secret beside what a stranger can choose (BREACH)."
    );
    of_route(COMPRESS_ROUTE.name, finding, &[("compress", "\"on\"".to_owned())], reason)
}
