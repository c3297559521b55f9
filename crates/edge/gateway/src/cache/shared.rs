//! Answers that gateways share through Redis: looked for before a member is asked, asked for by one gateway while the others
//! wait, and forgotten by all when one is told to.
//!
//! Whoever asks a member holds a lock that ends by itself; whoever waits looks again and again, for a bounded time, and
//! asks for itself when Redis is away. With each look come the orders to forget that were given since the last one,
//! so that what another gateway had forgotten a moment ago is not found again.

pub(crate) mod listen;
mod lock;
mod look;
mod put;

use std::{
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use http::HeaderMap;
use tokio::sync::Notify;
use traffic::cache::{Asked, CacheRule, Judged, OrderId, Orders, Purge, Sent, Stored, judge};

use self::{
    lock::Lock,
    look::{Flight, Waited},
};
use super::{Ask, Cache, lock};
use crate::{clock, redis::Redis};

/// What all threads know of orders.
#[derive(Debug)]
pub(crate) struct Common {
    orders: Mutex<Orders>,
    /// Whether answers are shared at all.
    is_on: AtomicBool,
    /// Whether it is known what others ordered before this gateway began.
    is_caught_up: AtomicBool,
    /// By which this gateway's orders are known again.
    nonce: AtomicU64,
    /// Somebody gave an order.
    pub(super) sent: Notify,
}

/// Orders that come with one look; with more it is looked again.
const ORDERS_MAX: usize = 512;

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

impl Common {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            orders: Mutex::default(),
            is_on: AtomicBool::new(false),
            is_caught_up: AtomicBool::new(false),
            // They rise: far from where they would begin anew.
            nonce: AtomicU64::new(seed >> 1),
            sent: Notify::new(),
        }
    }

    /// Whether answers are shared from now on.
    pub(crate) fn turn(&self, is_on: bool) {
        self.is_on.store(is_on, Ordering::Relaxed);
    }

    /// Whether others may have ordered something before this gateway began that it has not heard of.
    pub(super) fn is_behind(&self) -> bool {
        self.is_on.load(Ordering::Relaxed) && !self.is_caught_up.load(Ordering::Acquire)
    }

    /// Tells other gateways to forget as well.
    pub(super) fn send(&self, purge: &Purge, soft: bool) {
        if !self.is_on.load(Ordering::Relaxed) {
            return;
        }
        let mut orders = lock(&self.orders);
        // Numbered while nobody else can be: who tells of them goes on from the last number.
        let nonce = self.nonce.fetch_add(1, Ordering::Relaxed);
        orders.send(Sent { nonce, purge: purge.clone(), soft });
        drop(orders);
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

fn lock_orders(cache: &Cache) -> std::sync::MutexGuard<'_, Orders> {
    lock(&cache.common.orders)
}
