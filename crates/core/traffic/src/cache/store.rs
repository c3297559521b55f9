//! A store of bounded size that keeps what is asked for again: S3-FIFO.
//!
//! Three queues (Yang, Zhang, Qiu, Yue, Rashmi: "FIFO Queues are All You Need for Cache Eviction", SOSP 2023): what is new
//! goes through a small one and only stays if it is asked for again; so a scan passes through without pushing out what
//! is in use. What was pushed out of the small one is remembered by its number, and stays the next time it comes. Here
//! sizes are bytes, and entries have marks under which they are found when they are to be forgotten.

use std::collections::{BTreeMap, VecDeque};

use hashbrown::HashTable;

use super::{key::Key, marks::Marks, purge::Found};

/// A store of values.
#[derive(Debug)]
pub struct Store<V> {
    bytes_max: u64,
    table: HashTable<usize>,
    slots: Vec<Option<Slot<V>>>,
    free: Vec<usize>,
    small: Queue,
    main: Queue,
    ghosts: Ghosts,
    marks: Marks,
    /// Tells a slot from what was in it before.
    turn: u64,
    evictions: u64,
    /// How much of it is whose, by the names of routes.
    held: BTreeMap<Vec<u8>, StoreSize>,
}

/// How full a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreSize {
    /// Entries.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Entries that were pushed out since it began.
    pub evictions: u64,
}

#[derive(Debug)]
struct Slot<V> {
    key: Key,
    value: V,
    bytes: u64,
    uses: u8,
    turn: u64,
    in_main: bool,
    marks: Vec<u64>,
}

#[derive(Debug, Default)]
struct Queue {
    order: VecDeque<(usize, u64)>,
    bytes: u64,
    live: usize,
}

/// Numbers of keys that were pushed out of the small queue.
#[derive(Debug, Default)]
struct Ghosts {
    order: VecDeque<u64>,
    numbers: HashTable<u64>,
}

/// More uses than this make no difference.
const USES_MAX: u8 = 3;

/// The share of the bytes that the small queue has: one in so many.
const SMALL_SHARE: u64 = 10;

