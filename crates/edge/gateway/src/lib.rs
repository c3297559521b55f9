//! The gateway: an HTTP server and client around `traffic`, which makes every decision.
//!
//! N threads, each with a runtime, listeners (`SO_REUSEPORT`) and connections to members of its own:
//! what a request needs is on its thread. Threads share what is known of members (atomics) and counts
//! of limits. A new plan is taken by each thread with its next request; requests that have begun end
//! under the old one.

mod access;
mod admin;
mod answer;
mod attempt;
mod body;
mod cache;
mod canary;
mod capture;
mod check;
mod clock;
mod compress;
mod connection;
mod dns;
mod events;
mod explain;
mod gather;
mod hedge;
mod keepalive;
mod limits;
mod local;
mod member;
mod metrics;
mod plain;
mod pool;
mod proxy;
mod proxy_protocol;
mod reach;
mod redis;
mod request;
mod send;
mod stall;
mod state;
mod thread;
mod tls;
mod tracing;
mod tunnel;
mod worker;

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, PoisonError, atomic::Ordering},
    thread::JoinHandle,
    time::Duration,
};

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use traffic::{
    capture::CaptureTo,
    plan::{Listen, Plan},
};

use crate::{
    admin::{
        Admin,
        asked::{self, Asked},
    },
    state::Shared,
    tls::Keyring,
    worker::{Listener, Start},
};

/// A gateway that runs.
#[derive(Debug)]
pub struct Gateway {
    shared: Arc<Shared>,
    listens: Vec<SocketAddr>,
    /// What it began with: some of it counts until the end.
    begun_with: Plan,
    admin: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    /// The admin port's, which ends last: while the others end it says so.
    stop_admin: watch::Sender<bool>,
    admin_thread: JoinHandle<()>,
    /// Takes orders of this process to that thread.
    orders: mpsc::Sender<Asked>,
}

/// Why a gateway does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("failed to listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A thread or its runtime cannot be had.
    #[error("failed to start a thread")]
    Thread(#[source] io::Error),
}

pub use crate::admin::asked::OrderRefused;
pub use crate::canary::{CanaryListener, CanaryLosses, CanaryNews, CanaryStands};
pub use crate::tls::CertificateError;

/// What of a new plan only counts after a restart.
pub type NotTaken = Vec<&'static str>;

/// What was told of requests has so long to be written, however little time requests have.
const TELL_MIN: Duration = Duration::from_secs(1);

/// Connections of the gateway to itself that wait to be served, each thread: a few, as it asks for a few things at once.
const OWN_MAX: usize = 4;

/// Threads at most: more than any machine has use for.
const WORKERS_MAX: usize = 256;

