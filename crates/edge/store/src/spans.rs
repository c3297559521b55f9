//! Spans: as they came, in a log with an index of their traces, and once a segment of it is full, in blocks.

use std::{
    collections::BTreeSet,
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::RwLock,
    time::Instant,
};

use keep::parquet::BlockFormat;
use model::{Moment, Span, TraceId};
use observe::otlp;
use stats::Timings;

use crate::{
    Batch, StoreError,
    blocks::{Blocks, Run},
    disk,
    folder::Recovery,
    frame::{self, HEAD_BYTES, Record},
    head::{self, Head, Readable},
    index::{self, Beside, Index},
    log::{Kind, Log, Place, Placed, Sealed},
    scan::{self, Scan},
};

/// The log of spans.
pub(crate) const SPANS: Kind = Kind { name: "spans", magic: *b"tautspan" };

/// Spans on disk, and where they are.
#[derive(Debug)]
pub(crate) struct Spans {
    pub(crate) log: Log,
    pub(crate) index: RwLock<Index>,
    pub(crate) blocks: Blocks,
    pub(crate) head: Head,
    /// How long it took to make blocks of segments, and larger ones of small ones.
    pub(crate) made: Timings,
    pub(crate) merged: Timings,
}

impl Spans {
    /// Opens the segments of a folder.
    pub(crate) fn open(
        place: Place,
        segments: &BTreeSet<u32>,
        blocks: Blocks,
        recovery: &mut Recovery,
    ) -> Result<Self, StoreError> {
        let mut index = Index::default();
        let last = segments.last().copied().unwrap_or(0).max(blocks.last_segment());
        let mut open = None;
        for segment in segments.iter().copied() {
            let log_path = place.path(segment);
            if blocks.holds(segment) {
                // The system stopped before it was removed.
                disk::remove(&index_path(&place.folder, segment))?;
                disk::remove(&log_path)?;
                continue;
            }
            let log_bytes = std::fs::metadata(&log_path).map(|it| it.len());
            let log_bytes = log_bytes.map_err(|error| disk::failed("read", &log_path, error))?;
            let beside = Beside::read(&index_path(&place.folder, segment), segment, log_bytes)?;
            if let Some((beside, index_bytes)) = beside {
                recovery.records += u64::from(beside.tally.records);
                recovery.bytes += log_bytes;
                index.adopt(beside, index_bytes);
                continue;
            }
            let tally = recovery.scan(&place, segment, |record| {
                let placed = Placed::of(segment, record);
                index.insert(placed, record.received, &keys(&decode(record.payload)));
            })?;
            let Some(tally) = tally else { continue };
            if segment == last && tally.bytes < place.segment_bytes {
                open = Some(tally);
            } else {
                index.seal(Sealed { segment, tally });
                recovery.indexes_built += 1;
            }
        }
        let log = Log::new(place, last, open)?;
        let (made, merged) = (Timings::default(), Timings::default());
        let head = Head::default();
        let spans = Self { log, index: RwLock::new(index), blocks, head, made, merged };
        spans.settle();
        Ok(spans)
    }

    /// See [`crate::Store::append`].
    pub(crate) fn append(&self, batch: &Batch<'_>) -> Result<(), StoreError> {
        if batch.spans.is_empty() {
            return Ok(());
        }
        let placed = match batch.otlp {
            Some(otlp) => self.log.append(batch.received, otlp),
            None => self.log.append(batch.received, &otlp::encode(batch.spans)),
        };
        if let Ok(placed) = placed {
            let keys = keys(batch.spans);
            disk::write(&self.index).insert(placed, batch.received, &keys);
        }
        let sealed = self.log.take_sealed();
        if !sealed.is_empty() {
            let mut index = disk::write(&self.index);
            for sealed in sealed {
                index.seal(sealed);
            }
        }
        self.settle();
        placed.map(drop)
    }

    /// Seals the active segment.
    pub(crate) fn seal(&self) -> Result<(), StoreError> {
        let sealed = self.log.seal();
        let mut index = disk::write(&self.index);
        for sealed in self.log.take_sealed() {
            index.seal(sealed);
        }
        drop(index);
        self.settle();
        sealed
    }

    /// Seals the active segment, if anything is in it.
    pub(crate) fn seal_filled(&self) -> Result<(), StoreError> {
        let index = disk::read(&self.index);
        let active = index.segments.last_key_value();
        let is_filled = active.is_some_and(|(_, it)| it.sealed.is_none() && 0 < it.tally.records);
        drop(index);
        if is_filled { self.seal() } else { Ok(()) }
    }

    /// When the newest batch that is kept was received.
    pub(crate) fn received(&self) -> Option<Moment> {
        let index = disk::read(&self.index);
        let newest = index.segments.values().rev().find_map(|segment| segment.times);
        let of_blocks = || self.blocks.all().last().map(|kept| kept.received.1);
        newest.map(|(_, last)| last).or_else(of_blocks)
    }

