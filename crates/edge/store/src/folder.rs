//! The embedded store: a folder, no server.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, RwLock},
    time::Instant,
};

use keep::{
    Table,
    query::{Answer, Comparison, Differences, Query, Top},
};
use model::{LogRecord, Metric, Moment, OperationKey, Span, SpanId, TraceId, Window};

use crate::{
    Answered, Batch, BlockFile, Items, Keeping, Limits, Operation, OperationPoint, RequestFact,
    RequestFilter, Retention, Sampled, SpanGroup, Store, StoreError, Syncing, Timed, answers,
    clickhouse::{self, ClickHouse, SqlAnswer, SqlError},
    clock::Clock,
    cold::Cold,
    compare::{self, Sampling},
    disk, documents, listing,
    log::{Kind, Log, Place, Placed},
    named::Named,
    packed,
    recovery::{self, Files, Recovery},
    requests::Requests,
    sampled, series,
    shelf::Shelf,
    signals::{Item, SIGNALS, Signal},
    timed,
    usage::{Dropping, Usage},
};

/// The log of request facts.
pub(crate) const REQUESTS: Kind = Kind { name: "requests", magic: *b"tautreqs" };

/// Facts are a twentieth of their spans; with segments this much smaller, both logs cover about the
/// same time, and retention takes small bites of both.
const REQUESTS_SEGMENT_SHARE: u64 = 16;

/// Facts in one record: a few megabytes.
const RECORD_FACTS_MAX: usize = 16_384;

/// How a folder is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What an acknowledged batch survives.
    pub sync: Syncing,
    /// Bytes of a segment of spans: 4 KiB to 1 GiB. Retention drops segments as a whole, so a store may
    /// exceed its bound by one.
    pub segment_bytes: u64,
    /// Facts that are kept at most; about 200 bytes of memory each.
    pub requests_max: usize,
}

impl Default for Options {
    /// Safe from power loss; segments of 64 MiB, a second of heavy traffic or a day of light one;
    /// 2 million requests, some 400 MB.
    fn default() -> Self {
        Self { sync: Syncing::Always, segment_bytes: 64 << 20, requests_max: 2_000_000 }
    }
}

/// Memory that facts take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestsUsage {
    /// Facts, those replaced left out.
    pub requests: usize,
    /// Bytes in memory, roughly.
    pub bytes: usize,
}

/// A store in a folder of its own.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    options: Options,
    /// One for each of [`SIGNALS`], in that order.
    shelves: [Shelf; SIGNALS.len()],
    pub(crate) facts: Log,
    pub(crate) requests: RwLock<Requests>,
    /// Held while facts are written, so that memory and disk agree on which came last.
    recording: Mutex<()>,
    /// Held while a document is saved.
    saving: Mutex<()>,
    /// Held while segments are dropped.
    dropping: Mutex<()>,
    /// Tells how old things are.
    pub(crate) clock: Mutex<Clock>,
    /// Held while blocks are made.
    pub(crate) tidying: Mutex<()>,
    /// Traces that findings name.
    pub(crate) named: Mutex<Named>,
    /// What retention has dropped of the facts.
    pub(crate) requests_dropped: Dropping,
    /// The lock ends with the file, and so with the process, however that ends.
    _lock: File,
}

impl Folder {
    /// Opens the store in the folder at `path`, which is created if it is not there.
    ///
    /// # Errors
    ///
    /// Another process uses it, or the disk fails. Damage is no error: see [`Recovery`].
    pub fn open(path: &Path, options: Options) -> Result<(Self, Recovery), StoreError> {
        Self::open_with(path, options, None)
    }

    /// Opens a store whose full segments go to ClickHouse; what comes in, and what is asked most, stays in the folder.
    ///
    /// ClickHouse need not be there: segments stay until it is.
    ///
    /// # Errors
    ///
    /// See [`Folder::open`].
    pub fn open_with_clickhouse(
        path: &Path,
        options: Options,
        settings: &clickhouse::Settings,
    ) -> Result<(Self, Recovery), StoreError> {
        fs::create_dir_all(path).map_err(|error| disk::failed("open", path, error))?;
        let cold = ClickHouse::new(settings, path)?;
        let cold: Arc<dyn Cold> = Arc::new(cold);
        Self::open_with(path, options, Some(&cold))
    }

