//! The tables in ClickHouse, made of the tables that are kept: a column that is added there is added here by itself.
//!
//! Rows lie in parts by the day on which they were received, sorted by service, operation and minute. One insert falls
//! into one day, so that it is there as a whole or not at all, and spans with wrong clocks make no parts of their own.
//! What is kept no longer goes by the time at which it was inserted: by its own time, what comes late would be gone the
//! moment it came, without a word.

use keep::{ColumnKind, SPANS, TABLES, Table};

use super::quote;

/// The version of the tables; see [`super::migrate`].
pub const SCHEMA_VERSION: u32 = 2;

/// Columns whose texts seldom repeat: a dictionary of them would be as large as they are.
const SELDOM_REPEAT: &[&str] =
    &["events", "links", "other", "exemplars", "measured", "body", "body_value", "trace_state"];

/// Columns of every table beyond its own: where a row is from, and its attributes.
pub(crate) const FOLDER: &str = "taut_folder";
pub(crate) const SEGMENT: &str = "taut_segment";
pub(crate) const ROW: &str = "taut_row";
pub(crate) const RECEIVED: &str = "taut_received";
pub(crate) const INSERTED: &str = "taut_inserted";
/// Which thinning a row is of; 0 for rows as they came. Only spans have it.
pub(crate) const THINNING: &str = "taut_thinning";
pub(crate) const ATTRIBUTES: &str = "attributes";
pub(crate) const ATTRIBUTE_KINDS: &str = "attribute_kinds";

/// The bucket of a span's duration in our sketch, which ClickHouse works out as rows come in.
pub(crate) const BUCKET: &str = "duration_bucket";
pub(crate) const BUCKETED: &str = "duration_nanos";

/// What the sketch of a roll-up holds: up to so many values as they are, or else buckets and their counts; and the sum.
pub(crate) const SKETCHED: [(&str, &str); 4] = [
    ("taut_values", "Array(UInt64) CODEC(ZSTD(1))"),
    ("taut_buckets", "Array(UInt16) CODEC(ZSTD(1))"),
    ("taut_counts", "Array(UInt64) CODEC(ZSTD(1))"),
    ("taut_sum", "UInt128 CODEC(ZSTD(1))"),
];

/// The table of what was thinned.
pub(crate) const THINNED: &str = "taut_thinned";

/// Whether rows of a table are thinned when they are old.
pub(crate) fn thins(table: &Table) -> bool {
    table.name == SPANS.name
}

/// Inserts that are remembered, so that a repeated one is known: far more than lie between one and its repetition.
const REMEMBERED: u32 = 10_000;

/// How the tables are laid out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// The cluster that tables are made on; empty for the server alone.
    pub cluster: String,
    /// Each row is on several servers of the cluster. Needs ClickHouse Keeper.
    pub replicated: bool,
    /// Rows are spread over the shards of the cluster.
    pub sharded: bool,
}

/// What the statements are made for.
#[derive(Debug, Clone)]
pub(crate) struct Schema {
    pub(crate) database: String,
    pub(crate) layout: Layout,
    /// Days after which rows go.
    pub(crate) days: u32,
    /// Days after which roll-ups go.
    pub(crate) minutes_days: u32,
}

impl Schema {
    pub(crate) fn of(settings: &super::Settings) -> Self {
        Self {
            database: settings.database.clone(),
            layout: settings.layout.clone(),
            days: settings.days.max(1),
            minutes_days: settings.minutes_days.max(1),
        }
    }

    /// A table that is asked and inserted into.
    pub(crate) fn table(&self, name: &str) -> String {
        format!("{}.{}", quote::name(&self.database), quote::name(name))
    }

    /// Days after which rows of a table go.
    pub(crate) fn days_of(&self, table: &Table) -> u32 {
        if table.sketch.is_some() { self.minutes_days } else { self.days }
    }

