//! Who waited for whom: waits for locks as chains of statements, from the one that held to the one that waited.
//!
//! The log names the processes that hold a lock. What a process runs, or ran last in its transaction, is told by its
//! own entries: those before the wait, and the one that tells the time of a statement which ran through it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::parts::{more, nanos};

/// Chains that are told apart; those beyond are not kept.
const CHAINS_MAX: usize = 500;
/// Sessions from the first holder to a waiter; longer queues are cut at the holder's end.
const LENGTH_MAX: usize = 5;
/// Sessions that are followed, and waits that are open: more than a server has.
const SESSIONS_MAX: usize = 10_000;

/// Waits of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockChain {
    /// `ShareLock on transaction`
    pub what: String,
    /// Statements, the holder's first, that of the waiter last; 0 where the log does not tell it.
    pub fingerprints: Vec<u64>,
    /// How often.
    pub waits: u64,
    /// Time waited in all.
    pub total_nanos: u64,
    /// The longest wait.
    pub longest_nanos: u64,
    /// When the last one was logged, in nanoseconds since 1970 on the log's clock.
    pub last_nanos: Option<i64>,
}

impl LockChain {
    fn merge(&mut self, other: &Self) {
        more(&mut self.waits, other.waits);
        more(&mut self.total_nanos, other.total_nanos);
        self.longest_nanos = self.longest_nanos.max(other.longest_nanos);
        self.last_nanos = self.last_nanos.max(other.last_nanos);
    }
}

/// All chains, and what is needed to tell the next one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Chains {
    known: BTreeMap<String, LockChain>,
    /// The last statement of each process.
    #[serde(skip)]
    last: BTreeMap<u32, u64>,
    /// Processes that wait.
    #[serde(skip)]
    open: BTreeMap<u32, Waiter>,
    /// Processes for which somebody waits.
    #[serde(skip)]
    holders: BTreeSet<u32>,
    /// Waits that are over whose holder's statement is not told yet.
    #[serde(skip)]
    untold: Vec<Untold>,
}

/// What an entry says of a wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    /// Who waits.
    pub(super) pid: Option<u32>,
    /// The statement of the waiter; 0 if it is not told.
    pub(super) fingerprint: u64,
    /// When the entry was written.
    pub(super) at_nanos: Option<i64>,
    /// How long it waits by then.
    pub(super) after: Duration,
}

#[derive(Debug, Clone)]
struct Waiter {
    fingerprint: u64,
    /// Who was waited for, the nearest last, with their statements as far as they were known.
    behind: Vec<(u32, u64)>,
    since_nanos: Option<i64>,
}

#[derive(Debug, Clone)]
struct Untold {
    holder: u32,
    since_nanos: Option<i64>,
    chain: LockChain,
}

impl Chains {
    /// A process ran a statement.
    pub(super) fn ran(
        &mut self,
        pid: Option<u32>,
        fingerprint: u64,
        at_nanos: Option<i64>,
        took: Duration,
    ) {
        let Some(pid) = pid else { return };
        if let Some(last) = self.last.get_mut(&pid) {
            *last = fingerprint;
        } else {
            if SESSIONS_MAX <= self.last.len() {
                self.last.pop_first();
            }
            self.last.insert(pid, fingerprint);
        }
        if self.holders.contains(&pid) {
            self.told(pid, fingerprint, at_nanos, took);
        }
    }

    /// A holder's statement is over: if it ran when others began to wait, it is what they waited for.
    fn told(&mut self, pid: u32, fingerprint: u64, at_nanos: Option<i64>, took: Duration) {
        let took = i64::try_from(took.as_nanos()).unwrap_or(i64::MAX);
        let began = at_nanos.map(|at| at.saturating_sub(took));
        let through =
            |since: Option<i64>| began.zip(since).is_some_and(|(began, since)| began <= since);
        for waiter in self.open.values_mut() {
            let since = waiter.since_nanos;
            for (holder, known) in &mut waiter.behind {
                if *holder == pid && through(since) {
                    *known = fingerprint;
                }
            }
        }
        let waits = std::mem::take(&mut self.untold);
        for mut one in waits {
            if one.holder != pid {
                self.untold.push(one);
                continue;
            }
            if let Some(first) = one.chain.fingerprints.first_mut()
                && (*first == 0 || through(one.since_nanos))
            {
                *first = fingerprint;
            }
            self.keep(&one.chain);
        }
        self.holders = self
            .open
            .values()
            .flat_map(|waiter| waiter.behind.iter().map(|(pid, _)| *pid))
            .chain(self.untold.iter().map(|one| one.holder))
            .collect();
    }

