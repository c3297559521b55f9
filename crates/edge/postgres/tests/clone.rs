//! Clones on real servers: what they have, what they are for, and what is left when something fails.

use std::time::{Duration, SystemTime};

use postgres::{
    Target,
    clone::{self, CloneError, CloneOptions, Cloned},
    rehearse::{
        Allowed, Ground, Indexes, Options, Session, Statement, Verdict, ground, rehearse_indexes,
    },
};
use testkit::Postgres;

const SHOP: &str = r#"
    create extension pg_stat_statements;
    create schema "Laden ""x""";
    create type "Laden ""x""".mood as enum ('gut', 'it''s');
    create domain positive as int check (value > 0);
    create type pair as (a int, b text);
    create function "Laden ""x""".twice(int) returns int language sql immutable as 'select $1 * 2';
    create table customers (id bigint generated always as identity primary key, name text not null,
        mood "Laden ""x""".mood default 'it''s', doubled int generated always as (length(name) * 2) stored);
    create table "Laden ""x"""."Orders" (id serial primary key,
        customer bigint, note varchar(20) collate "C", total positive, p pair);
    create table items (order_id int not null, place int,
        product int, primary key (order_id, place)) with (fillfactor = 90);
    create table products (id int primary key, name text);
    create table parted (id int, at date) partition by range (at);
    create table parted_1 partition of parted for values from ('2020-01-01') to ('2021-01-01');
    create table parted_2 partition of parted default;
    create index on parted (id);
    create table tree (id int primary key, parent int);
    create unlogged table countries (code text primary key);
    create view big as select * from "Laden ""x""".on_orders where id > 10;
    create materialized view sums as select customer, count(*) from "Laden ""x""".on_orders group by 1;
    create unique index on sums (customer);
    create index "Über ""x""" on "Laden ""x"""."Orders" (("Laden ""x""".twice(id))) where total > 5;
    create statistics place_and_product on place, product from items;
    insert into customers (name) select 'c' || n from generate_series(1, 20000) n;
    insert into "Laden ""x"""."Orders" (customer, note, total, p)
        select case when n % 10 > 0 then n % 20000 + 1 end, 'E''\t' || n, n, row(n, 'ä'::text)::pair from generate_series(1, 30000) n;
    insert into products select n, 'p' || n from generate_series(1, 15000) n;
    insert into items select n / 4 + 1, n % 4, n % 15000 + 1 from generate_series(0, 99999) n;
    insert into parted select n, '2020-06-01'::date + n / 10 from generate_series(1, 5000) n;
    insert into tree select n, nullif(n / 2, 0) from generate_series(1, 12000) n;
    insert into countries values ('de'), ('is');
    alter table "Laden ""x"""."Orders" add foreign key (customer) references customers;
    alter table items add foreign key (order_id) references "Laden ""x"""."Orders" (id),
        add foreign key (product) references products;
    alter table tree add foreign key (parent) references tree;
    refresh materialized view sums;
    vacuum analyze;
"#;

fn shop(version: u32) -> Postgres {
    let server = Postgres::builder().version(version).start();
    // A view that another needs is made last: order is nothing to rely on.
    let early = r#"create view "Laden ""x""".on_orders as select * from "Laden ""x"""."Orders";"#;
    let text =
        SHOP.replace("    create view big as", &format!("    {early}\n    create view big as"));
    server.psql(&text);
    server
}

fn target(server: &Postgres) -> Target {
    Target::parse(&server.url()).expect("an address")
}

async fn make(source: &Postgres, scratch: &Postgres, options: &CloneOptions) -> Cloned {
    clone::make(&target(source), &target(scratch), options, SystemTime::now())
        .await
        .unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)))
}

fn clones(server: &Postgres) -> String {
    server.psql("select datname from pg_database where datname like 'taut%' order by 1")
}

