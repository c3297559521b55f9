//! A log in segments: appends, and commits them in groups.
//!
//! Writers write under one lock, one after the other, and then wait for a sync that covers them. Whoever
//! comes first syncs for all that were written until then; those that come meanwhile form the next
//! group. So the slower the disk, the larger the groups.
//!
//! After a failed sync the system may have dropped what it could not write, and a second sync would
//! say nothing of it. So a failure rolls the file back to what an earlier sync covered, and every
//! append since then fails.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
    time::Instant,
};

use model::Moment;
use stats::Timings;

use crate::{
    StoreError,
    disk::{self, Written, lock},
    frame::{FILE_HEAD_BYTES, Frame, Record, file_head},
};

/// What an acknowledged append survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Syncing {
    /// Power loss: the disk has it. Concurrent appends share a sync.
    #[default]
    Always,
    /// The end of the process, `kill -9` included, but not power loss or a crash of the system:
    /// the system has it and writes it when it likes, mostly within half a minute.
    Os,
}

/// Which log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// What its files are called: `NAME-000001.log`.
    pub(crate) name: &'static str,
    /// What they begin with.
    pub(crate) magic: [u8; 8],
}

impl Kind {
    pub(crate) fn path(self, folder: &Path, segment: u32) -> PathBuf {
        folder.join(format!("{}-{segment:06}.log", self.name))
    }

    /// The segment that a file name stands for.
    pub(crate) fn segment(self, file_name: &str) -> Option<u32> {
        let digits = file_name.strip_prefix(self.name)?.strip_prefix('-')?.strip_suffix(".log")?;
        let segment = digits.parse().ok().filter(|segment| (1..1_000_000_000).contains(segment))?;
        (format!("{segment:06}") == digits).then_some(segment)
    }
}

/// Where and how a log is written.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) kind: Kind,
    pub(crate) sync: Syncing,
    pub(crate) segment_bytes: u64,
}

impl Place {
    pub(crate) fn path(&self, segment: u32) -> PathBuf {
        self.kind.path(&self.folder, segment)
    }
}

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) segment: u32,
    pub(crate) offset: u32,
    /// Length of the record with its frame.
    pub(crate) bytes: u32,
}

impl Placed {
    /// Where a record lies that was read.
    pub(crate) fn of(segment: u32, record: &Record<'_>) -> Self {
        Self::new(segment, record.offset, record.len())
    }

    fn new(segment: u32, offset: u64, bytes: u64) -> Self {
        Self { segment, offset: disk::small(offset), bytes: disk::small(bytes) }
    }
}

/// A segment that gets no more records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) segment: u32,
    pub(crate) tally: Tally,
}

/// How far a segment is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) bytes: u64,
    pub(crate) records: u32,
}

/// The writing end of a log.
#[derive(Debug)]
pub(crate) struct Log {
    place: Place,
    /// Held by whoever syncs or changes the segment; taken before `writer`.
    turn: Mutex<()>,
    writer: Mutex<Writer>,
    /// How long the disk took.
    pub(crate) syncs: Timings,
}

#[derive(Debug)]
struct Writer {
    active: Option<Active>,
    /// The highest segment number that was ever used.
    last: u32,
    group: Arc<Group>,
    sealed: Vec<Sealed>,
}

/// The segment that is written.
#[derive(Debug)]
struct Active {
    file: Arc<Written>,
    segment: u32,
    written: Tally,
    /// What a sync has covered.
    synced: Tally,
    /// More bytes may lie in the file than `written` says.
    untidy: bool,
}

/// Appends that wait for the same sync, and what came of it.
#[derive(Debug, Default)]
struct Group(OnceLock<Result<(), Failure>>);

/// An error that many get.
#[derive(Debug, Clone)]
struct Failure {
    code: Option<i32>,
    kind: io::ErrorKind,
    segment: u32,
}

