//! The first level: answers in memory, in shards so that threads rarely meet.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use model::Moment;
use traffic::{
    cache::{Asker, Change, Key, Purge, Store, StoreSize, Stored},
    fields::Fields,
};

use super::{AT_ONCE, flight::Flight, give_way, lock};

/// Answers in memory, and what is asked for meanwhile.
#[derive(Debug)]
pub(super) struct Memory {
    shards: Vec<Mutex<Shard>>,
}

#[derive(Debug)]
pub(super) struct Shard {
    store: Store<Entry>,
    pub(super) flights: BTreeMap<Vec<u8>, Arc<Flight>>,
}

/// What is stored under a key.
#[derive(Debug, Clone, Default)]
struct Entry {
    /// Answers, the latest last.
    variants: Vec<Variant>,
    /// Until when answers are known not to be worth waiting for: they are not stored.
    alone_until: Option<Moment>,
}

/// One of the answers under a key.
#[derive(Debug, Clone)]
struct Variant {
    stored: Arc<Stored>,
    offered: Offered,
}

/// Whether an answer was offered to the disk, which it is when it is asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offered {
    /// Not yet; or there was no room for it, or it has gone from there.
    No,
    /// It is there, or will be in a moment.
    Taken,
    /// It is not for the disk.
    Refused,
}

/// What was found for a request.
#[derive(Debug, Default)]
pub(super) struct InMemory {
    pub(super) stored: Option<Arc<Stored>>,
    /// Whether answers for other headers are stored.
    pub(super) others: bool,
    pub(super) alone: bool,
    pub(super) variant: u64,
}

/// Answers to the same request that differ by its headers: more are as good as none.
const VARIANTS_MAX: usize = 32;

/// For how long a key is remembered whose answers are not stored.
const ALONE_FOR: Duration = Duration::from_secs(10);

/// The least bytes of a shard, so that large answers fit.
const SHARD_BYTES_MIN: u64 = 32 << 20;

/// Shards at most: more threads than this rarely meet either.
const SHARDS_MAX: u64 = 16;

impl Memory {
    pub(super) fn new(bytes_max: u64) -> Self {
        let count = (bytes_max / SHARD_BYTES_MIN).clamp(1, SHARDS_MAX);
        let shard = || Shard { store: Store::new(bytes_max / count), flights: BTreeMap::new() };
        Self { shards: (0..count).map(|_| Mutex::new(shard())).collect() }
    }

    /// What is stored for a request. `second` is called, before anybody can forget it, with what is asked for again, and says
    /// whether it has to be again.
    pub(super) fn find(
        &self,
        key: &Key,
        (headers, asker): (&impl Fields, Asker),
        second: impl FnOnce(&Arc<Stored>) -> Offered,
        now: Moment,
    ) -> InMemory {
        let mut shard = self.shard(key.hash);
        let Some(entry) = shard.store.get_mut(key) else { return InMemory::default() };
        let fits = |variant: &&mut Variant| {
            let stored = &variant.stored;
            stored.policy.is_for(asker) && stored.selecting.takes(headers)
        };
        let found = entry.variants.iter_mut().rev().find(fits).map(|variant| {
            if variant.offered == Offered::No {
                variant.offered = second(&variant.stored);
            }
            Arc::clone(&variant.stored)
        });
        let variant = match (&found, entry.variants.last()) {
            (None, Some(latest)) => latest.stored.selecting.number(headers),
            _ => 0,
        };
        InMemory {
            alone: entry.alone_until.is_some_and(|until| now < until),
            others: !entry.variants.is_empty(),
            stored: found,
            variant,
        }
    }

    /// Stores an answer. `again` is called, before anybody can forget it, with whether the disk has taken what it takes the
    /// place of.
    pub(super) fn put(
        &self,
        key: &Key,
        stored: &Arc<Stored>,
        again: impl FnOnce(bool) -> Offered,
        now: Moment,
    ) {
        let mut shard = self.shard(key.hash);
        let mut entry = shard.store.peek(key).cloned().unwrap_or_default();
        entry.alone_until = None;
        let was_taken = |other: &Variant| other.is_same(stored) && other.offered == Offered::Taken;
        let offered = again(entry.variants.iter().any(was_taken));
        entry.put(Variant { stored: Arc::clone(stored), offered }, now);
        shard.insert(key, entry);
    }

