//! Records as they lie in a log: a checksummed frame around each payload.
//!
//! The checksum covers the place too (segment and offset), so that bytes which are a valid record
//! somewhere else, or lie within the payload of another, are not taken for one here.

use model::Moment;

use crate::{StoreError, disk};

/// Longest payload: twice what receivers let in, and still read in one piece.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 32 << 20;

/// Bytes before the first record of a segment.
pub(crate) const FILE_HEAD_BYTES: usize = 16;

/// Bytes before the payload of a record.
pub(crate) const HEAD_BYTES: usize = 20;

/// What each record begins with; makes the next one findable after damage.
pub(crate) const MARK: [u8; 4] = *b"\xF1rec";

/// The version of the format that is written, and the only one that is read.
pub(crate) const VERSION: u32 = 1;

/// The first bytes of a segment.
pub(crate) fn file_head(magic: [u8; 8], segment: u32) -> [u8; FILE_HEAD_BYTES] {
    let mut head = [0; FILE_HEAD_BYTES];
    head[..8].copy_from_slice(&magic);
    head[8..12].copy_from_slice(&VERSION.to_le_bytes());
    head[12..].copy_from_slice(&segment.to_le_bytes());
    head
}

/// The version of a segment, if it is a newer one.
pub(crate) fn newer(bytes: &[u8], magic: [u8; 8]) -> Option<u32> {
    let (found, rest) = bytes.split_first_chunk::<8>()?;
    let version = u32::from_le_bytes(*rest.first_chunk()?);
    (*found == magic && VERSION < version).then_some(version)
}

/// A record that is about to be written.
#[derive(Debug)]
pub(crate) struct Frame {
    bytes: Vec<u8>,
    payload_crc: u32,
}

impl Frame {
    /// Frames a payload; all but the place is settled.
    pub(crate) fn new(received: Moment, payload: &[u8]) -> Result<Self, StoreError> {
        let refused = |why| {
            let what = format!("a record of {} bytes", payload.len());
            Err(StoreError::Refused { what, why })
        };
        if payload.is_empty() {
            return refused("nothing is in it");
        }
        if PAYLOAD_BYTES_MAX < payload.len() {
            return refused("it is longer than 32 MiB");
        }
        let mut bytes = Vec::with_capacity(HEAD_BYTES + payload.len());
        bytes.extend_from_slice(&MARK);
        bytes.extend_from_slice(&disk::small(payload.len()).to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&received.nanos.to_le_bytes());
        bytes.extend_from_slice(payload);
        Ok(Self { bytes, payload_crc: crc32c::crc32c(payload) })
    }

    /// Length with its head.
    pub(crate) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The bytes to write at `offset` of `segment`.
    pub(crate) fn placed(&mut self, segment: u32, offset: u64) -> &[u8] {
        let (length, received) = (field(&self.bytes, 4), field(&self.bytes, 12));
        let crc = checksum(self.payload_crc, (length, received), (segment, offset));
        self.bytes[8..12].copy_from_slice(&crc.to_le_bytes());
        &self.bytes
    }
}

/// A record that was read and is sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// Bytes of the segment before it.
    pub(crate) offset: u64,
    /// When its batch was received.
    pub(crate) received: Moment,
    /// What it holds.
    pub(crate) payload: &'a [u8],
}

impl<'a> Record<'a> {
    /// The record that `bytes` begin with, if they are one that was written at `offset` of `segment`.
    pub(crate) fn parse(bytes: &'a [u8], segment: u32, offset: u64) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
        let payload = rest.get(..payload_len(head)?)?;
        let (length, received) = (field(head, 4), field(head, 12));
        let crc = checksum(crc32c::crc32c(payload), (length, received), (segment, offset));
        (field::<4>(head, 8) == crc.to_le_bytes()).then_some(Self {
            offset,
            received: Moment { nanos: u64::from_le_bytes(received) },
            payload,
        })
    }

    /// Length with its head.
    pub(crate) fn len(&self) -> u64 {
        (HEAD_BYTES + self.payload.len()) as u64
    }
}

/// The length that the head of a record claims, if a record may be that long.
pub(crate) fn payload_len(head: &[u8; HEAD_BYTES]) -> Option<usize> {
    let length = u32::from_le_bytes(field(head, 4)) as usize;
    (head.starts_with(&MARK) && (1..=PAYLOAD_BYTES_MAX).contains(&length)).then_some(length)
}

fn checksum(
    payload_crc: u32,
    (length, received): ([u8; 4], [u8; 8]),
    (segment, offset): (u32, u64),
) -> u32 {
    let mut tail = [0; 24];
    tail[..4].copy_from_slice(&length);
    tail[4..12].copy_from_slice(&received);
    tail[12..16].copy_from_slice(&segment.to_le_bytes());
    tail[16..].copy_from_slice(&offset.to_le_bytes());
    crc32c::crc32c_append(payload_crc, &tail)
}

fn field<const N: usize>(bytes: &[u8], from: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[from..from + N]);
    field
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_record_is_read_where_it_was_written_and_nowhere_else(
            payload in prop::collection::vec(any::<u8>(), 1..200),
            nanos: u64,
            segment: u32,
            offset: u64,
            damaged: prop::sample::Index,
            bit in 0_u8..8,
        ) {
            let mut frame = Frame::new(Moment { nanos }, &payload).unwrap();
            let mut bytes = frame.placed(segment, offset).to_vec();
            let record = Record::parse(&bytes, segment, offset).unwrap();
            prop_assert_eq!((record.payload, record.received.nanos), (&payload[..], nanos));
            prop_assert_eq!(record.len(), bytes.len() as u64);
            prop_assert_eq!(Record::parse(&bytes, segment ^ 1, offset), None);
            prop_assert_eq!(Record::parse(&bytes, segment, offset ^ 1), None);
            prop_assert_eq!(Record::parse(&bytes[..bytes.len() - 1], segment, offset), None);
            let place = damaged.index(bytes.len());
            bytes[place] ^= 1_u8 << bit;
            prop_assert_eq!(Record::parse(&bytes, segment, offset), None);
        }
    }

    #[test]
    fn what_is_empty_or_too_long_is_refused() {
        assert!(Frame::new(Moment::default(), &[]).is_err());
        assert!(Frame::new(Moment::default(), &vec![0; PAYLOAD_BYTES_MAX + 1]).is_err());
    }
}
