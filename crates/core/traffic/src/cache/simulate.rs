//! A cache over made-up or recorded requests, with the decisions of the real one: how many of them it would answer.
//!
//! Same requests, same outcome: chance is from the seed. What is not simulated is how bodies are sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use http::{HeaderMap, Method, StatusCode};
use model::Moment;

use super::{
    control::Control,
    judge::{Judged, judge},
    key::{Asker, Key, hash},
    policy::{Policy, Received, policy},
    rule::CacheRule,
    store::Store,
};
use crate::Dice;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A request comes.
    Ask {
        /// What it asks for: requests of the same number have the same answer.
        key: u64,
        /// Bytes of the answer.
        bytes: u64,
        /// How long the service takes.
        took: Duration,
        /// How long the answer is fresh by what it says itself, instead of as the rule has it; zero if it is not to be
        /// stored, so that nobody waits for it either.
        lives: Option<Duration>,
    },
    /// What a key stands for changes, and is forgotten.
    Change {
        /// Which.
        key: u64,
    },
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Requests that came.
    pub requests: u64,
    /// Answered out of the cache.
    pub hits: u64,
    /// Of these: stale, while it was asked for.
    pub stale: u64,
    /// Answered together with one that was under way.
    pub coalesced: u64,
    /// Requests that the service answered.
    pub upstream: u64,
    /// Entries that were pushed out.
    pub evictions: u64,
    /// The most bytes at once.
    pub bytes_max: u64,
    /// Time that requests did not have to wait.
    pub saved: Duration,
    /// Time that requests waited, all together.
    pub waited: Duration,
}

impl Outcome {
    /// The share of requests that the service did not have to answer.
    #[must_use]
    pub fn spared(&self) -> f64 {
        share(self.requests.saturating_sub(self.upstream), self.requests)
    }

    /// The share of requests that were answered out of the cache, without any wait.
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        share(self.hits, self.requests)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of counts, for people")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// A request to the service that is under way.
#[derive(Debug, Clone, Copy)]
struct Flight {
    asked_at: Moment,
    done_at: Moment,
    bytes: u64,
    /// How long the answer is fresh by what it says itself.
    lives: Option<Duration>,
    /// Whether what it stands for changed meanwhile.
    outdated: bool,
}

/// What the service answers.
#[derive(Debug, Clone, Copy)]
struct Answer {
    bytes: u64,
    took: Duration,
    lives: Option<Duration>,
}

struct Simulation<'a> {
    rule: &'a CacheRule,
    store: Store<(Policy, u64)>,
    flights: BTreeMap<u64, Flight>,
    /// When each of them is done.
    due: BTreeSet<(Moment, u64)>,
    dice: Dice,
    outcome: Outcome,
}

/// A cache of `bytes_max` over events, in the order of time.
pub fn simulate(
    rule: &CacheRule,
    bytes_max: u64,
    seed: u64,
    events: impl IntoIterator<Item = (Moment, Event)>,
) -> Outcome {
    let mut simulation = Simulation {
        rule,
        store: Store::new(bytes_max),
        flights: BTreeMap::new(),
        due: BTreeSet::new(),
        dice: Dice::new(seed),
        outcome: Outcome::default(),
    };
    for (now, event) in events {
        simulation.land(now);
        match event {
            Event::Ask { key, bytes, took, lives } => {
                simulation.ask(key, Answer { bytes, took, lives }, now);
            }
            Event::Change { key } => {
                simulation.store.remove(&key_of(key));
                if let Some(flight) = simulation.flights.get_mut(&key) {
                    flight.outdated = true;
                }
            }
        }
    }
    simulation.outcome.evictions = simulation.store.size().evictions;
    simulation.outcome
}

/// Outcomes of the same requests for caches of several sizes: a miss ratio curve.
pub fn curve<I>(
    rule: &CacheRule,
    sizes: &[u64],
    seed: u64,
    events: impl Fn() -> I,
) -> Vec<(u64, Outcome)>
where
    I: IntoIterator<Item = (Moment, Event)>,
{
    sizes.iter().map(|size| (*size, simulate(rule, *size, seed, events()))).collect()
}

