//! Connections of one thread to members: kept while nothing is asked, bounded, the warmest used first.
//!
//! Three kinds beside each other: those of HTTP/1.1 that hyper drives, bare ones, on which the gateway writes itself, and
//! those of HTTP/2, which carry many requests at once. Where members are told who asks, a connection is for one client.

use std::{
    cell::{Cell, RefCell},
    io::ErrorKind,
    rc::{Rc, Weak},
    sync::{Arc, atomic::Ordering},
    task::{Context, Waker},
    time::{Duration, Instant},
};

use http::{Request, Response};
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1, http2},
};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use traffic::{
    plan::{Bounds, Service},
    proxy_protocol::Ends,
    wire::{Http, Wire},
};

use crate::{
    body::Sent,
    member::Member,
    reach::{self, STREAMS_MAX, Sender, Way},
    tls::Connector,
};

/// Connections to one member.
#[derive(Debug)]
pub(crate) struct Pool {
    idle: RefCell<Vec<Idle<http1::SendRequest<Sent>>>>,
    bare: RefCell<Vec<Idle<TcpStream>>>,
    twos: RefCell<Vec<Rc<Two>>>,
    idle_max: usize,
    connections_max: usize,
    wire: Wire,
    connector: Option<Connector>,
    room: Arc<Semaphore>,
    waiting: Cell<usize>,
    waiting_max: usize,
    /// Held by who makes a connection that carries many requests: others wait, and use it. Where members are told who
    /// asks, only those that ask from there.
    connecting: RefCell<Vec<(Option<Ends>, Weak<Turn>)>>,
    /// Whether the member chose HTTP/1.1 last.
    chose_one: Cell<bool>,
}

/// Whose turn it is to connect.
type Turn = tokio::sync::Mutex<()>;

#[derive(Debug)]
struct Idle<C> {
    connection: C,
    since: Instant,
    ends: Option<Ends>,
}

/// A connection of HTTP/2.
#[derive(Debug)]
struct Two {
    sender: http2::SendRequest<Sent>,
    /// Requests under way on it.
    streams: Cell<usize>,
    since: Cell<Instant>,
    ends: Option<Ends>,
    /// Whether it takes no more requests, although some may be under way.
    ended: Cell<bool>,
}

impl Two {
    fn is_over(&self) -> bool {
        self.ended.get() || self.sender.is_closed()
    }

    fn is_idle(&self) -> bool {
        self.streams.get() == 0
    }
}

/// Servers close what is idle after 60 s or more; 5 s is Node.js, whose closing is seen in time or the request
/// sent again.
const IDLE_TIME_MAX: Duration = Duration::from_secs(55);

/// A connection that is in use, and the room that it takes.
#[derive(Debug)]
pub(crate) struct Lease {
    on: On,
    /// Boxed, as few are told.
    ends: Option<Box<Ends>>,
    pool: Rc<Pool>,
    _room: OwnedSemaphorePermit,
    /// Whether it was there before.
    pub(crate) reused: bool,
}

#[derive(Debug)]
enum On {
    One(http1::SendRequest<Sent>),
    Two(Stream),
}

/// A request on a connection of HTTP/2, until this is dropped.
#[derive(Debug)]
struct Stream(Rc<Two>);

/// A connection without anybody who drives it, and the room that it takes.
#[derive(Debug)]
pub(crate) struct Bare {
    pub(crate) stream: TcpStream,
    pool: Rc<Pool>,
    _room: OwnedSemaphorePermit,
    /// Whether it was there before.
    pub(crate) reused: bool,
}

