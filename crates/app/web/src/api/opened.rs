//! Files with traces that somebody drops on the page: read as `taut trace` reads them, and forgotten.

use axum::{Json, body::Bytes, extract::State};
use engine::TraceDetail;
use model::{SpanId, Trace, TraceId};
use observe::DecompressedMax;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{ROWS_MAX, traces::span_detail};
use crate::{
    columns::columns,
    params::Params,
    problem::Problem,
    server::App,
    wire::{OpenedTrace, OpenedTraces, SpanDetail, micros},
};

/// Largest file: half a million spans or so.
pub(crate) const FILE_BYTES_MAX: usize = 64 << 20;

/// Largest file once it is decompressed.
const PLAIN_MAX: DecompressedMax = DecompressedMax { bytes: 256 << 20 };

/// Which trace of the file.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OpenedParams {
    /// The trace to look at; the slowest unless told otherwise.
    trace: Option<String>,
    /// The span to look at.
    span: Option<String>,
}

/// Reads the traces of a file. Nothing of them is kept.
#[utoipa::path(
    post,
    path = "/api/v1/opened/trace",
    tag = "files",
    params(OpenedParams),
    request_body(content = String, content_type = "application/octet-stream",
        description = "spans in any format that `taut trace` reads, at most 64 MiB"),
    responses(
        (status = 200, description = "the traces in it", body = OpenedTraces),
        (status = 400, description = "there is no trace in it", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn trace(
    State(app): State<App>,
    Params(params): Params<OpenedParams>,
    body: Bytes,
) -> Result<Json<OpenedTraces>, Problem> {
    app.read(move |_| {
        let File { reading, traces } = File::read(&body)?;
        let list: Vec<OpenedTrace> = traces.iter().take(ROWS_MAX).map(summary).collect();
        let left_out = traces.len().saturating_sub(list.len());
        Ok(Json(OpenedTraces {
            format: reading.format.title.to_owned(),
            traces: list,
            left_out,
            rejected: reading.decoded.rejected,
            problems: reading.decoded.problems.iter().map(ToString::to_string).collect(),
            trace: columns(&chosen(reading, traces, params.trace.as_deref())?),
        }))
    })
    .await
}

/// Reads one span of a file, with all that it carries. Nothing of it is kept.
#[utoipa::path(
    post,
    path = "/api/v1/opened/span",
    tag = "files",
    params(OpenedParams),
    request_body(content = String, content_type = "application/octet-stream",
        description = "the same file, at most 64 MiB"),
    responses(
        (status = 200, description = "the span", body = SpanDetail),
        (status = 404, description = "it is not in it", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn span(
    State(app): State<App>,
    Params(params): Params<OpenedParams>,
    body: Bytes,
) -> Result<Json<SpanDetail>, Problem> {
    app.read(move |_| {
        let File { reading, traces } = File::read(&body)?;
        let detail = chosen(reading, traces, params.trace.as_deref())?;
        let id = params.span.as_deref().unwrap_or_default();
        span_detail(&detail, SpanId::from_hex(id), id).map(Json)
    })
    .await
}

/// What a file holds.
struct File {
    reading: observe::Reading,
    /// The slowest first.
    traces: Vec<Trace>,
}

impl File {
    fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let reading = observe::read(bytes, PLAIN_MAX)
            .map_err(|error| Problem::wrong(error.to_string(), error.hint()))?;
        let mut traces = engine::traces_of(&reading.decoded.spans);
        traces.sort_by_key(|trace| {
            (std::cmp::Reverse(trace.nodes.first().map(|node| node.call.duration())), trace.id)
        });
        Ok(Self { reading, traces })
    }
}

/// The trace that is wanted, with its spans; the slowest unless told otherwise.
fn chosen(
    reading: observe::Reading,
    traces: Vec<Trace>,
    wanted: Option<&str>,
) -> Result<TraceDetail, Problem> {
    let wanted = wanted.map(TraceId::from_hex);
    let fits = |trace: &Trace| wanted.is_none_or(|wanted| wanted == Some(trace.id));
    let trace = traces.into_iter().find(fits).ok_or_else(|| {
        Problem::unknown(
            "trace",
            "the file holds no such trace",
            "choose one of those that it holds",
        )
    })?;
    let spans = reading.decoded.spans.into_iter().filter(|span| span.trace_id == trace.id);
    Ok(TraceDetail { spans: spans.collect(), trace })
}

fn summary(trace: &Trace) -> OpenedTrace {
    let request = trace.entries.iter().find_map(|place| trace.nodes.get(*place)?.call.request());
    let first = trace.nodes.first();
    OpenedTrace {
        id: trace.id.to_string(),
        operation: request
            .map(|request| request.operation.to_string())
            .or_else(|| first.map(|node| node.call.name.to_string()))
            .unwrap_or_default(),
        duration_micros: first.map(|node| micros(node.call.duration())).unwrap_or_default(),
        spans: trace.nodes.len(),
    }
}
