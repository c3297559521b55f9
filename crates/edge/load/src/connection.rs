//! One connection: a request out, its answer in, and again. In HTTP/2, a stream of one.

use std::{io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use h2::client::SendRequest;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    response::{Answer, Decoder},
    two::{Lines, Two, shake},
};

/// Read at once: most answers fit, and a large one takes few reads.
const READ_BYTES: usize = 16 << 10;

/// What went wrong with a request, as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    Connect,
    Encrypt,
    Stranger,
    NotTwo,
    Send,
    Closed,
    Untaken,
    Reset,
    Malformed,
    Unwritten,
    TimedOut,
    Waited,
    Unsent,
}

impl Trouble {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Connect => "connection refused or failed",
            Self::Encrypt => "encryption failed",
            Self::Stranger => "nobody who is believed vouches for its certificate",
            Self::NotTwo => "it does not speak HTTP/2",
            Self::Send => "connection broke while sending",
            Self::Closed => "connection closed before the answer was whole",
            Self::Untaken => "the server takes no more requests on its connections",
            Self::Reset => "the server ended the stream before the answer was whole",
            Self::Malformed => "the answer is no HTTP",
            Self::Unwritten => "the request cannot be written in HTTP/2",
            Self::TimedOut => "timed out",
            Self::Waited => "never sent: no connection was free in time",
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
    /// HTTP/2 is spoken.
    pub(crate) is_two: bool,
    /// Streams of a connection at most, in HTTP/2.
    pub(crate) streams: usize,
}

/// A connection that waits for its next request.
pub(crate) enum Connection {
    One(One),
    Two(Two),
}

/// Of HTTP/1.1.
pub(crate) struct One {
    stream: Stream,
    buffer: Vec<u8>,
    /// Nothing was asked on it yet: a failure is not one of a connection that the server closed as idle.
    is_fresh: bool,
}

pub(crate) enum Stream {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

impl Dial {
    /// A connection for a request, to one of the addresses by turns; whether it was opened for it.
    pub(crate) async fn connect(
        &self,
        lines: &Lines,
        turn: usize,
    ) -> Result<(Connection, bool), Trouble> {
        if self.is_two {
            let (two, is_new) = lines.stream(self, turn).await?;
            return Ok((Connection::Two(two), is_new));
        }
        let stream = self.open(turn).await?;
        let buffer = Vec::with_capacity(READ_BYTES);
        Ok((Connection::One(One { stream, buffer, is_fresh: true }), true))
    }

    /// A new connection of HTTP/2.
    pub(crate) async fn two(&self, turn: usize) -> Result<SendRequest<Bytes>, Trouble> {
        let stream = self.open(turn).await?;
        let shaken = timeout(self.timeout, shake(stream, self.streams, false)).await;
        shaken.map_err(|_late| Trouble::TimedOut)?
    }

    /// Whether anybody is there, and speaks what is asked for; over TLS, whether HTTP/2 was agreed upon.
    pub(crate) async fn probe(&self, turn: usize) -> Result<bool, Trouble> {
        let stream = self.open(turn).await?;
        let agreed = match &stream {
            Stream::Plain(_) => false,
            Stream::Encrypted(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        };
        if self.is_two {
            let is_encrypted = matches!(stream, Stream::Encrypted(_));
            if is_encrypted && !agreed {
                return Err(Trouble::NotTwo);
            }
            let shaken = timeout(self.timeout, shake(stream, self.streams, true)).await;
            shaken.map_err(|_late| Trouble::NotTwo)??;
        }
        Ok(agreed)
    }

    async fn open(&self, turn: usize) -> Result<Stream, Trouble> {
        let place = turn % self.addresses.len().max(1);
        let address = self.addresses.get(place).copied().ok_or(Trouble::Connect)?;
        let connected = timeout(self.timeout, TcpStream::connect(address)).await;
        let stream =
            connected.map_err(|_late| Trouble::TimedOut)?.map_err(|_error| Trouble::Connect)?;
        stream.set_nodelay(true).map_err(|_error| Trouble::Connect)?;
        let Some((connector, name)) = &self.tls else { return Ok(Stream::Plain(stream)) };
        let shaken = timeout(self.timeout, connector.connect(name.clone(), stream)).await;
        let shaken = shaken.map_err(|_late| Trouble::TimedOut)?;
        Ok(Stream::Encrypted(Box::new(shaken.map_err(|error| refused(&error))?)))
    }
}

/// Why no encrypted connection came about.
fn refused(error: &io::Error) -> Trouble {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(_)) => Trouble::Stranger,
        Some(
            rustls::Error::NoApplicationProtocol
            | rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol),
        ) => Trouble::NotTwo,
        _ => Trouble::Encrypt,
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
        let done = async {
            match self {
                Self::One(one) => one.exchange(request, decoder).await,
                Self::Two(two) => two.exchange(request, decoder).await,
            }
        };
        match timeout(longest, done).await {
            Ok(done) => done,
            Err(_late) => {
                if let Self::Two(two) = self {
                    two.timed_out();
                }
                Err(Trouble::TimedOut)
            }
        }
    }

    /// Whether a failure may only mean that the server had closed an idle connection.
    pub(crate) fn was_used(&self) -> bool {
        match self {
            Self::One(one) => !one.is_fresh,
            Self::Two(two) => !two.is_fresh,
        }
    }
}

impl One {
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
