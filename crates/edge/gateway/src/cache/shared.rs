//! Answers that gateways share through Redis: looked for before a member is asked, asked for by one gateway while the others
//! wait, and forgotten by all when one is told to.
//!
//! Whoever asks a member holds a lock that ends by itself; whoever waits looks again and again, for a bounded time, and
//! asks for itself when Redis is away. With each look come the orders to forget that were given since the last one,
//! so that what another gateway had forgotten a moment ago is not found again.

pub(crate) mod listen;

use std::{
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use ::redis::{Value, pipe};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use model::Moment;
use sha2::{Digest as _, Sha256};
use tokio::{
    sync::Notify,
    task::AbortHandle,
    time::{Instant, sleep},
};
use traffic::cache::{
    Asked, CacheRule, Judged, OrderId, Orders, Purge, Sent, Stored, judge, packed, selecting,
    unpacked,
};

use super::{Ask, Cache, lock};
use crate::{
    clock,
    redis::{NoAnswer, Redis},
};

/// What all threads know of orders.
#[derive(Debug)]
pub(crate) struct Common {
    orders: Mutex<Orders>,
    /// Whether answers are shared at all.
    is_on: AtomicBool,
    /// By which this gateway's orders are known again.
    nonce: AtomicU64,
    /// Somebody gave an order.
    pub(super) sent: Notify,
}

/// A lock lasts for so long, unless it is held on to: then its gateway is gone.
const LOCK_TIME: Duration = Duration::from_secs(3);

/// How often it is held on to.
const HOLD_INTERVAL: Duration = Duration::from_secs(1);

/// The longest that a request waits for another gateway; then it asks for itself.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Between two looks: at first, and at most.
const LOOK_PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(50));

/// For how long it is known that answers under a key are not shared.
const ALONE_FOR: Duration = Duration::from_secs(10);

/// Nothing is kept there for longer.
const KEPT_MAX: Duration = Duration::from_hours(24);

/// Larger bodies are not shared: Redis does one thing at a time, and whoever looks waits for all of it.
const BODY_BYTES_MAX: usize = 1 << 20;

/// By so much younger than what is here it is another answer: times there are of whole milliseconds.
const YOUNGER_MIN: Duration = Duration::from_millis(50);

/// Orders that come with one look; with more it is looked again.
const ORDERS_MAX: usize = 512;

const PUT: &str = include_str!("shared/put.lua");
const UNLOCK: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";
const HOLD: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0";

/// What begins a value: an answer, names of headers that tell answers apart, or that nothing is shared.
const ANSWER: u8 = b'A';
const VARY: u8 = b'V';
const ALONE: u8 = b'N';

/// A member is asked, and other gateways wait.
#[derive(Debug)]
pub(super) struct Together {
    redis: Rc<Redis>,
    /// The key that answers are under.
    key: String,
    lock: Option<Lock>,
    /// Which orders there were when it was asked for.
    asked: Asked,
    cache: Arc<Cache>,
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
struct Lock {
    redis: Rc<Redis>,
    key: String,
    token: String,
    holding: AbortHandle,
}

/// What came of looking.
#[derive(Debug)]
pub(super) enum Begun {
    /// Nothing is shared here.
    Alone,
    /// It is there.
    Found(Arc<Stored>),
    /// This gateway asks; what is there may be asked about.
    Leads(Together, Option<Arc<Stored>>),
}

/// One look.
#[derive(Debug, Default)]
struct Look {
    found: Option<Stored>,
    alone: bool,
    locked: bool,
}

impl Common {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            orders: Mutex::default(),
            is_on: AtomicBool::new(false),
            // They rise: far from where they would begin anew.
            nonce: AtomicU64::new(seed >> 1),
            sent: Notify::new(),
        }
    }

    /// Whether answers are shared from now on.
    pub(crate) fn turn(&self, is_on: bool) {
        self.is_on.store(is_on, Ordering::Relaxed);
    }

    /// Tells other gateways to forget as well.
    pub(super) fn send(&self, purge: &Purge, soft: bool) {
        if !self.is_on.load(Ordering::Relaxed) {
            return;
        }
        let nonce = self.nonce.fetch_add(1, Ordering::Relaxed);
        lock(&self.orders).send(Sent { nonce, purge: purge.clone(), soft });
        self.sent.notify_one();
    }

    fn heard(&self) -> OrderId {
        lock(&self.orders).heard()
    }
}

