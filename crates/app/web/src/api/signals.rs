//! Log records of traces and by filters, who calls whom, and what hosts, processes and pools are short of.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
};
use engine::{Peer, PeerKind, Traffic, question};
use model::{TraceId, Window};
use serde::Deserialize;
use store::{
    Limits, StoreError,
    keep::{
        LOGS,
        query::{Field, Top},
        table::log,
    },
};
use utoipa::IntoParams;

use super::ROWS_MAX;
use crate::{
    again::Told,
    params::{Params, WindowParams, bounded, now},
    problem::Problem,
    server::App,
    summary::ratio,
    wire::{
        Log, Logs, MapEdge, MapNode, MapNodeKind, MapTraffic, Resources, Saturation, ServiceMap,
        TraceLogs,
    },
};

/// Log records of one trace: as many as a page can show beside its spans.
const TRACE_LOGS_MAX: usize = 5_000;

/// How long saturation is looked for: it stands beside figures that do not wait for it.
const SATURATION_TIME_MAX: Duration = Duration::from_secs(2);

/// Log records unless told otherwise.
const LOGS_DEFAULT: usize = 100;

/// Log records that were written during a trace.
#[utoipa::path(
    get,
    path = "/api/v1/traces/{id}/logs",
    tag = "traces",
    params(("id" = String, Path, description = "up to 32 hexadecimal digits")),
    responses(
        (status = 200, description = "its log records; none if none came", body = TraceLogs),
        (status = 404, description = "it is no id of a trace", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn of_trace(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<TraceLogs>, Problem> {
    let Some(wanted) = TraceId::from_hex(&id) else {
        return Err(Problem::unknown(
            "trace",
            "a trace id has up to 32 hexadecimal digits",
            "copy it from a log line or a span",
        ));
    };
    app.read(move |source| {
        let records = match source.store().logs_of(wanted) {
            // A store without log records has none of this trace.
            Err(StoreError::NotKept { .. }) => Vec::new(),
            read => read?,
        };
        Ok(Json(TraceLogs {
            trace_id: wanted.to_string(),
            logs: records.iter().take(TRACE_LOGS_MAX).map(Log::from).collect(),
            left_out: records.len().saturating_sub(TRACE_LOGS_MAX),
        }))
    })
    .await
}

/// Which log records.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogsParams {
    /// A stretch that ends now: `15m`, `1h`, `24h`, `7d`.
    last: Option<String>,
    /// First moment, in milliseconds since 1970; goes with `to`.
    from: Option<u64>,
    /// First moment after, in milliseconds since 1970; goes with `from`.
    to: Option<u64>,
    /// Which records: `severity in (error, fatal) and body contains timeout`.
    #[serde(rename = "where")]
    filter: Option<String>,
    /// Most rows, at most 500; 100 unless told otherwise.
    limit: Option<usize>,
}

/// The latest log records that pass a filter.
#[utoipa::path(
    get,
    path = "/api/v1/logs",
    tag = "explore",
    params(LogsParams),
    responses(
        (status = 200, description = "log records, the latest first", body = Logs),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn logs(
    State(app): State<App>,
    Params(params): Params<LogsParams>,
) -> Result<Json<Logs>, Problem> {
    let window =
        WindowParams { last: params.last, from: params.from, to: params.to }.window(now())?;
    let top = Top {
        table: &LOGS,
        window,
        filter: question::read_filter(&LOGS, params.filter.as_deref().unwrap_or(""), "where")?,
        by: Field::Column(log::TIME),
        limit: params.limit.unwrap_or(LOGS_DEFAULT).min(ROWS_MAX),
    };
    app.read(move |source| {
        let answered = source.store().top_logs(&top, &Limits::default())?;
        Ok(Json(Logs {
            window: window.into(),
            logs: answered.answer.iter().map(Log::from).collect(),
            coverage: (&answered.coverage).into(),
        }))
    })
    .await
}

/// Of which traces.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MapParams {
    /// A stretch that ends now: `15m`, `1h`, `24h`, `7d`.
    last: Option<String>,
    /// First moment, in milliseconds since 1970; goes with `to`.
    from: Option<u64>,
    /// First moment after, in milliseconds since 1970; goes with `from`.
    to: Option<u64>,
    /// Traces with a span that passes.
    #[serde(rename = "where")]
    filter: Option<String>,
}

/// Who calls whom: services, databases, caches, queues and remote hosts, from a fair sample of traces.
#[utoipa::path(
    get,
    path = "/api/v1/service-map",
    tag = "system",
    params(MapParams),
    responses(
        (status = 200, description = "nodes and edges", body = ServiceMap),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn service_map(
    State(app): State<App>,
    Params(params): Params<MapParams>,
) -> Result<Told<ServiceMap>, Problem> {
    let window =
        WindowParams { last: params.last, from: params.from, to: params.to }.window(now())?;
    app.read(move |source| {
        let filter = params.filter.as_deref().unwrap_or("");
        let map = engine::service_map(filter, window, source.store(), &Limits::default())?;
        Ok(Told::new(on_the_wire(&map), |it| &it.coverage))
    })
    .await
}

fn on_the_wire(map: &engine::ServiceMap) -> ServiceMap {
    #[expect(clippy::cast_precision_loss, reason = "rates are shown with three digits")]
    let per_second = {
        let times = ratio(map.traces_in_all as f64, map.traces as f64);
        // Of requests before that nothing is known any more, so that the traces are of the time since.
        let from = map.window.from.max(map.coverage.held_since.unwrap_or_default());
        ratio(times, Window { from, to: map.window.to }.length().as_secs_f64())
    };
    let all = map.edges.critical_nanos;
    let own = |name: &model::Text| {
        let sampled = map.edges.services.get(name).map(|own| traffic(own, per_second, all));
        sampled.or_else(|| map.seldom.services.contains_key(name).then(seldom))
    };
    let mut places: BTreeMap<Peer, usize> = BTreeMap::new();
    let mut nodes: Vec<MapNode> = Vec::new();
    let mut place = |peer: Peer, nodes: &mut Vec<MapNode>| {
        *places.entry(peer.clone()).or_insert_with(|| {
            nodes.push(MapNode {
                kind: MapNodeKind::from(peer.kind),
                name: peer.name.to_string(),
                requests: if peer.kind == PeerKind::Service { own(&peer.name) } else { None },
            });
            nodes.len() - 1
        })
    };
    let service = |name: &model::Text| Peer { kind: PeerKind::Service, name: name.clone() };
    for name in map.edges.services.keys().chain(map.seldom.services.keys()) {
        place(service(name), &mut nodes);
    }
    let mut edges: Vec<MapEdge> = Vec::new();
    for ((caller, called), calls) in &map.edges.calls {
        let from = place(service(caller), &mut nodes);
        let to = place(called.clone(), &mut nodes);
        edges.push(MapEdge { from, to, traffic: traffic(calls, per_second, all) });
    }
    for (caller, called) in map.seldom.calls.keys() {
        let from = place(service(caller), &mut nodes);
        let to = place(called.clone(), &mut nodes);
        edges.push(MapEdge { from, to, traffic: seldom() });
    }
    edges.sort_by_key(|edge| std::cmp::Reverse(edge.traffic.sampled));
    ServiceMap {
        window: map.window.into(),
        nodes,
        edges,
        traces: map.traces,
        traces_in_all: map.traces_in_all,
        cut: map.edges.is_cut || map.seldom.is_cut,
        coverage: (&map.coverage).into(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "rates and shares are shown with three digits")]
fn traffic(traffic: &Traffic, per_second: f64, all_nanos: u64) -> MapTraffic {
    MapTraffic {
        rate_per_second: traffic.calls as f64 * per_second,
        error_share: ratio(traffic.errors as f64, traffic.calls as f64),
        sampled: traffic.calls,
        critical_share: ratio(traffic.critical_nanos as f64, all_nanos as f64),
        duration: (&traffic.durations).into(),
        seldom: false,
    }
}

/// What is known of what the sample leaves out.
fn seldom() -> MapTraffic {
    MapTraffic { seldom: true, ..traffic(&Traffic::default(), 0.0, 0) }
}

/// Whose resources.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ResourcesParams {
    /// A stretch that ends now: `15m`, `1h`, `24h`, `7d`.
    last: Option<String>,
    /// First moment, in milliseconds since 1970; goes with `to`.
    from: Option<u64>,
    /// First moment after, in milliseconds since 1970; goes with `from`.
    to: Option<u64>,
    /// Those of one service.
    service: Option<String>,
}

/// Utilisation, saturation and errors of hosts, processes, pools and queues, from their metrics.
#[utoipa::path(
    get,
    path = "/api/v1/resources",
    tag = "system",
    params(ResourcesParams),
    responses(
        (status = 200, description = "series by resource", body = Resources),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn resources(
    State(app): State<App>,
    Params(params): Params<ResourcesParams>,
) -> Result<Told<Resources>, Problem> {
    let window =
        WindowParams { last: params.last, from: params.from, to: params.to }.window(now())?;
    let service = bounded(params.service)?;
    app.read(move |source| {
        let limits = Limits::default();
        let all = engine::resources(service.as_deref(), window, source.store(), &limits)?;
        Ok(Told::new(all.into(), |it: &Resources| &it.coverage))
    })
    .await
}

/// How full each service is: what is nearest to full of its own and of where it runs, and what most waits for.
#[utoipa::path(
    get,
    path = "/api/v1/saturation",
    tag = "overview",
    params(WindowParams),
    responses(
        (status = 200, description = "services, by name", body = Saturation),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn saturation(
    State(app): State<App>,
    Params(params): Params<WindowParams>,
) -> Result<Told<Saturation>, Problem> {
    let window = params.window(now())?;
    app.read(move |source| {
        let limits = Limits { time: SATURATION_TIME_MAX, ..Limits::default() };
        let all = engine::saturation(window, source.store(), &limits)?;
        Ok(Told::new(all.into(), |it: &Saturation| &it.coverage))
    })
    .await
}
