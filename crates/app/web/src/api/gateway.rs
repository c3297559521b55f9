//! The gateway of the settings: in this process, or asked through its admin port.

use axum::{Json, extract::State};

use crate::{problem::Problem, server::App, wire::GatewayAnswer};

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
