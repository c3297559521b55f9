//! The gateway within `taut up`: started where the settings have one and no process of its own has its admin port.

use std::sync::Arc;

use config::Settings;
use gateway::{Gateway, OrderRefused};
use serde_json::Value;
use tokio::{
    net::TcpSocket,
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};
use traffic::plan::Plan;
use web::{GatewayAsked, OrderProblem};

use super::{LOOK_INTERVAL, Watched, beside::Beside, exposed, reload};
use crate::{client, commands::settings::SettingsFile, say::Failure};

/// A gateway in this process.
pub(crate) struct Here {
    gateway: Arc<Gateway>,
    has_token: bool,
    beside: Beside,
    watch: JoinHandle<()>,
}

/// Starts the gateway of the settings, or finds the one that runs already; `None` where there is none.
pub(crate) fn start(
    settings: &Settings,
    file: &SettingsFile,
) -> Result<(Option<Here>, Option<GatewayAsked>), Failure> {
    let Some(plan) = settings.gateway.clone() else { return Ok((None, None)) };
    let token = plan.admin_token.as_ref().map(|token| token.0.clone());
    if let Some(admin) = plan.admin
        && client::told_by_admin(admin, "/health", None).is_ok()
    {
        let shown = token.clone();
        let ask = move || client::told_by_admin(admin, "/all", shown.as_deref());
        let order = move |path: &str, order: &Value| {
            client::ordered_by_admin(admin, path, order, token.as_deref())
        };
        let place = admin.to_string();
        return Ok((
            None,
            Some(GatewayAsked { place, ask: Arc::new(ask), order: Arc::new(order) }),
        ));
    }
    alone(&plan)?;
    let has_token = token.is_some();
    let watched = settings.file.clone().map(|path| Watched::new(path, &plan));
    let gateway = Gateway::start(plan).map_err(|error| {
        Failure::world(&error).hint(
            "another process may have the port; `listen` and `admin` in `[gateway]` say where",
        )
    })?;
    let beside = Beside::start(&gateway, settings)?;
    let gateway = Arc::new(gateway);
    let watch = tokio::spawn(watch(Arc::clone(&gateway), file.clone(), watched));
    let (seen, orders) = (gateway.seen(), gateway.orders());
    let order = move |path: &str, order: &Value| {
        orders(path, order)
            .map_err(|OrderRefused { status, detail }| OrderProblem::Refused { status, detail })
    };
    let asked = GatewayAsked {
        place: "this process".to_owned(),
        ask: Arc::new(move || Ok(seen())),
        order: Arc::new(order),
    };
    Ok((Some(Here { gateway, has_token, beside, watch }), Some(asked)))
}

impl Here {
    /// Where it receives requests, for the greeting.
    pub(crate) fn listens(&self) -> Vec<String> {
        self.gateway.listens().iter().map(ToString::to_string).collect()
    }

    /// What to say where others than this machine reach its admin port.
    pub(crate) fn warning(&self) -> Option<String> {
        exposed(&self.gateway, self.has_token)
    }

    /// Lets requests that have begun end, and ends it.
    pub(crate) async fn stop(self) {
        self.watch.abort();
        // Aborted or not, it holds nothing afterwards.
        drop(self.watch.await);
        let (gateway, beside) = (self.gateway, self.beside);
        let stopped = tokio::task::spawn_blocking(move || {
            if let Some(gateway) = Arc::into_inner(gateway) {
                gateway.stop();
            }
            beside.stop();
        });
        drop(stopped.await);
    }
}

/// Several gateways may listen on one port, so that one takes over from another; this one is not meant to share: the kernel
/// would give some requests to each.
fn alone(plan: &Plan) -> Result<(), Failure> {
    for address in plan.listen.iter().map(|listen| listen.address) {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        // Without SO_REUSEPORT it is refused where somebody listens; what is closing is not in the way.
        let bound = socket.and_then(|socket| {
            socket.set_reuseaddr(true)?;
            socket.bind(address)
        });
        bound.map_err(|error| {
            Failure::of_the_world(format!("failed to listen on {address}: {error}")).hint(
                "a `taut gateway` that has it is found by its `admin` address, so give it one; `listen` in `[gateway]` says where this one listens",
            )
        })?;
    }
    Ok(())
}

/// Reads the settings again when their file changes, on SIGHUP, and when the admin port is told to.
async fn watch(gateway: Arc<Gateway>, file: SettingsFile, mut watched: Option<Watched>) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    let mut looks = tokio::time::interval(LOOK_INTERVAL);
    loop {
        let has_changed = tokio::select! {
            _ = hangup.recv() => true,
            () = gateway.reload_asked() => true,
            _ = looks.tick(), if watched.is_some() => {
                watched.as_mut().is_some_and(Watched::has_changed)
            }
        };
        if has_changed
            && let Some(files) = reload(&gateway, &file)
            && let Some(watched) = &mut watched
        {
            watched.watch(files);
        }
    }
}
