//! What is kept, in columns.
//!
//! A [`Chunk`] holds rows of a [`Table`] in memory, each distinct text once. A block is the same rows as a
//! Parquet file ([`parquet`]), sorted by time, that any Parquet reader understands. A
//! [`query::Query`] is answered over chunks of either. No I/O here: blocks are bytes.

mod chunk;
mod distinct;
mod json;
pub mod logs;
pub mod metrics;
mod origin;
pub mod parquet;
pub mod policy;
pub mod query;
mod reader;
pub mod rollup;
pub mod spans;
pub mod table;
mod texts;

pub use chunk::{AttributeColumn, AttributeKind, Chunk, Column};
pub use distinct::distinct;
pub use table::{ColumnKind, ColumnSpec, LOGS, METRICS, MINUTES, SPANS, TABLES, Table};
pub use texts::{TextList, Texts};
