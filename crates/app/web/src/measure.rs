//! Counts what is answered, and records it where spans of Taut's own work are wanted.

use std::{
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use engine::Work;
use model::{Moment, SpanKind, Value};

use crate::source::Source;

/// The paths that are asked for all the time and say nothing: whoever watches Taut would drown its own work.
const UNTOLD: [&str; 4] = ["/metrics", "/api/v1/events", "/health", "/ready"];

/// Counts an answer.
pub(crate) async fn measure(
    State(source): State<Arc<dyn Source>>,
    request: Request,
    next: Next,
) -> Response {
    let (start, begun) = (now(), Instant::now());
    let told = source.own_spans().is_on().then(|| told(&request)).flatten();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    source.counts().api.add(status, begun.elapsed());
    if let Some((method, route)) = told {
        let attributes = vec![
            ("http.request.method", Value::Text(method.as_str().into())),
            ("http.route", Value::Text(route.as_str().into())),
            ("http.response.status_code", Value::Int(i64::from(status))),
        ];
        source.own_spans().record(Work {
            name: &format!("{method} {route}"),
            kind: SpanKind::Server,
            start,
            end: now(),
            failure: (500 <= status).then(|| format!("answered {status}")),
            attributes,
        });
    }
    response
}

/// Method and route, unless nobody wants to know. Routes are few; paths would hold ids.
fn told(request: &Request) -> Option<(String, String)> {
    let route = request.extensions().get::<MatchedPath>()?.as_str().to_owned();
    (!UNTOLD.contains(&route.as_str())).then(|| (request.method().to_string(), route))
}

fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { nanos: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) }
}
