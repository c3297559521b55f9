//! What of the cache is on disk, and where: looked up without reading it, and forgotten there by the same orders as in memory.
//!
//! Files are written from their beginning to their end, and go as a whole, the oldest first (a queue, as S3-FIFO has it:
//! what was asked for meanwhile goes to its end again).

mod purging;

use std::collections::BTreeMap;

use model::Moment;

use self::purging::UnderWay;
use super::{
    key::Asker,
    marks::Marks,
    policy::Policy,
    purge::{Place, Purge},
    stored::Stored,
    vary::Selecting,
};
use crate::fields::Fields;

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// The number of its file.
    pub file: u64,
    /// Bytes before it.
    pub offset: u64,
    /// Its bytes.
    pub bytes: u64,
}

/// What is known of an answer without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What it is of.
    pub place: Place,
    /// What it was chosen by.
    pub selecting: Selecting,
    /// Whether it is also for requests with credentials.
    pub shared_with: Asker,
    /// When it is of no more use.
    pub ends: Moment,
    /// Since when it only stands in.
    pub expired: Option<Moment>,
    /// When it was written: of two for the same request the later counts.
    pub written: Moment,
}

impl Kept {
    /// What is to be known of a stored answer.
    #[must_use]
    pub fn of(stored: &Stored, now: Moment) -> Self {
        Self::new(stored.place.clone(), stored.selecting.clone(), &stored.policy, now)
    }

    /// It is of use until its end, and for as long as it may be stale past that.
    pub(super) fn new(place: Place, selecting: Selecting, policy: &Policy, now: Moment) -> Self {
        let stale =
            policy.stale_while_revalidate.max(policy.stale_if_error).max(policy.stale_when_down);
        let left = match policy.left(now) {
            Ok(left) => left + stale,
            Err(over) => stale.saturating_sub(over),
        };
        let shared_with = policy.shared_with;
        Self { place, selecting, shared_with, ends: now + left, expired: None, written: now }
    }

    /// Memory that it takes, about, with what is needed to find it.
    fn memory_bytes(&self) -> u64 {
        /// Of the structs, the two sets of places under its numbers, and its place in its file.
        const FIXED: usize = 512;
        /// Of a tag, and the set of places under its number.
        const TAG: usize = 160;
        let Place { route, host, target, tags } = &self.place;
        let tags: usize = tags.iter().map(|tag| TAG + tag.len()).sum();
        let place = route.len() + host.len() + target.len() + tags;
        (FIXED + place + self.selecting.bytes()) as u64
    }

    fn is_same(&self, selecting: &Selecting, shared_with: Asker) -> bool {
        self.selecting.is_same(selecting) && self.shared_with == shared_with
    }
}

/// One of the answers under a key: what it was chosen by, and for whom it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// What it was chosen by.
    pub selecting: Selecting,
    /// Whether it is also for requests with credentials.
    pub shared_with: Asker,
}

impl Variant {
    /// The one that a stored answer is.
    #[must_use]
    pub fn of(stored: &Stored) -> Self {
        Self { selecting: stored.selecting.clone(), shared_with: stored.policy.shared_with }
    }

    /// Whether it is an answer that is on disk, or on its way there.
    #[must_use]
    pub fn is(&self, kept: &Kept) -> bool {
        kept.is_same(&self.selecting, self.shared_with)
    }
}

/// An answer that is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnDisk {
    /// Where.
    pub at: At,
    /// Since when it only stands in.
    pub expired: Option<Moment>,
}

/// What is on disk.
#[derive(Debug)]
pub struct Index {
    memory_bytes_max: u64,
    memory_bytes: u64,
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    keys: Marks,
    marks: Marks,
    /// By file: places of its answers.
    files: BTreeMap<u64, BTreeMap<u64, usize>>,
    live_bytes: u64,
    /// Rises with each answer that comes.
    turn: u64,
    /// Orders to forget that are being carried out, and the number of the last.
    under_way: Vec<UnderWay>,
    orders: u64,
}