    /// Stores an answer that is on disk, unless there is a younger one to the same requests. Whether it did.
    pub(super) fn put_from_disk(&self, key: &Key, stored: &Arc<Stored>, now: Moment) -> bool {
        let mut shard = self.shard(key.hash);
        let mut entry = shard.store.peek(key).cloned().unwrap_or_default();
        let is_younger = |other: &Variant| {
            other.is_same(stored) && other.stored.policy.age(now) < stored.policy.age(now)
        };
        if entry.variants.iter().any(is_younger) {
            return false;
        }
        entry.alone_until = None;
        entry.put(Variant { stored: Arc::clone(stored), offered: Offered::Taken }, now);
        shard.insert(key, entry);
        true
    }

    /// The disk has lost what it had under a key of this hash, or what it had or was to have for the same requests as this one:
    /// when it is asked for again it is worth writing again.
    pub(super) fn lost_on_disk(&self, hash: u64, which: Option<&Stored>) {
        let mut shard = self.shard(hash);
        if let Some(entry) = shard.store.note_mut(hash) {
            entry.lost_on_disk(which);
        }
    }

    /// The disk has lost all that it had.
    pub(super) fn all_lost_on_disk(&self) {
        for shard in &self.shards {
            lock(shard).store.notes_mut().for_each(|entry| entry.lost_on_disk(None));
        }
    }

    /// Remembers that answers under a key are not stored.
    pub(super) fn put_alone(&self, key: &Key, now: Moment) {
        let mut shard = self.shard(key.hash);
        let mut entry = shard.store.peek(key).cloned().unwrap_or_default();
        if entry.variants.is_empty() {
            entry.alone_until = Some(now + ALONE_FOR);
            shard.insert(key, entry);
        }
    }

    /// Forgets what is stored under a key.
    pub(super) fn forget(&self, key: &Key) {
        self.shard(key.hash).store.remove(key);
    }

    /// Forgets what an order is for, or has it asked for again before it is used as fresh (`soft`). How many keys it was.
    pub(super) fn purge(&self, purge: &Purge, soft: bool, now: Moment) -> usize {
        let change = |entry: &Entry| {
            if !entry.variants.iter().any(|variant| purge.takes(&variant.stored.place)) {
                return Change::Keep;
            }
            if !soft {
                return Change::Forget;
            }
            let variants = entry.variants.iter().map(|variant| {
                let is_meant = purge.takes(&variant.stored.place);
                let expired = is_meant.then(|| Arc::new(variant.stored.expired(now)));
                Variant {
                    stored: expired.unwrap_or_else(|| Arc::clone(&variant.stored)),
                    ..*variant
                }
            });
            Change::Set(Entry { variants: variants.collect(), alone_until: None })
        };
        let found = purge.found();
        let each = |shard: &Mutex<Shard>| {
            let (mut sum, mut first) = (0, 0);
            loop {
                let some = (first, AT_ONCE);
                let (count, next) = lock(shard).store.change_some(found, some, change);
                sum += count;
                let Some(next) = next else { return sum };
                first = next;
                give_way();
            }
        };
        self.shards.iter().map(each).sum()
    }

    /// URLs of what is asked for most, the most first; of answers that are for everybody.
    pub(super) fn top(&self, max: usize, is_for_all: impl Fn(&str) -> bool) -> Vec<String> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let hottest = shard.store.hottest(max).into_iter().filter_map(|(heat, key, entry)| {
                let place = &entry.variants.last()?.stored.place;
                let is_there = !place.host.is_empty() && is_for_all(&place.route);
                let scheme = key.scheme().filter(|_| is_there)?;
                Some((heat, format!("{scheme}://{}{}", place.host, place.target)))
            });
            all.extend(hottest);
        }
        all.sort_by(|(heat, url), (other_heat, other)| {
            other_heat.cmp(heat).then_with(|| url.cmp(other))
        });
        let mut urls: Vec<String> = all.into_iter().map(|(_, url)| url).collect();
        let mut seen = std::collections::BTreeSet::new();
        urls.retain(|url| seen.insert(url.clone()));
        urls.truncate(max);
        urls
    }

    /// How full it is.
    pub(super) fn size(&self) -> StoreSize {
        let mut all = StoreSize::default();
        for shard in &self.shards {
            let size = lock(shard).store.size();
            all.entries += size.entries;
            all.bytes += size.bytes;
            all.evictions += size.evictions;
        }
        all
    }

    /// How much of it is whose, by the names of routes.
    pub(super) fn size_of_routes(&self) -> BTreeMap<String, StoreSize> {
        let mut all: BTreeMap<String, StoreSize> = BTreeMap::new();
        for shard in &self.shards {
            for (route, size) in lock(shard).store.size_of_routes() {
                let sum = all.entry(String::from_utf8_lossy(route).into_owned()).or_default();
                sum.entries += size.entries;
                sum.bytes += size.bytes;
                sum.evictions += size.evictions;
            }
        }
        all
    }

    /// The shard of a key, by its hash.
    pub(super) fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // The low bits choose a bucket within: the high ones a shard.
        let place = (u128::from(hash) * self.shards.len() as u128) >> 64;
        lock(&self.shards[usize::try_from(place).unwrap_or(0)])
    }
}

