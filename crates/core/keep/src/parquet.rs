//! Blocks: rows as a Parquet file that any reader of Parquet understands.
//!
//! One row group holds up to [`BlockFormat::group_rows`] rows, sorted by time (those of roll-ups by the hour, so that
//! rows of one kind lie together). Each column of the table is a
//! column of the file, and so is each attribute that many rows have, named `attributes.KEY`; those of the rest are in
//! one column of JSON. Trace ids have a Bloom filter, times have a page index, everything is zstd.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "sizes of pages and rows of a group are bounded far below 2^31"
)]

mod bounds;
mod decode;
mod delta;
mod encode;
mod fetch;
mod head;
mod hybrid;
mod pages;
mod passing;
mod plain;
mod schema;
mod tail;
mod tally;
#[cfg(test)]
mod tests;
mod values;

pub use bounds::Bounds;
pub use decode::{Block, GroupHead, Wanted};
pub use encode::encode;
pub use plain::{PlainColumn, PlainValues, encode_plain};
pub(crate) use tally::Sides;

/// How a block is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockFormat {
    /// Rows of a row group.
    pub group_rows: usize,
    /// Rows of a page. Trace ids lead to a few of them, and each page costs some 40 bytes.
    pub page_rows: usize,
    /// How hard zstd tries, 1 to 22.
    pub zstd_level: i32,
    /// Share of the trace ids that are elsewhere for which the filter says that they may be here.
    pub bloom_wrong_share: f64,
}

impl BlockFormat {
    /// For rows that have just come: level 1 costs a fifth less time than 3 for a hundredth more bytes.
    pub const FRESH: Self =
        Self { group_rows: 131_072, page_rows: 16_384, zstd_level: 1, bloom_wrong_share: 0.01 };

    /// For rows that stay: with a thousand row groups, one in a thousand is one read that finds nothing.
    pub const SETTLED: Self = Self { zstd_level: 3, bloom_wrong_share: 0.001, ..Self::FRESH };
}

/// Why a block cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// It is no Parquet file, or a damaged one.
    #[error("no sound Parquet file")]
    File(#[from] parquet_file::Error),
    /// A newer version wrote it.
    #[error("it is of format {found}, and this version reads up to {known}")]
    Newer {
        /// Its format.
        found: u32,
        /// The newest one that is known here.
        known: u32,
    },
    /// It is a Parquet file, but not one of these.
    #[error("not a block of this format: {0}")]
    Foreign(String),
    /// What is no page of it does not hold its checksum.
    #[error("filters, indexes or footer are not what was written")]
    Tail,
    /// A page does not hold what its head says.
    #[error("damaged page of `{column}`: {what}")]
    Page {
        /// Name of the column.
        column: String,
        /// What is wrong.
        what: &'static str,
    },
}

/// The error of the crate that reads and writes files.
pub mod parquet_file {
    pub use parquet::errors::ParquetError as Error;
    pub use parquet::file::reader::{ChunkReader, Length};
}

/// What is wrong with the bytes of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damaged(pub(crate) &'static str);