const COUNTS: &str = r#"
    select (select count(*) from customers), (select count(*) from "Laden ""x"""."Orders"),
           (select count(*) from items), (select count(*) from products), (select count(*) from parted),
           (select count(*) from tree), (select count(*) from countries), (select count(*) from big),
           (select count(*) from sums)"#;

/// Indexes, constraints, columns and statistics as the server prints them.
const SHAPE: &str = r"
    select pg_get_indexdef(indexrelid) from pg_index i join pg_class c on c.oid = indrelid
        where c.oid >= 16384 and relkind in ('r', 'p', 'm') and relname !~ '^parted_' order by 1;
    select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid >= 16384 and contype <> 'n'
        and conparentid = 0 order by 1;
    select attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, attgenerated,
        pg_get_expr(adbin, adrelid) from pg_attribute join pg_class c on c.oid = attrelid
        left join pg_attrdef on adrelid = attrelid and adnum = attnum
        where attrelid >= 16384 and attnum > 0 and relkind in ('r', 'p', 'v', 'm')
        and relname !~ '^pg_' order by attrelid::regclass::text, attnum;
    select relname, reloptions, relpersistence from pg_class where oid >= 16384 and relkind in ('r', 'p')
        order by 1;
    select pg_get_statisticsobjdef(oid) from pg_statistic_ext order by 1";

#[tokio::test]
async fn a_whole_clone_is_the_same_in_every_version() {
    for version in Postgres::every_version() {
        let source = shop(version);
        if version >= 18 {
            source.psql(
                "create table born (n int, m int generated always as (n * 2) virtual); \
                         insert into born values (1); analyze born",
            );
        }
        let scratch = Postgres::builder().version(version).start();
        let options = CloneOptions { fraction: Some(1.0), ..CloneOptions::default() };
        let cloned = make(&source, &scratch, &options).await;
        assert_eq!(cloned.notes, Vec::<String>::new(), "{version}");
        assert_eq!(scratch.psql_in(&cloned.name, COUNTS), source.psql(COUNTS), "{version}");
        assert_eq!(scratch.psql_in(&cloned.name, SHAPE), source.psql(SHAPE), "{version}");
        let hash = r#"select sum(hashtextextended(o::text, 0)) from "Laden ""x"""."Orders" o"#;
        assert_eq!(scratch.psql_in(&cloned.name, hash), source.psql(hash), "{version}");
        assert!(cloned.tables.iter().all(|table| (table.fraction - 1.0).abs() < 1e-9));
        let analysed =
            "select count(*) from pg_class where relkind = 'r' and oid >= 16384 and reltuples > 0";
        assert_eq!(scratch.psql_in(&cloned.name, analysed), source.psql(analysed), "{version}");
        cloned.drop_database().await.unwrap();
        assert_eq!(clones(&scratch), "");
    }
}