    /// Opens a store whose full segments go elsewhere.
    fn open_with(
        path: &Path,
        options: Options,
        cold: Option<&Arc<dyn Cold>>,
    ) -> Result<(Self, Recovery), StoreError> {
        let begun = Instant::now();
        fs::create_dir_all(path).map_err(|error| disk::failed("open", path, error))?;
        let lock = recovery::lock_folder(path)?;
        let names = recovery::names(path)?;
        let mut recovery = Recovery::default();
        let segment_bytes = options.segment_bytes.clamp(4 << 10, 1 << 30);
        let place = |kind, segment_bytes| Place {
            folder: path.to_path_buf(),
            kind,
            sync: options.sync,
            segment_bytes,
        };
        let mut shelf = |signal: &'static Signal| {
            let place = place(signal.log, segment_bytes);
            let files = Files::of(signal, &names);
            Shelf::open(signal, place, &files, cold.cloned(), &mut recovery)
        };
        let [spans, logs, metrics] = SIGNALS.map(&mut shelf);
        let shelves = [spans?, logs?, metrics?];
        let segments = recovery::segments(REQUESTS, &names);
        recovery.segments += segments.len();
        let place = place(REQUESTS, segment_bytes / REQUESTS_SEGMENT_SHARE);
        let (facts, requests) = open_requests(place, &segments, &mut recovery)?;
        recovery.requests = requests.len();
        recovery.took = begun.elapsed();
        let folder = Self {
            path: path.to_path_buf(),
            options,
            shelves,
            facts,
            requests: RwLock::new(requests),
            recording: Mutex::default(),
            saving: Mutex::default(),
            dropping: Mutex::default(),
            clock: Mutex::default(),
            tidying: Mutex::default(),
            named: Mutex::default(),
            requests_dropped: Dropping::default(),
            _lock: lock,
        };
        Ok((folder, recovery))
    }

    /// Held while blocks are made.
    pub(crate) fn tidying(&self) -> MutexGuard<'_, ()> {
        disk::lock(&self.tidying)
    }

    pub(crate) fn shelves(&self) -> &[Shelf] {
        &self.shelves
    }

    /// The shelf of a table.
    pub(crate) fn shelf(&self, table: &Table) -> Result<&Shelf, StoreError> {
        let found = self.shelves.iter().find(|shelf| shelf.signal.table.name == table.name);
        found.ok_or(StoreError::NotKept { table: table.name })
    }

    /// The shelf of that kind of items.
    pub(crate) fn shelf_of<T: Item>(&self) -> Result<&Shelf, StoreError> {
        self.shelf(T::SIGNAL.table)
    }

    /// The first rows of a table whose items are these.
    fn top_of<T: Item>(&self, top: &Top, limits: &Limits) -> Result<Answered<Vec<T>>, StoreError> {
        if top.table.name != T::SIGNAL.table.name {
            return Err(StoreError::NotKept { table: top.table.name });
        }
        self.shelf(top.table)?.top(top, limits)
    }

    /// Memory that facts take.
    #[must_use]
    pub fn requests_usage(&self) -> RequestsUsage {
        let requests = disk::read(&self.requests);
        RequestsUsage { requests: requests.len(), bytes: requests.bytes() }
    }

    /// Bytes of memory that the indexes of traces take, roughly.
    #[must_use]
    pub fn index_bytes(&self) -> usize {
        self.shelves.iter().map(|shelf| disk::read(&shelf.index).bytes()).sum()
    }

    /// Drops the oldest facts while there are more than the options allow.
    fn bound_requests(&self) -> Result<(), StoreError> {
        loop {
            let oldest = disk::read(&self.requests).beyond(self.options.requests_max);
            let Some(oldest) = oldest else { return Ok(()) };
            self.drop_requests(oldest)?;
        }
    }

    pub(crate) fn drop_requests(&self, segment: u32) -> Result<(), StoreError> {
        disk::remove(&self.facts.place().path(segment))?;
        disk::write(&self.requests).drop_segment(segment);
        Ok(())
    }
}

impl Store for Folder {
    fn append(&self, batch: &Batch<'_>) -> Result<(), StoreError> {
        let Batch { spans, otlp, received } = *batch;
        self.shelf_of::<Span>()?.append(spans, otlp, received)
    }

