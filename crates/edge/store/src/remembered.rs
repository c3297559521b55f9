//! What was summed up of parts of blocks, in memory, up to a bound: blocks do not change, so that it stays right.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Sums by key, of which those with the least keys go first: keys begin with the number of a block, and those that were opened
/// first are the oldest, or are gone.
#[derive(Debug)]
pub(crate) struct Remembered<K, V> {
    bytes_max: usize,
    known: Mutex<Known<K, V>>,
}

#[derive(Debug)]
struct Known<K, V> {
    /// With the bytes of each.
    sums: BTreeMap<K, (Arc<V>, usize)>,
    bytes: usize,
}

impl<K: Ord, V> Remembered<K, V> {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, known: Mutex::new(Known { sums: BTreeMap::new(), bytes: 0 }) }
    }

    pub(crate) fn has(&self, key: &K) -> bool {
        self.known().sums.contains_key(key)
    }

    pub(crate) fn get(&self, key: &K) -> Option<Arc<V>> {
        self.known().sums.get(key).map(|(sum, _)| Arc::clone(sum))
    }

    /// Keeps a sum of so many bytes, as long as there is room.
    pub(crate) fn put(&self, key: K, sum: Arc<V>, bytes: usize) {
        let mut known = self.known();
        let before = known.sums.insert(key, (sum, bytes)).map_or(0, |(_, before)| before);
        known.bytes = (known.bytes + bytes).saturating_sub(before);
        while self.bytes_max < known.bytes {
            let Some((_, (_, bytes))) = known.sums.pop_first() else { break };
            known.bytes = known.bytes.saturating_sub(bytes);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known<K, V>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_first_goes_first_once_there_is_no_room() {
        let remembered = Remembered::new(100);
        for key in 0..4 {
            remembered.put(key, Arc::new(key), 40);
        }
        assert_eq!([0, 1, 2, 3].map(|key| remembered.has(&key)), [false, false, true, true]);
        remembered.put(3, Arc::new(7), 60);
        assert_eq!(
            (remembered.get(&3), remembered.get(&2)),
            (Some(Arc::new(7)), Some(Arc::new(2)))
        );
        remembered.put(4, Arc::new(8), 1_000);
        assert!(!remembered.has(&4), "what is larger than all room is not kept");
    }
}
