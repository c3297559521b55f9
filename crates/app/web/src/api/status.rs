//! The process that answers.

use std::{fs, path::Path};

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
        let totals = setup.counters.as_ref().map(|counters| counters.totals());
        let outcome = source.outcome();
        let standing = source.standing();
        Ok(Json(Status {
            version: setup.version.to_owned(),
            otlp_http: setup.otlp_http.map(|address| address.to_string()),
            otlp_grpc: setup.otlp_grpc.map(|address| address.to_string()),
            change: *source.changes().borrow(),
            findings: outcome.findings.len(),
            requests: outcome.requests,
            spans_in_flight: standing.spans_in_flight,
            catching_up: standing.catching_up,
            problem: standing.problem,
            accepted_spans: totals.map(|totals| totals.spans_accepted),
            rejected_spans: totals.map(|totals| totals.spans_rejected + totals.spans_refused),
            accepted_exports: totals
                .map(|totals| totals.requests_accepted + totals.requests_partial),
            refused_exports: totals.map(|totals| {
                totals.requests_malformed
                    + totals.requests_too_large
                    + totals.requests_unsupported
                    + totals.requests_slow
                    + totals.requests_busy
                    + totals.requests_not_kept
                    + totals.requests_crashed
            }),
            store_bytes: setup.store_folder.as_deref().and_then(size),
        }))
    })
    .await
}

/// Bytes of the files in a folder, which has no folders within.
fn size(folder: &Path) -> Option<u64> {
    let files = fs::read_dir(folder).ok()?;
    Some(files.filter_map(|file| file.ok()?.metadata().ok()).map(|data| data.len()).sum())
}
