//! Spans, log records and groups as Parquet files, for whoever goes on with other tools.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use engine::question;
use model::{LogRecord, Span, Work};
use serde::Deserialize;
use store::{
    Limits,
    keep::{
        Chunk, LOGS, SPANS,
        logs::LogRows,
        parquet::{BlockFormat, PlainColumn, PlainValues, encode, encode_plain, parquet_file},
        query::{Field, Top},
        spans::{Derived, SpanRows},
        table::{log, span},
    },
};
use utoipa::IntoParams;

use super::questions::AskParams;
use crate::{
    params::{Params, WindowParams, now},
    problem::Problem,
    server::App,
    wire::{FigureColumn, FigureUnit, TableAnswer},
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
    /// `latest` or `slowest`; `latest` unless told otherwise.
    order: Option<String>,
}

/// Which log records.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogExportParams {
    /// A stretch that ends now: `15m`, `1h`, `24h`, `7d`.
    last: Option<String>,
    /// First moment, in milliseconds since 1970; goes with `to`.
    from: Option<u64>,
    /// First moment after, in milliseconds since 1970; goes with `from`.
    to: Option<u64>,
    /// Which records: `severity in (error, fatal) and body contains timeout`.
    #[serde(rename = "where")]
    filter: Option<String>,
}

/// The latest or slowest spans that pass a filter, at most 10,000, as a Parquet file with a column for each attribute.
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
pub(crate) async fn spans_file(
    State(app): State<App>,
    Params(params): Params<ExportParams>,
) -> Result<Response, Problem> {
    let window =
        WindowParams { last: params.last, from: params.from, to: params.to }.window(now())?;
    let filter = question::read_filter(&SPANS, params.filter.as_deref().unwrap_or(""), "where")?;
    let by = match params.order.as_deref() {
        None | Some("latest") => span::START,
        Some("slowest") => span::DURATION,
        Some(other) => {
            let what = format!("`order`: `{other}` is no order");
            return Err(Problem::wrong(what, "it is `latest` or `slowest`"));
        }
    };
    let bytes = app
        .read(move |source| {
            let by = Field::Column(by);
            let top = Top { table: &SPANS, window, filter, by, limit: store::SPANS_MAX };
            of_spans(&source.store().top(&top, &Limits::default())?.answer)
        })
        .await?;
    Ok(file(bytes, "attachment; filename=\"taut-spans.parquet\""))
}

/// The latest log records that pass a filter, at most 10,000, as a Parquet file with a column for each attribute.
#[utoipa::path(
    get,
    path = "/api/v1/logs.parquet",
    tag = "explore",
    params(LogExportParams),
    responses(
        (status = 200, description = "a Parquet file", body = Vec<u8>,
            content_type = "application/vnd.apache.parquet"),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn logs_file(
    State(app): State<App>,
    Params(params): Params<LogExportParams>,
) -> Result<Response, Problem> {
    let window =
        WindowParams { last: params.last, from: params.from, to: params.to }.window(now())?;
    let filter = question::read_filter(&LOGS, params.filter.as_deref().unwrap_or(""), "where")?;
    let bytes = app
        .read(move |source| {
            let by = Field::Column(log::TIME);
            let top = Top { table: &LOGS, window, filter, by, limit: store::SPANS_MAX };
            of_logs(&source.store().top_logs(&top, &Limits::default())?.answer)
        })
        .await?;
    Ok(file(bytes, "attachment; filename=\"taut-logs.parquet\""))
}

/// Groups and their figures as a Parquet file: a row for each group, or for each group and step.
#[utoipa::path(
    get,
    path = "/api/v1/ask.parquet",
    tag = "explore",
    params(AskParams),
    responses(
        (status = 200, description = "a Parquet file", body = Vec<u8>,
            content_type = "application/vnd.apache.parquet"),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn groups_file(
    State(app): State<App>,
    Params(params): Params<AskParams>,
) -> Result<Response, Problem> {
    let question = params.question()?;
    let bytes = app
        .read(move |source| {
            let answer = question.answer(source.store(), &Limits::default())?;
            of_groups(&TableAnswer::from(answer))
        })
        .await?;
    Ok(file(bytes, "attachment; filename=\"taut-groups.parquet\""))
}

pub(super) fn file(bytes: Vec<u8>, disposition: &'static str) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.apache.parquet"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(disposition));
    response
}

fn of_logs(records: &[LogRecord]) -> Result<Vec<u8>, Problem> {
    let mut rows = LogRows::default();
    for record in records {
        rows.push(record, record.observed);
    }
    parquet(rows.chunk())
}

fn of_spans(spans: &[Span]) -> Result<Vec<u8>, Problem> {
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
    parquet(rows.chunk())
}

fn of_groups(answer: &TableAnswer) -> Result<Vec<u8>, Problem> {
    let is_stepped = answer.step_seconds.is_some();
    let mut rows = Vec::new();
    for row in &answer.rows {
        if is_stepped {
            let steps = row.steps.iter();
            rows.extend(steps.map(|step| (&row.key, Some(step.from_unix_ms), &step.figures)));
        } else {
            rows.push((&row.key, None, &row.figures));
        }
    }
    let mut columns = Vec::new();
    for (place, name) in answer.group.iter().enumerate() {
        let of = rows.iter().map(|(key, ..)| key.get(place).cloned().flatten()).collect();
        columns.push(PlainColumn { name: name.clone(), values: PlainValues::Texts(of) });
    }
    if is_stepped {
        let of = rows
            .iter()
            .map(|(_, from, _)| from.and_then(|at: u64| i64::try_from(at).ok()))
            .collect();
        columns.push(PlainColumn { name: "time".to_owned(), values: PlainValues::Times(of) });
    }
    for (place, column) in answer.columns.iter().enumerate() {
        let of = rows.iter().map(|(.., figures)| figures.get(place).copied().flatten()).collect();
        columns.push(PlainColumn { name: with_unit(column), values: PlainValues::Numbers(of) });
    }
    encode_plain(&columns).map_err(|error| unwritten(&error))
}

/// A figure's name with its unit, as the CSV of the pages has it.
fn with_unit(column: &FigureColumn) -> String {
    match column.unit {
        FigureUnit::Micros => format!("{} [µs]", column.name),
        FigureUnit::PerSecond => format!("{} [1/s]", column.name),
        FigureUnit::Share | FigureUnit::None => column.name.clone(),
    }
}

fn parquet(chunk: &Chunk) -> Result<Vec<u8>, Problem> {
    encode(chunk, &BlockFormat::FRESH, &[]).map_err(|error| unwritten(&error))
}

fn unwritten(error: &parquet_file::Error) -> Problem {
    Problem::bug(format!("failed to write Parquet: {error}"))
}
