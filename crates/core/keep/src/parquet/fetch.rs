//! The bytes of a column's pages, fetched by as few reads as can be: a read of a disk takes as long for one page as for some
//! that lie together.

use std::{cell::RefCell, io, ops::Range, sync::Arc};

use bytes::{Buf as _, Bytes, buf::Reader};
use parquet::{
    basic::Compression,
    column::page::{Page, PageMetadata, PageReader as _},
    errors::ParquetError,
    file::{metadata::ColumnChunkMetaData, serialized_reader::SerializedPageReader},
};
use zstd::bulk::Decompressor;

use super::{
    Block, BlockError, Wanted,
    parquet_file::{ChunkReader, Length},
};

/// Pages that lie no farther apart are fetched by one read, with what is between them.
const GAP_BYTES_MAX: u64 = 32 << 10;

/// Bytes of a page at most, unpacked: the format has no room for more.
const PAGE_BYTES_MAX: usize = i32::MAX as usize;

thread_local! {
    /// Making one takes longer than unpacking most pages: the reader of Parquet would make one for each column.
    static UNPACKING: RefCell<Decompressor<'static>> = RefCell::default();
}

/// The pages of a column, one after the other.
pub(super) struct Pages {
    reader: SerializedPageReader<Fetched>,
    /// The reader takes them for unpacked, and they are packed by zstd.
    are_packed: bool,
}

impl Pages {
    /// The next page, unpacked.
    pub(super) fn next(&mut self) -> Result<Option<Page>, BlockError> {
        let page = self.reader.get_next_page()?;
        if !self.are_packed {
            return Ok(page);
        }
        Ok(page.map(unpack).transpose().map_err(|error| ParquetError::External(error.into()))?)
    }

    /// What the next page says of itself.
    pub(super) fn peek(&mut self) -> Result<Option<PageMetadata>, BlockError> {
        Ok(self.reader.peek_next_page()?)
    }

    /// Leaves the next page out.
    pub(super) fn skip(&mut self) -> Result<(), BlockError> {
        Ok(self.reader.skip_next_page()?)
    }
}

/// The same page, unpacked. Pages of the second version, of which a part alone is packed, are in no block.
fn unpack(mut page: Page) -> io::Result<Page> {
    if let Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } = &mut page
        && !buf.is_empty()
    {
        let unpacked = UNPACKING.with_borrow_mut(|it| it.decompress(buf, PAGE_BYTES_MAX))?;
        *buf = unpacked.into();
    }
    Ok(page)
}

/// Bytes of a file that were fetched, in order.
#[derive(Debug)]
pub(super) struct Fetched {
    parts: Vec<(u64, Bytes)>,
}