#[tokio::test]
async fn a_sample_keeps_its_references_and_its_joins() {
    let (source, scratch) = (shop(Postgres::default_version()), Postgres::start());
    let options = CloneOptions {
        fraction: Some(0.1),
        whole_rows_max: 10_000,
        seed: 3,
        ..CloneOptions::default()
    };
    let cloned = make(&source, &scratch, &options).await;
    assert_eq!(cloned.notes, Vec::<String>::new());
    let ask = |question: &str| scratch.psql_in(&cloned.name, question).parse::<f64>().unwrap();
    let rows = |name: &str| {
        cloned
            .tables
            .iter()
            .find(|table| table.name.ends_with(name))
            .map(|table| (table.rows, table.fraction))
    };
    let (orders, fraction) = rows("Orders").unwrap();
    assert!((2250..4500).contains(&orders), "{orders}");
    assert!((0.07..0.15).contains(&fraction), "{fraction}");
    // What follows has as many partners as before: four items an order, and customers for all orders that had one.
    let fan_out = ask("select count(*)::numeric / count(distinct order_id) from items");
    assert!((3.9..=4.0).contains(&fan_out), "{fan_out}");
    let joined =
        ask(r#"select count(*) from "Laden ""x"""."Orders" join customers c on c.id = customer"#);
    let with = ask(r#"select count(customer) from "Laden ""x"""."Orders""#);
    assert!(
        (joined - with).abs() < 1e-9
            && with < ask(r#"select count(*) from "Laden ""x"""."Orders""#)
    );
    // Small tables are whole, and every reference holds, the tree's to itself included.
    assert!((ask("select count(*) from parted") - 5000.0).abs() < 1e-9);
    let invalid = "select count(*) from pg_constraint where not convalidated";
    assert!(
        ask(invalid) < 0.5 && ask("select count(*) from pg_constraint where contype = 'f'") > 3.5
    );
    let again = make(&source, &scratch, &options).await;
    assert_eq!(again.tables, cloned.tables);
}

#[tokio::test]
async fn indexes_are_rehearsed_on_a_clone_without_being_allowed() {
    let (source, scratch) = (shop(Postgres::default_version()), Postgres::start());
    let cloned = make(&source, &scratch, &CloneOptions::default()).await;
    let mut session = Session::open(&cloned.target).await.unwrap();
    assert_eq!(ground(&mut session).await.unwrap(), Ground::Clone);
    let indexes =
        Indexes { create: vec!["create index on items (product)".to_owned()], drop: Vec::new() };
    let statements = [Statement::new("select * from items where product = 77")];
    let told =
        rehearse_indexes(&mut session, &indexes, &statements, &Options::default()).await.unwrap();
    let verdict = told.statements[0].as_ref().unwrap().verdict;
    assert!(matches!(verdict, Verdict::Faster { .. }), "{verdict:?}");
    // A database that only bears such a name is no clone.
    scratch.psql("create database taut_clone_1_1");
    let false_target = target(&scratch).with_database("taut_clone_1_1");
    let mut session = Session::open(&false_target).await.unwrap();
    assert_eq!(ground(&mut session).await.unwrap(), Ground::Primary);
    assert!(clone::leftovers(&target(&scratch)).await.unwrap().iter().all(|one| one.in_use));
}

#[tokio::test]
async fn a_replica_can_be_cloned_and_its_own_server_only_if_told() {
    let source = shop(Postgres::default_version());
    let (replica, scratch) = (source.standby(), Postgres::start());
    let cloned = make(&replica, &scratch, &CloneOptions::default()).await;
    // A replica has no rows of unlogged tables.
    let [note] = cloned.notes.as_slice() else { panic!("{:?}", cloned.notes) };
    assert!(note.starts_with("`public.countries` is empty"), "{note}");
    source.psql("truncate countries");
    assert_eq!(scratch.psql_in(&cloned.name, COUNTS), source.psql(COUNTS));
    let own = clone::make(
        &target(&source),
        &target(&source),
        &CloneOptions::default(),
        SystemTime::now(),
    )
    .await;
    assert!(matches!(own, Err(CloneError::SameServer)));
    assert_eq!(clones(&source), "");
    let told = CloneOptions { same_server: Allowed::Yes, ..CloneOptions::default() };
    let cloned = make(&source, &source, &told).await;
    assert_eq!(source.psql_in(&cloned.name, COUNTS), source.psql(COUNTS));
}

#[tokio::test]
async fn what_fails_leaves_no_database_behind() {
    let (mut source, scratch) = (shop(Postgres::default_version()), Postgres::start());
    // No right to create a database.
    scratch.psql("create role poor login");
    let poor = Target::parse(&scratch.url_for("postgres", "poor")).unwrap();
    let outcome =
        clone::make(&target(&source), &poor, &CloneOptions::default(), SystemTime::now()).await;
    let error = outcome.unwrap_err();
    assert!(error.hint().contains("CREATEDB"), "{error}");
    assert_eq!(clones(&scratch), "");
    // A step that takes too long.
    let short = CloneOptions { step_timeout: Duration::from_millis(30), ..CloneOptions::default() };
    source.psql("create or replace function slow(int) returns int language plpgsql immutable as \
                 'begin perform pg_sleep(0.01); return $1; end'; create index on tree (slow(id)) where id < 9");
    let outcome = clone::make(&target(&source), &target(&scratch), &short, SystemTime::now()).await;
    assert!(outcome.is_err());
    assert_eq!(clones(&scratch), "");
    // The source goes away in the middle, which takes seconds here.
    source.psql(
        "create function later(int) returns int language plpgsql immutable as \
                 'begin perform pg_sleep(0.1); return $1; end'; \
                 create table lag (n int, m int generated always as (later(n)) stored); \
                 insert into lag select generate_series(1, 40); analyze lag",
    );
    let (from, to) = (target(&source), target(&scratch));
    let making = tokio::spawn(async move {
        clone::make(&from, &to, &CloneOptions::default(), SystemTime::now()).await
    });
    while clones(&scratch).is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    source.kill9();
    assert!(making.await.unwrap().is_err());
    assert_eq!(clones(&scratch), "");
}

#[tokio::test]
async fn tables_that_may_not_be_read_are_empty_and_told() {
    let (source, scratch) = (shop(Postgres::default_version()), Postgres::start());
    source.psql(
        r#"create role reader login; grant usage on schema "Laden ""x""" to reader;
           grant select on all tables in schema public, "Laden ""x""" to reader; revoke all on products from reader;
           alter table tree enable row level security; create policy own on tree using (id = 1)"#,
    );
    let reader = Target::parse(&source.url_for("postgres", "reader")).unwrap();
    let cloned =
        clone::make(&reader, &target(&scratch), &CloneOptions::default(), SystemTime::now())
            .await
            .unwrap();
    let notes = cloned.notes.join("\n");
    assert!(notes.contains("`public.products` is empty: permission denied"), "{notes}");
    assert!(
        notes.contains("`public.tree` is empty") && notes.contains("row-level security"),
        "{notes}"
    );
    assert!(notes.contains("1 policies of row security are not carried over"), "{notes}");
    assert!(notes.contains("items_product_fkey"), "{notes}");
}

#[tokio::test]
async fn what_a_killed_run_left_behind_is_found_and_dropped() {
    let (source, scratch) = (shop(Postgres::default_version()), Postgres::start());
    let mark = "comment on database taut_clone_1000_ff is 'made by taut for rehearsals'";
    scratch.psql("create database taut_clone_1000_ff; create database taut_clone_2000_ff");
    scratch.psql(mark);
    let found = clone::leftovers(&target(&scratch)).await.unwrap();
    assert_eq!(
        found.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
        ["taut_clone_1000_ff"]
    );
    let young = clone::drop_leftovers(
        &target(&scratch),
        Duration::from_hours(1_000_000),
        SystemTime::now(),
    )
    .await;
    assert!(young.unwrap().is_empty());
    let cloned = make(&source, &scratch, &CloneOptions::default()).await;
    assert!(
        cloned.notes.iter().any(|note| note.contains("taut_clone_1000_ff")),
        "{:?}",
        cloned.notes
    );
    assert_eq!(clones(&scratch), format!("{}\ntaut_clone_2000_ff", cloned.name));
    // One that is in use stays, however old it seems.
    let later = SystemTime::now() + Duration::from_hours(48);
    assert!(
        clone::drop_leftovers(&target(&scratch), Duration::ZERO, later).await.unwrap().is_empty()
    );
    // Out of scope is as good as dropped.
    let name = cloned.name.clone();
    drop(cloned);
    let since = std::time::Instant::now();
    while clones(&scratch).contains(&name) {
        assert!(since.elapsed() < Duration::from_secs(30), "the clone is still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
