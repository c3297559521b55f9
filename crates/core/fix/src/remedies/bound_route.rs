//! Bound how long a request may take, in the gateway.

use std::time::Duration;

use model::{Finding, GatewayChange, Proof};

use crate::{
    Hint, Remedy,
    gateway::{self, of_route},
};

pub(super) static BOUND_ROUTE: Remedy = Remedy {
    name: "bound-route",
    title: "give the route's requests a deadline in the gateway",
    answers: &["long-tail"],
    proofs: &[Proof::BeforeAfter, Proof::Load],
    advise,
};

/// Less than this ends requests that a slow moment of the machine holds up.
const DEADLINE_MIN: Duration = Duration::from_secs(1);

fn advise(finding: &Finding) -> Option<Hint> {
    change(finding).as_ref().map(gateway::hint)
}

pub(super) fn change(finding: &Finding) -> Option<GatewayChange> {
    // Twice what all but the slowest of the slow take: what is longer nobody waits for.
    let deadline = finding.duration_now.saturating_mul(2).max(DEADLINE_MIN);
    let seconds = deadline.as_secs() + u64::from(deadline.subsec_nanos() > 0);
    let operation = &finding.operation.operation;
    let reason = format!(
        "The gateway can end requests of {operation} after {seconds} s, twice what nearly all of the slow ones take, \
         with a 504: whoever asked has gone by then, and what the request holds is free for others."
    );
    let settings = [("total-timeout", format!("\"{seconds}s\""))];
    of_route(BOUND_ROUTE.name, finding, &settings, reason)
}
