//! What stands out in a selection: values of attributes that its rows have far more often, or far less, than the rest.
//!
//! The idea is Honeycomb's `BubbleUp`. A value's difference is its share of the selection minus its share of the rest;
//! a key is as telling as the sum of what its values differ by, which is 1 where the two have nothing in common.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use model::{Text, Window};

use super::{Field, Filter, fields::FieldTexts, reads, select};
use crate::{
    chunk::{Chunk, Column},
    parquet::{Block, BlockError, Sides, Wanted, parquet_file::ChunkReader},
    table::Table,
};

/// Values that are counted of one field; a field with more tells requests apart, not kinds of requests.
pub const VALUES_MAX: usize = 10_000;

/// What is compared with what.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// Rows of which table.
    pub table: &'static Table,
    /// Rows whose time is within.
    pub window: Window,
    /// Of those, the ones that pass.
    pub filter: Filter,
    /// Of those, the ones that pass this too, against those that do not.
    pub selection: Filter,
}

/// Counts of values by field, of a selection and of the rest.
#[derive(Debug, Clone, Default)]
pub struct Differences {
    fields: BTreeMap<Field, BTreeMap<Text, (u64, u64)>>,
    /// Fields with more values than are counted.
    many: BTreeSet<Field>,
    selected: u64,
    others: u64,
    /// Rows of either side that were counted, for which those may stand.
    looked_at: (u64, u64),
}

/// What is compared with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Rows that are selected.
    Selected,
    /// Those that pass the filter and are not.
    Others,
}

/// Which rows of a group count: those of the selection in some ranges, others in other ones. Ranges are ascending and apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// Where rows of the selection count.
    pub selected: Vec<Range<u32>>,
    /// Where rows that are not selected count.
    pub others: Vec<Range<u32>>,
}

impl Counted {
    /// All rows that may count, ascending.
    #[must_use]
    pub fn rows(&self) -> Vec<u32> {
        let mut ranges: Vec<Range<u32>> =
            self.selected.iter().chain(&self.others).cloned().collect();
        ranges.sort_unstable_by_key(|range| (range.start, range.end));
        let mut rows: Vec<u32> = Vec::new();
        for range in ranges {
            let from = rows.last().map_or(range.start, |last| range.start.max(last + 1));
            rows.extend(from..range.end);
        }
        rows
    }

    /// Whether each of so many rows counts.
    #[must_use]
    pub fn is_all(&self, rows: u64) -> bool {
        let all =
            |ranges: &[Range<u32>]| ranges.iter().map(|it| it.len() as u64).sum::<u64>() == rows;
        all(&self.selected) && all(&self.others)
    }

    /// Leaves out which rows do not count.
    fn apply(&self, sides: &mut [u8], rows: &[u32]) {
        let has = |ranges: &[Range<u32>], row: u32| {
            let after = ranges.partition_point(|range| range.end <= row);
            ranges.get(after).is_some_and(|range| range.contains(&row))
        };
        for (side, row) in sides.iter_mut().zip(rows) {
            let counts = match *side {
                SELECTED => has(&self.selected, *row),
                _ => has(&self.others, *row),
            };
            if !counts {
                *side = NEITHER;
            }
        }
    }
}

/// Of a row: it does not pass, it is selected, or it is one of the others.
const NEITHER: u8 = 0;
const SELECTED: u8 = 1;
const OTHER: u8 = 2;

/// A value that is more, or less, frequent in the selection.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Of what.
    pub field: Field,
    /// The value; `None` for rows that have none.
    pub value: Option<Text>,
    /// Its share of the selection.
    pub selected_share: f64,
    /// Its share of the rest.
    pub others_share: f64,
}

impl Comparison {
    /// The columns that comparing takes; it takes all attributes.
    #[must_use]
    pub fn reads(&self) -> Vec<usize> {
        let (mut columns, _) = self.needs();
        columns.extend((0..self.table.columns.len()).filter(|it| self.table.tells_apart(*it)));
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}

impl Comparison {
    /// The columns and attributes that telling the sides apart takes.
    #[must_use]
    pub fn needs(&self) -> (Vec<usize>, Vec<Text>) {
        let mut fields = Vec::new();
        self.filter.fields(&mut fields);
        self.selection.fields(&mut fields);
        reads(self.table, &fields)
    }

