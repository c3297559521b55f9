//! Rows in columns, in memory: what came lately, and what was read of a block.

mod column;
mod pick;

use model::ValueView;
use rustc_hash::FxHashMap;

pub use self::column::{AttributeColumn, AttributeKind, Column};
use crate::{
    table::Table,
    texts::{TextList, Texts, small},
};

/// Rows of one table.
#[derive(Debug, Clone)]
pub struct Chunk {
    table: &'static Table,
    rows: usize,
    texts: Texts,
    columns: Vec<Column>,
    attributes: Vec<AttributeColumn>,
    places: FxHashMap<(u32, AttributeKind), u32>,
    /// The attribute columns of the row before, in order: those of the next are mostly the same.
    expected: usize,
    /// Room of attributes that were cleared.
    spare: Vec<(Vec<u32>, Vec<u64>)>,
}

impl Chunk {
    /// No rows yet.
    #[must_use]
    pub fn new(table: &'static Table) -> Self {
        let columns = table.columns.iter().map(|column| Column::new(column.kind)).collect();
        Self {
            table,
            rows: 0,
            texts: Texts::default(),
            columns,
            attributes: Vec::new(),
            places: FxHashMap::default(),
            expected: 0,
            spare: Vec::new(),
        }
    }

    /// Drops all that it holds, but not the room for it: to fill that again costs less than to ask the system for it.
    pub fn clear(&mut self) {
        self.rows = 0;
        self.texts.clear();
        self.columns.iter_mut().for_each(|column| column.truncate(0));
        for AttributeColumn { mut rows, mut values, .. } in self.attributes.drain(..) {
            rows.clear();
            values.clear();
            self.spare.push((rows, values));
        }
        // The first attributes take the last.
        self.spare.reverse();
        self.places.clear();
        self.expected = 0;
    }

    /// What its rows are.
    #[must_use]
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Its texts by number.
    #[must_use]
    pub fn texts(&self) -> &TextList {
        self.texts.list()
    }

    /// The number of a text, which is kept if it is new.
    #[inline]
    pub fn text(&mut self, text: &str) -> u32 {
        self.texts.number(text)
    }

    /// The number of the text that `bytes` spell, which is kept if it is new; what is no UTF-8 becomes U+FFFD.
    #[inline]
    pub fn text_of(&mut self, bytes: &[u8]) -> u32 {
        self.texts.number_of(bytes)
    }

    /// The number of a text that is kept.
    #[must_use]
    pub fn find_text(&self, text: &str) -> Option<u32> {
        self.texts.find(text)
    }

    /// The column at a place of [`Table::columns`].
    ///
    /// # Panics
    ///
    /// If the table has no such column.
    #[must_use]
    pub fn column(&self, place: usize) -> &Column {
        &self.columns[place]
    }

    /// Its attributes, in the order in which they first came.
    #[must_use]
    pub fn attributes(&self) -> &[AttributeColumn] {
        &self.attributes
    }

    /// Sets a text of the row that comes next. Each row sets each column once.
    ///
    /// # Panics
    ///
    /// If the column does not hold texts.
    #[inline]
    pub fn set_text(&mut self, place: usize, number: u32) {
        let Column::Text(values) = &mut self.columns[place] else { panic!("{place} is no text") };
        values.push(number);
    }

    /// Sets a whole number or a time of the row that comes next.
    ///
    /// # Panics
    ///
    /// If the column does not hold whole numbers.
    #[inline]
    pub fn set_whole(&mut self, place: usize, value: u64) {
        let Column::Whole(values) = &mut self.columns[place] else {
            panic!("{place} is no whole number")
        };
        values.push(value);
    }

    /// Sets a number of the row that comes next.
    ///
    /// # Panics
    ///
    /// If the column does not hold numbers.
    #[inline]
    pub fn set_number(&mut self, place: usize, value: f64) {
        let Column::Number(values) = &mut self.columns[place] else {
            panic!("{place} is no number")
        };
        values.push(value);
    }

