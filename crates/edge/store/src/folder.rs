//! The embedded store: a folder, no server.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, RwLock},
    time::{Duration, Instant},
};

use keep::query::{Answer, Comparison, Differences, Query, Top};
use model::{Moment, OperationKey, Span, SpanId, TraceId, Window};
use rustix::fs::{FlockOperation, flock};

use crate::{
    Answered, Batch, Limits, Operation, OperationPoint, RequestFact, RequestFilter, Retention,
    SpanGroup, Store, StoreError, Syncing, answers,
    blocks::{Blocks, PART, Run},
    disk, documents,
    frame::{FILE_HEAD_BYTES, Record},
    log::{Kind, Log, Place, Placed, Tally},
    packed,
    requests::Requests,
    scan::{self, Scan},
    spans::{SPANS, Spans},
    usage::{Dropping, Usage},
};

/// The log of request facts.
pub(crate) const REQUESTS: Kind = Kind { name: "requests", magic: *b"tautreqs" };

/// Facts are a twentieth of their spans; with segments this much smaller, both logs cover about the
/// same time, and retention takes small bites of both.
const REQUESTS_SEGMENT_SHARE: u64 = 16;

/// Facts in one record: a few megabytes.
const RECORD_FACTS_MAX: usize = 16_384;

/// An active segment older than this part of the greatest age is sealed, so that little is kept longer.
const AGE_PARTS: u32 = 16;

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

/// What was found when a folder was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Segments of spans and of facts.
    pub segments: usize,
    /// Blocks of spans.
    pub blocks: usize,
    /// Their records.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Facts that are known again.
    pub requests: usize,
    /// Bytes cut from the ends of segments: writes that were under way, and never acknowledged.
    pub bytes_cut: u64,
    /// Bytes within segments that are no sound records: the disk has damaged them.
    pub bytes_damaged: u64,
    /// Segments whose index was missing or damaged and was made again.
    pub indexes_built: usize,
    /// Files that hold nothing that can be read, or are of another version; they were left alone.
    pub set_aside: Vec<PathBuf>,
    /// How long it took.
    pub took: Duration,
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
    spans: Spans,
    facts: Log,
    requests: RwLock<Requests>,
    /// Held while facts are written, so that memory and disk agree on which came last.
    recording: Mutex<()>,
    /// Held while a document is saved.
    saving: Mutex<()>,
    /// Held while segments are dropped.
    dropping: Mutex<()>,
    /// Held while blocks are made.
    tidying: Mutex<()>,
    /// What retention has dropped.
    dropped: Dropping,
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
        let begun = Instant::now();
        fs::create_dir_all(path).map_err(|error| disk::failed("open", path, error))?;
        let lock = lock_folder(path)?;
        let files = Files::list(path)?;
        let mut recovery = Recovery::default();
        let segment_bytes = options.segment_bytes.clamp(4 << 10, 1 << 30);
        let place = |kind, segment_bytes| Place {
            folder: path.to_path_buf(),
            kind,
            sync: options.sync,
            segment_bytes,
        };
        let blocks = Blocks::open(path, &files.blocks, &mut recovery.set_aside)?;
        recovery.blocks = blocks.all().len();
        let place_of_spans = place(SPANS, segment_bytes);
        let spans = Spans::open(place_of_spans, &files.spans, blocks, &mut recovery)?;
        let place = place(REQUESTS, segment_bytes / REQUESTS_SEGMENT_SHARE);
        let (facts, requests) = open_requests(place, &files.requests, &mut recovery)?;
        recovery.segments = files.spans.len() + files.requests.len();
        recovery.requests = requests.len();
        recovery.took = begun.elapsed();
        let folder = Self {
            path: path.to_path_buf(),
            options,
            spans,
            facts,
            requests: RwLock::new(requests),
            recording: Mutex::default(),
            saving: Mutex::default(),
            dropping: Mutex::default(),
            tidying: Mutex::default(),
            dropped: Dropping::default(),
            _lock: lock,
        };
        Ok((folder, recovery))
    }

    pub(crate) fn spans(&self) -> &Spans {
        &self.spans
    }

    /// Memory that facts take.
    #[must_use]
    pub fn requests_usage(&self) -> RequestsUsage {
        let requests = disk::read(&self.requests);
        RequestsUsage { requests: requests.len(), bytes: requests.bytes() }
    }

    /// Bytes of memory that the index of traces takes, roughly.
    #[must_use]
    pub fn index_bytes(&self) -> usize {
        disk::read(&self.spans.index).bytes()
    }

    /// Drops the oldest facts while there are more than the options allow.
    fn bound_requests(&self) -> Result<(), StoreError> {
        loop {
            let oldest = disk::read(&self.requests).beyond(self.options.requests_max);
            let Some(oldest) = oldest else { return Ok(()) };
            self.drop_requests(oldest)?;
        }
    }

    fn drop_requests(&self, segment: u32) -> Result<(), StoreError> {
        disk::remove(&self.facts.place().path(segment))?;
        disk::write(&self.requests).drop_segment(segment);
        Ok(())
    }

    /// Seals segments that have been written to for so long that they hold old records back.
    fn seal_old(&self, before: Moment) -> Result<(), StoreError> {
        let index = disk::read(&self.spans.index);
        let last = index.segments.last_key_value();
        let old = last.is_some_and(|(_, segment)| {
            segment.sealed.is_none() && segment.times.is_some_and(|(first, _)| first < before)
        });
        drop(index);
        if old {
            self.spans.seal()?;
        }
        let first = disk::read(&self.requests).segments().last().map(|(_, segment)| segment.first);
        if first.is_some_and(|first| first < before) {
            self.facts.seal()?;
        }
        Ok(())
    }

    /// Segments that may be dropped, oldest first, and the bytes of all.
    fn segments(&self) -> (Vec<Droppable>, u64) {
        let mut bytes_total = 0;
        let mut spans = Vec::new();
        for kept in self.spans.blocks.all() {
            bytes_total += kept.bytes;
            let (last, number, bytes) = (kept.received.1, kept.run.first, kept.bytes);
            spans.push(Droppable { last, number, bytes, kind: Dropped::Block });
        }
        for (number, segment) in &disk::read(&self.spans.index).segments {
            let bytes = segment.tally.bytes + segment.index_bytes;
            bytes_total += bytes;
            if segment.is_settled() && segment.sealed.is_some() {
                let last = segment.times.map(|(_, last)| last).unwrap_or_default();
                spans.push(Droppable { last, number: *number, bytes, kind: Dropped::Spans });
            }
        }
        let active = self.facts.active();
        let mut requests = Vec::new();
        for (number, segment) in disk::read(&self.requests).segments() {
            let bytes = segment.bytes;
            bytes_total += bytes;
            if active != Some(number) {
                let last = segment.last;
                requests.push(Droppable { last, number, bytes, kind: Dropped::Requests });
            }
        }
        for segments in [&mut spans, &mut requests] {
            // Written earlier is older, whatever the clock said.
            let mut later = Moment { nanos: u64::MAX };
            for segment in segments.iter_mut().rev() {
                later = later.min(segment.last);
                segment.last = later;
            }
        }
        spans.append(&mut requests);
        spans.sort_unstable();
        (spans, bytes_total)
    }
}

