//! Under which numbers places in a store are found: a number may be of many places, and a place under many numbers.

use std::collections::BTreeSet;

use hashbrown::HashTable;

/// Numbers, and the places that each is of.
#[derive(Debug, Default)]
pub(super) struct Marks(HashTable<(u64, BTreeSet<usize>)>);

impl Marks {
    /// Places under a number.
    pub(super) fn of(&self, mark: u64) -> Vec<usize> {
        let found = self.0.find(mark, |(known, _)| *known == mark);
        found.map(|(_, places)| places.iter().copied().collect()).unwrap_or_default()
    }

    /// The first of them from this place on, at most so many.
    pub(super) fn after(&self, mark: u64, from: usize, max: usize) -> Vec<usize> {
        let found = self.0.find(mark, |(known, _)| *known == mark);
        let some = |(_, places): &(u64, BTreeSet<usize>)| {
            places.range(from..).take(max).copied().collect()
        };
        found.map(some).unwrap_or_default()
    }

    pub(super) fn add(&mut self, mark: u64, place: usize) {
        if let Some((_, places)) = self.0.find_mut(mark, |(known, _)| *known == mark) {
            places.insert(place);
        } else {
            self.0.insert_unique(mark, (mark, BTreeSet::from([place])), |(mark, _)| *mark);
        }
    }

    pub(super) fn remove(&mut self, mark: u64, place: usize) {
        let Ok(mut entry) = self.0.find_entry(mark, |(known, _)| *known == mark) else { return };
        let places = &mut entry.get_mut().1;
        places.remove(&place);
        if places.is_empty() {
            entry.remove();
        }
    }
}
