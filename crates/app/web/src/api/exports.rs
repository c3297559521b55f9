//! Spans as a Parquet file, for whoever goes on with other tools.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use engine::question;
use model::{Span, Work};
use serde::Deserialize;
use store::{
    Limits,
    keep::{
        SPANS,
        parquet::{BlockFormat, encode},
        query::{Field, Top},
        spans::{Derived, SpanRows},
        table::span,
    },
};
use utoipa::IntoParams;

use crate::{
    params::{Params, WindowParams, now},
    problem::Problem,
    server::App,
};

/// Which spans.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportParams {
    /// A stretch that ends now: `15m`, `1h`, `24h`, `7d`.
    last: Option<String>,
    /// First moment, in milliseconds since 1970; goes with `to`.
    from: Option<u64>,
    /// First moment after, in milliseconds since 1970; goes with `from`.
    to: Option<u64>,
    /// Which spans.
    #[serde(rename = "where")]
    filter: Option<String>,
}

/// The latest spans that pass a filter, at most 10,000, as a Parquet file with a column for each attribute.
#[utoipa::path(
    get,
    path = "/api/v1/spans.parquet",
    tag = "explore",
    params(ExportParams),
    responses(
        (status = 200, description = "a Parquet file", body = Vec<u8>,
            content_type = "application/vnd.apache.parquet"),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn spans(
    State(app): State<App>,
    Params(params): Params<ExportParams>,
) -> Result<Response, Problem> {
    let window =
        WindowParams { last: params.last, from: params.from, to: params.to }.window(now())?;
    let filter = question::read_filter(&SPANS, params.filter.as_deref().unwrap_or(""), "where")?;
    let bytes = app
        .read(move |source| {
            let by = Field::Column(span::START);
            let top = Top { table: &SPANS, window, filter, by, limit: store::SPANS_MAX };
            file(&source.store().top(&top, &Limits::default())?.answer)
        })
        .await?;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.apache.parquet"));
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"taut-spans.parquet\""),
    );
    Ok(response)
}

fn file(spans: &[Span]) -> Result<Vec<u8>, Problem> {
    let mut rows = SpanRows::default();
    let mut statements = sql::Statements::default();
    for span in spans {
        let call = observe::call(span, &mut statements);
        let derived = match &call.work {
            Work::Request(request) => Derived { operation: &request.operation, statement: "" },
            Work::Statement(statement) => {
                Derived { operation: "", statement: &statement.text.text }
            }
            _ => Derived::default(),
        };
        rows.push(span, derived);
    }
    encode(rows.chunk(), &BlockFormat::FRESH, &[])
        .map_err(|error| Problem::bug(format!("failed to write Parquet: {error}")))
}
