//! Requests merged into one tree, and two such trees to compare.

use axum::extract::State;
use model::{TraceId, Window};
use serde::Deserialize;
use stats::tree::Side;
use utoipa::IntoParams;

use crate::{
    again::Told,
    flame::{Flames, Merged},
    params::{Params, WindowParams, now},
    problem::Problem,
    profile::columns,
    server::App,
    source::Source,
    wire::{self, FlameAnswer, FlameSide, FlameUnit},
};

/// Requests of a side unless told otherwise: enough for shares of a percent.
const REQUESTS_DEFAULT: usize = 100;

/// Most requests of a side.
const REQUESTS_MAX: usize = 500;

/// Which requests, and which to compare them with.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FlameParams {
    /// One trace instead of an operation.
    trace: Option<String>,
    /// `service.name`; goes with `operation`.
    service: Option<String>,
    /// Such as `GET /api/orders/`.
    operation: Option<String>,
    /// A stretch that ends now: `15m`, `1h`, `24h`, `7d`.
    last: Option<String>,
    /// First moment, in milliseconds since 1970; goes with `to`.
    from: Option<u64>,
    /// First moment after, in milliseconds since 1970; goes with `from`.
    to: Option<u64>,
    /// The trace of before, to compare with.
    before_trace: Option<String>,
    /// First moment of the window of before, to compare with; goes with `before_to`.
    before_from: Option<u64>,
    /// First moment after the window of before.
    before_to: Option<u64>,
    /// Most requests of a side, at most 500; 100 unless told otherwise.
    limit: Option<usize>,
}

/// What one side is to be made of.
enum Wanted {
    Trace(TraceId),
    Operation { service: String, operation: String, window: Window },
}

/// Requests merged by what they did: how often, and how long somebody waited for it.
#[utoipa::path(
    get,
    path = "/api/v1/flame",
    tag = "traces",
    params(FlameParams),
    responses(
        (status = 200, description = "the merged tree, of one side or of before and after", body = FlameAnswer),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "nothing of it is kept", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn read(
    State(app): State<App>,
    Params(params): Params<FlameParams>,
) -> Result<Told<FlameAnswer>, Problem> {
    let limit = params.limit.unwrap_or(REQUESTS_DEFAULT).clamp(1, REQUESTS_MAX);
    let (before, after) = wanted(params)?;
    app.read(move |source| {
        let mut flames = Flames::new();
        let mut sides = Vec::new();
        let mut is_hindered = false;
        let mut add = |flames: &mut Flames, of, wanted: &Wanted| {
            let (told, hindered) = side(flames, of, source, (wanted, limit))?;
            sides.push(told);
            is_hindered |= hindered;
            Ok::<(), Problem>(())
        };
        if let Some(before) = &before {
            add(&mut flames, Side::Before, before)?;
            add(&mut flames, Side::After, &after)?;
        } else {
            add(&mut flames, Side::Before, &after)?;
        }
        let (tree, frames) = flames.finish();
        let tree = columns(&tree, FlameUnit::Nanos, frames, sides.len());
        Ok(Told::hindered(FlameAnswer { sides, tree }, is_hindered))
    })
    .await
}

fn wanted(params: FlameParams) -> Result<(Option<Wanted>, Wanted), Problem> {
    let operation = params.service.zip(params.operation);
    let window = WindowParams { last: params.last, from: params.from, to: params.to };
    let after = match (&params.trace, &operation) {
        (Some(id), None) => Wanted::Trace(trace_id(id)?),
        (None, Some((service, operation))) => Wanted::Operation {
            service: service.clone(),
            operation: operation.clone(),
            window: window.window(now())?,
        },
        _ => {
            return Err(Problem::wrong(
                "either a trace or an operation is wanted",
                "give `trace`, or `service` and `operation`",
            ));
        }
    };
    let before = match (params.before_trace, params.before_from, params.before_to) {
        (None, None, None) => None,
        (Some(id), None, None) => Some(Wanted::Trace(trace_id(&id)?)),
        (None, from @ Some(_), to @ Some(_)) if operation.is_some() => {
            let (service, operation) = operation.unwrap_or_default();
            let window = WindowParams { last: None, from, to }.window(now())?;
            Some(Wanted::Operation { service, operation, window })
        }
        _ => {
            return Err(Problem::wrong(
                "what is to be compared with is not clear",
                "give `before_trace`, or for an operation `before_from` and `before_to`",
            ));
        }
    };
    Ok((before, after))
}

fn trace_id(text: &str) -> Result<TraceId, Problem> {
    TraceId::from_hex(text).ok_or_else(|| {
        Problem::wrong(
            "a trace id has up to 32 hexadecimal digits",
            "copy it from a log line or a span",
        )
    })
}

/// What a side was merged of, and whether the time was up before all of it was.
fn side(
    flames: &mut Flames,
    side: Side,
    source: &dyn Source,
    (wanted, limit): (&Wanted, usize),
) -> Result<(FlameSide, bool), Problem> {
    match wanted {
        Wanted::Trace(id) => {
            let Some(detail) = source.trace(*id)? else {
                return Err(Problem::unknown(
                    "trace",
                    format!("no span of {id} is kept"),
                    "it was never received, or it is older than what is kept",
                ));
            };
            let merged = flames.add_trace(side, &detail.trace);
            let (service, operation) = first(&detail.trace);
            let of = (service, operation, None);
            Ok((FlameSide { trace_id: Some(id.to_string()), ..told(of, &merged) }, false))
        }
        Wanted::Operation { service, operation, window } => {
            let merged =
                flames.add_operation(side, source, (service, operation), (*window, limit))?;
            let of = (service.clone(), operation.clone(), Some((*window).into()));
            Ok((told(of, &merged), merged.is_hindered))
        }
    }
}

/// Service and operation of a trace's first request.
fn first(trace: &model::Trace) -> (String, String) {
    let request = trace.entries.iter().find_map(|place| {
        let call = &trace.nodes.get(*place)?.call;
        Some((call.service.to_string(), call.request()?.operation.to_string()))
    });
    let node = || trace.nodes.first().map(|node| &node.call);
    request
        .or_else(|| node().map(|call| (call.service.to_string(), call.name.to_string())))
        .unwrap_or_default()
}

fn told(
    (service, operation, window): (String, String, Option<wire::Window>),
    merged: &Merged,
) -> FlameSide {
    FlameSide {
        service,
        operation,
        window,
        trace_id: None,
        requests: merged.requests,
        traces_in_all: merged.traces_in_all,
        cut: merged.cut,
        held_since_unix_ms: merged.held_since_unix_ms,
    }
}
