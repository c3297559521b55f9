//! Missing rights and extensions, hostile names and texts, many tables.

use std::time::{Duration, Instant};

use model::StatementKind;
use postgres::{ReadOptions, read_database};
use testkit::Postgres;

use super::{connected, counting, missing, read};

#[tokio::test]
async fn without_any_right_everything_missing_is_named_on_every_version() {
    for version in Postgres::every_version() {
        let server = counting(version).start();
        server.psql("create table t (id serial primary key); insert into t select from generate_series(1, 10); analyze; create role \"No Body\" login; select count(*) from t");
        let connection = connected(&server, "postgres", "No Body").await;
        let database = read_database(&connection, &ReadOptions::default()).await.unwrap();
        assert!(!database.server.role.monitor);
        assert_eq!(database.tables.len(), 1);
        assert_eq!(database.tables[0].rows, Some(10.0));
        assert_eq!(database.indexes.len(), 1);
        // Its own are to be seen, nobody else's.
        assert!(database.statements.iter().all(|one| one.text.kind == StatementKind::Session));
        let expected = [
            "pg_read_all_data",
            "pg_read_all_settings",
            "pg_read_all_stats",
            "select on sequences",
            "track_io_timing",
        ];
        assert_eq!(missing(&database), expected, "on {version}");
        assert_eq!(database.missing[2].hint, "grant pg_monitor to \"No Body\"");
        assert_eq!(database.notes, Vec::<String>::new(), "on {version}");
    }
}

#[tokio::test]
async fn the_least_rights_suffice_for_all_but_columns_on_every_version() {
    for version in Postgres::every_version() {
        let server = counting(version).start();
        server.psql("create table t (id int primary key); insert into t select generate_series(1, 10); analyze; create role watcher login; grant pg_monitor to watcher; select count(*) from t");
        let connection = connected(&server, "postgres", "watcher").await;
        let database = read_database(&connection, &ReadOptions::default()).await.unwrap();
        assert_eq!(missing(&database), ["pg_read_all_data", "track_io_timing"], "on {version}");
        let counted =
            |one: &&model::database::ServerStatement| one.text.text == "select count(*) from t";
        assert_eq!(database.statements.iter().filter(counted).count(), 1);
        if 14 <= version {
            server.psql("grant pg_read_all_data to watcher");
            let database = read_database(&connection, &ReadOptions::default()).await.unwrap();
            assert_eq!(missing(&database), ["track_io_timing"]);
            assert!(database.tables[0].columns[0].statistics.is_some());
        }
    }
}

#[tokio::test]
async fn statistics_of_statements_may_be_absent_elsewhere_old_or_not_loaded() {
    let server = Postgres::builder().version(15).start();
    assert!(missing(&read(&server).await).contains(&"pg_stat_statements"));
    server.psql("create extension pg_stat_statements");
    assert!(missing(&read(&server).await).contains(&"shared_preload_libraries"));
    let server = counting(15).setting("pg_stat_statements.track", "none").start();
    assert!(missing(&read(&server).await).contains(&"pg_stat_statements.track"));
    let server = counting(17).start();
    server.psql("create schema \"Other's\"; drop extension pg_stat_statements; create extension pg_stat_statements schema \"Other's\"; select 1 as one");
    let found = read(&server).await;
    assert!(
        found.statements.iter().any(|one| one.text.text == "select ? as one"),
        "{:?}",
        found.notes
    );
    for (version, readable) in [("1.8", true), ("1.7", false)] {
        server.psql(&format!("drop extension pg_stat_statements; create extension pg_stat_statements version '1.4'; alter extension pg_stat_statements update to '{version}'; select 1 as one"));
        let found = read(&server).await;
        assert_eq!(!missing(&found).contains(&"pg_stat_statements 1.8"), readable, "{version}");
        assert_eq!(found.statements.is_empty(), !readable, "{version}: {:?}", found.notes);
    }
    server.psql("create database elsewhere template template0");
    let connection = connected(&server, "elsewhere", "postgres").await;
    let found = read_database(&connection, &ReadOptions::default()).await.unwrap();
    assert!(missing(&found).contains(&"pg_stat_statements"));
}

