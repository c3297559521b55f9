//! The API, described by itself.

use axum::Json;
use utoipa::OpenApi;

use crate::{api, events};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Taut",
        description = "What makes a backend slow: findings, operations, databases, traces. Durations are in \
            microseconds, times since 1970 in what the name says, ids in hexadecimal. Errors are \
            `application/problem+json` (RFC 9457) with a hint.",
        license(name = "MIT OR Apache-2.0"),
        version = "1"
    ),
    paths(
        api::findings::list,
        api::findings::one,
        api::findings::note,
        api::overview::overview,
        api::overview::marks,
        api::detectors::list,
        api::operations::list,
        api::operations::one,
        api::operations::requests,
        api::databases::list,
        api::databases::one,
        api::databases::statements,
        api::databases::statement,
        api::objects::tables,
        api::objects::table,
        api::objects::indexes,
        api::objects::index,
        api::plans::read,
        api::traces::one,
        api::traces::span,
        api::traces::columns,
        api::flames::read,
        api::opened::trace,
        api::opened::span,
        api::profiles::read,
        api::traces::otlp,
        api::signals::of_trace,
        api::questions::ask,
        api::questions::heatmap,
        api::questions::compare,
        api::questions::fields,
        api::questions::spans,
        api::exports::spans_file,
        api::exports::logs_file,
        api::exports::groups_file,
        api::sql::sql_rows,
        api::sql::sql_file,
        api::views::list,
        api::views::save,
        api::views::remove,
        api::signals::logs,
        api::signals::service_map,
        api::signals::resources,
        api::signals::saturation,
        api::gateway::gateway,
        api::gateway::member,
        api::gateway::purge,
        api::gateway::warm,
        api::gateway::canary,
        api::ledger::list,
        api::ledger::board,
        api::runs::runs,
        api::runs::run,
        api::runs::run_result,
        api::proofs::proof,
        api::proofs::requests,
        api::status::status,
        api::metrics::metrics,
        api::health::health,
        api::health::ready,
        events::events,
    ),
    components(schemas(crate::wire::Report)),
    servers((url = "/"))
)]
struct Document;

/// The `OpenAPI` document of the API.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// The document itself.
pub(crate) async fn answer() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_committed_document_is_fresh() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../web/openapi.json");
        let fresh = super::document().to_pretty_json().unwrap() + "\n";
        if std::env::var_os("TAUT_UPDATE_OPENAPI").is_some() {
            std::fs::write(&path, &fresh).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == fresh,
            "web/openapi.json is stale; refresh it and the types of the pages with\n\
             TAUT_UPDATE_OPENAPI=1 cargo nextest run -p web openapi && npm --prefix web run api"
        );
    }
}
