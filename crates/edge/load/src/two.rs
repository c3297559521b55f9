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
    time::Instant,
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
    /// Which connection it is: one more each time that it is given up.
    number: Cell<u64>,
    /// Answers that came on it, whole or in part.
    answers: Cell<u64>,
    /// When it could not be opened last, and why: that counts for all who waited meanwhile.
    failed: Cell<Option<(Instant, Trouble)>>,
    /// Whoever comes while it is being opened waits for that.
    sender: Mutex<Option<SendRequest<Bytes>>>,
}

/// A stream that may be used again and again, one request after the other.
#[derive(Debug)]
pub(crate) struct Two {
    line: Rc<Line>,
    /// Which connection of the line.
    number: u64,
    /// Answers on the line when the request was sent.
    answers: u64,
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
        let asked = Instant::now();
        let mut held = Held::of(self.emptiest());
        let line = Rc::clone(&held.line);
        let mut sender = line.sender.lock().await;
        if let Some(known) = &*sender
            && let Ok(known) = known.clone().ready().await
        {
            drop(sender);
            return Ok((held.stream(known, dial), false));
        }
        // It never was, or the server has closed it. One attempt is enough for all who wait: each takes as long as a
        // connection may.
        *sender = None;
        if let Some((when, trouble)) = line.failed.get()
            && asked <= when
        {
            return Err(trouble);
        }
        let opened = dial.two(turn).await.inspect_err(|trouble| {
            line.failed.set(Some((Instant::now(), *trouble)));
        })?;
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
        let line = Rc::clone(&self.line);
        let (number, answers) = (line.number.get(), line.answers.get());
        Two { line, number, answers, sender, scheme, is_fresh: true }
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
    /// It was waited for in vain. Where nothing else came either since it was sent, the connection may be dead without a word, as
    /// after a failover: whoever comes next opens another, as in HTTP/1.1, where a connection ends with its request.
    pub(crate) fn timed_out(&self) {
        let line = &self.line;
        if self.number == line.number.get()
            && self.answers == line.answers.get()
            && let Ok(mut sender) = line.sender.try_lock()
        {
            *sender = None;
            line.number.set(self.number + 1);
        }
    }

    /// Sends a request that is written as in HTTP/1.1, and reads its answer.
    pub(crate) async fn exchange(
        &mut self,
        request: &[u8],
        mut decoder: Decoder,
    ) -> Result<Answer, Trouble> {
        let (head, body) = taken_apart(request, self.scheme).ok_or(Trouble::Unwritten)?;
        if self.number != self.line.number.get() {
            // Somebody waited in vain on it: nothing was sent yet.
            return Err(Trouble::Untaken);
        }
        self.answers = self.line.answers.get();
        // Whatever goes wrong up to here, the server has seen nothing of it.
        let ready = self.sender.clone().ready().await;
        let mut sender = ready.map_err(|_closed| Trouble::Untaken)?;
        let sent = sender.send_request(head, body.is_empty());
        let (answer, mut sending) = sent.map_err(|_closed| Trouble::Untaken)?;
        if !body.is_empty() {
            sending.send_data(body, true).map_err(|error| trouble(&error))?;
        }
        let (head, mut body) = answer.await.map_err(|error| trouble(&error))?.into_parts();
        self.line.answers.set(self.line.answers.get() + 1);
        let headers = head.headers.iter();
        decoder.begin(
            head.status.as_u16(),
            headers.map(|(name, value)| (name.as_str(), value.as_bytes())),
        );
        while let Some(part) = body.data().await {
            self.line.answers.set(self.line.answers.get() + 1);
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
    use std::time::Duration;

    use super::*;
    use crate::connection::Connection;

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

    /// A server of which each connection but the first `silent` answers; how many there were.
    async fn server(silent: usize) -> (Dial, Rc<Cell<usize>>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = vec![listener.local_addr().unwrap()];
        let accepted = Rc::<Cell<usize>>::default();
        let count = Rc::clone(&accepted);
        spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.set(count.get() + 1);
                let is_silent = count.get() <= silent;
                spawn_local(async move {
                    let mut connection = h2::server::handshake(stream).await.unwrap();
                    let mut unanswered = Vec::new();
                    while let Some(Ok((_request, mut respond))) = connection.accept().await {
                        if is_silent {
                            unanswered.push(respond);
                        } else {
                            drop(respond.send_response(http::Response::new(()), true));
                        }
                    }
                });
            }
        });
        let timeout = Duration::from_mins(1);
        (Dial { addresses, tls: None, timeout, is_two: true, streams: 8 }, accepted)
    }

    fn in_a_thread(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, test);
    }

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    #[test]
    fn a_connection_that_says_nothing_any_more_is_opened_anew() {
        in_a_thread(async {
            let (dial, accepted) = server(1).await;
            let lines = Lines::new(1, 8);
            let (mut idle, is_new) = lines.stream(&dial, 0).await.unwrap();
            assert!(is_new);
            let (two, is_new) = lines.stream(&dial, 0).await.unwrap();
            assert!(!is_new, "they share a connection");
            let mut asked = Connection::Two(two);
            let decoder = || Decoder::new(crate::response::Wants::Size);
            let short = Duration::from_millis(50);
            let waited = asked.ask(REQUEST, decoder(), short).await;
            assert_eq!(waited.err(), Some(Trouble::TimedOut));
            drop(asked);
            // What is idle on the dead one sends nothing there.
            let refused = idle.exchange(REQUEST, decoder()).await;
            assert_eq!(refused.err(), Some(Trouble::Untaken));
            let (mut two, is_new) = lines.stream(&dial, 0).await.unwrap();
            assert!(is_new);
            assert_eq!(two.exchange(REQUEST, decoder()).await.unwrap().status, 200);
            assert_eq!(accepted.get(), 2);
        });
    }

    #[test]
    fn whoever_waits_for_a_connection_that_cannot_be_opened_hears_so_with_the_first() {
        in_a_thread(async {
            // Nobody shakes hands for TLS there.
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let addresses = vec![listener.local_addr().unwrap()];
            let accepted = Rc::<Cell<usize>>::default();
            let count = Rc::clone(&accepted);
            spawn_local(async move {
                let mut open = Vec::new();
                while let Ok((stream, _)) = listener.accept().await {
                    count.set(count.get() + 1);
                    open.push(stream);
                }
            });
            let config = rustls::ClientConfig::builder_with_provider(
                rustls::crypto::ring::default_provider().into(),
            )
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
            let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
            let tls = Some((connector, "localhost".try_into().unwrap()));
            let timeout = Duration::from_millis(300);
            let dial = Dial { addresses, tls, timeout, is_two: true, streams: 32 };
            let lines = Rc::new(Lines::new(1, 32));
            let waits: Vec<_> = (0..16)
                .map(|turn| {
                    let (lines, dial) = (Rc::clone(&lines), dial.clone());
                    spawn_local(async move { lines.stream(&dial, turn).await.err() })
                })
                .collect();
            for wait in waits {
                assert_eq!(wait.await.unwrap(), Some(Trouble::TimedOut));
            }
            assert_eq!(accepted.get(), 1, "one attempt for all of them");
            assert!(lines.stream(&dial, 0).await.is_err(), "and another for who comes later");
            assert_eq!(accepted.get(), 2);
        });
    }
}
