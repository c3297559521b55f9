//! The tables in ClickHouse, made of the tables that are kept: a column that is added there is added here by itself.
//!
//! Rows lie in parts by the day on which they were received, sorted by service, operation and minute. One insert falls
//! into one day, so that it is there as a whole or not at all, and spans with wrong clocks make no parts of their own.
//! What is kept no longer goes by the time at which it was inserted: by its own time, what comes late would be gone the
//! moment it came, without a word.

use keep::{ColumnKind, TABLES, Table};

use super::quote;

/// The version of the tables; see [`super::migrate`].
pub const SCHEMA_VERSION: u32 = 1;

/// Columns whose texts seldom repeat: a dictionary of them would be as large as they are.
const SELDOM_REPEAT: &[&str] =
    &["events", "links", "other", "exemplars", "measured", "body", "body_value", "trace_state"];

/// Columns of every table beyond its own: where a row is from, and its attributes.
pub(crate) const FOLDER: &str = "taut_folder";
pub(crate) const SEGMENT: &str = "taut_segment";
pub(crate) const ROW: &str = "taut_row";
pub(crate) const RECEIVED: &str = "taut_received";
pub(crate) const INSERTED: &str = "taut_inserted";
pub(crate) const ATTRIBUTES: &str = "attributes";
pub(crate) const ATTRIBUTE_KINDS: &str = "attribute_kinds";

/// The bucket of a span's duration in our sketch, which ClickHouse works out as rows come in.
pub(crate) const BUCKET: &str = "duration_bucket";
pub(crate) const BUCKETED: &str = "duration_nanos";

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
        let cluster =
            if self.layout.cluster.is_empty() { "default" } else { self.layout.cluster.as_str() };
        format!(
            "CREATE TABLE IF NOT EXISTS {}{} AS {} ENGINE = Distributed({}, {}, {}, {})",
            self.table(table.name),
            self.on_cluster(),
            self.local(table.name),
            quote::text(cluster),
            quote::text(&self.database),
            quote::text(&format!("{}_local", table.name)),
            shard(table),
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

    /// Sets how long rows are kept.
    pub(crate) fn set_days(&self, table: &Table) -> String {
        format!(
            "ALTER TABLE {}{} MODIFY TTL `{INSERTED}` + INTERVAL {} DAY",
            self.local(table.name),
            self.on_cluster(),
            self.days_of(table)
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
mod tests {
    use keep::{LOGS, METRICS, SPANS};

    use super::*;

    fn schema(layout: Layout) -> Schema {
        Schema { database: "taut".to_owned(), layout, days: 14, minutes_days: 90 }
    }

    #[test]
    fn columns_that_seldom_repeat_are_columns() {
        for name in SELDOM_REPEAT {
            assert!(TABLES.iter().any(|table| table.column(name).is_some()), "{name}");
        }
    }

    #[test]
    fn every_column_of_every_table_is_there() {
        for table in [&SPANS, &LOGS, &METRICS] {
            let columns = Schema::columns(table);
            for column in table.columns {
                assert!(columns.iter().any(|(name, _)| name == column.name), "{}", column.name);
            }
        }
    }

    fn check(statement: &str, parts: &[&str]) {
        for part in parts {
            assert!(statement.contains(part), "{part} is missing in\n{statement}");
        }
    }

    #[test]
    fn tables_of_one_server_know_repeated_inserts_and_age_by_when_they_were_inserted() {
        let statements = schema(Layout::default()).create_tables();
        assert_eq!(statements.len(), TABLES.len());
        check(
            &statements[0],
            &[
                "CREATE TABLE IF NOT EXISTS `taut`.`spans` (",
                "`trace_id` FixedString(16)",
                "`service` LowCardinality(String)",
                "`events` String",
                "`start_at` DateTime64(9, 'UTC') ALIAS",
                "`duration_bucket` UInt16 MATERIALIZED",
                "INDEX of_trace `trace_id` TYPE bloom_filter(0.001)",
                "ENGINE = MergeTree\nPARTITION BY toDate(`taut_received`)",
                "ORDER BY (`service`, `operation`, intDiv(`start`, 60000000000), `start`)",
                "TTL `taut_inserted` + INTERVAL 14 DAY",
                "ttl_only_drop_parts = 1",
                " non_replicated_deduplication_window = 10000",
                "fsync_after_insert = 1",
            ],
        );
        assert!(!statements.concat().contains("ON CLUSTER"));
        check(statements.last().unwrap(), &["`taut`.`minutes`", "+ INTERVAL 90 DAY"]);
    }

    #[test]
    fn tables_of_a_cluster_are_replicated_and_spread_as_asked() {
        let cluster = "it's `main".to_owned();
        let layout = Layout { cluster, replicated: true, sharded: true };
        let schema = schema(layout);
        check(&schema.create_database(), &["`taut` ON CLUSTER `it's \\`main`"]);
        check(&schema.create_migrations(), &["ON CLUSTER", "ReplicatedMergeTree"]);
        let statements = schema.create_tables();
        assert_eq!(statements.len(), 2 * TABLES.len());
        check(
            &statements[0],
            &[
                "`taut`.`spans_local` ON CLUSTER `it's \\`main` (",
                "ENGINE = ReplicatedMergeTree\n",
                " replicated_deduplication_window = 10000",
            ],
        );
        assert!(!statements[0].contains("non_replicated"));
        check(
            &statements[1],
            &[
                "`taut`.`spans` ON CLUSTER",
                "AS `taut`.`spans_local` ENGINE = Distributed('it\\'s `main', 'taut', 'spans_local', cityHash64(`trace_id`))",
            ],
        );
        check(&schema.set_days(&SPANS), &["ALTER TABLE `taut`.`spans_local` ON CLUSTER"]);
        assert_eq!(schema.add_column(&SPANS, "dream", "String").len(), 2, "both tables have it");
    }

    #[test]
    fn replicas_alone_are_no_shards() {
        let cluster = "main".to_owned();
        let schema = schema(Layout { cluster, replicated: true, sharded: false });
        let statements = schema.create_tables();
        assert_eq!(statements.len(), TABLES.len());
        check(&statements[0], &["`taut`.`spans` ON CLUSTER `main`", "ReplicatedMergeTree"]);
        assert!(!statements.concat().contains("Distributed"));
    }
}