    /// Makes a block of the oldest full segment, or puts small blocks together. Returns whether there was
    /// something to do.
    pub(crate) fn tidy(&self) -> Result<bool, StoreError> {
        let begun = Instant::now();
        let index = disk::read(&self.index);
        let full = index
            .segments
            .iter()
            .find(|(_, segment)| segment.sealed.is_some() && segment.is_settled());
        let full = full.map(|(number, segment)| (*number, segment.times.unwrap_or_default()));
        drop(index);
        let Some((segment, received)) = full else {
            let merged = self.blocks.merge(&BlockFormat::SETTLED)?;
            if merged {
                self.merged.add(begun.elapsed());
            }
            return Ok(merged);
        };
        let path = self.log.place().path(segment);
        let file = File::open(&path).map_err(|error| disk::failed("open", &path, error))?;
        let bytes = file.metadata().map_err(|error| disk::failed("read", &path, error))?.len();
        let rows = self.head.rows(&Readable { segment, file, bytes, path })?;
        let run = Run { first: segment, last: segment };
        self.blocks.add(run, received, &head::joined(rows), &BlockFormat::FRESH)?;
        self.drop_segment(segment)?;
        self.made.add(begun.elapsed());
        Ok(true)
    }

    /// Drops a segment of the log.
    pub(crate) fn drop_segment(&self, segment: u32) -> Result<(), StoreError> {
        disk::remove(&self.index_path(segment))?;
        disk::remove(&self.log.place().path(segment))?;
        disk::write(&self.index).segments.remove(&segment);
        self.head.forget(segment);
        Ok(())
    }

    /// Writes the indexes of full segments. A disk without room for them is no failure: the pairs
    /// are in memory, and the next start makes the file again.
    fn settle(&self) {
        if disk::read(&self.index).segments.values().all(index::Segment::is_settled) {
            return;
        }
        let settled = disk::write(&self.index).settle();
        for beside in settled {
            let written = beside.write(&self.index_path(beside.segment));
            let mut index = disk::write(&self.index);
            if let Some(segment) = index.segments.get_mut(&beside.segment) {
                segment.index_bytes = written.unwrap_or(0);
            }
        }
    }

    pub(crate) fn index_path(&self, segment: u32) -> PathBuf {
        index_path(&self.log.place().folder, segment)
    }

    /// See [`crate::Store::trace`].
    pub(crate) fn trace(&self, id: TraceId) -> Result<Vec<Span>, StoreError> {
        let found = disk::read(&self.index).find(id);
        let mut seen = BTreeSet::new();
        let mut spans = Vec::new();
        for (segment, offsets) in found {
            let path = self.log.place().path(segment);
            let Some(file) = gone(File::open(&path), &path)? else { continue };
            for offset in offsets {
                let bytes = gone(read(&file, u64::from(offset)), &path)?.unwrap_or_default();
                let Some(record) = Record::parse(&bytes, segment, u64::from(offset)) else {
                    continue;
                };
                // Zipkin's client and server may share the id of a span.
                let fresh = decode(record.payload)
                    .into_iter()
                    .filter(|span| span.trace_id == id && seen.insert((span.span_id, span.kind)));
                spans.extend(fresh);
            }
        }
        // Last, for a segment becomes a block before it is gone.
        let kept = self.blocks.trace(id)?;
        let mut older: Vec<Span> =
            kept.into_iter().filter(|span| seen.insert((span.span_id, span.kind))).collect();
        older.append(&mut spans);
        Ok(older)
    }

    /// See [`crate::Store::replay`].
    pub(crate) fn replay(
        &self,
        since: Moment,
        each: &mut dyn FnMut(Moment, Vec<Span>),
    ) -> Result<(), StoreError> {
        for kept in self.blocks.all().iter().filter(|kept| since <= kept.received.1) {
            match kept.replay(each) {
                Err(StoreError::Damaged { .. }) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        let place = self.log.place();
        let index = disk::read(&self.index);
        let touched = index
            .segments
            .iter()
            .filter(|(_, segment)| segment.times.is_some_and(|(_, last)| since <= last));
        // What is written from here on is not replayed: it is with the engine already.
        let touched = touched.map(|(number, segment)| (*number, segment.tally.records));
        let touched = touched.collect::<Vec<_>>();
        drop(index);
        for (segment, records) in touched {
            let bytes = scan::load(&place.path(segment), scan::longest(place.segment_bytes))?;
            let sound = Scan::new(&bytes, place.kind.magic, segment).take(records as usize);
            for record in sound.filter(|record| since <= record.received) {
                each(record.received, decode(record.payload));
            }
        }
        Ok(())
    }
}

fn index_path(folder: &Path, segment: u32) -> PathBuf {
    folder.join(format!("{}-{segment:06}.index", SPANS.name))
}

/// Spans of a payload. It was read once before it was kept, so what is refused now was then.
pub(crate) fn decode(payload: &[u8]) -> Vec<Span> {
    otlp::decode(payload).map(|decoded| decoded.spans).unwrap_or_default()
}

/// Keys of the traces of a batch, each once.
fn keys(spans: &[Span]) -> Vec<u64> {
    let mut keys = spans.iter().map(|span| index::key(span.trace_id)).collect::<Vec<_>>();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn read(file: &File, offset: u64) -> io::Result<Vec<u8>> {
    let mut head = [0; HEAD_BYTES];
    file.read_exact_at(&mut head, offset)?;
    let mut bytes = vec![0; HEAD_BYTES + frame::payload_len(&head).unwrap_or(0)];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

/// `None` for what retention has removed meanwhile, and for what a damaged file no longer holds.
fn gone<T>(result: io::Result<T>, path: &Path) -> Result<Option<T>, StoreError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) =>
        {
            Ok(None)
        }
        Err(error) => Err(disk::failed("read", path, error)),
    }
}
