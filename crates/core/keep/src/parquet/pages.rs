//! One page to values: the encodings that blocks are written in.

use bytes::Bytes;
use parquet::{
    basic::{Encoding, Type as PhysicalType},
    column::page::Page,
    schema::types::ColumnDescPtr,
};

use super::{
    Damaged, delta,
    hybrid::{self, Run},
};
use crate::texts::{Texts, small};

/// A place of a dictionary that was not needed yet.
const UNUSED: u64 = u64::MAX;

/// Values for which room is made at once; a page that says that it has more may be damaged.
const CAPACITY_MAX: usize = 1 << 17;

/// Values of a column as they are read.
pub(super) struct Sink<'a> {
    physical: PhysicalType,
    width: usize,
    is_optional: bool,
    texts: &'a mut Texts,
    /// No text comes twice.
    are_different: bool,
    dictionary: Dictionary,
    filled: Filled,
}

/// The values of some rows.
#[derive(Debug, Default)]
pub(super) struct Filled {
    /// How many rows there are.
    pub(super) rows: usize,
    /// Which of them have a value, ascending; `None` if all do.
    pub(super) present: Option<Vec<u32>>,
    /// The values of those: numbers of texts, or bits.
    pub(super) values: Vec<u64>,
    /// The same for ids, one after the other.
    pub(super) ids: Vec<u8>,
}

#[derive(Debug, Default)]
struct Dictionary {
    bytes: Bytes,
    /// Where each text begins and ends.
    texts: Vec<(u32, u32)>,
    /// Numbers of texts among those of the chunk, or numbers themselves.
    values: Vec<u64>,
    count: usize,
}

impl Filled {
    /// Adds rows that all have a value.
    fn add_present(&mut self, rows: usize) {
        if let Some(present) = &mut self.present {
            present.extend(small(self.rows)..small(self.rows + rows));
        }
        self.rows += rows;
    }

    /// Adds rows of which some have none.
    fn add_some(&mut self, rows: usize) -> &mut Vec<u32> {
        let before = self.rows;
        self.rows += rows;
        self.present.get_or_insert_with(|| (0..small(before)).collect())
    }
}

impl<'a> Sink<'a> {
    pub(super) fn new(column: &ColumnDescPtr, texts: &'a mut Texts, are_different: bool) -> Self {
        let physical = column.physical_type();
        Self {
            physical,
            width: match physical {
                PhysicalType::FIXED_LEN_BYTE_ARRAY => {
                    usize::try_from(column.type_length()).unwrap_or(0)
                }
                _ => 8,
            },
            is_optional: column.max_def_level() == 1,
            texts,
            are_different,
            dictionary: Dictionary::default(),
            filled: Filled::default(),
        }
    }

    pub(super) fn into_filled(self) -> Filled {
        self.filled
    }

    fn read_dictionary(&mut self, bytes: &Bytes, count: u32) -> Result<(), Damaged> {
        let mut dictionary =
            Dictionary { bytes: bytes.clone(), count: count as usize, ..Dictionary::default() };
        if self.physical == PhysicalType::BYTE_ARRAY {
            dictionary.texts = dictionary_texts(bytes, count)?;
            dictionary.values = vec![UNUSED; dictionary.texts.len()];
        } else if bytes.len() < self.width * count as usize {
            return Err(Damaged("its dictionary is cut"));
        } else if self.physical != PhysicalType::FIXED_LEN_BYTE_ARRAY {
            let (words, _) = bytes.as_chunks::<8>();
            let words = words.iter().take(count as usize);
            dictionary.values = words.map(|word| u64::from_le_bytes(*word)).collect();
        }
        self.dictionary = dictionary;
        Ok(())
    }

    /// Takes the value at a place of the dictionary, so many times.
    #[inline]
    fn take_place(&mut self, place: u32, times: usize) -> Result<(), Damaged> {
        let place = place as usize;
        if self.physical == PhysicalType::FIXED_LEN_BYTE_ARRAY {
            let id = self.dictionary.bytes.get(place * self.width..(place + 1) * self.width);
            let id = id.filter(|_| place < self.dictionary.count);
            let id = id.ok_or(Damaged("a value is not in its dictionary"))?;
            (0..times).for_each(|_| self.filled.ids.extend_from_slice(id));
            return Ok(());
        }
        let known = self.dictionary.values.get(place).copied();
        let mut value = known.ok_or(Damaged("a value is not in its dictionary"))?;
        if value == UNUSED && self.physical == PhysicalType::BYTE_ARRAY {
            value = self.number(place)?;
        }
        match times {
            1 => self.filled.values.push(value),
            _ => self.filled.values.resize(self.filled.values.len() + times, value),
        }
        Ok(())
    }

