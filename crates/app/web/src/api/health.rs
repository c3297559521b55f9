//! Whether the process runs, and whether it can do what it is for: for balancers and whoever restarts processes.
//!
//! They have no token to show, so that what they are told has no names, no addresses and no words of errors in it.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use engine::Footing;

use crate::{
    look::{Late, Look},
    server::App,
    source::GatewayAsked,
    wire::{Health, Readiness, ReadyDisk, ReadyMemory, ReadyPart},
};

/// The paths that are answered whoever asks.
pub(crate) const OPEN: [&str; 2] = ["/health", "/ready"];

/// How long what is seen of the disk, the memory and the gateway is good for.
const OWN_GOOD_FOR: Duration = Duration::from_secs(2);

/// The same of servers, which have other work.
const SERVER_GOOD_FOR: Duration = Duration::from_secs(10);

/// What was seen of what readiness rests on.
#[derive(Debug)]
pub(crate) struct Looks {
    own: Look<Footing>,
    clickhouse: Look<Option<bool>>,
    ledger: Look<Option<bool>>,
    gateway: Look<Option<bool>>,
}

impl Default for Looks {
    fn default() -> Self {
        Self {
            own: Look::new(OWN_GOOD_FOR),
            clickhouse: Look::new(SERVER_GOOD_FOR),
            ledger: Look::new(SERVER_GOOD_FOR),
            gateway: Look::new(OWN_GOOD_FOR),
        }
    }
}

/// Whether the process runs: an answer is one.
#[utoipa::path(
    get,
    path = "/health",
    tag = "status",
    responses((status = 200, description = "it runs", body = Health))
)]
pub(crate) async fn health() -> Response {
    answer(StatusCode::OK, Health { status: "up".to_owned() })
}

/// Whether the process can keep what is sent to it, and what that rests on.
#[utoipa::path(
    get,
    path = "/ready",
    tag = "status",
    responses(
        (status = 200, description = "it can", body = Readiness),
        (status = 503, description = "it cannot, or it stops", body = Readiness),
    )
)]
pub(crate) async fn ready(State(app): State<App>) -> Response {
    let source = || Arc::clone(&app.source);
    let (of_own, of_clickhouse, of_ledger) = (source(), source(), source());
    let gateway = app.setup.gateway.clone();
    let (own, clickhouse, ledger, gateway) = tokio::join!(
        app.looks.own.at(move || of_own.footing()),
        app.looks.clickhouse.at(move || of_clickhouse.clickhouse_answers()),
        app.looks.ledger.at(move || of_ledger.ledger_answers()),
        app.looks.gateway.at(move || gateway.as_ref().map(is_up)),
    );
    let own = own.ok();
    let stops = *app.closing.borrow();
    let is_ready = own.is_some_and(|own| own.holds()) && !stops;
    let status = match (stops, is_ready) {
        (true, _) => "stopping",
        (false, true) => "up",
        (false, false) => "down",
    };
    let told = Readiness {
        status: status.to_owned(),
        store: ReadyPart { status: word(own.map(|own| own.keeps)) },
        disk: ReadyDisk {
            status: room(own, |own| own.disk().name()),
            free_bytes: own.and_then(|own| own.disk_bytes),
        },
        memory: ReadyMemory {
            status: room(own, |own| own.memory().name()),
            available_bytes: own.and_then(|own| own.memory_bytes),
        },
        clickhouse: server(clickhouse),
        ledger: server(ledger),
        gateway: server(gateway),
    };
    let code = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer(code, told)
}

/// Whether a gateway says that it is ready.
fn is_up(gateway: &GatewayAsked) -> bool {
    (gateway.ask)().is_ok_and(|told| told["state"] == "up")
}

/// What is said of something that is used up, if what is left of it was seen in time.
fn room(own: Option<Footing>, of: fn(&Footing) -> &'static str) -> String {
    own.as_ref().map_or("unknown", of).to_owned()
}

/// What is said of a server, if there is one.
fn server(seen: Result<Option<bool>, Late>) -> Option<ReadyPart> {
    let answers = match seen {
        Ok(answers) => Some(answers?),
        Err(Late) => None,
    };
    Some(ReadyPart { status: word(answers) })
}

/// `None` is one that did not say in time.
fn word(is_up: Option<bool>) -> String {
    match is_up {
        Some(true) => "up",
        Some(false) => "down",
        None => "unknown",
    }
    .to_owned()
}

/// An answer that nobody keeps.
fn answer(status: StatusCode, told: impl serde::Serialize) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(told)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_not_used_is_not_told_of() {
        let status = |seen| server(seen).map(|part| part.status);
        assert_eq!(status(Ok(None)), None);
        assert_eq!(status(Ok(Some(true))).as_deref(), Some("up"));
        assert_eq!(status(Ok(Some(false))).as_deref(), Some("down"));
        assert_eq!(status(Err(Late)).as_deref(), Some("unknown"));
    }
}