impl Log {
    /// A log whose highest segment is `last`, to be continued if it is `open`.
    pub(crate) fn new(place: Place, last: u32, open: Option<Tally>) -> Result<Self, StoreError> {
        let mut active = None;
        if let Some(tally) = open {
            let path = place.path(last);
            let file = Written::open(&path);
            let file = Arc::new(file.map_err(|error| disk::failed("open", &path, error))?);
            let (written, synced) = (tally, tally);
            active = Some(Active { file, segment: last, written, synced, untidy: false });
        }
        let writer = Writer { active, last, group: Arc::default(), sealed: Vec::new() };
        let writer = Mutex::new(writer);
        Ok(Self { place, turn: Mutex::default(), writer, syncs: Timings::default() })
    }

    /// Where and how it is written.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Appends a record, and returns once it is as safe as [`Syncing`] says. If that fails, it is not
    /// there.
    pub(crate) fn append(&self, received: Moment, payload: &[u8]) -> Result<Placed, StoreError> {
        let mut frame = Frame::new(received, payload)?;
        let (placed, group) = loop {
            let mut writer = lock(&self.writer);
            match &mut writer.active {
                Some(active) if active.has_room(frame.len(), self.place.segment_bytes) => {
                    let placed = active.write(&mut frame, &self.place)?;
                    break (placed, Arc::clone(&writer.group));
                }
                _ => {
                    drop(writer);
                    self.begin_segment(frame.len())?;
                }
            }
        };
        match self.place.sync {
            Syncing::Os => Ok(placed),
            Syncing::Always => self.wait(&group).map(|()| placed),
        }
    }

    /// Seals the active segment, so that it can be dropped, and begins the next one, so that a restart
    /// knows that it is sealed.
    pub(crate) fn seal(&self) -> Result<(), StoreError> {
        let _turn = lock(&self.turn);
        let mut writer = lock(&self.writer);
        // Somebody may have sealed it meanwhile, and nothing is in the next one yet.
        if writer.active.as_ref().is_none_or(|active| active.written.records == 0) {
            return Ok(());
        }
        self.seal_in_turn(&mut writer)?;
        // Without space for it, the next append tries again.
        drop(self.create_in_turn(&mut writer));
        Ok(())
    }

    /// The segment that is written.
    pub(crate) fn active(&self) -> Option<u32> {
        lock(&self.writer).active.as_ref().map(|active| active.segment)
    }

    /// The segment that is written, and how many bytes of it are as safe as [`Syncing`] says.
    pub(crate) fn readable(&self) -> Option<(u32, u64)> {
        let writer = lock(&self.writer);
        let active = writer.active.as_ref()?;
        let safe = match self.place.sync {
            Syncing::Os => active.written,
            Syncing::Always => active.synced,
        };
        Some((active.segment, safe.bytes))
    }

    /// A number that no segment gets from now on.
    pub(crate) fn skip_number(&self) -> u32 {
        let mut writer = lock(&self.writer);
        writer.last += 1;
        writer.last
    }

    /// Segments that were sealed since the last call.
    pub(crate) fn take_sealed(&self) -> Vec<Sealed> {
        std::mem::take(&mut lock(&self.writer).sealed)
    }

    fn begin_segment(&self, room: u64) -> Result<(), StoreError> {
        let _turn = lock(&self.turn);
        let mut writer = lock(&self.writer);
        let segment_bytes = self.place.segment_bytes;
        if writer.active.as_ref().is_some_and(|active| active.has_room(room, segment_bytes)) {
            return Ok(());
        }
        self.seal_in_turn(&mut writer)?;
        self.create_in_turn(&mut writer)
    }

    fn create_in_turn(&self, writer: &mut Writer) -> Result<(), StoreError> {
        // A number is never used twice, for a reader may look for the old file.
        writer.last += 1;
        writer.active = Some(Active::create(writer.last, &self.place)?);
        Ok(())
    }

    fn seal_in_turn(&self, writer: &mut Writer) -> Result<(), StoreError> {
        let Some(active) = &mut writer.active else { return Ok(()) };
        if self.place.sync == Syncing::Always && active.synced != active.written {
            let group = std::mem::take(&mut writer.group);
            if let Err(error) = self.sync(&active.file) {
                let failure = Failure::new(&error, active.segment);
                active.roll_back();
                group.settle(Err(failure));
                return Err(disk::failed("sync", &self.place.path(active.segment), error));
            }
            group.settle(Ok(()));
        }
        writer.sealed.push(Sealed { segment: active.segment, tally: active.written });
        writer.active = None;
        Ok(())
    }

