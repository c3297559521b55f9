//! ClickHouse's `RowBinary`: rows of a chunk written, and answers read. Input never panics.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
};

use keep::{AttributeKind, Chunk, Column, ColumnKind, Table};

use super::{
    quote,
    terms::{BOOL, DOUBLE, INT, JSON},
    trouble::Why,
};

/// Rows of a part: large enough that ClickHouse merges seldom, small enough to be sent again without regret.
pub const PART_ROWS_MAX: usize = 65_536;

/// Bytes of a part; with one row beyond.
const PART_BYTES_MAX: usize = 32 << 20;

/// Where rows are from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) folder: &'a str,
    pub(crate) segment: u32,
    /// Seconds since 1970, when the last of the segment was received.
    pub(crate) received_secs: u32,
    pub(crate) left: Option<Left>,
}

/// What is left of a segment that was thinned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    /// Which thinning.
    pub(crate) thinning: u64,
    /// The number of the first row.
    pub(crate) first_row: u32,
    /// Seconds since 1970, when the rows were inserted as they came: they go when those would have gone.
    pub(crate) inserted_secs: u32,
}

/// Columns that [`Rows::write_part`] writes, in order: those of the table, attributes, where the row is from.
pub(crate) fn columns(table: &Table, left: Option<Left>) -> Vec<&'static str> {
    use super::schema::{
        ATTRIBUTE_KINDS, ATTRIBUTES, FOLDER, INSERTED, RECEIVED, ROW, SEGMENT, SKETCHED, THINNING,
    };
    let own = table.columns.iter().map(|column| column.name);
    let own = own.chain([ATTRIBUTES, ATTRIBUTE_KINDS, FOLDER, SEGMENT, ROW, RECEIVED]);
    let sketched = table.sketch.map(|_| SKETCHED.map(|(name, _)| name));
    let left = left.map(|_| [THINNING, INSERTED]);
    own.chain(sketched.into_iter().flatten()).chain(left.into_iter().flatten()).collect()
}

