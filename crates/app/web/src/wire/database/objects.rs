//! Tables and indexes of a watched database on the wire.

use find::advisor::size;
use model::database as pg;
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::unix_ms;

/// Tables of a database.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DatabaseTables {
    /// Those that passed the filter, largest first.
    pub tables: Vec<DatabaseTable>,
    /// Those that passed but are not listed, or were not read.
    pub left_out: u64,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DatabaseTable {
    /// `oid`
    pub oid: u32,
    /// Its name, without `public`.
    pub name: String,
    /// `ordinary`, `partitioned`, `materialized view`, `foreign`.
    pub kind: String,
    /// Estimated rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<f64>,
    /// Its own bytes.
    pub bytes: u64,
    /// TOAST.
    pub toast_bytes: u64,
    /// All its indexes.
    pub index_bytes: u64,
    /// How many indexes.
    pub indexes: usize,
    /// Sequential scans.
    pub sequential_scans: u64,
    /// Rows that they read.
    pub sequential_rows: u64,
    /// Index scans.
    pub index_scans: u64,
    /// Rows inserted, updated and deleted.
    pub written_rows: u64,
    /// Share of updates that touched no index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hot_share: Option<f64>,
    /// Dead rows by all rows.
    pub dead_share: f64,
    /// Heap blocks found in the buffers by all that were wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hit_share: Option<f64>,
    /// Last `VACUUM`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vacuumed_unix_ms: Option<u64>,
    /// Last `ANALYZE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analyzed_unix_ms: Option<u64>,
    /// Rows read within each of some steps of the window; null where other tables changed more.
    pub read_series: Vec<Option<u64>>,
    /// Rows written within each of these steps.
    pub written_series: Vec<Option<u64>>,
}

impl DatabaseTable {
    /// A table with so many indexes.
    #[must_use]
    pub fn new(table: &pg::Table, indexes: usize) -> Self {
        let usage = &table.usage;
        Self {
            oid: table.oid,
            name: table.name.to_string(),
            kind: kind_name(table.kind).to_owned(),
            rows: table.rows,
            bytes: table.bytes,
            toast_bytes: table.toast_bytes,
            index_bytes: table.index_bytes,
            indexes,
            sequential_scans: usage.sequential_scans,
            sequential_rows: usage.sequential_rows,
            index_scans: usage.index_scans,
            written_rows: usage.inserted + usage.updated + usage.deleted,
            hot_share: share(usage.updated_hot, usage.updated),
            dead_share: share(usage.dead, usage.live + usage.dead).unwrap_or(0.0),
            hit_share: share(usage.blocks_hit, usage.blocks_hit + usage.blocks_read),
            vacuumed_unix_ms: usage.vacuumed.map(unix_ms),
            analyzed_unix_ms: usage.analyzed.map(unix_ms),
            read_series: Vec::new(),
            written_series: Vec::new(),
        }
    }
}

fn kind_name(kind: pg::TableKind) -> &'static str {
    match kind {
        pg::TableKind::Ordinary => "ordinary",
        pg::TableKind::Partitioned => "partitioned",
        pg::TableKind::MaterializedView => "materialized view",
        pg::TableKind::Foreign => "foreign",
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs three digits")]
fn share(part: u64, all: u64) -> Option<f64> {
    (0 < all).then(|| part as f64 / all as f64)
}

/// Indexes of a database.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DatabaseIndexes {
    /// Those that passed the filter, largest first.
    pub indexes: Vec<DatabaseIndex>,
    /// Those that passed but are not listed.
    pub left_out: u64,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DatabaseIndex {
    /// `oid`
    pub oid: u32,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// `btree` …
    pub method: String,
    /// `pg_get_indexdef`
    pub definition: String,
    /// What it is there for beside reading: `primary key`, `unique`, `constraint`; empty if nothing.
    pub role: String,
    /// It can be used.
    pub valid: bool,
    /// Its bytes.
    pub bytes: u64,
    /// Bytes that a rebuild would leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh_bytes: Option<u64>,
    /// Scans here.
    pub scans: u64,
    /// Scans on standbys that were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standby_scans: Option<u64>,
    /// Entries read.
    pub entries_read: u64,
    /// Rows written to its table, each of which may have to touch it.
    pub written_rows: u64,
    /// Last scan (PostgreSQL 16 and later).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scanned_unix_ms: Option<u64>,
    /// Scans within each of some steps of the window; null where other indexes changed more.
    pub scan_series: Vec<Option<u64>>,
}

impl DatabaseIndex {
    /// An index of this table.
    #[must_use]
    pub fn new(index: &pg::Index, table: Option<&pg::Table>) -> Self {
        let role = match (index.primary, index.unique, index.constraint) {
            (true, _, _) => "primary key",
            (_, true, _) => "unique",
            (_, _, true) => "constraint",
            _ => "",
        };
        Self {
            oid: index.oid,
            table: table.map_or_else(String::new, |table| table.name.to_string()),
            name: index.name.to_string(),
            method: index.method.as_str().to_owned(),
            definition: index.definition.clone(),
            role: role.to_owned(),
            valid: index.valid,
            bytes: index.bytes,
            fresh_bytes: table
                .filter(|_| index.method == pg::IndexMethod::Btree)
                .map(|table| size::fresh_bytes_of(table, index).bytes),
            scans: index.usage.scans,
            standby_scans: index.usage.standby_scans,
            entries_read: index.usage.entries_read,
            written_rows: table.map_or(0, |table| {
                let usage = &table.usage;
                usage.inserted + usage.updated.saturating_sub(usage.updated_hot)
            }),
            scanned_unix_ms: index.usage.scanned.map(unix_ms),
            scan_series: Vec::new(),
        }
    }
}
