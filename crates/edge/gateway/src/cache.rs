//! The cache in memory: shared by all threads, in shards so that they rarely meet; what is stored is sent as it is.
//!
//! `look` answers out of the head of a request alone, for whoever parsed it: a hit is a status, lines ready to be sent
//! and bytes that are shared, not copied. What is missing is asked for once, whoever waits for it (`flight`), by a task
//! that goes on when the client that asked first goes away (`fetch`). What is decided is decided by `traffic::cache`.

pub(crate) mod counts;
mod fetch;
mod filling;
mod flight;
mod head;
mod hit;
mod serve;
pub(crate) mod shared;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Method, header};
use model::Moment;
use traffic::{
    cache::{
        self, Asker, CacheRule, CacheSettings, Change, Control, Credentials, Forwarded, Found,
        Judged, Key, Place, Purge, Purges, Store, StoreSize, Stored, asker, judge, key_of,
        request_control,
    },
    fields::Fields,
};

use self::flight::Flight;
pub(crate) use self::{
    counts::CacheResult,
    filling::Reader,
    hit::{CACHE_STATUS, Hit},
    serve::{Cached, Effect, Serving, asked, serve},
};

/// The cache.
#[derive(Debug)]
pub(crate) struct Cache {
    settings: CacheSettings,
    seed: u64,
    shards: Vec<Mutex<Shard>>,
    /// Taken before a shard, never after.
    purges: Mutex<Purges>,
    /// The count of `purges`, to be read without it.
    purged: AtomicU64,
    waiters: AtomicUsize,
    /// Bytes of answers that are being stored.
    filling: AtomicU64,
    /// What other gateways hear of, and are heard of.
    pub(crate) common: shared::Common,
}

#[derive(Debug)]
struct Shard {
    store: Store<Entry>,
    flights: BTreeMap<Vec<u8>, Arc<Flight>>,
}

/// What is stored under a key.
#[derive(Debug, Clone, Default)]
struct Entry {
    /// Answers, the latest last.
    variants: Vec<Arc<Stored>>,
    /// Until when answers are known not to be worth waiting for: they are not stored.
    alone_until: Option<Moment>,
}

/// A request as the cache sees it, before anything about it was changed.
#[derive(Debug)]
pub(crate) struct Question<'a, F> {
    pub(crate) rule: &'a CacheRule,
    /// The name of its route.
    pub(crate) route: &'a str,
    /// The host, with its port.
    pub(crate) authority: &'a str,
    /// The path and query.
    pub(crate) target: &'a str,
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a F,
}

/// What the cache says.
#[derive(Debug)]
pub(crate) enum Looked {
    /// It answers.
    Hit(Hit),
    /// It has to be asked for.
    Ask(Box<Ask>),
    /// It is none of the cache's business.
    Pass(Forwarded),
}

/// What has to be asked for.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) key: Key,
    pub(crate) credentials: Credentials,
    pub(crate) asker: Asker,
    pub(crate) control: Control,
    /// What is stored, and may still be of use.
    pub(crate) stale: Option<Arc<Stored>>,
    pub(crate) why: Forwarded,
    /// A number for what of the request the stored answers were chosen by.
    variant: u64,
    /// Whether others may wait for the answer.
    pub(crate) together: bool,
    pub(crate) place: Place,
}

/// Answers to the same request that differ by its headers: more are as good as none.
const VARIANTS_MAX: usize = 32;

/// For how long a key is remembered whose answers are not stored.
const ALONE_FOR: Duration = Duration::from_secs(10);

/// The least bytes of a shard, so that large answers fit.
const SHARD_BYTES_MIN: u64 = 32 << 20;

/// Shards at most: more threads than this rarely meet either.
const SHARDS_MAX: u64 = 16;

impl Cache {
    pub(crate) fn new(settings: CacheSettings, seed: u64) -> Self {
        let count = (settings.bytes_max / SHARD_BYTES_MIN).clamp(1, SHARDS_MAX);
        let shard =
            || Shard { store: Store::new(settings.bytes_max / count), flights: BTreeMap::new() };
        Self {
            settings,
            seed,
            shards: (0..count).map(|_| Mutex::new(shard())).collect(),
            purges: Mutex::default(),
            purged: AtomicU64::new(0),
            waiters: AtomicUsize::new(0),
            filling: AtomicU64::new(0),
            common: shared::Common::new(seed),
        }
    }

