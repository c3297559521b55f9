//! How often the values of a column come on either side of a comparison, counted on the packed pages: a value of a
//! dictionary is a place in a list of counts, and a run of one value is counted at once.

use std::collections::BTreeSet;

use parquet::{basic::Encoding, column::page::Page};
use rustc_hash::FxHashMap;

use super::{
    Block, BlockError, Damaged,
    decode::ROWS_WRONG,
    hybrid::{self, Run},
    pages::{dictionary_texts, split_levels},
    parquet_file::ChunkReader,
    schema::KnownAttribute,
};
use crate::{
    chunk::{AttributeKind, Chunk},
    json,
    query::Field,
    texts::small,
};

/// Sides that a number of two bits tells apart, so that no place in a list of them need be looked after.
const SIDES: usize = 4;

/// One row in so many is few: to find each by itself is quicker than to unpack all of them then.
const FEW: usize = 16;

const NOT_THERE: Damaged = Damaged("a value is not in its dictionary");

/// Values without a dictionary that are read at once: those of a page.
const VALUES_AT_ONCE: usize = 16_384;

/// Rows on neither side, on the first, on the second; the last is never used.
type Counts = [u64; SIDES];

/// On which side each row of a group is, and how many rows it stands for.
#[derive(Debug)]
pub(crate) struct Sides {
    /// 0 for neither, 1 and 2.
    of_rows: Vec<u8>,
    /// `None` if each row stands for itself.
    weights: Option<Vec<u64>>,
    /// Rows on a side, ascending.
    rows: Vec<u32>,
    /// What the rows on a side before each of those stand for, by side; the last is of all.
    sums: Vec<[u64; 2]>,
}

impl Sides {
    pub(crate) fn new(of_rows: Vec<u8>, weights: Option<Vec<u64>>) -> Self {
        let rows = (0..).zip(&of_rows).filter(|(_, side)| **side != 0).map(|(row, _)| row);
        let rows: Vec<u32> = rows.collect();
        let mut sums = Vec::with_capacity(rows.len() + 1);
        let mut sum = [0_u64; 2];
        sums.push(sum);
        for row in &rows {
            let weight = weights.as_ref().map_or(1, |weights| weights[*row as usize]);
            let side = &mut sum[usize::from(of_rows[*row as usize] == 2)];
            *side = side.saturating_add(weight);
            sums.push(sum);
        }
        Self { of_rows, weights, rows, sums }
    }

    /// Those of some rows that are on a side.
    fn within(&self, from: usize, to: usize) -> &[u32] {
        let before = |row: usize| self.rows.partition_point(|it| (*it as usize) < row);
        &self.rows[before(from)..before(to)]
    }

    /// What all rows stand for, by side.
    pub(crate) fn total(&self) -> [u64; 2] {
        self.sums.last().copied().unwrap_or_default()
    }

    #[inline]
    fn add(&self, row: usize, count: &mut Counts) {
        let Some(side) = self.of_rows.get(row) else { return };
        let count = &mut count[usize::from(*side) % SIDES];
        match &self.weights {
            None => *count += 1,
            Some(weights) => *count = count.saturating_add(weights[row]),
        }
    }
}

/// A place among the rows on a side, which goes on as runs of rows are counted.
struct Passing<'a> {
    sides: &'a Sides,
    next: usize,
}

impl<'a> Passing<'a> {
    fn from(sides: &'a Sides, row: usize) -> Self {
        Self { sides, next: sides.rows.partition_point(|it| (*it as usize) < row) }
    }

    /// Goes past so many rows up to this one; tells what those on a side stand for.
    fn pass(&mut self, length: usize, to: usize) -> [u64; 2] {
        let (rows, before) = (&self.sides.rows, self.sides.sums[self.next]);
        let rest = &rows[self.next..rows.len().min(self.next.saturating_add(length))];
        self.next += rest.partition_point(|row| (*row as usize) < to);
        let after = self.sides.sums[self.next];
        [after[0] - before[0], after[1] - before[1]]
    }
}

