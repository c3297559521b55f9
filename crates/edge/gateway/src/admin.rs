//! The gateway's own pages, on a port of their own: `/health`, `/ready`, `/metrics`, `/members`. On loopback unless
//! told otherwise; nothing can be changed here.

use std::{
    io,
    sync::{Arc, PoisonError, atomic::Ordering},
    thread::JoinHandle,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    runtime::{Builder, LocalOptions},
    sync::watch,
    time::sleep,
};

use crate::{check, clock, metrics, state::Shared};

/// What the thread begins with.
pub(crate) struct Admin {
    pub(crate) shared: Arc<Shared>,
    pub(crate) socket: Option<std::net::TcpListener>,
    pub(crate) stopping: watch::Receiver<bool>,
}

/// How often it looks whether there is a new plan.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Time for a request's head.
const HEAD_TIME_MAX: Duration = Duration::from_secs(5);

pub(crate) fn spawn(admin: Admin) -> io::Result<JoinHandle<()>> {
    let (told, hears) = std::sync::mpsc::channel();
    let handle = std::thread::Builder::new().name("gateway-admin".to_owned()).spawn(move || {
        let runtime =
            Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        match runtime {
            Ok(runtime) => {
                let _heard = told.send(Ok(()));
                runtime.block_on(run(admin));
            }
            Err(error) => drop(told.send(Err(error))),
        }
    })?;
    hears.recv().map_err(io::Error::other)??;
    Ok(handle)
}

async fn run(admin: Admin) {
    let Admin { shared, socket, mut stopping } = admin;
    if let Some(socket) = socket.and_then(|socket| TcpListener::from_std(socket).ok()) {
        tokio::task::spawn_local(serve(Arc::clone(&shared), socket));
    }
    let checks = async {
        loop {
            let generation = shared.generation.load(Ordering::Acquire);
            let _tasks = check::start(&shared.state(), shared.seed.wrapping_add(generation));
            while shared.generation.load(Ordering::Acquire) == generation {
                sleep(LOOK_INTERVAL).await;
            }
        }
    };
    tokio::select! {
        () = checks => {}
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
}

#[expect(clippy::infinite_loop, reason = "it ends with its runtime")]
async fn serve(shared: Arc<Shared>, socket: TcpListener) {
    loop {
        let Ok((stream, _)) = socket.accept().await else {
            sleep(LOOK_INTERVAL).await;
            continue;
        };
        let shared = Arc::clone(&shared);
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request| {
                let response = page(&shared, &request);
                async move { Ok::<_, std::convert::Infallible>(response) }
            });
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
            // Whoever asked is gone if it fails.
            drop(builder.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

fn page(shared: &Shared, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return answer(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "only GET\n".to_owned());
    }
    let json = |status, value: &Value| answer(status, "application/json", format!("{value:#}\n"));
    match request.uri().path() {
        "/health" => json(StatusCode::OK, &json!({"status": "up"})),
        "/ready" => {
            let (ready, value) = readiness(shared);
            json(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &value)
        }
        "/members" => json(StatusCode::OK, &members(shared)),
        "/capture" => json(StatusCode::OK, &capture(shared)),
        "/metrics" => answer(
            StatusCode::OK,
            "text/plain; version=0.0.4; charset=utf-8",
            metrics::text(shared),
        ),
        _ => {
            let known = "known: /health, /ready, /metrics, /members, /capture\n".to_owned();
            answer(StatusCode::NOT_FOUND, "text/plain", known)
        }
    }
}

/// What is captured, where it goes, and what became of it.
fn capture(shared: &Shared) -> Value {
    let state = shared.state();
    let Some(rules) = &state.plan.capture else { return json!({"captures": false}) };
    let figures = &shared.captured;
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    json!({
        "captures": true,
        "folder": rules.folder,
        "share": rules.share,
        "by": rules.by.name(),
        "written": count(&figures.outcomes.done),
        "dropped": count(&figures.outcomes.dropped),
        "failed": count(&figures.outcomes.failed),
        "written_bytes": count(&figures.bytes),
        "trouble": *figures.trouble.lock().unwrap_or_else(PoisonError::into_inner),
    })
}

fn answer(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whether every service has somebody who can answer.
fn readiness(shared: &Shared) -> (bool, Value) {
    let state = shared.state();
    let now = clock::now();
    let mut ready = !shared.is_stopping();
    let services = state.plan.services.iter().zip(&state.services).map(|(service, known)| {
        let fit = known.members.iter().filter(|member| member.is_fit(now)).count();
        ready &= fit > 0;
        let status = if fit > 0 { "up" } else { "down" };
        let value = json!({"status": status, "members": known.members.len(), "members_up": fit});
        (service.name.clone(), value)
    });
    let services: serde_json::Map<String, Value> = services.collect();
    let status = match (shared.is_stopping(), ready) {
        (true, _) => "stopping",
        (false, true) => "up",
        (false, false) => "down",
    };
    (ready, json!({"status": status, "services": services}))
}

fn members(shared: &Shared) -> Value {
    let state = shared.state();
    let now = clock::now();
    let services = state.plan.services.iter().zip(&state.services).map(|(service, known)| {
        let outliers = known.outliers.lock().unwrap_or_else(PoisonError::into_inner);
        let members = service.members.iter().zip(&known.members).enumerate();
        let members = members.map(|(place, (plan, member))| {
            json!({
                "address": member.address,
                "weight": plan.weight,
                "healthy": member.healthy.load(Ordering::Relaxed),
                "left_alone": outliers.is_out(place, now) || !member.is_fit(now) && member.healthy.load(Ordering::Relaxed),
                "in_flight": member.in_flight.load(Ordering::Relaxed),
                "requests": member.requests.load(Ordering::Relaxed),
                "failures": member.failures.load(Ordering::Relaxed),
                "connections": member.connections.load(Ordering::Relaxed),
            })
        });
        let members: Vec<Value> = members.collect();
        (service.name.clone(), json!({"balance": service.balance.name(), "members": members}))
    });
    Value::Object(services.collect())
}
