//! Questions about rows, and how they are answered: filter, group, measure, the greatest, what stands out.
//!
//! A question is plain data, so that every engine answers the same one. Here it is answered over chunks: each gives a
//! part, parts are merged in any order, and the last step makes the answer of them.

mod compare;
mod fields;
mod group;
mod select;
#[cfg(test)]
mod tests;
mod top;

use std::time::Duration;

use model::{Text, Window};
use stats::{Sketch, Spread};

use crate::table::Table;

pub use compare::{Comparison, Counted, Difference, Differences, Side, VALUES_MAX};
pub use group::Groups;
pub use select::id;
pub(crate) use select::rows as passing;
pub use top::{Ranked, Top};

/// Fields that groups can be made of at once: more than a table or a chart can show.
pub const GROUP_FIELDS_MAX: usize = 4;

/// Groups of one part; beyond it an answer would be of no use, and says that it is cut.
pub const GROUPS_MAX: usize = 200_000;

/// Bytes of groups of one part, roughly: what is measured of one may take 30 KB, and 200,000 would be 6 GB.
pub const GROUPS_BYTES_MAX: usize = 256 << 20;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Query {
    /// Of which rows.
    pub table: &'static Table,
    /// Rows whose time is within.
    pub window: Window,
    /// Of those, the ones that pass.
    pub filter: Filter,
    /// A group for each combination of values of these, at most [`GROUP_FIELDS_MAX`].
    pub group: Vec<Field>,
    /// A group for each step of time, too, counted from the begin of the window.
    pub step: Option<Duration>,
    /// What is told of each group.
    pub measures: Vec<Measure>,
    /// Groups that are told, by the first measure, greatest first. With steps, all steps of that many.
    pub limit: usize,
}

/// Something that rows have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The column at a place of [`Table::columns`].
    Column(usize),
    /// An attribute of the row.
    Attribute(Text),
    /// An attribute of the resource that produced it.
    Resource(Text),
}

/// Which rows pass.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All.
    All,
    /// Those whose value, as text, is one of these.
    Is(Field, Vec<Text>),
    /// Those that have a value.
    Has(Field),
    /// Those whose value, as text, contains this, letter for letter.
    Contains(Field, Text),
    /// Those whose whole number is at least the first and below the second.
    Between(Field, i64, i64),
    /// Those that do not pass.
    Not(Box<Self>),
    /// Those that pass each.
    And(Vec<Self>),
    /// Those that pass one.
    Or(Vec<Self>),
}

/// What is told of a group. Rows that stand for several count as that many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// How many rows.
    Count,
    /// The sum of whole numbers.
    Sum(Field),
    /// The least whole number.
    Least(Field),
    /// The greatest whole number.
    Greatest(Field),
    /// How whole numbers from 0 are distributed: quantiles, histograms, heatmaps.
    Distribution(Field),
    /// How numbers are spread, fractional and negative ones too: sum, least, greatest, quantiles.
    Spread(Field),
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub enum Measured {
    /// [`Measure::Count`]
    Count(u64),
    /// [`Measure::Sum`]; `None` if no row had a number.
    Sum(Option<i128>),
    /// [`Measure::Least`]; `None` if no row had a number.
    Least(Option<i64>),
    /// [`Measure::Greatest`]; `None` if no row had a number.
    Greatest(Option<i64>),
    /// [`Measure::Distribution`]
    Distribution(Sketch),
    /// [`Measure::Spread`]
    Spread(Spread),
}

/// The answer to a [`Query`].
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Groups, by the first measure, greatest first; then by their keys and steps.
    pub groups: Vec<Group>,
    /// Rows that were looked at.
    pub rows_read: u64,
    /// Rows that passed.
    pub rows_passed: u64,
    /// There were more groups than could be kept; those that are told are right, and others are missing.
    pub is_cut: bool,
    /// Rows that passed stand for several, of which only a sample is kept: what is told is right on average.
    pub is_estimate: bool,
}