impl Variant {
    /// Whether it stands for the same requests as another answer.
    fn is_same(&self, other: &Stored) -> bool {
        self.stored.selecting.is_same(&other.selecting)
            && self.stored.policy.shared_with == other.policy.shared_with
    }
}

impl Entry {
    fn lost_on_disk(&mut self, which: Option<&Stored>) {
        let taken = self.variants.iter_mut().filter(|one| one.offered == Offered::Taken);
        let lost = taken.filter(|one| which.is_none_or(|which| one.is_same(which)));
        lost.for_each(|variant| variant.offered = Offered::No);
    }

    /// Adds an answer.
    fn put(&mut self, variant: Variant, now: Moment) {
        let stored = &variant.stored;
        // Of the same requests the latest counts; of others what can still be of use.
        self.variants.retain(|Variant { stored: other, .. }| {
            !other.selecting.is_same(&stored.selecting)
                || other.policy.shared_with != stored.policy.shared_with
                    && other.policy.left(now).is_ok()
        });
        if VARIANTS_MAX <= self.variants.len() {
            self.variants.remove(0);
        }
        self.variants.push(variant);
    }
}

impl Shard {
    fn insert(&mut self, key: &Key, entry: Entry) {
        /// Of the key, the entry and their places.
        const FIXED: u64 = 256;
        let variants = entry.variants.iter();
        let bytes: u64 = variants.clone().map(|variant| variant.stored.bytes()).sum();
        let mut marks: Vec<u64> =
            variants.flat_map(|variant| variant.stored.place.marks()).collect();
        marks.sort_unstable();
        marks.dedup();
        let bytes = FIXED + 2 * key.bytes.len() as u64 + bytes;
        self.store.insert(key.clone(), entry, bytes, marks);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
    use traffic::cache::{CacheRule, Control, Place, Received, policy, selecting};

    use super::*;

    const NOW: Moment = Moment { nanos: 1_000_000_000_000 };

    fn request(language: &'static str) -> HeaderMap {
        [(header::ACCEPT_LANGUAGE, HeaderValue::from_static(language))].into_iter().collect()
    }

    fn answer(language: &'static str) -> Arc<Stored> {
        let headers: HeaderMap = [
            (header::CACHE_CONTROL, HeaderValue::from_static("max-age=60")),
            (header::VARY, HeaderValue::from_static("accept-language")),
        ]
        .into_iter()
        .collect();
        let received = Received {
            method: &Method::GET,
            status: StatusCode::OK,
            headers: &headers,
            asked_at: NOW,
            received_at: NOW,
            came_at: NOW,
        };
        let rule = CacheRule::default();
        let policy = policy(&rule, Asker::default(), &Control::default(), &received)
            .expect("it may be stored");
        let selecting = selecting(&headers, &request(language)).expect("it varies by a header");
        let parts = (policy, selecting, Place::default());
        Arc::new(Stored::new(StatusCode::OK, headers, Bytes::from_static(b"x"), parts))
    }

    #[test]
    fn one_answer_that_the_disk_lost_is_offered_again_and_the_others_of_its_address_are_not() {
        let (memory, key) = (Memory::new(1 << 20), Key::new(vec![1], 7));
        for language in ["de", "fr"] {
            memory.put(&key, &answer(language), |_| Offered::Taken, NOW);
        }
        let offered = |language: &'static str| {
            let mut is_offered = false;
            let offer = |_: &Arc<Stored>| {
                is_offered = true;
                Offered::Taken
            };
            let asks = (&request(language), Asker::default());
            assert!(memory.find(&key, asks, offer, NOW).stored.is_some(), "{language}");
            is_offered
        };
        assert!(!offered("de") && !offered("fr"));
        memory.lost_on_disk(key.hash, Some(&answer("de")));
        assert!(offered("de") && !offered("fr"));
        memory.lost_on_disk(key.hash, None);
        assert!(offered("de") && offered("fr"));
    }
}
