//! The second level: answers on disk, which outlive the process. Only what was asked for twice is written, by a thread of
//! its own; what is read is read by others, and no request waits for it for long. Where the disk is full, slow or gone,
//! the cache goes on without it.
//!
//! What is forgotten is forgotten here, in memory and in the log at once: from the beginning of an order on nobody finds here
//! what it is for, and nothing that may be is taken until memory has forgotten it as well (see `forget`). `level` is never
//! held for long, as requests wait for it: what is looked at is looked at bit by bit.

mod files;
mod load;
mod queue;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    thread::JoinHandle,
    time::Duration,
};

use model::Moment;
use traffic::{
    cache::{
        Asker, At, DiskSettings, Forgotten, Index, Keep, Key, Of, OrderId, Purge, Stored, Variant,
    },
    fields::Fields,
};

use self::{
    queue::{Order, Queue, Write},
    reader::{Read, Readers},
};
use super::{
    AT_ONCE, give_way, lock,
    memory::{Memory, Offered},
};
use crate::clock;

/// The level on disk.
#[derive(Debug)]
pub(crate) struct Disk {
    settings: DiskSettings,
    seed: u64,
    level: Mutex<Level>,
    /// How often something was forgotten, in memory as well.
    forgotten: AtomicU64,
    queue: Queue,
    readers: Readers,
    /// The level before it.
    memory: OnceLock<Arc<Memory>>,
    /// Whether it has to be heard first what other gateways ordered before this process began.
    awaits: AtomicBool,
    pub(crate) figures: Figures,
}

/// What may have happened while nobody was here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Missed {
    /// Nobody knows what changed: what is there from before only stands in.
    pub(crate) anything: bool,
    /// Other gateways may have ordered something, and can be asked.
    pub(crate) orders: bool,
}

/// What is known of the disk.
#[derive(Debug)]
struct Level {
    /// Whether what is there is known, and may be looked at.
    stands: bool,
    index: Index,
    files: BTreeMap<u64, Arc<File>>,
    forgotten: Forgotten,
    /// The last order of other gateways that was heard of before this process began.
    heard: OrderId,
}

/// What became of it.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Whether it is in use.
    pub(crate) is_up: AtomicBool,
    /// Whether it has been seen what is there from before, or that nothing can be seen.
    is_seen: AtomicBool,
    /// Until when it is left alone, in nanoseconds.
    paused_until: AtomicU64,
    /// Answers that were read.
    pub(crate) read: AtomicU64,
    /// Reads that took too long, or that too many others were before.
    pub(crate) late: AtomicU64,
    /// Answers that were written, not written because too much waited, or not because the disk failed.
    pub(crate) written: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) failed: AtomicU64,
    /// Records and files that were not as they were written.
    pub(crate) damaged: AtomicU64,
    /// Files that were let go of to make room.
    pub(crate) evicted: AtomicU64,
    /// Bytes of the files.
    pub(crate) bytes: AtomicU64,
    pub(crate) trouble: Mutex<Option<String>>,
}

/// Memory for what is known of answers: about 400,000 with addresses of usual length, and more are of use to few.
const MEMORY_BYTES_MAX: u64 = 256 << 20;

/// For how long nothing is offered when too much waits: what is asked for again is offered again.
const FULL_PAUSE: Duration = Duration::from_millis(100);

impl Disk {
    /// Begins to look at what is there, on a thread that is to be waited for in the end.
    pub(crate) fn start(
        settings: &DiskSettings,
        missed: Missed,
        seed: u64,
    ) -> io::Result<(Arc<Self>, JoinHandle<()>)> {
        let disk = Arc::new(Self {
            settings: settings.clone(),
            seed,
            level: Mutex::new(Level {
                stands: false,
                index: Index::new(MEMORY_BYTES_MAX),
                files: BTreeMap::new(),
                forgotten: Forgotten::default(),
                heard: OrderId::default(),
            }),
            forgotten: AtomicU64::new(0),
            queue: Queue::default(),
            readers: Readers::start()?,
            memory: OnceLock::new(),
            awaits: AtomicBool::new(missed.orders),
            figures: Figures::default(),
        });
        let of_thread = Arc::clone(&disk);
        let thread = std::thread::Builder::new()
            .name("taut-cache-disk".to_owned())
            .spawn(move || writer::run(&of_thread, missed.anything))?;
        Ok((disk, thread))
    }

