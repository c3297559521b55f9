//! Runs that were recorded: a list of them, one, and its whole result as its command wrote it.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use store::ledger::{RESULT_PACKED_BYTES_MAX, RESULTS_MAX};
use utoipa::IntoParams;

use super::ledger;
use crate::{
    params::{Params, bounded},
    problem::Problem,
    server::App,
    source::Source,
    wire::{LedgerEntry, RunCount, RunKind, Runs},
};

/// Runs of an answer: some screens.
const RUNS_MAX: usize = 100;

/// Which runs.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunsParams {
    /// Of one kind: `load`, `limit`, `replay`, `comparison` or `check`.
    #[param(inline)]
    kind: Option<RunKind>,
    /// What has this text in it, in either case.
    q: Option<String>,
    /// Those that were recorded before the one of this number.
    before: Option<i64>,
}

/// Runs that were recorded, the newest first: loads, searches for a limit, replays, comparisons, checks.
#[utoipa::path(
    get,
    path = "/api/v1/runs",
    tag = "ledger",
    params(RunsParams),
    responses(
        (status = 200, description = "what passed; nothing if there is no ledger", body = Runs),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn runs(
    State(app): State<App>,
    Params(params): Params<RunsParams>,
) -> Result<Json<Runs>, Problem> {
    let RunsParams { kind, q, before } = params;
    let text = bounded(q)?.map(|text| text.to_lowercase());
    app.read(move |source| {
        let mut runs = runs_of(source)?;
        let of = |kind| runs.iter().filter(|run| run.run_kind() == Some(kind)).count();
        let kinds = RunKind::ALL.map(|kind| RunCount { kind, count: of(kind) });
        runs.retain(|run| {
            kind.is_none_or(|kind| run.run_kind() == Some(kind))
                && text.as_ref().is_none_or(|text| ledger::has(run, text))
        });
        let total = runs.len();
        runs.retain(|run| before.is_none_or(|before| run.number < before));
        let has_older = RUNS_MAX < runs.len();
        runs.truncate(RUNS_MAX);
        let older = runs.last().filter(|_| has_older).map(|run| run.number);
        let shared = source.settings().store.ledger_server().is_some();
        Ok(Json(Runs { runs, total, kinds: kinds.into(), older, shared }))
    })
    .await
}

/// A run that was recorded, in short.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{number}",
    tag = "ledger",
    params(("number" = i64, Path, description = "its number in the ledger")),
    responses(
        (status = 200, description = "the run", body = LedgerEntry),
        (status = 404, description = "no run of this number was recorded", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn run(
    State(app): State<App>,
    Path(number): Path<String>,
) -> Result<Json<LedgerEntry>, Problem> {
    app.read(move |source| one(source, &number).map(Json)).await
}

/// The whole result of a run, as its command wrote it: what `--out` keeps of a load, and what `--json` prints of the others.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{number}/result",
    tag = "ledger",
    params(("number" = i64, Path, description = "its number in the ledger")),
    responses(
        (status = 200, description = "the result", body = Object),
        (status = 404, description = "no such run was recorded, or its result is not kept", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn run_result(
    State(app): State<App>,
    Path(number): Path<String>,
) -> Result<Response, Problem> {
    let text = app
        .read(move |source| {
            let run = one(source, &number)?;
            let text = source.result_of(run.number)?;
            text.ok_or_else(|| {
                Problem::unknown(
                    "result",
                    format!("the whole result of run {} is not kept", run.number),
                    format!(
                        "the newest {RESULTS_MAX} are, of up to {} MiB when packed; its figures are in the ledger",
                        RESULT_PACKED_BYTES_MAX >> 20
                    ),
                )
            })
        })
        .await?;
    let mut response = text.into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    Ok(response)
}

fn one(source: &dyn Source, number: &str) -> Result<LedgerEntry, Problem> {
    let wanted = number.parse::<i64>().ok();
    let run = runs_of(source)?.into_iter().find(|run| Some(run.number) == wanted);
    run.ok_or_else(|| {
        Problem::unknown("run", "no run of this number was recorded", "`/api/v1/runs` lists them")
    })
}

/// All of them, in the order in which they came, the newest first.
fn runs_of(source: &dyn Source) -> Result<Vec<LedgerEntry>, Problem> {
    let mut runs = ledger::entries_of(&source.in_ledger()?);
    runs.retain(|entry| entry.run_kind().is_some());
    runs.sort_by_key(|run| std::cmp::Reverse(run.number));
    Ok(runs)
}
