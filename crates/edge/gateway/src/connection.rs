//! One connection of a client: encrypted or not, HTTP/1.1 or HTTP/2 as its first bytes say, until it ends or
//! the gateway stops. What is plain goes its own way (`plain`) for as long as that knows what comes.

use std::{
    future::{Future, poll_fn},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::{Pin, pin},
    rc::{Rc, Weak},
    task::{Context, Poll},
};

use http::{HeaderValue, Request};
use hyper::{
    body::Incoming,
    rt::{Executor, Read, Write},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    net::TcpStream,
    time::timeout,
};
use traffic::{
    fields::Fields,
    forward,
    plan::{Bounds, Plan},
    proxy_protocol::Ends,
};

use crate::{
    body::Inbound,
    capture,
    gather::Gathered,
    metrics::Counts,
    plain::{self, head::PREFACE, prefixed::Prefixed},
    proxy_protocol, reach,
    stall::{Impatient, Paced, Streams},
    worker::{Open, Worker},
};

/// Who is at the other end.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    /// The same, as headers have it.
    pub(crate) text: HeaderValue,
    pub(crate) encrypted: bool,
    /// Both ends of the connection, for members that are told.
    pub(crate) ends: Option<Ends>,
    /// Its connection, for what goes on with it; requests may outlive theirs.
    open: Weak<Open>,
}

impl Peer {
    /// Its connection, which counts as open while this is held.
    pub(crate) fn open(&self) -> Option<Rc<Open>> {
        self.open.upgrade()
    }

    /// How a client asks, `http` or `https`, as members are told.
    pub(crate) fn scheme(&self, plan: &Plan, fields: &impl Fields) -> &'static str {
        forward::scheme((self.address, self.encrypted), fields, &plan.trusted)
    }
}

/// A connection as it was accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrived {
    pub(crate) peer: SocketAddr,
    /// The place of the address that was listened on, if what comes there is encrypted.
    pub(crate) encrypted: Option<usize>,
    /// Whether trusted addresses begin with who asks.
    pub(crate) proxied: bool,
}

/// A connection of the gateway to itself, on which it asks for what its cache is to hold: it goes through everything that
/// one of a client does but its listener, so that it does not matter what begins there.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) stream: DuplexStream,
    /// Whether it is taken for an encrypted one.
    pub(crate) encrypted: bool,
}

/// Bytes that HTTP/1.1 reads ahead.
pub(crate) const READ_AHEAD_BYTES: usize = 64 << 10;

/// What HTTP/2 clients may have under way on one connection before it is read: with the streams it bounds
/// what a connection holds.
const WINDOW_BYTES: u32 = 256 << 10;

/// Requests that one HTTP/2 connection may have open, as nginx has it.
const STREAMS_MAX: u32 = 128;

/// Lines of a head for which hyper needs no memory besides its stack.
const HEADERS_USUAL: usize = 100;

/// Serves one connection to its end.
pub(crate) async fn serve(open: &Rc<Open>, mut stream: TcpStream, arrived: Arrived) {
    let worker = open.worker();
    // A socket without this option is slower, not wrong.
    stream.set_nodelay(true).ok();
    let Arrived { peer, encrypted, proxied } = arrived;
    let mut address = peer.ip().to_canonical();
    let mut ends = reach::ends_of(&stream, peer);
    let local = worker.local();
    let bounds = local.state.plan.bounds;
    if proxied && forward::is_trusted(address, &local.state.plan.trusted) {
        match timeout(bounds.head_time, proxy_protocol::read(&mut stream)).await {
            Ok(Ok(Some(told))) => {
                address = told.from.ip().to_canonical();
                ends = Some(told);
            }
            // Its own checks, and the like.
            Ok(Ok(None)) => {}
            Ok(Err(_)) | Err(_) => return worker.count(Counts::no_proxy_header),
        }
    }
    drop(local);
    let Ok(text) = HeaderValue::from_str(&address.to_string()) else { return };
    let open = Rc::downgrade(open);
    let peer = Rc::new(Peer { address, text, encrypted: encrypted.is_some(), ends, open });
    // Boxed is what not all connections come to, so that the others need no room for it.
    let Some(place) = encrypted else {
        let Some((stream, read)) = plain::serve(worker, &peer, stream).await else { return };
        let two = read.starts_with(PREFACE);
        let stream = Prefixed::new(read, stream);
        return Box::pin(serve_other(worker, &peer, stream, two)).await;
    };
    let Some(acceptor) = worker.shared.keyring().acceptor(place) else { return };
    let Ok(Ok(stream)) = timeout(bounds.head_time, acceptor.accept(stream)).await else { return };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        return Box::pin(serve_other(worker, &peer, stream, true)).await;
    }
    let Some((stream, read)) = Box::pin(plain::serve(worker, &peer, stream)).await else { return };
    Box::pin(serve_other(worker, &peer, Prefixed::new(read, stream), false)).await;
}

