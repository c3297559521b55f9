//! The choice of indexes on a real server: tables and queries like those of TPC-H, small.

use std::sync::Arc;

use find::advisor::{AdvisedStatement, Options, Sizes, advise};
use postgres::{Limits, ReadOptions, Target, WhatIf, connect, read_database};
use testkit::Postgres;

/// Rows are TPC-H's at scale 0.01, values are made up.
const TABLES: &str = "
create table customer (c_custkey int not null, c_nationkey int not null, c_mktsegment char(10) not null, c_name text not null);
create table orders (o_orderkey int not null, o_custkey int not null, o_orderdate date not null, o_orderpriority int not null,
    o_comment text not null);
create table lineitem (l_orderkey int not null, l_partkey int not null, l_suppkey int not null, l_quantity int not null,
    l_price numeric(15, 2) not null, l_shipdate date not null, l_shipmode int not null, l_comment text not null);
insert into customer select i, i % 25, 'segment ' || i % 5, 'customer ' || i from generate_series(1, 1500) i;
insert into orders select i, (i * 7919) % 1500 + 1, date '1992-01-01' + (i * 104729 % 2400), i % 5, repeat('o', 60)
    from generate_series(1, 15000) i;
insert into lineitem select i / 4 + 1, (i::bigint * 7919) % 2000, (i::bigint * 104729) % 100, i % 50, i % 9000,
    date '1992-01-01' + (i::bigint * 15485863 % 2500)::int, i % 7, repeat('l', 40) from generate_series(0, 59999) i;
vacuum analyze;
";

const QUERIES: [&str; 7] = [
    "select l_orderkey, sum(l_price), o_orderdate from customer, orders, lineitem where c_mktsegment = 'segment 1' \
     and c_custkey = o_custkey and l_orderkey = o_orderkey and o_orderdate < date '1992-03-15' \
     and l_shipdate > date '1992-03-15' group by l_orderkey, o_orderdate order by 2 desc limit 10",
    "select sum(l_price) from lineitem where l_shipdate >= date '1994-01-01' and l_shipdate < date '1994-02-01' and l_quantity < 24",
    "select o_orderpriority, count(*) from orders where o_orderdate >= date '1993-07-01' and o_orderdate < date '1993-08-01' \
     and exists (select from lineitem where l_orderkey = o_orderkey and l_shipdate < o_orderdate) group by o_orderpriority",
    "select sum(l_price) from lineitem where l_partkey = 77 and l_quantity < 10",
    "select l_suppkey, sum(l_quantity) from lineitem where l_partkey in (5, 50, 500) group by l_suppkey",
    "select o_orderkey, o_orderdate from orders where o_custkey = 17 order by o_orderdate desc limit 5",
    "select c_name, sum(l_quantity) from customer, orders, lineitem where c_custkey = 99 and o_custkey = c_custkey \
     and l_orderkey = o_orderkey group by c_name",
];

#[test]
fn a_small_workload_gets_indexes_within_its_budget_that_can_be_built() {
    let server = Postgres::builder().version(15).extension("hypopg").start();
    server.psql(TABLES);
    let target = Target::parse(&server.url()).expect("an address");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let database = runtime.block_on(async {
        let connection = connect(&target, &Limits::default()).await.expect("a connection");
        read_database(&connection, &ReadOptions::default()).await.expect("what is known of it")
    });
    let texts: Vec<Arc<str>> = QUERIES.iter().map(|text| Arc::from(*text)).collect();
    let mut known = sql::Statements::default();
    let statements: Vec<AdvisedStatement> = texts
        .iter()
        .map(|text| AdvisedStatement {
            text: known.read(text).0,
            sql: Arc::clone(text),
            query_id: 0,
            calls_per_day: 1.0,
            mean_millis: None,
        })
        .collect();
    let advised = |options: Options<'_>| {
        let mut what_if = WhatIf::open(&target, &database, &texts).expect("hypopg");
        let options = Options {
            sizes: Sizes::Planner,
            write_weight: 0.0,
            gain_min: 0.0,
            plan_texts: false,
            ..options
        };
        advise(&database, &statements, &mut what_if, &options)
    };
    let mut last = f64::INFINITY;
    let mut plain = None;
    for (keys_max, more) in [(2, false), (3, false), (3, true)] {
        let set = advised(Options {
            budget_bytes: Some(6_000_000),
            keys_max,
            covering: more,
            partial: more,
            ..Options::default()
        });
        let bytes: u64 = set.create.iter().map(|one| one.bytes).sum();
        assert!(bytes <= 6_000_000, "{bytes} bytes");
        assert!(set.cost_then <= last * 1.000_001, "{last} -> {}", set.cost_then);
        assert!(set.cost_then < set.cost_now * 0.5, "{} -> {}", set.cost_now, set.cost_then);
        assert!(set.plans_asked < 80 * QUERIES.len() as u64, "{} plans", set.plans_asked);
        last = set.cost_then;
        plain.get_or_insert_with(|| set.clone());
        for one in &set.create {
            server.psql(&one.ddl);
            let valid = format!(
                "select indisvalid from pg_index where indexrelid = '{}'::regclass",
                one.name
            );
            assert_eq!(server.psql(&valid), "t", "{}", one.ddl);
            server.psql(&format!("drop index {}", one.name));
        }
    }
    let plain = plain.expect("the first of them");
    let simple =
        plain.create.iter().all(|one| one.index.keys.len() <= 2 && one.index.include.is_empty());
    assert!(simple, "two columns are two columns: {:#?}", plain.create);
}
