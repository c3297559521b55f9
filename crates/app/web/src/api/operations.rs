//! Operations and requests over a window.

mod order;

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use model::{OperationKey, Window};
use serde::Deserialize;
use store::RequestFilter;
use utoipa::IntoParams;

use super::ROWS_MAX;
use crate::{
    params::{Params, WindowParams, bounded, now},
    problem::Problem,
    server::App,
    source::Source,
    summary,
    wire::{self, OperationDetail, Operations, Requests, micros},
};
use order::{OperationOrder, RequestOrder};

/// Rows with a sparkline: more are not on a screen, and each has points to count into.
const SPARKS_MAX: usize = 50;

/// Steps of a sparkline, which is 80 pixels wide.
const SPARK_STEPS: usize = 40;

/// Steps of a time series unless told otherwise.
const SERIES_STEPS: usize = 60;

/// Most steps of a time series: one for each two pixels of a wide chart.
const SERIES_STEPS_MAX: usize = 400;

/// Statements and endpoints of one operation.
const GROUPS_MAX: usize = 100;

/// Slowest requests of one operation.
const SLOWEST_MAX: usize = 20;

/// Which operations are meant.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OperationsParams {
    /// A stretch that ends now: `15m`, `1h`, `24h`, `7d`.
    last: Option<String>,
    /// First moment, in milliseconds since 1970; goes with `to`.
    from: Option<u64>,
    /// First moment after, in milliseconds since 1970; goes with `from`.
    to: Option<u64>,
    /// Those of one service.
    service: Option<String>,
    /// Those whose name or service holds this text, in either case.
    q: Option<String>,
    /// What comes first: `share` unless told otherwise, `rate`, `p50`, `p75`, `p90`, `p95`, `p99`, `p999`, `errors`, `queries`.
    #[param(inline)]
    sort: Option<OperationOrder>,
    /// Most rows, at most 500.
    limit: Option<usize>,
}

/// Every operation over a window, by its share of all time unless another order is asked for, largest first.
#[utoipa::path(
    get,
    path = "/api/v1/operations",
    tag = "operations",
    params(OperationsParams),
    responses(
        (status = 200, description = "operations, in the order asked for", body = Operations),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    Params(params): Params<OperationsParams>,
) -> Result<Json<Operations>, Problem> {
    let window =
        WindowParams { last: params.last, from: params.from, to: params.to }.window(now())?;
    let service = bounded(params.service)?;
    let text = bounded(params.q)?.map(|text| text.to_lowercase());
    let limit = params.limit.unwrap_or(ROWS_MAX).min(ROWS_MAX);
    let order = params.sort.unwrap_or_default();
    app.read(move |source| {
        let all = source.store().operations(window)?;
        let all_seconds = all.iter().map(|one| one.total.as_secs_f64()).sum();
        let mut services: Vec<String> = all.iter().map(|one| one.key.service.to_string()).collect();
        services.sort_unstable();
        services.dedup();
        let mut passing: Vec<_> = all
            .iter()
            .filter(|one| service.as_deref().is_none_or(|service| *service == *one.key.service))
            .filter(|one| text.as_deref().is_none_or(|text| holds(&one.key, text)))
            .map(|one| (order.of(one, window), one))
            .collect();
        passing.sort_by(|(left, _), (right, _)| right.total_cmp(left));
        let findings = summary::findings_at(&source.outcome().findings);
        let keys: Vec<OperationKey> =
            passing.iter().take(limit.min(SPARKS_MAX)).map(|(_, one)| one.key.clone()).collect();
        let mut series = source.store().series(&keys, window, SPARK_STEPS)?.into_iter();
        let mut operations = Vec::with_capacity(passing.len().min(limit));
        for (_, one) in passing.iter().take(limit) {
            let mut row = summary::operation(one, window, all_seconds);
            if let Some((count, worst)) = findings.get(&one.key) {
                row.findings = *count;
                row.worst = Some(*worst);
            }
            row.spark = series.next().iter().flatten().map(summary::spark).collect();
            operations.push(row);
        }
        let left_out = passing.len() - operations.len();
        let targets = targets(source);
        Ok(Json(Operations { window: window.into(), targets, operations, services, left_out }))
    })
    .await
}

fn holds(key: &OperationKey, text: &str) -> bool {
    key.operation.to_lowercase().contains(text) || key.service.to_lowercase().contains(text)
}

/// What is aimed at.
pub(crate) fn targets(source: &dyn Source) -> wire::TargetFigures {
    let targets = source.targets();
    wire::TargetFigures {
        p95_micros: micros(targets.p95),
        p99_micros: micros(targets.p99),
        error_share: targets.errors,
    }
}