    /// The table that holds the rows of one server.
    pub(crate) fn local(&self, name: &str) -> String {
        if self.layout.sharded { self.table(&format!("{name}_local")) } else { self.table(name) }
    }

    fn on_cluster(&self) -> String {
        if self.layout.cluster.is_empty() {
            return String::new();
        }
        format!(" ON CLUSTER {}", quote::name(&self.layout.cluster))
    }

    /// The engine of a table that holds rows; `{uuid}` and the like are filled in by the server.
    fn engine(&self, engine: &str) -> String {
        if self.layout.replicated { format!("Replicated{engine}") } else { engine.to_owned() }
    }

    pub(crate) fn create_database(&self) -> String {
        format!(
            "CREATE DATABASE IF NOT EXISTS {}{}",
            quote::name(&self.database),
            self.on_cluster()
        )
    }

    /// The table of the versions that were reached.
    pub(crate) fn create_migrations(&self) -> String {
        format!(
            "CREATE TABLE IF NOT EXISTS {}{} (version UInt32, name String, applied DateTime('UTC') DEFAULT now()) \
             ENGINE = {} ORDER BY version",
            self.table("taut_migrations"),
            self.on_cluster(),
            self.engine("MergeTree"),
        )
    }

    /// All tables as they are in [`SCHEMA_VERSION`] 1, columns as they are now.
    pub(crate) fn create_tables(&self) -> Vec<String> {
        let mut statements = Vec::new();
        for table in TABLES {
            statements.push(self.create(table));
            if self.layout.sharded {
                statements.push(self.create_distributed(table));
            }
        }
        statements
    }

    /// The table of what was thinned, since [`SCHEMA_VERSION`] 2: for each thinning the segments of a folder that it
    /// stands for, and whether the rows as they came are gone.
    pub(crate) fn create_thinned(&self) -> Vec<String> {
        let local = self.local(THINNED);
        let create = format!(
            "CREATE TABLE IF NOT EXISTS {local}{} (\n  folder LowCardinality(String),\n  segment_first UInt32,\n  \
             segment_last UInt32,\n  thinning UInt64,\n  is_dropped UInt8,\n  carried String CODEC(ZSTD(1)),\n  \
             at DateTime('UTC') DEFAULT now()\n)\nENGINE = {}\nORDER BY (folder, segment_first)\n\
             TTL at + INTERVAL {} DAY\nSETTINGS fsync_after_insert = 1, fsync_part_directory = 1",
            self.on_cluster(),
            self.engine("MergeTree"),
            self.thinned_days(),
        );
        let mut statements = vec![create];
        if self.layout.sharded {
            statements.push(self.spread(THINNED, "cityHash64(folder)"));
        }
        statements
    }

    /// What was thinned is known for longer than any row of it is kept.
    pub(crate) fn thinned_days(&self) -> u32 {
        self.days.max(self.minutes_days).saturating_add(1)
    }

    /// Drops rows of the table of spans. What merges read and write later is without them.
    pub(crate) fn delete_spans(&self, which: &str) -> String {
        format!("DELETE FROM {}{} WHERE {which}", self.local(SPANS.name), self.on_cluster())
    }

    /// Writes the rows of a day anew without those that were dropped.
    pub(crate) fn free_day(&self, day: &str) -> String {
        format!(
            "ALTER TABLE {}{} APPLY DELETED MASK IN PARTITION {}",
            self.local(SPANS.name),
            self.on_cluster(),
            quote::text(day)
        )
    }

