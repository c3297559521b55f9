//! Statements for tables: what is in them, and what ClickHouse itself makes of them.

use keep::{LOGS, METRICS};

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
    let spans = schema.kept_days()[0];
    check(&schema.set_days(spans), &["ALTER TABLE `taut`.`spans_local` ON CLUSTER"]);
    check(&schema.delete_spans("1"), &["DELETE FROM `taut`.`spans_local` ON CLUSTER"]);
    assert_eq!(schema.create_thinned().len(), 2);
    assert_eq!(schema.add_column(&SPANS, "dream", "String").len(), 2, "both tables have it");
}

#[test]
fn clickhouse_itself_understands_the_statements_for_clusters() {
    let server = testkit::clickhouse::ClickHouse::start();
    for (replicated, sharded) in [(true, false), (false, true), (true, true)] {
        let layout = Layout { cluster: "it's `main".to_owned(), replicated, sharded };
        let schema = schema(layout);
        let mut statements = vec![schema.create_database(), schema.create_migrations()];
        statements.extend(schema.create_tables());
        statements.extend(schema.create_thinned());
        statements.extend(schema.kept_days().into_iter().map(|kept| schema.set_days(kept)));
        statements.extend(schema.add_column(&SPANS, "dream", "String"));
        statements.push(schema.delete_spans("taut_segment = 7"));
        statements.push(schema.free_day("2026-11-22"));
        for statement in statements {
            let told = server.ask(&format!("EXPLAIN AST {statement}"));
            assert!(told.contains("Query"), "{statement}\n{told}");
        }
    }
}

#[test]
fn clickhouse_makes_replicated_tables_with_its_keeper() {
    let server = testkit::clickhouse::ClickHouse::start();
    for sharded in [false, true] {
        let layout = Layout { cluster: "alone".to_owned(), replicated: true, sharded };
        let database = if sharded { "both" } else { "taut" }.to_owned();
        let schema = Schema { database, ..schema(layout) };
        let mut statements = vec![schema.create_database(), schema.create_migrations()];
        statements.extend(schema.create_tables());
        statements.extend(schema.create_thinned());
        for statement in statements {
            server.run(&statement);
        }
        let replicas = |rest: &str| {
            let database = quote::text(&schema.database);
            server.ask(&format!(
                "SELECT count() FROM system.replicas WHERE database = {database}{rest}"
            ))
        };
        assert_eq!(replicas(""), (TABLES.len() + 2).to_string());
        let local = quote::text(if sharded { "spans_local" } else { "spans" });
        assert_eq!(replicas(&format!(" AND table = {local} AND total_replicas = 1")), "1");
    }
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