/// Values of a dictionary, and how often each came on neither side and on either.
type Places = (Entries, Vec<Counts>);

/// Values as people write them, and how often each came on either side.
type Told = Vec<(String, [u64; 2])>;

/// A column of which values are counted.
#[derive(Debug, Clone, Copy)]
enum Counted<'a> {
    /// Of the table, texts.
    Column(usize),
    Attribute(&'a KnownAttribute),
}

impl<R: ChunkReader + 'static> Block<R> {
    /// Fields whose values can be counted by [`Block::tally`]: short texts of the table, and attributes that have one
    /// column; and the keys of those that have several. `None` if some attributes have none.
    pub(crate) fn tallied(&self) -> Option<(Vec<Field>, Vec<&str>)> {
        if self.known.rest.is_some() {
            return None;
        }
        let table = self.known.table;
        let columns = (0..table.columns.len()).filter(|place| table.tells_apart(*place));
        let columns = columns.filter(|place| self.known.columns[*place].is_some());
        let mut fields: Vec<Field> = columns.map(Field::Column).collect();
        let mut seen = BTreeSet::new();
        let (mut once, mut several) = (Vec::new(), BTreeSet::new());
        for attribute in &self.known.attributes {
            if seen.insert(attribute.key.as_str()) {
                once.push(attribute.key.as_str());
            } else {
                several.insert(attribute.key.as_str());
            }
        }
        let once = once.into_iter().filter(|key| !several.contains(key));
        fields.extend(once.map(|key| Field::Attribute(key.into())));
        Some((fields, several.into_iter().collect()))
    }

    /// How often each value of a field comes on either side, in a group; `None` if it has `values_max` values, or more.
    pub(crate) fn tally(
        &self,
        group: usize,
        field: &Field,
        sides: &Sides,
        values_max: usize,
    ) -> Result<Option<Told>, BlockError> {
        let counted = match field {
            Field::Column(place) => Counted::Column(*place),
            Field::Attribute(key) => {
                let known = self.known.attributes.iter().find(|it| it.key == key.as_str());
                let Some(known) = known else { return Ok(Some(Vec::new())) };
                Counted::Attribute(known)
            }
            Field::Resource(_) => return Ok(Some(Vec::new())),
        };
        let number = match counted {
            Counted::Column(place) => self.known.columns[place],
            Counted::Attribute(known) => Some(known.column),
        };
        let Some(number) = number else { return Ok(Some(Vec::new())) };
        let kind = match counted {
            Counted::Column(_) => AttributeKind::Text,
            Counted::Attribute(known) => known.kind,
        };
        match self.tally_places(group, number, sides)? {
            Some((dictionary, counts)) => {
                let came = counts.iter().filter(|[_, one, other, _]| (*one, *other) != (0, 0));
                if values_max <= came.count() {
                    return Ok(None);
                }
                dictionary.told(kind, &counts).map(Some)
            }
            None => self.tally_values(group, (number, kind), sides, values_max),
        }
    }

    /// Counts by place of the dictionary; `None` if not all pages hold such places.
    fn tally_places(
        &self,
        group: usize,
        number: usize,
        sides: &Sides,
    ) -> Result<Option<Places>, BlockError> {
        let descriptor = self.metadata.row_group(group).column(number).column_descr_ptr();
        let is_optional = descriptor.max_def_level() == 1;
        let mut pages = self.pages(group, number, Some(&sides.rows))?;
        let rows = self.groups()[group].rows;
        let mut counted: Option<Places> = None;
        let mut from = 0;
        while from < rows {
            let Some(head) = pages.peek()? else { break };
            let length = head.num_rows.or(head.num_levels).unwrap_or(0);
            if !head.is_dict && sides.within(from, from + length).is_empty() {
                pages.skip()?;
                from += length;
                continue;
            }
            let Some(page) = pages.next()? else { break };
            let told = match (&page, &mut counted) {
                (Page::DataPage { num_values, .. }, _)
                    if head.num_rows.is_some_and(|rows| rows != *num_values as usize) =>
                {
                    Err(Damaged(ROWS_WRONG))
                }
                (Page::DictionaryPage { buf, num_values, .. }, _) => {
                    Entries::read(buf, *num_values, descriptor.physical_type()).map(|entries| {
                        let counts = vec![[0; SIDES]; entries.len()];
                        counted = Some((entries, counts));
                    })
                }
                (
                    Page::DataPage { buf, num_values, encoding: Encoding::RLE_DICTIONARY, .. },
                    Some((_, counts)),
                ) => {
                    let rows = (from, *num_values as usize);
                    from += rows.1;
                    split_levels(buf, is_optional)
                        .and_then(|(levels, body)| count_page(levels, body, rows, sides, counts))
                }
                _ => return Ok(None),
            };
            told.map_err(|what| BlockError::Page {
                column: descriptor.name().to_owned(),
                what: what.0,
            })?;
        }
        Ok(counted.filter(|_| from == rows))
    }

    /// The same for values that are not in a dictionary.
    fn tally_values(
        &self,
        group: usize,
        (number, kind): (usize, AttributeKind),
        sides: &Sides,
        values_max: usize,
    ) -> Result<Option<Told>, BlockError> {
        let mut chunk = Chunk::new(self.known.table);
        let mut counts: FxHashMap<u64, Counts> = FxHashMap::default();
        let mut known = Vec::new();
        // In parts, since most that have no dictionary have too many values: that shows soon.
        for rows in sides.rows.chunks(VALUES_AT_ONCE) {
            let filled = self.fill(group, number, Some(rows), &mut chunk)?;
            for (place, bits) in filled.values.into_iter().enumerate() {
                let at = match &filled.present {
                    None => place,
                    Some(present) => present[place] as usize,
                };
                let count = counts.entry(bits).or_insert_with(|| {
                    known.push(bits);
                    [0; SIDES]
                });
                sides.add(rows[at] as usize, count);
            }
            if values_max <= known.len() {
                return Ok(None);
            }
        }
        let told = known.into_iter().filter_map(|bits| {
            let [_, one, other, _] = *counts.get(&bits)?;
            let text = match kind {
                AttributeKind::Text => chunk.texts().get(u32::try_from(bits).ok()?).to_owned(),
                kind => json::shown(&kind.value(bits, chunk.texts())),
            };
            Some((text, [one, other]))
        });
        Ok(Some(told.collect()))
    }
}

