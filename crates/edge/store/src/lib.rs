//! What was observed, kept: spans as they came, and one fact per request.
//!
//! [`Store`] is the interface that every engine serves. [`Folder`] is the embedded one: a folder, no
//! server. What [`Store::append`] returned `Ok` for is there after `kill -9`.

mod facts;

use std::{fmt, path::PathBuf};

use model::{Moment, OperationKey, Span, TraceId, Window};

pub use facts::{
    Breakdown, GroupFact, GroupKind, Operation, OperationPoint, RequestFact, RequestFilter,
    SpanGroup,
};

/// Keeps spans and request facts, and answers what the pages and the terminal ask.
///
/// All methods block; callers on an async runtime use a blocking thread.
pub trait Store: fmt::Debug + Send + Sync {
    /// Keeps a batch of spans. Once it returns `Ok`, they survive `kill -9` and power loss.
    ///
    /// # Errors
    ///
    /// The disk is full or fails; nothing of the batch was kept then.
    fn append(&self, batch: &Batch<'_>) -> Result<(), StoreError>;

    /// Keeps facts of requests whose traces have settled. A fact with the trace id and span id of
    /// an earlier one replaces it.
    ///
    /// # Errors
    ///
    /// The disk is full or fails.
    fn record(&self, facts: Vec<RequestFact>) -> Result<(), StoreError>;

    /// All kept spans of a trace, each once, in the order in which they came; empty if unknown.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn trace(&self, id: TraceId) -> Result<Vec<Span>, StoreError>;

    /// Every operation that was requested in `window`, by its share of all time, largest first.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn operations(&self, window: Window) -> Result<Vec<Operation>, StoreError>;

    /// One operation over time: a point for each of `steps` equal parts of `window`.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn series(
        &self,
        key: &OperationKey,
        window: Window,
        steps: usize,
    ) -> Result<Vec<OperationPoint>, StoreError>;

    /// The slowest requests that pass `filter`, slowest first.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn slowest(
        &self,
        filter: &RequestFilter,
        limit: usize,
    ) -> Result<Vec<RequestFact>, StoreError>;

    /// What the requests that pass `filter` did, grouped by statement or remote endpoint, by total
    /// time, longest first.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn groups(&self, filter: &RequestFilter, limit: usize) -> Result<Vec<SpanGroup>, StoreError>;

    /// Drops what is older than `age_max` or, oldest first, beyond `bytes_max`. Returns how many
    /// bytes were freed.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn retain(&self, retention: Retention, now: Moment) -> Result<u64, StoreError>;
}

/// Spans that came together.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// The spans.
    pub spans: &'a [Span],
    /// The same spans as an OTLP `ExportTraceServiceRequest` in protobuf, if they came so.
    pub otlp: Option<&'a [u8]>,
    /// When they came.
    pub received: Moment,
}

/// How long spans and facts are kept; whichever bound is reached first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Oldest age.
    pub age_max: std::time::Duration,
    /// Bytes on disk.
    pub bytes_max: u64,
}

/// Why the store could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No space is left; reads go on, and writes once there is space again.
    #[error("no space left for `{path}`")]
    Full {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The disk or the file system failed.
    #[error("failed to {action} `{path}`")]
    Disk {
        /// What was tried: `open`, `write`, `sync`, `read`, `remove`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Another process uses the folder.
    #[error("`{path}` is in use by another process")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
}