    /// What is in memory may be here as well, and the other way round.
    pub(super) fn stand_behind(&self, memory: &Arc<Memory>) {
        // Nobody does this twice.
        let _first = self.memory.set(Arc::clone(memory));
    }

    pub(crate) fn settings(&self) -> &DiskSettings {
        &self.settings
    }

    /// Answers that are there, and their bytes.
    pub(crate) fn size(&self) -> (u64, u64) {
        let level = lock(&self.level);
        (level.index.len() as u64, level.index.live_bytes())
    }

    /// Whether it may be looked at.
    fn is_open(&self) -> bool {
        self.figures.is_up.load(Relaxed) && !self.awaits()
    }

    /// Whether it has to be heard first what other gateways ordered.
    pub(super) fn awaits(&self) -> bool {
        self.awaits.load(Acquire)
    }

    /// It was heard, or cannot be.
    pub(super) fn awaits_no_more(&self) {
        self.awaits.store(false, Release);
    }

    /// Whether there is an answer to a request.
    pub(super) fn has(&self, key: &Key, headers: &impl Fields, asker: Asker, now: Moment) -> bool {
        self.is_open() && lock(&self.level).index.find(key.hash, headers, asker, now).is_some()
    }

    /// The answer to a request, if there is one and it can be had soon.
    pub(super) async fn get(
        &self,
        key: &Key,
        (headers, asker): (&impl Fields, Asker),
        now: Moment,
    ) -> Option<Stored> {
        if !self.is_open() {
            return None;
        }
        let (found, file) = {
            let mut level = lock(&self.level);
            let found = level.index.find(key.hash, headers, asker, now).filter(|_| level.stands)?;
            level.index.asked(found.at);
            (found, Arc::clone(level.files.get(&found.at.file)?))
        };
        match self.readers.read(file, found.at, key.bytes.clone()).await {
            Read::Done(stored) => {
                self.figures.read.fetch_add(1, Relaxed);
                let mut stored = *stored;
                if let Some(since) = found.expired {
                    let policy = &mut stored.policy;
                    let then = policy.age(now).saturating_sub(now.since(since));
                    policy.lifetime = policy.lifetime.min(then);
                }
                Some(stored)
            }
            Read::Damaged => {
                self.figures.damaged.fetch_add(1, Relaxed);
                lock(&self.level).index.forget_at(found.at);
                None
            }
            Read::Late => {
                self.figures.late.fetch_add(1, Relaxed);
                None
            }
        }
    }

    /// Takes an answer that was asked for twice, to be written when there is time. Called with what it is of still in
    /// memory and locked: what forgets it there comes later, and counts.
    pub(super) fn offer(&self, key: &Key, stored: &Arc<Stored>, now: Moment) -> Offered {
        self.add((key, stored), false, now)
    }

    fn add(&self, (key, stored): (&Key, &Arc<Stored>), replaces: bool, now: Moment) -> Offered {
        if !self.figures.is_up.load(Relaxed) {
            return Offered::No;
        }
        let policy = &stored.policy;
        let is_long = policy.left(now).is_ok_and(|left| self.settings.fresh_min <= left);
        let fits =
            stored.bytes() + (key.bytes.len() as u64) < files::file_bytes_max(&self.settings);
        if !is_long || policy.asks_always || !fits {
            return Offered::Refused;
        }
        if now.nanos < self.figures.paused_until.load(Relaxed) {
            return Offered::No;
        }
        let forgotten = self.forgotten.load(Acquire);
        let write = Write { key: key.clone(), stored: Arc::clone(stored), forgotten, replaces };
        if self.queue.add(write) {
            return Offered::Taken;
        }
        self.figures.dropped.fetch_add(1, Relaxed);
        self.figures.paused_until.store((now + FULL_PAUSE).nanos, Relaxed);
        Offered::No
    }

