//! How the services are doing, and what happened to them.

use std::time::Duration;

use axum::{Json, extract::State};
use model::Window;
use serde::Deserialize;
use utoipa::IntoParams;

use super::operations::targets;
use crate::{
    params::{Params, WindowParams, now},
    problem::Problem,
    server::App,
    summary::{ratio, signs, spark},
    wire::{ChangedEndpoint, Mark, Marks, Overview, ServiceSigns},
};

/// Steps of a sparkline, which is 96 pixels wide.
const SPARK_STEPS: usize = 48;

/// Marks of an axis: more could not be told apart.
const MARKS_MAX: usize = 200;

/// Golden signals of each service, and what is otherwise than at the same time yesterday.
#[utoipa::path(
    get,
    path = "/api/v1/overview",
    tag = "overview",
    params(WindowParams),
    responses(
        (status = 200, description = "services, by the time of their requests", body = Overview),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn overview(
    State(app): State<App>,
    Params(params): Params<WindowParams>,
) -> Result<Json<Overview>, Problem> {
    let window = params.window(now())?;
    app.read(move |source| {
        let overview = engine::overview(source.store(), window, SPARK_STEPS)?;
        let aimed = source.targets();
        let length = window.length();
        let all: Duration = overview.services.iter().map(|one| one.now.total).sum();
        let services = overview.services.iter().map(|one| ServiceSigns {
            service: one.service.to_string(),
            now: signs(&one.now, length),
            before: one.before.as_ref().map(|before| signs(before, length)),
            objective: one.now.objective(&aimed).into(),
            within_target: one.now.within(aimed.p95),
            share: ratio(one.now.total.as_secs_f64(), all.as_secs_f64()),
            spark: one.series.iter().map(spark).collect(),
        });
        let changes = overview.changed.iter().map(|one| ChangedEndpoint {
            service: one.key.service.to_string(),
            operation: one.key.operation.to_string(),
            how: one.how.into(),
            before: (0 < one.before.count).then(|| signs(&one.before, length)),
            now: (0 < one.now.count).then(|| signs(&one.now, length)),
        });
        Ok(Json(Overview {
            window: window.into(),
            before: overview.before.into(),
            targets: targets(source),
            services: services.collect(),
            changes: changes.collect(),
            marks: marks_within(source, Window { from: overview.before.from, to: window.to })?,
        }))
    })
    .await
}

/// Which marks are meant.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MarksParams {
    /// A stretch that ends now: `15m`, `1h`, `24h`, `7d`.
    last: Option<String>,
    /// First moment, in milliseconds since 1970; goes with `to`.
    from: Option<u64>,
    /// First moment after, in milliseconds since 1970; goes with `from`.
    to: Option<u64>,
    /// Those of one service, and those that are about none alone.
    service: Option<String>,
}

/// Releases and applied remedies, for the axes of time.
#[utoipa::path(
    get,
    path = "/api/v1/marks",
    tag = "overview",
    params(MarksParams),
    responses(
        (status = 200, description = "what happened, in order of time", body = Marks),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn marks(
    State(app): State<App>,
    Params(params): Params<MarksParams>,
) -> Result<Json<Marks>, Problem> {
    let window =
        WindowParams { last: params.last, from: params.from, to: params.to }.window(now())?;
    app.read(move |source| {
        let mut marks = marks_within(source, window)?;
        if let Some(service) = params.service.filter(|service| !service.is_empty()) {
            marks.retain(|mark| mark.service.is_empty() || mark.service == service);
        }
        Ok(Json(Marks { window: window.into(), marks }))
    })
    .await
}

/// The latest ones.
fn marks_within(source: &dyn crate::source::Source, window: Window) -> Result<Vec<Mark>, Problem> {
    let all = source.marks(window)?;
    let surplus = all.len().saturating_sub(MARKS_MAX);
    Ok(all.iter().skip(surplus).map(Mark::from).collect())
}