    /// Sets an id of 16 bytes of the row that comes next.
    ///
    /// # Panics
    ///
    /// If the column does not hold such ids.
    #[inline]
    pub fn set_id16(&mut self, place: usize, id: [u8; 16]) {
        let Column::Id16(values) = &mut self.columns[place] else { panic!("{place} is no id") };
        values.push(id);
    }

    /// Sets an id of 8 bytes of the row that comes next.
    ///
    /// # Panics
    ///
    /// If the column does not hold such ids.
    #[inline]
    pub fn set_id8(&mut self, place: usize, id: [u8; 8]) {
        let Column::Id8(values) = &mut self.columns[place] else { panic!("{place} is no id") };
        values.push(id);
    }

    /// Sets an attribute of the row that comes next. Where a key comes twice with one kind, the first one counts.
    #[inline]
    pub fn set_attribute(&mut self, key: &str, kind: AttributeKind, value: u64) {
        let row = small(self.rows);
        let next = self.attributes.get(self.expected);
        let place = match next {
            Some(next) if next.kind == kind && self.texts.get(next.key) == key => self.expected,
            _ => self.attribute_place(key, kind),
        };
        self.expected = place + 1;
        let column = &mut self.attributes[place];
        if column.rows.last() != Some(&row) {
            column.rows.push(row);
            column.values.push(value);
        }
    }

    /// Sets an attribute of the row that comes next, as [`Chunk::set_attribute`] does. Returns the place of its column
    /// among [`Chunk::attributes`], and its value: the number of a text, or the bits of a number.
    #[inline]
    pub fn set_attribute_view(&mut self, key: &[u8], value: &ValueView<'_>) -> (u32, u64) {
        let row = small(self.rows);
        let (kind, bits) = match value {
            ValueView::Text(_) => (AttributeKind::Text, 0),
            ValueView::Int(int) => (AttributeKind::Int, int.cast_unsigned()),
            ValueView::Double(double) => (AttributeKind::Double, double.to_bits()),
            ValueView::Bool(bool) => (AttributeKind::Bool, u64::from(*bool)),
            ValueView::Other(value) => AttributeKind::of(value, self),
        };
        let next = self.attributes.get(self.expected);
        let place = match next {
            Some(next) if next.kind == kind && self.texts.list().bytes_of(next.key) == key => {
                self.expected
            }
            _ => {
                let key = self.texts.number_of(key);
                self.place_of(key, kind)
            }
        };
        self.expected = place + 1;
        let column = &mut self.attributes[place];
        let bits = match value {
            // Most values are those of the row before.
            ValueView::Text(bytes) => match column.values.last() {
                Some(last) if self.texts.list().bytes_of(number(*last)) == *bytes => *last,
                _ => u64::from(self.texts.number_of(bytes)),
            },
            _ => bits,
        };
        if column.rows.last() != Some(&row) {
            column.rows.push(row);
            column.values.push(bits);
        }
        (small(place), bits)
    }

    /// Drops all rows but the first `rows`.
    pub fn truncate(&mut self, rows: usize) {
        self.columns.iter_mut().for_each(|column| column.truncate(rows));
        for column in &mut self.attributes {
            let kept = column.rows.partition_point(|row| (*row as usize) < rows);
            column.rows.truncate(kept);
            column.values.truncate(kept);
        }
        self.rows = self.rows.min(rows);
        self.expected = 0;
    }

    fn attribute_place(&mut self, key: &str, kind: AttributeKind) -> usize {
        let key = self.texts.number(key);
        self.place_of(key, kind)
    }

    fn place_of(&mut self, key: u32, kind: AttributeKind) -> usize {
        let fresh = small(self.attributes.len());
        let place = *self.places.entry((key, kind)).or_insert(fresh);
        if place == fresh {
            let (rows, values) = self.spare.pop().unwrap_or_default();
            self.attributes.push(AttributeColumn { key, kind, rows, values });
        }
        place as usize
    }

    /// Ends the row that comes next: all of its columns are set.
    #[inline]
    pub fn end_row(&mut self) {
        self.rows += 1;
        self.expected = 0;
        debug_assert!(
            self.columns.iter().all(|column| column.len() == self.rows),
            "a row sets every column of its table once"
        );
    }

