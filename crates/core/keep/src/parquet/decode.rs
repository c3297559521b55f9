//! A Parquet file to rows: only the columns that are asked for, and only the pages that hold the rows.

use std::{fmt, sync::Arc};

use parquet::{
    bloom_filter::Sbbf,
    column::page::Page,
    file::{
        metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader},
        properties::{ReaderProperties, ReaderPropertiesPtr},
        reader::ChunkReader,
    },
};

use super::{
    BlockError,
    pages::{Filled, Sink, read_page},
    schema::{Known, KnownAttribute},
    tail,
};
use crate::{
    chunk::{AttributeColumn, AttributeKind, Chunk, Column},
    json,
    table::{ColumnKind, Table},
    texts::small,
};

/// What is wrong where a page is longer or shorter than it should be.
pub(super) const ROWS_WRONG: &str = "its pages hold another number of rows than it says";

/// A block that can be read: any number of threads may, at once.
pub struct Block<R: ChunkReader + 'static> {
    pub(super) source: Arc<R>,
    pub(super) metadata: ParquetMetaData,
    /// The filter of a group is read once, when the file is opened, not with each of its columns.
    pub(super) properties: ReaderPropertiesPtr,
    pub(super) known: Known,
    groups: Vec<GroupHead>,
}

/// What is known of a row group without reading it.
#[derive(Clone)]
pub struct GroupHead {
    /// Its rows.
    pub rows: usize,
    /// Times of its first and its last row, in nanoseconds since the epoch.
    pub times: (u64, u64),
    /// Tells which traces are not in it.
    traces: Option<Arc<Sbbf>>,
}

/// Which columns of a row group are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Places of [`Table::columns`]; `None` for all.
    pub columns: Option<&'a [usize]>,
    /// Keys of attributes; `None` for all.
    pub attributes: Option<&'a [&'a str]>,
    /// Rows of the group, ascending; `None` for all.
    pub rows: Option<&'a [u32]>,
}

impl Wanted<'_> {
    /// All columns of all rows.
    pub const ALL: Self = Self { columns: None, attributes: None, rows: None };
}

impl GroupHead {
    /// Whether the trace may have a row here. A `false` is sure.
    #[must_use]
    pub fn may_have_trace(&self, id: [u8; 16]) -> bool {
        self.traces.as_ref().is_none_or(|traces| traces.check(&id[..]))
    }
}

impl fmt::Debug for GroupHead {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, times, .. } = self;
        write!(out, "GroupHead({rows} rows, {times:?})")
    }
}

impl<R: ChunkReader + 'static> fmt::Debug for Block<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Block({}, {:?})", self.known.table.name, self.groups)
    }
}

