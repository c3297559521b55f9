//! Figures for Prometheus, and whatever else reads its formats.

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use engine::metrics::{Exposition, expose};

use crate::{problem::Problem, server::App};

/// Figures about Taut itself, in Prometheus' text format or in `OpenMetrics`, as `Accept` says.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "status",
    responses(
        (status = 200, description = "every figure, in Prometheus' text format 0.0.4, or in OpenMetrics 1.0 if \
            `Accept` prefers it", content_type = "text/plain", body = String),
    )
)]
pub(crate) async fn metrics(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let format = Exposition::accepted(accept.unwrap_or_default());
    app.read(move |source| {
        let text = expose(&source.reading(), format);
        Ok(([(header::CONTENT_TYPE, format.content_type())], text).into_response())
    })
    .await
}