/// Looks for an answer, and where there is none decides which gateway asks.
pub(super) async fn begin(
    cache: &Arc<Cache>,
    redis: Option<&Rc<Redis>>,
    (rule, ask): (&CacheRule, &Ask),
    asked: &HeaderMap,
) -> Begun {
    let Some(redis) = redis.filter(|redis| rule.shared && ask.together && redis.is_up()) else {
        return Begun::Alone;
    };
    let flight = Flight { cache, redis, rule, ask, asked };
    let key = flight.key();
    let together = |lock| Together {
        redis: Rc::clone(redis),
        key: key.clone(),
        lock,
        asked: lock_orders(cache).asked(),
        cache: Arc::clone(cache),
    };
    // Who wants it anew gets it anew.
    let wants = ask
        .stale
        .as_ref()
        .map(|stored| judge(&stored.policy, &ask.control, rule.clients, (0.0, 0.0), clock::now()));
    if wants == Some(Judged::Wanted) {
        return Begun::Leads(together(None), None);
    }
    match Box::pin(flight.wait(&key)).await {
        None => Begun::Alone,
        Some(Waited::Found(stored)) => Begun::Found(Arc::new(stored)),
        Some(Waited::Leads(lock, stale)) => Begun::Leads(together(Some(lock)), stale.map(Arc::new)),
    }
}

/// What came of waiting.
enum Waited {
    Found(Stored),
    Leads(Lock, Option<Stored>),
}

/// What is looked for.
struct Flight<'a> {
    cache: &'a Arc<Cache>,
    redis: &'a Rc<Redis>,
    rule: &'a CacheRule,
    ask: &'a Ask,
    asked: &'a HeaderMap,
}

