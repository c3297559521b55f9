//! What is found when a folder is opened: which files there are, and what of them is sound.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};

use crate::{
    Newer, StoreError,
    blocks::{PART, Run},
    disk::{self, Written},
    frame::{self, FILE_HEAD_BYTES, Record},
    log::{Kind, Place, Tally},
    rolled::MINUTES,
    scan::{self, Scan},
    signals::{SPANS, Signal},
};

/// What was found when a folder was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Segments of logs.
    pub segments: usize,
    /// Blocks.
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
    /// Files that hold nothing that can be read; they were left alone.
    pub set_aside: Vec<PathBuf>,
    /// Files of newer versions; they were left alone, and what is in them is not seen.
    pub newer: Vec<Newer>,
    /// How long it took.
    pub took: Duration,
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
            } else if let Some(found) = frame::newer(&bytes, place.kind.magic) {
                self.newer.push(Newer { path, found, known: frame::VERSION });
            } else {
                self.set_aside.push(path);
            }
            return Ok(None);
        }
        let cut = bytes.len() as u64 - sound;
        if 0 < cut {
            let shortened = Written::open(&path).and_then(|file| {
                file.set_len(sound)?;
                file.sync()
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

/// Names of the files of a folder, those left out that are cleared: blocks that were never finished.
pub(crate) fn names(folder: &Path) -> Result<BTreeSet<String>, StoreError> {
    let failed = |error| disk::failed("read", folder, error);
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.ends_with(PART) {
            // The system stopped while it was written.
            disk::remove(&folder.join(name))?;
        } else {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

/// What a folder has of a signal. What is of no segment and no block is left alone; it may be the user's.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) segments: BTreeSet<u32>,
    pub(crate) blocks: BTreeSet<Run>,
    /// Roll-ups of them.
    pub(crate) minutes: BTreeSet<Run>,
}

impl Files {
    pub(crate) fn of(signal: &Signal, names: &BTreeSet<String>) -> Self {
        let runs = |signal: &Signal| {
            names.iter().filter_map(|name| Run::of_name(signal, name)).collect::<BTreeSet<Run>>()
        };
        let has_minutes = signal.log.name == SPANS.log.name;
        let minutes = if has_minutes { runs(&MINUTES) } else { BTreeSet::new() };
        Self { segments: segments(signal.log, names), blocks: runs(signal), minutes }
    }
}

/// The segments of a log.
pub(crate) fn segments(kind: Kind, names: &BTreeSet<String>) -> BTreeSet<u32> {
    names.iter().filter_map(|name| kind.segment(name)).collect()
}

/// Keeps other processes from a folder, until the file is closed.
pub(crate) fn lock_folder(path: &Path) -> Result<File, StoreError> {
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
