//! One signal on disk: as it came, in a log with an index of its traces, and once a segment of it is full, in blocks,
//! or where else what is cold goes.

use std::{
    borrow::Cow,
    fs::File,
    io,
    path::PathBuf,
    sync::{Arc, RwLock},
    time::Instant,
};

use keep::{Chunk, parquet::BlockFormat};
use model::Moment;
use stats::Timings;

use crate::{
    StoreError,
    blocks::{Blocks, Run},
    clickhouse::ClickHouse,
    cold::{Cold, Full},
    condensed::Condensed,
    counted::Answers,
    disk,
    head::{self, Head, Readable},
    index::{self, Beside, Index},
    lately::{Lately, Print},
    log::{Log, Place, Placed, Sealed},
    recovery::{Files, Recovery},
    rolled, scan,
    signals::{self, Item, Signal},
    usage::Dropping,
};

/// A signal on disk, and where what of it is.
#[derive(Debug)]
pub(crate) struct Shelf {
    pub(crate) signal: &'static Signal,
    pub(crate) log: Log,
    pub(crate) index: RwLock<Index>,
    pub(crate) blocks: Blocks,
    /// Roll-ups of the blocks, if they are of spans.
    pub(crate) minutes: Option<Blocks>,
    pub(crate) condensed: Condensed,
    pub(crate) answers: Answers,
    pub(crate) head: Head,
    /// Batches that are not kept once more.
    lately: Lately,
    /// Where full segments go instead of becoming blocks.
    pub(crate) cold: Option<Arc<dyn Cold>>,
    /// How long it took to make blocks of segments, and larger ones of small ones.
    pub(crate) made: Timings,
    pub(crate) merged: Timings,
    /// What retention has dropped.
    pub(crate) dropped: Dropping,
}

/// When the first and the last batch of a segment were received; nothing if nothing is in it.
type Times = Option<(Moment, Moment)>;

