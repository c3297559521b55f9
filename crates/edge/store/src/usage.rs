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

use crate::{StoreError, disk, spans::Spans};

/// What a store takes, and what it has done since it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// Bytes of spans in the log, as they came.
    pub log_bytes: u64,
    /// Bytes of the lists of traces beside the log.
    pub index_bytes: u64,
    /// Bytes of blocks.
    pub block_bytes: u64,
    /// Bytes of request facts.
    pub request_bytes: u64,
    /// Bytes of files that were found damaged and set aside.
    pub damaged_bytes: u64,
    /// Bytes of all else: the ledger, documents.
    pub other_bytes: u64,
    /// Bytes that are free on the disk; `None` if the system does not say.
    pub free_bytes: Option<u64>,
    /// Segments of the log of spans.
    pub segments: usize,
    /// Batches in them.
    pub batches: u64,
    /// Blocks.
    pub blocks: usize,
    /// Spans in them.
    pub block_spans: u64,
    /// Requests of which there is a fact.
    pub requests: usize,
    /// Bytes of memory that the index of traces, rows for questions and the facts take, roughly.
    pub memory_bytes: usize,
    /// When the oldest batch that is kept was received; `None` if nothing is kept.
    pub oldest: Option<Moment>,
    /// How long it took to sync the log of spans.
    pub syncs: TimingsSeen,
    /// How long it took to make a block of a segment.
    pub blocks_made: TimingsSeen,
    /// How long it took to put small blocks together.
    pub blocks_merged: TimingsSeen,
    /// What retention has dropped.
    pub dropped: DroppedBytes,
}

/// Bytes that retention has dropped since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DroppedBytes {
    /// Of spans.
    pub spans: u64,
    /// Of request facts.
    pub requests: u64,
}

/// Counts what is dropped.
#[derive(Debug, Default)]
pub(crate) struct Dropping {
    spans: AtomicU64,
    requests: AtomicU64,
}

impl Dropping {
    pub(crate) fn add(&self, is_of_requests: bool, bytes: u64) {
        let of = if is_of_requests { &self.requests } else { &self.spans };
        of.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn seen(&self) -> DroppedBytes {
        DroppedBytes { spans: self.spans.load(Relaxed), requests: self.requests.load(Relaxed) }
    }
}

impl Usage {
    /// Bytes of all that is kept.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.log_bytes
            + self.index_bytes
            + self.block_bytes
            + self.request_bytes
            + self.damaged_bytes
            + self.other_bytes
    }

    /// What is known from the folder and from the spans in it.
    pub(crate) fn of_spans(folder: &Path, spans: &Spans) -> Result<Self, StoreError> {
        let mut usage = Self::default();
        usage.add_files(folder).map_err(|error| disk::failed("read", folder, error))?;
        usage.free_bytes = rustix::fs::statvfs(folder).ok().map(|it| it.f_bavail * it.f_frsize);
        for kept in spans.blocks.all() {
            usage.blocks += 1;
            usage.block_spans += kept.rows as u64;
            usage.is_as_old_as(kept.received.0);
        }
        for segment in disk::read(&spans.index).segments.values() {
            usage.segments += 1;
            usage.batches += u64::from(segment.tally.records);
            if let Some((first, _)) = segment.times {
                usage.is_as_old_as(first);
            }
        }
        usage.syncs = spans.log.syncs.seen();
        usage.blocks_made = spans.made.seen();
        usage.blocks_merged = spans.merged.seen();
        Ok(usage)
    }

    fn is_as_old_as(&mut self, moment: Moment) {
        self.oldest = Some(self.oldest.map_or(moment, |oldest| oldest.min(moment)));
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
        match (ending, stem.split('-').next()) {
            ("log", Some("spans")) => &mut self.log_bytes,
            ("index", Some("spans")) => &mut self.index_bytes,
            ("parquet" | "part", Some("spans")) => &mut self.block_bytes,
            ("log", Some("requests")) => &mut self.request_bytes,
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
            ("lock", 0),
        ];
        for (name, bytes) in names {
            fs::write(folder.path().join(name), vec![0; bytes]).unwrap();
        }
        fs::create_dir(folder.path().join("mine")).unwrap();
        let mut usage = Usage::default();
        usage.add_files(folder.path()).unwrap();
        assert_eq!(
            (usage.log_bytes, usage.index_bytes, usage.block_bytes, usage.request_bytes),
            (1, 2, 12, 16)
        );
        assert_eq!((usage.damaged_bytes, usage.other_bytes, usage.bytes()), (32, 64, 127));
    }
}