    fn create(&self, table: &Table) -> String {
        let mut columns: Vec<String> =
            Self::columns(table).iter().map(|(name, kind)| format!("  `{name}` {kind}")).collect();
        if let Some(trace) = table.trace {
            let trace = table.columns[trace].name;
            columns
                .push(format!("  INDEX of_trace `{trace}` TYPE bloom_filter(0.001) GRANULARITY 1"));
        }
        let time = table.columns[table.time].name;
        columns.push(format!("  INDEX of_time `{time}` TYPE minmax GRANULARITY 1"));
        if table.column(BUCKETED).is_some() {
            columns.push(format!("  INDEX of_duration `{BUCKETED}` TYPE minmax GRANULARITY 1"));
        }
        columns.push(format!(
            "  INDEX of_attributes mapKeys(`{ATTRIBUTES}`) TYPE bloom_filter(0.01) GRANULARITY 1"
        ));
        format!(
            "CREATE TABLE IF NOT EXISTS {}{} (\n{}\n)\nENGINE = {}\nPARTITION BY toDate(`{RECEIVED}`)\n\
             ORDER BY ({})\nTTL `{INSERTED}` + INTERVAL {} DAY\nSETTINGS {}",
            self.local(table.name),
            self.on_cluster(),
            columns.join(",\n"),
            self.engine("MergeTree"),
            order(table).join(", "),
            self.days_of(table),
            self.table_settings(),
        )
    }

    /// What is written is on the disk before it is dropped here; rows go a whole part at a time; a repeated insert is
    /// known by its token.
    fn table_settings(&self) -> String {
        let replicated = if self.layout.replicated { "" } else { "non_" };
        format!(
            "ttl_only_drop_parts = 1, {replicated}replicated_deduplication_window = {REMEMBERED}, \
             fsync_after_insert = 1, fsync_part_directory = 1"
        )
    }

    fn create_distributed(&self, table: &Table) -> String {
        self.spread(table.name, &shard(table))
    }

    /// A table over those of all shards.
    fn spread(&self, name: &str, shard: &str) -> String {
        let cluster =
            if self.layout.cluster.is_empty() { "default" } else { self.layout.cluster.as_str() };
        format!(
            "CREATE TABLE IF NOT EXISTS {}{} AS {} ENGINE = Distributed({}, {}, {}, {})",
            self.table(name),
            self.on_cluster(),
            self.local(name),
            quote::text(cluster),
            quote::text(&self.database),
            quote::text(&format!("{name}_local")),
            shard,
        )
    }

    /// Columns with their types, in order.
    pub(crate) fn columns(table: &Table) -> Vec<(String, String)> {
        let mut columns: Vec<(String, String)> = Vec::new();
        for column in table.columns {
            columns.push((column.name.to_owned(), kind(column.name, column.kind)));
            if column.kind == ColumnKind::Time {
                // For people: whole nanoseconds are exact, and hard to read.
                let shown = format!(
                    "DateTime64(9, 'UTC') ALIAS fromUnixTimestamp64Nano(toInt64(least(`{}`, 9223372036854775807)))",
                    column.name
                );
                columns.push((format!("{}_at", column.name), shown));
            }
            if column.name == BUCKETED {
                let bucket = format!("UInt16 MATERIALIZED {}", bucket(&format!("`{BUCKETED}`")));
                columns.push((BUCKET.to_owned(), format!("{bucket} CODEC(ZSTD(1))")));
            }
        }
        let text = "LowCardinality(String)";
        let more = [
            (ATTRIBUTES, format!("Map({text}, String) CODEC(ZSTD(1))")),
            (ATTRIBUTE_KINDS, format!("Map({text}, UInt8) CODEC(ZSTD(1))")),
            (FOLDER, text.to_owned()),
            (SEGMENT, "UInt32 CODEC(Delta(4), ZSTD(1))".to_owned()),
            (ROW, "UInt32 CODEC(Delta(4), ZSTD(1))".to_owned()),
            (RECEIVED, "DateTime('UTC') CODEC(Delta(4), ZSTD(1))".to_owned()),
            (INSERTED, "DateTime('UTC') DEFAULT now() CODEC(Delta(4), ZSTD(1))".to_owned()),
        ];
        columns.extend(more.map(|(name, kind)| (name.to_owned(), kind)));
        if thins(table) {
            columns.push((THINNING.to_owned(), "UInt64 CODEC(ZSTD(1))".to_owned()));
        }
        if table.sketch.is_some() {
            columns.extend(SKETCHED.map(|(name, kind)| (name.to_owned(), kind.to_owned())));
        }
        columns
    }