    /// Of each row of a chunk that has what is needed: 1 if it is selected, 2 if it is one of the others, 0 if it does not
    /// pass.
    #[must_use]
    pub fn sides(&self, chunk: &Chunk) -> Vec<u8> {
        let mut sides = vec![NEITHER; chunk.rows()];
        let rows = select::rows(chunk, self.window, &self.filter);
        if rows.is_empty() {
            return sides;
        }
        let is_selected = select::passes(chunk, &self.selection);
        for row in rows.into_iter().map(|row| row as usize) {
            sides[row] = if is_selected[row] { SELECTED } else { OTHER };
        }
        sides
    }

    /// What some rows of a chunk stand for: those of the selection, and the others.
    #[must_use]
    pub fn weigh(&self, chunk: &Chunk, sides: &[u8], rows: Range<usize>) -> (u64, u64) {
        let mut sums = (0_u64, 0_u64);
        for row in rows {
            match sides[row] {
                SELECTED => sums.0 = sums.0.saturating_add(weight(chunk, row)),
                OTHER => sums.1 = sums.1.saturating_add(weight(chunk, row)),
                _ => {}
            }
        }
        sums
    }
}

/// How many rows a row stands for.
fn weight(chunk: &Chunk, row: usize) -> u64 {
    match chunk.table().weight.map(|place| chunk.column(place)) {
        Some(Column::Whole(weights)) => weights.get(row).copied().unwrap_or(1),
        _ => 1,
    }
}

impl Differences {
    /// Takes in a chunk that has the columns of [`Comparison::reads`] and all attributes: rows that pass the filter within the
    /// window, those that pass the selection too against those that do not.
    pub fn add(&mut self, chunk: &Chunk, comparison: &Comparison) {
        self.add_sides(chunk, comparison, &comparison.sides(chunk));
    }

    fn add_sides(&mut self, chunk: &Chunk, comparison: &Comparison, sides: &[u8]) {
        let (selected, others) = comparison.weigh(chunk, sides, 0..sides.len());
        self.take_rows(selected, others);
        for field in fields(chunk) {
            self.add_field(chunk, &field, sides, |row| weight(chunk, row));
        }
    }

    fn add_field(
        &mut self,
        chunk: &Chunk,
        field: &Field,
        sides: &[u8],
        weight: impl Fn(usize) -> u64,
    ) {
        if self.many.contains(field) {
            return;
        }
        let texts = FieldTexts::of(chunk, field);
        let mut counts = vec![(0_u64, 0_u64); texts.bound()];
        for (row, side) in sides.iter().enumerate().filter(|(_, side)| **side != NEITHER) {
            let (selected, others) = &mut counts[texts.numbers[row] as usize];
            let side = if *side == SELECTED { selected } else { others };
            *side += weight(row);
        }
        let counts = (0_u32..).zip(counts).skip(1);
        self.take_all(field, counts.map(|(number, counts)| (texts.text(number), counts)));
    }

