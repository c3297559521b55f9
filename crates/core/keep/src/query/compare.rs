//! What stands out in a selection: values of attributes that its rows have far more often, or far less, than the rest.
//!
//! The idea is Honeycomb's `BubbleUp`. A value's difference is its share of the selection minus its share of the rest;
//! a key is as telling as the sum of what its values differ by, which is 1 where the two have nothing in common.

use std::collections::BTreeMap;

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
    selected: u64,
    others: u64,
}

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
    fn needs(&self) -> (Vec<usize>, Vec<Text>) {
        let mut fields = Vec::new();
        self.filter.fields(&mut fields);
        self.selection.fields(&mut fields);
        reads(self.table, &fields)
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
    /// Takes in a chunk that has the columns of [`Comparison::reads`] and all attributes: rows that pass `filter` within `window`, those that pass `selection`
    /// too against those that do not.
    pub fn add(&mut self, chunk: &Chunk, window: Window, filter: &Filter, selection: &Filter) {
        let rows = select::rows(chunk, window, filter);
        let is_selected = select::passes(chunk, selection);
        for row in rows.iter().map(|row| *row as usize) {
            let side = if is_selected[row] { &mut self.selected } else { &mut self.others };
            *side += weight(chunk, row);
        }
        for field in fields(chunk) {
            self.add_field(chunk, field, (&rows, &is_selected), |row| weight(chunk, row));
        }
    }

    fn add_field(
        &mut self,
        chunk: &Chunk,
        field: Field,
        (rows, is_selected): (&[u32], &[bool]),
        weight: impl Fn(usize) -> u64,
    ) {
        let texts = FieldTexts::of(chunk, &field);
        let mut counts = vec![(0_u64, 0_u64); texts.bound()];
        for row in rows.iter().map(|row| *row as usize) {
            let (selected, others) = &mut counts[texts.numbers[row] as usize];
            let side = if is_selected[row] { selected } else { others };
            *side += weight(row);
        }
        let counts = (0_u32..).zip(counts).skip(1);
        self.take_all(field, counts.map(|(number, counts)| (texts.text(number), counts)));
    }

    fn take_all<'a>(&mut self, field: Field, counts: impl Iterator<Item = (&'a str, (u64, u64))>) {
        let known = self.fields.entry(field).or_default();
        for (text, (selected, others)) in counts {
            if selected + others == 0 || text.is_empty() {
                continue;
            }
            let is_known = known.contains_key(text);
            if is_known || known.len() < VALUES_MAX {
                let count = known.entry(text.into()).or_default();
                count.0 += selected;
                count.1 += others;
            }
        }
    }

    /// Takes in a row group of a block, as [`Differences::add`] takes in its rows. Returns how many rows it has.
    ///
    /// # Errors
    ///
    /// The file is damaged, or cannot be read; nothing of the group is taken in then.
    pub fn add_group<R: ChunkReader + 'static>(
        &mut self,
        block: &Block<R>,
        group: usize,
        comparison: &Comparison,
    ) -> Result<u64, BlockError> {
        let Comparison { window, filter, selection, .. } = comparison;
        let Some((fields, several)) = block.tallied() else {
            let columns = comparison.reads();
            let wanted = Wanted { columns: Some(&columns), attributes: None, rows: None };
            let chunk = block.read(group, wanted)?;
            self.add(&chunk, *window, filter, selection);
            return Ok(chunk.rows() as u64);
        };
        let (columns, attributes) = comparison.needs();
        let attributes: Vec<&str> = attributes.iter().map(Text::as_str).collect();
        let wanted = Wanted { columns: Some(&columns), attributes: Some(&attributes), rows: None };
        let chunk = block.read(group, wanted)?;
        let rows = select::rows(&chunk, *window, filter);
        if rows.is_empty() {
            return Ok(chunk.rows() as u64);
        }
        let is_selected = select::passes(&chunk, selection);
        let mut places = vec![0_u8; chunk.rows()];
        for row in rows.iter().map(|row| *row as usize) {
            places[row] = if is_selected[row] { 1 } else { 2 };
        }
        let weights = (0..chunk.rows()).map(|row| weight(&chunk, row)).collect();
        let sides = Sides::new(places, Some(weights));
        // First all that may fail.
        let mut told = Vec::new();
        for field in fields {
            // What tells rows apart, not kinds of rows, is not told in the end.
            if self.fields.get(&field).is_none_or(|known| known.len() < VALUES_MAX) {
                let counts = block.tally(group, &field, &sides, VALUES_MAX)?;
                told.push((field, counts));
            }
        }
        if !several.is_empty() {
            let wanted = Wanted { columns: Some(&[]), attributes: Some(&several), rows: None };
            let mixed = block.read(group, wanted)?;
            for key in several {
                let field = Field::Attribute(key.into());
                self.add_field(&mixed, field, (&rows, &is_selected), |row| weight(&chunk, row));
            }
        }
        let [selected, others] = sides.total();
        self.take_rows(selected, others);
        for (field, counts) in told {
            let counts = counts.iter();
            self.take_all(
                field,
                counts.map(|(text, [one, other])| (text.as_str(), (*one, *other))),
            );
        }
        Ok(chunk.rows() as u64)
    }

    /// Takes in what other chunks say.
    pub fn merge(&mut self, other: Self) {
        self.selected += other.selected;
        self.others += other.others;
        for (field, values) in other.fields {
            for (value, (selected, others)) in values {
                self.take(field.clone(), value, selected, others);
            }
        }
    }

    /// Counts everything as often as `all` is more than `looked_at`: what was looked at is a sample that stands for all.
    pub fn times(&mut self, all: u64, looked_at: u64) {
        // Rounded down, so that the values of a field are never more than its rows.
        let more = |count: &mut u64| {
            let times = u128::from(*count) * u128::from(all) / u128::from(looked_at.max(1));
            *count = u64::try_from(times).unwrap_or(u64::MAX);
        };
        more(&mut self.selected);
        more(&mut self.others);
        for (selected, others) in self.fields.values_mut().flat_map(BTreeMap::values_mut) {
            more(selected);
            more(others);
        }
    }

    /// Takes in how many rows of the selection, and of the rest, another engine has seen.
    pub fn take_rows(&mut self, selected: u64, others: u64) {
        self.selected += selected;
        self.others += others;
    }

    /// Takes in how many rows of the selection, and of the rest, have a value, as another engine tells it.
    pub fn take(&mut self, field: Field, value: Text, selected: u64, others: u64) {
        let known = self.fields.entry(field).or_default();
        if known.len() < VALUES_MAX || known.contains_key(&value) {
            let count = known.entry(value).or_default();
            count.0 += selected;
            count.1 += others;
        }
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
            if VALUES_MAX <= values.len() {
                continue;
            }
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