    fn sync(&self, file: &Written) -> io::Result<()> {
        let begun = Instant::now();
        let synced = file.sync();
        self.syncs.add(begun.elapsed());
        synced
    }

    /// Waits until the appends of `group` are synced, by syncing if nobody did.
    fn wait(&self, group: &Arc<Group>) -> Result<(), StoreError> {
        let _turn = lock(&self.turn);
        if group.0.get().is_none() {
            self.commit();
        }
        let outcome = group.0.get().cloned().expect("whoever has the turn settles the group");
        outcome.map_err(|failure| failure.error(&self.place))
    }

    /// Syncs what is written. The turn is held, so the active segment stays what it is.
    fn commit(&self) {
        let mut writer = lock(&self.writer);
        let Some(active) = &writer.active else { return };
        let (file, written) = (Arc::clone(&active.file), active.written);
        let group = std::mem::take(&mut writer.group);
        drop(writer);
        let synced = self.sync(&file);
        let mut writer = lock(&self.writer);
        let Writer { active: Some(active), group: meanwhile, .. } = &mut *writer else { return };
        match synced {
            Ok(()) => {
                active.synced = written;
                group.settle(Ok(()));
            }
            Err(error) => {
                let failure = Failure::new(&error, active.segment);
                active.roll_back();
                std::mem::take(meanwhile).settle(Err(failure.clone()));
                group.settle(Err(failure));
            }
        }
    }
}

impl Active {
    fn create(segment: u32, place: &Place) -> Result<Self, StoreError> {
        let path = place.path(segment);
        let failed = |error| disk::failed("write", &path, error);
        let file = Written::create_new(&path).map_err(failed)?;
        let begin = || -> Result<(), StoreError> {
            file.write_all_at(&file_head(place.kind.magic, segment), 0).map_err(failed)?;
            if place.sync == Syncing::Always {
                disk::sync_folder(&place.folder)?;
            }
            Ok(())
        };
        begin().inspect_err(|_| {
            // Nothing is in it; what cannot be removed now is removed by the next start.
            drop(disk::remove(&path));
        })?;
        let written = Tally { bytes: FILE_HEAD_BYTES as u64, records: 0 };
        Ok(Self { file: Arc::new(file), segment, written, synced: written, untidy: false })
    }

    fn has_room(&self, bytes: u64, segment_bytes: u64) -> bool {
        self.written.records == 0 || self.written.bytes + bytes <= segment_bytes
    }

    fn write(&mut self, frame: &mut Frame, place: &Place) -> Result<Placed, StoreError> {
        let failed = |error| disk::failed("write", &place.path(self.segment), error);
        let offset = self.written.bytes;
        if self.untidy {
            self.file.set_len(offset).map_err(failed)?;
            self.untidy = false;
        }
        if let Err(error) = self.file.write_all_at(frame.placed(self.segment, offset), offset) {
            self.untidy = self.file.set_len(offset).is_err();
            return Err(failed(error));
        }
        self.written.bytes += frame.len();
        self.written.records += 1;
        Ok(Placed::new(self.segment, offset, frame.len()))
    }

    /// Forgets what no sync has covered.
    fn roll_back(&mut self) {
        self.written = self.synced;
        self.untidy = self.file.set_len(self.synced.bytes).is_err();
    }
}

impl Group {
    fn settle(&self, outcome: Result<(), Failure>) {
        // Set once: whoever settles has taken the group out of the writer.
        drop(self.0.set(outcome));
    }
}

impl Failure {
    fn new(error: &io::Error, segment: u32) -> Self {
        Self { code: error.raw_os_error(), kind: error.kind(), segment }
    }

    fn error(&self, place: &Place) -> StoreError {
        let error = self.code.map_or_else(|| self.kind.into(), io::Error::from_raw_os_error);
        disk::failed("sync", &place.path(self.segment), error)
    }
}
