//! Runs and packed bits: how Parquet writes levels and places in a dictionary.
//!
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE>

use super::Damaged;
use crate::texts::small;

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

/// Reads values of `width` bits, at most 64.
pub(super) fn read_bits(
    bytes: &[u8],
    width: u32,
    count: usize,
    mut each: impl FnMut(u64),
) -> Result<(), Damaged> {
    let needed = (count * width as usize).div_ceil(8);
    let bytes = bytes.get(..needed).ok_or(Damaged("packed values are cut"))?;
    if width <= WORD_WIDTH_MAX {
        // A value lies within the eight bytes from that of its first bit on.
        let whole = (bytes.len() * 8).checked_sub(64).map_or(0, |bits| match width {
            0 => count,
            width => (bits / width as usize + 1).min(count),
        });
        let mask = (1_u64 << width) - 1;
        let mut bit = 0;
        for _ in 0..whole {
            let at = bit / 8;
            let word = bytes.get(at..at + 8).and_then(|word| word.first_chunk::<8>());
            let word = u64::from_le_bytes(*word.unwrap_or(&[0; 8]));
            each(word >> (bit % 8) & mask);
            bit += width as usize;
        }
        for at in whole..count {
            each(bits_at(bytes, width, at));
        }
    } else {
        for at in 0..count {
            each(bits_at(bytes, width, at));
        }
    }
    Ok(())
}

/// Values that lie within one word wherever they begin within a byte.
const WORD_WIDTH_MAX: u32 = 57;

/// The value at a place, of as many as there are bytes for.
fn bits_at(bytes: &[u8], width: u32, at: usize) -> u64 {
    let bit = at * width as usize;
    let mut word = [0; 16];
    let rest = bytes.get(bit / 8..).unwrap_or_default();
    let length = rest.len().min(9);
    word[..length].copy_from_slice(&rest[..length]);
    let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
    (u128::from_le_bytes(word) >> (bit % 8)) as u64 & mask
}

/// Values that follow each other.
#[derive(Debug, Clone, Copy)]
pub(super) enum Run<'a> {
    /// The same so many times.
    Same(u32, usize),
    /// Packed ones, so many.
    Packed(&'a [u8], usize),
}

