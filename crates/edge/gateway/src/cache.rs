//! The cache: shared by all threads; what is stored is sent as it is.
//!
//! Its levels: `memory`, which all requests look at; `disk`, looked at by who asks for what is not in memory; `shared`, in
//! Redis, looked at after that. What one of them is told to forget all of them forget.
//!
//! `look` answers out of the head of a request alone, for whoever parsed it: a hit is a status, lines ready to be sent
//! and bytes that are shared, not copied. What is missing is asked for once, whoever waits for it (`flight`), by a task
//! that goes on when the client that asked first goes away (`fetch`). What is decided is decided by `traffic::cache`.

pub(crate) mod counts;
pub(crate) mod disk;
mod effect;
mod fetch;
mod filling;
mod flight;
mod head;
mod hit;
mod memory;
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

use http::{Method, StatusCode, header};
use model::Moment;
use traffic::{
    cache::{
        self, Asker, CacheRule, CacheSettings, Control, Credentials, Forwarded, Judged, Keep, Key,
        Of, Place, Purge, Purges, StoreSize, Stored, asker, judge, key_of, request_control,
    },
    fields::Fields,
};

use self::{
    disk::Disk,
    memory::{Memory, Offered},
};
use crate::answer::Refusal;

pub(crate) use self::{
    counts::CacheResult,
    effect::Effect,
    filling::Reader,
    hit::{CACHE_STATUS, Hit},
    serve::{Cached, Serving, asked, serve},
};

/// The cache.
#[derive(Debug)]
pub(crate) struct Cache {
    settings: CacheSettings,
    seed: u64,
    memory: Arc<Memory>,
    /// The level on disk, if there is one. Its lock is taken before `purges`, never after.
    pub(crate) disk: Option<Arc<Disk>>,
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

/// A request as the cache sees it, before anything about it was changed.
#[derive(Debug)]
pub(crate) struct Question<'a, F> {
    pub(crate) rule: &'a CacheRule,
    /// The name of its route.
    pub(crate) route: &'a str,
    /// How the client asks, as members are told: `http` or `https`.
    pub(crate) scheme: &'static str,
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

impl Cache {
    pub(crate) fn new(settings: CacheSettings, disk: Option<Arc<Disk>>, seed: u64) -> Self {
        let memory = Arc::new(Memory::new(settings.bytes_max));
        if let Some(disk) = &disk {
            disk.stand_behind(&memory);
        }
        Self {
            settings,
            seed,
            memory,
            disk,
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
        let Question { rule, route, scheme, authority, target, method, headers } = *question;
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
        let key = key_of(rule, route, (scheme, authority, target), headers, self.seed);
        let second = |stored: &Arc<Stored>| {
            let disk = self.disk.as_ref().filter(|_| rule.keep == Keep::Anywhere);
            disk.map_or(Offered::Refused, |disk| disk.offer(&key, stored, now))
        };
        let found = self.memory.find(&key, (headers, asker), second, now);
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
            together: stale.as_ref().is_none_or(|stored: &Arc<Stored>| {
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

    /// Stores an answer, unless what it is about was purged since it was asked for. Whether it did.
    ///
    /// What it takes the place of on disk is written anew, or forgotten there: it is older.
    fn put(
        &self,
        keep: Keep,
        (key, stored): (&Key, &Arc<Stored>),
        began: u64,
        now: Moment,
    ) -> bool {
        match &self.disk {
            Some(disk) => disk.put(keep, (key, stored), now, |again| {
                self.put_in_memory((key, stored), again, began, now)
            }),
            None => self.put_in_memory((key, stored), &mut |_| Offered::Refused, began, now),
        }
    }

    fn put_in_memory(
        &self,
        (key, stored): (&Key, &Arc<Stored>),
        again: &mut dyn FnMut(bool) -> Offered,
        began: u64,
        now: Moment,
    ) -> bool {
        let purges = lock(&self.purges);
        if purges.outdates(began, &stored.place) {
            return false;
        }
        self.memory.put(key, stored, again, now);
        drop(purges);
        true
    }

    /// Stores in memory what is on disk, unless it was purged meanwhile, or there is something younger. Whether it did.
    fn put_from_disk(&self, (key, stored): (&Key, &Arc<Stored>), began: u64, now: Moment) -> bool {
        let purges = lock(&self.purges);
        if purges.outdates(began, &stored.place) {
            return false;
        }
        let is_stored = self.memory.put_from_disk(key, stored, now);
        drop(purges);
        is_stored
    }

    /// Remembers that answers under a key are not stored.
    fn put_alone(&self, key: &Key, now: Moment) {
        self.memory.put_alone(key, now);
    }

    /// Forgets what is stored for a request.
    fn forget(&self, key: &Key, now: Moment) {
        let of = Of::Key(key.hash, key.bytes.clone(), None);
        let all = || self.memory.forget(key);
        match &self.disk {
            Some(disk) => disk.forget(of, false, now, all).1,
            None => all(),
        }
    }

    /// Forgets what an order is for, or has it asked for again before it is used as fresh (`soft`). How many keys it was.
    ///
    /// Other gateways are told to do the same.
    pub(crate) fn purge(&self, purge: &Purge, soft: bool, now: Moment) -> usize {
        self.common.send(purge, soft);
        self.purge_here(purge, soft, now)
    }

    /// The same, in this gateway alone.
    pub(crate) fn purge_here(&self, purge: &Purge, soft: bool, now: Moment) -> usize {
        let in_memory = || {
            {
                let mut purges = lock(&self.purges);
                purges.add(purge.clone());
                self.purged.store(purges.count(), Ordering::Release);
            }
            self.memory.purge(purge, soft, now)
        };
        match &self.disk {
            Some(disk) => {
                let (on_disk, kept) = disk.forget(Of::Order(purge.clone()), soft, now, in_memory);
                // What is in both is one: as many as there are at least.
                on_disk.max(kept)
            }
            None => in_memory(),
        }
    }

    /// URLs of what is asked for most, the most first; of answers that are for everybody.
    pub(crate) fn top(&self, max: usize, is_for_all: impl Fn(&str) -> bool) -> Vec<String> {
        self.memory.top(max, is_for_all)
    }

    /// How full memory is.
    pub(crate) fn size(&self) -> StoreSize {
        self.memory.size()
    }

    /// How much of it is whose, by the names of routes.
    pub(crate) fn size_of_routes(&self) -> BTreeMap<String, StoreSize> {
        self.memory.size_of_routes()
    }

    /// The number of purges so far.
    fn purged(&self) -> u64 {
        self.purged.load(Ordering::Acquire)
    }
}

/// Answers that are looked at while something is locked that requests wait for.
const AT_ONCE: usize = 1_024;

/// Lets others have what is to be locked again: who does so at once is before those who are woken for it.
fn give_way() {
    std::thread::sleep(Duration::from_micros(50));
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

/// What such a client is told of what is not.
fn only_if_cached() -> Refusal {
    const DETAIL: &str = "The answer is not stored, and the request wants no other.";
    Refusal::new(StatusCode::GATEWAY_TIMEOUT, "only-if-cached", DETAIL)
}