impl Gateway {
    /// Begins to listen; returns once requests are taken.
    ///
    /// # Errors
    ///
    /// An address, a certificate or a thread cannot be had.
    pub fn start(plan: Plan) -> Result<Self, StartError> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let workers = if plan.workers == 0 { cores() } else { plan.workers }.min(WORKERS_MAX);
        let keyring = Keyring::read(&plan, &plan.listen, None)?;
        let mut listens = Vec::new();
        let mut listeners: Vec<Vec<Listener>> = (0..workers).map(|_| Vec::new()).collect();
        for (place, listen) in plan.listen.iter().enumerate() {
            let mut address = listen.address;
            for of_worker in &mut listeners {
                let socket = worker::listen(address)
                    .map_err(|source| StartError::Listen { address, source })?;
                // Port 0 is any port for the first thread, and that port for the others.
                address = socket.local_addr().map_err(StartError::Thread)?;
                of_worker.push(Listener { socket, place, settings: listen.clone() });
            }
            listens.push(address);
        }
        let admin_socket = plan.admin.map(|address| {
            // Shared as the others are, so that the next process can begin before this one ends.
            worker::listen(address).map_err(|source| StartError::Listen { address, source })
        });
        let admin_socket = admin_socket.transpose()?;
        let admin = admin_socket.as_ref().and_then(|socket| socket.local_addr().ok());
        let begun_with = plan.clone();
        let shared = Arc::new(Shared::new(plan, keyring, workers));
        let (stop, stopping) = watch::channel(false);
        let (mut threads, mut ways) = (Vec::new(), Vec::new());
        for (number, listeners) in listeners.into_iter().enumerate() {
            let (way, own) = mpsc::channel(OWN_MAX);
            ways.push(way);
            let (shared, stopping) = (Arc::clone(&shared), stopping.clone());
            let start = Start { number, shared, listeners, own, stopping };
            threads.push(worker::spawn(start).map_err(StartError::Thread)?);
        }
        let (stop_admin, stopping) = watch::channel(false);
        let (orders, asked) = mpsc::channel(asked::WAITING_MAX);
        let control = Admin {
            shared: Arc::clone(&shared),
            socket: admin_socket,
            stopping,
            own: ways.into(),
            orders: asked,
        };
        let admin_thread = admin::spawn(control).map_err(StartError::Thread)?;
        Ok(Self {
            shared,
            listens,
            begun_with,
            admin,
            stop,
            threads,
            stop_admin,
            admin_thread,
            orders,
        })
    }

    /// Where requests are received.
    #[must_use]
    pub fn listens(&self) -> &[SocketAddr] {
        &self.listens
    }

    /// Where its own pages are.
    #[must_use]
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Takes a new plan for every request from now on; those that have begun end under the old one. Members
    /// that are in both keep what is known of them, and their connections unless these are encrypted and what encrypts
    /// them has changed.
    ///
    /// Certificates are read again, for connections from now on. Tells what of the plan only counts after a restart.
    ///
    /// # Errors
    ///
    /// A certificate cannot be used: then everything stays as it was.
    pub fn replace(&self, mut plan: Plan) -> Result<NotTaken, CertificateError> {
        let old = &self.begun_with;
        let keyring = Keyring::read(&plan, &old.listen, Some(&self.shared.keyring()))?;
        let begin = |listens: &[Listen]| -> Vec<(SocketAddr, bool, bool)> {
            let one = |it: &Listen| (it.address, it.tls.is_empty(), it.proxy_protocol);
            listens.iter().map(one).collect()
        };
        let mut not_taken = Vec::new();
        for (name, differs) in [
            ("listen", begin(&old.listen) != begin(&plan.listen)),
            ("admin", old.admin != plan.admin),
            ("workers", old.workers != plan.workers),
            ("cache", old.cache != plan.cache || old.cache_disk != plan.cache_disk),
            ("capture.to", plan.capture.is_some() && moved(old) != moved(&plan)),
        ] {
            if differs {
                not_taken.push(name);
            }
        }
        // Who moves them looks where they were written before.
        if let (Some(rules), Some((folder, to))) = (&mut plan.capture, moved(old)) {
            rules.folder = folder;
            rules.to = Some(to);
        }
        let mut orders = self.shared.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.renew(plan);
        *self.shared.keyring.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(keyring);
        self.shared.take(orders.plan());
        drop(orders);
        self.shared.reloads.taken();
        Ok(not_taken)
    }

    /// Counts settings that were read again and are wrong: those from before stay in force.
    pub fn refused_settings(&self) {
        self.shared.reloads.refused();
    }

    /// The files that a plan reads besides the settings: certificates, their keys, and whom to believe.
    #[must_use]
    pub fn files(plan: &Plan) -> Vec<PathBuf> {
        tls::files_of(plan)
    }

    /// Lets canaries go on where they stood, and tells `listener` from now on what happens to them.
    pub fn keep_canaries(&self, stood: Vec<CanaryStands>, listener: CanaryListener) {
        self.shared.canaries.keep(stood, listener);
    }

    /// Where whoever keeps what happens to canaries counts what could not be kept: `/metrics` and `/canaries` tell it.
    #[must_use]
    pub fn canary_losses(&self) -> CanaryLosses {
        self.shared.canaries.losses.clone()
    }

    /// Everything that the admin port tells, as its `/all` does.
    pub fn seen(&self) -> impl Fn() -> Value + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move || admin::all(&shared)
    }

    /// Carries out what a POST to a path of the admin port does, with that body; no token is wanted of who has this. Blocks
    /// until it is done, for a minute at most: not for tasks of a runtime.
    pub fn orders(
        &self,
    ) -> impl Fn(&str, &Value) -> Result<Value, OrderRefused> + Send + Sync + 'static {
        let orders = self.orders.clone();
        move |path: &str, order: &Value| asked::ask(&orders, path, order)
    }

    /// Waits until somebody asks by the API to have the settings read again.
    pub async fn reload_asked(&self) {
        self.shared.reload.notified().await;
    }

    /// Takes no more connections, lets requests that have begun end within the plan's `drain`, and returns.
    pub fn stop(self) {
        let drain = self.shared.state().plan.drain;
        self.shared.stopping.store(true, Ordering::Release);
        self.stop.send_replace(true);
        for thread in self.threads {
            // A thread that panicked has nothing left to end.
            drop(thread.join());
        }
        self.stop_admin.send_replace(true);
        drop(self.admin_thread.join());
        // What was told of requests is written and sent before this returns, unless that takes longer than requests may.
        self.shared.tell_the_rest(drain.max(TELL_MIN));
    }
}

/// Where captures are written, and where whole files of them are moved to, if they are.
fn moved(plan: &Plan) -> Option<(PathBuf, CaptureTo)> {
    let rules = plan.capture.as_ref()?;
    Some((rules.folder.clone(), rules.to.clone()?))
}
