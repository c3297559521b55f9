//! Runs and packed bits: how Parquet writes levels and places in a dictionary.
//!
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE>

use super::Damaged;

/// Values that are packed together.
const GROUP: usize = 8;

/// Bits that hold every value up to `max`.
pub(super) fn width_of(max: u32) -> u32 {
    u32::BITS - max.leading_zeros()
}

/// Appends values of `width` bits each, at most 32.
pub(super) fn encode(values: &[u32], width: u32, out: &mut Vec<u8>) {
    let mut packed_from = 0;
    let mut at = 0;
    while let Some(value) = values.get(at) {
        let run = values[at..].iter().take_while(|other| *other == value).count();
        // Packed groups are whole, so that a run begins at the end of one.
        let waiting = (at - packed_from) % GROUP;
        let fill = if waiting == 0 { 0 } else { GROUP - waiting };
        if run < fill + GROUP {
            at += run;
            continue;
        }
        at += fill;
        pack(&values[packed_from..at], width, out);
        let length = run - fill;
        varint((length as u64) << 1, out);
        out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
        at += length;
        packed_from = at;
    }
    pack(&values[packed_from..], width, out);
}

fn pack(values: &[u32], width: u32, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    varint((values.len().div_ceil(GROUP) as u64) << 1 | 1, out);
    bits(values.iter().map(|value| u64::from(*value)), width, out);
    let surplus = values.len() % GROUP;
    if surplus != 0 {
        // The rest of the last group: the bits that are missing to whole bytes are zeros.
        let written = (surplus * width as usize).div_ceil(8);
        out.resize(out.len() + width as usize - written, 0);
    }
}

/// Appends values of `width` bits each, at most 64, the last byte filled with zeros.
pub(super) fn bits(values: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    let mut waiting = 0_u128;
    let mut count = 0;
    for value in values {
        waiting |= u128::from(value) << count;
        count += width;
        if 64 <= count {
            out.extend_from_slice(&(waiting as u64).to_le_bytes());
            waiting >>= 64;
            count -= 64;
        }
    }
    let rest = (waiting as u64).to_le_bytes();
    out.extend_from_slice(&rest[..count.div_ceil(8) as usize]);
}

/// Appends a number, 7 bits a byte.
pub(super) fn varint(mut number: u64, out: &mut Vec<u8>) {
    while 0x80 <= number {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Reads a number, 7 bits a byte.
pub(super) fn read_varint(bytes: &mut &[u8]) -> Result<u64, Damaged> {
    let mut number = 0;
    for place in 0..10 {
        let (byte, rest) = bytes.split_first().ok_or(Damaged("a number has no end"))?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << (7 * place);
        if *byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Damaged("a number has more than 64 bits"))
}

/// Reads values of `width` bits.
pub(super) fn read_bits(
    bytes: &[u8],
    width: u32,
    count: usize,
    mut each: impl FnMut(u64),
) -> Result<(), Damaged> {
    let needed = (count * width as usize).div_ceil(8);
    let bytes = bytes.get(..needed).ok_or(Damaged("packed values are cut"))?;
    let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
    let mut waiting = 0_u128;
    let mut have = 0;
    let mut chunks = bytes.chunks(8);
    for _ in 0..count {
        if have < width {
            let chunk = chunks.next().unwrap_or_default();
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            waiting |= u128::from(u64::from_le_bytes(word)) << have;
            have += 8 * chunk.len() as u32;
        }
        each(waiting as u64 & mask);
        waiting >>= width;
        have -= width.min(have);
    }
    Ok(())
}

/// Reads `count` values of `width` bits each.
pub(super) fn decode(
    mut bytes: &[u8],
    width: u32,
    count: usize,
    out: &mut Vec<u32>,
) -> Result<(), Damaged> {
    if 32 < width {
        return Err(Damaged("values are wider than 32 bits"));
    }
    let end = out.len() + count;
    while out.len() < end {
        let head = read_varint(&mut bytes)?;
        let left = end - out.len();
        let length = usize::try_from(head >> 1).unwrap_or(usize::MAX);
        if head & 1 == 0 {
            let value_bytes = width.div_ceil(8) as usize;
            let (value, rest) =
                bytes.split_at_checked(value_bytes).ok_or(Damaged("a run has no value"))?;
            bytes = rest;
            let mut word = [0; 4];
            word[..value_bytes].copy_from_slice(value);
            if length == 0 {
                return Err(Damaged("a run is empty"));
            }
            out.resize(out.len() + length.min(left), u32::from_le_bytes(word));
        } else {
            let group_bytes = length.checked_mul(width as usize).filter(|it| *it <= bytes.len());
            let group_bytes = group_bytes.ok_or(Damaged("packed values are cut"))?;
            if length == 0 {
                return Err(Damaged("a run is empty"));
            }
            let (packed, rest) = bytes.split_at(group_bytes);
            bytes = rest;
            let values = left.min(length.saturating_mul(GROUP));
            read_bits(packed, width, values, |value| out.push(value as u32))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Vec<u32>> {
        let run = (0_u32..300, 1_usize..40);
        prop::collection::vec(run, 0..60).prop_map(|runs| {
            runs.into_iter().flat_map(|(value, count)| vec![value; count]).collect()
        })
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_read_back(values in values()) {
            let width = width_of(values.iter().copied().max().unwrap_or(0));
            let mut bytes = Vec::new();
            encode(&values, width, &mut bytes);
            let mut read = Vec::new();
            decode(&bytes, width, values.len(), &mut read).unwrap();
            prop_assert_eq!(read, values);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, width in 0_u32..40, count in 0_usize..2000) {
            let mut read = Vec::new();
            if decode(&bytes, width, count, &mut read).is_ok() {
                prop_assert_eq!(read.len(), count);
            }
        }

        #[test]
        fn wide_values_are_read_back(values: Vec<u64>, width in 1_u32..=64) {
            let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
            let values: Vec<u64> = values.into_iter().map(|value| value & mask).collect();
            let mut bytes = Vec::new();
            bits(values.iter().copied(), width, &mut bytes);
            let mut read = Vec::new();
            read_bits(&bytes, width, values.len(), |value| read.push(value)).unwrap();
            prop_assert_eq!(read, values);
        }
    }

    #[test]
    fn a_long_run_takes_a_few_bytes() {
        let mut bytes = Vec::new();
        encode(&vec![1; 100_000], 1, &mut bytes);
        assert!(bytes.len() < 8, "{} bytes", bytes.len());
    }
}
