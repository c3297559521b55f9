//! A running receiver, sinks of every temper, requests to send, and an HTTP client.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message as _;
use receive::{Options, Received, Refusal, Running, Sink};
use tokio::net::TcpStream;

pub(crate) const PROTOBUF: &str = "application/x-protobuf";
pub(crate) const JSON: &str = "application/json";

/// Keeps what it is given.
#[derive(Default)]
pub(crate) struct Keep(Mutex<Vec<Received>>);

impl Keep {
    pub(crate) fn batches(&self) -> Vec<Received> {
        self.0.lock().expect("no test panics while it holds this").clone()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let batches = self.batches();
        let spans = batches.iter().flat_map(|batch| &batch.spans);
        let mut names: Vec<String> = spans.map(|span| span.name.to_string()).collect();
        names.sort();
        names
    }
}

impl Sink for Keep {
    fn accept(&self, batch: Received) -> Result<(), Refusal> {
        self.0.lock().expect("no test panics while it holds this").push(batch);
        Ok(())
    }
}

/// Takes nothing.
pub(crate) struct Refuse(pub(crate) Refusal);

impl Sink for Refuse {
    fn accept(&self, _: Received) -> Result<(), Refusal> {
        Err(self.0.clone())
    }
}

/// Says that it was called, then waits until it is let go on.
pub(crate) struct Wait {
    pub(crate) entered: mpsc::SyncSender<()>,
    pub(crate) go_on: Mutex<mpsc::Receiver<()>>,
}

impl Wait {
    pub(crate) fn new() -> (Arc<Self>, mpsc::Receiver<()>, mpsc::SyncSender<()>) {
        let (entered, was_entered) = mpsc::sync_channel(100);
        let (go, go_on) = mpsc::sync_channel(100);
        (Arc::new(Self { entered, go_on: Mutex::new(go_on) }), was_entered, go)
    }
}

impl Sink for Wait {
    fn accept(&self, _: Received) -> Result<(), Refusal> {
        self.entered.send(()).expect("the test listens");
        self.go_on.lock().expect("no test panics while it holds this").recv().ok();
        Ok(())
    }
}

/// Meets a bug.
pub(crate) struct Crash;

impl Sink for Crash {
    fn accept(&self, _: Received) -> Result<(), Refusal> {
        panic!("on purpose");
    }
}

/// Free ports, and bounds that tests can reach.
pub(crate) fn options() -> Options {
    let any = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    Options { grpc: any, http: any, body_bytes_max: 1 << 20, ..Options::default() }
}

pub(crate) async fn start(sink: Arc<dyn Sink>) -> Running {
    start_with(options(), sink).await
}

pub(crate) async fn start_with(options: Options, sink: Arc<dyn Sink>) -> Running {
    receive::serve(options, sink).await.expect("port 0 is always free")
}

pub(crate) fn http(running: &Running) -> SocketAddr {
    running.http().expect("the tests ask for it")
}

/// A request with spans of these names; ids use all of their bits.
pub(crate) fn export(names: &[&str]) -> ExportTraceServiceRequest {
    let span = |(place, name): (usize, &&str)| Span {
        trace_id: [0xfe; 16].to_vec(),
        span_id: (u64::MAX - place as u64).to_be_bytes().to_vec(),
        name: (*name).to_owned(),
        start_time_unix_nano: u64::MAX - 2,
        end_time_unix_nano: u64::MAX - 1,
        ..Span::default()
    };
    let spans = names.iter().enumerate().map(span).collect();
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }
}

pub(crate) fn protobuf(names: &[&str]) -> Bytes {
    export(names).encode_to_vec().into()
}

pub(crate) fn json(names: &[&str]) -> Bytes {
    serde_json::to_vec(&export(names)).expect("a request is JSON").into()
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: http_types::HeaderMap,
    pub(crate) body: Bytes,
}

use ::http as http_types;

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("answers are ASCII"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Status, content type, `Retry-After` and body on one line each.
    pub(crate) fn told(&self) -> String {
        let lines = [
            self.status.to_string(),
            self.header("content-type").to_owned(),
            self.header("retry-after").to_owned(),
            self.text(),
        ];
        lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }
}

/// One connection of an HTTP/1.1 client.
pub(crate) struct Client(http1::SendRequest<Full<Bytes>>);

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("it listens");
        let (send, connection) =
            http1::handshake(TokioIo::new(stream)).await.expect("nothing is sent yet");
        tokio::spawn(connection);
        Self(send)
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header("host", "test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).expect("the tests write valid requests");
        let response = self.0.send_request(request).await.expect("there is always an answer");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("answers are whole").to_bytes();
        Reply { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

/// Posts to `/v1/traces` on a connection of its own.
pub(crate) async fn post(running: &Running, headers: &[(&str, &str)], body: Bytes) -> Reply {
    let mut client = Client::connect(http(running)).await;
    client.send("POST", "/v1/traces", headers, body).await
}

/// Waits for something that happens soon, on other tasks.
pub(crate) async fn soon(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came about: {what}");
}