/// What a connection is wanted for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Want {
    /// Who asks, where members are told.
    pub(crate) ends: Option<Ends>,
    /// Whether another protocol may follow, which only HTTP/1.1 has.
    pub(crate) tunnel: bool,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum NoConnection {
    /// As many requests wait for one as may.
    Full,
    /// None became free in time.
    Busy,
    /// Somebody else was making one that both could use, and it took too long.
    Slow,
    /// It takes too long to connect.
    Timeout,
    /// It is refused, or the like.
    Failed,
    /// It cannot be encrypted, or who answers is not who it should be.
    Untrusted,
    /// Another protocol may follow, which nothing but HTTP/1.1 has.
    NoTunnel,
}

impl Pool {
    pub(crate) fn new(service: &Service, connector: Option<&Connector>) -> Self {
        Self {
            idle: RefCell::default(),
            bare: RefCell::default(),
            twos: RefCell::default(),
            idle_max: service.idle_max,
            connections_max: service.connections_max,
            wire: service.wire.clone(),
            connector: connector.cloned(),
            room: Arc::new(Semaphore::new(room_max(service))),
            waiting: Cell::new(0),
            waiting_max: waiting_max(service),
            connecting: RefCell::default(),
            chose_one: Cell::new(false),
        }
    }

    /// Whether it is as the service has it.
    pub(crate) fn suits(&self, service: &Service, connector: Option<&Connector>) -> bool {
        let same = match (&self.connector, connector) {
            (Some(one), Some(other)) => one.is(other),
            (None, None) => true,
            _ => false,
        };
        same && self.idle_max == service.idle_max
            && self.connections_max == service.connections_max
            && self.waiting_max == waiting_max(service)
            && self.wire == service.wire
    }

    /// A connection to the member: one that is there, or a new one, had within so long.
    pub(crate) async fn lease(
        self: &Rc<Self>,
        member: &Member,
        wait_max: Duration,
        bounds: &Bounds,
        want: Want,
    ) -> Result<Lease, NoConnection> {
        if want.tunnel && self.wire.http == Http::Two {
            return Err(NoConnection::NoTunnel);
        }
        let room = self.room(member, wait_max).await?;
        let ends = want.ends.filter(|_| self.wire.proxy_protocol.is_some());
        let leased = |on, room, reused| {
            let pool = Rc::clone(self);
            Ok(Lease { on, ends: ends.map(Box::new), pool, _room: room, reused })
        };
        let may_share = self.wire.http != Http::One && !want.tunnel;
        if may_share && let Some(stream) = self.stream(ends) {
            return leased(On::Two(stream), room, true);
        }
        let turn = (may_share && !self.chose_one.get()).then(|| self.turn(ends));
        let mut alone = None;
        if let Some(turn) = &turn {
            let locked = timeout(wait_max, turn.lock()).await;
            alone = Some(locked.map_err(|_elapsed| NoConnection::Slow)?);
            if let Some(stream) = self.stream(ends) {
                return leased(On::Two(stream), room, true);
            }
        }
        if let Some(sender) = self.idle_one(ends).await {
            return leased(On::One(sender), room, true);
        }
        let connector = self.connector.as_ref();
        let way = Way { wire: &self.wire, connector, ends, one: want.tunnel };
        // Boxed: most requests have a connection, and need no room for making one.
        let made = Box::pin(async {
            let stream = reach::connect(member, way, wait_max).await?;
            member.connections.fetch_add(1, Ordering::Relaxed);
            let driven = timeout(wait_max, stream.driven(member, way, bounds)).await;
            driven.map_err(|_elapsed| NoConnection::Timeout)?
        });
        let sender = made.await?;
        drop(alone);
        match sender {
            Sender::One(sender) => {
                self.chose_one.set(may_share);
                leased(On::One(sender), room, false)
            }
            Sender::Two(sender) => {
                self.chose_one.set(false);
                let (streams, since) = (Cell::new(0), Cell::new(Instant::now()));
                let two = Rc::new(Two { sender, streams, since, ends, ended: Cell::new(false) });
                self.keep(Rc::clone(&two));
                leased(On::Two(Stream::new(two)), room, false)
            }
        }
    }