    /// A process waits, and `detail` says for whom.
    pub(super) fn waits(&mut self, wait: Wait, detail: &str) {
        let Wait { pid, fingerprint, at_nanos, after } = wait;
        let (Some(pid), Some(holder)) = (pid, holder(detail)) else { return };
        if SESSIONS_MAX <= self.open.len() {
            self.open.pop_first();
        }
        let mut behind = match self.open.get(&holder) {
            Some(next) => next.behind.clone(),
            None => Vec::new(),
        };
        let known = self.open.get(&holder).map(|next| next.fingerprint).filter(|known| *known != 0);
        let known = known.or_else(|| self.last.get(&holder).copied()).unwrap_or_default();
        behind.push((holder, known));
        let surplus = behind.len().saturating_sub(LENGTH_MAX - 1);
        behind.drain(..surplus);
        self.holders.extend(behind.iter().map(|(pid, _)| *pid));
        let waited = i64::try_from(after.as_nanos()).unwrap_or(i64::MAX);
        let since_nanos = at_nanos.map(|at| at.saturating_sub(waited));
        self.open.insert(pid, Waiter { fingerprint, behind, since_nanos });
    }

    /// It waits no more.
    pub(super) fn ended(&mut self, wait: Wait, what: &str) {
        let Wait { pid, fingerprint, at_nanos, after } = wait;
        let Some(waiter) = pid.and_then(|pid| self.open.remove(&pid)) else { return };
        let mut fingerprints: Vec<u64> = waiter.behind.iter().map(|(_, known)| *known).collect();
        fingerprints.push(if fingerprint == 0 { waiter.fingerprint } else { fingerprint });
        let chain = LockChain {
            what: what.to_owned(),
            fingerprints,
            waits: 1,
            total_nanos: nanos(after),
            longest_nanos: nanos(after),
            last_nanos: at_nanos,
        };
        // The holder ends its statement and gives the lock back at once: its own entry comes after the waiter's.
        match waiter.behind.first() {
            Some((holder, _)) if self.untold.len() < SESSIONS_MAX => {
                let since_nanos = waiter.since_nanos;
                self.untold.push(Untold { holder: *holder, since_nanos, chain });
            }
            _ => self.keep(&chain),
        }
    }

    fn keep(&mut self, chain: &LockChain) {
        let key = key(chain);
        if self.known.len() < CHAINS_MAX || self.known.contains_key(&key) {
            let fresh = LockChain {
                what: chain.what.clone(),
                fingerprints: chain.fingerprints.clone(),
                ..LockChain::default()
            };
            self.known.entry(key).or_insert(fresh).merge(chain);
        }
    }

    /// Waits whose holder said nothing more are told with what is known.
    pub(super) fn finish(&mut self) {
        for one in std::mem::take(&mut self.untold) {
            self.keep(&one.chain);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for chain in other.known.values().chain(other.untold.iter().map(|one| &one.chain)) {
            self.keep(chain);
        }
    }

    /// The chains that waited longest first.
    pub(super) fn list(&self) -> Vec<LockChain> {
        let mut all = self.clone();
        all.finish();
        let mut list: Vec<LockChain> = all.known.into_values().collect();
        list.sort_by(|one, other| {
            other
                .total_nanos
                .cmp(&one.total_nanos)
                .then_with(|| one.fingerprints.cmp(&other.fingerprints))
        });
        list
    }
}

fn key(chain: &LockChain) -> String {
    let mut key = chain.what.clone();
    for fingerprint in &chain.fingerprints {
        key.push_str(&format!(" {fingerprint:x}"));
    }
    key
}

/// The first of `Process holding the lock: 4711. Wait queue: 4712.`, `Processes holding the lock: 1, 2. …`
fn holder(detail: &str) -> Option<u32> {
    let (_, rest) = detail.split_once("holding the lock: ")?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}