    /// Adds a column that came with a newer Taut.
    pub(crate) fn add_column(&self, table: &Table, name: &str, kind: &str) -> Vec<String> {
        let mut tables = vec![self.local(table.name)];
        if self.layout.sharded {
            tables.push(self.table(table.name));
        }
        let add = |table: &String| {
            let on_cluster = self.on_cluster();
            format!("ALTER TABLE {table}{on_cluster} ADD COLUMN IF NOT EXISTS `{name}` {kind}")
        };
        tables.iter().map(add).collect()
    }

    /// How long rows are kept: for each table, the column that it is counted from, and the days.
    pub(crate) fn kept_days(&self) -> Vec<(&'static str, &'static str, u32)> {
        let tables = TABLES.iter().map(|table| (table.name, INSERTED, self.days_of(table)));
        tables.chain([(THINNED, "at", self.thinned_days())]).collect()
    }

    /// Sets how long rows of a table are kept.
    pub(crate) fn set_days(&self, (table, since, days): (&str, &str, u32)) -> String {
        format!(
            "ALTER TABLE {}{} MODIFY TTL `{since}` + INTERVAL {days} DAY",
            self.local(table),
            self.on_cluster(),
        )
    }
}

/// The type of a column of the table of tables.
fn kind(name: &str, kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Text if SELDOM_REPEAT.contains(&name) => "String CODEC(ZSTD(1))",
        ColumnKind::Text => "LowCardinality(String) CODEC(ZSTD(1))",
        ColumnKind::Time => "UInt64 CODEC(Delta(8), ZSTD(1))",
        ColumnKind::Whole => "UInt64 CODEC(T64, ZSTD(1))",
        ColumnKind::Number => "Float64 CODEC(ZSTD(1))",
        ColumnKind::Id16 => "FixedString(16) CODEC(ZSTD(1))",
        ColumnKind::Id8 => "FixedString(8) CODEC(ZSTD(1))",
    }
    .to_owned()
}

/// What rows are sorted by: questions are about a service and its operations, over some time.
fn order(table: &Table) -> Vec<String> {
    let told_apart = ["service", "operation"].iter().filter(|name| table.column(name).is_some());
    let mut order: Vec<String> = told_apart.map(|name| format!("`{name}`")).collect();
    if table.column("value").is_some() || table.sketch.is_some() {
        order.push("`name`".to_owned());
    }
    let time = table.columns[table.time].name;
    order.push(format!("intDiv(`{time}`, 60000000000)"));
    order.push(format!("`{time}`"));
    order
}

/// Which shard a row belongs to: the same each time, so that a repeated insert is known there; a trace stays together.
fn shard(table: &Table) -> String {
    match table.name {
        "spans" => "cityHash64(`trace_id`)".to_owned(),
        _ => format!("cityHash64(`{FOLDER}`, `{SEGMENT}`, intDiv(`{ROW}`, 1024))"),
    }
}

/// The bucket of a whole number in our sketch: values below 128 have one each, then there are 64 each octave.
///
/// The bits of a double are its exponent and then its highest bits, which is what a bucket is made of. It is exact
/// for up to 53 bits; beyond, the low ones are taken off, so that nothing is rounded up into the next bucket.
pub(crate) fn bucket(value: &str) -> String {
    let short =
        format!("if({value} < 9007199254740992, {value}, bitAnd({value}, 18446744073709549568))");
    let bits = format!("reinterpretAsUInt64(toFloat64({short}))");
    format!("toUInt16(if({value} < 128, {value}, bitShiftRight({bits}, 46) - 65792))")
}

#[cfg(test)]
mod tests;
