//! Putting an answer where other gateways find it.

use std::{sync::Arc, time::Duration};

use ::redis::pipe;
use http::HeaderMap;
use model::Moment;
use tokio::time::sleep;
use traffic::cache::{Asked, CacheRule, OrderId, Stored, packed};

use super::{super::Cache, ALONE, ANSWER, Together, VARY, lock_orders};
use crate::{clock, redis::NoAnswer};

/// For how long it is known that answers under a key are not shared.
const ALONE_FOR: Duration = Duration::from_secs(10);

/// Nothing is kept there for longer.
const KEPT_MAX: Duration = Duration::from_hours(24);

/// Larger bodies are not shared: Redis does one thing at a time, and whoever looks waits for all of it.
const BODY_BYTES_MAX: usize = 1 << 20;

const PUT: &str = include_str!("put.lua");

impl Together {
    /// Puts an answer where others find it, and lets them.
    pub(in super::super) fn put(self, rule: &CacheRule, stored: &Arc<Stored>, asked: &HeaderMap) {
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
            // Nobody could tell whether it is old: then it is of no use to anybody.
            let Some(after) = settled(&cache, asked).await else { return drop(lock) };
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
    pub(in super::super) fn put_alone(self) {
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

/// The latest order that something came after, once this gateway's own have numbers; `None` if they began anew meanwhile.
async fn settled(cache: &Cache, asked: Asked) -> Option<OrderId> {
    /// Longer than an order takes there and back; without a number what is put is old, and nothing worse.
    const TRIES_MAX: u32 = 50;
    for _ in 0..TRIES_MAX {
        let (goes_on, number) = {
            let orders = lock_orders(cache);
            (orders.goes_on(asked), orders.number_of(asked))
        };
        if !goes_on || number.is_some() {
            return number.filter(|_| goes_on);
        }
        sleep(Duration::from_millis(2)).await;
    }
    Some(OrderId::default())
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
