//! A checksum over all of a file that is no page: filters, indexes and the footer, which pages' own do not guard.
//!
//! It is a label of the file, so that other readers see nothing else than a label. Whoever makes it counts it as
//! [`BLANK`].

use parquet::file::reader::ChunkReader;

use super::BlockError;

/// The name of the label.
pub(super) const LABEL: &str = "taut.tail";

/// What the label holds before it is known: where the tail begins, and the checksum, in hexadecimal.
pub(super) const BLANK: &str = "000000000000000000000000";

/// Digits of the begin.
const START_DIGITS: usize = 16;

/// Bytes of Thrift between the name of a label and its value: the field's head, and the length of the value.
const BETWEEN: [u8; 2] = [0x18, BLANK.len() as u8];

/// Bytes after the footer: its length, and the magic.
const END_BYTES: usize = 8;

/// Puts the checksum of all from `start` on into its label.
pub(super) fn seal(bytes: &mut [u8], start: usize) {
    let Some(tail) = bytes.get_mut(start..) else { return };
    let Some(at) = find(tail) else { return };
    let crc = crc32fast::hash(tail);
    let value = format!("{start:016x}{crc:08x}");
    tail[at..at + BLANK.len()].copy_from_slice(value.as_bytes());
}

/// Holds the tail of a file against its checksum, if it has one.
pub(super) fn check(reader: &impl ChunkReader) -> Result<(), BlockError> {
    let length = usize::try_from(reader.len()).unwrap_or(usize::MAX);
    let Some(end) = length.checked_sub(END_BYTES) else { return Ok(()) };
    let last = reader.get_bytes(end as u64, END_BYTES)?;
    let footer = last.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
    let Some(from) = end.checked_sub(footer) else { return Ok(()) };
    let footer = reader.get_bytes(from as u64, length - from)?;
    let Some((start, crc)) = find(&footer).and_then(|at| told(&footer, at)) else { return Ok(()) };
    if from < start {
        return Err(BlockError::Tail);
    }
    let mut tail = reader.get_bytes(start as u64, length - start)?.to_vec();
    let at = find(&tail).ok_or(BlockError::Tail)?;
    tail[at..at + BLANK.len()].copy_from_slice(BLANK.as_bytes());
    if crc32fast::hash(&tail) == crc { Ok(()) } else { Err(BlockError::Tail) }
}

/// Where the value of the label begins.
fn find(bytes: &[u8]) -> Option<usize> {
    let name: Vec<u8> = LABEL.bytes().chain(BETWEEN).collect();
    let last = bytes.windows(name.len()).rposition(|window| window == name)?;
    let at = last + name.len();
    (at + BLANK.len() <= bytes.len()).then_some(at)
}

fn told(bytes: &[u8], at: usize) -> Option<(usize, u32)> {
    let value = std::str::from_utf8(&bytes[at..at + BLANK.len()]).ok()?;
    let (start, crc) = value.split_at_checked(START_DIGITS)?;
    Some((usize::from_str_radix(start, 16).ok()?, u32::from_str_radix(crc, 16).ok()?))
}