    fn take_all<'a>(&mut self, field: &Field, counts: impl Iterator<Item = (&'a str, (u64, u64))>) {
        for (text, (selected, others)) in counts {
            if selected + others != 0 && !text.is_empty() {
                self.take(field, text, selected, others);
            }
        }
    }

    /// Takes in a row group of a block, as [`Differences::add`] takes in its rows; of some rows, if those are told that count.
    /// Returns how many rows were looked at.
    ///
    /// # Errors
    ///
    /// The file is damaged, or cannot be read; nothing of the group is taken in then.
    pub fn add_group<R: ChunkReader + 'static>(
        &mut self,
        block: &Block<R>,
        group: usize,
        comparison: &Comparison,
        counted: Option<&Counted>,
    ) -> Result<u64, BlockError> {
        let rows = counted.map(Counted::rows);
        let sides_of = |chunk: &Chunk| {
            let mut sides = comparison.sides(chunk);
            if let (Some(counted), Some(rows)) = (counted, &rows) {
                counted.apply(&mut sides, rows);
            }
            sides
        };
        let Some((fields, several)) = block.tallied() else {
            let columns = comparison.reads();
            let rows = rows.as_deref();
            let chunk =
                block.read(group, Wanted { columns: Some(&columns), attributes: None, rows })?;
            self.add_sides(&chunk, comparison, &sides_of(&chunk));
            return Ok(chunk.rows() as u64);
        };
        let (columns, attributes) = comparison.needs();
        let attributes: Vec<&str> = attributes.iter().map(Text::as_str).collect();
        let wanted = Wanted {
            columns: Some(&columns),
            attributes: Some(&attributes),
            rows: rows.as_deref(),
        };
        let chunk = block.read(group, wanted)?;
        let sides = sides_of(&chunk);
        if sides.iter().all(|side| *side == NEITHER) {
            return Ok(chunk.rows() as u64);
        }
        let of_group = of_group(block, group, rows.as_deref(), (&chunk, &sides));
        // First all that may fail.
        let mut told = Vec::new();
        for field in fields {
            // What tells rows apart, not kinds of rows, is not told in the end.
            if !self.many.contains(&field) {
                let counts = block.tally(group, &field, &of_group, VALUES_MAX)?;
                told.push((field, counts));
            }
        }
        if !several.is_empty() {
            let wanted =
                Wanted { columns: Some(&[]), attributes: Some(&several), rows: rows.as_deref() };
            let mixed = block.read(group, wanted)?;
            for key in several {
                let field = Field::Attribute(key.into());
                self.add_field(&mixed, &field, &sides, |row| weight(&chunk, row));
            }
        }
        let [selected, others] = of_group.total();
        self.take_rows(selected, others);
        for (field, counts) in told {
            match counts {
                Some(counts) => {
                    let counts = counts.iter();
                    let counts = counts.map(|(text, [one, other])| (text.as_str(), (*one, *other)));
                    self.take_all(&field, counts);
                }
                None => self.has_many(&field),
            }
        }
        Ok(chunk.rows() as u64)
    }

    /// Takes in that a field has more values than are counted.
    fn has_many(&mut self, field: &Field) {
        self.fields.remove(field);
        self.many.insert(field.clone());
    }

    /// Takes in what other chunks say.
    pub fn merge(&mut self, other: Self) {
        self.selected += other.selected;
        self.others += other.others;
        self.looked_at.0 += other.looked_at.0;
        self.looked_at.1 += other.looked_at.1;
        for field in &other.many {
            self.has_many(field);
        }
        for (field, values) in other.fields {
            for (value, (selected, others)) in values {
                self.take(&field, &value, selected, others);
            }
        }
    }

    /// Counts rows of either side as if there were so many: what was looked at is a sample that stands for them. A side of
    /// which nothing was looked at stays so.
    pub fn stand_for(&mut self, (selected, others): (u64, u64)) {
        // Rounded down, so that the values of a field are never more than its rows.
        let more = |count: &mut u64, all: u64, looked_at: u64| {
            let times = u128::from(*count) * u128::from(all) / u128::from(looked_at.max(1));
            *count = u64::try_from(times).unwrap_or(u64::MAX);
        };
        for (one, other) in self.fields.values_mut().flat_map(BTreeMap::values_mut) {
            more(one, selected, self.selected);
            more(other, others, self.others);
        }
        self.selected = if self.selected == 0 { 0 } else { selected };
        self.others = if self.others == 0 { 0 } else { others };
    }

    /// Forgets what was counted of one side.
    pub fn forget(&mut self, side: Side) {
        let clear = |counts: &mut (u64, u64)| match side {
            Side::Selected => counts.0 = 0,
            Side::Others => counts.1 = 0,
        };
        match side {
            Side::Selected => self.selected = 0,
            Side::Others => self.others = 0,
        }
        clear(&mut self.looked_at);
        for values in self.fields.values_mut() {
            values.values_mut().for_each(clear);
            values.retain(|_, counts| *counts != (0, 0));
        }
        self.fields.retain(|_, values| !values.is_empty());
    }

    /// Takes in how many rows of the selection, and of the rest, another engine has seen.
    pub fn take_rows(&mut self, selected: u64, others: u64) {
        self.selected += selected;
        self.others += others;
        self.looked_at.0 += selected;
        self.looked_at.1 += others;
    }

    /// Takes in how many rows of the selection, and of the rest, have a value, as another engine tells it.
    pub fn take(&mut self, field: &Field, value: &str, selected: u64, others: u64) {
        if self.many.contains(field) {
            return;
        }
        if !self.fields.contains_key(field) {
            self.fields.insert(field.clone(), BTreeMap::new());
        }
        let Some(known) = self.fields.get_mut(field) else { return };
        if let Some(count) = known.get_mut(value) {
            count.0 += selected;
            count.1 += others;
            return;
        }
        known.insert(value.into(), (selected, others));
        if VALUES_MAX <= known.len() {
            self.has_many(field);
        }
    }

    /// Rows of the selection, and of the rest, whose values were counted: all, or a sample that stands for them.
    #[must_use]
    pub fn looked_at(&self) -> (u64, u64) {
        self.looked_at
    }

    /// Rows of the selection, and of the rest.
    #[must_use]
    pub fn rows(&self) -> (u64, u64) {
        (self.selected, self.others)
    }

    /// The most telling fields, at most `fields_max` of them, and of each the values that differ most, at most
    /// `values_max`; the most telling first.
    #[must_use]
    pub fn ranked(&self, fields_max: usize, values_max: usize) -> Vec<Vec<Difference>> {
        let mut ranked: Vec<(f64, Vec<Difference>)> = Vec::new();
        for (field, values) in &self.fields {
            let mut differences = self.of_field(field, values);
            let distance: f64 = differences.iter().map(|it| it.by().abs()).sum::<f64>() / 2.0;
            differences.sort_by(|one, other| other.by().abs().total_cmp(&one.by().abs()));
            differences.truncate(values_max);
            ranked.push((distance, differences));
        }
        ranked.sort_by(|one, other| other.0.total_cmp(&one.0));
        ranked.truncate(fields_max);
        ranked.into_iter().filter(|(distance, _)| 0.0 < *distance).map(|(_, it)| it).collect()
    }

    fn of_field(&self, field: &Field, values: &BTreeMap<Text, (u64, u64)>) -> Vec<Difference> {
        let sum = values.values().fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
        let without = (self.selected - sum.0, self.others - sum.1);
        let none = (without != (0, 0)).then_some((None, without));
        let values = values.iter().map(|(value, counts)| (Some(value.clone()), *counts));
        let difference = |(value, (selected, others))| Difference {
            field: field.clone(),
            value,
            selected_share: share(selected, self.selected),
            others_share: share(others, self.others),
        };
        values.chain(none).map(difference).collect()
    }
}

