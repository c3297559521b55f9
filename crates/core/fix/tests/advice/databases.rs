//! What is advised in the words of each database.

use model::Finding;

use super::{code, findings};

/// The finding of a fault, in a database.
fn in_database(script: &str, fault: &str, system: &str) -> Finding {
    let mut found = findings(script, &[]);
    found.retain(|finding| finding.fault == fault);
    assert_eq!(found.len(), 1, "one {fault} of {script}");
    let mut finding = found.remove(0);
    finding.evidence.system = model::Text::from(system);
    finding
}

const SYSTEMS: [&str; 5] = ["postgresql", "mysql", "microsoft.sql_server", "sqlite", "clickhouse"];

fn in_each_database(script: &str, fault: &str) -> String {
    let told =
        SYSTEMS.map(|system| format!("{system}: {}", code(&in_database(script, fault, system))));
    told.join("\n\n")
}

#[test]
fn loops_are_batched_in_the_words_of_the_database() {
    let loops = "
request GET /orders
  sql 4ms SELECT id FROM orders LIMIT 50
  repeat 50
    sql 3ms SELECT id, name FROM customers WHERE id = ?
";
    insta::assert_snapshot!(in_each_database(loops, "n-plus-one"), @r##"
    postgresql: -- once for all rows, with the keys of all of them in $1
    SELECT … FROM customers WHERE id = ANY($1);

    mysql: -- once for all rows, with the keys of all of them
    SELECT … FROM customers WHERE id IN (?, ?, …);

    microsoft.sql_server: -- once for all rows, with the keys of all of them
    SELECT … FROM customers WHERE id IN (@p0, @p1, …);

    sqlite: -- once for all rows, with the keys of all of them
    SELECT … FROM customers WHERE id IN (?, ?, …);

    clickhouse:
    "##);
}

#[test]
fn plans_and_indices_are_asked_in_the_words_of_the_database() {
    let slow = "request GET /a\n  sql 300ms SELECT id FROM users WHERE mail = ?\n";
    insta::assert_snapshot!(in_each_database(slow, "slow-statement"), @r##"
    postgresql: EXPLAIN (ANALYZE, BUFFERS) select id from users where mail = ?;  -- on a copy, with real values
    CREATE INDEX CONCURRENTLY users_mail_idx ON users (mail);

    mysql: EXPLAIN ANALYZE select id from users where mail = ?;  -- on a copy, with real values
    ALTER TABLE users ADD INDEX users_mail_idx (mail), ALGORITHM=INPLACE, LOCK=NONE;

    microsoft.sql_server: SET STATISTICS XML ON;
    select id from users where mail = ?;  -- on a copy, with real values
    CREATE INDEX users_mail_idx ON users (mail) WITH (ONLINE = ON);

    sqlite: EXPLAIN QUERY PLAN select id from users where mail = ?;
    CREATE INDEX users_mail_idx ON users (mail);

    clickhouse:
    "##);
}

#[test]
fn a_plan_of_a_change_does_not_change_anything() {
    let slow = "request POST /a\n  sql 800ms UPDATE orders SET status = ? WHERE created_at < ?\n";
    insta::assert_snapshot!(in_each_database(slow, "slow-statement"), @r##"
    postgresql: BEGIN;
    EXPLAIN (ANALYZE, BUFFERS) update orders set status = ? where created_at < ?;  -- on a copy, with real values: it does run
    ROLLBACK;
    CREATE INDEX CONCURRENTLY orders_created_at_idx ON orders (created_at);

    mysql: EXPLAIN update orders set status = ? where created_at < ?;  -- the plan alone, it does not run
    ALTER TABLE orders ADD INDEX orders_created_at_idx (created_at), ALGORITHM=INPLACE, LOCK=NONE;

    microsoft.sql_server: BEGIN TRANSACTION;
    SET STATISTICS XML ON;
    update orders set status = ? where created_at < ?;  -- on a copy, with real values: it does run
    ROLLBACK;
    CREATE INDEX orders_created_at_idx ON orders (created_at) WITH (ONLINE = ON);

    sqlite: EXPLAIN QUERY PLAN update orders set status = ? where created_at < ?;
    CREATE INDEX orders_created_at_idx ON orders (created_at);

    clickhouse:
    "##);
    let text = &fix::advise(&in_database(slow, "slow-statement", "mysql"))[0].text;
    assert!(text.contains("batches"), "{text}");
}

#[test]
fn pages_go_by_key_in_the_words_of_the_database() {
    let deep =
        "request GET /a\n  sql 300ms SELECT id FROM posts ORDER BY at DESC LIMIT 20 OFFSET 90000\n";
    insta::assert_snapshot!(in_each_database(deep, "deep-offset"), @r##"
    postgresql: SELECT … FROM posts WHERE (at, id) < ($1, $2) ORDER BY at DESC, id DESC LIMIT 20;
    CREATE INDEX CONCURRENTLY posts_at_id_idx ON posts (at DESC, id DESC);

    mysql: SELECT … FROM posts WHERE (at < ? OR (at = ? AND id < ?)) ORDER BY at DESC, id DESC LIMIT 20;
    ALTER TABLE posts ADD INDEX posts_at_id_idx (at DESC, id DESC), ALGORITHM=INPLACE, LOCK=NONE;

    microsoft.sql_server: SELECT TOP (20) … FROM posts WHERE (at < @p0 OR (at = @p0 AND id < @p1)) ORDER BY at DESC, id DESC;
    CREATE INDEX posts_at_id_idx ON posts (at DESC, id DESC) WITH (ONLINE = ON);

    sqlite: SELECT … FROM posts WHERE (at, id) < (?, ?) ORDER BY at DESC, id DESC LIMIT 20;
    CREATE INDEX posts_at_id_idx ON posts (at DESC, id DESC);

    clickhouse:
    "##);
}

#[test]
fn the_primary_key_needs_no_second_index() {
    let deep = "request GET /a\n  sql 480ms SELECT [o].[Id] FROM [Orders] AS [o] ORDER BY [o].[Id] OFFSET 500000 ROWS FETCH NEXT 20 ROWS ONLY\n";
    assert_eq!(
        code(&in_database(deep, "deep-offset", "mssql")),
        "SELECT TOP (20) … FROM [Orders] WHERE [Id] > @p0 ORDER BY [Id];"
    );
}

#[test]
fn estimates_come_from_the_statistics_of_the_database() {
    let count = "request GET /a\n  sql 300ms SELECT count(*) FROM posts\n";
    insta::assert_snapshot!(in_each_database(count, "exact-count"), @r##"
    postgresql: SELECT reltuples::bigint FROM pg_class WHERE oid = 'posts'::regclass;  -- about

    mysql: SELECT table_rows FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'posts';  -- about

    microsoft.sql_server: SELECT SUM(row_count) FROM sys.dm_db_partition_stats WHERE object_id = OBJECT_ID('posts') AND index_id IN (0, 1);

    sqlite: SELECT count(*) FROM (SELECT 1 FROM posts WHERE … LIMIT 1001) t;  -- "more than 1,000"

    clickhouse:
    "##);
}

#[test]
fn an_unnamed_database_is_known_by_its_quotes() {
    let slow =
        "request GET /a\n  sql 300ms SELECT [o].[Id] FROM [Orders] AS [o] WHERE [o].[Mail] = @p\n";
    let finding = in_database(slow, "slow-statement", "other_sql");
    assert!(code(&finding).contains("WITH (ONLINE = ON)"), "{}", code(&finding));
}

#[test]
fn documents_are_asked_for_in_their_own_words() {
    let script = "request GET /posts\n  sql 7ms find posts published ?\n  repeat 30\n    sql 5ms find users _id ?\n";
    let code_of = |fault, script| code(&in_database(script, fault, "mongodb"));
    assert_eq!(
        code_of("n-plus-one", script),
        "// once for all documents\ndb.users.find({ _id: { $in: keys } })"
    );
    assert_eq!(
        code_of("slow-statement", "request GET /a\n  sql 300ms find users mail ?\n"),
        "db.users.find(filter).explain(\"executionStats\")\ndb.users.createIndex({ mail: 1 })"
    );
    let count = "request GET /a\n  sql 300ms SELECT count(*) FROM posts\n";
    assert_eq!(code_of("exact-count", count), "db.posts.estimatedDocumentCount()");
}
