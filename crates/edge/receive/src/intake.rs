//! From the body of a request to the sink: read, unframe, uncompress, decode, hand over.
//!
//! Reading happens on the runtime; the rest, which costs processor time or waits for the disk, in one
//! go on a thread made for blocking.

use std::{
    fmt::Write as _,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use model::Moment;
use observe::{Problem, otlp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    Counters, Keeper, Options, Received, ReceivedItems, Refusal, Sink,
    body::{self, Budget, Held},
    counters::Level,
    fault::{Fault, Kind},
    inflate::{Encoding, inflate},
    signal::Signal,
    wire::{Format, Taken},
};

/// What all connections share.
pub(crate) struct Intake {
    pub(crate) options: Options,
    pub(crate) counters: Arc<Counters>,
    sink: Arc<dyn Sink>,
    requests: Arc<Semaphore>,
    budget: Budget,
}

/// What wraps the message in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// The body is the message: OTLP/HTTP.
    Bare,
    /// One flag, four bytes of length, the message: gRPC.
    Grpc,
}

/// How a request's body is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) signal: Signal,
    pub(crate) framing: Framing,
    pub(crate) encoding: Encoding,
    pub(crate) format: Format,
}

/// Bytes that gRPC puts before a message.
const FRAME_BYTES: usize = 5;

impl Intake {
    pub(crate) fn new(options: Options, counters: Arc<Counters>, sink: Arc<dyn Sink>) -> Self {
        let requests = Arc::new(Semaphore::new(options.requests_in_flight_max));
        let budget =
            Budget::new(options.bytes_in_flight_max, Arc::clone(&counters), options.retry_after);
        Self { options, counters, sink, requests, budget }
    }

    /// Takes one request. If it fails before the body was read, the rest of the body is the caller's
    /// to drain.
    pub(crate) async fn take(
        self: &Arc<Self>,
        incoming: &mut Incoming,
        shape: Shape,
    ) -> Result<Taken, Fault> {
        let retry_after = self.options.retry_after;
        let place = Arc::clone(&self.requests)
            .try_acquire_owned()
            .ok()
            .ok_or_else(|| Fault::busy("requests", retry_after))?;
        let level =
            Level::new(Arc::clone(&self.counters), |counters| &counters.requests_in_flight, 1);
        let bytes_max = self.options.body_bytes_max + FRAME_BYTES;
        if (bytes_max as u64) < incoming.size_hint().lower() {
            return Err(Fault::too_large(self.options.body_bytes_max));
        }
        let mut held = self.budget.hold();
        let time_max = self.options.body_time_max;
        let body = tokio::time::timeout(time_max, body::read(incoming, bytes_max, &mut held))
            .await
            .unwrap_or_else(|_| {
                let message = format!("the body did not come within {} s", time_max.as_secs());
                Err(Fault::new(Kind::Slow, message))
            })?;
        self.counters.bytes_received.fetch_add(body.len() as u64, Relaxed);
        let received = now();
        let complete = Instant::now();
        let intake = Arc::clone(self);
        let work = move || {
            let in_flight: (OwnedSemaphorePermit, Level<_>) = (place, level);
            let taken = intake.process(body, shape, held, received);
            drop(in_flight);
            taken
        };
        let taken = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
            Err(Fault::new(Kind::Bug, format!("the receiver failed on this request: {error}")))
        });
        if taken.is_ok() {
            self.counters.acknowledged.add(complete.elapsed());
        }
        taken
    }

    fn process(
        &self,
        body: Bytes,
        shape: Shape,
        mut held: Held,
        received: Moment,
    ) -> Result<Taken, Fault> {
        let (payload, encoding) = match shape.framing {
            Framing::Bare => (body, shape.encoding),
            Framing::Grpc => unframe(&body, shape.encoding)?,
        };
        let message =
            inflate(payload, encoding, self.options.body_bytes_max, |bytes| held.grow(bytes))?;
        if self.options.body_bytes_max < message.len() {
            return Err(Fault::too_large(self.options.body_bytes_max));
        }
        self.counters.bytes_uncompressed.fetch_add(message.len() as u64, Relaxed);
        let handed = match shape.signal {
            Signal::Traces => self.traces(message, shape.format, received),
            Signal::Logs => self.logs(message, shape.format, received),
            Signal::Metrics => self.metrics(message, shape.format, received),
        }?;
        let counters = self.counters.of(shape.signal);
        handed.outcome.map_err(|refusal| {
            counters.refused.fetch_add(handed.count, Relaxed);
            Fault::refused(refusal, shape.signal)
        })?;
        counters.accepted.fetch_add(handed.count, Relaxed);
        let taken = rejections(shape.signal, handed.count, handed.rejected, &handed.problems);
        counters.rejected.fetch_add(taken.rejected, Relaxed);
        Ok(taken)
    }

    pub(crate) fn sink(&self) -> &dyn Sink {
        &*self.sink
    }

    fn traces(&self, message: Bytes, format: Format, received: Moment) -> Result<Handed, Fault> {
        let decoded = match format {
            Format::Protobuf => otlp::decode(&message).map_err(|error| not_otlp(&error)),
            Format::Json => otlp::decode_json(&message).map_err(|error| not_otlp(&error)),
        }?;
        let count = decoded.spans.len() as u64;
        let otlp = (format == Format::Protobuf).then_some(message);
        let batch = Received { spans: decoded.spans, otlp, received };
        let outcome = if count == 0 { Ok(()) } else { self.sink.accept(batch) };
        Ok(Handed { count, outcome, rejected: decoded.rejected, problems: decoded.problems })
    }

    fn logs(&self, message: Bytes, format: Format, received: Moment) -> Result<Handed, Fault> {
        let decoded = match format {
            Format::Protobuf => otlp::decode_logs(&message).map_err(|error| not_otlp(&error)),
            Format::Json => otlp::decode_logs_json(&message).map_err(|error| not_otlp(&error)),
        }?;
        let count = decoded.items.len() as u64;
        let otlp = (format == Format::Protobuf).then_some(message);
        let batch = ReceivedItems { items: decoded.items, otlp, received };
        let outcome = hand(self.sink.logs(), batch)?;
        Ok(Handed { count, outcome, rejected: decoded.rejected, problems: decoded.problems })
    }

    fn metrics(&self, message: Bytes, format: Format, received: Moment) -> Result<Handed, Fault> {
        let decoded = match format {
            Format::Protobuf => otlp::decode_metrics(&message).map_err(|error| not_otlp(&error)),
            Format::Json => otlp::decode_metrics_json(&message).map_err(|error| not_otlp(&error)),
        }?;
        let points = decoded.items.iter().map(|metric| metric.points.len() as u64);
        let count = points.sum();
        let otlp = (format == Format::Protobuf).then_some(message);
        let batch = ReceivedItems { items: decoded.items, otlp, received };
        let outcome = hand(self.sink.metrics(), batch)?;
        Ok(Handed { count, outcome, rejected: decoded.rejected, problems: decoded.problems })
    }

    /// Waits until no request is in flight any more, not even one whose sender has gone away. No
    /// later one is taken.
    pub(crate) async fn settle(&self) {
        let all = u32::try_from(self.options.requests_in_flight_max).unwrap_or(u32::MAX);
        if self.requests.acquire_many(all).await.is_ok() {
            self.requests.close();
        }
    }
}