    /// The number of a text of the dictionary that was not needed yet.
    #[cold]
    fn number(&mut self, place: usize) -> Result<u64, Damaged> {
        let (start, end) = self.dictionary.texts[place];
        let bytes = &self.dictionary.bytes[start as usize..end as usize];
        let text = std::str::from_utf8(bytes).map_err(|_cause| Damaged("it is no text"))?;
        let number = u64::from(self.texts.number(text));
        self.dictionary.values[place] = number;
        Ok(number)
    }
}

/// Reads a page: all of its rows, or those of `rows`, which are counted from the first of the group, whose row
/// `from` is the first of the page.
pub(super) fn read_page(
    page: &Page,
    rows: Option<&[u32]>,
    from: usize,
    sink: &mut Sink<'_>,
) -> Result<(), Damaged> {
    match page {
        Page::DictionaryPage { buf, num_values, .. } => sink.read_dictionary(buf, *num_values),
        Page::DataPage { buf, num_values, encoding, .. } => {
            let count = *num_values as usize;
            let (levels, body) = split_levels(buf, sink.is_optional)?;
            match rows {
                None => {
                    let held = all_rows(levels, count, &mut sink.filled)?;
                    Values::read(*encoding, body, held, sink)?.take_all(held, sink)
                }
                Some(rows) => {
                    let rows: Vec<u32> =
                        rows.iter().filter_map(|row| row.checked_sub(small(from))).collect();
                    let (held, places) = some_rows(levels, count, &rows, &mut sink.filled)?;
                    let values = Values::read(*encoding, body, held, sink)?;
                    values.take_some(held, &places, sink)
                }
            }
        }
        Page::DataPageV2 { .. } => Err(Damaged("its pages are of a kind that blocks have not")),
    }
}

/// Where each text of a dictionary begins and ends.
pub(super) fn dictionary_texts(bytes: &[u8], count: u32) -> Result<Vec<(u32, u32)>, Damaged> {
    let mut texts = Vec::new();
    let mut at = 0_usize;
    for _ in 0..count {
        let length = bytes.get(at..at + 4).and_then(|it| it.try_into().ok());
        let length = u32::from_le_bytes(length.ok_or(Damaged("its dictionary is cut"))?);
        let (start, end) = (at + 4, at + 4 + length as usize);
        if bytes.len() < end {
            return Err(Damaged("its dictionary is cut"));
        }
        texts.push((small(start), small(end)));
        at = end;
    }
    Ok(texts)
}

/// Which rows have a value, if not all must, and the values.
pub(super) fn split_levels(
    bytes: &[u8],
    is_optional: bool,
) -> Result<(Option<&[u8]>, &[u8]), Damaged> {
    if !is_optional {
        return Ok((None, bytes));
    }
    let (length, rest) = bytes.split_first_chunk().ok_or(Damaged("its levels are cut"))?;
    let length = u32::from_le_bytes(*length) as usize;
    let (levels, body) = rest.split_at_checked(length).ok_or(Damaged("its levels are cut"))?;
    Ok((Some(levels), body))
}

/// Takes in which of a page's rows have a value; returns how many do.
fn all_rows(levels: Option<&[u8]>, count: usize, filled: &mut Filled) -> Result<usize, Damaged> {
    let Some(levels) = levels else {
        filled.add_present(count);
        return Ok(count);
    };
    let held = hybrid::ranks(levels, count, &[], |_, _| {})?;
    if held == count {
        filled.add_present(count);
    } else {
        let base = small(filled.rows);
        let present = filled.add_some(count);
        hybrid::ones(levels, count, |row| present.push(base + row))?;
    }
    Ok(held)
}

/// Takes in which of some rows have a value; returns how many of all do, and where the values of those are.
fn some_rows(
    levels: Option<&[u8]>,
    count: usize,
    rows: &[u32],
    filled: &mut Filled,
) -> Result<(usize, Vec<u32>), Damaged> {
    if rows.last().is_some_and(|last| count <= *last as usize) {
        return Err(Damaged("its pages hold another number of rows than it says"));
    }
    let Some(levels) = levels else {
        filled.add_present(rows.len());
        return Ok((count, rows.to_vec()));
    };
    let base = small(filled.rows);
    let mut places = Vec::with_capacity(rows.len());
    let mut here = Vec::with_capacity(rows.len());
    let held = hybrid::ranks(levels, count, rows, |which, place| {
        here.push(base + small(which));
        places.push(place);
    })?;
    if places.len() == rows.len() {
        filled.add_present(rows.len());
    } else {
        filled.add_some(rows.len()).append(&mut here);
    }
    Ok((held, places))
}