impl<R: ChunkReader + 'static> Block<R> {
    /// Reads what the file says of itself.
    ///
    /// # Errors
    ///
    /// It is no Parquet file, or not one of these.
    pub fn open(reader: R) -> Result<Self, BlockError> {
        tail::check(&reader)?;
        let properties = Arc::new(ReaderProperties::builder().set_read_bloom_filter(false).build());
        let metadata = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Required)
            .parse_and_finish(&reader)?;
        let known = Known::of(metadata.file_metadata())?;
        let mut groups = Vec::new();
        for group in metadata.row_groups() {
            let rows = usize::try_from(group.num_rows());
            let rows =
                rows.map_err(|_below_zero| BlockError::Foreign("a group without rows".to_owned()))?;
            let traces = known.table.trace.and_then(|place| known.columns[place]);
            let traces = match traces.and_then(|column| group.columns().get(column)) {
                Some(column) => Sbbf::read_from_column_chunk(column, &reader)?.map(Arc::new),
                None => None,
            };
            groups.push(GroupHead { rows, times: (0, u64::MAX), traces });
        }
        let mut block = Self { source: Arc::new(reader), metadata, properties, known, groups };
        for group in 0..block.groups.len() {
            block.groups[group].times = block.times(group)?;
        }
        Ok(block)
    }

    /// What its rows are.
    #[must_use]
    pub fn table(&self) -> &'static Table {
        self.known.table
    }

    /// Its row groups.
    #[must_use]
    pub fn groups(&self) -> &[GroupHead] {
        &self.groups
    }

    /// What [`encode`](super::encode) was given under that name.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        let pairs = self.metadata.file_metadata().key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == name)?.value.as_deref()
    }

    /// Keys of the attributes that have a column.
    pub fn attribute_keys(&self) -> impl Iterator<Item = &str> {
        self.known.attributes.iter().map(|attribute| attribute.key.as_str())
    }

    /// First and last time of a group: times are sorted, so that statistics say it unless they were dropped.
    fn times(&self, group: usize) -> Result<(u64, u64), BlockError> {
        let place = self.known.table.time;
        let statistics = self.known.columns[place]
            .and_then(|column| self.metadata.row_group(group).column(column).statistics());
        if let Some(parquet::file::statistics::Statistics::Int64(range)) = statistics
            && let (Some(least), Some(most)) = (range.min_opt(), range.max_opt())
            && 0 <= *least
        {
            return Ok((least.cast_unsigned(), most.cast_unsigned()));
        }
        let wanted = Wanted { columns: Some(&[place]), attributes: Some(&[]), rows: None };
        let chunk = self.read(group, wanted)?;
        let Column::Whole(times) = chunk.column(place) else { return Ok((0, u64::MAX)) };
        let least = times.iter().copied().min().unwrap_or(0);
        Ok((least, times.iter().copied().max().unwrap_or(u64::MAX)))
    }

    /// Rows of a group. Columns that are not wanted are empty.
    ///
    /// # Errors
    ///
    /// The file is damaged, or cannot be read.
    pub fn read(&self, group: usize, wanted: Wanted<'_>) -> Result<Chunk, BlockError> {
        let rows = self.groups.get(group).map_or(0, |group| group.rows);
        let mut chunk = Chunk::new(self.known.table);
        let selected = wanted.rows.map_or(rows, <[u32]>::len);
        for (place, column) in self.known.table.columns.iter().enumerate() {
            if wanted.columns.is_some_and(|columns| !columns.contains(&place)) {
                continue;
            }
            let values = match self.known.columns[place] {
                Some(number) => {
                    let filled = self.fill(group, number, wanted.rows, &mut chunk)?;
                    column_of(column.kind, filled)
                }
                // The file is of a version that did not know the column yet.
                None => Column::absent(column.kind, selected),
            };
            chunk.put_column(place, values);
        }
        for known in &self.known.attributes {
            if wanted.attributes.is_some_and(|keys| !keys.contains(&known.key.as_str())) {
                continue;
            }
            let filled = self.fill(group, known.column, wanted.rows, &mut chunk)?;
            let column = attribute_of(known, filled, &mut chunk);
            chunk.put_attribute(column);
        }
        if let Some(number) = self.known.rest.filter(|_| wanted.attributes != Some(&[])) {
            let filled = self.fill(group, number, wanted.rows, &mut chunk)?;
            put_rest(filled, wanted.attributes, &mut chunk);
        }
        chunk.put_rows(selected);
        Ok(chunk)
    }

    /// The values of one column of the file.
    pub(super) fn fill(
        &self,
        group: usize,
        number: usize,
        rows: Option<&[u32]>,
        chunk: &mut Chunk,
    ) -> Result<Filled, BlockError> {
        let column = self.metadata.row_group(group).column(number);
        let descriptor = column.column_descr_ptr();
        let sketches = self.known.table.sketch.and_then(|place| self.known.columns[place]);
        let mut sink = Sink::new(&descriptor, chunk.texts_mut(), sketches == Some(number));
        let mut pages = self.pages(group, number, rows)?;
        let mut from = 0_usize;
        let mut wanted = rows;
        let total = usize::try_from(column.num_values()).unwrap_or(0);
        let damaged = |what| BlockError::Page { column: descriptor.name().to_owned(), what };
        while from < total || total == 0 {
            let Some(head) = pages.peek()? else { break };
            if let Some(rows) = wanted.filter(|_| !head.is_dict) {
                let length = head.num_rows.or(head.num_levels).unwrap_or(0);
                let is_wanted = rows.first().is_some_and(|row| (*row as usize) < from + length);
                if !is_wanted {
                    pages.skip()?;
                    from += length;
                    continue;
                }
            }
            let Some(page) = pages.next()? else { break };
            let length = match &page {
                Page::DictionaryPage { .. } => 0,
                page => page.num_values() as usize,
            };
            // What the page says of itself has no checksum; what the index says of it has.
            if head.num_rows.is_some_and(|rows| rows != length) {
                return Err(damaged(ROWS_WRONG));
            }
            let here = wanted.map(|rows| {
                let end = rows.partition_point(|row| (*row as usize) < from + length);
                let (here, later) = rows.split_at(end);
                wanted = Some(later);
                here
            });
            let here = here.filter(|rows| rows.len() < length);
            let read = read_page(&page, here, from, &mut sink);
            read.map_err(|what| damaged(what.0))?;
            from += length;
        }
        let filled = sink.into_filled();
        let expected = rows.map_or(total, <[u32]>::len);
        if filled.rows == expected { Ok(filled) } else { Err(damaged(ROWS_WRONG)) }
    }
}

