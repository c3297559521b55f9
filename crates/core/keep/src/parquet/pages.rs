//! One page to values: the encodings that blocks are written in.

use bytes::Bytes;
use parquet::{
    basic::{Encoding, Type as PhysicalType},
    column::page::Page,
    schema::types::ColumnDescPtr,
};

use super::{Damaged, delta, hybrid};
use crate::texts::{Texts, small};

/// A place of a dictionary that was not needed yet.
const UNUSED: u64 = u64::MAX;

/// Values of a column as they are read.
pub(super) struct Sink<'a> {
    physical: PhysicalType,
    width: usize,
    is_optional: bool,
    texts: &'a mut Texts,
    dictionary: Dictionary,
    filled: Filled,
    levels: Vec<u32>,
    places: Vec<u32>,
    numbers: Vec<i64>,
}

/// The values of some rows.
#[derive(Debug, Default)]
pub(super) struct Filled {
    /// Which rows have a value.
    pub(super) present: Vec<bool>,
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
    /// Its number among the texts of the chunk.
    numbers: Vec<u64>,
    count: usize,
}

impl<'a> Sink<'a> {
    pub(super) fn new(column: &ColumnDescPtr, texts: &'a mut Texts) -> Self {
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
            dictionary: Dictionary::default(),
            filled: Filled::default(),
            levels: Vec::new(),
            places: Vec::new(),
            numbers: Vec::new(),
        }
    }

    pub(super) fn into_filled(self) -> Filled {
        self.filled
    }

    fn take(&mut self, value: u64) {
        self.filled.present.push(true);
        self.filled.values.push(value);
    }

    fn take_id(&mut self, id: &[u8]) {
        self.filled.present.push(true);
        self.filled.ids.extend_from_slice(id);
    }

    fn read_dictionary(&mut self, bytes: &Bytes, count: u32) -> Result<(), Damaged> {
        let mut dictionary =
            Dictionary { bytes: bytes.clone(), count: count as usize, ..Dictionary::default() };
        if self.physical == PhysicalType::BYTE_ARRAY {
            let mut at = 0_usize;
            for _ in 0..count {
                let length = bytes.get(at..at + 4).and_then(|it| it.try_into().ok());
                let length = u32::from_le_bytes(length.ok_or(Damaged("its dictionary is cut"))?);
                let (start, end) = (at + 4, at + 4 + length as usize);
                if bytes.len() < end {
                    return Err(Damaged("its dictionary is cut"));
                }
                dictionary.texts.push((small(start), small(end)));
                at = end;
            }
            dictionary.numbers = vec![UNUSED; dictionary.texts.len()];
        } else if bytes.len() < self.width * count as usize {
            return Err(Damaged("its dictionary is cut"));
        }
        self.dictionary = dictionary;
        Ok(())
    }

    fn take_place(&mut self, place: u32) -> Result<(), Damaged> {
        let place = place as usize;
        if self.dictionary.count <= place {
            return Err(Damaged("a value is not in its dictionary"));
        }
        match self.physical {
            PhysicalType::BYTE_ARRAY => {
                let number = &mut self.dictionary.numbers[place];
                if *number == UNUSED {
                    let (start, end) = self.dictionary.texts[place];
                    let bytes = &self.dictionary.bytes[start as usize..end as usize];
                    let text =
                        std::str::from_utf8(bytes).map_err(|_cause| Damaged("it is no text"))?;
                    *number = u64::from(self.texts.number(text));
                }
                let number = *number;
                self.take(number);
            }
            PhysicalType::FIXED_LEN_BYTE_ARRAY => {
                let bytes = self.dictionary.bytes.clone();
                self.take_id(&bytes[place * self.width..(place + 1) * self.width]);
            }
            _ => {
                let bytes = &self.dictionary.bytes[place * 8..place * 8 + 8];
                let word = bytes.try_into().map_err(|_cause| Damaged("its dictionary is cut"))?;
                self.take(u64::from_le_bytes(word));
            }
        }
        Ok(())
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
            let body = levels(buf, count, sink)?;
            let present = if sink.is_optional {
                sink.levels.iter().filter(|level| **level == 1).count()
            } else {
                count
            };
            let values = Values::read(*encoding, buf, body, present, sink)?;
            take_rows(&values, count, rows.map(|rows| (rows, from)), sink)
        }
        Page::DataPageV2 { .. } => Err(Damaged("its pages are of a kind that blocks have not")),
    }
}

