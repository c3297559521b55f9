//! Rows to a Parquet file.
//!
//! Pages are written here, not by the crate's own column writers: the texts of a chunk are numbered already, and
//! to look each of them up once more would take most of the time.

use std::sync::Arc;

use bytes::Bytes;
use parquet::{
    basic::{Compression, ZstdLevel},
    bloom_filter::Sbbf,
    column::writer::ColumnCloseResult,
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder},
        properties::{BloomFilterPosition, WriterProperties},
        statistics::{Statistics, ValueStatistics},
        writer::SerializedFileWriter,
    },
    schema::types::{ColumnDescPtr, SchemaDescriptor},
};
use zstd::bulk::Compressor;

use super::{
    BlockFormat,
    head::{self, PageKind},
    hybrid, tail,
    values::{Packing, Values, gathered},
};
use crate::{chunk::Chunk, parquet::schema::Layout};

/// Writes the rows of a chunk that has all of its columns, in the order in which they are kept, in groups of
/// [`BlockFormat::group_rows`]. `labels` are kept in the file, for [`Block::label`](super::Block::label).
///
/// # Errors
///
/// Nothing that a chunk can hold should make it fail; what the Parquet crate says is passed on.
pub fn encode(
    chunk: &Chunk,
    format: &BlockFormat,
    labels: &[(&str, String)],
) -> Result<Vec<u8>, ParquetError> {
    let layout = Layout::of(chunk);
    let level = ZstdLevel::try_new(format.zstd_level)?;
    let properties = WriterProperties::builder()
        .set_created_by(concat!("taut ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_key_value_metadata(Some(layout.metadata(labels)))
        .set_bloom_filter_position(BloomFilterPosition::End)
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), layout.schema(), Arc::new(properties))?;
    let descriptor = SchemaDescriptor::new(layout.schema());
    let mut pages = Pages::new(format, chunk)?;
    let order = chunk.kept_order();
    let mut pages_end = 0;
    for rows in order.chunks(format.group_rows.max(1)) {
        let mut group = writer.next_row_group()?;
        let mut scratch = Scratch::new(chunk, rows);
        for (place, source) in layout.sources().enumerate() {
            let values = gathered(chunk, source, rows, &mut scratch);
            let column = descriptor.column(place);
            let bloom = layout.is_looked_up(place).then_some(format.bloom_wrong_share);
            let (bytes, close) = pages.column(&values, column, bloom)?;
            group.append_column(&bytes, close)?;
        }
        let closed = group.close()?;
        let ends = closed.columns().iter().map(ColumnChunkMetaData::byte_range);
        pages_end = ends.map(|(from, length)| from + length).fold(pages_end, u64::max);
    }
    let mut bytes = writer.into_inner()?;
    tail::seal(&mut bytes, usize::try_from(pages_end).unwrap_or(usize::MAX));
    Ok(bytes)
}

/// What is made once for a group of rows and used for each of its columns.
#[derive(Debug)]
pub(super) struct Scratch {
    /// From the row in the chunk to the place in the group; [`Scratch::ELSEWHERE`] if it is in another.
    pub(super) places: Vec<u32>,
    /// From the number of a text to 1 + its place in the dictionary of the column at hand; 0 for none.
    pub(super) dictionary: Vec<u32>,
    /// Values by place, 0 for none, or 1 + where it is.
    pub(super) dense: Vec<u32>,
}

impl Scratch {
    pub(super) const ELSEWHERE: u32 = u32::MAX;

    fn new(chunk: &Chunk, rows: &[u32]) -> Self {
        let mut places = vec![Self::ELSEWHERE; chunk.rows()];
        for (place, row) in (0_u32..).zip(rows) {
            places[*row as usize] = place;
        }
        Self { places, dictionary: vec![0; chunk.texts().len()], dense: Vec::new() }
    }
}

/// Rows of a page where rows hold sketches: some hundred bytes each, of which a question for one kind needs few.
const SKETCHES_PAGE_ROWS: usize = 1_024;

/// Writes the pages of columns.
struct Pages {
    compressor: Compressor<'static>,
    level: ZstdLevel,
    rows: usize,
}

impl Pages {
    fn new(format: &BlockFormat, chunk: &Chunk) -> Result<Self, ParquetError> {
        let compressor = Compressor::new(format.zstd_level)
            .map_err(|error| ParquetError::External(Box::new(error)))?;
        let level = ZstdLevel::try_new(format.zstd_level)?;
        let most = if chunk.table().sketch.is_some() { SKETCHES_PAGE_ROWS } else { usize::MAX };
        Ok(Self { compressor, level, rows: format.page_rows.clamp(1, most) })
    }

