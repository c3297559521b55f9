//! Before and after of two windows that are kept, compared as `taut prove` compares runs of load.

use axum::{Json, extract::State};
use engine::proof::{self, Of};
use prove::compare::Question;
use serde::Deserialize;
use utoipa::IntoParams;

use super::ledger::windows;
use crate::{
    params::{Params, WindowParams, bounded, now},
    problem::Problem,
    server::App,
    wire::{KeptRequests, Proof},
};

/// Which requests of which two windows are compared.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProofParams {
    /// A stretch that ends now: `15m`, `1h`, `24h`, `7d`.
    last: Option<String>,
    /// First moment, in milliseconds since 1970; goes with `to`.
    from: Option<u64>,
    /// First moment after, in milliseconds since 1970; goes with `from`.
    to: Option<u64>,
    /// First moment of the window of before; goes with `before_to`. The time just before unless told otherwise.
    before_from: Option<u64>,
    /// First moment after the window of before.
    before_to: Option<u64>,
    /// Of one service.
    service: Option<String>,
    /// Of one operation.
    operation: Option<String>,
    /// The percentile that decides, such as `99`; 95 unless told otherwise.
    percentile: Option<f64>,
}

/// Whether requests of a window are better than those of the one before.
#[utoipa::path(
    get,
    path = "/api/v1/proof",
    tag = "ledger",
    params(ProofParams),
    responses(
        (status = 200, description = "the verdict, and what it rests on", body = Proof),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn proof(
    State(app): State<App>,
    Params(params): Params<ProofParams>,
) -> Result<Json<Proof>, Problem> {
    let ProofParams { last, from, to, before_from, before_to, .. } = params;
    let (before, after) = windows((last, from, to), (before_from, before_to))?;
    let of = Of {
        service: bounded(params.service)?,
        operation: bounded(params.operation)?,
        among: None,
    };
    let percentile = params.percentile.unwrap_or(95.0);
    if !(0.0 < percentile && percentile < 100.0) {
        return Err(Problem::wrong(
            format!("`percentile`: {percentile} is none"),
            "write 50, 95 or 99.9",
        ));
    }
    let question = Question { quantile: percentile / 100.0, ..Question::default() };
    app.read(move |source| {
        let proven = proof::prove_windows(source.store(), (before, after), &of, &question)?;
        Ok(Json(Proof::from(&proven)))
    })
    .await
}

/// Which requests of a window are meant.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct KeptParams {
    /// A stretch that ends now: `15m`, `1h`, `24h`, `7d`.
    last: Option<String>,
    /// First moment, in milliseconds since 1970; goes with `to`.
    from: Option<u64>,
    /// First moment after, in milliseconds since 1970; goes with `from`.
    to: Option<u64>,
    /// Of one service.
    service: Option<String>,
    /// Of one operation.
    operation: Option<String>,
}

/// How long each request of a window took, in columns: for `taut prove`.
#[utoipa::path(
    get,
    path = "/api/v1/proof/requests",
    tag = "ledger",
    params(KeptParams),
    responses(
        (status = 200, description = "requests, by when they began", body = KeptRequests),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn requests(
    State(app): State<App>,
    Params(params): Params<KeptParams>,
) -> Result<Json<KeptRequests>, Problem> {
    let KeptParams { last, from, to, service, operation } = params;
    let window = WindowParams { last, from, to }.window(now())?;
    let of = Of { service: bounded(service)?, operation: bounded(operation)?, among: None };
    app.read(move |source| {
        let evidence = proof::of_store(source.store(), window, &of)?;
        Ok(Json(KeptRequests::of(&evidence)))
    })
    .await
}