/// Reads which rows have a value; returns where the values begin.
fn levels(bytes: &Bytes, count: usize, sink: &mut Sink<'_>) -> Result<usize, Damaged> {
    sink.levels.clear();
    if !sink.is_optional {
        return Ok(0);
    }
    let length = bytes.get(..4).and_then(|it| it.try_into().ok()).map(u32::from_le_bytes);
    let end = 4 + length.ok_or(Damaged("its levels are cut"))? as usize;
    let levels = bytes.get(4..end).ok_or(Damaged("its levels are cut"))?;
    hybrid::decode(levels, 1, count, &mut sink.levels)?;
    Ok(end)
}

/// The values of a page, unpacked as far as is needed to pick some.
enum Values {
    Places,
    Numbers,
    /// Where each text begins.
    Texts(Bytes, Vec<u32>),
    Fixed(Bytes),
    Bits(Bytes),
}

impl Values {
    fn read(
        encoding: Encoding,
        bytes: &Bytes,
        from: usize,
        count: usize,
        sink: &mut Sink<'_>,
    ) -> Result<Self, Damaged> {
        let body = bytes.slice(from..);
        match (encoding, sink.physical) {
            (Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY, _) => {
                sink.places.clear();
                if 0 < count {
                    let (width, packed) =
                        body.split_first().ok_or(Damaged("packed values are cut"))?;
                    hybrid::decode(packed, u32::from(*width), count, &mut sink.places)?;
                }
                Ok(Self::Places)
            }
            (Encoding::DELTA_BINARY_PACKED, PhysicalType::INT64) => {
                sink.numbers.clear();
                delta::decode(&body, count, &mut sink.numbers)?;
                Ok(Self::Numbers)
            }
            (Encoding::DELTA_LENGTH_BYTE_ARRAY, PhysicalType::BYTE_ARRAY) => {
                sink.numbers.clear();
                let texts = delta::decode(&body, count, &mut sink.numbers)?;
                let mut ends = vec![0_u32];
                let mut end = 0_usize;
                for length in &sink.numbers {
                    let length =
                        usize::try_from(*length).map_err(|_cause| Damaged("a length below 0"))?;
                    end = end.saturating_add(length);
                    if texts.len() < end {
                        return Err(Damaged("its texts are cut"));
                    }
                    ends.push(small(end));
                }
                Ok(Self::Texts(bytes.slice_ref(texts), ends))
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

    fn take(&self, at: usize, sink: &mut Sink<'_>) -> Result<(), Damaged> {
        match self {
            Self::Places => return sink.take_place(sink.places[at]),
            Self::Numbers => sink.take(sink.numbers[at].cast_unsigned()),
            Self::Texts(bytes, ends) => {
                let text = &bytes[ends[at] as usize..ends[at + 1] as usize];
                let text = std::str::from_utf8(text).map_err(|_cause| Damaged("it is no text"))?;
                let number = sink.texts.number(text);
                sink.take(u64::from(number));
            }
            Self::Bits(bytes) => sink.take(u64::from(bytes[at / 8] >> (at % 8) & 1)),
            Self::Fixed(bytes) => {
                let value = &bytes[at * sink.width..(at + 1) * sink.width];
                match value.try_into() {
                    Ok(word) if sink.physical != PhysicalType::FIXED_LEN_BYTE_ARRAY => {
                        sink.take(u64::from_le_bytes(word));
                    }
                    _ => sink.take_id(value),
                }
            }
        }
        Ok(())
    }
}

fn take_rows(
    values: &Values,
    count: usize,
    rows: Option<(&[u32], usize)>,
    sink: &mut Sink<'_>,
) -> Result<(), Damaged> {
    let levels = std::mem::take(&mut sink.levels);
    let has = |row: usize| levels.is_empty() || levels[row] == 1;
    let mut wanted = rows.map(|(rows, from)| rows.iter().map(move |row| *row as usize - from));
    let mut next = wanted.as_mut().and_then(Iterator::next);
    let mut at = 0;
    for row in 0..count {
        let is_wanted = wanted.is_none() || next == Some(row);
        if is_wanted {
            if has(row) {
                values.take(at, sink)?;
            } else {
                sink.filled.present.push(false);
            }
            next = wanted.as_mut().and_then(Iterator::next);
        }
        at += usize::from(has(row));
    }
    sink.levels = levels;
    Ok(())
}