/// Goes through the runs of `count` values of `width` bits each.
pub(super) fn runs(
    mut bytes: &[u8],
    width: u32,
    count: usize,
    mut each: impl FnMut(Run<'_>) -> Result<(), Damaged>,
) -> Result<(), Damaged> {
    if 32 < width {
        return Err(Damaged("values are wider than 32 bits"));
    }
    let mut left = count;
    while 0 < left {
        let head = read_varint(&mut bytes)?;
        let length = usize::try_from(head >> 1).unwrap_or(usize::MAX);
        if length == 0 {
            return Err(Damaged("a run is empty"));
        }
        if head & 1 == 0 {
            let value_bytes = width.div_ceil(8) as usize;
            let (value, rest) =
                bytes.split_at_checked(value_bytes).ok_or(Damaged("a run has no value"))?;
            bytes = rest;
            let mut word = [0; 4];
            word[..value_bytes].copy_from_slice(value);
            let length = length.min(left);
            each(Run::Same(u32::from_le_bytes(word), length))?;
            left -= length;
        } else {
            let group_bytes = length.checked_mul(width as usize).filter(|it| *it <= bytes.len());
            let group_bytes = group_bytes.ok_or(Damaged("packed values are cut"))?;
            let (packed, rest) = bytes.split_at(group_bytes);
            bytes = rest;
            let length = left.min(length.saturating_mul(GROUP));
            each(Run::Packed(packed, length))?;
            left -= length;
        }
    }
    Ok(())
}

/// Reads `count` values of `width` bits each.
#[cfg(test)]
pub(super) fn decode(
    bytes: &[u8],
    width: u32,
    count: usize,
    out: &mut Vec<u32>,
) -> Result<(), Damaged> {
    runs(bytes, width, count, |run| match run {
        Run::Same(value, length) => {
            out.resize(out.len() + length, value);
            Ok(())
        }
        Run::Packed(bytes, length) => {
            read_bits(bytes, width, length, |value| out.push(value as u32))
        }
    })
}

/// Reads those of `count` values of `width` bits that are at `places`, ascending.
pub(super) fn pick(
    bytes: &[u8],
    width: u32,
    count: usize,
    places: &[u32],
    out: &mut Vec<u32>,
) -> Result<(), Damaged> {
    let (mut from, mut next) = (0, 0);
    runs(bytes, width, count, |run| {
        let (Run::Same(_, length) | Run::Packed(_, length)) = run;
        while let Some(place) = places.get(next).filter(|it| (**it as usize) < from + length) {
            out.push(match run {
                Run::Same(value, _) => value,
                Run::Packed(bytes, _) => bits_at(bytes, width, *place as usize - from) as u32,
            });
            next += 1;
        }
        from += length;
        Ok(())
    })
}

/// Where, of `count` bits, the ones are.
pub(super) fn ones(bytes: &[u8], count: usize, mut each: impl FnMut(u32)) -> Result<(), Damaged> {
    let mut from = 0;
    runs(bytes, 1, count, |run| {
        match run {
            Run::Same(0, length) => from += length,
            Run::Same(_, length) => {
                (from..from + length).for_each(|place| each(small(place)));
                from += length;
            }
            Run::Packed(bytes, length) => {
                for (number, chunk) in bytes[..length.div_ceil(8)].chunks(8).enumerate() {
                    let mut word = [0; 8];
                    word[..chunk.len()].copy_from_slice(chunk);
                    let mut word = u64::from_le_bytes(word);
                    let left = length - number * 64;
                    if left < 64 {
                        word &= (1 << left) - 1;
                    }
                    while word != 0 {
                        each(small(from + number * 64 + word.trailing_zeros() as usize));
                        word &= word - 1;
                    }
                }
                from += length;
            }
        }
        Ok(())
    })
}

/// Of `count` bits, for those of `places` (ascending) that are ones: which of `places` it is, and how many ones are before
/// it. Returns how many ones there are.
pub(super) fn ranks(
    bytes: &[u8],
    count: usize,
    places: &[u32],
    mut each: impl FnMut(usize, u32),
) -> Result<usize, Damaged> {
    let (mut from, mut next, mut before) = (0, 0, 0_usize);
    runs(bytes, 1, count, |run| {
        let (Run::Same(_, length) | Run::Packed(_, length)) = run;
        while let Some(place) = places.get(next).filter(|it| (**it as usize) < from + length) {
            let within = *place as usize - from;
            match run {
                Run::Same(0, _) => {}
                Run::Same(..) => each(next, small(before + within)),
                Run::Packed(bytes, _) if bits_at(bytes, 1, within) == 1 => {
                    each(next, small(before + count_ones(bytes, within)));
                }
                Run::Packed(..) => {}
            }
            next += 1;
        }
        from += length;
        before += match run {
            Run::Same(0, _) => 0,
            Run::Same(..) => length,
            Run::Packed(bytes, _) => count_ones(bytes, length),
        };
        Ok(())
    })?;
    Ok(before)
}

/// Ones among the first `length` bits.
fn count_ones(bytes: &[u8], length: usize) -> usize {
    let (whole, rest) = bytes.split_at(length / 8);
    let (words, last) = whole.as_chunks::<8>();
    let words: u32 = words.iter().map(|word| u64::from_le_bytes(*word).count_ones()).sum();
    let last: u32 = last.iter().map(|byte| byte.count_ones()).sum();
    let rest = rest.first().map_or(0, |byte| (byte & ((1 << (length % 8)) - 1)).count_ones());
    (words + last + rest) as usize
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
            let is_read = decode(&bytes, width, count, &mut read).is_ok();
            if is_read {
                prop_assert_eq!(read.len(), count);
            }
            let mut picked = Vec::new();
            let all: Vec<u32> = (0..small(count)).collect();
            prop_assert_eq!(pick(&bytes, width, count, &all, &mut picked).is_ok(), is_read);
            if is_read {
                prop_assert_eq!(picked, read);
            }
        }

        #[test]
        fn values_are_picked_and_ones_found_as_they_are_decoded(
            values in values(),
            wanted in prop::collection::btree_set(0_u32..2400, 0..20),
        ) {
            let wanted: Vec<u32> =
                wanted.into_iter().filter(|place| (*place as usize) < values.len()).collect();
            let width = width_of(values.iter().copied().max().unwrap_or(0));
            let mut bytes = Vec::new();
            encode(&values, width, &mut bytes);
            let mut picked = Vec::new();
            pick(&bytes, width, values.len(), &wanted, &mut picked).unwrap();
            let expected: Vec<u32> = wanted.iter().map(|place| values[*place as usize]).collect();
            prop_assert_eq!(picked, expected);
            let levels: Vec<u32> = values.iter().map(|value| value % 3 % 2).collect();
            let mut bytes = Vec::new();
            encode(&levels, 1, &mut bytes);
            let mut found = Vec::new();
            ones(&bytes, levels.len(), |place| found.push(place)).unwrap();
            let places = (0_u32..).zip(&levels).filter(|(_, level)| **level == 1);
            prop_assert_eq!(&found, &places.map(|(place, _)| place).collect::<Vec<_>>());
            let mut ranked = Vec::new();
            let each = |which: usize, before| ranked.push((wanted[which], before));
            prop_assert_eq!(ranks(&bytes, levels.len(), &wanted, each), Ok(found.len()));
            let expected = (0_u32..).zip(&found).filter(|(_, place)| wanted.contains(place));
            let expected: Vec<(u32, u32)> = expected.map(|(rank, place)| (*place, rank)).collect();
            prop_assert_eq!(ranked, expected);
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
