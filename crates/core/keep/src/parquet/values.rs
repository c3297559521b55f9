//! The values of one column of a group of rows, and how they are packed.

use std::ops::Range;

use parquet::basic::Encoding;
use rustc_hash::FxHashMap;

use super::{delta, encode::Scratch, hybrid, schema::Source};
use crate::{
    chunk::{AttributeColumn, AttributeKind, Chunk, Column},
    texts::{TextList, small},
};

/// Distinct whole numbers up to which they are worth a dictionary.
const DISTINCT_NUMBERS_MAX: usize = 4_096;

/// Distinct texts or ids up to which they always get a dictionary, however few rows share one.
const DISTINCT_ALWAYS: usize = 1_024;

/// The values of a column.
#[derive(Debug)]
pub(super) struct Values {
    /// Rows of the group.
    pub(super) rows: usize,
    /// Which of them have a value; `None` if all do.
    pub(super) present: Option<Vec<bool>>,
    /// The values of those that have one.
    pub(super) packing: Packing,
}

/// How values are packed.
#[derive(Debug)]
pub(super) enum Packing {
    /// Places in a list of distinct values.
    Dictionary {
        /// The distinct values, in plain encoding.
        plain: Vec<u8>,
        /// How many they are.
        count: u32,
        /// Bytes of each of them, if all have as many.
        width: usize,
        /// A place for each value.
        places: Vec<u32>,
    },
    /// Whole numbers by their differences.
    Delta(Vec<i64>),
    /// Texts one after the other, their lengths before them.
    Texts {
        /// Lengths of the texts.
        lengths: Vec<i64>,
        /// The texts.
        bytes: Vec<u8>,
        /// Where each begins.
        starts: Vec<usize>,
    },
    /// Values of equal width, one after the other.
    Plain {
        /// The values.
        bytes: Vec<u8>,
        /// Bytes of each.
        width: usize,
    },
    /// A bit each.
    Bits(Vec<bool>),
}

impl Packing {
    /// What Parquet calls it.
    pub(super) fn encoding(&self) -> Encoding {
        match self {
            Self::Dictionary { .. } => Encoding::RLE_DICTIONARY,
            Self::Delta(_) => Encoding::DELTA_BINARY_PACKED,
            Self::Texts { .. } => Encoding::DELTA_LENGTH_BYTE_ARRAY,
            Self::Plain { .. } | Self::Bits(_) => Encoding::PLAIN,
        }
    }

    /// The encodings of all that a column chunk holds.
    pub(super) fn encodings(&self) -> Vec<Encoding> {
        let mut encodings = vec![Encoding::RLE, self.encoding()];
        if matches!(self, Self::Dictionary { .. }) {
            encodings.push(Encoding::PLAIN);
        }
        encodings
    }

    /// Appends some of the values.
    pub(super) fn page(&self, range: Range<usize>, out: &mut Vec<u8>) {
        match self {
            Self::Dictionary { count, places, .. } => {
                let width = hybrid::width_of(count.saturating_sub(1));
                out.push(width as u8);
                hybrid::encode(&places[range], width, out);
            }
            Self::Delta(values) => delta::encode(&values[range], out),
            Self::Texts { lengths, bytes, starts } => {
                delta::encode(&lengths[range.clone()], out);
                let start = starts.get(range.start).copied().unwrap_or(bytes.len());
                let end = starts.get(range.end).copied().unwrap_or(bytes.len());
                out.extend_from_slice(&bytes[start..end]);
            }
            Self::Plain { bytes, width } => {
                out.extend_from_slice(&bytes[range.start * width..range.end * width]);
            }
            Self::Bits(values) => {
                hybrid::bits(values[range].iter().map(|bit| u64::from(*bit)), 1, out);
            }
        }
    }

    /// The least and the greatest of some values, where that helps to leave pages out.
    pub(super) fn range(&self, range: Range<usize>) -> Option<(i64, i64)> {
        let Self::Delta(values) = self else { return None };
        let values = &values[range];
        Some((*values.iter().min()?, *values.iter().max()?))
    }

