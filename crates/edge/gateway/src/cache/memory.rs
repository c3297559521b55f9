//! The first level: answers in memory, in shards so that threads rarely meet.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use model::Moment;
use traffic::{
    cache::{Asker, Change, Found, Key, Purge, Store, StoreSize, Stored},
    fields::Fields,
};

use super::{flight::Flight, lock};

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
    /// Whether it was asked for again since it is here, or is on disk already.
    is_asked: bool,
}

/// Where an answer that is put into memory is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// It was asked for.
    Asked,
    /// It is on disk.
    Disk,
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

    /// What is stored for a request. `second` is called, before anybody can forget it, with what is asked for again.
    pub(super) fn find(
        &self,
        key: &Key,
        (headers, asker): (&impl Fields, Asker),
        second: impl FnOnce(&Arc<Stored>),
        now: Moment,
    ) -> InMemory {
        let mut shard = self.shard(key.hash);
        let Some(entry) = shard.store.get_mut(key) else { return InMemory::default() };
        let fits = |variant: &&mut Variant| {
            let stored = &variant.stored;
            stored.policy.is_for(asker) && stored.selecting.takes(headers)
        };
        let is_second = |variant: &mut Variant| {
            let is_second = !std::mem::replace(&mut variant.is_asked, true);
            (Arc::clone(&variant.stored), is_second)
        };
        let found = entry.variants.iter_mut().rev().find(fits).map(is_second);
        let variant = match (&found, entry.variants.last()) {
            (None, Some(latest)) => latest.stored.selecting.number(headers),
            _ => 0,
        };
        if let Some((stored, true)) = &found {
            second(stored);
        }
        InMemory {
            alone: entry.alone_until.is_some_and(|until| now < until),
            others: !entry.variants.is_empty(),
            stored: found.map(|(stored, _)| stored),
            variant,
        }
    }

    /// Stores an answer.
    pub(super) fn put(&self, key: &Key, stored: &Arc<Stored>, source: Source, now: Moment) {
        let mut shard = self.shard(key.hash);
        let mut entry = shard.store.peek(key).cloned().unwrap_or_default();
        entry.alone_until = None;
        // Of the same requests the latest counts; of others what can still be of use.
        entry.variants.retain(|Variant { stored: other, .. }| {
            !other.selecting.is_same(&stored.selecting)
                || other.policy.shared_with != stored.policy.shared_with
                    && other.policy.left(now).is_ok()
        });
        if VARIANTS_MAX <= entry.variants.len() {
            entry.variants.remove(0);
        }
        let is_asked = source == Source::Disk;
        entry.variants.push(Variant { stored: Arc::clone(stored), is_asked });
        shard.insert(key, entry);
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
            let mut shard = lock(shard);
            match found {
                Found::By(mark) => shard.store.change_marked(mark, change),
                Found::InAll => shard.store.change_all(change),
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

    /// The shard of a key, by its hash.
    pub(super) fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // The low bits choose a bucket within: the high ones a shard.
        let place = (u128::from(hash) * self.shards.len() as u128) >> 64;
        lock(&self.shards[usize::try_from(place).unwrap_or(0)])
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
