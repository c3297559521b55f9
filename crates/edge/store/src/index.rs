//! Where the spans or log records of a trace lie: (trace, place) pairs, 12 bytes each, segment by segment.
//!
//! A trace goes by 8 bytes of its id. Two traces that share them cost a read that finds nothing. Of a
//! full segment, the pairs are kept beside it too, so that a start need not read the segment.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use model::{Moment, TraceId};
use rustc_hash::FxHashMap;

use crate::{
    StoreError,
    disk::{self, Written},
    log::{Placed, Sealed, Tally},
    scan,
};

const MAGIC: [u8; 8] = *b"tautindx";
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 48;
const PAIR_BYTES: usize = 12;

/// No pair that was needs less of its segment: a log record with its trace id and a word.
const ITEM_BYTES_MIN: u64 = 20;

/// What stands for a trace id: both halves, for old systems leave the first one empty, and others
/// keep the time in it.
pub(crate) fn key(id: TraceId) -> u64 {
    let (high, low) = id.0.split_at(8);
    let half = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    half(high) ^ half(low)
}

/// The pairs of all segments.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) segments: BTreeMap<u32, Segment>,
}

/// The pairs of one segment, and what else is known of it.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Received first and last.
    pub(crate) times: Option<(Moment, Moment)>,
    /// Records whose pairs are here.
    pub(crate) tally: Tally,
    /// Bytes of the file beside the segment.
    pub(crate) index_bytes: u64,
    /// What the segment holds, once it gets no more.
    pub(crate) sealed: Option<Tally>,
    pairs: Pairs,
}

#[derive(Debug)]
enum Pairs {
    Growing(Growing),
    Sorted(Arc<Sorted>),
}

/// Pairs in the order in which they came, those of one trace chained from the last to the first.
#[derive(Debug, Default)]
struct Growing {
    pairs: Vec<(u64, u32, Option<u32>)>,
    newest: FxHashMap<u64, u32>,
}

/// Pairs by key, then by offset.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sorted {
    keys: Vec<u64>,
    offsets: Vec<u32>,
}

/// What the file beside a segment holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Beside {
    pub(crate) segment: u32,
    pub(crate) tally: Tally,
    pub(crate) times: (Moment, Moment),
    pub(crate) sorted: Arc<Sorted>,
}

impl Index {
    /// Takes in a record; `keys` are those of its traces, each once.
    pub(crate) fn insert(&mut self, placed: Placed, received: Moment, keys: &[u64]) {
        let segment = self.segments.entry(placed.segment).or_insert_with(Segment::new);
        let (first, last) = segment.times.unwrap_or((received, received));
        segment.times = Some((first.min(received), last.max(received)));
        segment.tally.records += 1;
        segment.tally.bytes += u64::from(placed.bytes);
        if let Pairs::Growing(growing) = &mut segment.pairs {
            for key in keys {
                growing.push(*key, placed.offset);
            }
        }
    }

    /// Notes that a segment gets no more records than it says.
    pub(crate) fn seal(&mut self, sealed: Sealed) {
        let segment = self.segments.entry(sealed.segment).or_insert_with(Segment::new);
        segment.sealed = Some(sealed.tally);
    }

    /// Sorts the pairs of segments that are full and whose records are all here, and returns what is
    /// to be written beside them.
    pub(crate) fn settle(&mut self) -> Vec<Beside> {
        let mut settled = Vec::new();
        for (number, segment) in &mut self.segments {
            let Some(tally) = segment.sealed else { continue };
            let Pairs::Growing(growing) = &mut segment.pairs else { continue };
            if segment.tally.records == tally.records {
                let sorted = Arc::new(Sorted::new(std::mem::take(growing)));
                segment.pairs = Pairs::Sorted(Arc::clone(&sorted));
                segment.tally = tally;
                let times = segment.times.unwrap_or_default();
                settled.push(Beside { segment: *number, tally, times, sorted });
            }
        }
        settled
    }

    /// Takes in a segment whose pairs were read from beside it.
    pub(crate) fn adopt(&mut self, beside: Beside, index_bytes: u64) {
        self.segments.insert(
            beside.segment,
            Segment {
                times: Some(beside.times),
                tally: beside.tally,
                index_bytes,
                sealed: Some(beside.tally),
                pairs: Pairs::Sorted(beside.sorted),
            },
        );
    }

