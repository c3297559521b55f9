//! The gateway of the settings: in this process, or asked through its admin port. Orders are those of that port, carried out
//! by it or by what it stands on.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    params::sent,
    problem::Problem,
    server::App,
    source::{Hosts, OrderProblem},
    wire::{
        GatewayAnswer, GatewayCanaryOrder, GatewayForgotten, GatewayMemberDone, GatewayMemberOrder,
        GatewayNews, GatewayPurge, GatewayWarm, GatewayWarmed,
    },
};

/// Bytes of an order: a thousand long addresses, as much as the gateway takes.
pub(crate) const ORDER_BYTES_MAX: usize = 1 << 20;

/// What the gateway tells about itself: members, routes, cache, limits, breakers, new versions.
#[utoipa::path(
    get,
    path = "/api/v1/gateway",
    tag = "gateway",
    responses((status = 200, description = "the gateway, or why it does not answer", body = GatewayAnswer))
)]
pub(crate) async fn gateway(State(app): State<App>) -> Result<Json<GatewayAnswer>, Problem> {
    let setup = std::sync::Arc::clone(&app.setup);
    app.read(move |source| {
        let set = source.settings().gateway.is_some();
        let Some(asked) = &setup.gateway else {
            let (asked, problem, gateway) = (None, None, None);
            return Ok(Json(GatewayAnswer { set, asked, problem, gateway }));
        };
        let (gateway, problem) = match (asked.ask)().and_then(|told| {
            serde_json::from_value(told)
                .map_err(|error| format!("what it told makes no sense: {error}"))
        }) {
            Ok(gateway) => (Some(gateway), None),
            Err(problem) => (None, Some(problem)),
        };
        Ok(Json(GatewayAnswer { set, asked: Some(asked.place.clone()), problem, gateway }))
    })
    .await
}

/// Sends a member no new requests, sends it requests again, or gives it another share of them.
#[utoipa::path(
    post,
    path = "/api/v1/gateway/members",
    tag = "gateway",
    request_body = GatewayMemberOrder,
    responses(
        (status = 200, description = "what holds of the member from now on", body = GatewayMemberDone),
        (status = 400, description = "the weight is none", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "there is no such member, or no gateway", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "nobody of the service would be left", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "the gateway does not answer", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn member(
    State(app): State<App>,
    body: Result<Json<GatewayMemberOrder>, JsonRejection>,
) -> Result<Json<GatewayMemberDone>, Problem> {
    let hint = "send JSON with `service`, `member`, `order` (drain, undrain, weight), and `weight` from 0 to 1000";
    let GatewayMemberOrder { service, member, order, weight, force } = sent(body, hint)?;
    let path = format!("/members/{service}/{member}/{}", order.name());
    ordered(&app, path, json!({"weight": weight, "force": force})).await
}

/// Lets the cache forget: an address, what begins like one, a tag, a route, or everything.
#[utoipa::path(
    post,
    path = "/api/v1/gateway/purge",
    tag = "gateway",
    request_body = GatewayPurge,
    responses(
        (status = 200, description = "how much was forgotten", body = GatewayForgotten),
        (status = 400, description = "it names nothing, or more than one thing", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "there is no gateway", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "the gateway does not answer", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn purge(
    State(app): State<App>,
    body: Result<Json<GatewayPurge>, JsonRejection>,
) -> Result<Json<GatewayForgotten>, Problem> {
    let hint =
        "send JSON with one of `url`, `prefix`, `tag`, `route` and `all`: true, and `soft` or not";
    let purge = sent(body, hint)?;
    if purge.names() != 1 {
        let detail = format!("it names {} things to forget, not one", purge.names());
        return Err(Problem::wrong(detail, hint));
    }
    ordered(&app, "/cache/purge".to_owned(), json!(purge)).await
}

/// Asks for addresses through the gateway, so that their answers are in its cache.
#[utoipa::path(
    post,
    path = "/api/v1/gateway/warm",
    tag = "gateway",
    request_body = GatewayWarm,
    responses(
        (status = 200, description = "how many were answered well", body = GatewayWarmed),
        (status = 400, description = "one is no address, or there are too many", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "there is no gateway", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "the gateway does not answer, or it took longer than a minute", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn warm(
    State(app): State<App>,
    body: Result<Json<GatewayWarm>, JsonRejection>,
) -> Result<Json<GatewayWarmed>, Problem> {
    let warm = sent(body, "send JSON with `urls`, a list of up to 1000 addresses")?;
    ordered(&app, "/cache/warm".to_owned(), json!(warm)).await
}

/// Gives a version that is tried its next share, leaves it at the one that it has, takes it back, or gives it everything.
#[utoipa::path(
    post,
    path = "/api/v1/gateway/canaries",
    tag = "gateway",
    request_body = GatewayCanaryOrder,
    responses(
        (status = 200, description = "what became of it; it is in the ledger as well", body = GatewayNews),
        (status = 404, description = "the route tries no version, or there is no gateway", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "the gateway does not answer", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn canary(
    State(app): State<App>,
    body: Result<Json<GatewayCanaryOrder>, JsonRejection>,
) -> Result<Json<GatewayNews>, Problem> {
    let hint = "send JSON with `route` and `order`: step, hold, revert or finish";
    let GatewayCanaryOrder { route, order } = sent(body, hint)?;
    ordered(&app, format!("/canaries/{route}/{}", order.name()), Value::Null).await
}

/// Has an order carried out, and what the gateway says of it.
async fn ordered<T: DeserializeOwned>(
    app: &App,
    path: String,
    order: Value,
) -> Result<Json<T>, Problem> {
    let setup = &app.setup;
    if setup.token.is_none() && setup.hosts != Hosts::Loopback {
        return Err(Problem::open_to_all());
    }
    let Some(asked) = setup.gateway.clone() else {
        return Err(Problem::unknown(
            "gateway",
            "there is no gateway to give orders to",
            "`taut gateway --example >> taut.toml` writes a `[gateway]` to begin with",
        ));
    };
    let seat = app.order()?;
    let work = tokio::task::spawn_blocking(move || {
        let _seat = seat;
        (asked.order)(&path, &order)
    });
    let told = work.await.map_err(|error| Problem::bug(error.to_string()))??;
    // A list would be taken for the fields in their order.
    if !told.is_object() {
        return Err(Problem::gateway_away(
            "what it told makes no sense: it is no object".to_owned(),
        ));
    }
    serde_json::from_value(told)
        .map(Json)
        .map_err(|error| Problem::gateway_away(format!("what it told makes no sense: {error}")))
}

impl From<OrderProblem> for Problem {
    fn from(problem: OrderProblem) -> Self {
        let (status, detail) = match problem {
            OrderProblem::Away(detail) => return Self::gateway_away(detail),
            OrderProblem::Refused { status, detail } => (status, detail),
        };
        match status {
            400 => Self::wrong(detail, "mend it and send it again"),
            404 => Self::unknown(
                "in-gateway",
                detail,
                "it may be gone since the page was drawn; see what is there now",
            ),
            401 | 403 => Self::gateway_refused(
                detail,
                "set `TAUT_GATEWAY_ADMIN_TOKEN` to the same text where the gateway and `taut up` run",
            ),
            409 => {
                Self::gateway_refused(detail, "see what is there now, and order what goes with it")
            }
            _ => Self::gateway_away(detail),
        }
    }
}
