//! `taut up`: receivers, store, live detection and pages in one process.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use config::Settings;
use engine::{Live, database::History as _};
use receive::Running;
use store::{Folder, Store};
use tokio::{net::TcpListener, sync::oneshot};

use super::{
    Done, OK,
    settings::{SettingsFile, flag},
};
use crate::{
    opening,
    say::{self, ACCENT, AMBER, BOLD, DIM, Failure},
    units,
};

/// How long answers that have begun may take once the server is told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Receive traces, logs and metrics by OTLP, keep them, show what is slow on 7070.
///
/// With `[gateway]` in the settings it is the gateway as well, unless a `taut gateway` runs already. Everything
/// listens on loopback unless told otherwise. Ctrl-C ends it; what was acknowledged is kept.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where OTLP over gRPC is received, or `off`.
    #[arg(long, value_name = "ADDRESS")]
    grpc: Option<String>,
    /// Where OTLP over HTTP is received, or `off`.
    #[arg(long, value_name = "ADDRESS")]
    http: Option<String>,
    /// Where the pages are served.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where everything is kept.
    #[arg(long, value_name = "FOLDER")]
    store: Option<String>,
    #[command(flatten)]
    settings: SettingsFile,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    let flags = [
        flag("--grpc", "receive.grpc", arguments.grpc.as_ref()),
        flag("--http", "receive.http", arguments.http.as_ref()),
        flag("--listen", "web.listen", arguments.listen.as_ref()),
        flag("--store", "store.folder", arguments.store.as_ref()),
    ];
    let settings = arguments.settings.load(flags.into_iter().flatten().collect())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::world(&error))?;
    runtime.block_on(serve(settings, &arguments.settings))
}

async fn serve(settings: Settings, file: &SettingsFile) -> Done {
    let began = Instant::now();
    let store = open(&settings)?;
    let live = Live::new(Arc::clone(&store) as Arc<dyn Store>, settings.clone())
        .map_err(|error| Failure::world(&error))?;
    let pages = TcpListener::bind(settings.web.listen).await.map_err(|error| {
        Failure::world(&error).hint(format!(
            "the pages are to be served on {}; `--listen 127.0.0.1:0` takes any free port",
            settings.web.listen
        ))
    })?;
    let receivers = receive::serve(options(&settings), Arc::clone(&live) as Arc<dyn receive::Sink>)
        .await
        .map_err(|error| Failure::world(&error).hint(error.hint()))?;
    live.count_with(receivers.counters());
    let finder = live.start().map_err(|error| Failure::world(&error))?;
    let address = pages.local_addr().map_err(|error| Failure::world(&error))?;
    let (here, asked) = super::gateway::here::start(&settings, file)?;
    let listens = here.as_ref().map(super::gateway::here::Here::listens).unwrap_or_default();
    let warning = here.as_ref().and_then(super::gateway::here::Here::warning).unwrap_or_default();
    greet(&live, (&receivers, &listens, &warning), address, began.elapsed());
    let setup = web::Setup {
        otlp_http: receivers.http(),
        otlp_grpc: receivers.grpc(),
        hosts: if address.ip().is_loopback() { web::Hosts::Loopback } else { web::Hosts::Any },
        token: Some(settings.web.token.0.clone()).filter(|token| !token.is_empty()),
        counters: Some(receivers.counters()),
        gateway: asked,
        ..web::Setup::default()
    };
    // The finder ends when it is told to, or when it meets a bug; without it nothing would be found.
    let (ended, has_ended) = oneshot::channel();
    let finder = tokio::task::spawn_blocking(move || {
        let joined = finder.join();
        // Nobody listens any more once the pages are closed.
        let _unheard = ended.send(());
        joined
    });
    let told_to_end = signalled()?;
    let end = async move {
        tokio::select! {
            () = told_to_end => {}
            _ = has_ended => {}
        }
    };
    let served = web::serve(pages, Arc::clone(&live) as Arc<dyn web::Source>, setup, end).await;
    say::words(&format!("{DIM}stopping: answering what has begun{DIM:#}\n"));
    if let Some(here) = here {
        here.stop().await;
    }
    let _stopped = receivers.stop(GRACE).await;
    live.stop();
    // The finder saves what it knows; that takes as long as its last turn.
    if !matches!(finder.await, Ok(Ok(()))) {
        return Err(Failure::bug("the finder ended early; what was acknowledged is kept"));
    }
    served.map_err(|error| Failure::world(&error))?;
    OK
}