    /// Bytes in memory, roughly.
    pub(crate) fn bytes(&self) -> usize {
        let segments = self.segments.values().map(|segment| match &segment.pairs {
            Pairs::Growing(growing) => {
                growing.pairs.capacity() * 24 + growing.newest.capacity() * 13
            }
            Pairs::Sorted(sorted) => sorted.keys.capacity() * PAIR_BYTES,
        });
        segments.sum()
    }
}

impl Segment {
    fn new() -> Self {
        Self {
            times: None,
            tally: Tally::default(),
            index_bytes: 0,
            sealed: None,
            pairs: Pairs::Growing(Growing::default()),
        }
    }

    /// Whether it still grows, or its pairs are in their final form.
    pub(crate) fn is_settled(&self) -> bool {
        self.sealed.is_none() || matches!(self.pairs, Pairs::Sorted(_))
    }

    /// Where the records begin that may be of these traces, ascending. All that are lie in them.
    pub(crate) fn records_of(&self, ids: &[TraceId]) -> Vec<u32> {
        let mut records: Vec<u32> = ids.iter().flat_map(|id| self.find(key(*id))).collect();
        records.sort_unstable();
        records.dedup();
        records
    }

    fn find(&self, key: u64) -> Vec<u32> {
        match &self.pairs {
            Pairs::Growing(growing) => growing.find(key),
            Pairs::Sorted(sorted) => sorted.find(key),
        }
    }
}

impl Growing {
    fn push(&mut self, key: u64, offset: u32) {
        let place = disk::small(self.pairs.len());
        let previous = self.newest.insert(key, place);
        self.pairs.push((key, offset, previous));
    }

    fn find(&self, key: u64) -> Vec<u32> {
        let mut offsets = Vec::new();
        let mut next = self.newest.get(&key).copied();
        while let Some((_, offset, previous)) = next.and_then(|it| self.pairs.get(it as usize)) {
            offsets.push(*offset);
            next = *previous;
        }
        offsets.sort_unstable();
        offsets
    }
}

impl Sorted {
    fn new(growing: Growing) -> Self {
        let mut pairs = growing.pairs;
        pairs.sort_unstable_by_key(|(key, offset, _)| (*key, *offset));
        let (keys, offsets) = pairs.iter().map(|(key, offset, _)| (*key, *offset)).unzip();
        Self { keys, offsets }
    }

    fn find(&self, key: u64) -> Vec<u32> {
        let from = self.keys.partition_point(|known| *known < key);
        let count = self.keys[from..].iter().take_while(|known| **known == key).count();
        self.offsets.get(from..from + count).unwrap_or_default().to_vec()
    }
}

