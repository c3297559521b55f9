//! Tables, columns, indexes, keys and sequences.

use model::database::{ForeignKeyAction, IndexKey, IndexMethod, TableKind};
use testkit::Postgres;

use super::{counting, missing, read, settle};

const SCHEMA: &str = r#"
    create schema "Größe ""x""";
    create table customers (id serial primary key, name text not null, "E-Mail" varchar(80));
    create table "Größe ""x"""."Order's" (
        id bigint generated always as identity primary key,
        customer_id int not null references customers (id) on delete cascade,
        status smallint not null,
        total numeric(10, 2),
        created timestamptz not null,
        payload jsonb,
        code text
    ) with (fillfactor = 90);
    create index "by status" on "Größe ""x"""."Order's" (customer_id, created desc) include (status) where status = 1;
    create index by_expression on "Größe ""x"""."Order's" (lower(code) text_pattern_ops, id desc nulls last);
    create index by_payload on "Größe ""x"""."Order's" using gin (payload);
    create unique index by_code on "Größe ""x"""."Order's" (code collate "POSIX", id);
    create statistics s_orders (ndistinct) on customer_id, status from "Größe ""x"""."Order's";
    insert into customers (name, "E-Mail") select 'c' || g, lpad(g::text, 36, '0') from generate_series(1, 1000) g;
    insert into "Größe ""x"""."Order's" (customer_id, status, total, created, payload, code)
        select g % 1000 + 1, g % 5, g, timestamptz '2026-01-01' + g * interval '1 minute', '{}', 'x' || g
        from generate_series(1, 20000) g;
    create table parted (id int not null, at date not null) partition by range (at);
    create table parted_1 partition of parted for values from ('2026-01-01') to ('2026-02-01');
    create index on parted (id);
    insert into parted select g, '2026-01-15' from generate_series(1, 100) g;
    create materialized view totals as select status, count(*) from "Größe ""x"""."Order's" group by 1;
    create sequence small as smallint;
    select setval('small', 32000);
    vacuum analyze;
    select count(*) from customers where id = 7;
"#;

#[tokio::test]
async fn tables_columns_and_statistics_are_read_on_every_version() {
    for version in Postgres::every_version() {
        let server = counting(version).start();
        server.psql(SCHEMA);
        settle(&server);
        let database = read(&server).await;
        assert_eq!(database.server.major(), version);
        assert_eq!(database.name, "postgres");
        assert!(database.server.role.superuser && database.server.role.monitor);
        assert!(1 << 20 < database.bytes && 0 < database.server.system_identifier);
        assert_eq!(database.setting("max_connections"), Some("100"));
        assert_eq!(database.setting("shared_buffers"), Some("32MB"));
        assert_eq!(database.settings["shared_buffers"].raw, "4096");
        assert!(database.server.has_extension("pg_stat_statements"));
        let names: Vec<String> =
            database.tables.iter().map(|table| table.name.to_string()).collect();
        let expected = ["Größe \"x\".Order's", "customers", "parted", "parted_1", "totals"];
        assert_eq!(names, expected, "on {version}");
        let orders = &database.tables[0];
        assert_eq!(orders.rows, Some(20_000.0));
        assert_eq!(orders.fillfactor, 90);
        assert_eq!(orders.primary_key, [1]);
        assert_eq!(orders.bytes, orders.pages * 8_192);
        assert!(0 < orders.pages && orders.pages_all_visible <= orders.pages);
        assert_eq!(orders.usage.inserted, 20_000, "on {version}");
        assert!(20_000 <= orders.usage.live);
        assert!(orders.usage.analyzed.is_some() && orders.usage.vacuumed.is_some());
        assert_eq!(orders.distinct_groups, [(vec![2, 3], 1_000.0)]);
        let status = orders.column_named("status").unwrap();
        assert_eq!(
            (status.type_name.as_str(), status.type_length, status.type_align),
            ("smallint", 2, 2)
        );
        assert!(status.not_null && status.deduplicates);
        let known = status.statistics.as_ref().unwrap();
        assert!((known.distinct - 5.0).abs() < 0.1);
        assert!((known.common_share - 1.0).abs() < 0.01 && known.common_shares.len() == 5);
        assert!(!orders.column_named("total").unwrap().deduplicates);
        assert!(!orders.column_named("payload").unwrap().deduplicates);
        let mail = database.tables[1].column_named("E-Mail").unwrap();
        assert_eq!(mail.type_name, "character varying(80)");
        assert_eq!(mail.statistics.as_ref().unwrap().width_range, Some((37, 37)));
        assert_eq!(database.tables[2].kind, TableKind::Partitioned);
        assert_eq!(database.tables[3].parent_oid, Some(database.tables[2].oid));
        assert_eq!(database.tables[4].kind, TableKind::MaterializedView);
        assert_eq!(missing(&database), ["track_io_timing"], "on {version}");
        assert_eq!(database.notes, Vec::<String>::new(), "on {version}");
        assert!(0.0 < database.own_millis);
    }
}

