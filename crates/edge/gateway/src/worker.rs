//! One thread: a runtime of its own, listeners that share their port with the other threads', connections.

use std::{
    cell::{Cell, RefCell},
    io,
    net::SocketAddr,
    os::fd::AsFd as _,
    rc::Rc,
    sync::{Arc, PoisonError, atomic::Ordering},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::net::{self, AddressFamily, SocketFlags, SocketType};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, mpsc, watch},
    time::sleep,
};
use traffic::plan::{Listen, Service};

use crate::{
    connection::{self, Arrived, Own},
    keepalive,
    local::Local,
    member::Member,
    metrics::Counts,
    plain::{
        buffer::Buffers,
        ticker::{self, Ticker},
    },
    pool::Pool,
    state::Shared,
    thread,
    tls::Connector,
};

/// A thread.
#[derive(Debug)]
pub(crate) struct Worker {
    number: usize,
    pub(crate) shared: Arc<Shared>,
    local: RefCell<Rc<Local>>,
    generation: Cell<u64>,
    /// By the members' slots.
    pools: RefCell<Vec<Option<OfMember>>>,
    pub(crate) connections: Cell<usize>,
    pub(crate) stopping: Notify,
    pub(crate) ticker: Ticker,
    pub(crate) buffers: Buffers,
}

/// A member, and the connections to it.
type OfMember = (Arc<Member>, Rc<Pool>);

/// A socket that listens, and how what it accepts begins.
pub(crate) struct Listener {
    pub(crate) socket: std::net::TcpListener,
    /// Its place among those of the plan.
    pub(crate) place: usize,
    pub(crate) settings: Listen,
}

/// What a thread begins with.
pub(crate) struct Start {
    pub(crate) number: usize,
    pub(crate) shared: Arc<Shared>,
    pub(crate) listeners: Vec<Listener>,
    /// What the gateway asks itself.
    pub(crate) own: mpsc::Receiver<Own>,
    pub(crate) stopping: watch::Receiver<bool>,
}

/// Connections that wait to be accepted; what Linux allows unless told otherwise.
const BACKLOG: i32 = 4_096;

/// How often connections to members are looked through for those that are closed or too old.
const TIDY_INTERVAL: Duration = Duration::from_secs(5);

/// A socket that listens, on a port that others may listen on as well.
pub(crate) fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = net::socket_with(family, SocketType::STREAM, flags, Some(net::ipproto::TCP))?;
    net::sockopt::set_socket_reuseaddr(&socket, true)?;
    net::sockopt::set_socket_reuseport(&socket, true)?;
    // Without it who vanishes is noticed later; the rest goes on.
    keepalive::set(socket.as_fd()).ok();
    net::bind(&socket, &address)?;
    net::listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

/// Starts a thread.
pub(crate) fn spawn(start: Start) -> io::Result<JoinHandle<()>> {
    thread::spawn(format!("gateway-{}", start.number), move || run(start))
}