/// Rows that have the same values.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The value of each field of [`Query::group`], as text; `None` for rows that have none.
    pub key: Vec<Option<Text>>,
    /// The step, from 0; 0 without steps.
    pub step: u32,
    /// One for each of [`Query::measures`].
    pub measured: Vec<Measured>,
}

impl Query {
    /// The columns and attributes that answering takes: what to read of a block.
    #[must_use]
    pub fn reads(&self) -> (Vec<usize>, Vec<Text>) {
        let mut fields: Vec<&Field> = self.group.iter().collect();
        self.filter.fields(&mut fields);
        fields.extend(self.measures.iter().filter_map(Measure::field));
        reads(self.table, &fields)
    }
}

impl Measure {
    /// What it is measured of.
    #[must_use]
    pub fn field(&self) -> Option<&Field> {
        match self {
            Self::Count => None,
            Self::Sum(field)
            | Self::Least(field)
            | Self::Greatest(field)
            | Self::Distribution(field)
            | Self::Spread(field) => Some(field),
        }
    }
}

impl Filter {
    /// From where to where the whole number in the column at `place` must be to pass, the end excluded; `None` if it
    /// may be any.
    #[must_use]
    pub fn within(&self, place: usize) -> Option<(i64, i64)> {
        match self {
            Self::Between(Field::Column(column), from, to) if *column == place => {
                Some((*from, *to))
            }
            Self::And(filters) => filters.iter().find_map(|filter| filter.within(place)),
            _ => None,
        }
    }

    /// The ids, one of which a row must have in the column at `place` to pass; `None` if rows of any id may. What
    /// looks up ids (a filter over traces, an index) need not look elsewhere.
    #[must_use]
    pub fn ids(&self, place: usize) -> Option<Vec<[u8; 16]>> {
        match self {
            Self::Is(Field::Column(column), values) if *column == place => {
                Some(values.iter().filter_map(|value| id(value)).collect())
            }
            Self::And(filters) => filters.iter().find_map(|filter| filter.ids(place)),
            Self::Or(filters) => {
                let ids = filters.iter().map(|filter| filter.ids(place));
                ids.collect::<Option<Vec<_>>>().map(|ids| ids.concat())
            }
            _ => None,
        }
    }

    /// Adds all that it looks at.
    pub fn fields<'a>(&'a self, fields: &mut Vec<&'a Field>) {
        match self {
            Self::All => {}
            Self::Is(field, _)
            | Self::Has(field)
            | Self::Contains(field, _)
            | Self::Between(field, ..) => fields.push(field),
            Self::Not(filter) => filter.fields(fields),
            Self::And(filters) | Self::Or(filters) => {
                for filter in filters {
                    filter.fields(fields);
                }
            }
        }
    }
}

/// The attribute of a resource, as text, of the resource as OTLP JSON; empty if it has none.
#[must_use]
pub fn resource_text(resource: &str, key: &str) -> String {
    let resource = crate::json::read_resource(resource);
    resource.attributes.get(key).map(crate::json::shown).unwrap_or_default()
}

/// The columns and attributes that a filter looks at, and what every question needs.
pub(crate) fn reads_of(table: &Table, filter: &Filter) -> (Vec<usize>, Vec<Text>) {
    let mut fields = Vec::new();
    filter.fields(&mut fields);
    reads(table, &fields)
}

/// The columns and attributes that hold these fields, and what every question needs.
fn reads(table: &Table, fields: &[&Field]) -> (Vec<usize>, Vec<Text>) {
    let mut columns: Vec<usize> = vec![table.time];
    columns.extend(table.weight);
    let mut attributes = Vec::new();
    for field in fields {
        match field {
            Field::Column(place) => columns.push(*place),
            Field::Attribute(key) => attributes.push(key.clone()),
            Field::Resource(_) => columns.extend(table.resource),
        }
    }
    columns.sort_unstable();
    columns.dedup();
    attributes.sort_unstable();
    attributes.dedup();
    (columns, attributes)
}
