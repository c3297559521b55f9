//! Send fewer requests to the process that is slow.

use model::{Finding, GatewayChange, GatewayPlace, Proof};

use crate::{
    Hint, Remedy,
    gateway::{self, is_by_instance, of_route},
};

pub(super) static BALANCE_BY_LATENCY: Remedy = Remedy {
    name: "balance-by-latency",
    title: "let the gateway ask the quicker of two members",
    answers: &["bimodal-latency", "long-tail"],
    proofs: &[Proof::BeforeAfter, Proof::Load],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    change(finding).as_ref().map(gateway::hint)
}

pub(super) fn change(finding: &Finding) -> Option<GatewayChange> {
    let (key, value) = finding.evidence.attribute.as_ref().filter(|_| is_by_instance(finding))?;
    let reason = format!(
        "Requests that {key} = {value} answers are the slow ones. The gateway can ask the better of two members by \
         latency and requests in flight, so that the slow one gets as little as it bears."
    );
    let settings = [("balance", "\"latency\"".to_owned())];
    let change = of_route(BALANCE_BY_LATENCY.name, finding, &settings, reason.clone())?;
    Some(GatewayChange { on: GatewayPlace::Service, reason, ..change })
}