    /// Lets an answer be stored by `in_memory`, which calls what it is given once nothing speaks against it, with whether this
    /// level has taken what it takes the place of. That is older: it is written anew, or forgotten.
    pub(super) fn put(
        &self,
        keep: Keep,
        (key, stored): (&Key, &Arc<Stored>),
        now: Moment,
        in_memory: impl FnOnce(&mut dyn FnMut(bool) -> Offered) -> bool,
    ) -> bool {
        let mut level = lock(&self.level);
        let mut again = |was_taken: bool| {
            let shared_with = stored.policy.shared_with;
            if !was_taken && !level.index.has(key.hash, &stored.selecting, shared_with) {
                return Offered::No;
            }
            let offered = match keep {
                Keep::Anywhere => self.add((key, stored), true, now),
                Keep::Memory => Offered::Refused,
            };
            if offered != Offered::Taken {
                let which = Variant::of(stored);
                let count = level.index.forget_key(key.hash, Some(&which));
                let of = Of::Key(key.hash, key.bytes.clone(), Some(which));
                self.noted(&mut level, &of, false);
                if level.stands && 0 < count {
                    self.queue.order(Order { of, soft: false, at: now });
                }
            }
            offered
        };
        in_memory(&mut again)
    }

    /// An answer was not written after all: what it was to take the place of is old all the same.
    fn not_written(&self, Write { key, stored, replaces, .. }: &Write) {
        if *replaces {
            let of = Of::Key(key.hash, key.bytes.clone(), Some(Variant::of(stored)));
            let _gone = self.forget(of, false, clock::now(), || ());
        }
        self.lost(key.hash, Some(stored));
    }

    /// What was under a key of this hash, or of that this one, is not here any more, nor on its way.
    fn lost(&self, hash: u64, which: Option<&Stored>) {
        if let Some(memory) = self.memory.get() {
            memory.lost_on_disk(hash, which);
        }
    }

    /// Nothing is here any more, nor on its way.
    fn all_lost(&self) {
        if let Some(memory) = self.memory.get() {
            memory.all_lost_on_disk();
        }
    }

    /// Forgets something here and, by `elsewhere`, in memory. How many answers it was here, and what came of the other.
    ///
    /// What is offered to this level until memory has forgotten it as well was offered before `forgotten` rose, and is not
    /// taken any more.
    pub(super) fn forget<T>(
        &self,
        of: Of,
        soft: bool,
        now: Moment,
        elsewhere: impl FnOnce() -> T,
    ) -> (usize, T) {
        let (count, done) = match &of {
            // Few: nobody waits long.
            Of::Key(hash, _, which) => {
                let mut level = lock(&self.level);
                let count = level.index.forget_key(*hash, which.as_ref());
                let done = elsewhere();
                self.noted(&mut level, &of, soft);
                (count, done)
            }
            Of::Order(purge) => {
                let id = lock(&self.level).index.begin(purge.clone(), soft, now);
                let done = elsewhere();
                let mut level = lock(&self.level);
                self.noted(&mut level, &of, soft);
                level.index.seal(id);
                drop(level);
                (self.go_on(id), done)
            }
        };
        // What nothing is there of need not be written down.
        if 0 < count && lock(&self.level).stands {
            self.queue.order(Order { of, soft, at: now });
        }
        (count, done)
    }

    /// What is on its way to this level from before this is old.
    fn noted(&self, level: &mut Level, of: &Of, soft: bool) {
        level.forgotten.add(of.clone(), soft);
        self.forgotten.store(level.forgotten.count(), Release);
    }

