//! What a folder takes of the disk, and what its keeping has cost.
//!
//! Bytes are those of the files that are there, by name, so that what lies in the folder and belongs to nobody is
//! told too.

use std::{
    fs, io,
    path::Path,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use model::Moment;
use stats::TimingsSeen;

use crate::{
    StoreError,
    blocks::Blocks,
    disk,
    folder::REQUESTS,
    rolled::MINUTES,
    shelf::Shelf,
    signals::{LOGS, METRICS, SPANS, Signal},
};

/// What a store takes, and what it has done since it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// What there is of each kind of telemetry; what follows is the sum of it.
    pub signals: Vec<SignalUsage>,
    /// Bytes of logs, as they came.
    pub log_bytes: u64,
    /// Bytes of the lists of traces beside the logs.
    pub index_bytes: u64,
    /// Bytes of blocks.
    pub block_bytes: u64,
    /// Bytes of roll-ups: what spans took in each minute.
    pub minute_bytes: u64,
    /// Bytes of request facts.
    pub request_bytes: u64,
    /// Bytes of files that were found damaged and set aside.
    pub damaged_bytes: u64,
    /// Bytes of all else: the ledger, documents.
    pub other_bytes: u64,
    /// Bytes that are free on the disk; `None` if the system does not say.
    pub free_bytes: Option<u64>,
    /// Segments of logs.
    pub segments: usize,
    /// Batches in them.
    pub batches: u64,
    /// Blocks.
    pub blocks: usize,
    /// Spans in them.
    pub block_spans: u64,
    /// Blocks of spans in which only what is kept for long is left.
    pub thinned: ThinnedUsage,
    /// Rows of roll-ups.
    pub minute_rows: u64,
    /// When the oldest span that a roll-up tells of was received; `None` if there are none.
    pub minutes_oldest: Option<Moment>,
    /// Requests of which there is a fact.
    pub requests: usize,
    /// Bytes of memory that the indexes of traces, rows for questions and the facts take, roughly.
    pub memory_bytes: usize,
    /// When the oldest batch that is kept was received; `None` if nothing is kept.
    pub oldest: Option<Moment>,
    /// How long it took to sync the log of spans.
    pub syncs: TimingsSeen,
    /// How long it took to make a block of a segment of spans.
    pub blocks_made: TimingsSeen,
    /// How long it took to put small blocks of spans together.
    pub blocks_merged: TimingsSeen,
    /// What retention has dropped.
    pub dropped: DroppedBytes,
}

/// What there is of one kind of telemetry, and what was done with it since the store was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SignalUsage {
    /// `spans`, `logs` or `metrics`.
    pub name: &'static str,
    /// Bytes of its log, as it came.
    pub log_bytes: u64,
    /// Bytes of the lists of traces beside it.
    pub index_bytes: u64,
    /// Bytes of blocks.
    pub block_bytes: u64,
    /// Segments of the log.
    pub segments: usize,
    /// Batches in them.
    pub batches: u64,
    /// Blocks.
    pub blocks: usize,
    /// Rows in them: spans, log records or points.
    pub block_rows: u64,
    /// When the oldest batch that is kept was received; `None` if nothing is kept.
    pub oldest: Option<Moment>,
    /// How long it took to sync the log.
    pub syncs: TimingsSeen,
    /// How long it took to make a block of a segment.
    pub blocks_made: TimingsSeen,
    /// How long it took to put small blocks together.
    pub blocks_merged: TimingsSeen,
    /// Bytes that retention has dropped.
    pub dropped_bytes: u64,
}

/// What there is of spans that are no longer kept all; it is part of what there is of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ThinnedUsage {
    /// Blocks.
    pub blocks: usize,
    /// Spans in them.
    pub spans: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// When the newest span among them was received: later ones are all there. `None` if there are none.
    pub until: Option<Moment>,
}

/// Bytes that retention has dropped since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DroppedBytes {
    /// Of spans.
    pub spans: u64,
    /// Of log records.
    pub logs: u64,
    /// Of metrics.
    pub metrics: u64,
    /// Of request facts.
    pub requests: u64,
}

/// Counts what is dropped.
#[derive(Debug, Default)]
pub(crate) struct Dropping(AtomicU64);

impl Dropping {
    pub(crate) fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl SignalUsage {
    fn of(shelf: &Shelf) -> Self {
        let mut usage = Self {
            name: shelf.signal.log.name,
            syncs: shelf.log.syncs.seen(),
            blocks_made: shelf.made.seen(),
            blocks_merged: shelf.merged.seen(),
            dropped_bytes: shelf.dropped.bytes(),
            ..Self::default()
        };
        for kept in shelf.blocks.all() {
            usage.blocks += 1;
            usage.block_rows += kept.rows as u64;
            usage.oldest = earlier(usage.oldest, Some(kept.received.0));
        }
        for segment in disk::read(&shelf.index).segments.values() {
            usage.segments += 1;
            usage.batches += u64::from(segment.tally.records);
            usage.oldest = earlier(usage.oldest, segment.times.map(|(first, _)| first));
        }
        usage
    }
}

fn earlier(one: Option<Moment>, other: Option<Moment>) -> Option<Moment> {
    one.into_iter().chain(other).min()
}

impl Usage {
    /// Bytes of all that is kept.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.log_bytes
            + self.index_bytes
            + self.block_bytes
            + self.minute_bytes
            + self.request_bytes
            + self.damaged_bytes
            + self.other_bytes
    }

