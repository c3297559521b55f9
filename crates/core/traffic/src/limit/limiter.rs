//! One count per key, within a bound on keys.
//!
//! Two generations: a key that is used moves to the young one; when that is full, or older than any
//! count matters, the old one is forgotten and the young one grows old. So nothing is ever searched for
//! what to forget, and a key in use is kept unless more keys than the bound come within a window.

use std::hash::{BuildHasher, DefaultHasher, Hasher as _};

use model::Moment;

use super::{Algorithm, Count, Quota, Verdict};

#[expect(clippy::disallowed_types, reason = "hashed with a fixed seed, and never iterated")]
type Counts = std::collections::HashMap<Box<[u8]>, Count, Seeded>;

/// Counts of many keys under one quota.
#[derive(Debug, Clone)]
pub struct Limiter {
    algorithm: Algorithm,
    quota: Quota,
    keys_max: usize,
    young: Counts,
    old: Counts,
    young_since: Moment,
}

impl Limiter {
    /// At most `keys_max` keys are remembered. `seed` is to be a secret, so that nobody can choose keys
    /// that collide.
    #[must_use]
    pub fn new(algorithm: Algorithm, quota: Quota, keys_max: usize, seed: u64) -> Self {
        let seeded = Seeded(seed);
        Self {
            algorithm,
            quota,
            keys_max: keys_max.max(2),
            young: Counts::with_hasher(seeded.clone()),
            old: Counts::with_hasher(seeded),
            young_since: Moment::default(),
        }
    }

    /// The quota.
    #[must_use]
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// Counts a request of this key that weighs `cost`, if it is let in.
    pub fn take(&mut self, key: &[u8], cost: u32, now: Moment) -> Verdict {
        let full = self.keys_max / 2 <= self.young.len();
        // A sliding window looks back over two windows; what is older says nothing.
        let stale = self.quota.window.saturating_mul(2) < now.since(self.young_since);
        if stale || (full && !self.young.contains_key(key)) {
            self.old =
                std::mem::replace(&mut self.young, Counts::with_hasher(self.old.hasher().clone()));
            self.young_since = now;
        }
        if let Some(count) = self.young.get_mut(key) {
            return count.take(&self.quota, cost, now);
        }
        let (key, mut count) = self
            .old
            .remove_entry(key)
            .unwrap_or_else(|| (Box::from(key), Count::new(self.algorithm)));
        let verdict = count.take(&self.quota, cost, now);
        self.young.insert(key, count);
        verdict
    }

    /// Keys that are remembered.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

/// `SipHash` with the seed before every key.
#[derive(Debug, Clone)]
struct Seeded(u64);

impl BuildHasher for Seeded {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.0);
        hasher
    }
}