    pub(crate) fn settings(&self) -> &CacheSettings {
        &self.settings
    }

    /// What the cache says to a request; `chance` is a number by chance from 0 to 1.
    pub(crate) fn look<F: Fields>(
        &self,
        question: &Question<'_, F>,
        chance: f64,
        now: Moment,
    ) -> Looked {
        let Question { rule, route, authority, target, method, headers } = *question;
        if *method != Method::GET && *method != Method::HEAD {
            return Looked::Pass(Forwarded::Method);
        }
        // Conditions that only who has the last word can judge.
        if headers.has(&header::IF_MATCH) || headers.has(&header::IF_UNMODIFIED_SINCE) {
            return Looked::Pass(Forwarded::Bypass);
        }
        let control = request_control(headers);
        if control.no_store {
            return Looked::Pass(Forwarded::Request);
        }
        let (asker, credentials) = asker(rule, headers);
        let key = key_of(rule, route, (authority, target), headers, self.seed);
        let found = self.find(&key, headers, asker, now);
        let judged = found
            .stored
            .as_ref()
            .map(|stored| judge(&stored.policy, &control, rule.clients, (rule.early, chance), now));
        let place = || Place {
            route: route.to_owned(),
            host: host_of(authority),
            target: target.to_owned(),
            tags: Vec::new(),
        };
        let ask = |why, key, stale: Option<Arc<Stored>>| Ask {
            credentials,
            asker,
            // What is asked for again each time is of use to one request alone.
            together: found.together
                && stale.as_ref().is_none_or(|stored: &Arc<Stored>| {
                    !stored.policy.asks_always && !stored.policy.lifetime.is_zero()
                }),
            variant: found.variant,
            place: place(),
            control: control.clone(),
            key,
            stale,
            why,
        };
        match (judged, found.stored) {
            (Some(judged @ (Judged::Fresh | Judged::StaleAllowed)), Some(stored)) => {
                let stale = judged == Judged::StaleAllowed;
                Looked::Hit(Hit::new(stored, method, headers, None, now).stale(stale))
            }
            (Some(judged @ (Judged::FreshButSoon | Judged::StaleMeanwhile)), Some(stored)) => {
                let again = ask(Forwarded::Stale, key, Some(Arc::clone(&stored)));
                let stale = judged == Judged::StaleMeanwhile;
                Looked::Hit(
                    Hit::new(stored, method, headers, Some(Box::new(again)), now).stale(stale),
                )
            }
            (Some(Judged::Wanted), stored) => {
                Looked::Ask(Box::new(ask(Forwarded::Request, key, stored)))
            }
            (Some(_), stored) => Looked::Ask(Box::new(ask(Forwarded::Stale, key, stored))),
            (None, _) if found.alone => Looked::Pass(Forwarded::Bypass),
            (None, _) => {
                let why = if found.others { Forwarded::VaryMiss } else { Forwarded::UriMiss };
                Looked::Ask(Box::new(ask(why, key, None)))
            }
        }
    }

    /// What is stored for a request.
    fn find(&self, key: &Key, headers: &impl Fields, asker: Asker, now: Moment) -> InStore {
        let mut shard = self.shard(key);
        let Some(entry) = shard.store.get(key) else {
            return InStore { together: true, ..InStore::default() };
        };
        let mut variants = entry.variants.iter().rev();
        let fits =
            |stored: &&Arc<Stored>| stored.policy.is_for(asker) && stored.selecting.takes(headers);
        let stored = variants.find(fits).cloned();
        let variant = match (&stored, entry.variants.last()) {
            (None, Some(latest)) => latest.selecting.number(headers),
            _ => 0,
        };
        InStore {
            alone: entry.alone_until.is_some_and(|until| now < until),
            others: !entry.variants.is_empty(),
            together: true,
            variant,
            stored,
        }
    }