    /// Whose turn it is to connect for these ends.
    fn turn(&self, ends: Option<Ends>) -> Rc<Turn> {
        let mut all = self.connecting.borrow_mut();
        all.retain(|(_, turn)| 0 < turn.strong_count());
        let known = all.iter().find(|(of, _)| *of == ends);
        known.and_then(|(_, turn)| turn.upgrade()).unwrap_or_else(|| {
            let turn = Rc::<Turn>::default();
            all.push((ends, Rc::downgrade(&turn)));
            turn
        })
    }

    /// Keeps a connection of HTTP/2. Where each is for one client, no more stay on which nothing is asked than of
    /// HTTP/1.1: those that were used the longest ago go.
    fn keep(&self, two: Rc<Two>) {
        let mut twos = self.twos.borrow_mut();
        if two.ends.is_some() {
            let idle = twos.iter().filter(|two| two.is_idle());
            let mut idle: Vec<Instant> = idle.map(|two| two.since.get()).collect();
            let too_many = (idle.len() + 1).saturating_sub(self.idle_max.max(1));
            idle.sort_unstable();
            if let Some(last) = too_many.checked_sub(1).and_then(|place| idle.get(place)) {
                twos.retain(|two| !two.is_idle() || *last < two.since.get());
            }
        }
        twos.push(two);
    }

    /// Room on a connection of HTTP/2 that is there.
    fn stream(&self, ends: Option<Ends>) -> Option<Stream> {
        let mut twos = self.twos.borrow_mut();
        if twos.iter().any(|two| two.is_over()) {
            twos.retain(|two| !two.is_over());
        }
        let has_room = |two: &&Rc<Two>| two.ends == ends && two.streams.get() < STREAMS_MAX;
        // The first that has room, so that the others become idle.
        twos.iter().find(has_room).map(|two| Stream::new(Rc::clone(two)))
    }

    async fn idle_one(&self, ends: Option<Ends>) -> Option<http1::SendRequest<Sent>> {
        loop {
            let idle = take_last(&mut self.idle.borrow_mut(), ends)?;
            let mut sender = idle.connection;
            // It says at once whether it is there still, or whether its last answer has just ended.
            if sender.is_ready() || (!sender.is_closed() && sender.ready().await.is_ok()) {
                return Some(sender);
            }
        }
    }

    /// A bare connection to the member: one that is idle, or a new one, had within so long.
    pub(crate) async fn bare(
        self: &Rc<Self>,
        member: &Member,
        wait_max: Duration,
    ) -> Result<Bare, NoConnection> {
        let room = self.room(member, wait_max).await?;
        loop {
            let Some(Idle { connection: stream, .. }) = self.bare.borrow_mut().pop() else { break };
            if is_quiet(&stream) {
                return Ok(Bare { stream, pool: Rc::clone(self), _room: room, reused: true });
            }
        }
        let way = Way { wire: &self.wire, connector: None, ends: None, one: true };
        let stream = Box::pin(reach::connect(member, way, wait_max)).await?;
        member.connections.fetch_add(1, Ordering::Relaxed);
        let stream = stream.plain().ok_or(NoConnection::Failed)?;
        Ok(Bare { stream, pool: Rc::clone(self), _room: room, reused: false })
    }

    async fn room(
        &self,
        member: &Member,
        wait_max: Duration,
    ) -> Result<OwnedSemaphorePermit, NoConnection> {
        if let Ok(room) = Arc::clone(&self.room).try_acquire_owned() {
            return Ok(room);
        }
        if self.waiting_max <= self.waiting.get() {
            return Err(NoConnection::Full);
        }
        self.waiting.set(self.waiting.get() + 1);
        member.waiting.fetch_add(1, Ordering::Relaxed);
        let _waits = Waits(&self.waiting, member);
        match timeout(wait_max, Arc::clone(&self.room).acquire_owned()).await {
            Ok(Ok(room)) => Ok(room),
            _ => Err(NoConnection::Busy),
        }
    }

