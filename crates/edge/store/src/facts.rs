//! One fact per request, and what is computed from many: what the pages ask for.

use std::{sync::Arc, time::Duration};

use model::{Moment, OperationKey, SpanId, Text, TraceId, Window};
use stats::Sketch;

/// What is kept of one request once its trace has settled.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestFact {
    /// Where.
    pub operation: OperationKey,
    /// Its trace.
    pub trace_id: TraceId,
    /// Its entry span.
    pub span_id: SpanId,
    /// When it began.
    pub start: Moment,
    /// How long it took.
    pub duration: Duration,
    /// Whether it failed.
    pub failed: bool,
    /// HTTP status; 0 if unknown.
    pub status: u16,
    /// Database statements that it ran.
    pub statements: u32,
    /// Spans of its trace that belong to it.
    pub spans: u32,
    /// Where its time went.
    pub breakdown: Breakdown,
    /// What it did, grouped; at most 64, by total time.
    pub groups: Vec<GroupFact>,
    /// Attributes of its entry span that may tell it from others, sorted by key.
    pub attributes: Vec<(Text, Text)>,
}

/// Where the time of requests went, on the critical path. The parts add up to the duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breakdown {
    /// The service's own code, rendering included.
    pub own: Duration,
    /// Statements, connections and transactions.
    pub database: Duration,
    /// Caches.
    pub cache: Duration,
    /// Calls to other services.
    pub http: Duration,
    /// Queues and mail.
    pub queue: Duration,
}

/// What one request did with one statement or one remote endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupFact {
    /// What kind of work.
    pub kind: GroupKind,
    /// The normalised statement, the remote endpoint, the cache operation or the span's name.
    pub name: Arc<str>,
    /// How often.
    pub count: u32,
    /// How long in all.
    pub total: Duration,
    /// How many failed.
    pub failed: u32,
}

/// Kinds of work that are told apart on every page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupKind {
    /// The service's own code.
    Own,
    /// A database statement, connect or transaction.
    Database,
    /// A cache operation.
    Cache,
    /// A call to another service.
    Http,
    /// A message or a mail.
    Queue,
}

/// An operation over a window.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Which.
    pub key: OperationKey,
    /// Requests.
    pub count: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Their durations, in nanoseconds.
    pub durations: Sketch,
    /// Their durations added up.
    pub total: Duration,
    /// Database statements of all of them.
    pub statements: u64,
    /// Where their time went.
    pub breakdown: Breakdown,
    /// When the first and the last of them began.
    pub seen: Window,
}

/// An operation over one step of a window.
#[derive(Debug, Clone)]
pub struct OperationPoint {
    /// The step.
    pub window: Window,
    /// Requests that began in it.
    pub count: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Database statements of all of them.
    pub statements: u64,
    /// Where their time went.
    pub breakdown: Breakdown,
    /// Their durations, in nanoseconds.
    pub durations: Sketch,
}

/// Which requests are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestFilter {
    /// Those that began in it.
    pub window: Window,
    /// Those of one service.
    pub service: Option<Arc<str>>,
    /// Those of one operation.
    pub operation: Option<Arc<str>>,
    /// Those at least this slow.
    pub duration_min: Option<Duration>,
    /// Those that failed, or that did not.
    pub failed: Option<bool>,
}

/// One statement or remote endpoint over many requests.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanGroup {
    /// What kind of work.
    pub kind: GroupKind,
    /// As in [`GroupFact::name`].
    pub name: Arc<str>,
    /// Requests that did it.
    pub requests: u64,
    /// How often in all.
    pub count: u64,
    /// How long in all.
    pub total: Duration,
    /// How many failed.
    pub failed: u64,
}
