//! Connections of one thread to members: kept while nothing is asked, bounded, the warmest used first.
//!
//! Two kinds beside each other: those that hyper drives, and bare ones, on which the gateway writes itself.

use std::{
    cell::{Cell, RefCell},
    io::ErrorKind,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    task::{Context, Waker},
    time::{Duration, Instant},
};

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use traffic::plan::{Bounds, Service};

use crate::{body::Sent, member::Member};

/// Connections to one member.
#[derive(Debug)]
pub(crate) struct Pool {
    idle: RefCell<Vec<Idle>>,
    bare: RefCell<Vec<IdleBare>>,
    idle_max: usize,
    connections_max: usize,
    room: Arc<Semaphore>,
    waiting: Cell<usize>,
    waiting_max: usize,
}

#[derive(Debug)]
struct IdleBare {
    stream: TcpStream,
    since: Instant,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<Sent>,
    since: Instant,
}

/// Servers close what is idle after 60 s or more; 5 s is Node.js, whose closing is seen in time or the request
/// sent again.
const IDLE_TIME_MAX: Duration = Duration::from_secs(55);

/// A connection that is in use, and the room that it takes.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) sender: SendRequest<Sent>,
    pool: Rc<Pool>,
    _room: OwnedSemaphorePermit,
    /// Whether it was there before.
    pub(crate) reused: bool,
}

/// A connection without anybody who drives it, and the room that it takes.
#[derive(Debug)]
pub(crate) struct Bare {
    pub(crate) stream: TcpStream,
    pool: Rc<Pool>,
    _room: OwnedSemaphorePermit,
    /// Whether it was there before.
    pub(crate) reused: bool,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum NoConnection {
    /// Too many requests wait for one already, or waited too long.
    Full,
    /// It takes too long to connect.
    Timeout,
    /// It is refused, or the like.
    Failed,
}

impl Pool {
    pub(crate) fn new(service: &Service) -> Self {
        let connections_max = service.connections_max.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            idle: RefCell::default(),
            bare: RefCell::default(),
            idle_max: service.idle_max,
            connections_max: service.connections_max,
            room: Arc::new(Semaphore::new(connections_max)),
            waiting: Cell::new(0),
            // As many again may wait: more would wait longer than anybody does.
            waiting_max: connections_max,
        }
    }

    /// Whether it is as the service has it.
    pub(crate) fn suits(&self, service: &Service) -> bool {
        self.idle_max == service.idle_max && self.connections_max == service.connections_max
    }

    /// A connection to the member: one that is idle, or a new one.
    pub(crate) async fn lease(
        self: &Rc<Self>,
        member: &Member,
        service: &Service,
        bounds: &Bounds,
    ) -> Result<Lease, NoConnection> {
        let room = self.room(service.timeouts.connect).await?;
        loop {
            let Some(idle) = self.idle.borrow_mut().pop() else { break };
            let mut sender = idle.sender;
            // It says at once whether it is there still, or whether its last answer has just ended.
            if sender.is_ready() || (!sender.is_closed() && sender.ready().await.is_ok()) {
                return Ok(Lease { sender, pool: Rc::clone(self), _room: room, reused: true });
            }
        }
        let stream = connect(member, service.timeouts.connect).await?;
        let sender = driven(stream, bounds).await?;
        Ok(Lease { sender, pool: Rc::clone(self), _room: room, reused: false })
    }

    /// A bare connection to the member: one that is idle, or a new one.
    pub(crate) async fn bare(
        self: &Rc<Self>,
        member: &Member,
        service: &Service,
    ) -> Result<Bare, NoConnection> {
        let room = self.room(service.timeouts.connect).await?;
        loop {
            let Some(IdleBare { stream, .. }) = self.bare.borrow_mut().pop() else { break };
            if is_quiet(&stream) {
                return Ok(Bare { stream, pool: Rc::clone(self), _room: room, reused: true });
            }
        }
        let stream = connect(member, service.timeouts.connect).await?;
        Ok(Bare { stream, pool: Rc::clone(self), _room: room, reused: false })
    }

    async fn room(&self, wait_max: Duration) -> Result<OwnedSemaphorePermit, NoConnection> {
        if let Ok(room) = Arc::clone(&self.room).try_acquire_owned() {
            return Ok(room);
        }
        if self.waiting_max <= self.waiting.get() {
            return Err(NoConnection::Full);
        }
        self.waiting.set(self.waiting.get() + 1);
        let _waits = Waits(&self.waiting);
        match timeout(wait_max, Arc::clone(&self.room).acquire_owned()).await {
            Ok(Ok(room)) => Ok(room),
            _ => Err(NoConnection::Full),
        }
    }

    /// Lets go of connections that were closed, or idle for too long.
    pub(crate) fn tidy(&self, now: Instant) {
        let is_young = |since| now.saturating_duration_since(since) < IDLE_TIME_MAX;
        self.idle.borrow_mut().retain(|idle| !idle.sender.is_closed() && is_young(idle.since));
        self.bare.borrow_mut().retain(|idle| is_young(idle.since) && is_quiet(&idle.stream));
    }
}

struct Waits<'a>(&'a Cell<usize>);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Lease {
    /// Puts the connection back, for the next request.
    pub(crate) fn give_back(self) {
        let Self { sender, pool, .. } = self;
        let mut idle = pool.idle.borrow_mut();
        if !sender.is_closed() && idle.len() < pool.idle_max {
            idle.push(Idle { sender, since: Instant::now() });
        }
    }
}

impl Bare {
    /// Puts the connection back, for the next request.
    pub(crate) fn give_back(self, now: Instant) {
        let Self { stream, pool, .. } = self;
        let mut idle = pool.bare.borrow_mut();
        if idle.len() < pool.idle_max {
            idle.push(IdleBare { stream, since: now });
        }
    }
}

/// Whether nothing has come on an idle connection, not even its end.
fn is_quiet(stream: &TcpStream) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    if stream.poll_read_ready(&mut context).is_pending() {
        return true;
    }
    // It may only say so because the last answer filled a buffer to its brim.
    let nothing = stream.try_read(&mut [0]);
    nothing.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

async fn connect(member: &Member, wait_max: Duration) -> Result<TcpStream, NoConnection> {
    let stream = match member.resolved {
        Some(address) => timeout(wait_max, TcpStream::connect(address)).await,
        None => timeout(wait_max, TcpStream::connect(&*member.address)).await,
    };
    let stream = stream
        .map_err(|_elapsed| NoConnection::Timeout)?
        .map_err(|_refused| NoConnection::Failed)?;
    // A socket without this option is slower, not wrong.
    stream.set_nodelay(true).ok();
    member.connections.fetch_add(1, Ordering::Relaxed);
    Ok(stream)
}

/// A connection that hyper drives.
async fn driven(stream: TcpStream, bounds: &Bounds) -> Result<SendRequest<Sent>, NoConnection> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(bounds.head_bytes_max.max(crate::connection::READ_AHEAD_BYTES));
    let (sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|_closed| NoConnection::Failed)?;
    // It ends when either side closes it; who has sent something on it is told by what they wait for.
    tokio::task::spawn_local(async move { drop(connection.with_upgrades().await) });
    Ok(sender)
}
