//! A connection to a member, from nothing: TCP, who asks (PROXY protocol), encryption, HTTP.

use std::{net::SocketAddr, os::fd::AsFd as _, sync::PoisonError, time::Duration};

use http::{
    Request, Uri, Version, header,
    uri::{Authority, PathAndQuery, Scheme},
};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::client::TlsStream;
use traffic::{
    plan::Bounds,
    proxy_protocol::{self, Ends},
    wire::{Http, Wire},
};

use crate::{
    body::Sent, connection::OnThisThread, keepalive, member::Member, pool::NoConnection,
    tls::Connector,
};

/// How a member is to be reached.
#[derive(Clone, Copy)]
pub(crate) struct Way<'a> {
    pub(crate) wire: &'a Wire,
    pub(crate) connector: Option<&'a Connector>,
    /// Who asks, if the member is told.
    pub(crate) ends: Option<Ends>,
    /// Whether it must be HTTP/1.1: other protocols begin with nothing else.
    pub(crate) one: bool,
}

/// A connection, before anything was asked on it.
pub(crate) enum Stream {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

/// A connection that can be asked on.
#[derive(Debug)]
pub(crate) enum Sender {
    One(http1::SendRequest<Sent>),
    Two(http2::SendRequest<Sent>),
}

/// Streams that one connection of HTTP/2 carries at once: what members must allow at least, as RFC 9113 advises.
pub(crate) const STREAMS_MAX: usize = 100;

/// Bytes of one answer that may lie here unread.
const STREAM_BYTES: u32 = 128 << 10;

/// For all streams together: clients that do not read their answers take nothing away from those who do.
const CONNECTION_BYTES: u32 = STREAM_BYTES * 100;

/// How often a connection of HTTP/2 on which nothing comes is asked whether it is there.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// Connects, as far as encryption goes.
pub(crate) async fn connect(
    member: &Member,
    way: Way<'_>,
    wait_max: Duration,
) -> Result<Stream, NoConnection> {
    let opened = timeout(wait_max, open(member, way)).await;
    opened.unwrap_or(Err(NoConnection::Timeout))
}

async fn open(member: &Member, way: Way<'_>) -> Result<Stream, NoConnection> {
    let stream = match member.resolved {
        Some(address) => TcpStream::connect(address).await,
        None => TcpStream::connect(&*member.address).await,
    };
    let mut stream = stream.map_err(|_refused| NoConnection::Failed)?;
    // A socket without this option is slower, not wrong.
    stream.set_nodelay(true).ok();
    // Without it a member that vanishes is noticed later.
    keepalive::set(stream.as_fd()).ok();
    if let Some(version) = way.wire.proxy_protocol {
        let mut told = Vec::new();
        proxy_protocol::write(version, way.ends, &mut told);
        stream.write_all(&told).await.map_err(|_closed| NoConnection::Failed)?;
    }
    if way.wire.tls.is_none() {
        return Ok(Stream::Plain(stream));
    }
    let connector = way.connector.ok_or(NoConnection::Failed)?;
    let Some(name) = connector.name(&member.host) else {
        return Err(untrusted(member, "its host is no name that a certificate can have"));
    };
    match connector.tls(way.one).connect(name, stream).await {
        Ok(stream) => {
            member.trouble.lock().unwrap_or_else(PoisonError::into_inner).clear();
            Ok(Stream::Encrypted(Box::new(stream)))
        }
        Err(error) => Err(untrusted(member, &error.to_string())),
    }
}

/// Remembers why a connection could not be encrypted: nobody who asks is to see it, who runs the gateway is.
fn untrusted(member: &Member, why: &str) -> NoConnection {
    let mut trouble = member.trouble.lock().unwrap_or_else(PoisonError::into_inner);
    if *trouble != why {
        why.clone_into(&mut trouble);
    }
    NoConnection::Untrusted
}

impl Stream {
    /// The connection as it is, if it is not encrypted.
    pub(crate) fn plain(self) -> Option<TcpStream> {
        match self {
            Self::Plain(stream) => Some(stream),
            Self::Encrypted(_) => None,
        }
    }

    /// A connection that hyper drives, with the HTTP that was agreed on.
    pub(crate) async fn driven(
        self,
        member: &Member,
        way: Way<'_>,
        bounds: &Bounds,
    ) -> Result<Sender, NoConnection> {
        let agreed = match &self {
            Self::Plain(_) => None,
            Self::Encrypted(stream) => stream.get_ref().1.alpn_protocol(),
        };
        let two = match way.wire.http {
            _ if way.one => false,
            Http::One => false,
            Http::Two if way.wire.tls.is_some() && agreed != Some(b"h2") => {
                return Err(untrusted(member, "it does not agree to HTTP/2"));
            }
            Http::Two => true,
            Http::Offered => agreed == Some(b"h2"),
        };
        match self {
            Self::Plain(stream) => driven(stream, two, bounds).await,
            Self::Encrypted(stream) => driven(*stream, two, bounds).await,
        }
    }
}

async fn driven<I>(stream: I, two: bool, bounds: &Bounds) -> Result<Sender, NoConnection>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(stream);
    if two {
        let head_bytes_max = u32::try_from(bounds.head_bytes_max).unwrap_or(u32::MAX);
        let mut builder = http2::Builder::new(OnThisThread);
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_BYTES)
            .initial_connection_window_size(CONNECTION_BYTES)
            .max_header_list_size(head_bytes_max)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_INTERVAL);
        let (sender, connection) =
            builder.handshake(io).await.map_err(|_closed| NoConnection::Failed)?;
        tokio::task::spawn_local(async move { drop(connection.await) });
        return Ok(Sender::Two(sender));
    }
    let mut builder = http1::Builder::new();
    builder.max_buf_size(bounds.head_bytes_max.max(crate::connection::READ_AHEAD_BYTES));
    let (sender, connection) =
        builder.handshake(io).await.map_err(|_closed| NoConnection::Failed)?;
    // It ends when either side closes it; who has sent something on it is told by what they wait for.
    tokio::task::spawn_local(async move { drop(connection.with_upgrades().await) });
    Ok(Sender::One(sender))
}

/// Makes of a request for HTTP/1.1 one for HTTP/2: the host stands in its address.
pub(crate) fn as_two<B>(request: &mut Request<B>, member: &Member, encrypted: bool) {
    let headers = request.headers_mut();
    let host = headers.remove(header::HOST);
    headers.remove(header::CONNECTION);
    let host = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let authority = host.or_else(|| Authority::try_from(&*member.address).ok());
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(if encrypted { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = authority;
    parts.path_and_query.get_or_insert_with(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    *request.version_mut() = Version::HTTP_2;
}

/// Takes that back, for a request that was not sent after all.
pub(crate) fn as_one<B>(request: &mut Request<B>) {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = None;
    let host = parts.authority.take();
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    *request.version_mut() = Version::HTTP_11;
    let host = host.and_then(|host| host.as_str().parse().ok());
    if let Some(host) = host {
        request.headers_mut().insert(header::HOST, host);
    }
    if request.headers().contains_key(header::TE) {
        let te = http::HeaderValue::from_static("te");
        request.headers_mut().insert(header::CONNECTION, te);
    }
}

/// Where a connection of a client ends, for members that are told.
pub(crate) fn ends_of(stream: &TcpStream, from: SocketAddr) -> Option<Ends> {
    stream.local_addr().ok().map(|to| Ends { from, to })
}