    /// Carries an order out to its end. How many answers it changed something for.
    fn go_on(&self, id: u64) -> usize {
        loop {
            let looked = lock(&self.level).index.go_on(id, AT_ONCE);
            if let Some(count) = looked {
                return count;
            }
            give_way();
        }
    }

    /// An order of another gateway was heard of.
    pub(super) fn heard(&self, id: OrderId) {
        if self.figures.is_up.load(Relaxed) {
            self.queue.heard(id);
        }
    }

    /// Numbers of orders begin anew after this one: what was heard before says nothing about what is heard from now on.
    pub(super) fn heard_anew(&self, id: OrderId) {
        lock(&self.level).heard = OrderId::default();
        if self.figures.is_up.load(Relaxed) {
            self.queue.heard_anew(id);
        }
    }

    /// The last order of other gateways that what is there from before knows of, and whether there is anything.
    pub(super) fn restored(&self) -> (OrderId, bool) {
        let level = lock(&self.level);
        (level.heard, !level.index.is_empty())
    }

    /// Waits until it is known what is there from before; not for long.
    pub(super) async fn seen(&self) {
        while !self.figures.is_seen.load(Acquire) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until all orders so far are on disk; not for long.
    pub(crate) async fn settled(&self) {
        /// Longer than a disk takes that is not broken; who ordered it need not wait for one that is.
        const WAIT_MAX: Duration = Duration::from_secs(2);
        if self.figures.is_up.load(Relaxed) {
            let _in_time = tokio::time::timeout(WAIT_MAX, self.queue.settled()).await;
        }
    }

    /// Writes what waits, and no more.
    pub(crate) fn stop(&self) {
        self.queue.stop();
    }

    /// It cannot be used, for this reason.
    fn off(&self, why: String) {
        let mut level = lock(&self.level);
        level.stands = false;
        let gone = level.empty();
        drop(level);
        drop(gone);
        self.figures.is_up.store(false, Relaxed);
        self.figures.bytes.store(0, Relaxed);
        self.figures.is_seen.store(true, Release);
        self.trouble(Some(why));
    }

    fn trouble(&self, why: Option<String>) {
        *lock(&self.figures.trouble) = why;
    }
}

impl Level {
    /// Nothing is there any more. What was, which takes a while to let go of.
    fn empty(&mut self) -> (Index, BTreeMap<u64, Arc<File>>) {
        let index = self.index.replaced(Index::new(MEMORY_BYTES_MAX));
        (index, std::mem::take(&mut self.files))
    }

    /// What is there is known now.
    fn stand(&mut self, loaded: load::Loaded) {
        // The one before knew of nothing.
        drop(self.index.replaced(loaded.index));
        self.files =
            loaded.files.iter().map(|(number, (file, _))| (*number, Arc::clone(file))).collect();
        self.stands = true;
    }

    /// What was forgotten since there had been so much.
    fn missed(&self, since: u64) -> Vec<(Of, bool)> {
        match self.forgotten.since(since) {
            Some(missed) => missed.cloned().collect(),
            None => vec![(Of::Order(Purge::All), false)],
        }
    }

    /// Whether an answer that was known when so much was forgotten may still be kept; it is, at this place.
    fn keep(&mut self, (hash, forgotten): (u64, u64), at: At, kept: traffic::cache::Kept) -> bool {
        let is_old = self.forgotten.outdates(forgotten, hash, &kept);
        !is_old && self.stands && self.index.insert(hash, at, kept)
    }
}

/// Forgets in what was read what was forgotten meanwhile. What of that is to be written down.
fn catch_up(index: &mut Index, missed: Vec<(Of, bool)>, now: Moment) -> Vec<Order> {
    let mut orders = Vec::new();
    for (of, soft) in missed {
        let count = match &of {
            Of::Order(purge) => index.purge(purge, soft, now),
            Of::Key(hash, _, which) => index.forget_key(*hash, which.as_ref()),
        };
        if 0 < count {
            orders.push(Order { of, soft, at: now });
        }
    }
    orders
}