/// The rows of a chunk, ready to be written one by one.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    chunk: &'a Chunk,
    /// For each row, where its attributes begin in `attributes`; one more for the end.
    begins: Vec<u32>,
    /// Place of the attribute's column, and the number of its text or its bits.
    attributes: Vec<(u32, u64)>,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(chunk: &'a Chunk) -> Self {
        let mut begins = vec![0_u32; chunk.rows() + 1];
        // Texts first: of a key that a row has twice, all engines take the same.
        let mut columns: Vec<(u32, &keep::AttributeColumn)> =
            (0..).zip(chunk.attributes()).collect();
        columns.sort_by_key(|(_, column)| column.kind);
        for row in columns.iter().flat_map(|(_, column)| &column.rows) {
            begins[*row as usize + 1] += 1;
        }
        let mut sum = 0;
        for begin in &mut begins {
            sum += *begin;
            *begin = sum;
        }
        let mut attributes = vec![(0, 0); sum as usize];
        let mut next = begins.clone();
        for (place, column) in columns {
            for (row, value) in column.rows.iter().zip(&column.values) {
                let at = &mut next[*row as usize];
                attributes[*at as usize] = (place, *value);
                *at += 1;
            }
        }
        Self { chunk, begins, attributes }
    }

    /// Writes the part that begins with the row `from`; returns which rows those are. Parts are cut by the same rule
    /// each time.
    pub(crate) fn write_part(
        &self,
        out: &mut Vec<u8>,
        from: usize,
        origin: Origin<'_>,
    ) -> Range<usize> {
        let mut row = from;
        while row < self.chunk.rows() && row - from < PART_ROWS_MAX && out.len() < PART_BYTES_MAX {
            self.write_row(out, row, origin);
            row += 1;
        }
        from..row
    }

    fn write_row(&self, out: &mut Vec<u8>, row: usize, origin: Origin<'_>) {
        let texts = self.chunk.texts();
        for place in 0..self.chunk.table().columns.len() {
            match self.chunk.column(place) {
                Column::Text(numbers) => put_text(out, texts.get(numbers[row])),
                Column::Whole(values) => out.extend_from_slice(&values[row].to_le_bytes()),
                Column::Number(values) => out.extend_from_slice(&values[row].to_le_bytes()),
                Column::Id16(ids) => out.extend_from_slice(&ids[row]),
                Column::Id8(ids) => out.extend_from_slice(&ids[row]),
            }
        }
        let range = self.begins[row] as usize..self.begins[row + 1] as usize;
        let attributes = &self.attributes[range];
        put_length(out, attributes.len());
        for (place, value) in attributes {
            let column = &self.chunk.attributes()[*place as usize];
            put_text(out, texts.get(column.key));
            self.put_value(out, column.kind, *value);
        }
        let kinds = attributes.iter().map(|(place, _)| &self.chunk.attributes()[*place as usize]);
        let kinds = kinds.filter(|column| column.kind != AttributeKind::Text);
        put_length(out, kinds.clone().count());
        for column in kinds {
            put_text(out, texts.get(column.key));
            out.push(code(column.kind));
        }
        put_text(out, origin.folder);
        out.extend_from_slice(&origin.segment.to_le_bytes());
        let first_row = origin.left.map_or(0, |left| left.first_row);
        let number = u32::try_from(row).unwrap_or(u32::MAX).saturating_add(first_row);
        out.extend_from_slice(&number.to_le_bytes());
        out.extend_from_slice(&origin.received_secs.to_le_bytes());
        if self.chunk.table().sketch.is_some() {
            self.put_sketch(out, row);
        }
        if let Some(left) = origin.left {
            out.extend_from_slice(&left.thinning.to_le_bytes());
            out.extend_from_slice(&left.inserted_secs.to_le_bytes());
        }
    }

    /// What the sketch of a row holds, for ClickHouse to merge: values as they are, or else buckets and counts.
    fn put_sketch(&self, out: &mut Vec<u8>, row: usize) {
        let row = u32::try_from(row).unwrap_or(u32::MAX);
        let sketch = keep::rollup::sketch(self.chunk, row).unwrap_or_default();
        let is_exact = sketch.count() <= stats::EXACT_COUNT_MAX;
        let held: Vec<(u64, u64)> = sketch.buckets().map(|(low, _, count)| (low, count)).collect();
        let (values, buckets): (&[_], &[_]) = if is_exact { (&held, &[]) } else { (&[], &held) };
        let length: u64 = values.iter().map(|(_, count)| *count).sum();
        put_length(out, usize::try_from(length).unwrap_or(usize::MAX));
        for (value, count) in values {
            for _ in 0..*count {
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
        put_length(out, buckets.len());
        for (low, _) in buckets {
            out.extend_from_slice(&bucket(*low).to_le_bytes());
        }
        put_length(out, buckets.len());
        for (_, count) in buckets {
            out.extend_from_slice(&count.to_le_bytes());
        }
        out.extend_from_slice(&sketch.sum().to_le_bytes());
    }

    /// An attribute's value as people write it.
    fn put_value(&self, out: &mut Vec<u8>, kind: AttributeKind, value: u64) {
        match kind {
            AttributeKind::Text | AttributeKind::Json => {
                let number = u32::try_from(value).unwrap_or(0);
                put_text(out, self.chunk.texts().get(number));
            }
            AttributeKind::Int => put_text(out, &value.cast_signed().to_string()),
            AttributeKind::Double => put_text(out, &f64::from_bits(value).to_string()),
            AttributeKind::Bool => put_text(out, if value == 0 { "false" } else { "true" }),
        }
    }
}

/// The bucket of a sketch that begins with this value: values below 128 have one each, then there are 64 each octave.
fn bucket(low: u64) -> u16 {
    if low < 128 {
        return u16::try_from(low).unwrap_or(0);
    }
    let shift = low.ilog2() - 6;
    u16::try_from(u64::from(shift) * 64 + (low >> shift)).unwrap_or(u16::MAX)
}

fn code(kind: AttributeKind) -> u8 {
    match kind {
        AttributeKind::Text => 0,
        AttributeKind::Int => INT,
        AttributeKind::Double => DOUBLE,
        AttributeKind::Bool => BOOL,
        AttributeKind::Json => JSON,
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_length(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Seven bits at a time, low ones first.
#[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
fn put_length(out: &mut Vec<u8>, mut length: usize) {
    while 0x80 <= length {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

/// Reads an answer from its begin on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

const SHORT: Why = Why::Answer("ends too early");

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Why> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or(SHORT)?;
        self.rest = rest;
        Ok(*bytes)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Why> {
        self.bytes::<1>().map(|bytes| bytes[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Why> {
        self.bytes().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Why> {
        self.bytes().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Why> {
        self.bytes().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Why> {
        self.bytes().map(i64::from_le_bytes)
    }

    pub(crate) fn u128(&mut self) -> Result<u128, Why> {
        self.bytes().map(u128::from_le_bytes)
    }

    pub(crate) fn i128(&mut self) -> Result<i128, Why> {
        self.bytes().map(i128::from_le_bytes)
    }

    pub(crate) fn f64(&mut self) -> Result<f64, Why> {
        self.bytes().map(f64::from_le_bytes)
    }

    /// What may be NULL.
    pub(crate) fn or_null<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Why>,
    ) -> Result<Option<T>, Why> {
        if self.u8()? == 0 { read(self).map(Some) } else { Ok(None) }
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Why> {
        let length = self.length()?;
        let (text, rest) = self.rest.split_at_checked(length).ok_or(SHORT)?;
        self.rest = rest;
        std::str::from_utf8(text).map_err(|_error| Why::Answer("holds a text that is none"))
    }

    pub(crate) fn length(&mut self) -> Result<usize, Why> {
        let mut length = 0_u64;
        for group in 0..9 {
            let byte = self.u8()?;
            length |= u64::from(byte & 0x7f) << (7 * group);
            if byte & 0x80 == 0 {
                return usize::try_from(length).map_err(|_error| SHORT);
            }
        }
        Err(Why::Answer("holds a length that is none"))
    }
}

/// Columns of whole rows, in the order in which [`read_rows`] reads them.
pub(crate) fn whole_columns(table: &Table) -> Vec<&'static str> {
    use super::schema::{ATTRIBUTE_KINDS, ATTRIBUTES};
    let own = table.columns.iter().map(|column| column.name);
    own.chain([ATTRIBUTES, ATTRIBUTE_KINDS]).collect()
}

/// Columns like those of [`whole_columns`] that [`read_rows`] reads, but what is not needed is left empty.
pub(crate) fn some_columns(table: &Table, columns: &[usize], keys: &[&str]) -> Vec<String> {
    use super::schema::{ATTRIBUTE_KINDS, ATTRIBUTES};
    let own = table.columns.iter().enumerate().map(|(place, column)| {
        if columns.contains(&place) {
            return quote::name(column.name);
        }
        match column.kind {
            ColumnKind::Text => "''".to_owned(),
            ColumnKind::Time | ColumnKind::Whole => "toUInt64(0)".to_owned(),
            ColumnKind::Number => "toFloat64(0)".to_owned(),
            ColumnKind::Id16 => "toFixedString('', 16)".to_owned(),
            ColumnKind::Id8 => "toFixedString('', 8)".to_owned(),
        }
    });
    let keys: Vec<String> = keys.iter().map(|key| quote::text(key)).collect();
    let keys = if keys.is_empty() { "''".to_owned() } else { keys.join(", ") };
    let maps = [ATTRIBUTES, ATTRIBUTE_KINDS]
        .map(|name| format!("mapFilter((k, v) -> toString(k) IN ({keys}), {name})"));
    own.chain(maps).collect()
}

/// Whole rows, as they were before they were written.
pub(crate) fn read_rows(table: &'static Table, bytes: &[u8]) -> Result<Chunk, Why> {
    read_numbered(table, bytes, |_| Ok(()))
}

/// The same, with something before each row.
pub(crate) fn read_numbered<'a>(
    table: &'static Table,
    bytes: &'a [u8],
    mut before: impl FnMut(&mut Reader<'a>) -> Result<(), Why>,
) -> Result<Chunk, Why> {
    let mut chunk = Chunk::new(table);
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        before(&mut reader)?;
        for place in 0..table.columns.len() {
            match chunk.column(place) {
                Column::Text(_) => {
                    let text = reader.text()?;
                    let number = if text.is_empty() { 0 } else { chunk.text(text) };
                    chunk.set_text(place, number);
                }
                Column::Whole(_) => chunk.set_whole(place, reader.u64()?),
                Column::Number(_) => chunk.set_number(place, reader.f64()?),
                Column::Id16(_) => chunk.set_id16(place, reader.bytes()?),
                Column::Id8(_) => chunk.set_id8(place, reader.bytes()?),
            }
        }
        read_attributes(&mut chunk, &mut reader)?;
        chunk.end_row();
    }
    Ok(chunk)
}

fn read_attributes(chunk: &mut Chunk, reader: &mut Reader<'_>) -> Result<(), Why> {
    let mut values: Vec<(&str, &str)> = Vec::new();
    for _ in 0..reader.length()? {
        values.push((reader.text()?, reader.text()?));
    }
    let mut kinds: BTreeMap<&str, VecDeque<u8>> = BTreeMap::new();
    for _ in 0..reader.length()? {
        kinds.entry(reader.text()?).or_default().push_back(reader.u8()?);
    }
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, _) in &values {
        *left.entry(key).or_default() += 1;
    }
    for (key, value) in values {
        let left = left.entry(key).or_default();
        // Kinds are in the order of values; a text has none, and is the first of its key.
        let kinds = kinds.entry(key).or_default();
        let kind = if kinds.len() < *left { None } else { kinds.pop_front() };
        *left -= 1;
        let (kind, value) = match kind.unwrap_or(0) {
            INT => (AttributeKind::Int, value.parse::<i64>().unwrap_or(0).cast_unsigned()),
            DOUBLE => (AttributeKind::Double, value.parse::<f64>().unwrap_or(f64::NAN).to_bits()),
            BOOL => (AttributeKind::Bool, u64::from(value == "true")),
            JSON => (AttributeKind::Json, u64::from(chunk.text(value))),
            _ => (AttributeKind::Text, u64::from(chunk.text(value))),
        };
        chunk.set_attribute(key, kind, value);
    }
    Ok(())
}