/// Takes the message out of its gRPC frame; there must be exactly one.
fn unframe(body: &Bytes, encoding: Encoding) -> Result<(Bytes, Encoding), Fault> {
    let Some((&[flag, a, b, c, d], rest)) = body.split_first_chunk() else {
        let count = body.len();
        return Err(Fault::malformed(format!("a gRPC frame has 5 bytes and more, not {count}")));
    };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if length != rest.len() {
        return Err(Fault::malformed(format!(
            "the gRPC frame announces {length} bytes, {} came",
            rest.len()
        )));
    }
    match (flag, encoding) {
        (0, _) => Ok((body.slice(FRAME_BYTES..), Encoding::Identity)),
        (1, Encoding::Identity) => {
            Err(Fault::malformed("the message is compressed, but `grpc-encoding` does not say how"))
        }
        (1, encoding) => Ok((body.slice(FRAME_BYTES..), encoding)),
        _ => Err(Fault::malformed(format!("unknown gRPC frame flag {flag}"))),
    }
}

/// What became of a request that could be read.
struct Handed {
    /// How much was handed over.
    count: u64,
    /// What the sink said of it.
    outcome: Result<(), Refusal>,
    rejected: usize,
    problems: Vec<Problem>,
}

/// Hands a batch over, unless it is empty.
fn hand<T>(
    keeper: Option<&dyn Keeper<T>>,
    batch: ReceivedItems<T>,
) -> Result<Result<(), Refusal>, Fault> {
    // It was there when the request was routed; a sink that changes its mind meanwhile gets no thanks for it.
    let keeper = keeper.ok_or_else(|| Fault::new(Kind::NotFound, "nobody keeps it any more"))?;
    Ok(if batch.items.is_empty() { Ok(()) } else { keeper.keep(batch) })
}

fn not_otlp(error: &dyn std::fmt::Display) -> Fault {
    Fault::malformed(format!("not OTLP: {error}"))
}

/// Problems that are told to the sender; the rest is counted. Keeps answers far below OTLP's 4 MiB.
const PROBLEMS_TOLD_MAX: usize = 3;

/// Characters of each problem that are told.
const PROBLEM_CHARS_MAX: usize = 200;

fn rejections(signal: Signal, count: u64, rejected: usize, problems: &[Problem]) -> Taken {
    let rejected = rejected as u64;
    if rejected == 0 {
        return Taken { signal, rejected, message: String::new() };
    }
    let all = rejected + count;
    let mut message = format!("{rejected} of {all} {} were rejected", signal.items());
    for (place, problem) in problems.iter().take(PROBLEMS_TOLD_MAX).enumerate() {
        let text: String = problem.to_string().chars().take(PROBLEM_CHARS_MAX).collect();
        let joint = if place == 0 { ": " } else { "; " };
        write!(message, "{joint}{text}").expect("a text can always grow");
    }
    Taken { signal, rejected, message }
}

fn now() -> Moment {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { nanos: u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX) }
}
