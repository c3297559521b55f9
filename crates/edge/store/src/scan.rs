//! Reads a segment, whole or a stretch of it, past damage if need be.

use std::{
    fs::File,
    io::{self, Read as _},
    ops::Range,
    os::unix::fs::FileExt as _,
    path::Path,
};

use crate::{
    StoreError, disk,
    frame::{self, FILE_HEAD_BYTES, HEAD_BYTES, MARK, PAYLOAD_BYTES_MAX, Record, file_head},
};

/// Most bytes that are checksummed in search of the next record after damage: 64 segments' worth, a
/// second or two. Only a file that was made to be slow needs more; the rest of it is given up.
const SEARCH_BYTES_MAX: u64 = 4 << 30;

/// Most bytes of a segment: its last record may reach beyond its nominal end.
pub(crate) fn longest(segment_bytes: u64) -> u64 {
    segment_bytes + (FILE_HEAD_BYTES + HEAD_BYTES + PAYLOAD_BYTES_MAX) as u64
}

/// The bytes of a file, the first `longest` of them; none if it is gone.
pub(crate) fn load(path: &Path, longest: u64) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    let loaded = File::open(path).and_then(|file| file.take(longest).read_to_end(&mut bytes));
    match loaded {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(disk::failed("read", path, error)),
        Ok(_) => Ok(bytes),
    }
}

/// The version of a segment, if it is a newer one.
pub(crate) fn newer(path: &Path, magic: [u8; 8]) -> Option<u32> {
    let mut head = [0; FILE_HEAD_BYTES];
    // What cannot be read is told by whoever reads on.
    File::open(path).and_then(|file| file.read_exact_at(&mut head, 0)).ok()?;
    frame::newer(&head, magic)
}

/// Bytes of a segment that are read at once: some records, so that they need no more memory than that.
const PART_BYTES: u64 = 4 << 20;

/// Goes through the sound records that lie in a stretch of a segment, in order; the stretch begins with a record.
pub(crate) fn each(
    file: &File,
    segment: u32,
    stretch: Range<u64>,
    take: &mut dyn FnMut(Record<'_>),
) -> io::Result<()> {
    let mut bytes = Vec::new();
    let (mut from, mut part_bytes) = (stretch.start, PART_BYTES);
    while from < stretch.end {
        let to = stretch.end.min(from + part_bytes);
        bytes.resize(usize::try_from(to - from).unwrap_or(usize::MAX), 0);
        file.read_exact_at(&mut bytes, from)?;
        let goes_on = to < stretch.end;
        let mut scan = Scan { goes_on, ..Scan::within(&bytes, segment, from) };
        scan.by_ref().for_each(&mut *take);
        if !goes_on {
            return Ok(());
        }
        // A record that is longer, or damage: what the rest says has to be seen together.
        part_bytes = if scan.sound_bytes == from { part_bytes * 2 } else { PART_BYTES };
        from = scan.sound_bytes;
    }
    Ok(())
}

/// Goes through the sound records of a segment in order.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    bytes: &'a [u8],
    segment: u32,
    /// Where in the segment the bytes begin.
    base: u64,
    next: usize,
    /// Whether the segment goes on where the bytes end: what is no record may be the begin of one then, and ends the scan.
    goes_on: bool,
    search_bytes: u64,
    /// Bytes up to the end of the last sound record.
    pub(crate) sound_bytes: u64,
    /// Bytes between sound records that are none.
    pub(crate) damaged_bytes: u64,
}

impl<'a> Scan<'a> {
    /// Begins with the first record. A damaged file head costs nothing but itself.
    pub(crate) fn new(bytes: &'a [u8], magic: [u8; 8], segment: u32) -> Self {
        let head = file_head(magic, segment);
        let whole = bytes.get(..FILE_HEAD_BYTES) == Some(&head[..]);
        Self {
            next: FILE_HEAD_BYTES.min(bytes.len()),
            sound_bytes: if whole { FILE_HEAD_BYTES as u64 } else { 0 },
            ..Self::within(bytes, segment, 0)
        }
    }

    /// Begins at the record that lies at `base` of the segment, where `bytes` begin.
    pub(crate) fn within(bytes: &'a [u8], segment: u32, base: u64) -> Self {
        Self {
            bytes,
            segment,
            base,
            next: 0,
            goes_on: false,
            search_bytes: SEARCH_BYTES_MAX,
            sound_bytes: base,
            damaged_bytes: 0,
        }
    }

