//! What was forgotten while answers were on their way to the disk.

use std::collections::VecDeque;

use super::{
    index::{Kept, Variant},
    purge::Purge,
};

/// What was forgotten of late: what was on its way to the disk meanwhile is old.
#[derive(Debug, Default)]
pub struct Forgotten {
    next: u64,
    log: VecDeque<(Of, bool)>,
    bytes: usize,
}

/// What was forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// What an order is for.
    Order(Purge),
    /// What was kept under a key (its hash, and itself), or one of the answers there.
    Key(u64, Vec<u8>, Option<Variant>),
}

impl Of {
    /// Bytes of what it says: keys and addresses are as long as somebody makes them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Order(purge) => purge.words().iter().map(|word| word.len()).sum(),
            Self::Key(_, key, which) => {
                key.len() + which.as_ref().map_or(0, |which| which.selecting.bytes())
            }
        }
    }
}

impl Forgotten {
    /// What is remembered; what was on its way during more counts as old.
    const LOG_MAX: usize = 16_384;

    /// Bytes of it.
    const BYTES_MAX: usize = 8 << 20;

    /// How often something was forgotten.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.next
    }

    /// Something was, or only stands in (`soft`).
    pub fn add(&mut self, of: Of, soft: bool) {
        self.next += 1;
        self.bytes += of.bytes();
        self.log.push_back((of, soft));
        while Self::LOG_MAX < self.log.len() || Self::BYTES_MAX < self.bytes {
            let Some((oldest, _)) = self.log.pop_front() else { return };
            self.bytes -= oldest.bytes();
        }
    }

    /// All that was since there had been `count`; `None` if more was than is remembered.
    #[must_use]
    pub fn since(&self, count: u64) -> Option<impl ExactSizeIterator<Item = &(Of, bool)>> {
        let missed = usize::try_from(self.next.saturating_sub(count)).ok()?;
        let known = self.log.len().checked_sub(missed)?;
        Some(self.log.iter().skip(known))
    }

    /// Whether an answer is old that was known when there had been `count`.
    #[must_use]
    pub fn outdates(&self, count: u64, hash: u64, kept: &Kept) -> bool {
        let Ok(missed) = usize::try_from(self.next.saturating_sub(count)) else { return true };
        let is = |(of, _): &(Of, bool)| match of {
            Of::Order(purge) => purge.takes(&kept.place),
            Of::Key(key, _, which) => {
                *key == hash && which.as_ref().is_none_or(|which| which.is(kept))
            }
        };
        self.log.len() < missed || self.log.iter().rev().take(missed).any(is)
    }
}
