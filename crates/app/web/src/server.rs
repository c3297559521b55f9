//! The router, and the server that runs it.

use std::{future::Future, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{MethodRouter, get, post},
};
use tokio::{
    net::TcpListener,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};

use crate::{
    again, api, compress, events,
    guard::{self, Guarded},
    measure, openapi, pages,
    problem::Problem,
    recent::Recent,
    source::{Setup, Source},
};

/// Store reads at a time: they are CPU-bound, and ingestion must not starve.
const READERS_MAX: usize = 4;

/// Pages that listen at a time; each holds a connection open.
const LISTENERS_MAX: usize = 64;

/// Orders to the gateway at a time: each may hold a thread for a minute.
const ORDERS_MAX: usize = 4;

/// How long running answers may take once the server is told to stop.
const CLOSING_TIME: Duration = Duration::from_secs(5);

/// What the handlers share.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) setup: Arc<Setup>,
    pub(crate) closing: watch::Receiver<bool>,
    pub(crate) recent: Recent,
    pub(crate) looks: Arc<api::health::Looks>,
    readers: Arc<Semaphore>,
    listeners: Arc<Semaphore>,
    orders: Arc<Semaphore>,
}

impl App {
    /// Does `work`, which may block on the store, on a blocking thread.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Source) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let readers = Arc::clone(&self.readers);
        let Ok(seat) = readers.acquire_owned().await else {
            return Err(Problem::bug("the readers' semaphore is closed"));
        };
        let source = Arc::clone(&self.source);
        let task = tokio::task::spawn_blocking(move || {
            let _seat = seat;
            work(&*source)
        });
        task.await.unwrap_or_else(|error| Err(Problem::bug(error.to_string())))
    }

    /// A seat among those who give orders to the gateway.
    pub(crate) fn order(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.orders).try_acquire_owned().map_err(|_full| {
            Problem::busy(
                format!("{ORDERS_MAX} orders are carried out already"),
                "wait until they are done",
            )
        })
    }

    /// A seat among the listeners.
    pub(crate) fn listener(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.listeners).try_acquire_owned().map_err(|_full| {
            Problem::busy(
                format!("{LISTENERS_MAX} pages listen already"),
                "close some of them; the others keep working",
            )
        })
    }
}

/// The API and the pages.
///
/// Live updates of this router never end by themselves; [`serve`] ends them.
pub fn router(source: Arc<dyn Source>, setup: Setup) -> Router {
    let (sender, closing) = watch::channel(false);
    // Nobody closes a router that is used by itself, so the sender is kept as long as the router.
    routes(source, setup, closing).layer(axum::Extension(Arc::new(sender)))
}

/// Serves the API and the pages until `shutdown` resolves; running answers may take five more seconds.
///
/// # Errors
///
/// The listener fails.
pub async fn serve(
    listener: TcpListener,
    source: Arc<dyn Source>,
    setup: Setup,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (sender, closing) = watch::channel(false);
    let router = routes(source, setup, closing.clone());
    let mut deadline = closing;
    let stop = async move {
        shutdown.await;
        sender.send_replace(true);
    };
    let server = axum::serve(listener, router).with_graceful_shutdown(stop);
    let overdue = async move {
        // The sender is gone once the server has seen it; either way it is time to stop.
        let _seen = deadline.wait_for(|closing| *closing).await.map(|_| ());
        tokio::time::sleep(CLOSING_TIME).await;
    };
    tokio::select! {
        ended = server => ended,
        () = overdue => Ok(()),
    }
}