/// Which operation is meant.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OperationParams {
    /// A stretch that ends now: `15m`, `1h`, `24h`, `7d`.
    last: Option<String>,
    /// First moment, in milliseconds since 1970; goes with `to`.
    from: Option<u64>,
    /// First moment after, in milliseconds since 1970; goes with `from`.
    to: Option<u64>,
    /// `service.name`.
    service: String,
    /// Such as `GET /api/orders/`.
    operation: String,
    /// Steps of the time series, at most 400.
    steps: Option<usize>,
}

/// One operation over a window, in detail.
#[utoipa::path(
    get,
    path = "/api/v1/operation",
    tag = "operations",
    params(OperationParams),
    responses(
        (status = 200, description = "the operation", body = OperationDetail),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "it was not requested in the window", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn one(
    State(app): State<App>,
    Params(params): Params<OperationParams>,
) -> Result<Json<OperationDetail>, Problem> {
    let window =
        WindowParams { last: params.last, from: params.from, to: params.to }.window(now())?;
    let key = OperationKey { service: params.service.into(), operation: params.operation.into() };
    let steps = params.steps.unwrap_or(SERIES_STEPS).clamp(1, SERIES_STEPS_MAX);
    app.read(move |source| detail(source, &key, window, steps).map(Json)).await
}

fn detail(
    source: &dyn Source,
    key: &OperationKey,
    window: Window,
    steps: usize,
) -> Result<OperationDetail, Problem> {
    let store = source.store();
    let all = store.operations(window)?;
    let all_seconds = all.iter().map(|one| one.total.as_secs_f64()).sum();
    let Some(one) = all.iter().find(|one| one.key == *key) else {
        return Err(Problem::unknown(
            "operation",
            format!("{} of {} was not requested in this window", key.operation, key.service),
            "look at a longer window",
        ));
    };
    let filter = RequestFilter {
        window,
        service: Some(Arc::clone(&key.service)),
        operation: Some(Arc::clone(&key.operation)),
        duration_min: None,
        failed: None,
    };
    let series = store.series(std::slice::from_ref(key), window, steps)?.pop().unwrap_or_default();
    let own_seconds = one.total.as_secs_f64();
    let mut operation = summary::operation(one, window, all_seconds);
    operation.spark = series.iter().map(summary::spark).collect();
    let findings: Vec<wire::Finding> = source
        .outcome()
        .findings
        .iter()
        .filter(|finding| finding.operation == *key)
        .map(wire::Finding::from)
        .collect();
    operation.findings = findings.len();
    operation.worst = findings.iter().map(|finding| finding.level).max();
    Ok(OperationDetail {
        window: window.into(),
        targets: targets(source),
        operation,
        series: series.iter().map(summary::point).collect(),
        distribution: summary::distribution(&one.durations),
        groups: store
            .groups(&filter, GROUPS_MAX)?
            .iter()
            .map(|group| summary::group(group, own_seconds))
            .collect(),
        slowest: store.slowest(&filter, SLOWEST_MAX)?.iter().map(wire::Request::from).collect(),
        findings,
    })
}

/// Which requests are meant.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RequestsParams {
    /// A stretch that ends now: `15m`, `1h`, `24h`, `7d`.
    last: Option<String>,
    /// First moment, in milliseconds since 1970; goes with `to`.
    from: Option<u64>,
    /// First moment after, in milliseconds since 1970; goes with `from`.
    to: Option<u64>,
    /// Those of one service.
    service: Option<String>,
    /// Those of one operation.
    operation: Option<String>,
    /// Those at least this slow, in milliseconds.
    duration_min_ms: Option<u64>,
    /// Those that failed, or that did not.
    failed: Option<bool>,
    /// What comes first: `slowest` unless told otherwise, `latest`.
    #[param(inline)]
    sort: Option<RequestOrder>,
    /// Most rows, at most 500; 100 unless told otherwise.
    limit: Option<usize>,
}

/// The slowest requests, slowest first, or the latest.
#[utoipa::path(
    get,
    path = "/api/v1/requests",
    tag = "operations",
    params(RequestsParams),
    responses(
        (status = 200, description = "requests, in the order asked for", body = Requests),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn requests(
    State(app): State<App>,
    Params(params): Params<RequestsParams>,
) -> Result<Json<Requests>, Problem> {
    let window =
        WindowParams { last: params.last, from: params.from, to: params.to }.window(now())?;
    let text = |text: Option<String>| text.filter(|text| !text.is_empty()).map(Arc::from);
    let filter = RequestFilter {
        window,
        service: text(params.service),
        operation: text(params.operation),
        duration_min: params.duration_min_ms.map(Duration::from_millis),
        failed: params.failed,
    };
    let limit = params.limit.unwrap_or(100).min(ROWS_MAX);
    let order = params.sort.unwrap_or_default();
    app.read(move |source| {
        let found = match order {
            RequestOrder::Slowest => source.store().slowest(&filter, limit)?,
            RequestOrder::Latest => source.store().latest(&filter, limit)?,
        };
        let requests = found.iter().map(wire::Request::from).collect();
        Ok(Json(Requests { window: window.into(), requests }))
    })
    .await
}
