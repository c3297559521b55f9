//! Tables, their columns, keys and sequences.

use std::fmt;

use crate::{Moment, Text};

/// Schema and name, unquoted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TableName {
    /// `public`
    pub schema: Text,
    /// `orders`
    pub name: Text,
}

impl TableName {
    /// From its parts.
    #[must_use]
    pub fn new(schema: &str, name: &str) -> Self {
        Self { schema: Text::from(schema), name: Text::from(name) }
    }
}

/// As people say it: without `public`, unquoted. For SQL quote with `sql::quote`.
impl fmt::Display for TableName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.schema == "public" {
            write!(out, "{}", self.name)
        } else {
            write!(out, "{}.{}", self.schema, self.name)
        }
    }
}

/// What kind of relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum TableKind {
    /// `r`
    #[default]
    Ordinary,
    /// `p`
    Partitioned,
    /// `m`
    MaterializedView,
    /// `f`
    Foreign,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// `pg_class.oid`
    pub oid: u32,
    /// Its name.
    pub name: TableName,
    /// Its kind.
    pub kind: TableKind,
    /// The partitioned table that it is a partition of.
    pub parent_oid: Option<u32>,
    /// Columns in order of their numbers, dropped ones left out.
    pub columns: Vec<Column>,
    /// Numbers of the columns of the primary key.
    pub primary_key: Vec<i16>,
    /// `reltuples`: estimated rows; `None` if never analysed (-1, or 0 before 14 with no pages).
    pub rows: Option<f64>,
    /// `relpages`
    pub pages: u64,
    /// `relallvisible`
    pub pages_all_visible: u64,
    /// `pg_relation_size`, main fork, in bytes.
    pub bytes: u64,
    /// TOAST with its index, in bytes.
    pub toast_bytes: u64,
    /// All its indexes, in bytes.
    pub index_bytes: u64,
    /// `fillfactor`, in percent.
    pub fillfactor: u32,
    /// Per-table settings (`reloptions`): `autovacuum_enabled=false`.
    pub options: Vec<Text>,
    /// Has row security policies in force.
    pub row_security: bool,
    /// `age(relfrozenxid)`
    pub transaction_age: u64,
    /// Groups of columns and their number of distinct values, from extended statistics (`ndistinct`).
    pub distinct_groups: Vec<(Vec<i16>, f64)>,
    /// Counters within the window.
    pub usage: TableUse,
}

impl Table {
    /// The column of this number.
    #[must_use]
    pub fn column(&self, number: i16) -> Option<&Column> {
        self.columns.iter().find(|column| column.number == number)
    }

    /// The column of this name.
    #[must_use]
    pub fn column_named(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Column {
    /// `attnum`
    pub number: i16,
    /// `attname`
    pub name: Text,
    /// `format_type`: `character varying(20)`.
    pub type_name: Text,
    /// `pg_type.oid`
    pub type_oid: u32,
    /// `typlen`: bytes, or -1 for varlena, -2 for cstring.
    pub type_length: i16,
    /// `typalign` in bytes: 1, 2, 4 or 8.
    pub type_align: u8,
    /// `typcategory`: `N`, `S`, `D`, `B`, `A`, `U` …
    pub type_category: char,
    /// B-tree deduplication is safe: no `numeric`, `float`, `jsonb`, container or nondeterministic collation.
    pub deduplicates: bool,
    /// `attnotnull`
    pub not_null: bool,
    /// What `ANALYZE` knows; `None` if it never ran or may not be seen.
    pub statistics: Option<ColumnStatistics>,
}

/// One row of `pg_stats`; values themselves are never kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ColumnStatistics {
    /// Share of nulls.
    pub null_share: f64,
    /// Mean width in bytes.
    pub width: u32,
    /// Width of the narrowest and the widest value of the sample, in bytes as they are stored, header included;
    /// `None` unless they vary and were asked for. Tells texts that are all as wide (a UUID, a hash) from others.
    pub width_range: Option<(u32, u32)>,
    /// `n_distinct`: a number if positive, minus a share of the rows if negative.
    pub distinct: f64,
    /// Order on disk against order of values, -1 to 1; `None` if it has no order.
    pub correlation: Option<f64>,
    /// Shares of the most common values, largest first; at most 10.
    pub common_shares: Vec<f64>,
    /// Sum of the shares of all most common values.
    pub common_share: f64,
}

impl ColumnStatistics {
    /// Distinct values in a table of so many rows; at least 1.
    #[must_use]
    pub fn distinct_in(&self, rows: f64) -> f64 {
        let distinct = if self.distinct < 0.0 { -self.distinct * rows } else { self.distinct };
        distinct.clamp(1.0, rows.max(1.0))
    }
}

/// Counters of `pg_stat_all_tables` and `pg_statio_all_tables` within the window.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableUse {
    /// Sequential and index scans since the statistics were reset, however short the window is.
    pub scans_since_reset: u64,
    /// Sequential scans.
    pub sequential_scans: u64,
    /// Rows that they read.
    pub sequential_rows: u64,
    /// Index scans.
    pub index_scans: u64,
    /// Rows that they fetched.
    pub index_rows: u64,
    /// Rows inserted.
    pub inserted: u64,
    /// Rows updated, HOT or not.
    pub updated: u64,
    /// Rows updated without touching an index.
    pub updated_hot: u64,
    /// Rows deleted.
    pub deleted: u64,
    /// Heap blocks found in the buffers.
    pub blocks_hit: u64,
    /// Heap blocks read.
    pub blocks_read: u64,
    /// Live rows now, by the statistics.
    pub live: u64,
    /// Dead rows now.
    pub dead: u64,
    /// Rows changed since the last `ANALYZE`.
    pub changed_since_analyze: u64,
    /// Last `VACUUM`, manual or automatic.
    pub vacuumed: Option<Moment>,
    /// Last `ANALYZE`, manual or automatic.
    pub analyzed: Option<Moment>,
    /// Last scan (16+).
    pub scanned: Option<Moment>,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ForeignKey {
    /// `conname`
    pub name: Text,
    /// The table that refers.
    pub table_oid: u32,
    /// Its columns, in the order of the constraint.
    pub columns: Vec<i16>,
    /// The table that it refers to.
    pub referenced_oid: u32,
    /// That table's columns.
    pub referenced_columns: Vec<i16>,
    /// What deleting there does here.
    pub on_delete: ForeignKeyAction,
    /// Checked for the rows that are there.
    pub validated: bool,
}

/// `ON DELETE`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForeignKeyAction {
    /// `NO ACTION` or `RESTRICT`
    #[default]
    Refuse,
    /// `CASCADE`
    Cascade,
    /// `SET NULL` or `SET DEFAULT`
    Set,
}

/// A sequence, and how near its end is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sequence {
    /// Its name.
    pub name: TableName,
    /// `last_value`
    pub last: i64,
    /// The largest value: its own, or that of the column's type where that is smaller.
    pub max: i64,
    /// The column that it feeds, as `table.column`; empty if none.
    pub column: Text,
}