impl Beside {
    /// Writes the file. It need not survive power loss: its checksum tells, and it can be made again.
    pub(crate) fn write(&self, path: &Path) -> Result<u64, StoreError> {
        let count = self.sorted.keys.len();
        let mut bytes = Vec::with_capacity(HEAD_BYTES + count * PAIR_BYTES + 4);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.segment.to_le_bytes());
        bytes.extend_from_slice(&self.tally.bytes.to_le_bytes());
        bytes.extend_from_slice(&self.tally.records.to_le_bytes());
        bytes.extend_from_slice(&disk::small(count).to_le_bytes());
        bytes.extend_from_slice(&self.times.0.nanos.to_le_bytes());
        bytes.extend_from_slice(&self.times.1.nanos.to_le_bytes());
        bytes.extend(self.sorted.keys.iter().flat_map(|key| key.to_le_bytes()));
        bytes.extend(self.sorted.offsets.iter().flat_map(|offset| offset.to_le_bytes()));
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        Written::create(path).and_then(|file| file.write_all_at(&bytes, 0)).map_err(|error| {
            // Half of it is of no use; what cannot be removed is told by its checksum.
            drop(disk::remove(path));
            disk::failed("write", path, error)
        })?;
        Ok(bytes.len() as u64)
    }

    /// Reads the file; `None` if there is none that fits the segment as it is.
    pub(crate) fn read(
        path: &Path,
        segment: u32,
        log_bytes: u64,
    ) -> Result<Option<(Self, u64)>, StoreError> {
        let longest = HEAD_BYTES as u64 + log_bytes / ITEM_BYTES_MIN * PAIR_BYTES as u64 + 5;
        let bytes = scan::load(path, longest)?;
        let parsed = Self::parse(&bytes)
            .filter(|beside| beside.segment == segment && beside.tally.bytes == log_bytes);
        Ok(parsed.map(|beside| (beside, bytes.len() as u64)))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (bytes, crc) = bytes.split_last_chunk::<4>()?;
        let (head, pairs) = bytes.split_first_chunk::<HEAD_BYTES>()?;
        let four = |from: usize| head[from..].first_chunk().map(|it| u32::from_le_bytes(*it));
        let eight = |from: usize| head[from..].first_chunk().map(|it| u64::from_le_bytes(*it));
        let count = four(28)? as usize;
        let sound = head.starts_with(&MAGIC)
            && four(8)? == VERSION
            && pairs.len() == count.checked_mul(PAIR_BYTES)?
            && u32::from_le_bytes(*crc) == crc32c::crc32c(bytes);
        if !sound {
            return None;
        }
        let (keys, offsets) = pairs.split_at_checked(count * 8)?;
        let keys = keys.as_chunks().0.iter().map(|it| u64::from_le_bytes(*it)).collect();
        let offsets = offsets.as_chunks().0.iter().map(|it| u32::from_le_bytes(*it)).collect();
        Some(Self {
            segment: four(12)?,
            tally: Tally { bytes: eight(16)?, records: four(24)? },
            times: (Moment { nanos: eight(32)? }, Moment { nanos: eight(40)? }),
            sorted: Arc::new(Sorted { keys, offsets }),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    /// Records of a segment: the keys of each.
    fn records() -> impl Strategy<Value = Vec<Vec<u64>>> {
        prop::collection::vec(prop::collection::btree_set(0_u64..40, 0..8), 0..30)
            .prop_map(|records| records.into_iter().map(|it| it.into_iter().collect()).collect())
    }

    fn id(key: u64) -> TraceId {
        let mut id = [0; 16];
        id[8..].copy_from_slice(&key.to_be_bytes());
        TraceId(id)
    }

    proptest! {
        #[test]
        fn every_record_of_a_trace_is_found_before_and_after_sealing(records in records()) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("index");
            let mut index = Index::default();
            for (place, keys) in records.iter().enumerate() {
                let placed = Placed { segment: 3, offset: disk::small(place) * 7, bytes: 7 };
                index.insert(placed, Moment { nanos: 100 + place as u64 }, keys);
            }
            let check = |index: &Index| {
                for key in 0..41 {
                    let offsets = (0..).zip(&records).filter(|(_, keys)| keys.contains(&key));
                    let offsets = offsets.map(|(place, _)| place * 7).collect::<Vec<u32>>();
                    let segment = index.segments.get(&3);
                    let found = segment.map(|segment| segment.records_of(&[id(key)]));
                    assert_eq!(found.unwrap_or_default(), offsets);
                }
            };
            check(&index);
            prop_assert_eq!(index.settle(), vec![]);
            let tally = Tally { bytes: 4711, records: disk::small(records.len()) };
            index.seal(Sealed { segment: 3, tally });
            let beside = index.settle().pop().unwrap();
            check(&index);
            let length = beside.write(&path).unwrap();
            prop_assert_eq!(Beside::read(&path, 3, 4712).unwrap(), None);
            prop_assert_eq!(Beside::read(&path, 4, 4711).unwrap(), None);
            let (read, read_length) = Beside::read(&path, 3, 4711).unwrap().unwrap();
            prop_assert_eq!((&read, read_length), (&beside, length));
            let mut index = Index::default();
            index.adopt(read, length);
            check(&index);
        }

        #[test]
        fn a_damaged_file_is_not_believed(
            records in records(),
            place: prop::sample::Index,
            bit in 0_u8..8,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("index");
            let mut index = Index::default();
            let tally = Tally { bytes: 100_000, records: disk::small(records.len()) };
            for keys in &records {
                index.insert(Placed { segment: 3, offset: 9, bytes: 7 }, Moment::default(), keys);
            }
            index.seal(Sealed { segment: 3, tally });
            index.settle().pop().unwrap().write(&path).unwrap();
            let mut bytes = fs::read(&path).unwrap();
            let place = place.index(bytes.len());
            bytes[place] ^= 1_u8 << bit;
            fs::write(&path, &bytes).unwrap();
            prop_assert_eq!(Beside::read(&path, 3, 100_000).unwrap(), None);
            fs::write(&path, &bytes[..place]).unwrap();
            prop_assert_eq!(Beside::read(&path, 3, 100_000).unwrap(), None);
        }
    }

    #[test]
    fn ids_of_64_bits_and_ids_that_begin_with_the_time_are_told_apart() {
        let ids = ["1", "2", "65f0000000000000aa", "65f0000000000000ab", "10000000000000000"];
        let keys = ids.map(|text| key(TraceId::from_hex(text).unwrap()));
        assert_eq!(std::collections::BTreeSet::from(keys).len(), 4, "1 and 1 << 64 collide");
    }
}