#[expect(clippy::too_many_lines, reason = "a table of routes")]
fn routes(source: Arc<dyn Source>, setup: Setup, closing: watch::Receiver<bool>) -> Router {
    let guarded = Guarded { hosts: setup.hosts.clone(), token: setup.token.clone() };
    let measured = Arc::clone(&source);
    let answers = again::Answers::default();
    let forget = middleware::from_fn_with_state(answers.clone(), again::forget);
    let again = middleware::from_fn_with_state((Arc::clone(&source), answers), again::again);
    // Where working out the answer takes long.
    let kept = |route: MethodRouter<App>| route.layer(again.clone());
    let order = |route: MethodRouter<App>| {
        route.layer(DefaultBodyLimit::max(api::gateway::ORDER_BYTES_MAX))
    };
    let app = App {
        source,
        setup: Arc::new(setup),
        closing,
        recent: Recent::default(),
        looks: Arc::default(),
        readers: Arc::new(Semaphore::new(READERS_MAX)),
        listeners: Arc::new(Semaphore::new(LISTENERS_MAX)),
        orders: Arc::new(Semaphore::new(ORDERS_MAX)),
    };
    Router::new()
        .route("/api/v1/findings", get(api::findings::list))
        .route("/api/v1/findings/{id}", get(api::findings::one))
        .route(
            "/api/v1/findings/{id}/notes",
            post(api::findings::note)
                .layer(DefaultBodyLimit::max(api::findings::NOTE_BYTES_MAX))
                .layer(forget),
        )
        .route("/api/v1/overview", kept(get(api::overview::overview)))
        .route("/api/v1/marks", get(api::overview::marks))
        .route("/api/v1/detectors", get(api::detectors::list))
        .route("/api/v1/operations", kept(get(api::operations::list)))
        .route("/api/v1/operation", kept(get(api::operations::one)))
        .route("/api/v1/requests", kept(get(api::operations::requests)))
        .route("/api/v1/databases", get(api::databases::list))
        .route("/api/v1/databases/{id}", get(api::databases::one))
        .route("/api/v1/databases/{id}/statements", get(api::databases::statements))
        .route("/api/v1/databases/{id}/statements/{query_id}", get(api::databases::statement))
        .route("/api/v1/databases/{id}/tables", get(api::objects::tables))
        .route("/api/v1/databases/{id}/tables/{oid}", get(api::objects::table))
        .route("/api/v1/databases/{id}/indexes", get(api::objects::indexes))
        .route("/api/v1/databases/{id}/indexes/{oid}", get(api::objects::index))
        .route(
            "/api/v1/plan",
            post(api::plans::read).layer(DefaultBodyLimit::max(api::plans::PLAN_BYTES_MAX)),
        )
        .route("/api/v1/gateway", get(api::gateway::gateway))
        .route("/api/v1/gateway/members", order(post(api::gateway::member)))
        .route("/api/v1/gateway/purge", order(post(api::gateway::purge)))
        .route("/api/v1/gateway/warm", order(post(api::gateway::warm)))
        .route("/api/v1/gateway/canaries", order(post(api::gateway::canary)))
        .route("/api/v1/ledger", get(api::ledger::list))
        .route("/api/v1/runs", get(api::runs::runs))
        .route("/api/v1/runs/{number}", get(api::runs::run))
        .route("/api/v1/runs/{number}/result", get(api::runs::run_result))
        .route("/api/v1/board", kept(get(api::ledger::board)))
        .route("/api/v1/proof", kept(get(api::proofs::proof)))
        .route("/api/v1/proof/requests", get(api::proofs::requests))
        .route("/api/v1/traces/{id}", get(api::traces::one))
        .route("/api/v1/traces/{id}/columns", kept(get(api::traces::columns)))
        .route("/api/v1/flame", kept(get(api::flames::read)))
        .route(
            "/api/v1/opened/trace",
            post(api::opened::trace).layer(DefaultBodyLimit::max(api::opened::FILE_BYTES_MAX)),
        )
        .route(
            "/api/v1/opened/span",
            post(api::opened::span).layer(DefaultBodyLimit::max(api::opened::FILE_BYTES_MAX)),
        )
        .route(
            "/api/v1/profile",
            post(api::profiles::read)
                .layer(DefaultBodyLimit::max(api::profiles::PROFILE_BYTES_MAX)),
        )
        .route("/api/v1/traces/{id}/spans/{span_id}", get(api::traces::span))
        .route("/api/v1/traces/{id}/otlp.json", get(api::traces::otlp))
        .route("/api/v1/traces/{id}/logs", get(api::signals::of_trace))
        .route("/api/v1/ask", kept(get(api::questions::ask)))
        .route("/api/v1/heatmap", kept(get(api::questions::heatmap)))
        .route("/api/v1/compare", kept(get(api::questions::compare)))
        .route("/api/v1/fields", kept(get(api::questions::fields)))
        .route("/api/v1/spans", kept(get(api::questions::spans)))
        .route("/api/v1/spans.parquet", get(api::exports::spans_file))
        .route("/api/v1/logs.parquet", get(api::exports::logs_file))
        .route("/api/v1/ask.parquet", get(api::exports::groups_file))
        .route(
            "/api/v1/sql",
            post(api::sql::sql_rows).layer(DefaultBodyLimit::max(api::sql::BODY_BYTES_MAX)),
        )
        .route(
            "/api/v1/sql.parquet",
            post(api::sql::sql_file).layer(DefaultBodyLimit::max(api::sql::BODY_BYTES_MAX)),
        )
        .route("/api/v1/views", get(api::views::list).post(api::views::save))
        .route("/api/v1/views/{name}", axum::routing::delete(api::views::remove))
        .route("/api/v1/logs", get(api::signals::logs))
        .route("/api/v1/service-map", kept(get(api::signals::service_map)))
        .route("/api/v1/resources", kept(get(api::signals::resources)))
        .route("/api/v1/saturation", kept(get(api::signals::saturation)))
        .route("/api/v1/status", get(api::status::status))
        .route("/metrics", get(api::metrics::metrics))
        .route("/health", get(api::health::health))
        .route("/ready", get(api::health::ready))
        .route("/api/v1/events", get(events::events))
        .route("/api/v1/openapi.json", get(openapi::answer))
        .fallback(get(pages::page))
        .with_state(app)
        .layer(middleware::from_fn_with_state(measured, measure::measure))
        .layer(middleware::from_fn(compress::compress))
        .layer(middleware::from_fn_with_state(Arc::new(guarded), guard::guard))
}
