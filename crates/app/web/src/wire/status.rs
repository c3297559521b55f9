//! The process and the detectors on the wire.

use serde::Serialize;
use utoipa::ToSchema;

/// The process that answers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Status {
    /// Version of the binary.
    pub version: String,
    /// Address at which OTLP over HTTP is received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp_http: Option<String>,
    /// Address at which OTLP over gRPC is received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp_grpc: Option<String>,
    /// Number of the last change, as `/api/v1/events` tells it.
    pub change: u64,
    /// Findings so far.
    pub findings: usize,
    /// Requests in the window that findings are computed over.
    pub requests: u64,
    /// Spans of traces that are not complete yet.
    pub spans_in_flight: usize,
    /// It still looks at what was received before it started.
    pub catching_up: bool,
    /// What failed last and has not succeeded since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Spans that were acknowledged since the process started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_spans: Option<u64>,
    /// Spans that were malformed or could not be kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected_spans: Option<u64>,
    /// Exports that were answered with success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_exports: Option<u64>,
    /// Exports that were refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_exports: Option<u64>,
    /// Log records that were kept since the process started.
    pub log_records: u64,
    /// Data points of metrics that were kept since the process started.
    pub data_points: u64,
    /// Spans since the process started.
    pub since_start: Flow,
    /// Spans of the last minutes.
    pub lately: Flow,
    /// How many minutes `lately` is, at most.
    pub lately_minutes: u64,
    /// Spans of the last hour in short steps, oldest first.
    pub steps: Vec<Flow>,
    /// Everything that was lost or refused since the start, the latest first.
    pub losses: Vec<Loss>,
    /// What the store takes; absent if the disk does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreUsage>,
    /// Whether `/api/v1/sql` runs statements: spans go to ClickHouse.
    pub sql: bool,
    /// What the process takes.
    pub process: ProcessUsage,
}

/// Spans, and what became of them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Flow {
    /// Until when, in milliseconds since 1970.
    pub unix_ms: u64,
    /// Spans that came.
    pub received: u64,
    /// Spans that were kept.
    pub kept: u64,
    /// Spans whose senders were asked to send them again.
    pub refused: u64,
    /// Spans that are gone.
    pub dropped: u64,
}

/// Something that was lost or refused.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Loss {
    /// `disk-full`.
    pub reason: String,
    /// Whether it is gone; if not, its sender was asked to send it again.
    pub gone: bool,
    /// What is counted: `spans`.
    pub unit: String,
    /// What happened: `found no room on the disk`.
    pub words: String,
    /// What to do about it.
    pub hint: String,
    /// How many since the process started.
    pub since_start: u64,
    /// How many in the last minutes.
    pub lately: u64,
}

/// What the store takes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StoreUsage {
    /// Its folder.
    pub folder: String,
    /// Bytes of all that is kept.
    pub bytes: u64,
    /// Past these the oldest is dropped.
    pub bytes_max: u64,
    /// Past these seconds it is dropped in any case.
    pub age_max_secs: u64,
    /// Bytes that are free on its disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// Bytes of spans in the log, with its indexes.
    pub log_bytes: u64,
    /// Bytes of spans in blocks.
    pub block_bytes: u64,
    /// Bytes of what was made of them, per request.
    pub request_bytes: u64,
    /// Bytes of files that were found damaged and set aside.
    pub damaged_bytes: u64,
    /// Bytes of all else.
    pub other_bytes: u64,
    /// Segments of the log.
    pub segments: usize,
    /// Blocks.
    pub blocks: usize,
    /// Spans in blocks.
    pub block_spans: u64,
    /// Bytes of blocks of spans in which only what is kept for long is left; they are part of `block_bytes`.
    pub thinned_bytes: u64,
    /// Spans in them.
    pub thinned_spans: u64,
    /// Bytes of roll-ups: what spans took in each minute.
    pub minute_bytes: u64,
    /// Rows of roll-ups.
    pub minute_rows: u64,
    /// Requests of which there is a fact.
    pub requests: usize,
    /// When the oldest that is kept was received, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_unix_ms: Option<u64>,
    /// Bytes that were dropped since the start, since they were too old or too much.
    pub dropped_bytes: u64,
    /// Mean time of a sync of the disk, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_micros: Option<f64>,
}

/// What the process takes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProcessUsage {
    /// When it began, in milliseconds since 1970.
    pub started_unix_ms: u64,
    /// Memory that is in use and in RAM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resident_bytes: Option<u64>,
    /// Processor time of all threads, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_secs: Option<f64>,
    /// Open files and sockets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
}

/// All detectors.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Detectors {
    /// By code.
    pub detectors: Vec<Detector>,
}

/// A way of noticing one kind of fault.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Detector {
    /// `F001`.
    pub code: String,
    /// `n-plus-one`.
    pub name: String,
    /// What it notices, as a heading.
    pub title: String,
    /// Its manual page in Markdown.
    pub doc: String,
}

impl From<&find::Detector> for Detector {
    fn from(detector: &find::Detector) -> Self {
        Self {
            code: detector.code.to_owned(),
            name: detector.name.to_owned(),
            title: detector.title.to_owned(),
            doc: detector.doc.to_owned(),
        }
    }
}