    fn at(&self, offset: usize) -> Option<Record<'a>> {
        Record::parse(self.bytes.get(offset..)?, self.segment, self.base + offset as u64)
    }

    /// The next sound record at or after `from`, where there was none.
    fn search(&mut self, from: usize) -> Option<Record<'a>> {
        let mut from = from;
        loop {
            let rest = self.bytes.get(from..)?;
            let offset = from + rest.windows(MARK.len()).position(|window| window == MARK)?;
            let head = self.bytes.get(offset..)?.first_chunk::<HEAD_BYTES>()?;
            let cost = frame::payload_len(head).unwrap_or(0) as u64;
            self.search_bytes = self.search_bytes.checked_sub(cost)?;
            if let Some(record) = self.at(offset) {
                return Some(record);
            }
            from = offset + 1;
        }
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let mut record = self.at(self.next);
        if record.is_none() && !self.goes_on {
            record = self.search(self.next + 1);
        }
        let record = record?;
        let start = record.offset.max(FILE_HEAD_BYTES as u64);
        self.damaged_bytes += start - (self.base + self.next as u64).min(start);
        self.sound_bytes = record.offset + record.len();
        self.next = usize::try_from(self.sound_bytes - self.base).unwrap_or(usize::MAX);
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use model::Moment;
    use proptest::prelude::*;

    use super::*;
    use crate::frame::Frame;

    const MAGIC: [u8; 8] = *b"a-magic!";

    fn segment(payloads: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let mut bytes = file_head(MAGIC, 7).to_vec();
        let mut ends = vec![bytes.len()];
        for payload in payloads {
            let mut frame = Frame::new(Moment { nanos: 1 }, payload).unwrap();
            let placed = frame.placed(7, bytes.len() as u64).to_vec();
            bytes.extend(placed);
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 1..60), 1..12)
    }

    proptest! {
        #[test]
        fn a_segment_cut_anywhere_gives_the_records_before_the_cut(
            payloads in payloads(),
            cut: prop::sample::Index,
        ) {
            let (bytes, ends) = segment(&payloads);
            let cut = cut.index(bytes.len() + 1);
            let mut scan = Scan::new(&bytes[..cut], MAGIC, 7);
            let found = scan.by_ref().map(|record| record.payload.to_vec()).collect::<Vec<_>>();
            let whole = ends[1..].iter().filter(|end| **end <= cut).count();
            prop_assert_eq!(&found[..], &payloads[..whole]);
            let sound = if cut < FILE_HEAD_BYTES { 0 } else { ends[whole] };
            prop_assert_eq!((scan.sound_bytes, scan.damaged_bytes), (sound as u64, 0));
        }

        #[test]
        fn a_damaged_stretch_costs_the_records_that_it_touches_and_no_other(
            payloads in payloads(),
            from: prop::sample::Index,
            noise in prop::collection::vec(any::<u8>(), 1..40),
        ) {
            let (mut bytes, ends) = segment(&payloads);
            let from = from.index(bytes.len());
            let before = bytes.clone();
            for (byte, noise) in bytes[from..].iter_mut().zip(noise) {
                *byte ^= noise;
            }
            let untouched = ends.windows(2).zip(&payloads).filter(|(ends, _)| {
                before[ends[0]..ends[1]] == bytes[ends[0]..ends[1]]
            });
            let untouched = untouched.map(|(_, payload)| payload.clone()).collect::<Vec<_>>();
            let found = Scan::new(&bytes, MAGIC, 7).map(|it| it.payload.to_vec());
            prop_assert_eq!(found.collect::<Vec<_>>(), untouched);
        }

        #[test]
        fn any_bytes_are_no_reason_to_panic(bytes: Vec<u8>) {
            prop_assert_eq!(Scan::new(&bytes, MAGIC, 7).count(), 0);
        }
    }

    #[test]
    fn a_record_within_the_payload_of_a_damaged_one_is_not_taken_for_one() {
        let (inner, _) = segment(&[b"forged".to_vec()]);
        let (mut bytes, _) = segment(&[inner, b"next".to_vec()]);
        bytes[FILE_HEAD_BYTES + 8] ^= 1;
        let found = Scan::new(&bytes, MAGIC, 7).map(|it| it.payload.to_vec()).collect::<Vec<_>>();
        assert_eq!(found, [b"next".to_vec()]);
    }
}
