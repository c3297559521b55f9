//! Operations, requests and groups of spans on the wire.

use find::Kind;
use serde::Serialize;
use stats::Sketch;
use utoipa::ToSchema;

use super::{Finding, Level, micros, unix_ms};

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Window {
    /// First moment.
    pub from_unix_ms: u64,
    /// First moment after.
    pub to_unix_ms: u64,
}

impl From<model::Window> for Window {
    fn from(window: model::Window) -> Self {
        Self { from_unix_ms: unix_ms(window.from), to_unix_ms: unix_ms(window.to) }
    }
}

/// Every operation over a window, by its share of all time, largest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Operations {
    /// The window.
    pub window: Window,
    /// What is aimed at.
    pub targets: TargetFigures,
    /// Those that passed the filter.
    pub operations: Vec<Operation>,
    /// Services among all operations of the window.
    pub services: Vec<String>,
    /// Operations that passed but are not listed.
    pub left_out: usize,
}

/// What is aimed at: latencies, and how many may fail.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct TargetFigures {
    /// 95th percentile.
    pub p95_micros: f64,
    /// 99th percentile.
    pub p99_micros: f64,
    /// Share of the requests that may fail, 0 to 1.
    pub error_share: f64,
}

/// An operation over a window.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Operation {
    /// `service.name`.
    pub service: String,
    /// Such as `GET /api/orders/`.
    pub operation: String,
    /// Requests.
    pub count: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Requests a second, over the part of the window in which there were any.
    pub rate_per_second: f64,
    /// Share of the time of all operations, 0 to 1.
    pub share: f64,
    /// How long its requests took.
    pub duration: Percentiles,
    /// Database statements per request, mean.
    pub statements_per_request: f64,
    /// Where the time went.
    pub breakdown: Breakdown,
    /// Findings at it.
    pub findings: usize,
    /// The worst of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst: Option<Level>,
    /// The same over time, in equal steps of the window; empty where it was left out.
    pub spark: Vec<Spark>,
}

/// A step of a sparkline.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Spark {
    /// Requests.
    pub count: u64,
    /// Requests that failed.
    pub failed: u64,
    /// 95th percentile; absent where there were no requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95_micros: Option<f64>,
}

/// Percentiles of durations.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, ToSchema)]
pub struct Percentiles {
    /// Mean.
    pub mean_micros: f64,
    /// Median.
    pub p50_micros: f64,
    /// 75th percentile.
    pub p75_micros: f64,
    /// 90th percentile.
    pub p90_micros: f64,
    /// 95th percentile.
    pub p95_micros: f64,
    /// 99th percentile.
    pub p99_micros: f64,
    /// 99.9th percentile.
    pub p99_9_micros: f64,
    /// The longest.
    pub max_micros: f64,
}

impl From<&Sketch> for Percentiles {
    fn from(durations: &Sketch) -> Self {
        let quantile = |q| nanos_as_micros(durations.quantile(q).unwrap_or_default());
        Self {
            mean_micros: durations.mean().unwrap_or_default() / 1000.0,
            p50_micros: quantile(0.5),
            p75_micros: quantile(0.75),
            p90_micros: quantile(0.9),
            p95_micros: quantile(0.95),
            p99_micros: quantile(0.99),
            p99_9_micros: quantile(0.999),
            max_micros: nanos_as_micros(durations.max().unwrap_or_default()),
        }
    }
}

/// Nanoseconds of a sketch as microseconds.
#[expect(clippy::cast_precision_loss, reason = "exact up to 104 days")]
pub(crate) fn nanos_as_micros(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}

/// Where time went, on the critical path.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, ToSchema)]
pub struct Breakdown {
    /// The service's own code.
    pub own_micros: f64,
    /// Statements, connections and transactions.
    pub database_micros: f64,
    /// Caches.
    pub cache_micros: f64,
    /// Calls to other services.
    pub http_micros: f64,
    /// Queues and mail.
    pub queue_micros: f64,
}

