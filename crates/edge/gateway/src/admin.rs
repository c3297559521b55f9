//! The gateway's own pages, on a port of their own: how it is, and orders to it. On loopback unless told otherwise;
//! orders need a token, and so does looking where there is one.

mod all;
pub(crate) mod asked;
mod cache;
mod canaries;
pub(crate) mod members;
pub(crate) mod orders;
mod pages;
pub(crate) mod space;
mod top;

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

use self::asked::Asked;
use crate::{check::Checks, connection::Own, dns, metrics, state::Shared, thread};

/// What the thread begins with.
pub(crate) struct Admin {
    pub(crate) shared: Arc<Shared>,
    pub(crate) socket: Option<std::net::TcpListener>,
    pub(crate) stopping: watch::Receiver<bool>,
    /// Where the gateway asks itself, to warm its cache.
    pub(crate) own: OwnWays,
    /// Orders of this process.
    pub(crate) orders: mpsc::Receiver<Asked>,
}

/// Where the gateway asks itself: a way to each of its threads.
pub(crate) type OwnWays = Arc<[mpsc::Sender<Own>]>;

/// How often it looks whether there is a new plan.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Time for a request's head.
const HEAD_TIME_MAX: Duration = Duration::from_secs(5);

/// Time to record what is asked for most, once it is to stop.
const RECORD_TIME_MAX: Duration = Duration::from_secs(2);

/// Bytes of an order: a thousand long addresses.
const ORDER_BYTES_MAX: usize = 1 << 20;

pub(crate) fn spawn(admin: Admin) -> io::Result<JoinHandle<()>> {
    thread::spawn("gateway-admin".to_owned(), move || run(admin))
}

async fn run(admin: Admin) {
    let Admin { shared, socket, mut stopping, own, orders } = admin;
    if let Some(socket) = socket.and_then(|socket| TcpListener::from_std(socket).ok()) {
        tokio::task::spawn_local(serve(Arc::clone(&shared), socket, Arc::clone(&own)));
    }
    tokio::task::spawn_local(asked::run(Arc::clone(&shared), Arc::clone(&own), orders));
    tokio::task::spawn_local(crate::canary::run(Arc::clone(&shared)));
    tokio::task::spawn_local(crate::cache::shared::listen::run(Arc::clone(&shared)));
    tokio::task::spawn_local(crate::events::run(Arc::clone(&shared)));
    tokio::task::spawn_local(top::run(Arc::clone(&shared), own));
    tokio::task::spawn_local(space::run(Arc::clone(&shared)));
    tokio::task::spawn_local(dns::run(Arc::clone(&shared)));
    let checks = async {
        let mut checks = Checks::default();
        loop {
            let generation = shared.generation.load(Ordering::Acquire);
            checks.follow(&shared.state(), shared.seed.wrapping_add(generation));
            while shared.generation.load(Ordering::Acquire) == generation {
                sleep(LOOK_INTERVAL).await;
            }
        }
    };
    tokio::select! {
        () = checks => {}
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
    // Nobody waits long for a disk that does not answer.
    let _in_time = timeout(RECORD_TIME_MAX, top::record(shared)).await;
}

#[expect(clippy::infinite_loop, reason = "it ends with its runtime")]
async fn serve(shared: Arc<Shared>, socket: TcpListener, own: OwnWays) {
    loop {
        let Ok((stream, _)) = socket.accept().await else {
            sleep(LOOK_INTERVAL).await;
            continue;
        };
        let (shared, own) = (Arc::clone(&shared), Arc::clone(&own));
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request| {
                let page = page(Arc::clone(&shared), Arc::clone(&own), request);
                async move { Ok::<_, std::convert::Infallible>(page.await) }
            });
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
            // Whoever asked is gone if it fails.
            drop(builder.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

/// Everything that there is to see.
pub(crate) fn all(shared: &Shared) -> Value {
    all::all(shared)
}

async fn page(
    shared: Arc<Shared>,
    own: OwnWays,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let read = matches!(head.method, Method::GET | Method::HEAD);
    let path = head.uri.path().to_owned();
    if let Err(problem) = allowed(&shared, read, &path, &head.headers) {
        return problem.answer();
    }
    if read {
        return seen(&shared, &path);
    }
    if head.method != Method::POST {
        let detail = "GET and HEAD look, POST does something";
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).answer();
    }
    let body = http_body_util::Limited::new(body, ORDER_BYTES_MAX).collect();
    let bytes = match timeout(HEAD_TIME_MAX, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        _ => {
            return Problem::wrong("the order is larger than a mebibyte, or did not come").answer();
        }
    };
    let order = if bytes.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&bytes) };
    let Ok(order) = order else { return Problem::wrong("the order is no JSON").answer() };
    let Some(path) = unescaped(&path) else { return Problem::unknown(KNOWN).answer() };
    match carry_out(&shared, &own, &path, &order).await {
        Ok(value) => as_json(StatusCode::OK, &value),
        Err(problem) => problem.answer(),
    }
}