/// A segment that may be dropped; the oldest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Droppable {
    last: Moment,
    number: u32,
    kind: Dropped,
    bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Dropped {
    Block,
    Spans,
    Requests,
}

impl Store for Folder {
    fn append(&self, batch: &Batch<'_>) -> Result<(), StoreError> {
        self.spans.append(batch)
    }

    fn record(&self, facts: Vec<RequestFact>) -> Result<(), StoreError> {
        let recording = disk::lock(&self.recording);
        for facts in facts.chunks(RECORD_FACTS_MAX) {
            let newest = facts.iter().map(|fact| fact.start).max().unwrap_or_default();
            let received = self.spans.received().unwrap_or(newest);
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
        self.spans.trace(id)
    }

    fn operations(&self, window: Window) -> Result<Vec<Operation>, StoreError> {
        Ok(answers::operations(&disk::read(&self.requests), window))
    }

    fn series(
        &self,
        key: &OperationKey,
        window: Window,
        steps: usize,
    ) -> Result<Vec<OperationPoint>, StoreError> {
        Ok(answers::series(&disk::read(&self.requests), key, window, steps))
    }

    fn slowest(
        &self,
        filter: &RequestFilter,
        limit: usize,
    ) -> Result<Vec<RequestFact>, StoreError> {
        Ok(answers::slowest(&disk::read(&self.requests), filter, limit))
    }

    fn groups(&self, filter: &RequestFilter, limit: usize) -> Result<Vec<SpanGroup>, StoreError> {
        Ok(answers::groups(&disk::read(&self.requests), filter, limit))
    }

    fn ask(&self, query: &Query, limits: &Limits) -> Result<Answered<Answer>, StoreError> {
        self.spans.ask(query, limits)
    }

    fn top(&self, top: &Top, limits: &Limits) -> Result<Answered<Vec<Span>>, StoreError> {
        self.spans.top(top, limits)
    }

    fn compare(
        &self,
        comparison: &Comparison,
        limits: &Limits,
    ) -> Result<Answered<Differences>, StoreError> {
        self.spans.compare(comparison, limits)
    }

    fn retain(&self, retention: Retention, now: Moment) -> Result<u64, StoreError> {
        let _dropping = disk::lock(&self.dropping);
        self.seal_old(now - retention.age_max / AGE_PARTS)?;
        let (segments, mut bytes) = self.segments();
        let mut freed = 0;
        let oldest = now - retention.age_max;
        for segment in segments {
            if oldest <= segment.last && bytes <= retention.bytes_max {
                break;
            }
            match segment.kind {
                Dropped::Spans => self.spans.drop_segment(segment.number)?,
                Dropped::Block => self.spans.blocks.drop_block(segment.number)?,
                Dropped::Requests => self.drop_requests(segment.number)?,
            }
            bytes -= segment.bytes;
            freed += segment.bytes;
            self.dropped.add(segment.kind == Dropped::Requests, segment.bytes);
        }
        Ok(freed)
    }

    fn tidy(&self) -> Result<bool, StoreError> {
        let _tidying = disk::lock(&self.tidying);
        self.spans.tidy()
    }

    fn usage(&self) -> Result<Usage, StoreError> {
        let mut usage = Usage::of_spans(&self.path, &self.spans)?;
        let requests = self.requests_usage();
        usage.requests = requests.requests;
        usage.memory_bytes = self.index_bytes() + self.spans.head.bytes() + requests.bytes;
        usage.dropped = self.dropped.seen();
        Ok(usage)
    }

    fn replay(
        &self,
        since: Moment,
        each: &mut dyn FnMut(Moment, Vec<Span>),
    ) -> Result<(), StoreError> {
        self.spans.replay(since, each)
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

impl Recovery {
    /// Gives the sound records of a segment to `each` and cuts what follows the last one. Returns how
    /// far the segment is filled; `None` if it was set aside or removed.
    pub(crate) fn scan(
        &mut self,
        place: &Place,
        segment: u32,
        mut each: impl FnMut(&Record<'_>),
    ) -> Result<Option<Tally>, StoreError> {
        let path = place.path(segment);
        let bytes = scan::load(&path, scan::longest(place.segment_bytes))?;
        let mut scan = Scan::new(&bytes, place.kind.magic, segment);
        let mut records = 0;
        for record in scan.by_ref() {
            records += 1;
            each(&record);
        }
        let (sound, damaged) = (scan.sound_bytes, scan.damaged_bytes);
        if sound == 0 {
            if bytes.len() < FILE_HEAD_BYTES {
                // The system stopped while it was created.
                self.bytes_cut += bytes.len() as u64;
                disk::remove(&path)?;
            } else {
                self.set_aside.push(path);
            }
            return Ok(None);
        }
        let cut = bytes.len() as u64 - sound;
        if 0 < cut {
            let file = File::options().write(true).open(&path);
            let shortened = file.and_then(|file| {
                file.set_len(sound)?;
                file.sync_all()
            });
            shortened.map_err(|error| disk::failed("write", &path, error))?;
        }
        self.bytes_cut += cut;
        self.bytes_damaged += damaged;
        self.records += u64::from(records);
        self.bytes += sound;
        Ok(Some(Tally { bytes: sound, records }))
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

fn lock_folder(path: &Path) -> Result<File, StoreError> {
    let lock_path = path.join("lock");
    let lock = File::options().create(true).truncate(false).write(true).open(&lock_path);
    let lock = lock.map_err(|error| disk::failed("open", &lock_path, error))?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(io::Error::from) {
        Ok(()) => Ok(lock),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(StoreError::Locked { path: path.to_path_buf() })
        }
        Err(error) => Err(disk::failed("open", &lock_path, error)),
    }
}

/// Numbers of the segments in a folder.
#[derive(Debug, Default)]
struct Files {
    spans: BTreeSet<u32>,
    blocks: BTreeSet<Run>,
    requests: BTreeSet<u32>,
}

impl Files {
    /// Lists a folder, and clears blocks that were never finished. What is of no segment and no block is left alone;
    /// it may be the user's.
    fn list(folder: &Path) -> Result<Self, StoreError> {
        let failed = |error| disk::failed("read", folder, error);
        let mut files = Self::default();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let Some(name) = name.to_str() else { continue };
            files.spans.extend(SPANS.segment(name));
            files.blocks.extend(Run::of_name(name));
            if name.ends_with(PART) {
                // The system stopped while it was written.
                disk::remove(&folder.join(name))?;
            }
            files.requests.extend(REQUESTS.segment(name));
        }
        Ok(files)
    }
}
