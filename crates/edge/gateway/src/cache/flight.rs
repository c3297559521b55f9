//! One request for many: who asks for the same as somebody else waits for that answer.

use std::sync::{Arc, Mutex, atomic::Ordering};

use http::StatusCode;
use tokio::sync::Notify;
use traffic::cache::{Place, Stored};

use super::{Ask, Cache, filling::Filling, lock};
use crate::answer::Refusal;

/// A request that is under way.
#[derive(Debug)]
pub(super) struct Flight {
    key: Vec<u8>,
    hash: u64,
    place: Place,
    /// How many purges there had been when it began.
    pub(super) began: u64,
    stage: Mutex<Stage>,
    changed: Notify,
}

/// How far it is.
#[derive(Debug, Clone, Default)]
pub(super) enum Stage {
    /// Nothing has come.
    #[default]
    Asked,
    /// An answer comes that is stored, and whose length is known.
    Filling(Arc<Filling>),
    /// It is there.
    Stored(Arc<Stored>),
    /// It is not for others: everybody asks alone.
    Alone,
    /// Nobody can be asked, or the service answers with this status.
    Failed(Refusal, Option<StatusCode>),
}

/// What came of joining.
#[derive(Debug)]
pub(super) enum Joined {
    /// This one asks.
    Leads(Flying),
    /// Somebody else does.
    Follows(Arc<Flight>, Waiting),
    /// There are too many who wait.
    Full,
}

/// Counts who waits, until it is dropped.
#[derive(Debug)]
pub(super) struct Waiting(Arc<Cache>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiters.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request that this one leads: whatever happens, those who wait are told.
#[derive(Debug)]
pub(super) struct Flying {
    pub(super) cache: Arc<Cache>,
    /// `None` where nobody may wait for it.
    flight: Option<Arc<Flight>>,
    pub(super) began: u64,
}

impl Cache {
    /// Waits for what somebody else has asked for, or asks for it.
    pub(super) fn join(self: &Arc<Self>, ask: &Ask) -> Joined {
        if !ask.together {
            return Joined::Leads(self.alone());
        }
        let mut key = ask.key.bytes.clone();
        key.extend_from_slice(&ask.credentials.0.to_le_bytes());
        key.extend_from_slice(&ask.variant.to_le_bytes());
        let under_way = self.memory.shard(ask.key.hash).flights.get(&key).cloned();
        // What was asked for before it changed is not what is wanted now.
        let under_way = under_way.filter(|flight| {
            let known = ask.stale.as_ref().map(|stored| &stored.place);
            self.purged() == flight.began || {
                let purges = lock(&self.purges);
                match known {
                    Some(place) => !purges.outdates(flight.began, place),
                    None => !purges.may_outdate(flight.began, &flight.place),
                }
            }
        });
        let began = self.purged();
        let mut shard = self.memory.shard(ask.key.hash);
        match shard.flights.get(&key) {
            // Another one, begun in the meantime, is as good.
            Some(flight)
                if flight.began == began
                    || under_way.is_some_and(|known| Arc::ptr_eq(flight, &known)) =>
            {
                if self.settings.waiters_max <= self.waiters.fetch_add(1, Ordering::Relaxed) {
                    self.waiters.fetch_sub(1, Ordering::Relaxed);
                    return Joined::Full;
                }
                Joined::Follows(Arc::clone(flight), Waiting(Arc::clone(self)))
            }
            _ => {
                let flight = Arc::new(Flight {
                    key: key.clone(),
                    hash: ask.key.hash,
                    place: ask.place.clone(),
                    began,
                    stage: Mutex::default(),
                    changed: Notify::new(),
                });
                shard.flights.insert(key, Arc::clone(&flight));
                Joined::Leads(Flying { cache: Arc::clone(self), flight: Some(flight), began })
            }
        }
    }

    /// A request that nobody waits for.
    pub(super) fn alone(self: &Arc<Self>) -> Flying {
        Flying { cache: Arc::clone(self), flight: None, began: self.purged() }
    }
}

impl Flight {
    /// Waits until there is something to be had.
    pub(super) async fn wait(&self) -> Stage {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            let stage = lock(&self.stage).clone();
            if !matches!(stage, Stage::Asked) {
                return stage;
            }
            changed.await;
        }
    }
}

impl Flying {
    /// Tells those who wait how far it is.
    pub(super) fn tell(&self, stage: Stage) {
        let Some(flight) = &self.flight else { return };
        *lock(&flight.stage) = stage;
        flight.changed.notify_waiters();
    }

    /// Tells them, and that it has landed: who comes later looks at the store.
    pub(super) fn land(&mut self, stage: Stage) {
        self.tell(stage);
        self.leave();
    }

    fn leave(&mut self) {
        let Some(flight) = self.flight.take() else { return };
        let mut shard = self.cache.memory.shard(flight.hash);
        if shard.flights.get(&flight.key).is_some_and(|known| Arc::ptr_eq(known, &flight)) {
            shard.flights.remove(&flight.key);
        }
    }
}

impl Drop for Flying {
    fn drop(&mut self) {
        if let Some(flight) = &self.flight {
            let unfinished = matches!(*lock(&flight.stage), Stage::Asked | Stage::Filling(_));
            if unfinished {
                self.tell(Stage::Alone);
            }
        }
        self.leave();
    }
}

impl Cache {
    /// How many wait for what somebody else asked for.
    pub(crate) fn waiting(&self) -> usize {
        self.waiters.load(Ordering::Relaxed)
    }
}
