//! One connection: a request out, its answer in, and again.

use std::{io, net::SocketAddr, time::Duration};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::response::{Answer, Decoder};

/// Read at once: most answers fit, and a large one takes few reads.
const READ_BYTES: usize = 16 << 10;

/// What went wrong with a request, as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    Connect,
    Encrypt,
    Send,
    Closed,
    Malformed,
    TimedOut,
    Unsent,
}

impl Trouble {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Connect => "connection refused or failed",
            Self::Encrypt => "encryption failed",
            Self::Send => "connection broke while sending",
            Self::Closed => "connection closed before the answer was whole",
            Self::Malformed => "the answer is no HTTP",
            Self::TimedOut => "timed out",
            Self::Unsent => "never sent: too many were waiting",
        }
    }
}

/// How to connect.
#[derive(Clone)]
pub(crate) struct Dial {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) tls: Option<(TlsConnector, ServerName<'static>)>,
    pub(crate) timeout: Duration,
}

/// A connection that waits for its next request.
pub(crate) struct Connection {
    stream: Stream,
    buffer: Vec<u8>,
    /// Nothing was asked on it yet: a failure is not one of a connection that the server closed as idle.
    is_fresh: bool,
}

enum Stream {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

impl Dial {
    /// A new connection, to one of the addresses by turns.
    pub(crate) async fn connect(&self, turn: usize) -> Result<Connection, Trouble> {
        let place = turn % self.addresses.len().max(1);
        let address = self.addresses.get(place).copied().ok_or(Trouble::Connect)?;
        let connected = timeout(self.timeout, TcpStream::connect(address)).await;
        let stream =
            connected.map_err(|_late| Trouble::TimedOut)?.map_err(|_error| Trouble::Connect)?;
        stream.set_nodelay(true).map_err(|_error| Trouble::Connect)?;
        let stream = match &self.tls {
            None => Stream::Plain(stream),
            Some((connector, name)) => {
                let shaken = timeout(self.timeout, connector.connect(name.clone(), stream)).await;
                let shaken = shaken.map_err(|_late| Trouble::TimedOut)?;
                Stream::Encrypted(Box::new(shaken.map_err(|_error| Trouble::Encrypt)?))
            }
        };
        Ok(Connection { stream, buffer: Vec::with_capacity(READ_BYTES), is_fresh: true })
    }
}

impl Connection {
    /// Sends a request and reads its answer. An error ends the connection.
    pub(crate) async fn ask(
        &mut self,
        request: &[u8],
        decoder: Decoder,
        longest: Duration,
    ) -> Result<Answer, Trouble> {
        match timeout(longest, self.exchange(request, decoder)).await {
            Ok(done) => done,
            Err(_late) => Err(Trouble::TimedOut),
        }
    }

    /// Whether a failure may only mean that the server had closed an idle connection.
    pub(crate) fn was_used(&self) -> bool {
        !self.is_fresh
    }

    async fn exchange(&mut self, request: &[u8], mut decoder: Decoder) -> Result<Answer, Trouble> {
        self.buffer.clear();
        self.stream.send(request).await.map_err(|_error| Trouble::Send)?;
        loop {
            match self.stream.read(&mut self.buffer).await {
                Ok(0) if decoder.closed() => break,
                Ok(0) | Err(_) => return Err(Trouble::Closed),
                Ok(_) => {}
            }
            if decoder.take(&mut self.buffer).map_err(|_malformed| Trouble::Malformed)? {
                break;
            }
        }
        self.is_fresh = false;
        Ok(decoder.answer)
    }
}

impl Stream {
    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes).await,
            Self::Encrypted(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    /// Appends what is there; the buffer never grows beyond what an answer's head may take and one read.
    async fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        buffer.reserve(READ_BYTES);
        match self {
            Self::Plain(stream) => stream.read_buf(buffer).await,
            Self::Encrypted(stream) => stream.read_buf(buffer).await,
        }
    }
}
