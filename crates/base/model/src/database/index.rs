//! Indexes: those that are there, and those that could be.

use super::TableName;
use crate::{Moment, Text};

/// An index that is there.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of `pg_index`")]
pub struct Index {
    /// `pg_class.oid`
    pub oid: u32,
    /// Its table.
    pub table_oid: u32,
    /// Its name; the schema is the table's.
    pub name: Text,
    /// How it is built.
    pub method: IndexMethod,
    /// Keys, in order.
    pub keys: Vec<IndexColumn>,
    /// Columns of `INCLUDE`.
    pub include: Vec<i16>,
    /// `pg_get_expr(indpred)`; empty if it covers all rows.
    pub predicate: Text,
    /// `indisunique`
    pub unique: bool,
    /// `indisprimary`
    pub primary: bool,
    /// Backs a constraint: primary key, unique, exclusion; or a foreign key elsewhere refers to it.
    pub constraint: bool,
    /// `indisreplident`, or the table is clustered on it.
    pub identity: bool,
    /// `indisvalid`
    pub valid: bool,
    /// The index of the partitioned table that it belongs to.
    pub parent_oid: Option<u32>,
    /// `pg_relation_size`, in bytes.
    pub bytes: u64,
    /// Index entries, `reltuples`.
    pub entries: f64,
    /// `pg_get_indexdef`
    pub definition: String,
    /// Bytes that a rebuild would leave, as far as it can be told from statistics.
    pub fresh_bytes: Option<u64>,
    /// Counters within the window.
    pub usage: IndexUse,
}

/// One key of an index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct IndexColumn {
    /// What it holds.
    pub key: IndexKey,
    /// `DESC`
    pub descending: bool,
    /// `NULLS FIRST`, said or implied by `DESC`.
    pub nulls_first: bool,
    /// Operator class, where it is not the type's default: `text_pattern_ops`.
    pub operator_class: Text,
    /// Collation, where it is not the column's.
    pub collation: Text,
}

/// What a key of an index holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexKey {
    /// The column of this number.
    Column(i16),
    /// An expression, as `pg_get_indexdef` prints it.
    Expression(String),
}

impl Default for IndexKey {
    fn default() -> Self {
        Self::Column(0)
    }
}

/// How an index is built.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum IndexMethod {
    /// `btree`
    #[default]
    Btree,
    /// `hash`
    Hash,
    /// `gin`
    Gin,
    /// `gist`
    Gist,
    /// `spgist`
    Spgist,
    /// `brin`
    Brin,
    /// Any other, by name.
    Other(Text),
}

impl IndexMethod {
    /// As in `USING`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Btree => "btree",
            Self::Hash => "hash",
            Self::Gin => "gin",
            Self::Gist => "gist",
            Self::Spgist => "spgist",
            Self::Brin => "brin",
            Self::Other(name) => name,
        }
    }

    /// From the name in `pg_am`.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name {
            "btree" => Self::Btree,
            "hash" => Self::Hash,
            "gin" => Self::Gin,
            "gist" => Self::Gist,
            "spgist" => Self::Spgist,
            "brin" => Self::Brin,
            other => Self::Other(Text::from(other)),
        }
    }
}

/// Counters of `pg_stat_all_indexes` and `pg_statio_all_indexes` within the window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexUse {
    /// `idx_scan` here.
    pub scans: u64,
    /// `idx_scan` here since the statistics were reset, however short the window is: what tells an index
    /// that nobody uses from one that nobody used lately.
    pub scans_since_reset: u64,
    /// `idx_tup_read`
    pub entries_read: u64,
    /// `idx_tup_fetch`
    pub rows_fetched: u64,
    /// Index blocks found in the buffers.
    pub blocks_hit: u64,
    /// Index blocks read.
    pub blocks_read: u64,
    /// Last scan (16+).
    pub scanned: Option<Moment>,
    /// Scans on standbys that were asked; `None` if there are standbys and none was asked.
    pub standby_scans: Option<u64>,
}

/// An index that could be created.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NewIndex {
    /// The table.
    pub table: TableName,
    /// How it is built.
    pub method: IndexMethod,
    /// Keys, in order.
    pub keys: Vec<IndexColumn>,
    /// Columns of `INCLUDE`.
    pub include: Vec<i16>,
    /// `WHERE`, as SQL; empty for all rows.
    pub predicate: String,
    /// `UNIQUE`
    pub unique: bool,
}