impl Flight<'_> {
    fn key(&self) -> String {
        self.redis.key(&["cache", &digest(&[&self.ask.key.bytes])])
    }

    /// Waits until it is there, or this gateway is to ask; `None` if it cannot be told.
    async fn wait(&self, key: &str) -> Option<Waited> {
        let ask = self.ask;
        let parts: [&[u8]; 3] =
            [&ask.key.bytes, &ask.credentials.0.to_le_bytes(), &ask.variant.to_le_bytes()];
        let lock_key = self.redis.key(&["lock", &digest(&parts)]);
        let nonce = self.cache.common.nonce.fetch_add(1, Ordering::Relaxed);
        let token = format!("{:x}-{nonce:x}", self.cache.seed);
        let until = Instant::now() + WAIT_MAX;
        let (mut pause, pause_max) = LOOK_PAUSES;
        let mut wants_lock = None;
        loop {
            let look = self.look(key, wants_lock).await.ok()?;
            let lock = look.locked.then(|| Lock::new(self.redis, &lock_key, &token));
            match look.found {
                Some(stored) if self.is_answer(&stored) => return Some(Waited::Found(stored)),
                found if lock.is_some() => {
                    let stale = found.filter(|_| ask.stale.is_none());
                    return lock.map(|lock| Waited::Leads(lock, stale));
                }
                _ if look.alone || until < Instant::now() => return None,
                _ => {}
            }
            if wants_lock.is_some() {
                sleep(pause).await;
                pause = (pause * 2).min(pause_max);
            }
            wants_lock = Some((&*lock_key, &*token));
        }
    }

    /// Looks once, and takes the lock if it is wanted and free.
    async fn look(&self, key: &str, lock: Option<(&str, &str)>) -> Result<Look, NoAnswer> {
        let mut look = Look::default();
        let (first, locked) = self.get(key, lock).await?;
        look.locked = locked;
        let Some((value, left)) = first else { return Ok(look) };
        match value.first() {
            Some(&ANSWER) => look.found = self.read(&value, left),
            Some(&ALONE) => look.alone = true,
            Some(&VARY) => {
                if let Some(number) = self.variant(&value) {
                    let key = format!("{key}:{number:x}");
                    let (second, _) = self.get(&key, None).await?;
                    look.found = second.and_then(|(value, left)| self.read(&value, left));
                }
            }
            _ => {}
        }
        Ok(look)
    }

    /// What is under a key, and how long it still is; and whether the lock is taken. Hears of orders meanwhile.
    async fn get(
        &self,
        key: &str,
        lock: Option<(&str, &str)>,
    ) -> Result<(Option<(Bytes, Duration)>, bool), NoAnswer> {
        let mut asked = pipe();
        if let Some((lock, token)) = lock {
            // Before it is looked: what its last holder put there is seen then.
            let millis = LOCK_TIME.as_millis().to_string();
            asked.cmd("SET").arg(lock).arg(token).arg("NX").arg("PX").arg(millis);
        }
        asked.cmd("GET").arg(key).cmd("PTTL").arg(key);
        listen::since(&mut asked, self.redis, self.cache.common.heard());
        let mut answers: Vec<Value> = self.redis.ask(&asked).await?;
        let orders = answers.pop().unwrap_or(Value::Nil);
        listen::hear(self.cache, &orders);
        let left = match answers.pop() {
            Some(Value::Int(millis)) => Duration::from_millis(u64::try_from(millis).unwrap_or(0)),
            _ => Duration::ZERO,
        };
        let value = match answers.pop() {
            Some(Value::BulkString(value)) => Some((Bytes::from(value), left)),
            _ => None,
        };
        let locked = matches!(answers.pop(), Some(Value::Okay));
        // More orders than come at once: what is found may be old.
        let is_all = listen::count(&orders) < ORDERS_MAX;
        Ok((value.filter(|_| is_all), locked))
    }

    /// The answer, unless it is damaged, old or for others.
    fn read(&self, value: &Bytes, left: Duration) -> Option<Stored> {
        let rest = value.get(1..)?;
        let (millis, rest) = rest.split_first_chunk::<8>()?;
        let (count, rest) = rest.split_first_chunk::<8>()?;
        let (kept, rest) = rest.split_first_chunk::<8>()?;
        let asked_at =
            OrderId { millis: u64::from_le_bytes(*millis), count: u64::from_le_bytes(*count) };
        let kept = Duration::from_millis(u64::from_le_bytes(*kept));
        let stored = unpacked(&value.slice_ref(rest), kept.saturating_sub(left), clock::now())?;
        let is_old = lock_orders(self.cache).outdates(asked_at, &stored.place);
        let fits = stored.policy.is_for(self.ask.asker) && stored.selecting.takes(self.asked);
        (fits && !is_old).then_some(stored)
    }

    /// Whether what is there is an answer: fresh, and not the one that is here already.
    fn is_answer(&self, stored: &Stored) -> bool {
        let now = clock::now();
        let (clients, control) = (self.rule.clients, &self.ask.control);
        let judged = judge(&stored.policy, control, clients, (0.0, 0.0), now);
        let is_news = self
            .ask
            .stale
            .as_ref()
            .is_none_or(|here| stored.policy.age(now) + YOUNGER_MIN < here.policy.age(now));
        is_news && matches!(judged, Judged::Fresh | Judged::StaleAllowed)
    }

    /// The number of the request among those that answers were told apart by.
    fn variant(&self, value: &[u8]) -> Option<u64> {
        let mut vary = HeaderMap::new();
        vary.insert(header::VARY, HeaderValue::from_bytes(value.get(1..)?).ok()?);
        Some(selecting(&vary, self.asked)?.number(self.asked))
    }
}

