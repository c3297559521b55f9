//! What was observed, kept: spans as they came, and one fact per request.
//!
//! [`Store`] is the interface that every engine serves. [`Folder`] is the embedded one: a folder, no
//! server. What [`Store::append`] returned `Ok` for is there after `kill -9`.
//!
//! Two logs of checksummed records lie in the folder: `spans-*.log` holds what came, byte for byte;
//! `requests-*.log` holds what was made of it, so that a restart need not make it again. A full segment of spans
//! becomes a block, a Parquet file a tenth of its size. Traces are found through a list of (trace, place) kept in memory
//! and beside each full segment, and through the filters of blocks; everything else is computed from the facts, which
//! are in memory too. `FORMAT.md` has the files byte by byte.

mod answers;
mod blocks;
mod care;
pub mod clickhouse;
mod clock;
mod cold;
mod compare;
mod condensed;
mod counted;
mod coverage;
mod derived;
mod disk;
mod documents;
mod error;
mod facts;
mod file_at;
mod folder;
mod frame;
mod head;
mod index;
mod lately;
pub mod ledger;
mod listing;
mod log;
mod named;
mod packed;
mod questions;
mod recovery;
mod remembered;
mod requests;
mod retain;
mod rolled;
mod sampled;
mod scan;
mod series;
mod shared;
mod shelf;
mod signals;
mod since;
mod snapshot;
mod texts;
mod thin;
mod timed;
mod top;
mod traces;
mod usage;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
    sync::Arc,
};

use keep::query::{Answer, Comparison, Differences, Query, Top};
use model::{LogRecord, Metric, Moment, OperationKey, Span, SpanId, TraceId, Window};

use clickhouse::{SqlAnswer, SqlError};

pub use care::{FileChecked, FileKind, FileState, check, read_block};
pub use coverage::{Answered, Coverage, Limit, Limits};
pub use disk::{Change, Watch, Watched, watch};
pub use error::{Newer, StoreError};
pub use facts::{
    Breakdown, GroupFact, GroupKind, Operation, OperationPoint, RequestFact, RequestFilter,
    SpanGroup,
};
pub use folder::{Folder, Options, RequestsUsage};
pub use keep;
pub use listing::BlockFile;
pub use log::Syncing;
pub use recovery::Recovery;
pub use sampled::{Sampled, Stretch};
pub use shared::{Pieces, share_out};
pub use thin::Keeping;
pub use timed::{Timed, TimedOperation, TimedRequest};
pub use top::SPANS_MAX;
pub use usage::{DroppedBytes, SignalUsage, ThinnedUsage, Usage};

/// Most steps of [`Store::series`]: more than a screen has columns.
pub const STEPS_MAX: usize = 10_000;