    /// Whether there is no room for one more request: who waited, waited for that.
    pub(crate) fn is_full(&self) -> bool {
        self.room.available_permits() == 0
    }

    /// Lets go of connections that were closed, or idle for too long.
    pub(crate) fn tidy(&self, now: Instant) {
        let is_young = |since| now.saturating_duration_since(since) < IDLE_TIME_MAX;
        let here = |idle: &Idle<http1::SendRequest<Sent>>| !idle.connection.is_closed();
        self.idle.borrow_mut().retain(|idle| here(idle) && is_young(idle.since));
        self.bare.borrow_mut().retain(|idle| is_young(idle.since) && is_quiet(&idle.connection));
        self.twos.borrow_mut().retain(|two| {
            let used = !two.is_idle() || is_young(two.since.get());
            used && !two.is_over()
        });
    }
}

fn room_max(service: &Service) -> usize {
    service.connections_max.clamp(1, Semaphore::MAX_PERMITS)
}

/// Who may wait: as many again unless told otherwise, since more would wait longer than anybody does.
fn waiting_max(service: &Service) -> usize {
    service.queue_max.unwrap_or_else(|| room_max(service))
}

/// The last of those that are for the same client, where they are for one.
fn take_last<C>(idle: &mut Vec<Idle<C>>, ends: Option<Ends>) -> Option<Idle<C>> {
    let place = idle.iter().rposition(|idle| idle.ends == ends)?;
    Some(idle.remove(place))
}

struct Waits<'a>(&'a Cell<usize>, &'a Member);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
        self.1.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Stream {
    fn new(two: Rc<Two>) -> Self {
        two.streams.set(two.streams.get() + 1);
        Self(two)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.streams.set(self.0.streams.get() - 1);
        self.0.since.set(Instant::now());
    }
}

/// What sending comes to: on failure the request, if none of it was sent.
pub(crate) type Tried = Result<Response<Incoming>, TrySendError<Request<Sent>>>;

impl Lease {
    /// Whether it is of HTTP/2.
    pub(crate) fn is_two(&self) -> bool {
        matches!(self.on, On::Two(_))
    }

    /// Whether it is encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.pool.connector.is_some()
    }

    /// Sends a request.
    pub(crate) async fn send(&mut self, request: Request<Sent>) -> Tried {
        match &mut self.on {
            On::One(sender) => sender.try_send_request(request).await,
            On::Two(stream) => stream.0.sender.clone().try_send_request(request).await,
        }
    }

    /// The connection takes no more requests: nobody is to try again.
    pub(crate) fn ended(&self) {
        if let On::Two(stream) = &self.on {
            stream.0.ended.set(true);
        }
    }

    /// Puts the connection back, for the next request.
    pub(crate) fn give_back(self) {
        let Self { on, ends, pool, .. } = self;
        // Of HTTP/2 there is nothing to put back: it was never taken out.
        let On::One(connection) = on else { return };
        if !connection.is_closed() {
            let ends = ends.map(|ends| *ends);
            put_back(&mut pool.idle.borrow_mut(), connection, ends, pool.idle_max);
        }
    }
}

fn put_back<C>(idle: &mut Vec<Idle<C>>, connection: C, ends: Option<Ends>, idle_max: usize) {
    if idle_max <= idle.len() {
        // Where each is for one client, the oldest is the least likely to be asked for again.
        if ends.is_none() || idle.is_empty() {
            return;
        }
        idle.remove(0);
    }
    idle.push(Idle { connection, since: Instant::now(), ends });
}

impl Bare {
    /// Puts the connection back, for the next request.
    pub(crate) fn give_back(self, now: Instant) {
        let Self { stream, pool, .. } = self;
        let mut idle = pool.bare.borrow_mut();
        if idle.len() < pool.idle_max {
            idle.push(Idle { connection: stream, since: now, ends: None });
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