    fn append_logs(&self, batch: &Items<'_, LogRecord>) -> Result<(), StoreError> {
        let Items { items, otlp, received } = *batch;
        self.shelf_of::<LogRecord>()?.append(items, otlp, received)
    }

    fn append_metrics(&self, batch: &Items<'_, Metric>) -> Result<(), StoreError> {
        let Items { items, otlp, received } = *batch;
        self.shelf_of::<Metric>()?.append(items, otlp, received)
    }

    fn record(&self, facts: Vec<RequestFact>) -> Result<(), StoreError> {
        let recording = disk::lock(&self.recording);
        // Who looks at the last hour again after a start finds what is kept: it would push out what is old.
        let known = disk::read(&self.requests);
        let facts: Vec<RequestFact> = facts.into_iter().filter(|it| !known.has(it)).collect();
        drop(known);
        let newest_batch = self.shelf_of::<Span>()?.received();
        for facts in facts.chunks(RECORD_FACTS_MAX) {
            let newest = facts.iter().map(|fact| fact.start).max().unwrap_or_default();
            let received = newest_batch.unwrap_or(newest);
            let payload = packed::encode(facts);
            let placed = self.facts.append(received, &payload)?;
            disk::write(&self.requests).insert(placed, received, &payload);
        }
        // Which are sealed is known from the number of the active one.
        drop(self.facts.take_sealed());
        drop(recording);
        let _dropping = disk::lock(&self.dropping);
        self.bound_requests()
    }

    fn trace(&self, id: TraceId) -> Result<Vec<Span>, StoreError> {
        let mut seen = BTreeSet::new();
        let spans = self.shelf_of::<Span>()?.of_trace::<Span>(id)?;
        let spans = spans.into_iter().map(|(_, span)| span);
        // Zipkin's client and server may share the id of a span.
        Ok(spans.filter(|span| seen.insert((span.span_id, span.kind))).collect())
    }

    fn logs_of(&self, trace: TraceId) -> Result<Vec<LogRecord>, StoreError> {
        let mut records = self.shelf_of::<LogRecord>()?.of_trace::<LogRecord>(trace)?;
        records.sort_by_key(|(time, _)| *time);
        Ok(records.into_iter().map(|(_, record)| record).collect())
    }

    fn operations(&self, window: Window) -> Result<Vec<Operation>, StoreError> {
        Ok(answers::operations(&disk::read(&self.requests), window))
    }

    fn series(
        &self,
        keys: &[OperationKey],
        window: Window,
        steps: usize,
    ) -> Result<Vec<Vec<OperationPoint>>, StoreError> {
        Ok(series::series(&disk::read(&self.requests), keys, window, steps))
    }

    fn sampled(&self, filter: &RequestFilter, limit: usize) -> Result<Sampled, StoreError> {
        Ok(sampled::sampled(&disk::read(&self.requests), filter, limit))
    }

    fn timed(&self, filter: &RequestFilter, most: usize) -> Result<Timed, StoreError> {
        Ok(timed::timed(&disk::read(&self.requests), filter, most))
    }

    fn requests_since(&self) -> Option<Moment> {
        disk::read(&self.requests).since()
    }

    fn services(
        &self,
        window: Window,
        steps: usize,
    ) -> Result<BTreeMap<Arc<str>, Vec<OperationPoint>>, StoreError> {
        Ok(series::services(&disk::read(&self.requests), window, steps))
    }

    fn service_names(&self, window: Window) -> Result<BTreeSet<Arc<str>>, StoreError> {
        Ok(series::service_names(&disk::read(&self.requests), window))
    }

