//! HTTP/2: many requests at once on a connection, each a stream of its own (RFC 9113).
//!
//! What is asked is written once, as HTTP/1.1, and taken apart here: a scenario, a capture and a check are the same for both.
//! Streams of a thread share its connections; a new one goes to the connection that has the fewest, and a connection has
//! so many at most.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use bytes::Bytes;
use h2::{
    Reason,
    client::{Builder, SendRequest},
};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Mutex,
    task::spawn_local,
};

use crate::{
    connection::{Dial, Stream, Trouble},
    response::{Answer, Decoder},
};

/// What a server may send of one answer before it is told that there is room: as much as loopback fills at once.
const STREAM_WINDOW: u32 = 1 << 20;
/// The same of all answers on a connection.
const CONNECTION_WINDOW: u32 = 16 << 20;
/// Headers of a request at most: recorded ones have been through a browser and a proxy.
const HEADERS_MAX: usize = 192;

/// Headers that HTTP/2 has no use for (RFC 9113, section 8.2.2), and `host`, whose place `:authority` takes.
const LEFT_OUT: [&str; 7] = [
    "connection",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
];

/// The connections of a thread.
#[derive(Debug)]
pub(crate) struct Lines {
    open: RefCell<Vec<Rc<Line>>>,
    /// That are opened before one gets a second stream.
    wide: usize,
    /// Streams of a connection at most.
    deep: usize,
}

/// A connection, or the place of one.
#[derive(Debug, Default)]
struct Line {
    /// Streams that hold it.
    held: Cell<usize>,
    /// Whoever comes while it is being opened waits for that.
    sender: Mutex<Option<SendRequest<Bytes>>>,
}

/// A stream that may be used again and again, one request after the other.
#[derive(Debug)]
pub(crate) struct Two {
    line: Rc<Line>,
    sender: SendRequest<Bytes>,
    scheme: &'static str,
    pub(crate) is_fresh: bool,
}

impl Lines {
    pub(crate) fn new(wide: usize, deep: usize) -> Self {
        Self { open: RefCell::default(), wide: wide.max(1), deep: deep.max(1) }
    }

    /// A stream on the connection that has the fewest; whether that had to be opened.
    pub(crate) async fn stream(&self, dial: &Dial, turn: usize) -> Result<(Two, bool), Trouble> {
        let line = self.emptiest();
        let mut held = Held::of(line);
        let mut sender = held.line.sender.lock().await;
        if let Some(known) = &*sender
            && let Ok(known) = known.clone().ready().await
        {
            drop(sender);
            return Ok((held.stream(known, dial), false));
        }
        // It never was, or the server has closed it.
        *sender = None;
        let opened = dial.two(turn).await?;
        *sender = Some(opened.clone());
        drop(sender);
        Ok((held.stream(opened, dial), true))
    }

    fn emptiest(&self) -> Rc<Line> {
        let mut lines = self.open.borrow_mut();
        let least = lines.iter().min_by_key(|line| line.held.get()).cloned();
        match least {
            Some(line)
                if line.held.get() == 0
                    || (self.wide <= lines.len() && line.held.get() < self.deep) =>
            {
                line
            }
            _ => {
                let line = Rc::<Line>::default();
                lines.push(Rc::clone(&line));
                line
            }
        }
    }
}

/// A place on a connection, given back unless it becomes a stream.
struct Held {
    line: Rc<Line>,
    is_used: bool,
}

impl Held {
    fn of(line: Rc<Line>) -> Self {
        line.held.set(line.held.get() + 1);
        Self { line, is_used: false }
    }

    fn stream(&mut self, sender: SendRequest<Bytes>, dial: &Dial) -> Two {
        self.is_used = true;
        let scheme = if dial.tls.is_some() { "https" } else { "http" };
        Two { line: Rc::clone(&self.line), sender, scheme, is_fresh: true }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.is_used {
            self.line.held.set(self.line.held.get().saturating_sub(1));
        }
    }
}

impl Drop for Two {
    fn drop(&mut self) {
        self.line.held.set(self.line.held.get().saturating_sub(1));
    }
}

/// Shakes hands over a stream of bytes. What drives the connection is a task of its own, which ends with it.
pub(crate) async fn shake(
    stream: Stream,
    streams: usize,
    is_probe: bool,
) -> Result<SendRequest<Bytes>, Trouble> {
    match stream {
        Stream::Plain(stream) => drive(stream, streams, is_probe).await,
        Stream::Encrypted(stream) => drive(stream, streams, is_probe).await,
    }
}

async fn drive(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    streams: usize,
    is_probe: bool,
) -> Result<SendRequest<Bytes>, Trouble> {
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_max_send_streams(streams);
    let shaken = builder.handshake::<_, Bytes>(stream).await;
    let (sender, mut connection) = shaken.map_err(|error| trouble(&error))?;
    let ping = connection.ping_pong().filter(|_| is_probe);
    let driven = spawn_local(async move {
        // Whoever has a stream on it hears the error.
        drop(connection.await);
    });
    if let Some(mut ping) = ping {
        // A server of another protocol takes the greeting for a bad request: only one of HTTP/2 answers this.
        let heard = ping.ping(h2::Ping::opaque()).await;
        driven.abort();
        heard.map_err(|_error| Trouble::NotTwo)?;
    }
    Ok(sender)
}