    fn column(
        &mut self,
        values: &Values,
        column: ColumnDescPtr,
        bloom: Option<f64>,
    ) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let mut written = Written::default();
        if let Packing::Dictionary { plain, count, .. } = &values.packing {
            let packed = self.compress(plain)?;
            written.add(PageKind::Dictionary { values: *count }, &packed, plain.len());
        }
        let data_offset = written.bytes.len();
        let is_optional = column.max_def_level() == 1;
        let mut offsets = OffsetIndexBuilder::new();
        let mut ranges = ColumnIndexBuilder::new(column.physical_type());
        let mut from = 0;
        let mut values_from = 0;
        let mut body = Vec::new();
        while from < values.rows {
            let rows = self.rows.min(values.rows - from);
            body.clear();
            let count = values.levels(from, rows, is_optional, &mut body);
            values.packing.page(values_from..values_from + count, &mut body);
            if let Some((least, most)) = values.packing.range(values_from..values_from + count) {
                let (least, most) = (least.to_le_bytes().into(), most.to_le_bytes().into());
                ranges.append(false, least, most, (rows - count) as i64, None);
            }
            let kind = PageKind::Data { rows: rows as u32, encoding: values.packing.encoding() };
            let packed = self.compress(&body)?;
            let (offset, length) = written.add(kind, &packed, body.len());
            offsets.append_row_count(rows as i64);
            offsets.append_offset_and_size(offset as i64, length as i32);
            from += rows;
            values_from += count;
        }
        let everything = values.packing.range(0..values_from);
        let mut metadata = ColumnChunkMetaData::builder(column)
            .set_encodings(values.packing.encodings())
            .set_num_values(values.rows as i64)
            .set_compression(Compression::ZSTD(self.level))
            .set_total_compressed_size(written.bytes.len() as i64)
            .set_total_uncompressed_size(written.unpacked_bytes as i64)
            .set_data_page_offset(data_offset as i64)
            .set_dictionary_page_offset((0 < data_offset).then_some(0));
        if let Some((least, most)) = everything {
            let nulls = Some((values.rows - values_from) as u64);
            let range = ValueStatistics::new(Some(least), Some(most), None, nulls, false);
            metadata = metadata.set_statistics(Statistics::Int64(range));
        }
        let bytes = Bytes::from(written.bytes);
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: values.rows as u64,
            metadata: metadata.build()?,
            bloom_filter: bloom.map(|share| values.bloom(share)).transpose()?,
            column_index: everything.is_some().then(|| ranges.build()).transpose()?,
            offset_index: Some(offsets.build()),
        };
        Ok((bytes, close))
    }

    fn compress(&mut self, bytes: &[u8]) -> Result<Vec<u8>, ParquetError> {
        let compressed = self.compressor.compress(bytes);
        compressed.map_err(|error| ParquetError::External(Box::new(error)))
    }
}

/// Pages of a column chunk so far.
#[derive(Debug, Default)]
struct Written {
    bytes: Vec<u8>,
    /// Their bytes before they were compressed, heads included.
    unpacked_bytes: usize,
}

impl Written {
    /// Adds a page; returns where it begins and how long it is.
    fn add(&mut self, kind: PageKind, packed: &[u8], unpacked_bytes: usize) -> (usize, usize) {
        let offset = self.bytes.len();
        head::write(kind, unpacked_bytes, packed, &mut self.bytes);
        let length = self.bytes.len() - offset;
        self.unpacked_bytes += length - packed.len() + unpacked_bytes;
        (offset, length)
    }
}

impl Values {
    /// Appends which of `rows` rows from `from` on have a value; returns how many do.
    fn levels(&self, from: usize, rows: usize, is_optional: bool, body: &mut Vec<u8>) -> usize {
        if !is_optional {
            return rows;
        }
        let at = body.len();
        body.extend_from_slice(&[0; 4]);
        let count = match &self.present {
            None => {
                hybrid::encode(&vec![1; rows], 1, body);
                rows
            }
            Some(present) => {
                let levels: Vec<u32> =
                    present[from..from + rows].iter().map(|it| u32::from(*it)).collect();
                hybrid::encode(&levels, 1, body);
                levels.iter().filter(|level| **level == 1).count()
            }
        };
        let length = crate::texts::small(body.len() - at - 4).to_le_bytes();
        body[at..at + 4].copy_from_slice(&length);
        count
    }

    /// A filter over the distinct values of a column of ids.
    fn bloom(&self, wrong_share: f64) -> Result<Sbbf, ParquetError> {
        let (plain, width) = match &self.packing {
            Packing::Dictionary { plain, .. } => (plain, self.packing.fixed_width()),
            Packing::Plain { bytes, width } => (bytes, *width),
            _ => return Sbbf::new_with_ndv_fpp(1, wrong_share),
        };
        let ids = plain.chunks_exact(width.max(1));
        let mut filter = Sbbf::new_with_ndv_fpp((ids.len() as u64).max(1), wrong_share)?;
        for id in ids {
            filter.insert(id);
        }
        Ok(filter)
    }
}
