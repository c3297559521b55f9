//! The process that answers.

use axum::{Json, extract::State};

use crate::{problem::Problem, server::App, wire::Status};

/// Version, addresses, and what was received and kept.
#[utoipa::path(
    get,
    path = "/api/v1/status",
    tag = "status",
    responses((status = 200, description = "the process that answers", body = Status))
)]
pub(crate) async fn status(State(app): State<App>) -> Result<Json<Status>, Problem> {
    let setup = std::sync::Arc::clone(&app.setup);
    app.read(move |source| {
        let counters = setup.counters.as_ref().map(|count| count());
        Ok(Json(Status {
            version: setup.version.to_owned(),
            otlp_http: setup.otlp_http.map(|address| address.to_string()),
            otlp_grpc: setup.otlp_grpc.map(|address| address.to_string()),
            change: *source.changes().borrow(),
            findings: source.findings().len(),
            accepted_spans: counters.map(|counters| counters.accepted_spans),
            rejected_spans: counters.map(|counters| counters.rejected_spans),
            accepted_exports: counters.map(|counters| counters.accepted_exports),
            refused_exports: counters.map(|counters| counters.refused_exports),
            store_bytes: counters.and_then(|counters| counters.store_bytes),
        }))
    })
    .await
}