#[tokio::test]
async fn texts_that_are_no_unicode_cost_nothing_but_themselves() {
    let server = counting(16).start();
    server.psql("create database bytes encoding 'SQL_ASCII' template template0 locale 'C'");
    server.psql_in("bytes", "create extension pg_stat_statements; create table t (id int)");
    server.psql_in("bytes", "set client_encoding = 'SQL_ASCII'; select 'fine' as fine; \\! true\n");
    let client = server
        .client("psql")
        .args(["--no-psqlrc", "-d", "bytes", "-c"])
        .arg(std::ffi::OsStr::new("select 1"))
        .output()
        .unwrap();
    assert!(client.status.success());
    // A name and an alias that are valid in no encoding.
    server.psql_in("bytes", "do $$ begin execute 'create table ' || quote_ident(convert_from('\\xff6e'::bytea, 'SQL_ASCII')) || ' (id int)'; execute 'select 1 as ' || quote_ident(convert_from('\\xfe22'::bytea, 'SQL_ASCII')); end $$");
    server.psql_in(
        "bytes",
        "alter system set pg_stat_statements.track = 'all'; select pg_reload_conf()",
    );
    server.psql_in("bytes", "do $$ begin execute 'select 1 as ' || quote_ident(convert_from('\\xfe22'::bytea, 'SQL_ASCII')); end $$");
    let connection = connected(&server, "bytes", "postgres").await;
    let found = read_database(&connection, &ReadOptions::default()).await.unwrap();
    assert_eq!(found.tables.len(), 2, "{:?}", found.notes);
    // From the database next door, whose encoding those bytes are not valid in.
    let next_door = read(&server).await;
    assert!(0.0 < next_door.own_millis);
}

#[tokio::test]
async fn hostile_statements_and_comments_are_read_and_hidden() {
    let server = counting(15).start();
    for text in [
        "select 1 /*route='%00%0a%ff', traceparent='x'*/",
        "select 'it''s /*route=''x''*/ secret' /* never */",
        "select $secret$ -- */ $secret$",
        "prepare p as select 'secret'; execute p; deallocate p",
        "do $$ begin perform 'secret'; end $$",
        "select U&'secret', E'\\'secret', B'1', 'a' 'b'",
        "comment on table pg_class is null; select \"a'b\" from (select 1 as \"a'b\") x",
    ] {
        // Some of them are errors, which are not counted; none is to be seen.
        drop(server.try_psql("postgres", "postgres", text));
    }
    let database = read(&server).await;
    assert!(5 <= database.statements.len());
    for statement in &database.statements {
        assert!(!statement.text.text.contains("secret"), "{}", statement.text.text);
        assert!(!statement.generic.contains("'secret"), "{}", statement.generic);
    }
}

#[tokio::test]
async fn twenty_thousand_tables_are_read_in_bounded_time() {
    let server = counting(15).setting("max_locks_per_transaction", "2048").start();
    server.psql("create table largest (id int); insert into largest select generate_series(1, 10000); analyze largest");
    server.psql("do $$ begin for i in 1..20000 loop execute 'create unlogged table t' || i || ' (id int)'; end loop; end $$");
    let began = Instant::now();
    let database = read(&server).await;
    assert_eq!(database.tables.len(), 2_000);
    assert_eq!(database.tables_left_out, 18_001);
    assert!(database.tables.iter().any(|table| table.name.name == "largest"));
    assert!(
        database.notes.iter().any(|note| note.contains("2000 largest of 20001")),
        "{:?}",
        database.notes
    );
    assert!(began.elapsed() < Duration::from_mins(1));
}