#[tokio::test]
async fn indexes_keys_and_sequences_are_read_on_every_version() {
    for version in Postgres::every_version() {
        let server = counting(version).start();
        server.psql(SCHEMA);
        settle(&server);
        let database = read(&server).await;
        let index = |name: &str| {
            database
                .indexes
                .iter()
                .find(|index| index.name == name)
                .unwrap_or_else(|| panic!("{name}"))
        };
        let by_status = index("by status");
        let keys: Vec<(&IndexKey, bool, bool)> =
            by_status.keys.iter().map(|key| (&key.key, key.descending, key.nulls_first)).collect();
        assert_eq!(
            keys,
            [(&IndexKey::Column(2), false, false), (&IndexKey::Column(5), true, true)]
        );
        assert_eq!(by_status.include, [3]);
        assert_eq!(by_status.predicate, "(status = 1)");
        assert!((by_status.entries - 4_000.0).abs() < 1.0);
        assert!(by_status.valid && !by_status.unique && 8_192 < by_status.bytes);
        assert!(
            by_status
                .definition
                .starts_with("CREATE INDEX \"by status\" ON \"Größe \"\"x\"\"\".\"Order's\"")
        );
        let by_expression = index("by_expression");
        assert_eq!(by_expression.keys[0].key, IndexKey::Expression("lower(code)".to_owned()));
        assert_eq!(by_expression.keys[0].operator_class, "text_pattern_ops");
        assert!(by_expression.keys[1].descending && !by_expression.keys[1].nulls_first);
        assert_eq!(index("by_payload").method, IndexMethod::Gin);
        assert!(index("by_code").unique && !index("by_code").constraint);
        assert_eq!(index("by_code").keys[0].collation, "POSIX");
        assert_eq!(index("by_code").keys[1].collation, "");
        let customers = index("customers_pkey");
        assert!(customers.primary && customers.constraint);
        assert!(
            1 <= customers.usage.scans
                && customers.usage.scans == customers.usage.scans_since_reset
        );
        let parted = index("parted_1_id_idx");
        assert_eq!(parted.parent_oid, Some(index("parted_id_idx").oid));
        let [foreign_key] = database.foreign_keys.as_slice() else {
            panic!("{:?}", database.foreign_keys)
        };
        assert_eq!(
            (foreign_key.columns.as_slice(), foreign_key.referenced_columns.as_slice()),
            (&[2][..], &[1][..])
        );
        assert_eq!(foreign_key.on_delete, ForeignKeyAction::Cascade);
        assert!(foreign_key.validated);
        let small = &database.sequences[0];
        assert_eq!((small.name.name.as_str(), small.last, small.max), ("small", 32_000, 32_767));
        let serial =
            database.sequences.iter().find(|known| known.column == "customers.id").unwrap();
        assert_eq!((serial.last, serial.max), (1_000, 2_147_483_647));
        assert_eq!(database.sequences.len(), 3);
    }
}
