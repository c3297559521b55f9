//! The thread that writes: orders to forget first, then answers; and that lets go of the oldest file when there is no room.
//!
//! What it cannot write of answers is dropped, and the disk left alone for a while. What it cannot write of orders must not be
//! found again after a restart: then the oldest files go where that makes room, and all of it where nothing does.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    sync::{
        Arc,
        atomic::Ordering::{Relaxed, Release},
    },
    time::{Duration, Instant},
};

use traffic::cache::{
    At, Dropped, Index, Kept, Of, OrderId, Purge, START_BYTES, Start, Variant, answer_record,
    forget_record, gone_record, heard_record,
};

use super::{
    super::{AT_ONCE, give_way},
    Disk, MEMORY_BYTES_MAX, catch_up,
    files::{FILE_MARK, Folder, NoFolder, file_bytes_max},
    load::load,
    lock,
    queue::{Order, Waiting, Write},
};
use crate::clock;

/// How often it is tried again to have the folder; where something is wrong with it, twice as long after each time.
const RETRY: Duration = Duration::from_millis(500);
const DOUBLINGS_MAX: u32 = 5;

/// How long a disk is left alone that failed.
const PAUSE: Duration = Duration::from_secs(5);

/// How often what was forgotten meanwhile is made up for before others have to wait for that.
const ROUNDS_MAX: u32 = 8;

/// How long it is waited for something to write.
const IDLE: Duration = Duration::from_secs(1);

/// Runs until it is told to stop.
pub(super) fn run(disk: &Disk, expires: bool) {
    // Behind the threads that answer; where that is refused, beside them.
    let _given_way = rustix::process::nice(10);
    // What is there at once is from before this process.
    let mut was = Was::Earlier { expires };
    let mut failures = 0_u32;
    loop {
        let why = match Writing::open(disk, was) {
            Ok(mut writing) => {
                disk.trouble(None);
                (was, failures) = (Was::Anothers, 0);
                let Err(error) = writing.go() else { return };
                format!("failed to write to `{}`: {error}", disk.settings.folder.display())
            }
            // What is there later was another's meanwhile, who heard of all.
            Err(NoFolder::Taken(why)) => {
                (was, failures) = (Was::Anothers, 0);
                why
            }
            // Nobody heard of anything for it meanwhile.
            Err(NoFolder::Failed(why)) => {
                failures += 1;
                if was != Was::Anothers {
                    was = Was::Earlier { expires: true };
                }
                why
            }
        };
        disk.off(why);
        let doublings = failures.saturating_sub(1).min(DOUBLINGS_MAX);
        if disk.queue.pause(RETRY * (1 << doublings)) {
            return;
        }
        // Not before: until then what was on its way was let go of.
        disk.all_lost();
    }
}

/// Whose what is there was until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Was {
    /// Of a process before this one; whether it only stands in, as nobody knows what changed meanwhile.
    Earlier { expires: bool },
    /// Of one that ran beside it, or of this one.
    Anothers,
}

struct Writing<'a> {
    disk: &'a Disk,
    folder: Folder,
    files: BTreeMap<u64, (Arc<File>, u64)>,
    heard: OrderId,
    failed: Option<Instant>,
}

impl<'a> Writing<'a> {
    /// Takes the folder, and looks at what is there.
    fn open(disk: &'a Disk, was: Was) -> Result<Self, NoFolder> {
        let settings = &disk.settings;
        let folder = Folder::open(&settings.folder)?;
        let shown = settings.folder.display();
        let failed = |what: &str, error: &io::Error| {
            NoFolder::Failed(format!("failed to {what} `{shown}`: {error}"))
        };
        let now = clock::now();
        let is_stopping = || disk.queue.is_stopping();
        let loaded = load(&folder, Index::new(MEMORY_BYTES_MAX), disk.seed, is_stopping, now);
        let mut loaded = loaded.map_err(|error| failed("read the cache in", &error))?;
        let expires = was == (Was::Earlier { expires: true });
        if expires {
            loaded.expired += loaded.index.purge(&Purge::All, true, now);
        }
        disk.figures.damaged.fetch_add(loaded.damaged, Relaxed);
        let (files, heard) = (loaded.files.clone(), loaded.heard);
        let mut writing = Self { disk, folder, files, heard, failed: None };
        let next = writing.files.last_key_value();
        let has_room = next.is_some_and(|(_, (_, bytes))| *bytes < file_bytes_max(settings) / 2);
        if !has_room {
            let began = writing.begin_file();
            began.map_err(|error| failed("write a file in", &error))?;
        }
        if let Some((number, file)) = writing.files.last_key_value() {
            loaded.files.insert(*number, file.clone());
        }
        let (mut orders, mut known, mut rounds) = (Vec::new(), 0, 0);
        let (mut level, missed) = loop {
            let level = lock(&disk.level);
            let missed = level.missed(known);
            if missed.is_empty() || rounds == ROUNDS_MAX {
                break (level, missed);
            }
            known = level.forgotten.count();
            drop(level);
            rounds += 1;
            orders.extend(catch_up(&mut loaded.index, missed, now));
        };
        orders.extend(catch_up(&mut loaded.index, missed, now));
        level.heard = if was == Was::Anothers { OrderId::default() } else { heard };
        if 0 < loaded.expired {
            // Written down, for who has the folder next.
            disk.queue.order(Order { of: Of::Order(Purge::All), soft: true, at: now });
        }
        level.stand(loaded);
        for order in orders {
            disk.queue.order(order);
        }
        disk.figures.is_up.store(true, Relaxed);
        drop(level);
        disk.figures.is_seen.store(true, Release);
        writing.tell_bytes();
        Ok(writing)
    }

