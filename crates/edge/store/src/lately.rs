//! Batches that were kept lately: one that is sent again, because its sender did not hear that it was taken, is kept once.
//!
//! Batches are told apart by two checksums over all of their bytes, one of 64 and one of 32 bits, and their length. What is
//! sent again is sent byte for byte, as exporters do; the same spans in other batches are found when blocks are made.

use std::{collections::VecDeque, hash::BuildHasher as _, sync::Mutex};

use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::disk;

/// Batches that are remembered: five minutes, which is as long as exporters try, at two hundred a second. Some 4 MB.
const BATCHES_MAX: usize = 1 << 16;

/// What a batch is told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Print(u64, u32, u32);

impl Print {
    pub(crate) fn of(payload: &[u8]) -> Self {
        let length = disk::small(payload.len());
        Self(FxBuildHasher.hash_one(payload), crc32c::crc32c(payload), length)
    }
}

/// Batches that were kept lately.
#[derive(Debug, Default)]
pub(crate) struct Lately(Mutex<Prints>);

#[derive(Debug, Default)]
struct Prints {
    known: FxHashSet<Print>,
    order: VecDeque<Print>,
}

impl Lately {
    pub(crate) fn has(&self, print: Print) -> bool {
        disk::lock(&self.0).known.contains(&print)
    }

    /// Notes a batch that is kept.
    pub(crate) fn note(&self, print: Print) {
        let mut prints = disk::lock(&self.0);
        if !prints.known.insert(print) {
            return;
        }
        prints.order.push_back(print);
        if BATCHES_MAX < prints.order.len()
            && let Some(oldest) = prints.order.pop_front()
        {
            prints.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_known() {
        let lately = Lately::default();
        let print = |number: usize| Print::of(&number.to_le_bytes());
        for number in 0..BATCHES_MAX + 10 {
            lately.note(print(number));
            lately.note(print(number));
        }
        assert!(!lately.has(print(9)) && lately.has(print(10)) && lately.has(print(BATCHES_MAX)));
    }
}
