//! Sending spans: OTLP over HTTP, in batches, by a thread of its own.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use model::{Attributes, Resource, Scope, Span, Value};
use traffic::telling::SpanRule;
use ureq::Agent;

use super::{Told, spans};

/// Requests that wait to be sent: some seconds of a busy gateway, 4 MB.
const QUEUE_MAX: usize = 4_096;

/// Spans that are sent at once, as OpenTelemetry's exporters do.
const BATCH_MAX: usize = 512;

/// Between two batches: soon enough for whoever looks on.
const SEND_EVERY: Duration = Duration::from_secs(1);

/// A collector that takes longer is not worth waiting for: the next batch comes soon.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends what it is told.
#[derive(Debug)]
pub(crate) struct Exporter {
    queue: SyncSender<Arc<Told>>,
    outcomes: Arc<Outcomes>,
}

/// What became of what was told.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    /// It is where it should be.
    pub(crate) done: AtomicU64,
    /// Too much waited already.
    pub(crate) dropped: AtomicU64,
    /// It was not taken.
    pub(crate) failed: AtomicU64,
}

impl Outcomes {
    pub(crate) fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }
}

impl Exporter {
    /// Begins; its thread ends, and has sent what it was told, after the exporter is dropped.
    ///
    /// # Errors
    ///
    /// No thread can be had.
    pub(crate) fn start(
        rule: &SpanRule,
        outcomes: &Arc<Outcomes>,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let (queue, waiting) = sync_channel(QUEUE_MAX);
        let sender = Sender::new(rule.clone(), Arc::clone(outcomes));
        let thread = std::thread::Builder::new().name("gateway-spans".to_owned());
        let thread = thread.spawn(move || sender.run(&waiting))?;
        Ok((Self { queue, outcomes: Arc::clone(outcomes) }, thread))
    }

    /// Tells of a request; never waits.
    pub(crate) fn tell(&self, told: &Arc<Told>) {
        if self.queue.try_send(Arc::clone(told)).is_err() {
            Outcomes::add(&self.outcomes.dropped, 1 + told.attempts.len());
        }
    }
}

/// The end of the queue.
struct Sender {
    agent: Agent,
    rule: SpanRule,
    resource: Arc<Resource>,
    scope: Arc<Scope>,
    outcomes: Arc<Outcomes>,
}

impl Sender {
    fn new(rule: SpanRule, outcomes: Arc<Outcomes>) -> Self {
        let text = |key: &str, value: &str| (key.into(), Value::Text(value.into()));
        let version = env!("CARGO_PKG_VERSION");
        let instance = format!("{}", std::process::id());
        let attributes = Attributes(vec![
            text("service.name", &rule.service),
            text("service.version", version),
            text("service.instance.id", &instance),
        ]);
        let config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0);
        Self {
            agent: config.build().into(),
            rule,
            resource: Arc::new(Resource { attributes, ..Resource::default() }),
            scope: Arc::new(Scope {
                name: "taut.gateway".into(),
                version: version.into(),
                ..Scope::default()
            }),
            outcomes,
        }
    }

    fn run(&self, waiting: &Receiver<Arc<Told>>) {
        let mut batch: Vec<Span> = Vec::new();
        let mut since = Instant::now();
        loop {
            let open = match waiting.recv_timeout(SEND_EVERY) {
                Ok(told) => {
                    batch.extend(spans(&told, &self.resource, &self.scope));
                    true
                }
                Err(RecvTimeoutError::Timeout) => true,
                Err(RecvTimeoutError::Disconnected) => false,
            };
            let due = BATCH_MAX <= batch.len() || SEND_EVERY <= since.elapsed() || !open;
            if due && !batch.is_empty() {
                let sent = self.send(&batch);
                let counter = if sent { &self.outcomes.done } else { &self.outcomes.failed };
                Outcomes::add(counter, batch.len());
                batch.clear();
            }
            if due {
                since = Instant::now();
            }
            if !open {
                return;
            }
        }
    }

    /// Whether the collector took them.
    fn send(&self, batch: &[Span]) -> bool {
        let body = observe::otlp::encode(batch);
        let mut request = self.agent.post(&self.rule.endpoint);
        request = request.header("content-type", "application/x-protobuf");
        if let Some((name, value)) = &self.rule.header {
            request = request.header(name, &value.0);
        }
        request.send(&body[..]).is_ok_and(|answer| answer.status().is_success())
    }
}
