//! Texts by number: each distinct one is kept once.

use std::hash::BuildHasher as _;

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::disk;

/// Texts, numbered in the order in which they came: one buffer, its ends, and a table from hash to number.
///
/// About 24 bytes each beside the text. Of two texts with one hash the second is kept every time it comes,
/// which costs room and nothing else.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    bytes: String,
    ends: Vec<u32>,
    numbers: FxHashMap<u64, u32>,
}

impl Texts {
    /// The number of `text`, which is kept if it is new.
    pub(crate) fn number(&mut self, text: &str) -> u32 {
        let hash = FxBuildHasher.hash_one(text);
        let known = self.numbers.get(&hash).copied();
        if let Some(number) = known.filter(|number| self.text(*number) == text) {
            return number;
        }
        let number = disk::small(self.ends.len());
        self.bytes.push_str(text);
        self.ends.push(disk::small(self.bytes.len()));
        self.numbers.entry(hash).or_insert(number);
        number
    }

    /// The text of a number; empty for a number that was never given.
    pub(crate) fn text(&self, number: u32) -> &str {
        let place = number as usize;
        let start = place.checked_sub(1).map_or(0, |before| self.end(before));
        self.bytes.get(start..self.end(place)).unwrap_or_default()
    }

    fn end(&self, place: usize) -> usize {
        self.ends.get(place).map_or(0, |end| *end as usize)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// All, in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..disk::small(self.ends.len())).map(|number| self.text(number))
    }

    /// Bytes in memory, roughly.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * 4 + self.numbers.capacity() * 17
    }
}
