//! Texts by number: each distinct one is kept once.

use std::hash::Hasher as _;

use model::text_of;
use rustc_hash::{FxHashMap, FxHasher};

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

    /// The same as bytes, without a look at where letters begin.
    #[inline]
    pub(crate) fn bytes_of(&self, number: u32) -> &[u8] {
        let place = number as usize;
        let start = place.checked_sub(1).map_or(0, |before| self.end(before));
        self.bytes.as_bytes().get(start..self.end(place)).unwrap_or_default()
    }

    #[inline]
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
        let hash = hash(text.as_bytes());
        match self.numbers.get(&hash) {
            Some(number) if self.list.bytes_of(*number) == text.as_bytes() => *number,
            _ => self.add(hash, text),
        }
    }

    /// The number of the text that `bytes` spell; what is no UTF-8 becomes U+FFFD. Bytes of a text that is kept are not
    /// looked at letter by letter again.
    #[inline]
    pub fn number_of(&mut self, bytes: &[u8]) -> u32 {
        let hash = hash(bytes);
        match self.numbers.get(&hash) {
            Some(number) if self.list.bytes_of(*number) == bytes => *number,
            _ => match std::str::from_utf8(bytes) {
                Ok(text) => self.add(hash, text),
                Err(_) => self.number(&text_of(bytes)),
            },
        }
    }

    /// Keeps a text that is not looked for among those that are: sketches are all different, and are never looked up.
    pub(crate) fn push(&mut self, text: &str) -> u32 {
        self.list.push(text)
    }

    /// The number of `text`, if it is kept.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<u32> {
        let number = self.numbers.get(&hash(text.as_bytes()))?;
        (self.list.get(*number) == text).then_some(*number)
    }

    /// Forgets all of them, but keeps the room.
    pub(crate) fn clear(&mut self) {
        self.list.bytes.clear();
        self.list.ends.clear();
        self.numbers.clear();
        self.number("");
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

#[inline]
fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(bytes);
    hasher.finish()
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

    proptest! {
        #[test]
        fn bytes_have_the_number_of_the_text_that_they_spell(all in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), 0..40)) {
            let mut kept = Texts::default();
            for bytes in &all {
                let number = kept.number_of(bytes);
                let text = text_of(bytes);
                prop_assert_eq!(kept.get(number), text.as_str());
                prop_assert_eq!(kept.number(&text), number);
                prop_assert_eq!(kept.number_of(bytes), number);
            }
        }
    }

    #[test]
    fn a_number_that_was_never_given_is_the_empty_text() {
        assert_eq!(Texts::default().get(7), "");
    }
}