/// The values of a dictionary, in plain encoding.
enum Entries {
    Texts(bytes::Bytes, Vec<(u32, u32)>),
    Words(Vec<u64>),
}

impl Entries {
    fn read(
        bytes: &bytes::Bytes,
        count: u32,
        physical: parquet::basic::Type,
    ) -> Result<Self, Damaged> {
        match physical {
            parquet::basic::Type::BYTE_ARRAY => {
                Ok(Self::Texts(bytes.clone(), dictionary_texts(bytes, count)?))
            }
            parquet::basic::Type::INT64 | parquet::basic::Type::DOUBLE => {
                let (words, _) = bytes.as_chunks::<8>();
                let words = words.get(..count as usize).ok_or(Damaged("its dictionary is cut"))?;
                Ok(Self::Words(words.iter().map(|word| u64::from_le_bytes(*word)).collect()))
            }
            _ => Err(Damaged("its dictionary is of a kind that is not counted")),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Texts(_, texts) => texts.len(),
            Self::Words(words) => words.len(),
        }
    }

    /// The values that came at all, as people write them.
    fn told(&self, kind: AttributeKind, counts: &[Counts]) -> Result<Told, BlockError> {
        let mut told = Vec::new();
        for (place, [_, one, other, _]) in counts.iter().enumerate() {
            if *one == 0 && *other == 0 {
                continue;
            }
            let text = match self {
                Self::Texts(bytes, texts) => {
                    let (start, end) = texts[place];
                    let text = std::str::from_utf8(&bytes[start as usize..end as usize]);
                    let text = text.map_err(|_cause| BlockError::Page {
                        column: String::new(),
                        what: "it is no text",
                    })?;
                    match kind {
                        AttributeKind::Json => {
                            let value = serde_json::from_str(text).unwrap_or_default();
                            json::shown(&json::read_value(&value))
                        }
                        _ => text.to_owned(),
                    }
                }
                Self::Words(words) => {
                    json::shown(&kind.value(words[place], &crate::TextList::default()))
                }
            };
            told.push((text, [*one, *other]));
        }
        Ok(told)
    }
}

