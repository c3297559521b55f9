//! Spans of Taut's own work, for any collector or for itself.
//!
//! Whoever records never waits: a span goes into a bounded queue or is counted as dropped. One thread sends what is
//! there every few seconds, and what cannot be sent is counted and gone. All ids of traces begin alike, so that spans
//! about receiving, settling and looking at them are told, and are not made: otherwise there would be no end to it.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher as _,
    io::{self, BufRead as _, BufReader, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use config::Collector;
use model::{
    Attributes, Moment, Resource, Scope, Span, SpanId, SpanKind, Status, StatusCode, TraceId, Value,
};

/// Spans that wait: some seconds of heavy work, 2 MB.
const QUEUE_MAX: usize = 4_096;

/// Spans that are sent at once, as OpenTelemetry's exporters do.
const BATCH_MAX: usize = 512;

/// Between two batches: soon enough for whoever looks on.
const SEND_EVERY: Duration = Duration::from_secs(1);

/// A collector that takes longer is not worth waiting for: the next batch comes soon.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the sender sleeps before it looks whether it is still wanted.
const TURN: Duration = Duration::from_millis(200);

/// Makes spans, where somebody wants them.
#[derive(Debug)]
pub struct OwnSpans {
    queue: Option<SyncSender<Span>>,
    waiting: Mutex<Option<Receiver<Span>>>,
    collector: Collector,
    /// What ids of traces begin with.
    mark: [u8; 8],
    number: AtomicU64,
    resource: Arc<Resource>,
    scope: Arc<Scope>,
    exported: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

/// What became of own spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OwnSpansSeen {
    /// Sent, and taken.
    pub exported: u64,
    /// Not even queued, since too many waited.
    pub dropped: u64,
    /// Not taken by the collector.
    pub failed: u64,
}

/// A piece of work that was done.
#[derive(Debug, Clone)]
pub struct Work<'a> {
    /// What it is called: `accept batch`.
    pub name: &'a str,
    /// Whether somebody else asked for it.
    pub kind: SpanKind,
    /// When it began.
    pub start: Moment,
    /// When it ended.
    pub end: Moment,
    /// What failed.
    pub failure: Option<String>,
    /// What else is known of it.
    pub attributes: Vec<(&'static str, Value)>,
}

impl OwnSpans {
    /// Nothing is made unless a collector is named.
    pub(crate) fn new(collector: Collector, version: &str) -> Self {
        let (queue, waiting) = if collector == Collector::Off {
            (None, None)
        } else {
            let (queue, waiting) = sync_channel(QUEUE_MAX);
            (Some(queue), Some(waiting))
        };
        // The hasher's keys are random for each process.
        let mark = RandomState::new().hash_one("traces") | 1;
        let instance = RandomState::new().hash_one("instance");
        let texts = [
            ("service.name", "taut".to_owned()),
            ("service.version", version.to_owned()),
            ("service.instance.id", format!("{instance:016x}")),
        ];
        let attributes = texts.map(|(key, text)| (key.into(), Value::Text(text.into()))).to_vec();
        let resource = Resource { attributes: Attributes(attributes), ..Resource::default() };
        let scope = Scope { name: "taut".into(), version: version.into(), ..Scope::default() };
        Self {
            queue,
            waiting: Mutex::new(waiting),
            collector,
            mark: mark.to_be_bytes(),
            number: AtomicU64::new(RandomState::new().hash_one("spans")),
            resource: Arc::new(resource),
            scope: Arc::new(scope),
            exported: AtomicU64::default(),
            dropped: AtomicU64::default(),
            failed: AtomicU64::default(),
        }
    }

    /// Whether anybody wants spans: what they cost can be saved otherwise.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    /// Whether a trace is of Taut's own work.
    #[must_use]
    pub fn is_own(&self, id: TraceId) -> bool {
        self.is_on() && id.0.starts_with(&self.mark)
    }

    /// Records a piece of work; never waits.
    pub fn record(&self, work: Work<'_>) {
        let Some(queue) = &self.queue else { return };
        if queue.try_send(self.span(work)).is_err() {
            self.dropped.fetch_add(1, Relaxed);
        }
    }

    /// What became of them so far.
    #[must_use]
    pub fn seen(&self) -> OwnSpansSeen {
        OwnSpansSeen {
            exported: self.exported.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            failed: self.failed.load(Relaxed),
        }
    }

    fn span(&self, work: Work<'_>) -> Span {
        let id = self.next_id().to_be_bytes();
        let mut trace_id = [0; 16];
        trace_id[..8].copy_from_slice(&self.mark);
        trace_id[8..].copy_from_slice(&id);
        let status = match work.failure {
            Some(message) => Status { code: StatusCode::Error, message: message.into() },
            None => Status::default(),
        };
        let attributes = work.attributes.into_iter().map(|(key, value)| (key.into(), value));
        Span {
            trace_id: TraceId(trace_id),
            span_id: SpanId(self.next_id().to_be_bytes()),
            parent_id: None,
            trace_state: "".into(),
            // Sampled, as W3C Trace Context has it.
            flags: 1,
            name: work.name.into(),
            kind: work.kind,
            start: work.start,
            end: work.end,
            attributes: Attributes(attributes.collect()),
            dropped_attributes_count: 0,
            events: Vec::new(),
            dropped_events_count: 0,
            links: Vec::new(),
            dropped_links_count: 0,
            status,
            resource: Arc::clone(&self.resource),
            scope: Arc::clone(&self.scope),
        }
    }

    /// The next of numbers that look random, never zero (splitmix64, by Steele, Lea and Flood, 2014).
    fn next_id(&self) -> u64 {
        let step = 0x9e37_79b9_7f4a_7c15;
        let state = self.number.fetch_add(step, Relaxed).wrapping_add(step);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).max(1)
    }

    /// What sends them, to be given a thread of its own; `None` if nobody wants them, or if it was taken already.
    pub(crate) fn sending(&self) -> Option<Sending> {
        let waiting = crate::live::lock(&self.waiting).take()?;
        Some(Sending { waiting, collector: self.collector.clone() })
    }

    pub(crate) fn count(&self, spans: usize, outcome: &io::Result<()>) {
        let counter = if outcome.is_ok() { &self.exported } else { &self.failed };
        counter.fetch_add(spans as u64, Relaxed);
    }
}

/// The end of the queue.
pub(crate) struct Sending {
    waiting: Receiver<Span>,
    pub(crate) collector: Collector,
}

impl Sending {
    /// The next batch; an empty one now and then, and `None` once nobody makes spans any more.
    pub(crate) fn next(&self, batch: &mut Vec<Span>, since: Instant) -> Option<bool> {
        match self.waiting.recv_timeout(TURN) {
            Ok(span) => batch.push(span),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
        Some(BATCH_MAX <= batch.len() || (SEND_EVERY <= since.elapsed() && !batch.is_empty()))
    }
}

/// Sends spans as OTLP over HTTP, in protobuf.
pub(crate) fn send(host: &str, port: u16, path: &str, spans: &[Span]) -> io::Result<()> {
    let body = observe::otlp::encode(spans);
    let address = (host, port).to_socket_addrs()?.next();
    let address = address.ok_or_else(|| io::Error::other("the collector's name has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/x-protobuf\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)?;
    // A status line is short; whoever answers more has not understood.
    let mut answer = BufReader::new(io::Read::take(&stream, 4_096));
    let mut line = String::new();
    answer.read_line(&mut line)?;
    match line.split(' ').nth(1) {
        Some(status) if status.starts_with('2') => Ok(()),
        _ => Err(io::Error::other(format!("the collector answered `{}`", line.trim()))),
    }
}