impl<V> Store<V> {
    /// A store of at most so many bytes.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            table: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            small: Queue::default(),
            main: Queue::default(),
            ghosts: Ghosts::default(),
            marks: Marks::default(),
            turn: 0,
            evictions: 0,
            held: BTreeMap::new(),
        }
    }

    /// What is stored under a key; it counts as a use.
    pub fn get(&mut self, key: &Key) -> Option<&V> {
        self.get_mut(key).map(|value| &*value)
    }

    /// The same, to note something about it that takes no more room.
    pub fn get_mut(&mut self, key: &Key) -> Option<&mut V> {
        let place = self.find(key)?;
        let slot = self.slots.get_mut(place)?.as_mut()?;
        slot.uses = (slot.uses + 1).min(USES_MAX);
        Some(&mut slot.value)
    }

    /// The same, without counting it.
    #[must_use]
    pub fn peek(&self, key: &Key) -> Option<&V> {
        self.slots.get(self.find(key)?)?.as_ref().map(|slot| &slot.value)
    }

    /// What is stored under a key of this hash, to note something about it; it counts as no use.
    pub fn note_mut(&mut self, hash: u64) -> Option<&mut V> {
        let is_it = |place: &usize| hash_of(&self.slots, *place) == hash;
        let place = self.table.find(hash, is_it).copied()?;
        self.slots.get_mut(place)?.as_mut().map(|slot| &mut slot.value)
    }

    /// All that is stored, to note something about it; it counts as no use.
    pub fn notes_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.slots.iter_mut().flatten().map(|slot| &mut slot.value)
    }

    /// What is asked for most, as far as eviction knows: how much, its key, and the value; the most first.
    #[must_use]
    pub fn hottest(&self, max: usize) -> Vec<((bool, u8), &Key, &V)> {
        let slots = self.slots.iter().flatten();
        let mut all: Vec<_> =
            slots.map(|slot| ((slot.in_main, slot.uses), &slot.key, &slot.value)).collect();
        all.sort_by_key(|(heat, ..)| std::cmp::Reverse(*heat));
        all.truncate(max);
        all
    }

    /// How full it is.
    #[must_use]
    pub fn size(&self) -> StoreSize {
        StoreSize {
            entries: (self.small.live + self.main.live) as u64,
            bytes: self.small.bytes + self.main.bytes,
            evictions: self.evictions,
        }
    }

    /// The same for each route that ever had anything here.
    pub fn size_of_routes(&self) -> impl Iterator<Item = (&[u8], StoreSize)> {
        self.held.iter().map(|(route, size)| (&**route, *size))
    }

    /// Stores a value of so many bytes in place of what is there; others are pushed out to make room, or it is not stored
    /// at all.
    pub fn insert(&mut self, key: Key, value: V, bytes: u64, marks: Vec<u64>) {
        if self.bytes_max < bytes {
            self.remove(&key);
            return;
        }
        if let Some(place) = self.find(&key) {
            self.replace(place, value, bytes, marks);
        } else {
            let in_main = self.ghosts.take(key.hash);
            self.turn += 1;
            let turn = self.turn;
            let held = held_of(&mut self.held, &key);
            held.entries += 1;
            held.bytes += bytes;
            let slot = Slot { key, value, bytes, uses: 0, turn, in_main, marks };
            let hash = slot.key.hash;
            let place = self.free.pop().unwrap_or(self.slots.len());
            for mark in &slot.marks {
                self.marks.add(*mark, place);
            }
            if place == self.slots.len() {
                self.slots.push(Some(slot));
            } else {
                self.slots[place] = Some(slot);
            }
            let slots = &self.slots;
            self.table.insert_unique(hash, place, |place| hash_of(slots, *place));
            self.queue(in_main).push(place, turn, bytes);
        }
        while self.bytes_max < self.small.bytes + self.main.bytes {
            self.evict();
        }
        self.tidy();
    }

    /// Forgets what is stored under a key. Whether there was something.
    pub fn remove(&mut self, key: &Key) -> bool {
        let place = self.find(key);
        place.is_some_and(|place| self.drop_slot(place).is_some())
    }

    /// Looks at some of what is found so, at most so many places from `first` on, and forgets or changes it. How many it forgot
    /// or changed, and where to go on, if that is not all.
    pub fn change_some(
        &mut self,
        found: Found,
        (first, max): (usize, usize),
        change: impl FnMut(&V) -> Change<V>,
    ) -> (usize, Option<usize>) {
        let places: Vec<usize> = match found {
            Found::By(mark) => self.marks.after(mark, first, max),
            Found::InAll => (first..self.slots.len()).take(max).collect(),
        };
        let next = places.last().filter(|_| max <= places.len()).map(|last| last + 1);
        (self.change(places, change), next)
    }

    fn change(&mut self, places: Vec<usize>, mut change: impl FnMut(&V) -> Change<V>) -> usize {
        let mut count = 0;
        for place in places {
            let Some(Some(slot)) = self.slots.get_mut(place) else { continue };
            match change(&slot.value) {
                Change::Keep => continue,
                Change::Set(value) => slot.value = value,
                Change::Forget => drop(self.drop_slot(place)),
            }
            count += 1;
        }
        count
    }

    /// Keys and values, the newest of the most used first: what is worth having again after a restart.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &V)> {
        let order = self.main.order.iter().rev().chain(self.small.order.iter().rev());
        order.filter_map(|(place, turn)| {
            let slot = self.slots.get(*place)?.as_ref().filter(|slot| slot.turn == *turn)?;
            Some((&slot.key, &slot.value))
        })
    }

    fn find(&self, key: &Key) -> Option<usize> {
        let is_it = |place: &usize| {
            let slot = self.slots.get(*place).and_then(Option::as_ref);
            slot.is_some_and(|slot| slot.key == *key)
        };
        self.table.find(key.hash, is_it).copied()
    }

    fn queue(&mut self, main: bool) -> &mut Queue {
        if main { &mut self.main } else { &mut self.small }
    }

    fn replace(&mut self, place: usize, value: V, bytes: u64, marks: Vec<u64>) {
        let Some(Some(slot)) = self.slots.get_mut(place) else { return };
        slot.value = value;
        let old = std::mem::replace(&mut slot.bytes, bytes);
        let held = held_of(&mut self.held, &slot.key);
        held.bytes = held.bytes - old + bytes;
        let in_main = slot.in_main;
        if slot.marks != marks {
            let before = std::mem::replace(&mut slot.marks, marks.clone());
            for mark in before {
                self.marks.remove(mark, place);
            }
            for mark in marks {
                self.marks.add(mark, place);
            }
        }
        let queue = self.queue(in_main);
        queue.bytes = queue.bytes - old + bytes;
    }

    fn evict(&mut self) {
        let small_max = self.bytes_max / SMALL_SHARE;
        if self.main.live == 0 || self.small.live > 0 && small_max <= self.small.bytes {
            self.evict_small();
        } else {
            self.evict_main();
        }
    }

    /// The oldest of the small queue goes on to the main one if it was asked for again, else out.
    fn evict_small(&mut self) {
        while let Some((place, turn)) = self.small.order.pop_front() {
            let Some(slot) = self.slots[place].as_mut().filter(|slot| slot.turn == turn) else {
                continue;
            };
            if slot.uses > 0 {
                slot.uses = 0;
                slot.in_main = true;
                let bytes = slot.bytes;
                self.small.leave(bytes);
                self.main.push(place, turn, bytes);
                return;
            }
            self.ghosts.add(slot.key.hash, self.main.live.max(64));
            held_of(&mut self.held, &slot.key).evictions += 1;
            // Its place in the queue is gone already.
            self.drop_slot(place);
            self.evictions += 1;
            return;
        }
    }

    /// The oldest of the main queue goes to its end if it was asked for since, else out.
    fn evict_main(&mut self) {
        while let Some((place, turn)) = self.main.order.pop_front() {
            let Some(slot) = self.slots[place].as_mut().filter(|slot| slot.turn == turn) else {
                continue;
            };
            if slot.uses > 0 {
                slot.uses -= 1;
                self.main.order.push_back((place, turn));
                continue;
            }
            held_of(&mut self.held, &slot.key).evictions += 1;
            self.drop_slot(place);
            self.evictions += 1;
            return;
        }
    }

    fn drop_slot(&mut self, place: usize) -> Option<V> {
        let slot = self.slots.get_mut(place)?.take()?;
        if let Ok(entry) = self.table.find_entry(slot.key.hash, |known| *known == place) {
            entry.remove();
        }
        for mark in &slot.marks {
            self.marks.remove(*mark, place);
        }
        let held = held_of(&mut self.held, &slot.key);
        held.entries -= 1;
        held.bytes -= slot.bytes;
        self.queue(slot.in_main).leave(slot.bytes);
        self.free.push(place);
        Some(slot.value)
    }

    /// Takes out of the queues what was removed, once that is more than what is there.
    fn tidy(&mut self) {
        let slots = &self.slots;
        for queue in [&mut self.small, &mut self.main] {
            if queue.order.len() > queue.live * 2 + 64 {
                queue.order.retain(|(place, turn)| {
                    let slot = slots.get(*place).and_then(Option::as_ref);
                    slot.is_some_and(|slot| slot.turn == *turn)
                });
            }
        }
    }
}