/// Counts the places of a page whose rows are so many from the first of these on.
fn count_page(
    levels: Option<&[u8]>,
    body: &[u8],
    (from, count): (usize, usize),
    sides: &Sides,
    counts: &mut [Counts],
) -> Result<(), Damaged> {
    let wanted = sides.within(from, from + count);
    if wanted.len().saturating_mul(FEW) <= count {
        return count_few(levels, body, (from, count), wanted, |row, place| {
            counts.get_mut(place as usize).ok_or(NOT_THERE).map(|count| sides.add(row, count))
        });
    }
    let held = match levels {
        None => count,
        Some(levels) => hybrid::ranks(levels, count, &[], |_, _| {})?,
    };
    let Some((width, packed)) = body.split_first().filter(|_| 0 < held) else { return Ok(()) };
    let width = u32::from(*width);
    let mut told = Ok(());
    if held == count {
        let mut row = from;
        let mut passing = Passing::from(sides, from);
        hybrid::runs(packed, width, held, |run| match run {
            Run::Same(place, times) => {
                let count = counts.get_mut(place as usize).ok_or(NOT_THERE)?;
                row += times;
                let [one, other] = passing.pass(times, row);
                count[1] = count[1].saturating_add(one);
                count[2] = count[2].saturating_add(other);
                Ok(())
            }
            Run::Packed(bytes, length) => {
                passing.pass(length, row + length);
                hybrid::read_bits(bytes, width, length, |place| {
                    match counts.get_mut(place as usize) {
                        Some(count) => sides.add(row, count),
                        None => told = Err(NOT_THERE),
                    }
                    row += 1;
                })
            }
        })?;
        return told;
    }
    let mut rows: Vec<u32> = Vec::with_capacity(held.min(1 << 17));
    hybrid::ones(levels.unwrap_or_default(), count, |row| rows.push(small(from) + row))?;
    let mut at = 0;
    hybrid::runs(packed, width, held, |run| match run {
        Run::Same(place, times) => {
            let count = counts.get_mut(place as usize).ok_or(NOT_THERE)?;
            rows.iter().skip(at).take(times).for_each(|row| sides.add(*row as usize, count));
            at += times;
            Ok(())
        }
        Run::Packed(bytes, length) => hybrid::read_bits(bytes, width, length, |place| {
            match (counts.get_mut(place as usize), rows.get(at)) {
                (Some(count), Some(row)) => sides.add(*row as usize, count),
                _ => told = Err(NOT_THERE),
            }
            at += 1;
        }),
    })?;
    told
}

/// Gives the place of each of a few rows of a page that has a value: what lies between them is not unpacked.
fn count_few(
    levels: Option<&[u8]>,
    body: &[u8],
    (from, count): (usize, usize),
    wanted: &[u32],
    mut each: impl FnMut(usize, u32) -> Result<(), Damaged>,
) -> Result<(), Damaged> {
    let places: Vec<u32> = wanted.iter().map(|row| row - small(from)).collect();
    let (mut rows, mut ranks) = (Vec::new(), Vec::new());
    let held = match levels {
        None => {
            (rows, ranks) = (wanted.to_vec(), places);
            count
        }
        Some(levels) => hybrid::ranks(levels, count, &places, |which, rank| {
            rows.push(wanted[which]);
            ranks.push(rank);
        })?,
    };
    let Some((width, packed)) = body.split_first().filter(|_| !ranks.is_empty()) else {
        return Ok(());
    };
    let mut picked = Vec::with_capacity(ranks.len());
    hybrid::pick(packed, u32::from(*width), held, &ranks, &mut picked)?;
    rows.iter().zip(picked).try_for_each(|(row, place)| each(*row as usize, place))
}