fn key_of(number: u64) -> Key {
    let bytes = number.to_le_bytes().to_vec();
    Key { hash: hash(0, &bytes), bytes }
}

impl Simulation<'_> {
    fn ask(&mut self, number: u64, answer: Answer, now: Moment) {
        let took = answer.took;
        self.outcome.requests += 1;
        if answer.lives == Some(Duration::ZERO) {
            self.outcome.upstream += 1;
            self.outcome.waited += took;
            return;
        }
        let chance = self.dice.share();
        let early = (self.rule.early, chance);
        let stored = self.store.get(&key_of(number)).map(|(policy, took)| {
            let judged = judge(policy, &Control::default(), self.rule.clients, early, now);
            (judged, Duration::from_nanos(*took))
        });
        match stored {
            Some((Judged::Fresh | Judged::StaleAllowed, would)) => self.hit(would),
            Some((Judged::FreshButSoon, would)) => {
                self.hit(would);
                self.fetch(number, answer, now);
            }
            Some((Judged::StaleMeanwhile, would)) => {
                self.hit(would);
                self.outcome.stale += 1;
                self.fetch(number, answer, now);
            }
            Some((Judged::Stale | Judged::Wanted, _)) | None => {
                let under_way = self.flights.get(&number).filter(|flight| !flight.outdated);
                if let Some(flight) = under_way {
                    let wait = flight.done_at.since(now);
                    self.outcome.coalesced += 1;
                    self.outcome.waited += wait;
                    self.outcome.saved += took.saturating_sub(wait);
                } else {
                    self.outcome.waited += took;
                    self.fetch(number, answer, now);
                }
            }
        }
    }

    fn hit(&mut self, would: Duration) {
        self.outcome.hits += 1;
        self.outcome.saved += would;
    }

    /// Sends a request to the service, unless one is under way that nothing has outdated.
    fn fetch(&mut self, number: u64, answer: Answer, now: Moment) {
        if self.flights.get(&number).is_some_and(|flight| !flight.outdated) {
            return;
        }
        self.outcome.upstream += 1;
        let Answer { bytes, took, lives } = answer;
        let flight = Flight { asked_at: now, done_at: now + took, bytes, lives, outdated: false };
        if let Some(outdated) = self.flights.insert(number, flight) {
            self.due.remove(&(outdated.done_at, number));
        }
        self.due.insert((flight.done_at, number));
    }

    /// Stores the answers that came by now, in the order in which they came: what is not asked for again takes room, too.
    fn land(&mut self, now: Moment) {
        while let Some((_, number)) = self.due.first().copied().filter(|(done, _)| *done <= now) {
            self.due.pop_first();
            if let Some(flight) = self.flights.remove(&number) {
                self.keep(number, flight);
            }
        }
    }

    fn keep(&mut self, number: u64, flight: Flight) {
        if flight.outdated || self.rule.body_bytes_max < flight.bytes {
            return;
        }
        let headers = HeaderMap::new();
        let received = Received {
            method: &Method::GET,
            status: StatusCode::OK,
            headers: &headers,
            asked_at: flight.asked_at,
            received_at: flight.done_at,
            came_at: flight.done_at,
        };
        let said =
            flight.lives.map(|ttl| CacheRule { ttl: Some(ttl), over: true, ..self.rule.clone() });
        let rule = said.as_ref().unwrap_or(self.rule);
        let policy = policy(rule, Asker::default(), &Control::default(), &received);
        let Ok(policy) = policy else { return };
        let took = u64::try_from(policy.took.as_nanos()).unwrap_or(u64::MAX);
        self.store.insert(key_of(number), (policy, took), flight.bytes, Vec::new());
        self.outcome.bytes_max = self.outcome.bytes_max.max(self.store.size().bytes);
    }
}