/// The values of a page, unpacked as far as is needed to pick some.
enum Values<'b> {
    /// Places in the dictionary, of so many bits each.
    Places(&'b [u8], u32),
    Numbers(Vec<i64>),
    /// Where each text ends.
    Texts(&'b [u8], Vec<u32>),
    Fixed(&'b [u8]),
    Bits(&'b [u8]),
}

impl<'b> Values<'b> {
    fn read(
        encoding: Encoding,
        body: &'b [u8],
        count: usize,
        sink: &Sink<'_>,
    ) -> Result<Self, Damaged> {
        match (encoding, sink.physical) {
            (Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY, _) => {
                let (width, packed) = match body.split_first() {
                    Some((width, packed)) => (u32::from(*width), packed),
                    None if count == 0 => (0, body),
                    None => return Err(Damaged("packed values are cut")),
                };
                Ok(Self::Places(packed, width))
            }
            (Encoding::DELTA_BINARY_PACKED, PhysicalType::INT64) => {
                let mut numbers = Vec::with_capacity(count.min(CAPACITY_MAX));
                delta::decode(body, count, &mut numbers)?;
                Ok(Self::Numbers(numbers))
            }
            (Encoding::DELTA_LENGTH_BYTE_ARRAY, PhysicalType::BYTE_ARRAY) => {
                let mut lengths = Vec::with_capacity(count.min(CAPACITY_MAX));
                let texts = delta::decode(body, count, &mut lengths)?;
                let mut ends = vec![0_u32];
                let mut end = 0_usize;
                for length in &lengths {
                    let length =
                        usize::try_from(*length).map_err(|_cause| Damaged("a length below 0"))?;
                    end = end.saturating_add(length);
                    if texts.len() < end {
                        return Err(Damaged("its texts are cut"));
                    }
                    ends.push(small(end));
                }
                Ok(Self::Texts(texts, ends))
            }
            (Encoding::PLAIN, PhysicalType::BOOLEAN) if count.div_ceil(8) <= body.len() => {
                Ok(Self::Bits(body))
            }
            (
                Encoding::PLAIN,
                PhysicalType::FIXED_LEN_BYTE_ARRAY | PhysicalType::DOUBLE | PhysicalType::INT64,
            ) if count * sink.width <= body.len() => Ok(Self::Fixed(body)),
            _ => Err(Damaged("its values are packed in a way that blocks are not")),
        }
    }

    /// Takes all `count` values.
    fn take_all(self, count: usize, sink: &mut Sink<'_>) -> Result<(), Damaged> {
        match self {
            Self::Places(packed, width) => {
                let mut told = Ok(());
                hybrid::runs(packed, width, count, |run| match run {
                    Run::Same(place, times) => sink.take_place(place, times),
                    Run::Packed(bytes, length) => {
                        hybrid::read_bits(bytes, width, length, |place| {
                            if told.is_ok() {
                                told = sink.take_place(place as u32, 1);
                            }
                        })
                    }
                })?;
                return told;
            }
            Self::Numbers(numbers) => {
                sink.filled.values.extend(numbers.iter().map(|number| number.cast_unsigned()));
            }
            Self::Fixed(bytes) if sink.physical == PhysicalType::FIXED_LEN_BYTE_ARRAY => {
                sink.filled.ids.extend_from_slice(&bytes[..count * sink.width]);
            }
            Self::Fixed(bytes) => {
                let words = bytes.as_chunks::<8>().0.iter().take(count);
                sink.filled.values.extend(words.map(|word| u64::from_le_bytes(*word)));
            }
            Self::Texts(..) | Self::Bits(_) => {
                for at in 0..count {
                    self.take(at, sink)?;
                }
            }
        }
        Ok(())
    }

    /// Takes those of `count` values that are at `places`.
    fn take_some(&self, count: usize, places: &[u32], sink: &mut Sink<'_>) -> Result<(), Damaged> {
        if let Self::Places(packed, width) = self {
            let mut picked = Vec::with_capacity(places.len());
            hybrid::pick(packed, *width, count, places, &mut picked)?;
            return picked.into_iter().try_for_each(|place| sink.take_place(place, 1));
        }
        places.iter().try_for_each(|place| self.take(*place as usize, sink))
    }

    fn take(&self, at: usize, sink: &mut Sink<'_>) -> Result<(), Damaged> {
        match self {
            Self::Places(..) => {}
            Self::Numbers(numbers) => sink.filled.values.push(numbers[at].cast_unsigned()),
            Self::Texts(bytes, ends) => {
                let text = &bytes[ends[at] as usize..ends[at + 1] as usize];
                let text = std::str::from_utf8(text).map_err(|_cause| Damaged("it is no text"))?;
                let number = if sink.are_different {
                    sink.texts.push(text)
                } else {
                    sink.texts.number(text)
                };
                sink.filled.values.push(u64::from(number));
            }
            Self::Bits(bytes) => {
                sink.filled.values.push(u64::from(bytes[at / 8] >> (at % 8) & 1));
            }
            Self::Fixed(bytes) => {
                let value = &bytes[at * sink.width..(at + 1) * sink.width];
                match value.try_into() {
                    Ok(word) if sink.physical != PhysicalType::FIXED_LEN_BYTE_ARRAY => {
                        sink.filled.values.push(u64::from_le_bytes(word));
                    }
                    _ => sink.filled.ids.extend_from_slice(value),
                }
            }
        }
        Ok(())
    }
}