    /// Writes until it is told to stop, or the disk cannot even be emptied.
    fn go(&mut self) -> io::Result<()> {
        loop {
            let Waiting { orders, heard, is_anew, writes, told, is_stopping, .. } =
                self.disk.queue.take(IDLE);
            let is_ordered = !orders.is_empty() || heard.is_some();
            if is_anew {
                self.heard = OrderId::default();
            }
            self.heard = self.heard.max(heard.unwrap_or_default());
            if is_ordered && let Err(error) = self.order(&orders) {
                self.fail(&error);
                self.empty()?;
            }
            for told in told {
                // Who waited may have gone on.
                let _told = told.send(());
            }
            for write in writes {
                self.write(&write);
            }
            self.let_go();
            self.tell_bytes();
            if is_stopping {
                // What came meanwhile waits no more: nobody adds to it.
                let _synced = self.sync();
                return Ok(());
            }
        }
    }

    fn order(&mut self, orders: &VecDeque<Order>) -> io::Result<()> {
        for Order { of, soft, at } in orders {
            let record = match of {
                Of::Order(purge) => forget_record(purge, *soft, *at),
                Of::Key(_, key, which) => gone_record(key, which.as_ref(), *at),
            };
            let record = record.ok_or(io::ErrorKind::FileTooLarge)?;
            // Where there is none it is written all the same.
            let _has_room = self.make_room(record.len() as u64);
            self.append_surely(&record)?;
            if *of == Of::Order(Purge::All) && !soft {
                // Nobody reads them; where they cannot be removed that is all there is to say.
                let _dropped = self.folder.drop_aside();
            }
        }
        if let Some(record) = heard_record(self.heard, clock::now()) {
            self.append_surely(&record)?;
        }
        // Answers may be lost with the machine's power, orders must not.
        self.sync()
    }

    fn write(&mut self, write: &Write) {
        let figures = &self.disk.figures;
        if self.failed.is_some_and(|failed| failed.elapsed() < PAUSE) {
            figures.dropped.fetch_add(1, Relaxed);
            return self.disk.not_written(write);
        }
        let now = clock::now();
        let hash = write.key.hash;
        let kept = Kept::of(&write.stored, now);
        if lock(&self.disk.level).forgotten.outdates(write.forgotten, hash, &kept) {
            return self.disk.not_written(write);
        }
        let record = answer_record(&write.key, &write.stored, now);
        let Some(record) = record.filter(|record| self.make_room(record.len() as u64)) else {
            return self.disk.not_written(write);
        };
        match self.append(&record) {
            Ok(at) => {
                figures.written.fetch_add(1, Relaxed);
                self.failed = None;
                figures.paused_until.store(0, Relaxed);
                self.disk.trouble(None);
                if !self.keep((hash, write.forgotten), at, kept, &write.key.bytes) {
                    self.disk.not_written(write);
                }
            }
            Err(error) => {
                figures.failed.fetch_add(1, Relaxed);
                self.fail(&error);
                self.disk.not_written(write);
            }
        }
    }

    /// Lets an answer be found that was written, unless it was forgotten meanwhile: then that is written as well. Whether it
    /// did.
    fn keep(&mut self, known: (u64, u64), at: At, kept: Kept, key: &[u8]) -> bool {
        let which = Variant { selecting: kept.selecting.clone(), shared_with: kept.shared_with };
        let is_kept = lock(&self.disk.level).keep(known, at, kept);
        if !is_kept {
            let of = Of::Key(known.0, key.to_vec(), Some(which));
            self.disk.queue.order(Order { of, soft: false, at: clock::now() });
        }
        is_kept
    }

    fn append(&mut self, record: &[u8]) -> io::Result<At> {
        let max = file_bytes_max(&self.disk.settings);
        let is_full = |(_, bytes): &(Arc<File>, u64)| max < bytes + record.len() as u64;
        if self.files.last_key_value().is_none_or(|(_, last)| is_full(last)) {
            let _synced = self.sync();
            self.begin_file()?;
        }
        let Some(mut last) = self.files.last_entry() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let number = *last.key();
        let (file, bytes) = last.get_mut();
        let offset = *bytes;
        if let Err(error) = file.write_all_at(record, offset) {
            // What is half there is as if it were not: the next one comes in its place.
            let _cut = file.set_len(offset);
            return Err(error);
        }
        *bytes += record.len() as u64;
        Ok(At { file: number, offset, bytes: record.len() as u64 })
    }

