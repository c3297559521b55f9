//! Looking for an answer in Redis, until it is there or this gateway is to ask for it.

use std::{
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ::redis::{Value, pipe};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};
use traffic::cache::{CacheRule, Judged, OrderId, Stored, judge, selecting, unpacked};

use super::{
    super::{Ask, Cache},
    ALONE, ANSWER, ORDERS_MAX, VARY, listen,
    lock::{LOCK_TIME, Lock},
    lock_orders,
};
use crate::{
    clock,
    redis::{NoAnswer, Redis},
};

/// The longest that a request waits for another gateway; then it asks for itself.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Between two looks: at first, and at most.
const LOOK_PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(50));

/// By so much younger than what is here it is another answer: times there are of whole milliseconds.
const YOUNGER_MIN: Duration = Duration::from_millis(50);

/// One look.
#[derive(Debug, Default)]
struct Look {
    found: Option<Stored>,
    alone: bool,
    locked: bool,
}

/// What came of waiting.
pub(super) enum Waited {
    Found(Stored),
    Leads(Lock, Option<Stored>),
}

/// What is looked for.
pub(super) struct Flight<'a> {
    pub(super) cache: &'a Arc<Cache>,
    pub(super) redis: &'a Rc<Redis>,
    pub(super) rule: &'a CacheRule,
    pub(super) ask: &'a Ask,
    pub(super) asked: &'a HeaderMap,
}

impl Flight<'_> {
    pub(super) fn key(&self) -> String {
        self.redis.key(&["cache", &digest(&[&self.ask.key.bytes])])
    }

    /// Waits until it is there, or this gateway is to ask; `None` if it cannot be told.
    pub(super) async fn wait(&self, key: &str) -> Option<Waited> {
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

fn digest(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    let digest = digest.finalize();
    digest.iter().fold(String::with_capacity(64), |text, byte| format!("{text}{byte:02x}"))
}
