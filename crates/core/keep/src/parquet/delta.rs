//! Differences, packed: how Parquet writes whole numbers that are near each other.
//!
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/#DELTAENC>

use super::{
    Damaged,
    hybrid::{bits, read_bits, read_varint, varint},
};

const BLOCK: usize = 128;
const MINIBLOCKS: usize = 4;
const MINIBLOCK: usize = BLOCK / MINIBLOCKS;

/// Appends whole numbers.
pub(super) fn encode(values: &[i64], out: &mut Vec<u8>) {
    varint(BLOCK as u64, out);
    varint(MINIBLOCKS as u64, out);
    varint(values.len() as u64, out);
    varint(zigzag(values.first().copied().unwrap_or(0)), out);
    let mut before = values.first().copied().unwrap_or(0);
    for block in values.get(1..).unwrap_or_default().chunks(BLOCK) {
        let mut deltas = [0_i64; BLOCK];
        for (delta, value) in deltas.iter_mut().zip(block) {
            *delta = value.wrapping_sub(before);
            before = *value;
        }
        let deltas = &deltas[..block.len()];
        let least = deltas.iter().copied().min().unwrap_or(0);
        varint(zigzag(least), out);
        let widths_at = out.len();
        out.extend_from_slice(&[0; MINIBLOCKS]);
        for (place, part) in deltas.chunks(MINIBLOCK).enumerate() {
            let above = |delta: &i64| delta.wrapping_sub(least).cast_unsigned();
            let width =
                u64::BITS - part.iter().map(above).fold(0, |all, it| all | it).leading_zeros();
            out[widths_at + place] = width as u8;
            let filled = part.iter().map(above).chain(std::iter::repeat(0)).take(MINIBLOCK);
            bits(filled, width, out);
        }
    }
}

/// Reads whole numbers; returns what follows them.
pub(super) fn decode<'a>(
    mut bytes: &'a [u8],
    count: usize,
    out: &mut Vec<i64>,
) -> Result<&'a [u8], Damaged> {
    let block = size(read_varint(&mut bytes)?)?;
    let miniblocks = size(read_varint(&mut bytes)?)?;
    let total = read_varint(&mut bytes)?;
    let mut value = unzigzag(read_varint(&mut bytes)?);
    if total != count as u64 {
        return Err(Damaged("a page holds another number of values than it says"));
    }
    if miniblocks == 0 || block % miniblocks != 0 || (block / miniblocks) % 32 != 0 || block == 0 {
        return Err(Damaged("differences come in blocks that cannot be"));
    }
    let miniblock = block / miniblocks;
    let end = out.len() + count;
    if 0 < count {
        out.push(value);
    }
    while out.len() < end {
        let least = unzigzag(read_varint(&mut bytes)?);
        let (widths, rest) =
            bytes.split_at_checked(miniblocks).ok_or(Damaged("packed values are cut"))?;
        bytes = rest;
        for width in widths.iter().map(|width| u32::from(*width)) {
            let left = (end - out.len()).min(miniblock);
            if left == 0 {
                break;
            }
            if 64 < width {
                return Err(Damaged("values are wider than 64 bits"));
            }
            read_bits(bytes, width, left, |above| {
                value = value.wrapping_add(least).wrapping_add(above.cast_signed());
                out.push(value);
            })?;
            let packed = miniblock * width as usize / 8;
            bytes = bytes.get(packed..).ok_or(Damaged("packed values are cut"))?;
        }
    }
    Ok(bytes)
}

/// Sizes of blocks are small; a large one is damage.
fn size(number: u64) -> Result<usize, Damaged> {
    match usize::try_from(number) {
        Ok(size) if size <= 1 << 16 => Ok(size),
        _ => Err(Damaged("differences come in blocks that cannot be")),
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_encoded_is_read_back(values in prop::collection::vec(any::<i64>(), 0..400), shift in 0_u32..64) {
            let values: Vec<i64> = values.into_iter().map(|value| value >> shift).collect();
            let mut bytes = Vec::new();
            encode(&values, &mut bytes);
            bytes.extend_from_slice(b"more");
            let mut read = Vec::new();
            let rest = decode(&bytes, values.len(), &mut read).unwrap();
            prop_assert_eq!(read, values);
            prop_assert_eq!(rest, b"more");
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, count in 0_usize..2000) {
            let mut read = Vec::new();
            if decode(&bytes, count, &mut read).is_ok() {
                prop_assert_eq!(read.len(), count);
            }
        }
    }
}