/// What becomes of a value.
#[derive(Debug)]
pub enum Change<V> {
    /// It stays.
    Keep,
    /// It becomes this, of the same size and marks.
    Set(V),
    /// It goes.
    Forget,
}

/// What the route of a key holds.
fn held_of<'a>(held: &'a mut BTreeMap<Vec<u8>, StoreSize>, key: &Key) -> &'a mut StoreSize {
    held.entry(key.route().to_vec()).or_default()
}

fn hash_of<V>(slots: &[Option<Slot<V>>], place: usize) -> u64 {
    slots.get(place).and_then(Option::as_ref).map_or(0, |slot| slot.key.hash)
}

impl Queue {
    fn push(&mut self, place: usize, turn: u64, bytes: u64) {
        self.order.push_back((place, turn));
        self.bytes += bytes;
        self.live += 1;
    }

    fn leave(&mut self, bytes: u64) {
        self.bytes -= bytes;
        self.live -= 1;
    }
}

impl Ghosts {
    fn add(&mut self, number: u64, max: usize) {
        if self.numbers.find(number, |known| *known == number).is_none() {
            self.numbers.insert_unique(number, number, |number| *number);
            self.order.push_back(number);
        }
        while max < self.order.len() {
            if let Some(oldest) = self.order.pop_front() {
                self.forget(oldest);
            }
        }
    }

    fn take(&mut self, number: u64) -> bool {
        self.forget(number)
    }

    fn forget(&mut self, number: u64) -> bool {
        let found = self.numbers.find_entry(number, |known| *known == number);
        found.map(hashbrown::hash_table::OccupiedEntry::remove).is_ok()
    }
}