    /// Bytes of each value, where all have as many.
    pub(super) fn fixed_width(&self) -> usize {
        match self {
            Self::Dictionary { width, .. } | Self::Plain { width, .. } => *width,
            _ => 0,
        }
    }
}

/// The values that `rows` of a chunk have in one column.
pub(super) fn gathered(
    chunk: &Chunk,
    source: Source<'_>,
    rows: &[u32],
    scratch: &mut Scratch,
) -> Values {
    let texts = chunk.texts();
    match source {
        Source::Attribute(column) => attribute(column, texts, rows.len(), scratch),
        Source::Column(place) => match chunk.column(place) {
            Column::Text(numbers) => {
                let numbers = rows.iter().map(|row| numbers[*row as usize]);
                let (present, numbers) = present(numbers, |number| *number != 0);
                Values { rows: rows.len(), present, packing: pack_texts(&numbers, texts, scratch) }
            }
            Column::Whole(values) => {
                let values = rows.iter().map(|row| values[*row as usize].cast_signed());
                let packing = pack_whole(values.collect(), place != chunk.table().time);
                Values { rows: rows.len(), present: None, packing }
            }
            Column::Number(values) => {
                let bytes = rows.iter().flat_map(|row| values[*row as usize].to_le_bytes());
                let packing = Packing::Plain { bytes: bytes.collect(), width: 8 };
                Values { rows: rows.len(), present: None, packing }
            }
            Column::Id16(ids) => pack_ids(rows, ids),
            Column::Id8(ids) => pack_ids(rows, ids),
        },
        Source::Rest(list) => {
            let numbers = list.iter().map(String::as_str);
            rest(numbers, rows)
        }
    }
}

/// Which rows have a value, if not all, and the values of those that do.
fn present<T>(
    values: impl ExactSizeIterator<Item = T>,
    has: impl Fn(&T) -> bool,
) -> (Option<Vec<bool>>, Vec<T>) {
    let mut present = Vec::with_capacity(values.len());
    let mut kept = Vec::with_capacity(values.len());
    for value in values {
        let here = has(&value);
        present.push(here);
        if here {
            kept.push(value);
        }
    }
    ((kept.len() < present.len()).then_some(present), kept)
}

fn pack_texts(numbers: &[u32], texts: &TextList, scratch: &mut Scratch) -> Packing {
    let dictionary = &mut scratch.dictionary;
    let mut distinct: Vec<u32> = Vec::new();
    let mut places = Vec::with_capacity(numbers.len());
    for number in numbers {
        let place = &mut dictionary[*number as usize];
        if *place == 0 {
            distinct.push(*number);
            *place = small(distinct.len());
        }
        places.push(*place - 1);
    }
    for number in &distinct {
        dictionary[*number as usize] = 0;
    }
    if DISTINCT_ALWAYS < distinct.len() && numbers.len() < 2 * distinct.len() {
        return plain_texts(numbers.iter().map(|number| texts.get(*number)));
    }
    let mut plain = Vec::new();
    for number in &distinct {
        let text = texts.get(*number);
        plain.extend_from_slice(&small(text.len()).to_le_bytes());
        plain.extend_from_slice(text.as_bytes());
    }
    Packing::Dictionary { plain, count: small(distinct.len()), width: 0, places }
}

fn plain_texts<'a>(texts: impl Iterator<Item = &'a str>) -> Packing {
    let (mut lengths, mut bytes, mut starts) = (Vec::new(), Vec::new(), Vec::new());
    for text in texts {
        starts.push(bytes.len());
        lengths.push(text.len() as i64);
        bytes.extend_from_slice(text.as_bytes());
    }
    Packing::Texts { lengths, bytes, starts }
}

