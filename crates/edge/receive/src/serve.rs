//! Listening, and stopping again.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};

use crate::{Counters, Options, Sink, connection, counters::Level, intake::Intake};

/// What a listener is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Port {
    Grpc,
    Http,
}

/// Why a receiver could not listen.
#[derive(Debug, thiserror::Error)]
#[error("failed to listen for {port} on {address}")]
pub struct BindError {
    port: Port,
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// A receiver that listens. Dropping it stops it at once; [`Running::stop`] is kinder.
pub struct Running {
    grpc: Option<SocketAddr>,
    http: Option<SocketAddr>,
    intake: Arc<Intake>,
    stopping: watch::Sender<bool>,
    listeners: JoinSet<JoinSet<()>>,
}

/// How a receiver stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Every request that had begun was answered.
    Clean,
    /// Time was up before that; these many connections were cut, and their senders will try again.
    Cut {
        /// Connections that were open still.
        connections: usize,
    },
}

/// Listens as `options` say and hands what comes to `sink`, until it is stopped.
///
/// # Errors
///
/// An address cannot be listened on; nothing listens then.
pub async fn serve(options: Options, sink: Arc<dyn Sink>) -> Result<Running, BindError> {
    let grpc = bind(Port::Grpc, options.grpc).await?;
    let http = bind(Port::Http, options.http).await?;
    let connections_max = options.connections_max;
    let intake = Arc::new(Intake::new(options, Arc::default(), sink));
    let (stopping, stopped) = watch::channel(false);
    let places = Arc::new(tokio::sync::Semaphore::new(connections_max));
    let address = |listener: &Option<TcpListener>| listener.as_ref()?.local_addr().ok();
    let (grpc_address, http_address) = (address(&grpc), address(&http));
    let mut listeners = JoinSet::new();
    for listener in [grpc, http].into_iter().flatten() {
        let listen = listen(listener, Arc::clone(&intake), Arc::clone(&places), stopped.clone());
        listeners.spawn(listen);
    }
    Ok(Running { grpc: grpc_address, http: http_address, intake, stopping, listeners })
}

impl Running {
    /// Where gRPC is expected; the port is the real one if 0 was asked for.
    #[must_use]
    pub fn grpc(&self) -> Option<SocketAddr> {
        self.grpc
    }

    /// Where HTTP is expected; the port is the real one if 0 was asked for.
    #[must_use]
    pub fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// What is counted; it stays readable after the receiver has stopped.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.intake.counters)
    }

    /// Stops listening, answers what has begun within `grace`, and cuts the rest. The sink is not
    /// called any more once this has returned [`Stopped::Clean`].
    pub async fn stop(mut self, grace: Duration) -> Stopped {
        let deadline = Instant::now() + grace;
        // Nobody left to tell is fine.
        self.stopping.send(true).ok();
        let mut connections = 0;
        while let Some(open) = self.listeners.join_next().await {
            let Ok(mut open) = open else { continue };
            let all = async { while open.join_next().await.is_some() {} };
            if timeout_at(deadline, all).await.is_err() {
                connections += open.len();
            }
        }
        let settled = timeout_at(deadline, self.intake.settle()).await;
        if connections == 0 && settled.is_ok() {
            Stopped::Clean
        } else {
            Stopped::Cut { connections }
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Running")
            .field("grpc", &self.grpc)
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}

impl BindError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        let (key, variable) = match self.port {
            Port::Grpc => ("grpc", "TAUT_RECEIVE_GRPC"),
            Port::Http => ("http", "TAUT_RECEIVE_HTTP"),
        };
        let cure = format!(
            "choose another with `{key} = \"127.0.0.1:PORT\"` under `[receive]` in taut.toml, or with {variable}"
        );
        match self.source.kind() {
            io::ErrorKind::AddrInUse => format!(
                "another program has port {}, perhaps an OpenTelemetry collector or another taut; {cure}",
                self.address.port()
            ),
            io::ErrorKind::AddrNotAvailable => {
                format!("{} is not an address of this machine; {cure}", self.address.ip())
            }
            io::ErrorKind::PermissionDenied => {
                format!("port {} is reserved for root; {cure}", self.address.port())
            }
            _ => cure,
        }
    }

    /// The address that could not be listened on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl fmt::Display for Port {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Grpc => "OTLP over gRPC",
            Self::Http => "OTLP over HTTP",
        })
    }
}

async fn bind(port: Port, address: Option<SocketAddr>) -> Result<Option<TcpListener>, BindError> {
    let Some(address) = address else { return Ok(None) };
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(Some(listener)),
        Err(source) => Err(BindError { port, address, source }),
    }
}

/// Time to wait when no connection can be taken, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Takes connections until told to stop; returns those that are open still.
async fn listen(
    listener: TcpListener,
    intake: Arc<Intake>,
    places: Arc<tokio::sync::Semaphore>,
    mut stopping: watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = open.join_next() => continue,
            // An error means that the receiver was dropped, and this task with it.
            _ = stopping.wait_for(|stopping| *stopping) => return open,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let counters = &intake.counters;
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            counters.connections_refused.fetch_add(1, Relaxed);
            turn_away(stream, intake.options.retry_after).await;
            continue;
        };
        counters.connections_accepted.fetch_add(1, Relaxed);
        let level = Level::new(Arc::clone(counters), |counters| &counters.connections_open, 1);
        let (intake, stopping) = (Arc::clone(&intake), stopping.clone());
        open.spawn(async move {
            connection::run(stream, intake, stopping).await;
            drop((place, level));
        });
    }
}

/// Says why, as far as it can be said without listening. To gRPC it is a broken connection, which its
/// senders try again.
async fn turn_away(mut stream: TcpStream, retry_after: Duration) {
    let secs = retry_after.as_secs().max(1);
    let text = format!(
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: {secs}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    );
    // It fits any socket's buffer; a sender that is gone already needs no answer.
    drop(timeout(ACCEPT_PAUSE, stream.write_all(text.as_bytes())).await);
}
