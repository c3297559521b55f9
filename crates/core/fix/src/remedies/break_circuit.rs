//! Stop asking what is down.

use model::{Finding, GatewayChange, GatewayPlace, Proof};

use crate::{
    Hint, Remedy,
    gateway::{self, of_route},
};

pub(super) static BREAK_CIRCUIT: Remedy = Remedy {
    name: "break-circuit",
    title: "stop asking a service that fails, and find out carefully whether it is back",
    answers: &["retry-storm"],
    proofs: &[Proof::FaultInjection, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    change(finding).as_ref().map(gateway::hint)
}

pub(super) fn change(finding: &Finding) -> Option<GatewayChange> {
    let endpoint = finding.evidence.endpoint.as_ref()?;
    let host = host_of(endpoint)?;
    let reason = format!(
        "{host} is asked again and again while it fails. Where the gateway is in front of it, it can answer for it at \
         once while most requests fail, try carefully whether it is back, and keep retries below a tenth of requests."
    );
    let settings = [("breaker", "{}".to_owned()), ("retry-share", "0.1".to_owned())];
    let change = of_route(BREAK_CIRCUIT.name, finding, &settings, reason.clone())?;
    Some(GatewayChange { on: GatewayPlace::Host(host.to_owned()), reason, ..change })
}

/// The host of an endpoint as evidence has it: `GET api.example.com/customers/{id}`.
fn host_of(endpoint: &str) -> Option<&str> {
    let place = endpoint.split_once(' ').map_or(endpoint, |(_, place)| place);
    let place = place.split_once("://").map_or(place, |(_, place)| place);
    let host = place.split('/').next()?;
    (!host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic())).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_what_stands_before_the_path() {
        assert_eq!(host_of("GET api.example.com/customers/{id}"), Some("api.example.com"));
        assert_eq!(host_of("POST http://127.0.0.1:9000/x"), Some("127.0.0.1:9000"));
        assert_eq!(host_of("GET /only/a/path"), None);
    }
}