fn rest<'a>(texts: impl Iterator<Item = &'a str>, rows: &[u32]) -> Values {
    let texts: Vec<&str> = texts.collect();
    let here: Vec<&str> = rows.iter().map(|row| texts[*row as usize]).collect();
    let (present, kept) = present(here.into_iter(), |text| !text.is_empty());
    Values { rows: rows.len(), present, packing: plain_texts(kept.into_iter()) }
}

/// Numbers of which a few come again and again get a dictionary.
fn pack_whole(values: Vec<i64>, may_repeat: bool) -> Packing {
    let numbers = || values.iter().map(|value| value.cast_unsigned());
    match may_repeat.then(|| dictionary(numbers(), DISTINCT_NUMBERS_MAX)).flatten() {
        Some(packing) => packing,
        None => Packing::Delta(values),
    }
}

/// A dictionary of 8-byte values; `None` if more than `distinct_max` are distinct.
fn dictionary(values: impl ExactSizeIterator<Item = u64>, distinct_max: usize) -> Option<Packing> {
    let mut known: FxHashMap<u64, u32> = FxHashMap::default();
    let mut plain = Vec::new();
    let mut places = Vec::with_capacity(values.len());
    let mut before = None;
    for value in values {
        let place = match before {
            Some((same, place)) if same == value => place,
            _ => {
                let fresh = small(known.len());
                let place = *known.entry(value).or_insert(fresh);
                if place == fresh {
                    if known.len() > distinct_max {
                        return None;
                    }
                    plain.extend_from_slice(&value.to_le_bytes());
                }
                place
            }
        };
        before = Some((value, place));
        places.push(place);
    }
    Some(Packing::Dictionary { plain, count: small(known.len()), width: 8, places })
}

fn pack_ids<const N: usize>(rows: &[u32], ids: &[[u8; N]]) -> Values {
    let ids = rows.iter().map(|row| ids[*row as usize]);
    let (present, ids) = present(ids, |id| *id != [0; N]);
    let mut known: FxHashMap<[u8; N], u32> = FxHashMap::default();
    let mut places = Vec::with_capacity(ids.len());
    let mut plain = Vec::new();
    for id in &ids {
        let fresh = small(known.len());
        let place = *known.entry(*id).or_insert(fresh);
        if place == fresh {
            plain.extend_from_slice(id);
        }
        places.push(place);
    }
    let count = small(known.len());
    let is_worth_it = 2 * count as usize <= ids.len() || ids.len() <= DISTINCT_ALWAYS;
    let packing = if is_worth_it {
        Packing::Dictionary { plain, count, width: N, places }
    } else {
        Packing::Plain { bytes: ids.concat(), width: N }
    };
    Values { rows: rows.len(), present, packing }
}

fn attribute(
    column: &AttributeColumn,
    texts: &TextList,
    rows: usize,
    scratch: &mut Scratch,
) -> Values {
    scratch.dense.clear();
    scratch.dense.resize(rows, 0);
    for (at, row) in (1_u32..).zip(&column.rows) {
        let place = scratch.places[*row as usize];
        if place != Scratch::ELSEWHERE {
            scratch.dense[place as usize] = at;
        }
    }
    let (present, at) = present(scratch.dense.iter().copied(), |at| *at != 0);
    let values = || at.iter().map(|at| column.values[*at as usize - 1]);
    let packing = match column.kind {
        AttributeKind::Text | AttributeKind::Json => {
            let numbers: Vec<u32> = values().map(|number| number as u32).collect();
            pack_texts(&numbers, texts, scratch)
        }
        AttributeKind::Int => pack_whole(values().map(u64::cast_signed).collect(), true),
        AttributeKind::Double => dictionary(values(), DISTINCT_NUMBERS_MAX).unwrap_or_else(|| {
            Packing::Plain { bytes: values().flat_map(u64::to_le_bytes).collect(), width: 8 }
        }),
        AttributeKind::Bool => Packing::Bits(values().map(|bit| bit != 0).collect()),
    };
    Values { rows, present, packing }
}
