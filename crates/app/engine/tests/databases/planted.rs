//! Faults in tables, indexes, statements and settings, planted in a real database.

use crate::kit::{builder, check, look, request, the};

/// What the planted tables and runs are too small or too young for.
const KNOBS: &[(&str, &str, f64)] = &[
    ("unused-index", "days-min", 0.0),
    ("unused-index", "kilobytes-min", 100.0),
    ("dead-table", "days-min", 0.0),
    ("dead-table", "megabytes-min", 1.0),
    ("dead-table", "backups-per-day-max", 1e9),
    ("exact-count", "waited-millis-min", 1.0),
    ("wide-select", "spent-millis-min", 0.1),
    ("deep-offset", "waited-millis-min", 2.0),
    ("repeated-aggregate", "mean-millis-min", 5.0),
    ("repeated-aggregate", "share-min", 0.001),
    ("subquery-shape", "mean-millis-min", 1.0),
    ("subquery-shape", "share-min", 0.001),
    ("spill", "share-min", 0.001),
    ("rows-scanned-vs-returned", "mean-millis-min", 2.0),
    ("rows-scanned-vs-returned", "share-min", 0.001),
    ("missing-index", "saved-share-min", 0.001),
    ("bloated-index", "megabytes-min", 1.0),
    ("transaction-wraparound", "age-min", 1.0),
];

/// Fills a table of orders beside customers, and some that are not as they should be.
const PLANT: &str = "
create table customers (id int primary key, name text);
insert into customers select i, 'c' || i from generate_series(1, 2000) i;
create table orders (id serial primary key, customer_id int not null references customers, status smallint not null,
    total int not null, created_at timestamptz not null, note text);
insert into orders (customer_id, status, total, created_at, note)
    select 1 + i % 1900, i % 5, (i * 7919) % 100000, '2026-01-01'::timestamptz + i * interval '1 minute', md5(i::text)
    from generate_series(1, 200000) i;
create index orders_status_idx on orders (status);
create index orders_total_idx on orders (total);
create index orders_total_again_idx on orders (total);
create index orders_created_idx on orders (created_at);
create table posts (id serial primary key, title text, body text);
alter table posts alter body set storage external;
insert into posts (title, body) select 't' || i, repeat(md5(i::text), 1000) from generate_series(1, 400) i;
create table audit_old as select i, md5(i::text) what from generate_series(1, 60000) i;
create table loaded as select i id, md5(i::text) what from generate_series(1, 50000) i;
create table queue (id int primary key, due timestamptz);
insert into queue select i, now() from generate_series(1, 200000) i;
delete from queue where id % 20 > 0;
create table tickets (id int primary key, code int);
insert into tickets select i, i % 100 from generate_series(1, 20000) i;
create table parts (id int primary key);
create sequence parts_id_seq as int owned by parts.id;
select setval('parts_id_seq', 2000000000);
analyze customers; analyze orders; analyze posts; analyze queue; analyze tickets; analyze audit_old;
select pg_stat_statements_reset();
";

/// Runs what is slow, as often as it takes to be counted.
fn run(server: &testkit::Postgres) {
    for turn in 0..12 {
        server.psql(&format!(
            "set max_parallel_workers_per_gather = 0;
             select id, total from orders order by created_at desc limit 20 offset {};
             select count(*) from orders;
             select * from posts order by id limit 390;
             select status, sum(total) from orders group by status;
             select id from customers where id not in (select customer_id from orders where total > {});
             select id from orders where note = 'x{turn}';
             select id, total from orders where customer_id = {turn} order by created_at desc limit 5;
             delete from customers where id = {};
             select what from loaded where id = {turn};
             set work_mem = '64kB'; select id, note from orders order by random()",
            150_000 + turn,
            99_000 + turn,
            1_950 + turn,
        ));
    }
    // The first of the two equal indexes is in use.
    server.psql("set enable_seqscan = off; select id from orders where total = 5; select id from orders where created_at = now()");
}

#[test]
fn faults_that_are_planted_are_found_and_have_remedies() {
    let server = builder().start();
    server.psql(PLANT);
    server
        .try_psql(
            "postgres",
            "postgres",
            "create unique index concurrently tickets_code_idx on tickets (code)",
        )
        .unwrap_err();
    server.psql("update orders set note = note || 'x' where id <= 150000");
    run(&server);
    let found = look(&request(&server.url(), KNOBS));
    check(
        &found,
        &[
            ("missing-index", "orders"),
            ("unused-index", "orders"),
            ("duplicate-index", "orders"),
            ("invalid-index", "tickets"),
            ("deep-offset", "orders"),
            ("exact-count", "orders"),
            ("wide-select", "posts"),
            ("repeated-aggregate", "orders"),
            ("subquery-shape", "customers"),
            ("spill", "orders"),
            ("stale-statistics", "loaded"),
            ("dead-table", "audit_old"),
            ("sequence-exhaustion", "parts"),
            ("unfit-setting", "server"),
            ("transaction-wraparound", "server"),
        ],
    );
    changes_apply_and_revert(&server, &found);
    rewritten_statements_run(&server, &found);
}

#[test]
fn a_foreign_key_without_an_index_and_a_bloated_index_are_found_where_no_planner_is_asked() {
    let server = testkit::Postgres::start();
    server.psql(PLANT.split("select pg_stat_statements_reset").next().unwrap());
    server.psql("delete from customers where id > 1990; vacuum queue; analyze queue");
    let found = look(&request(&server.url(), KNOBS));
    check(&found, &[("unindexed-foreign-key", "orders"), ("bloated-index", "queue")]);
    assert!(found.notes.iter().all(|note| !note.contains("hypopg")), "no statement, no planner");
    let advice = &the(&found, "unindexed-foreign-key").advice[0];
    let snippet = &advice.snippet.as_ref().unwrap().code;
    assert_eq!(
        snippet,
        "CREATE INDEX CONCURRENTLY orders_customer_id_idx ON public.orders (customer_id);"
    );
    changes_apply_and_revert(&server, &found);
}

/// Every change that Taut offers to make runs as it stands, and what takes it back too.
fn changes_apply_and_revert(server: &testkit::Postgres, found: &engine::database::DatabaseFound) {
    // What was left unfinished for its duplicates fails again; that is said.
    let others = found.findings.iter().filter(|it| it.fault != "invalid-index");
    for finding in others {
        for change in finding.advice.iter().filter_map(|advice| advice.change.as_ref()) {
            for statement in change.apply.iter().chain(&change.revert) {
                let done = server.try_psql("postgres", "postgres", statement);
                assert!(done.is_ok(), "{}: {statement}: {done:?}", finding.fault);
            }
        }
    }
}

/// Statements that are written another way can be planned.
fn rewritten_statements_run(server: &testkit::Postgres, found: &engine::database::DatabaseFound) {
    for fault in ["deep-offset", "subquery-shape"] {
        let snippet = the(found, fault).advice[0].snippet.as_ref().unwrap();
        let statement = snippet.code.split(';').next().unwrap();
        server.psql(&format!("prepare rewritten_{} as {statement}", fault.replace('-', "_")));
    }
    let page = &the(found, "deep-offset").advice[0].snippet.as_ref().unwrap().code;
    assert!(page.contains("(created_at, id) < ($"), "{page}");
    let anti = &the(found, "subquery-shape").advice[0].snippet.as_ref().unwrap().code;
    assert!(anti.contains("NOT EXISTS"), "{anti}");
}