impl<R: ChunkReader + 'static> Block<R> {
    /// The pages of a column of the file that hold these rows; all pages without.
    pub(super) fn pages(
        &self,
        group: usize,
        column: usize,
        rows: Option<&[u32]>,
    ) -> Result<Pages, BlockError> {
        let head = self.metadata.row_group(group).column(column);
        let are_packed = matches!(head.compression(), Compression::ZSTD(_));
        let mut parts = Vec::new();
        for range in self.ranges_of(group, column, rows) {
            let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
            parts.push((range.start, self.source.get_bytes(range.start, length)?));
        }
        let pages = self.metadata.page_index_for_row_group(group);
        let total = usize::try_from(self.metadata.row_group(group).num_rows()).unwrap_or(0);
        let locations = pages.page_locations(column).cloned();
        let (fetched, properties) = (Arc::new(Fetched { parts }), Arc::clone(&self.properties));
        let unpacked = if are_packed { Some(taken_for_unpacked(head)?) } else { None };
        let head = unpacked.as_ref().unwrap_or(head);
        let reader =
            SerializedPageReader::new_with_properties(fetched, head, total, locations, properties)?;
        Ok(Pages { reader, are_packed })
    }

    /// Where in the file lies what reading so much of a group takes, in order.
    #[must_use]
    pub fn ranges(&self, group: usize, wanted: Wanted<'_>) -> Vec<Range<u64>> {
        if self.groups().len() <= group {
            return Vec::new();
        }
        let places = 0..self.known.columns.len();
        let places = places.filter(|place| wanted.columns.is_none_or(|it| it.contains(place)));
        let columns = places.filter_map(|place| self.known.columns[place]);
        let attributes = self.known.attributes.iter().filter(|known| {
            wanted.attributes.is_none_or(|keys| keys.contains(&known.key.as_str()))
        });
        let rest = self.known.rest.filter(|_| wanted.attributes != Some(&[]));
        let all = columns.chain(attributes.map(|known| known.column)).chain(rest);
        let mut ranges: Vec<Range<u64>> =
            all.flat_map(|column| self.ranges_of(group, column, wanted.rows)).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        let mut joined: Vec<Range<u64>> = Vec::new();
        for range in ranges {
            join(&mut joined, range);
        }
        joined
    }

    /// What the file is read from.
    pub fn source(&self) -> &R {
        &self.source
    }

    fn ranges_of(&self, group: usize, column: usize, rows: Option<&[u32]>) -> Vec<Range<u64>> {
        let head = self.metadata.row_group(group).column(column);
        let all = range_of(head);
        let pages = self.metadata.page_index_for_row_group(group);
        let (Some(rows), Some(pages)) = (rows, pages.page_locations(column)) else {
            return vec![all];
        };
        let begin = |page: usize| pages.get(page).map(|page| page.first_row_index);
        let mut ranges: Vec<Range<u64>> = Vec::new();
        let mut add = |range: Range<u64>| join(&mut ranges, range);
        let first = pages.first().and_then(|page| u64::try_from(page.offset).ok());
        if let Some(first) = first.filter(|first| all.start < *first) {
            add(all.start..first);
        }
        for (place, page) in pages.iter().enumerate() {
            let from = rows.partition_point(|row| i64::from(*row) < page.first_row_index);
            let row = rows.get(from).map(|row| i64::from(*row));
            let is_wanted = row.is_some_and(|row| begin(place + 1).is_none_or(|next| row < next));
            let (Ok(offset), Ok(length)) =
                (u64::try_from(page.offset), u64::try_from(page.compressed_page_size))
            else {
                return vec![all];
            };
            if is_wanted {
                add(offset..offset + length);
            }
        }
        ranges
    }
}

/// What a column says of itself, as if its pages were not packed.
fn taken_for_unpacked(head: &ColumnChunkMetaData) -> Result<ColumnChunkMetaData, ParquetError> {
    ColumnChunkMetaData::builder(head.column_descr_ptr())
        .set_compression(Compression::UNCOMPRESSED)
        .set_num_values(head.num_values())
        .set_data_page_offset(head.data_page_offset())
        .set_dictionary_page_offset(head.dictionary_page_offset())
        .set_total_compressed_size(head.compressed_size())
        .build()
}

/// Adds a range behind others; what lies close to the last one becomes part of it.
fn join(ranges: &mut Vec<Range<u64>>, range: Range<u64>) {
    match ranges.last_mut() {
        Some(last) if range.start <= last.end + GAP_BYTES_MAX => last.end = last.end.max(range.end),
        _ => ranges.push(range),
    }
}

fn range_of(column: &ColumnChunkMetaData) -> Range<u64> {
    let (start, length) = column.byte_range();
    start..start + length
}

impl Fetched {
    fn bytes_at(&self, start: u64) -> Result<Bytes, ParquetError> {
        let after = self.parts.partition_point(|(begin, _)| *begin <= start);
        let part = after.checked_sub(1).and_then(|place| self.parts.get(place));
        let bytes = part.and_then(|(begin, bytes)| {
            let skipped = usize::try_from(start - begin).ok()?;
            (skipped <= bytes.len()).then(|| bytes.slice(skipped..))
        });
        bytes.ok_or_else(missing)
    }
}

fn missing() -> ParquetError {
    ParquetError::EOF("a page lies where none should".to_owned())
}

impl Length for Fetched {
    fn len(&self) -> u64 {
        self.parts.last().map_or(0, |(begin, bytes)| begin + bytes.len() as u64)
    }
}

impl ChunkReader for Fetched {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(self.bytes_at(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self.bytes_at(start)?;
        if bytes.len() < length { Err(missing()) } else { Ok(bytes.slice(..length)) }
    }
}
