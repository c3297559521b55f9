//! Texts by number: each distinct one is kept once.

use std::hash::BuildHasher as _;

use rustc_hash::{FxBuildHasher, FxHashMap};

/// Texts in one buffer, numbered from 0.
#[derive(Debug, Clone, Default)]
pub struct TextList {
    bytes: String,
    ends: Vec<u32>,
}

impl TextList {
    /// Adds a text at the end; returns its number.
    ///
    /// All texts of a list are at most 4 GiB long together: chunks are cut long before.
    pub fn push(&mut self, text: &str) -> u32 {
        let number = small(self.ends.len());
        self.bytes.push_str(text);
        self.ends.push(small(self.bytes.len()));
        number
    }

    /// The text of a number; empty for a number that was never given.
    #[must_use]
    pub fn get(&self, number: u32) -> &str {
        let place = number as usize;
        let start = place.checked_sub(1).map_or(0, |before| self.end(before));
        self.bytes.get(start..self.end(place)).unwrap_or_default()
    }

    fn end(&self, place: usize) -> usize {
        self.ends.get(place).map_or(0, |end| *end as usize)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..small(self.ends.len())).map(|number| self.get(number))
    }

    /// Bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<u32>()
    }
}

/// Texts, numbered in the order in which they first came. The number 0 is the empty text.
///
/// About 24 bytes each beside the text. Of two texts with one hash the second is kept every time it comes,
/// which costs room and nothing else.
#[derive(Debug, Clone)]
pub struct Texts {
    list: TextList,
    numbers: FxHashMap<u64, u32>,
}

impl Default for Texts {
    fn default() -> Self {
        let mut texts = Self { list: TextList::default(), numbers: FxHashMap::default() };
        texts.number("");
        texts
    }
}

impl Texts {
    /// The number of `text`, which is kept if it is new.
    #[inline]
    pub fn number(&mut self, text: &str) -> u32 {
        let hash = FxBuildHasher.hash_one(text);
        match self.numbers.get(&hash) {
            Some(number) if self.list.get(*number) == text => *number,
            _ => self.add(hash, text),
        }
    }

    /// The number of `text`, if it is kept.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<u32> {
        let number = self.numbers.get(&FxBuildHasher.hash_one(text))?;
        (self.list.get(*number) == text).then_some(*number)
    }

    fn add(&mut self, hash: u64, text: &str) -> u32 {
        let number = self.list.push(text);
        self.numbers.entry(hash).or_insert(number);
        number
    }

    /// The texts without the means to find them.
    #[must_use]
    pub fn list(&self) -> &TextList {
        &self.list
    }

    /// The text of a number; empty for a number that was never given.
    #[must_use]
    pub fn get(&self, number: u32) -> &str {
        self.list.get(number)
    }

    /// Bytes in memory, roughly.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.list.bytes() + self.numbers.capacity() * 17
    }
}

/// A count that is bounded far below 2^32 by the size of a chunk.
pub(crate) fn small(count: usize) -> u32 {
    u32::try_from(count).expect("chunks are cut before they hold 4 GiB or 2^32 rows")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn equal_texts_have_one_number_and_numbers_give_the_text_back(texts in prop::collection::vec("[a-c]{0,4}|\\PC{0,8}", 0..60)) {
            let mut kept = Texts::default();
            for text in &texts {
                let number = kept.number(text);
                prop_assert_eq!(kept.get(number), text);
                prop_assert_eq!(kept.number(text), number);
                prop_assert_eq!(kept.find(text), Some(number));
            }
            let distinct: std::collections::BTreeSet<&str> =
                texts.iter().map(String::as_str).chain([""]).collect();
            prop_assert_eq!(kept.list().len(), distinct.len());
        }
    }

    #[test]
    fn a_number_that_was_never_given_is_the_empty_text() {
        assert_eq!(Texts::default().get(7), "");
    }
}