/// Serves a connection of the gateway to itself, to its end.
pub(crate) async fn serve_own(open: &Rc<Open>, own: Own) {
    let worker = open.worker();
    let Own { stream, encrypted } = own;
    let (address, text) = (Ipv4Addr::LOCALHOST.into(), HeaderValue::from_static("127.0.0.1"));
    let open = Rc::downgrade(open);
    let peer = Rc::new(Peer { address, text, encrypted, ends: None, open });
    Box::pin(serve_other(worker, &peer, stream, false)).await;
}

async fn serve_other<S>(worker: &Rc<Worker>, peer: &Rc<Peer>, stream: S, two: bool)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let bounds = worker.local().state.plan.bounds;
    let stream = Impatient::new(stream, bounds.body_pause);
    if two {
        serve_two(worker, peer, stream, &bounds).await;
    } else {
        serve_one(worker, peer, TokioIo::new(stream), &bounds).await;
    }
}

async fn serve_one<I>(worker: &Rc<Worker>, peer: &Rc<Peer>, io: I, bounds: &Bounds)
where
    I: Read + Write + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head_time)
        .half_close(true)
        .max_header_size(bounds.head_bytes_max)
        .max_buf_size(bounds.head_bytes_max.max(READ_AHEAD_BYTES));
    if bounds.headers_max != HEADERS_USUAL {
        builder.max_headers(bounds.headers_max);
    }
    let (of_worker, of_peer) = (Rc::clone(worker), Rc::clone(peer));
    let service = service_fn(move |request: Request<Incoming>| {
        let request = request.map(Inbound::Stream);
        // Boxed: it is large, and hyper moves it.
        Box::pin(capture::handle(Rc::clone(&of_worker), Rc::clone(&of_peer), request))
    });
    let connection = builder.serve_connection(io, service).with_upgrades();
    let mut connection = pin!(connection);
    let end = http1::UpgradeableConnection::graceful_shutdown;
    until_stopped(worker, connection.as_mut(), end, |_| true).await;
}

async fn serve_two<S>(worker: &Rc<Worker>, peer: &Rc<Peer>, stream: S, bounds: &Bounds)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let mut builder = http2::Builder::new(Streams);
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES * 4)
        .max_header_list_size(u32::try_from(bounds.head_bytes_max).unwrap_or(u32::MAX))
        .max_concurrent_streams(STREAMS_MAX)
        .keep_alive_interval(bounds.head_time)
        .keep_alive_timeout(bounds.head_time);
    let (of_worker, of_peer) = (Rc::clone(worker), Rc::clone(peer));
    let pause = bounds.body_pause;
    let service = service_fn(move |request: Request<Incoming>| {
        let request = request.map(Inbound::Stream);
        // Boxed: it is large, and hyper moves it from hand to hand.
        let answered =
            Box::pin(capture::handle(Rc::clone(&of_worker), Rc::clone(&of_peer), request));
        async move { answered.await.map(|answer| answer.map(|body| Paced::new(body, pause))) }
    });
    let stream = Gathered::new(stream);
    let handle = stream.handle();
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // A connection that nothing can be written to is over.
    let stands =
        |context: &mut Context<'_>| !matches!(handle.poll_send(context), Poll::Ready(Err(_)));
    until_stopped(worker, connection.as_mut(), http2::Connection::graceful_shutdown, stands).await;
}

/// Drives a connection; once the gateway stops, lets it end what has begun. After each turn it is asked whether the
/// connection still stands.
async fn until_stopped<C: Future>(
    worker: &Worker,
    mut connection: Pin<&mut C>,
    end: impl Fn(Pin<&mut C>),
    stands: impl Fn(&mut Context<'_>) -> bool,
) {
    let mut stopping = pin!(worker.stopping.notified());
    // Asked once: what wakes it wakes the whole task, which then looks at the flag alone.
    let mut asked = false;
    let mut told = false;
    poll_fn(|context| {
        if !asked {
            asked = true;
            // Whether it is ready is seen by the flag.
            let _ready = stopping.as_mut().poll(context);
        }
        if !told && worker.shared.is_stopping() {
            told = true;
            end(connection.as_mut());
        }
        let has_ended = connection.as_mut().poll(context).is_ready();
        if !stands(context) || has_ended { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Runs what HTTP/2 wants to be run, on this thread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnThisThread;

impl<F> Executor<F> for OnThisThread
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