    /// What is known from the folder and from its shelves.
    pub(crate) fn of(folder: &Path, shelves: &[Shelf]) -> Result<Self, StoreError> {
        let mut usage = Self {
            signals: shelves.iter().map(SignalUsage::of).collect(),
            free_bytes: rustix::fs::statvfs(folder).ok().map(|it| it.f_bavail * it.f_frsize),
            ..Self::default()
        };
        usage.add_files(folder).map_err(|error| disk::failed("read", folder, error))?;
        for shelf in shelves {
            usage.memory_bytes += disk::read(&shelf.index).bytes() + shelf.head.bytes();
            usage.add_tiers(shelf);
        }
        usage.sum_up();
        Ok(usage)
    }

    fn add_tiers(&mut self, shelf: &Shelf) {
        for kept in shelf.blocks.all().iter().filter(|kept| kept.thinned.is_some()) {
            self.thinned.blocks += 1;
            self.thinned.spans += kept.rows as u64;
            self.thinned.bytes += kept.bytes;
            self.thinned.until = self.thinned.until.max(Some(kept.received.1));
        }
        for kept in shelf.minutes.as_ref().map(Blocks::all).unwrap_or_default() {
            self.minute_rows += kept.rows as u64;
            self.minutes_oldest = earlier(self.minutes_oldest, Some(kept.received.0));
        }
    }

    fn sum_up(&mut self) {
        for signal in &self.signals {
            self.log_bytes += signal.log_bytes;
            self.index_bytes += signal.index_bytes;
            self.block_bytes += signal.block_bytes;
            self.segments += signal.segments;
            self.batches += signal.batches;
            self.blocks += signal.blocks;
            self.oldest = earlier(self.oldest, signal.oldest);
        }
        let of = |signal: &Signal| {
            let name = signal.log.name;
            self.signals.iter().find(|usage| usage.name == name).cloned().unwrap_or_default()
        };
        let (spans, logs, metrics) = (of(&SPANS), of(&LOGS), of(&METRICS));
        self.block_spans = spans.block_rows;
        self.dropped.spans = spans.dropped_bytes;
        self.dropped.logs = logs.dropped_bytes;
        self.dropped.metrics = metrics.dropped_bytes;
        (self.syncs, self.blocks_made, self.blocks_merged) =
            (spans.syncs, spans.blocks_made, spans.blocks_merged);
    }

    fn add_files(&mut self, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let bytes = match entry.metadata() {
                Ok(data) if data.is_file() => data.len(),
                // Retention or a merge has removed it meanwhile.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => continue,
            };
            *self.of_file(&entry.file_name().to_string_lossy()) += bytes;
        }
        Ok(())
    }

    fn of_file(&mut self, name: &str) -> &mut u64 {
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
        let (begin, _) = stem.split_once('-').unwrap_or((stem, ""));
        let signal = self.signals.iter_mut().find(|signal| signal.name == begin);
        match (ending, signal) {
            ("log", Some(signal)) => &mut signal.log_bytes,
            ("index", Some(signal)) => &mut signal.index_bytes,
            ("parquet" | "part", Some(signal)) => &mut signal.block_bytes,
            ("log", None) if begin == REQUESTS.name => &mut self.request_bytes,
            ("parquet" | "part", None) if begin == MINUTES.log.name => &mut self.minute_bytes,
            ("damaged", _) => &mut self.damaged_bytes,
            _ => &mut self.other_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_counted_by_its_kind_and_all_of_them_in_the_sum() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            ("spans-000001.log", 1),
            ("spans-000001.index", 2),
            ("spans-000002-000003.parquet", 4),
            ("spans-000004-000004.parquet.part", 8),
            ("requests-000001.log", 16),
            ("spans-000005-000005.parquet.damaged", 32),
            ("ledger.db", 64),
            ("logs-000001.log", 128),
            ("metrics-000001-000002.parquet", 256),
            ("minutes-000001-000002.parquet", 512),
            ("lock", 0),
        ];
        for (name, bytes) in names {
            fs::write(folder.path().join(name), vec![0; bytes]).unwrap();
        }
        fs::create_dir(folder.path().join("mine")).unwrap();
        let named = |name| SignalUsage { name, ..SignalUsage::default() };
        let signals = ["spans", "logs", "metrics"].map(named).to_vec();
        let mut usage = Usage { signals, ..Usage::default() };
        usage.add_files(folder.path()).unwrap();
        usage.sum_up();
        let of = |signal: &SignalUsage| (signal.log_bytes, signal.index_bytes, signal.block_bytes);
        let signals: Vec<_> = usage.signals.iter().map(of).collect();
        assert_eq!(signals, [(1, 2, 12), (128, 0, 0), (0, 0, 256)]);
        assert_eq!(
            (usage.log_bytes, usage.index_bytes, usage.block_bytes, usage.request_bytes),
            (129, 2, 268, 16)
        );
        assert_eq!((usage.damaged_bytes, usage.other_bytes, usage.minute_bytes), (32, 64, 512));
        assert_eq!(usage.bytes(), 1023);
    }
}