impl Difference {
    /// How much more frequent it is in the selection, -1 to 1.
    #[must_use]
    pub fn by(&self) -> f64 {
        self.selected_share - self.others_share
    }
}

#[expect(clippy::cast_precision_loss, reason = "shares are shown to three digits")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The sides of all rows of a group, of which these were looked at.
fn of_group<R: ChunkReader + 'static>(
    block: &Block<R>,
    group: usize,
    rows: Option<&[u32]>,
    (chunk, sides): (&Chunk, &[u8]),
) -> Sides {
    let count = block.groups().get(group).map_or(0, |group| group.rows);
    let row_of = |at: usize| rows.map_or(at, |rows| rows[at] as usize);
    let mut places = vec![NEITHER; count];
    for (at, side) in sides.iter().enumerate() {
        places[row_of(at)] = *side;
    }
    let weighs =
        sides.iter().enumerate().any(|(at, side)| *side != NEITHER && weight(chunk, at) != 1);
    let weights = weighs.then(|| {
        let mut weights = vec![1_u64; count];
        (0..sides.len()).for_each(|at| weights[row_of(at)] = weight(chunk, at));
        weights
    });
    Sides::new(places, weights)
}

/// What the rows of a chunk can be told apart by: texts of the table that are short, and attributes.
fn fields(chunk: &Chunk) -> Vec<Field> {
    let table = chunk.table();
    let columns = (0..table.columns.len()).filter(|place| table.tells_apart(*place));
    let mut fields: Vec<Field> = columns.map(Field::Column).collect();
    for column in chunk.attributes() {
        let field = Field::Attribute(chunk.texts().get(column.key).into());
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    fields
}