impl Shelf {
    /// Opens what a folder has of a signal.
    pub(crate) fn open(
        signal: &'static Signal,
        place: Place,
        files: &Files,
        cold: Option<Arc<dyn Cold>>,
        recovery: &mut Recovery,
    ) -> Result<Self, StoreError> {
        let blocks = Blocks::open(signal, &place.folder, &files.blocks, &mut recovery.set_aside)?;
        let minutes = rolled::open(signal, &place.folder, files, recovery)?;
        recovery.blocks += blocks.all().len();
        recovery.newer.extend(blocks.newer().cloned());
        recovery.segments += files.segments.len();
        let is_held = |segment| {
            let elsewhere = cold.as_ref().is_some_and(|cold| cold.holds(signal.table, segment));
            elsewhere || blocks.holds(segment)
        };
        let (mut index, lately) = (Index::default(), Lately::default());
        let mut last = files.segments.last().copied().unwrap_or(0).max(blocks.last_segment());
        last = last.max(minutes.as_ref().map_or(0, Blocks::last_segment));
        last = last.max(ClickHouse::highest(&place.folder, signal.table)?);
        let mut open = None;
        for segment in files.segments.iter().copied() {
            let log_path = place.path(segment);
            if blocks.hides(segment) {
                // Whoever can read the block removes it.
                continue;
            }
            if is_held(segment) {
                // The system stopped before it was removed.
                disk::remove(&index_path(&place, segment))?;
                disk::remove(&log_path)?;
                continue;
            }
            let log_bytes = std::fs::metadata(&log_path).map(|it| it.len());
            let log_bytes = log_bytes.map_err(|error| disk::failed("read", &log_path, error))?;
            let beside = Beside::read(&index_path(&place, segment), segment, log_bytes)?;
            // An index that can be read may lie beside a log of a newer version.
            let beside = beside.filter(|_| scan::newer(&log_path, place.kind.magic).is_none());
            if let Some((beside, index_bytes)) = beside {
                recovery.records += u64::from(beside.tally.records);
                recovery.bytes += log_bytes;
                index.adopt(beside, index_bytes);
                continue;
            }
            let tally = recovery.scan(&place, segment, |record| {
                let placed = Placed::of(segment, record);
                index.insert(placed, record.received, &(signal.keys)(record.payload));
                lately.note(Print::of(record.payload));
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
        let (index, head) = (RwLock::new(index), Head::new(signal));
        let shelf = Self {
            signal,
            log,
            index,
            blocks,
            minutes,
            condensed: Condensed::default(),
            answers: Answers::default(),
            head,
            lately,
            cold,
            made,
            merged,
            dropped: Dropping::default(),
        };
        shelf.settle();
        Ok(shelf)
    }

    /// Keeps a batch, unless it was kept lately; `otlp` is the same in protobuf, if it came so.
    pub(crate) fn append<T: Item>(
        &self,
        items: &[T],
        otlp: Option<&[u8]>,
        received: Moment,
    ) -> Result<(), StoreError> {
        if items.is_empty() {
            return Ok(());
        }
        if self.cold.as_ref().is_some_and(|cold| cold.is_held_back()) {
            let path = self.log.place().folder.clone();
            let why = "what waits for ClickHouse has reached the bound on bytes";
            let source = io::Error::new(io::ErrorKind::StorageFull, why);
            return Err(StoreError::Full { path, source });
        }
        let payload = otlp.map_or_else(|| Cow::Owned(T::encode(items)), Cow::Borrowed);
        // Equal lines of a log without a time may well be two.
        let is_timed = items.iter().all(|item| item.time(Moment::default()).nanos != 0);
        let print = is_timed.then(|| Print::of(&payload));
        if print.is_some_and(|print| self.lately.has(print)) {
            return Ok(());
        }
        let placed = self.log.append(received, &payload);
        if let Ok(placed) = placed {
            let keys = signals::keys(items);
            disk::write(&self.index).insert(placed, received, &keys);
            if let Some(print) = print {
                self.lately.note(print);
            }
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
        if self.catch_up()? {
            return Ok(true);
        }
        let Some((segment, bytes, times)) = self.oldest_full() else {
            let mut merged = self.blocks.merge(&BlockFormat::SETTLED)?;
            if let Some(minutes) = self.minutes.as_ref().filter(|_| !merged) {
                merged = minutes.merge(&BlockFormat::SETTLED)?;
            }
            if merged {
                self.merged.add(begun.elapsed());
            }
            return Ok(merged);
        };
        let Some(received) = times else {
            // Nothing is in it.
            return self.drop_segment(segment).map(|()| true);
        };
        let path = self.log.place().path(segment);
        let file = File::open(&path).map_err(|error| disk::failed("open", &path, error))?;
        let readable = Readable { segment, file, bytes, path, records: Vec::new() };
        let all = head::joined(self.head.rows(&readable)?, self.signal);
        let distinct = keep::distinct(&all).map(|distinct| all.pick(&distinct));
        let rows = distinct.as_ref().unwrap_or(&all);
        self.make_cold(Full { segment, received, rows })?;
        // Nobody needs them now but those who look at this very moment, so that the next segment may have their room.
        drop(all);
        self.drop_segment(segment)?;
        self.made.add(begun.elapsed());
        Ok(true)
    }

    /// Keeps rows as they are, as if a full segment had held them.
    pub(crate) fn take_in(&self, rows: &Chunk, received: Moment) -> Result<(), StoreError> {
        let segment = self.log.skip_number();
        self.make_cold(Full { segment, received: (received, received), rows })
    }

    /// Puts the rows of a full segment where they stay.
    fn make_cold(&self, full: Full<'_>) -> Result<(), StoreError> {
        if let Some(cold) = &self.cold {
            return cold.take(full);
        }
        let run = Run { first: full.segment, last: full.segment };
        self.blocks.add(run, full.received, full.rows, &BlockFormat::FRESH)?;
        // Last: a block without is asked itself, and gets one before it is thinned.
        self.roll_up(run, full.received, full.rows)
    }

    /// The oldest segment that is full, how far it is filled, and when its first and last batch were received.
    fn oldest_full(&self) -> Option<(u32, u64, Times)> {
        let index = disk::read(&self.index);
        let mut segments = index.segments.iter().filter(|(_, it)| it.is_settled());
        segments.find_map(|(number, segment)| Some((*number, segment.sealed?.bytes, segment.times)))
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
        index_path(self.log.place(), segment)
    }
}

fn index_path(place: &Place, segment: u32) -> PathBuf {
    place.folder.join(format!("{}-{segment:06}.index", place.kind.name))
}