async fn run(start: Start) {
    let Start { number, shared, listeners, own, mut stopping } = start;
    let seed = shared.seed.wrapping_add(number as u64);
    let generation = shared.generation.load(Ordering::Acquire);
    let local = Rc::new(Local::new(shared.state(), None, seed, &shared.redis));
    let worker = Rc::new(Worker {
        number,
        shared,
        local: RefCell::new(local),
        generation: Cell::new(generation),
        pools: RefCell::default(),
        connections: Cell::new(0),
        stopping: Notify::new(),
        ticker: Ticker::default(),
        buffers: Buffers::default(),
    });
    tokio::task::spawn_local(ticker::run(Rc::clone(&worker)));
    for listener in listeners {
        tokio::task::spawn_local(accept(Rc::clone(&worker), listener, stopping.clone()));
    }
    tokio::task::spawn_local(ask_itself(Rc::clone(&worker), own, stopping.clone()));
    let tidying = Rc::clone(&worker);
    let tidy = async move {
        loop {
            sleep(TIDY_INTERVAL).await;
            tidying.tidy();
        }
    };
    tokio::select! {
        () = tidy => {}
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
    worker.stopping.notify_waiters();
    let drain = worker.local().state.plan.drain;
    let drained = async {
        while worker.connections.get() > 0 {
            // Connections that began in the meantime are told as well.
            worker.stopping.notify_waiters();
            sleep(Duration::from_millis(20)).await;
        }
    };
    // What takes longer is broken off with the runtime.
    drop(tokio::time::timeout(drain, drained).await);
}

/// Accepts connections until it is told to stop; those that are waiting then are still taken.
async fn accept(worker: Rc<Worker>, listener: Listener, mut stopping: watch::Receiver<bool>) {
    let Listener { socket, place, settings } = listener;
    let Ok(socket) = TcpListener::from_std(socket) else { return };
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = socket.accept() => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let encrypted = (!settings.tls.is_empty()).then_some(place);
                worker.connected(
                    stream,
                    Arrived { peer, encrypted, proxied: settings.proxy_protocol },
                );
            }
            // Out of sockets, most likely: others are given the time to close.
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
        let max = worker.local.borrow().state.plan.bounds.connections_max;
        while max <= worker.connections.get() {
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Serves what the gateway asks itself, until it is told to stop.
async fn ask_itself(
    worker: Rc<Worker>,
    mut own: mpsc::Receiver<Own>,
    mut stopping: watch::Receiver<bool>,
) {
    loop {
        let asked = tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => return,
            asked = own.recv() => asked,
        };
        let Some(asked) = asked else { return };
        let open = worker.opened();
        tokio::task::spawn_local(async move {
            connection::serve_own(&open, asked).await;
            drop(open);
        });
    }
}

impl Worker {
    /// Counts a connection, for as long as what is returned lives.
    fn opened(self: &Rc<Self>) -> Rc<Open> {
        self.connections.set(self.connections.get() + 1);
        self.count(|counts| counts.connection(true));
        Rc::new(Open(Rc::clone(self)))
    }

    fn connected(self: &Rc<Self>, stream: TcpStream, arrived: Arrived) {
        let open = self.opened();
        tokio::task::spawn_local(async move {
            connection::serve(&open, stream, arrived).await;
            drop(open);
        });
    }

    /// The plan in force, as this thread uses it.
    pub(crate) fn local(&self) -> Rc<Local> {
        let generation = self.shared.generation.load(Ordering::Acquire);
        if self.generation.get() != generation {
            self.generation.set(generation);
            let seed = self.shared.seed.wrapping_add(self.number as u64);
            let old = Rc::clone(&self.local.borrow());
            let seed = seed.wrapping_add(generation);
            let shared = &self.shared;
            let new = Local::new(shared.state(), Some(&old), seed, &shared.redis);
            *self.local.borrow_mut() = Rc::new(new);
            self.forget_pools();
        }
        Rc::clone(&self.local.borrow())
    }

    /// Connections to a member.
    pub(crate) fn pool(
        &self,
        member: &Arc<Member>,
        service: &Service,
        connector: Option<&Connector>,
    ) -> Rc<Pool> {
        let mut pools = self.pools.borrow_mut();
        if pools.len() <= member.slot {
            pools.resize_with(member.slot + 1, || None);
        }
        let place = &mut pools[member.slot];
        match place {
            Some((known, pool)) if Arc::ptr_eq(known, member) && pool.suits(service, connector) => {
                Rc::clone(pool)
            }
            _ => {
                let pool = Rc::new(Pool::new(service, connector));
                *place = Some((Arc::clone(member), Rc::clone(&pool)));
                pool
            }
        }
    }

    /// Lets go of connections to members that are in the plan no more.
    fn forget_pools(&self) {
        let local = Rc::clone(&self.local.borrow());
        let is_there = |member: &Arc<Member>| {
            let members = local.state.services.iter().flat_map(|service| &service.members);
            members.into_iter().any(|other| Arc::ptr_eq(other, member))
        };
        for place in self.pools.borrow_mut().iter_mut() {
            if place.as_ref().is_some_and(|(member, _)| !is_there(member)) {
                *place = None;
            }
        }
    }

    fn tidy(&self) {
        // Also takes a new plan where no request comes, so that members that left are let go of.
        drop(self.local());
        *self.shared.told[self.number].lock().unwrap_or_else(PoisonError::into_inner) =
            self.local.borrow().told();
        let now = Instant::now();
        for (_, pool) in self.pools.borrow().iter().flatten() {
            pool.tidy(now);
        }
    }

    /// Counts something.
    pub(crate) fn count(&self, count: impl FnOnce(&mut Counts)) {
        let counts = &self.shared.counts[self.number];
        count(&mut counts.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A connection is open, until this is dropped.
#[derive(Debug)]
pub(crate) struct Open(Rc<Worker>);

impl Open {
    pub(crate) fn worker(&self) -> &Rc<Worker> {
        &self.0
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.set(self.0.connections.get() - 1);
        self.0.count(|counts| counts.connection(false));
    }
}