impl From<store::Breakdown> for Breakdown {
    fn from(breakdown: store::Breakdown) -> Self {
        Self {
            own_micros: micros(breakdown.own),
            database_micros: micros(breakdown.database),
            cache_micros: micros(breakdown.cache),
            http_micros: micros(breakdown.http),
            queue_micros: micros(breakdown.queue),
        }
    }
}

/// Kinds of work that are told apart on every page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
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

impl From<store::GroupKind> for GroupKind {
    fn from(kind: store::GroupKind) -> Self {
        match kind {
            store::GroupKind::Own => Self::Own,
            store::GroupKind::Database => Self::Database,
            store::GroupKind::Cache => Self::Cache,
            store::GroupKind::Http => Self::Http,
            store::GroupKind::Queue => Self::Queue,
        }
    }
}

impl From<Kind> for GroupKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Own => Self::Own,
            Kind::Database => Self::Database,
            Kind::Cache => Self::Cache,
            Kind::Http => Self::Http,
            Kind::Queue => Self::Queue,
        }
    }
}

/// One operation over a window, in detail.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OperationDetail {
    /// The window.
    pub window: Window,
    /// What is aimed at.
    pub targets: TargetFigures,
    /// Its figures.
    pub operation: Operation,
    /// Over time, in equal steps of the window.
    pub series: Vec<Point>,
    /// How its durations are distributed, in buckets of equal width on a logarithmic axis.
    pub distribution: Vec<Bucket>,
    /// What its requests did, by total time.
    pub groups: Vec<Group>,
    /// Its slowest requests.
    pub slowest: Vec<Request>,
    /// Its findings, ranked.
    pub findings: Vec<Finding>,
}

/// A step of a time series.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Point {
    /// Begin of the step.
    pub from_unix_ms: u64,
    /// End of the step.
    pub to_unix_ms: u64,
    /// Requests.
    pub count: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Database statements per request, mean.
    pub statements_per_request: f64,
    /// Where their time went.
    pub breakdown: Breakdown,
    /// How long its requests took; absent where there were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Percentiles>,
}

/// Requests that took about equally long.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Bucket {
    /// Shortest.
    pub from_micros: f64,
    /// Longest.
    pub to_micros: f64,
    /// How many.
    pub count: u64,
}

/// One statement or remote endpoint over many requests.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Group {
    /// What kind of work.
    pub kind: GroupKind,
    /// The normalised statement, the remote endpoint, the cache operation or the span's name.
    pub name: String,
    /// Requests that did it.
    pub requests: u64,
    /// How often in all.
    pub count: u64,
    /// How often per request that did it, mean.
    pub count_per_request: f64,
    /// How long in all.
    pub total_micros: f64,
    /// How long each, mean.
    pub mean_micros: f64,
    /// Share of the time of all requests, 0 to 1; more where it ran side by side.
    pub share: f64,
    /// How many failed.
    pub failed: u64,
}

/// Requests, slowest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Requests {
    /// The window.
    pub window: Window,
    /// Those that passed the filter.
    pub requests: Vec<Request>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Request {
    /// Its trace.
    pub trace_id: String,
    /// Its entry span.
    pub span_id: String,
    /// `service.name`.
    pub service: String,
    /// Such as `GET /api/orders/`.
    pub operation: String,
    /// When it began.
    pub start_unix_ms: u64,
    /// How long it took.
    pub duration_micros: f64,
    /// Whether it failed.
    pub failed: bool,
    /// HTTP status; 0 if unknown.
    pub status: u16,
    /// Database statements that it ran.
    pub statements: u32,
    /// Spans that belong to it.
    pub spans: u32,
    /// Where its time went.
    pub breakdown: Breakdown,
}

impl From<&store::RequestFact> for Request {
    fn from(fact: &store::RequestFact) -> Self {
        Self {
            trace_id: fact.trace_id.to_string(),
            span_id: fact.span_id.to_string(),
            service: fact.operation.service.to_string(),
            operation: fact.operation.operation.to_string(),
            start_unix_ms: unix_ms(fact.start),
            duration_micros: micros(fact.duration),
            failed: fact.failed,
            status: fact.status,
            statements: fact.statements,
            spans: fact.spans,
            breakdown: fact.breakdown.into(),
        }
    }
}
