//! The head: rows of segments that are no block yet, in columns, so that questions see them at once.
//!
//! A segment is decoded when somebody asks, and from then on as far as it has grown since. When it is full, its
//! block is made of the same rows. Numbers of segments are not used twice, so that what is known of one stays true.

use std::{
    collections::BTreeMap,
    fs::File,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use keep::Chunk;

use crate::{
    StoreError, disk,
    frame::{FILE_HEAD_BYTES, Record},
    scan,
    signals::Signal,
};

/// Chunks of one segment before they are put together: looking at few large ones is quicker.
const PARTS_MAX: usize = 8;

/// Larger room is not kept for the next segment: a full one needs about 50 MB.
const SPARE_BYTES_MAX: usize = 96 << 20;

/// A segment that is open for reading: it can be read to the end when it is removed meanwhile.
#[derive(Debug)]
pub(crate) struct Readable {
    pub(crate) segment: u32,
    pub(crate) file: File,
    /// How far it is filled with acknowledged records.
    pub(crate) bytes: u64,
    pub(crate) path: PathBuf,
    /// Where records begin that may be of the traces that are looked for; empty if none are.
    pub(crate) records: Vec<u32>,
}

/// Rows of the segments of a signal.
#[derive(Debug)]
pub(crate) struct Head {
    signal: &'static Signal,
    segments: Mutex<Segments>,
    /// The room of a segment that is a block now, for the next.
    spare: Mutex<Option<Chunk>>,
}

#[derive(Debug, Default)]
struct Segments {
    known: BTreeMap<u32, Known>,
    /// Counts looks, so that what was not looked at for longest goes first.
    looks: u64,
}

#[derive(Debug, Default)]
struct Known {
    rows: Arc<Mutex<Rows>>,
    bytes: usize,
    look: u64,
}

/// Rows of one segment.
#[derive(Debug, Default)]
struct Rows {
    parts: Vec<Arc<Chunk>>,
    /// How much of the segment is in them.
    read_bytes: u64,
    statements: sql::Statements,
}

impl Head {
    pub(crate) fn new(signal: &'static Signal) -> Self {
        Self { signal, segments: Mutex::default(), spare: Mutex::default() }
    }

    /// All rows of a segment, as far as it is filled.
    pub(crate) fn rows(&self, readable: &Readable) -> Result<Vec<Arc<Chunk>>, StoreError> {
        let mut segments = disk::lock(&self.segments);
        segments.looks += 1;
        let look = segments.looks;
        let known = segments.known.entry(readable.segment).or_default();
        known.look = look;
        let rows = Arc::clone(&known.rows);
        drop(segments);
        let mut rows = disk::lock(&rows);
        rows.read_on(readable, self.signal, &self.spare)?;
        let parts = rows.parts.clone();
        drop(rows);
        let bytes = parts.iter().map(|part| part.bytes()).sum();
        disk::lock(&self.segments).bound(readable.segment, bytes, self.signal.head_bytes_max);
        Ok(parts)
    }

    /// Drops the rows of a segment that is a block now, or is gone.
    pub(crate) fn forget(&self, segment: u32) {
        let known = disk::lock(&self.segments).known.remove(&segment);
        let parts = known.map(|known| std::mem::take(&mut disk::lock(&known.rows).parts));
        let Some([rows]) = parts.and_then(|parts| <[Arc<Chunk>; 1]>::try_from(parts).ok()) else {
            return;
        };
        if let Some(mut rows) = Arc::into_inner(rows).filter(|it| it.bytes() <= SPARE_BYTES_MAX) {
            rows.clear();
            *disk::lock(&self.spare) = Some(rows);
        }
    }

    /// Drops the rows of segments other than these.
    pub(crate) fn keep_only(&self, is_there: impl Fn(u32) -> bool) {
        disk::lock(&self.segments).known.retain(|segment, _| is_there(*segment));
    }

    /// Bytes in memory, roughly.
    pub(crate) fn bytes(&self) -> usize {
        let known: usize = disk::lock(&self.segments).known.values().map(|it| it.bytes).sum();
        known + disk::lock(&self.spare).as_ref().map_or(0, Chunk::bytes)
    }
}

impl Segments {
    fn bound(&mut self, segment: u32, bytes: usize, bytes_max: usize) {
        if let Some(known) = self.known.get_mut(&segment) {
            known.bytes = bytes;
        }
        while bytes_max < self.known.values().map(|known| known.bytes).sum() {
            let others = self.known.iter().filter(|(number, _)| **number != segment);
            let Some((oldest, _)) = others.min_by_key(|(_, known)| known.look) else { return };
            let oldest = *oldest;
            self.known.remove(&oldest);
        }
    }
}

impl Rows {
    /// Takes in what the segment has gained.
    fn read_on(
        &mut self,
        readable: &Readable,
        signal: &Signal,
        spare: &Mutex<Option<Chunk>>,
    ) -> Result<(), StoreError> {
        let from = self.read_bytes.max(FILE_HEAD_BYTES as u64);
        let failed = |error| disk::failed("read", &readable.path, error);
        // A file that the disk has cut costs what was cut.
        let there = readable.file.metadata().map_err(failed)?.len();
        let stretch = from..readable.bytes.min(there);
        if stretch.is_empty() {
            return Ok(());
        }
        let spare = if self.parts.is_empty() { disk::lock(spare).take() } else { None };
        let chunk = spare.unwrap_or_else(|| Chunk::new(signal.table));
        let mut read = Ok(());
        let mut records = |take: &mut dyn FnMut(Record<'_>)| {
            read = scan::each(&readable.file, readable.segment, stretch.clone(), take);
        };
        let rows = (signal.rows)(chunk, &mut records, &mut self.statements);
        read.map_err(failed)?;
        self.read_bytes = readable.bytes;
        self.add(rows, signal);
        Ok(())
    }

    /// Adds rows: to the last chunk if nobody looks at it, or beside it.
    fn add(&mut self, rows: Chunk, signal: &Signal) {
        if rows.rows() == 0 {
            return;
        }
        match self.parts.last_mut().and_then(Arc::get_mut) {
            Some(last) => last.append(&rows),
            None => self.parts.push(Arc::new(rows)),
        }
        if PARTS_MAX < self.parts.len() {
            self.parts = vec![joined(std::mem::take(&mut self.parts), signal)];
        }
    }
}

/// All rows in one chunk.
pub(crate) fn joined(mut parts: Vec<Arc<Chunk>>, signal: &Signal) -> Arc<Chunk> {
    if let [_] = &parts[..] {
        return parts.remove(0);
    }
    let mut all = Chunk::new(signal.table);
    for part in &parts {
        all.append(part);
    }
    Arc::new(all)
}