    /// Stores an answer, unless what it is about was purged since it was asked for. Whether it did.
    fn put(&self, key: &Key, stored: &Arc<Stored>, began: u64, now: Moment) -> bool {
        let purges = lock(&self.purges);
        if purges.outdates(began, &stored.place) {
            return false;
        }
        let mut shard = self.shard(key);
        let mut entry = shard.store.peek(key).cloned().unwrap_or_default();
        entry.alone_until = None;
        // Of the same requests the latest counts; of others what can still be of use.
        entry.variants.retain(|other| {
            !other.selecting.is_same(&stored.selecting)
                || other.policy.shared_with != stored.policy.shared_with
                    && other.policy.left(now).is_ok()
        });
        if VARIANTS_MAX <= entry.variants.len() {
            entry.variants.remove(0);
        }
        entry.variants.push(Arc::clone(stored));
        shard.insert(key, entry);
        drop(purges);
        true
    }

    /// Remembers that answers under a key are not stored.
    fn put_alone(&self, key: &Key, now: Moment) {
        let mut shard = self.shard(key);
        let mut entry = shard.store.peek(key).cloned().unwrap_or_default();
        if entry.variants.is_empty() {
            entry.alone_until = Some(now + ALONE_FOR);
            shard.insert(key, entry);
        }
    }

    /// Forgets what is stored for a request.
    fn forget(&self, key: &Key) {
        self.shard(key).store.remove(key);
    }

    /// Forgets what an order is for, or has it asked for again before it is used as fresh (`soft`). How many keys it was.
    ///
    /// Other gateways are told to do the same.
    pub(crate) fn purge(&self, purge: &Purge, soft: bool, now: Moment) -> usize {
        self.common.send(purge, soft);
        self.purge_here(purge, soft, now)
    }

    /// The same, in this gateway alone.
    fn purge_here(&self, purge: &Purge, soft: bool, now: Moment) -> usize {
        {
            let mut purges = lock(&self.purges);
            purges.add(purge.clone());
            self.purged.store(purges.count(), Ordering::Release);
        }
        let change = |entry: &Entry| {
            if !entry.variants.iter().any(|stored| purge.takes(&stored.place)) {
                return Change::Keep;
            }
            if !soft {
                return Change::Forget;
            }
            let variants = entry.variants.iter().map(|stored| {
                let is_meant = purge.takes(&stored.place);
                if is_meant { Arc::new(stored.expired(now)) } else { Arc::clone(stored) }
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
    pub(crate) fn top(&self, max: usize) -> Vec<String> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let hottest = shard.store.hottest(max).into_iter().filter_map(|(heat, entry)| {
                let place = &entry.variants.last()?.place;
                Some((heat, format!("http://{}{}", place.host, place.target)))
            });
            all.extend(hottest.filter(|(_, url)| !url.starts_with("http:///")));
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
    pub(crate) fn size(&self) -> StoreSize {
        let mut all = StoreSize::default();
        for shard in &self.shards {
            let size = lock(shard).store.size();
            all.entries += size.entries;
            all.bytes += size.bytes;
            all.evictions += size.evictions;
        }
        all
    }

    /// The number of purges so far.
    fn purged(&self) -> u64 {
        self.purged.load(Ordering::Acquire)
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        // The low bits choose a bucket within: the high ones a shard.
        let place = (u128::from(key.hash) * self.shards.len() as u128) >> 64;
        lock(&self.shards[usize::try_from(place).unwrap_or(0)])
    }
}

/// What was found for a request.
#[derive(Debug, Default)]
struct InStore {
    stored: Option<Arc<Stored>>,
    /// Whether answers for other headers are stored.
    others: bool,
    alone: bool,
    together: bool,
    variant: u64,
}

impl Shard {
    fn insert(&mut self, key: &Key, entry: Entry) {
        /// Of the key, the entry and their places.
        const FIXED: u64 = 256;
        let variants: u64 = entry.variants.iter().map(|stored| stored.bytes()).sum();
        let mut marks: Vec<u64> =
            entry.variants.iter().flat_map(|stored| stored.place.marks()).collect();
        marks.sort_unstable();
        marks.dedup();
        let bytes = FIXED + 2 * key.bytes.len() as u64 + variants;
        self.store.insert(key.clone(), entry, bytes, marks);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn host_of(authority: &str) -> String {
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    if is_port { host.to_ascii_lowercase() } else { authority.to_ascii_lowercase() }
}

/// Whether a client may only have what is stored.
fn only_stored(rule: &CacheRule, control: &Control) -> bool {
    control.only_if_cached && rule.clients == cache::Clients::Obey
}