/// Most bytes of a document: what is saved at once must not stall the disk.
pub const DOCUMENT_BYTES_MAX: usize = 64 << 20;

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

    /// Keeps a batch of log records, as [`Store::append`] does spans.
    ///
    /// # Errors
    ///
    /// See [`Store::append`]; or this store keeps none.
    fn append_logs(&self, batch: &Items<'_, LogRecord>) -> Result<(), StoreError> {
        let _ = batch;
        Err(StoreError::NotKept { table: keep::LOGS.name })
    }

    /// Keeps a batch of metrics, as [`Store::append`] does spans.
    ///
    /// # Errors
    ///
    /// See [`Store::append`]; or this store keeps none.
    fn append_metrics(&self, batch: &Items<'_, Metric>) -> Result<(), StoreError> {
        let _ = batch;
        Err(StoreError::NotKept { table: keep::METRICS.name })
    }

    /// Keeps facts of requests whose traces have settled. A fact with the trace id and span id of
    /// an earlier one replaces it.
    ///
    /// # Errors
    ///
    /// The disk is full or fails.
    fn record(&self, facts: Vec<RequestFact>) -> Result<(), StoreError>;

    /// All kept spans of a trace, each once; empty if unknown.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn trace(&self, id: TraceId) -> Result<Vec<Span>, StoreError>;

    /// The log records that were written during a trace, the earliest first; empty if there are none.
    ///
    /// # Errors
    ///
    /// The disk fails, or this store keeps none.
    fn logs_of(&self, trace: TraceId) -> Result<Vec<LogRecord>, StoreError> {
        let _ = trace;
        Err(StoreError::NotKept { table: keep::LOGS.name })
    }

    /// Every operation that was requested in `window`, by its share of all time, largest first.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn operations(&self, window: Window) -> Result<Vec<Operation>, StoreError>;

    /// Operations over time: of each a point for each of `steps` equal parts of `window`, in order; at
    /// most [`STEPS_MAX`]. Empty if the window is.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn series(
        &self,
        keys: &[OperationKey],
        window: Window,
        steps: usize,
    ) -> Result<Vec<Vec<OperationPoint>>, StoreError>;

    /// A fair sample of the traces of requests that pass `filter`, at most `limit`: from few stretches of time, so
    /// that they lie close together.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn sampled(&self, filter: &RequestFilter, limit: usize) -> Result<Sampled, StoreError>;

    /// How long each of the requests that pass `filter` took, and what it did: all of them, or a fair part of those of each
    /// operation if there are more than `most`.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn timed(&self, filter: &RequestFilter, most: usize) -> Result<Timed, StoreError>;

    /// Since when requests are known, if earlier ones were dropped.
    fn requests_since(&self) -> Option<Moment>;

    /// All requests of each service over time: a point for each of `steps` equal parts of `window`, in order; at most
    /// [`STEPS_MAX`]. Services without requests in the window are left out.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn services(
        &self,
        window: Window,
        steps: usize,
    ) -> Result<BTreeMap<Arc<str>, Vec<OperationPoint>>, StoreError>;

    /// The services that were requested in `window`: far quicker than [`Store::services`]. One may be among them whose
    /// requests there were all replaced.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn service_names(&self, window: Window) -> Result<BTreeSet<Arc<str>>, StoreError>;

    /// The slowest requests that pass `filter`, slowest first.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn slowest(&self, filter: &RequestFilter, limit: usize)
    -> Result<Vec<RequestFact>, StoreError>;

    /// The latest requests that pass `filter`, those that began last first.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn latest(&self, filter: &RequestFilter, limit: usize) -> Result<Vec<RequestFact>, StoreError>;

    /// What the requests that pass `filter` did, grouped by statement or remote endpoint, by total
    /// time, longest first.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn groups(&self, filter: &RequestFilter, limit: usize) -> Result<Vec<SpanGroup>, StoreError>;

    /// Answers a question about kept spans. Spans that were acknowledged before are in the answer, each once.
    ///
    /// What cannot be read is left out and named; so is what a limit kept from being looked at, the newest comes first.
    ///
    /// # Errors
    ///
    /// The disk fails, or nothing is kept of that table.
    fn ask(&self, query: &Query, limits: &Limits) -> Result<Answered<Answer>, StoreError>;

    /// The spans that are the first by a number, such as the slowest or the latest, whole and in that order; at most
    /// [`SPANS_MAX`].
    ///
    /// # Errors
    ///
    /// See [`Store::ask`].
    fn top(&self, top: &Top, limits: &Limits) -> Result<Answered<Vec<Span>>, StoreError>;

    /// The log records that are the first by a number, such as the latest, whole and in that order; at most
    /// [`SPANS_MAX`].
    ///
    /// # Errors
    ///
    /// See [`Store::ask`].
    fn top_logs(&self, top: &Top, limits: &Limits) -> Result<Answered<Vec<LogRecord>>, StoreError> {
        let _ = (top, limits);
        Err(StoreError::NotKept { table: keep::LOGS.name })
    }

    /// The points of metrics that are the first by a number, such as the latest: metrics of one point each, in that
    /// order; at most [`SPANS_MAX`].
    ///
    /// # Errors
    ///
    /// See [`Store::ask`].
    fn top_metrics(&self, top: &Top, limits: &Limits) -> Result<Answered<Vec<Metric>>, StoreError> {
        let _ = (top, limits);
        Err(StoreError::NotKept { table: keep::METRICS.name })
    }

    /// What a selection of rows has more often, or less, than the others.
    ///
    /// # Errors
    ///
    /// See [`Store::ask`].
    fn compare(
        &self,
        comparison: &Comparison,
        limits: &Limits,
    ) -> Result<Answered<Differences>, StoreError>;

    /// Runs a statement of SQL that reads what has gone to ClickHouse, and gives its first rows.
    ///
    /// # Errors
    ///
    /// Nothing here speaks SQL, or see [`SqlError`].
    fn sql(&self, text: &str, limits: &Limits) -> Result<SqlAnswer, SqlError> {
        let _ = (text, limits);
        Err(SqlError::NoSql)
    }

    /// The same rows as a Parquet file, with the types that ClickHouse gives them.
    ///
    /// # Errors
    ///
    /// See [`Store::sql`].
    fn sql_parquet(&self, text: &str, limits: &Limits) -> Result<Vec<u8>, SqlError> {
        let _ = (text, limits);
        Err(SqlError::NoSql)
    }

    /// Whether [`Store::sql`] is of any use.
    fn speaks_sql(&self) -> bool {
        false
    }

    /// Whether the server answers that keeps what is cold; `None` where there is none. It is waited for, some seconds at most.
    fn server_answers(&self) -> Option<bool> {
        None
    }

    /// Drops what is older than `age_max` or, oldest first, beyond `bytes_max`. Returns how many
    /// bytes were freed.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn retain(&self, retention: Retention, now: Moment) -> Result<u64, StoreError>;

    /// Does a piece of thinning: of spans older than the time for which all are kept, only what is notable stays, and a
    /// fair sample of the rest. Returns whether there was something to do: call it again then. An engine that keeps all or
    /// nothing does nothing.
    ///
    /// # Errors
    ///
    /// The disk is full or fails; what is kept stays as it is.
    fn thin(&self, keeping: &Keeping, now: Moment) -> Result<bool, StoreError> {
        let _ = (keeping, now);
        Ok(false)
    }

    /// Remembers traces that findings name, over restarts: they stay when others are thinned out.
    ///
    /// # Errors
    ///
    /// The disk is full or fails; tell it again then.
    fn remember(&self, traces: &[TraceId], now: Moment) -> Result<(), StoreError> {
        let _ = (traces, now);
        Ok(())
    }

    /// Does a piece of what makes the store smaller and quicker and nobody waits for: full segments become blocks,
    /// small blocks larger ones. Returns whether there was something to do: call it again then.
    ///
    /// # Errors
    ///
    /// The disk is full or fails; what is kept stays as it is.
    fn tidy(&self) -> Result<bool, StoreError>;

    /// The files of blocks, for whoever copies them. An engine that has none says nothing.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn blocks(&self) -> Result<Vec<BlockFile>, StoreError> {
        Ok(Vec::new())
    }

    /// What the store takes, and what it has done since it was opened. An engine that does not know says nothing.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn usage(&self) -> Result<Usage, StoreError> {
        Ok(Usage::default())
    }

    /// Gives every kept batch that was received at or after `since` to `each`, in the order in which
    /// they came. After a restart, that is how traces that had not settled are put together again.
    ///
    /// # Errors
    ///
    /// The disk fails.
    fn replay(
        &self,
        since: Moment,
        each: &mut dyn FnMut(Moment, Vec<Span>),
    ) -> Result<(), StoreError>;

    /// When the newest batch that was kept before the newest call of [`Store::record`] had been
    /// received: a trace that had settled by then has its facts. `None` before the first fact.
    fn recorded_until(&self) -> Option<Moment>;

    /// Whether the fact of that request is kept.
    fn knows(&self, trace_id: TraceId, span_id: SpanId) -> bool;

    /// The folder in which the ledger lies; `None` if this store has none.
    fn home(&self) -> Option<&Path> {
        None
    }

    /// The bytes that were saved last under that name; `None` if there are none.
    ///
    /// # Errors
    ///
    /// The name is refused, the disk fails, or what it holds is damaged.
    fn load_document(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Saves bytes under a name of up to 64 of `a-z`, `0-9` and `-`, in place of those saved before.
    /// After a crash, either the old ones or the new ones are there, whole.
    ///
    /// # Errors
    ///
    /// The name is refused, there are more than [`DOCUMENT_BYTES_MAX`], or the disk is full or fails;
    /// the old ones are kept then.
    fn save_document(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError>;
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

/// Log records or metrics that came together.
#[derive(Debug, Clone, Copy)]
pub struct Items<'a, T> {
    /// What came.
    pub items: &'a [T],
    /// The same as an OTLP `ExportLogsServiceRequest` or `ExportMetricsServiceRequest` in protobuf, if it came so.
    pub otlp: Option<&'a [u8]>,
    /// When it came.
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