fn open(settings: &Settings) -> Result<Arc<Folder>, Failure> {
    let (store, recovery) = opening::open(settings).map_err(|error| {
        let hint = match error {
            store::StoreError::Locked { .. } => {
                "another `taut up` uses it; stop that one, or choose a folder with --store"
            }
            _ => "choose a folder that can be written to with --store",
        };
        Failure::world(&error).hint(hint)
    })?;
    tell(&recovery);
    Ok(Arc::new(store))
}

/// What was found in the store that somebody should know of.
fn tell(recovery: &store::Recovery) {
    let note = |text: &str| say::words(&format!("{AMBER}note{AMBER:#}: {text}\n"));
    if 0 < recovery.bytes_cut {
        let bytes = units::count(recovery.bytes_cut);
        note(&format!("{bytes} bytes at the end of the log were never acknowledged and were cut"));
    }
    if 0 < recovery.bytes_damaged {
        let bytes = units::count(recovery.bytes_damaged);
        note(&format!(
            "{bytes} bytes within the log are damaged; what is around them is read, and `taut store check` says where"
        ));
    }
    for path in &recovery.set_aside {
        note(&format!("`{}` cannot be read and was set aside", path.display()));
    }
    for newer in &recovery.newer {
        note(&newer.to_string());
    }
}

fn options(settings: &Settings) -> receive::Options {
    receive::Options {
        grpc: settings.receive.grpc,
        http: settings.receive.http,
        body_bytes_max: settings.receive.body_bytes_max,
        bytes_in_flight_max: settings.receive.bytes_in_flight_max,
        requests_in_flight_max: settings.receive.requests_in_flight_max,
        ..receive::Options::default()
    }
}

fn greet(
    live: &Live,
    (receivers, gateway, warning): (&Running, &[String], &str),
    address: std::net::SocketAddr,
    took: Duration,
) {
    let settings = live.settings();
    let mut text = format!("{BOLD}taut is up{BOLD:#} {DIM}after {}{DIM:#}\n", units::time(took));
    text.push_str(&format!("  pages      {ACCENT}http://{address}/{ACCENT:#}\n"));
    if let Some(http) = receivers.http() {
        text.push_str(&format!("  OTLP/HTTP  {ACCENT}http://{http}{ACCENT:#}\n"));
    }
    if let Some(grpc) = receivers.grpc() {
        text.push_str(&format!("  OTLP/gRPC  {ACCENT}http://{grpc}{ACCENT:#}\n"));
    }
    for listens in gateway {
        text.push_str(&format!("  gateway    {ACCENT}http://{listens}{ACCENT:#}\n"));
    }
    text.push_str(&format!("  store      {}\n", settings.store.folder.display()));
    for database in live.databases() {
        text.push_str(&format!("  watching   {}\n", database.shown));
    }
    for exposed in settings.exposed() {
        text.push_str(&format!(
            "{AMBER}warning{AMBER:#}: `{}` listens on {}, which others than this machine can reach\n",
            exposed.key, exposed.address
        ));
        if exposed.key == "web.listen" && settings.web.token.0.is_empty() {
            text.push_str(
                "         set `TAUT_WEB_TOKEN` to a long random text, and they want it\n",
            );
        }
    }
    text.push_str(warning);
    if let Some(http) = receivers.http() {
        text.push_str(&format!(
            "\nPoint an application at it:\n  OTEL_EXPORTER_OTLP_ENDPOINT=http://{http} \
             OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n\n{DIM}Ctrl-C ends it.{DIM:#}\n"
        ));
    }
    say::words(&text);
}

/// Resolves when the process is told to end: Ctrl-C, or the signal that service managers send.
fn signalled() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| Failure::world(&error))?;
    Ok(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    })
}