/// Does what an order says, through the port or from this process.
async fn carry_out(
    shared: &Arc<Shared>,
    own: &OwnWays,
    path: &str,
    order: &Value,
) -> Result<Value, Problem> {
    match path {
        "/reload" => {
            shared.reload.notify_one();
            Ok(json!({"asked": true, "told": "where the gateway writes what it says"}))
        }
        "/cache/purge" => orders::purge(shared, order).await,
        "/cache/warm" => orders::warm(own, order).await,
        _ => match path.strip_prefix("/members/") {
            Some(rest) => members::change(shared, rest, order),
            None => match path.strip_prefix("/canaries/") {
                Some(rest) => orders::canary(shared, rest).await,
                None => Err(Problem::unknown(KNOWN)),
            },
        },
    }
}

/// A path without its escapes, as names of routes may have any letter; `None` if what they stand for is no text.
fn unescaped(path: &str) -> Option<String> {
    let mut parts = path.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// What can be asked for.
const KNOWN: &str = "known are GET /health, /ready, /metrics, /members, /routes, /cache, /limits, /breakers, /capture, /canaries, /all and POST \
                     /members/SERVICE/ADDRESS/add, remove, drain, undrain or weight, /canaries/ROUTE/step, hold, revert or finish, /cache/purge, /cache/warm, /reload";

/// Whether somebody may: looking needs the token where there is one, doing something always.
fn allowed(shared: &Shared, read: bool, path: &str, headers: &HeaderMap) -> Result<(), Problem> {
    let state = shared.state();
    // Balancers that ask for these have no token to send.
    if read && matches!(path, "/health" | "/ready") {
        return Ok(());
    }
    let token = state.plan.admin_token.as_ref().filter(|token| !token.0.is_empty());
    let Some(token) = token else {
        let detail = "nothing can be changed here unless `admin-token` in `[gateway]` is set";
        return if read { Ok(()) } else { Err(Problem::new(StatusCode::FORBIDDEN, detail)) };
    };
    let sent = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    let sent = sent.strip_prefix(b"Bearer ").unwrap_or_default();
    // Every byte is looked at, so that time tells nothing about them.
    let differs =
        sent.iter().zip(token.0.as_bytes()).fold(0, |sum, (one, other)| sum | (one ^ other));
    if differs == 0 && sent.len() == token.0.len() {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNAUTHORIZED, "send `Authorization: Bearer` with the token"))
}

fn seen(shared: &Shared, path: &str) -> Response<Full<Bytes>> {
    let value = match path {
        "/health" => json!({"status": "up"}),
        "/ready" => {
            let (ready, value) = pages::readiness(shared);
            let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            return as_json(status, &value);
        }
        "/members" => pages::members(shared),
        "/routes" => pages::routes(shared),
        "/cache" => cache::cache(shared),
        "/limits" => pages::limits(shared),
        "/breakers" => pages::breakers(shared),
        "/capture" => pages::capture(shared),
        "/all" => all::all(shared),
        "/canaries" => canaries::canaries(shared),
        "/metrics" => {
            let kind = "text/plain; version=0.0.4; charset=utf-8";
            return answer(StatusCode::OK, kind, metrics::text(shared));
        }
        _ => return Problem::unknown(KNOWN).answer(),
    };
    as_json(StatusCode::OK, &value)
}

fn as_json(status: StatusCode, value: &Value) -> Response<Full<Bytes>> {
    answer(status, "application/json", format!("{value:#}\n"))
}

/// Why something is not done, as RFC 9457 has it.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }

    fn unknown(detail: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    fn wrong(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    fn answer(&self) -> Response<Full<Bytes>> {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let value = json!({
            "type": "about:blank", "title": title, "status": self.status.as_u16(), "detail": self.detail,
        });
        let mut response = answer(self.status, "application/problem+json", format!("{value:#}\n"));
        if self.status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}

fn answer(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_letters_stand_in_a_path() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(unescaped(path).as_deref(), expected, "{path}");
        };
        check("/canaries/shop/items/step", Some("/canaries/shop/items/step"));
        check("/canaries/a%20b%2Fc%C3%A4/step", Some("/canaries/a b/cä/step"));
        for broken in ["/%", "/%2", "/%zz", "/%C3", "/%ä"] {
            check(broken, None);
        }
    }
}