impl Two {
    /// Sends a request that is written as in HTTP/1.1, and reads its answer.
    pub(crate) async fn exchange(
        &mut self,
        request: &[u8],
        mut decoder: Decoder,
    ) -> Result<Answer, Trouble> {
        let (head, body) = taken_apart(request, self.scheme).ok_or(Trouble::Unwritten)?;
        // Whatever goes wrong up to here, the server has seen nothing of it.
        let ready = self.sender.clone().ready().await;
        let mut sender = ready.map_err(|_closed| Trouble::Untaken)?;
        let sent = sender.send_request(head, body.is_empty());
        let (answer, mut sending) = sent.map_err(|_closed| Trouble::Untaken)?;
        if !body.is_empty() {
            sending.send_data(body, true).map_err(|error| trouble(&error))?;
        }
        let (head, mut body) = answer.await.map_err(|error| trouble(&error))?.into_parts();
        let headers = head.headers.iter();
        decoder.begin(
            head.status.as_u16(),
            headers.map(|(name, value)| (name.as_str(), value.as_bytes())),
        );
        while let Some(part) = body.data().await {
            let part = part.map_err(|error| trouble(&error))?;
            decoder.more(&part);
            // It fails where the stream is over: then there is nothing to make room for.
            drop(body.flow_control().release_capacity(part.len()));
        }
        self.is_fresh = false;
        Ok(decoder.answer)
    }
}

/// What an error means to whoever asked.
fn trouble(error: &h2::Error) -> Trouble {
    let reason = error.reason();
    let is_goodbye = error.is_go_away() && error.is_remote() && reason == Some(Reason::NO_ERROR);
    if is_goodbye || (error.is_reset() && reason == Some(Reason::REFUSED_STREAM)) {
        // RFC 9113, section 8.7: nothing was done with it.
        Trouble::Untaken
    } else if error.is_io() {
        Trouble::Closed
    } else if error.is_remote() {
        Trouble::Reset
    } else {
        Trouble::Malformed
    }
}

/// A request of HTTP/1.1 as one of HTTP/2; `None` if it cannot be one.
fn taken_apart(bytes: &[u8], scheme: &str) -> Option<(Request<()>, Bytes)> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(used) = parsed.parse(bytes).ok()? else { return None };
    let host = parsed.headers.iter().find(|header| header.name.eq_ignore_ascii_case("host"))?;
    let uri = Uri::builder()
        .scheme(scheme)
        .authority(host.value)
        .path_and_query(parsed.path?)
        .build()
        .ok()?;
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(parsed.method?.as_bytes()).ok()?;
    *request.uri_mut() = uri;
    for header in parsed.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        if !LEFT_OUT.contains(&name.as_str()) {
            request.headers_mut().append(name, HeaderValue::from_bytes(header.value).ok()?);
        }
    }
    Some((request, Bytes::copy_from_slice(bytes.get(used..)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_the_same_in_both_versions() {
        let (head, body) = taken_apart(
            b"POST /a?b=%20 HTTP/1.1\r\nHost: x:81\r\nConnection: close\r\nA: 1\r\nA: 2\r\nContent-Length: 2\r\n\r\n{}",
            "https",
        )
        .unwrap();
        assert_eq!(head.uri().to_string(), "https://x:81/a?b=%20");
        assert_eq!((head.method().as_str(), &body[..]), ("POST", &b"{}"[..]));
        let headers: Vec<_> =
            head.headers().iter().map(|(name, value)| (name.as_str(), value)).collect();
        assert_eq!(headers.len(), 3, "{headers:?}");
        assert_eq!(head.headers().get_all("a").iter().count(), 2);
    }

    #[test]
    fn what_is_no_request_is_not_sent() {
        for wrong in
            [&b"GET / HTTP/1.1\r\n\r\n"[..], b"GET / HTTP/1.1\r\nHost: x\r\n", b"", b"GET /\r\n"]
        {
            assert!(taken_apart(wrong, "http").is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn a_new_stream_goes_where_the_fewest_are() {
        let lines = Lines::new(2, 3);
        let held: Vec<Held> = (0..6).map(|_| Held::of(lines.emptiest())).collect();
        let counts = || lines.open.borrow().iter().map(|line| line.held.get()).collect::<Vec<_>>();
        assert_eq!(counts(), [3, 3]);
        // Users of the closed model are as many as they are: beyond the bound of each there are more connections.
        let more = Held::of(lines.emptiest());
        assert_eq!(counts(), [3, 3, 1]);
        drop((held, more));
        assert_eq!(counts(), [0, 0, 0]);
    }
}