    /// Adds the rows of another chunk of the same table, all columns of which are there.
    ///
    /// # Panics
    ///
    /// If it is of another table.
    pub fn append(&mut self, other: &Self) {
        assert_eq!(
            self.table.name, other.table.name,
            "rows of two tables have not the same columns"
        );
        let mut known: Vec<Option<u32>> = vec![None; other.texts.list().len()];
        let texts = &mut self.texts;
        let mut number = |number: u32| match known.get_mut(number as usize) {
            Some(known) => *known.get_or_insert_with(|| texts.number(other.texts.get(number))),
            None => 0,
        };
        for (own, more) in self.columns.iter_mut().zip(&other.columns) {
            match (own, more) {
                (Column::Text(own), Column::Text(more)) => {
                    own.extend(more.iter().map(|it| number(*it)));
                }
                (Column::Whole(own), Column::Whole(more)) => own.extend_from_slice(more),
                (Column::Number(own), Column::Number(more)) => own.extend_from_slice(more),
                (Column::Id16(own), Column::Id16(more)) => own.extend_from_slice(more),
                (Column::Id8(own), Column::Id8(more)) => own.extend_from_slice(more),
                _ => unreachable!("columns of one table are of one kind"),
            }
        }
        let first = small(self.rows);
        for column in &other.attributes {
            let holds_texts = matches!(column.kind, AttributeKind::Text | AttributeKind::Json);
            let place = self.attribute_place(other.texts.get(column.key), column.kind);
            let own = &mut self.attributes[place];
            own.rows.extend(column.rows.iter().map(|row| first + row));
            if holds_texts {
                let texts = &mut self.texts;
                let mut number = |bits: u64| {
                    let at = usize::try_from(bits).unwrap_or(usize::MAX);
                    let text = || texts.number(other.texts.get(small(at)));
                    known.get_mut(at).map_or(0, |known| *known.get_or_insert_with(text))
                };
                own.values.extend(column.values.iter().map(|bits| u64::from(number(*bits))));
            } else {
                own.values.extend_from_slice(&column.values);
            }
        }
        self.rows += other.rows;
    }

    /// Its rows in the order in which they are kept: by [`Table::kept_by`](crate::table::Table::kept_by), and of two that
    /// are the same by that, the one that came first.
    #[must_use]
    pub fn kept_order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..small(self.rows)).collect();
        if let Column::Whole(times) = self.column(self.table.time) {
            order.sort_by_key(|row| self.table.kept_by(times[*row as usize]));
        }
        order
    }

    pub(crate) fn texts_mut(&mut self) -> &mut Texts {
        &mut self.texts
    }

    /// Puts a whole column in place.
    pub(crate) fn put_column(&mut self, place: usize, column: Column) {
        self.columns[place] = column;
    }

    /// Adds a whole attribute.
    pub(crate) fn put_attribute(&mut self, column: AttributeColumn) {
        let place = small(self.attributes.len());
        self.places.insert((column.key, column.kind), place);
        self.attributes.push(column);
    }

    /// Adds a value to an attribute; rows come in ascending order.
    pub(crate) fn put_attribute_value(
        &mut self,
        key: &str,
        kind: AttributeKind,
        row: u32,
        value: u64,
    ) {
        let place = self.attribute_place(key, kind);
        let column = &mut self.attributes[place];
        column.rows.push(row);
        column.values.push(value);
    }

    /// Says how many rows the columns that were put in place have.
    pub(crate) fn put_rows(&mut self, rows: usize) {
        self.rows = rows;
    }

    /// Bytes in memory, roughly.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(Column::bytes).sum();
        let attributes = self.attributes.iter().map(|column| {
            column.rows.capacity() * size_of::<u32>() + column.values.capacity() * size_of::<u64>()
        });
        let spare = self.spare.iter().map(|(rows, values)| {
            rows.capacity() * size_of::<u32>() + values.capacity() * size_of::<u64>()
        });
        columns + attributes.chain(spare).sum::<usize>() + self.texts.bytes()
    }
}

/// The number of a text that was put among the bits of values.
#[inline]
fn number(bits: u64) -> u32 {
    u32::try_from(bits).unwrap_or(u32::MAX)
}