impl Together {
    /// Puts an answer where others find it, and lets them.
    pub(super) fn put(self, rule: &CacheRule, stored: &Arc<Stored>, asked: &HeaderMap) {
        let (now, bytes_max) = (clock::now(), self.redis.settings.cache_bytes_max);
        let Some(kept) = kept(stored, now).filter(|_| rule.shared) else { return };
        if BODY_BYTES_MAX < stored.body.len() {
            return self.put_alone();
        }
        let millis = u64::try_from(kept.as_millis()).unwrap_or(u64::MAX);
        let names: Vec<&str> = stored.selecting.names().map(http::HeaderName::as_str).collect();
        let vary = [&[VARY], names.join(", ").as_bytes()].concat();
        let number = stored.selecting.number(asked);
        let Self { redis, key, lock, asked, cache } = self;
        let stored = Arc::clone(stored);
        tokio::task::spawn_local(async move {
            let after = settled(&cache, asked).await;
            let mut value = vec![ANSWER];
            for number in [after.millis, after.count, millis] {
                value.extend_from_slice(&number.to_le_bytes());
            }
            value.extend_from_slice(&packed(&stored, now));
            let mut all = pipe();
            let mut put = |key: &str, value: &[u8]| {
                all.cmd("EVAL").arg(PUT).arg(4).arg(key);
                for name in ["cache-ends", "cache-sizes", "cache-bytes"] {
                    all.arg(redis.key(&[name]));
                }
                all.arg(value).arg(millis).arg(bytes_max).ignore();
            };
            if vary.len() == 1 {
                put(&key, &value);
            } else {
                put(&format!("{key}:{number:x}"), &value);
                put(&key, &vary);
            }
            // Where it cannot be put there others ask for themselves.
            let _put: Result<(), NoAnswer> = redis.ask(&all).await;
            drop(lock);
        });
    }

    /// Tells others that answers under this key are for who asks alone.
    pub(super) fn put_alone(self) {
        let mut asked = pipe();
        let millis = ALONE_FOR.as_millis().to_string();
        asked.cmd("SET").arg(&self.key).arg(&[ALONE]).arg("PX").arg(millis).ignore();
        let Self { redis, lock, .. } = self;
        tokio::task::spawn_local(async move {
            let _put: Result<(), NoAnswer> = redis.ask(&asked).await;
            drop(lock);
        });
    }
}

/// The latest order that something came after, once this gateway's own have numbers.
async fn settled(cache: &Cache, asked: Asked) -> OrderId {
    /// Longer than an order takes there and back; without a number what is put is old, and nothing worse.
    const TRIES_MAX: u32 = 50;
    for _ in 0..TRIES_MAX {
        let number = lock_orders(cache).number_of(asked);
        if let Some(number) = number {
            return number;
        }
        sleep(Duration::from_millis(2)).await;
    }
    OrderId::default()
}

impl Lock {
    fn new(redis: &Rc<Redis>, key: &str, token: &str) -> Self {
        let (redis, key, token) = (Rc::clone(redis), key.to_owned(), token.to_owned());
        let mut hold = pipe();
        let millis = LOCK_TIME.as_millis().to_string();
        hold.cmd("EVAL").arg(HOLD).arg(1).arg(&*key).arg(&*token).arg(millis);
        let through = Rc::clone(&redis);
        let holding = tokio::task::spawn_local(async move {
            loop {
                sleep(HOLD_INTERVAL).await;
                let held: Result<(i64,), NoAnswer> = through.ask(&hold).await;
                if matches!(held, Ok((0,))) {
                    return;
                }
            }
        });
        Self { redis, key, token, holding: holding.abort_handle() }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.holding.abort();
        // At the end of the thread there is nobody to send it; it ends by itself then.
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let mut asked = pipe();
        asked.cmd("EVAL").arg(UNLOCK).arg(1).arg(&*self.key).arg(&*self.token).ignore();
        let redis = Rc::clone(&self.redis);
        tokio::task::spawn_local(async move {
            let _unlocked: Result<(), NoAnswer> = redis.ask(&asked).await;
        });
    }
}

fn lock_orders(cache: &Cache) -> std::sync::MutexGuard<'_, Orders> {
    lock(&cache.common.orders)
}

/// For how long an answer is of any use to others; `None` if for none.
fn kept(stored: &Stored, now: Moment) -> Option<Duration> {
    let policy = &stored.policy;
    if !policy.is_shareable(now) {
        return None;
    }
    let stale =
        policy.stale_while_revalidate.max(policy.stale_if_error).max(policy.stale_when_down);
    let left = policy.left(now).unwrap_or_default();
    Some((left + stale).clamp(Duration::from_secs(1), KEPT_MAX))
}

fn digest(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    let digest = digest.finalize();
    digest.iter().fold(String::with_capacity(64), |text, byte| format!("{text}{byte:02x}"))
}
