//! One trace: its waterfall, any of its spans, and all of it for download.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use engine::TraceDetail;
use model::{SpanId, TraceId};

use crate::{
    fold,
    problem::Problem,
    server::App,
    wire::{self, SpanDetail},
};

/// A trace in tree order.
#[utoipa::path(
    get,
    path = "/api/v1/traces/{id}",
    tag = "traces",
    params(("id" = String, Path, description = "up to 32 hexadecimal digits")),
    responses(
        (status = 200, description = "the trace", body = wire::Trace),
        (status = 404, description = "no span of it is kept", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn one(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<wire::Trace>, Problem> {
    read(&app, &id, |detail| Ok(Json(fold::trace(detail)))).await
}

/// One span with all that OTLP carries.
#[utoipa::path(
    get,
    path = "/api/v1/traces/{id}/spans/{span_id}",
    tag = "traces",
    params(
        ("id" = String, Path, description = "up to 32 hexadecimal digits"),
        ("span_id" = String, Path, description = "up to 16 hexadecimal digits"),
    ),
    responses(
        (status = 200, description = "the span", body = SpanDetail),
        (status = 404, description = "it is not kept", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn span(
    State(app): State<App>,
    Path((id, span_id)): Path<(String, String)>,
) -> Result<Json<SpanDetail>, Problem> {
    read(&app, &id, move |detail| {
        span_detail(detail, SpanId::from_hex(&span_id), &span_id).map(Json)
    })
    .await
}

/// One span of a trace; `named` is what it was asked for by.
pub(super) fn span_detail(
    detail: &TraceDetail,
    wanted: Option<SpanId>,
    named: &str,
) -> Result<SpanDetail, Problem> {
    let Some(span) = detail.spans.iter().find(|span| Some(span.span_id) == wanted) else {
        return Err(Problem::unknown(
            "span",
            format!("no span `{named}` of this trace is kept"),
            "it may never have come: others can name a parent that was not sent",
        ));
    };
    let mut answer = SpanDetail::from(span);
    let node = detail.trace.nodes.iter().find(|node| node.call.span_id == span.span_id);
    if let Some(node) = node {
        answer.statement = node.call.statement().map(|one| one.text.text.to_string());
        answer.code = node.call.code.as_deref().map(wire::CodeLocation::from);
    }
    Ok(answer)
}

/// A trace in tree order, in columns: the same in a tenth of the bytes, for pages that draw all of it.
#[utoipa::path(
    get,
    path = "/api/v1/traces/{id}/columns",
    tag = "traces",
    params(("id" = String, Path, description = "up to 32 hexadecimal digits")),
    responses(
        (status = 200, description = "the trace", body = wire::TraceColumns),
        (status = 404, description = "no span of it is kept", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn columns(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<wire::TraceColumns>, Problem> {
    read(&app, &id, |detail| Ok(Json(crate::columns::columns(detail)))).await
}

/// All spans of a trace as OTLP JSON.
#[utoipa::path(
    get,
    path = "/api/v1/traces/{id}/otlp.json",
    tag = "traces",
    params(("id" = String, Path, description = "up to 32 hexadecimal digits")),
    responses(
        (status = 200, description = "an `ExportTraceServiceRequest` as JSON", body = Object),
        (status = 404, description = "no span of it is kept", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn otlp(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    read(&app, &id, |detail| {
        let mut response = observe::otlp::encode_json(&detail.spans).into_response();
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        let name = format!("attachment; filename=\"{}.otlp.json\"", detail.trace.id);
        if let Ok(name) = HeaderValue::from_str(&name) {
            response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
        }
        Ok(response)
    })
    .await
}

async fn read<T: Send + 'static>(
    app: &App,
    id: &str,
    answer: impl FnOnce(&TraceDetail) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let Some(wanted) = TraceId::from_hex(id) else {
        return Err(Problem::unknown(
            "trace",
            "a trace id has up to 32 hexadecimal digits",
            "copy it from a log line or a span",
        ));
    };
    let recent = app.recent.clone();
    app.read(move |source| match recent.trace(source, wanted)? {
        Some(detail) => answer(&detail),
        None => Err(Problem::unknown(
            "trace",
            format!("no span of {wanted} is kept"),
            "it was never received, or it is older than what is kept",
        )),
    })
    .await
}