#[derive(Debug)]
struct Slot {
    hash: u64,
    at: At,
    kept: Kept,
    memory_bytes: u64,
    is_asked: bool,
    /// Tells what came before an order from what came after it.
    turn: u64,
}

/// What went with a file.
#[derive(Debug, Default)]
pub struct Dropped {
    /// What was asked for since it came, and is still of use, with the hash of its key.
    pub asked: Vec<(u64, At, Kept)>,
    /// Hashes of the keys of all else.
    pub lost: Vec<u64>,
}

/// Answers under one key that differ by headers, as in memory: who makes up headers is not to make looking longer.
const VARIANTS_MAX: usize = 32;

impl Index {
    /// One that takes so much memory, about.
    #[must_use]
    pub fn new(memory_bytes_max: u64) -> Self {
        Self {
            memory_bytes_max,
            memory_bytes: 0,
            slots: Vec::new(),
            free: Vec::new(),
            keys: Marks::default(),
            marks: Marks::default(),
            files: BTreeMap::new(),
            live_bytes: 0,
            turn: 0,
            under_way: Vec::new(),
            orders: 0,
        }
    }

    /// How many answers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is room for no more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.memory_bytes_max <= self.memory_bytes
    }

    /// Bytes of all of them.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// Answers in a file.
    #[must_use]
    pub fn live_in(&self, file: u64) -> usize {
        self.files.get(&file).map_or(0, BTreeMap::len)
    }

    /// Where the answer to a request is, if there is one; `hash` is its key's.
    #[must_use]
    pub fn find(
        &self,
        hash: u64,
        headers: &impl Fields,
        asker: Asker,
        now: Moment,
    ) -> Option<OnDisk> {
        let places = self.keys.of(hash);
        let slots = places.iter().filter_map(|place| self.slots.get(*place)?.as_ref());
        let fits = |slot: &&Slot| {
            let Kept { selecting, shared_with, ends, .. } = &slot.kept;
            let is_for = (!asker.authorization || shared_with.authorization)
                && (!asker.cookies || shared_with.cookies);
            is_for && now < *ends && selecting.takes(headers) && !self.is_gone(slot)
        };
        let latest = slots.filter(fits).max_by_key(|slot| (slot.kept.written, slot.at));
        latest.map(|slot| OnDisk { at: slot.at, expired: self.expired(slot) })
    }

    /// Whether an answer to the same requests is there; `hash` is of their key.
    #[must_use]
    pub fn has(&self, hash: u64, selecting: &Selecting, shared_with: Asker) -> bool {
        let places = self.keys.of(hash);
        let mut slots = places.iter().filter_map(|place| self.slots.get(*place)?.as_ref());
        slots.any(|slot| slot.kept.is_same(selecting, shared_with) && !self.is_gone(slot))
    }

    /// Remembers that it was asked for: it outlives its file.
    pub fn asked(&mut self, at: At) {
        if let Some(slot) = self.slot_at(at).and_then(|place| self.slots.get_mut(place)?.as_mut()) {
            slot.is_asked = true;
        }
    }

    /// An answer is there now, in place of the one to the same requests, and of what is before all others under its key where
    /// those are too many. `false` if there is no room, or it may be what is being forgotten.
    pub fn insert(&mut self, hash: u64, at: At, kept: Kept) -> bool {
        if self.is_refused(&kept) {
            return false;
        }
        let mut others = Vec::new();
        for place in self.keys.of(hash) {
            let Some(Some(slot)) = self.slots.get(place) else { continue };
            if slot.kept.is_same(&kept.selecting, kept.shared_with) {
                self.remove(place);
            } else {
                others.push((slot.at, place));
            }
        }
        // By its place in the files: who reads them again lets go of the same.
        let first = others.iter().min().filter(|_| VARIANTS_MAX <= others.len());
        if let Some((_, place)) = first {
            self.remove(*place);
        }
        if self.is_full() {
            return false;
        }
        let place = self.free.pop().unwrap_or(self.slots.len());
        self.keys.add(hash, place);
        kept.place.marks().into_iter().for_each(|mark| self.marks.add(mark, place));
        self.files.entry(at.file).or_default().insert(at.offset, place);
        self.live_bytes += at.bytes;
        let memory_bytes = kept.memory_bytes();
        self.memory_bytes += memory_bytes;
        let turn = self.turn;
        self.turn += 1;
        let slot = Some(Slot { hash, at, kept, memory_bytes, is_asked: false, turn });
        if place == self.slots.len() {
            self.slots.push(slot);
        } else {
            self.slots[place] = slot;
        }
        true
    }

    /// Forgets the one that is there.
    pub fn forget_at(&mut self, at: At) {
        if let Some(place) = self.slot_at(at) {
            self.remove(place);
        }
    }

    /// Forgets what is kept under a key, or of that one alone. How many it was.
    pub fn forget_key(&mut self, hash: u64, which: Option<&Variant>) -> usize {
        let mut places = self.keys.of(hash);
        if let Some(which) = which {
            let is = |slot: &Slot| which.is(&slot.kept);
            places.retain(|place| self.slots.get(*place).and_then(Option::as_ref).is_some_and(is));
        }
        for place in &places {
            self.remove(*place);
        }
        places.len()
    }

    /// Forgets what an order is for; where it is soft that only stands in from now on. How many it changed something for.
    pub fn purge(&mut self, purge: &Purge, soft: bool, now: Moment) -> usize {
        let id = self.begin(purge.clone(), soft, now);
        self.seal(id);
        self.go_on(id, usize::MAX).unwrap_or_default()
    }

    /// Forgets what is of no more use.
    pub fn drop_ended(&mut self, now: Moment) {
        for place in 0..self.slots.len() {
            let slot = self.slots.get(place).and_then(Option::as_ref);
            if slot.is_some_and(|slot| slot.kept.ends <= now) {
                self.remove(place);
            }
        }
    }

    /// Forgets all that is in a file.
    pub fn drop_file(&mut self, file: u64, now: Moment) -> Dropped {
        self.drop_some(file, usize::MAX, now)
    }

    /// Forgets the first of what is in a file, at most so many.
    pub fn drop_some(&mut self, file: u64, max: usize, now: Moment) -> Dropped {
        let mut dropped = Dropped::default();
        for _ in 0..max {
            let first = self.files.get_mut(&file).and_then(BTreeMap::pop_first);
            let Some((_, place)) = first else { break };
            let Some(slot) = self.take(place) else { continue };
            let is_fresh = self.expired(&slot).is_none() && !self.is_gone(&slot);
            if slot.is_asked && is_fresh && now < slot.kept.ends {
                dropped.asked.push((slot.hash, slot.at, slot.kept));
            } else {
                dropped.lost.push(slot.hash);
            }
        }
        if self.live_in(file) == 0 {
            self.files.remove(&file);
        }
        dropped
    }

    fn slot_at(&self, at: At) -> Option<usize> {
        self.files.get(&at.file)?.get(&at.offset).copied()
    }

    fn remove(&mut self, place: usize) {
        let Some(slot) = self.take(place) else { return };
        if let Some(of_file) = self.files.get_mut(&slot.at.file) {
            of_file.remove(&slot.at.offset);
            if of_file.is_empty() {
                self.files.remove(&slot.at.file);
            }
        }
    }

    fn take(&mut self, place: usize) -> Option<Slot> {
        let slot = self.slots.get_mut(place)?.take()?;
        self.keys.remove(slot.hash, place);
        slot.kept.place.marks().into_iter().for_each(|mark| self.marks.remove(mark, place));
        self.live_bytes -= slot.at.bytes;
        self.memory_bytes -= slot.memory_bytes;
        self.free.push(place);
        Some(slot)
    }
}