fn column_of(kind: ColumnKind, filled: Filled) -> Column {
    match kind {
        ColumnKind::Text => Column::Text(spread(&filled, |value| value as u32)),
        ColumnKind::Time | ColumnKind::Whole if filled.present.is_none() => {
            Column::Whole(filled.values)
        }
        ColumnKind::Time | ColumnKind::Whole => Column::Whole(spread(&filled, |value| value)),
        ColumnKind::Number => Column::Number(spread(&filled, f64::from_bits)),
        ColumnKind::Id16 => Column::Id16(ids(&filled)),
        ColumnKind::Id8 => Column::Id8(ids(&filled)),
    }
}

/// A value for each row, and nothing for those that have none.
fn spread<T: Clone + Default>(filled: &Filled, value: impl Fn(u64) -> T) -> Vec<T> {
    match &filled.present {
        None => filled.values.iter().map(|bits| value(*bits)).collect(),
        Some(present) => {
            let mut all = vec![T::default(); filled.rows];
            for (row, bits) in present.iter().zip(&filled.values) {
                all[*row as usize] = value(*bits);
            }
            all
        }
    }
}

fn ids<const N: usize>(filled: &Filled) -> Vec<[u8; N]> {
    let (values, _) = filled.ids.as_chunks::<N>();
    match &filled.present {
        None => values.to_vec(),
        Some(present) => {
            let mut all = vec![[0; N]; filled.rows];
            for (row, id) in present.iter().zip(values) {
                all[*row as usize] = *id;
            }
            all
        }
    }
}

fn attribute_of(known: &KnownAttribute, filled: Filled, chunk: &mut Chunk) -> AttributeColumn {
    let rows = filled.present.unwrap_or_else(|| (0..small(filled.rows)).collect());
    AttributeColumn { key: chunk.text(&known.key), kind: known.kind, rows, values: filled.values }
}

/// Takes apart the JSON of the attributes that have no column.
fn put_rest(filled: Filled, keys: Option<&[&str]>, chunk: &mut Chunk) {
    let rows = filled.present.unwrap_or_else(|| (0..small(filled.rows)).collect());
    for (row, number) in rows.into_iter().zip(filled.values) {
        let line = chunk.texts().get(number as u32).to_owned();
        let Ok(serde_json::Value::Object(object)) = serde_json::from_str(&line) else { continue };
        for (key, value) in object {
            if keys.is_none_or(|keys| keys.contains(&key.as_str())) {
                let value = json::read_value(&value);
                let (kind, bits) = AttributeKind::of(&value, chunk);
                chunk.put_attribute_value(&key, kind, row, bits);
            }
        }
    }
}