    fn home(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn slowest(
        &self,
        filter: &RequestFilter,
        limit: usize,
    ) -> Result<Vec<RequestFact>, StoreError> {
        Ok(answers::slowest(&disk::read(&self.requests), filter, limit))
    }

    fn latest(&self, filter: &RequestFilter, limit: usize) -> Result<Vec<RequestFact>, StoreError> {
        Ok(answers::latest(&disk::read(&self.requests), filter, limit))
    }

    fn groups(&self, filter: &RequestFilter, limit: usize) -> Result<Vec<SpanGroup>, StoreError> {
        Ok(answers::groups(&disk::read(&self.requests), filter, limit))
    }

    fn ask(&self, query: &Query, limits: &Limits) -> Result<Answered<Answer>, StoreError> {
        let is_rolled = query.table.name == keep::MINUTES.name;
        self.shelf(if is_rolled { &keep::SPANS } else { query.table })?.ask(query, limits)
    }

    fn top(&self, top: &Top, limits: &Limits) -> Result<Answered<Vec<Span>>, StoreError> {
        self.top_of(top, limits)
    }

    fn top_logs(&self, top: &Top, limits: &Limits) -> Result<Answered<Vec<LogRecord>>, StoreError> {
        self.top_of(top, limits)
    }

    fn top_metrics(&self, top: &Top, limits: &Limits) -> Result<Answered<Vec<Metric>>, StoreError> {
        self.top_of(top, limits)
    }

    fn compare(
        &self,
        comparison: &Comparison,
        limits: &Limits,
    ) -> Result<Answered<Differences>, StoreError> {
        let known = || compare::begun(&disk::read(&self.requests), comparison);
        self.shelf(comparison.table)?.compare(comparison, limits, known, Sampling::USUAL)
    }

    fn sql(&self, text: &str, limits: &Limits) -> Result<SqlAnswer, SqlError> {
        let cold = self.shelves.iter().find_map(|shelf| shelf.cold.as_ref());
        cold.ok_or(SqlError::NoSql)?.sql(text, limits)
    }

    fn sql_parquet(&self, text: &str, limits: &Limits) -> Result<Vec<u8>, SqlError> {
        let cold = self.shelves.iter().find_map(|shelf| shelf.cold.as_ref());
        cold.ok_or(SqlError::NoSql)?.sql_parquet(text, limits)
    }

    fn speaks_sql(&self) -> bool {
        self.shelves.iter().any(|shelf| shelf.cold.is_some())
    }

    fn server_answers(&self) -> Option<bool> {
        let cold = self.shelves.iter().find_map(|shelf| shelf.cold.as_ref());
        cold.map(|cold| cold.answers())
    }

    fn retain(&self, retention: Retention, now: Moment) -> Result<u64, StoreError> {
        let _dropping = disk::lock(&self.dropping);
        self.drop_old(retention, now)
    }

    fn thin(&self, keeping: &Keeping, now: Moment) -> Result<bool, StoreError> {
        self.thin_old(keeping, now)
    }

    fn remember(&self, traces: &[TraceId], now: Moment) -> Result<(), StoreError> {
        self.remember_traces(traces, now)
    }

    fn tidy(&self) -> Result<bool, StoreError> {
        let _tidying = self.tidying();
        let mut is_done = true;
        for shelf in &self.shelves {
            is_done &= !shelf.tidy()?;
        }
        Ok(!is_done)
    }

    fn blocks(&self) -> Result<Vec<BlockFile>, StoreError> {
        Ok(listing::blocks(&self.shelves))
    }

    fn usage(&self) -> Result<Usage, StoreError> {
        let mut usage = Usage::of(&self.path, &self.shelves)?;
        let requests = self.requests_usage();
        usage.requests = requests.requests;
        usage.memory_bytes += requests.bytes;
        usage.dropped.requests = self.requests_dropped.bytes();
        Ok(usage)
    }

    fn replay(
        &self,
        since: Moment,
        each: &mut dyn FnMut(Moment, Vec<Span>),
    ) -> Result<(), StoreError> {
        self.shelf_of::<Span>()?.replay(since, each)
    }

    fn recorded_until(&self) -> Option<Moment> {
        disk::read(&self.requests).recorded_until()
    }

    fn knows(&self, trace_id: TraceId, span_id: SpanId) -> bool {
        disk::read(&self.requests).knows(trace_id, span_id)
    }

    fn load_document(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        documents::load(&self.path, name)
    }

    fn save_document(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let _saving = disk::lock(&self.saving);
        documents::save(&self.path, name, bytes)
    }
}

fn open_requests(
    place: Place,
    segments: &BTreeSet<u32>,
    recovery: &mut Recovery,
) -> Result<(Log, Requests), StoreError> {
    let mut requests = Requests::default();
    let last = segments.last().copied().unwrap_or(0);
    let mut open = None;
    for segment in segments {
        let tally = recovery.scan(&place, *segment, |record| {
            requests.insert(Placed::of(*segment, record), record.received, record.payload);
        })?;
        open = tally.filter(|tally| *segment == last && tally.bytes < place.segment_bytes);
    }
    Ok((Log::new(place, last, open)?, requests))
}