    /// Appends what must not be missing: on a disk that is full the oldest files make room for it.
    fn append_surely(&mut self, record: &[u8]) -> io::Result<()> {
        loop {
            match self.append(record) {
                Ok(_) => return Ok(()),
                Err(error) if is_full(&error) && 1 < self.files.len() => self.drop_oldest()?,
                Err(error) => return Err(error),
            }
        }
    }

    /// A new file, which begins with what was heard: the file that says so may go.
    fn begin_file(&mut self) -> io::Result<()> {
        let number = self.files.last_key_value().map_or(1, |(number, _)| number + 1);
        let file = Arc::new(self.folder.create(number)?);
        lock(&self.disk.level).files.insert(number, Arc::clone(&file));
        self.files.insert(number, (file, FILE_MARK.len() as u64));
        if self.heard != OrderId::default()
            && let Some(record) = heard_record(self.heard, clock::now())
        {
            self.append(&record)?;
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.files.last_key_value().map_or(Ok(()), |(_, (file, _))| file.sync_data())
    }

    /// Lets go of the oldest files until there is room for so many bytes more. Whether there is.
    fn make_room(&mut self, bytes: u64) -> bool {
        let max = self.disk.settings.bytes_max;
        loop {
            let all: u64 = self.files.values().map(|(_, bytes)| *bytes).sum();
            let is_full = lock(&self.disk.level).index.is_full();
            if self.files.len() < 2 || all + bytes <= max && !is_full {
                return true;
            }
            if let Err(error) = self.drop_oldest() {
                self.fail(&error);
                return false;
            }
        }
    }

    /// The oldest file goes; what of it was asked for goes to the end again, up to half of it, and the rest may be offered
    /// again.
    fn drop_oldest(&mut self) -> io::Result<()> {
        let Some((number, file)) =
            self.files.first_key_value().map(|(number, (file, _))| (*number, Arc::clone(file)))
        else {
            return Ok(());
        };
        // Where it cannot be removed it stays: what is forgotten in it is only written down while it is known.
        self.folder.remove(number)?;
        self.files.remove(&number);
        lock(&self.disk.level).files.remove(&number);
        self.disk.figures.evicted.fetch_add(1, Relaxed);
        let mut left = file_bytes_max(&self.disk.settings) / 2;
        loop {
            let (Dropped { asked, lost }, forgotten, is_over) = {
                let mut level = lock(&self.disk.level);
                let dropped = level.index.drop_some(number, AT_ONCE, clock::now());
                (dropped, level.forgotten.count(), level.index.live_in(number) == 0)
            };
            for (hash, at, kept) in asked {
                // The first that is too long ends it: what comes after it goes, too.
                left = left.saturating_sub(at.bytes);
                let mut record = vec![0; usize::try_from(at.bytes).unwrap_or(0)];
                let is_read = 0 < left && file.read_exact_at(&mut record, at.offset).is_ok();
                if !is_read || !self.carry_over((hash, forgotten), kept, &record) {
                    self.disk.lost(hash, None);
                }
            }
            for hash in lost {
                self.disk.lost(hash, None);
            }
            if is_over {
                return Ok(());
            }
            give_way();
        }
    }

    /// Writes an answer of a file that goes to the end again. Whether it did.
    fn carry_over(&mut self, known: (u64, u64), kept: Kept, record: &[u8]) -> bool {
        let Some(start) = Start::parse(record) else { return false };
        let Ok(at) = self.append(record) else { return false };
        let key = record.get(START_BYTES..).map_or(&[][..], |rest| start.key(rest));
        self.keep(known, at, kept, key)
    }

    /// Lets go of the oldest files that nothing is found in any more.
    fn let_go(&mut self) {
        while 1 < self.files.len()
            && let Some(number) = self.files.keys().next().copied()
        {
            let live = lock(&self.disk.level).index.live_in(number);
            if 0 < live || self.folder.remove(number).is_err() {
                return;
            }
            lock(&self.disk.level).files.remove(&number);
            self.files.remove(&number);
        }
    }

    /// Removes all files, so that nothing is found after a restart that was forgotten.
    fn empty(&mut self) -> io::Result<()> {
        let gone = lock(&self.disk.level).empty();
        drop(gone);
        for number in self.folder.numbers()? {
            self.folder.remove(number)?;
        }
        let next = self.files.last_key_value().map_or(1, |(number, _)| number + 1);
        self.files.clear();
        let file = Arc::new(self.folder.create(next)?);
        lock(&self.disk.level).files.insert(next, Arc::clone(&file));
        self.files.insert(next, (file, FILE_MARK.len() as u64));
        self.disk.all_lost();
        Ok(())
    }

    fn fail(&mut self, error: &io::Error) {
        self.failed = Some(Instant::now());
        self.disk.figures.paused_until.store((clock::now() + PAUSE).nanos, Relaxed);
        let shown = self.disk.settings.folder.display();
        self.disk.trouble(Some(format!("failed to write to `{shown}`: {error}")));
    }

    fn tell_bytes(&self) {
        let bytes = self.files.values().map(|(_, bytes)| *bytes).sum();
        self.disk.figures.bytes.store(bytes, Relaxed);
    }
}

/// Whether it is room that is missing.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
