//! Advice without `HypoPG`: the model's costs against those of the planner with hypothetical indexes.

use std::sync::Arc;

use find::advisor::{AdvisedStatement, Costs as _, ModelCosts, Options, advise};
use model::{
    Basis, IndexSet,
    database::{Database, NewIndex},
};
use postgres::{Limits, PlainPlans, ReadOptions, Target, WhatIf, connect, read_database};
use testkit::Postgres;

const SHOP: &str = r"
create table customers (id integer primary key, email text not null, country text not null, created_at timestamptz not null);
insert into customers select i, 'user' || i || '@example.org', (array['de','fr','it','es','us'])[1 + hashint4(i) % 5 * sign(hashint4(i) % 5)::int],
    timestamptz '2024-01-01' + i * interval '7 minutes' from generate_series(1, 20000) i;
create table products (id integer primary key, name text not null, price numeric not null, category_id integer not null);
insert into products select i, md5(i::text), i % 1000 / 10.0, i % 40 from generate_series(1, 3000) i;
create table orders (id integer primary key, customer_id integer not null, status text not null, total numeric not null,
    created_at timestamptz not null, shipped_at timestamptz, note text not null);
insert into orders select i, 1 + (hashint4(i) & 2147483647) % 20000, case when i % 50 = 0 then 'open' when i % 7 = 0 then 'returned' else 'done' end,
    i % 500, timestamptz '2024-01-01' + i * interval '3 minutes', case when i % 50 <> 0 then timestamptz '2024-01-02' + i * interval '3 minutes' end,
    repeat('n', 60) from generate_series(1, 150000) i;
create table items (order_id integer not null, product_id integer not null, quantity integer not null, price numeric not null);
insert into items select 1 + (hashint4(i) & 2147483647) % 150000, 1 + (hashint4(i + 7) & 2147483647) % 3000, i % 9, i % 100 from generate_series(1, 300000) i;
vacuum analyze;
";

/// What a shop asks: filters, ranges, orders, joins, aggregates, subqueries, an update.
const STATEMENTS: [&str; 16] = [
    "select id, total from orders where customer_id = 77",
    "select * from orders where customer_id = 77 order by created_at desc limit 10",
    "select id, created_at from orders where status = 'open' and created_at > timestamptz '2024-10-01'",
    "select count(*) from orders where shipped_at is null",
    "select * from customers where email = 'user99@example.org'",
    "select lower(email) from customers where lower(email) = 'user99@example.org'",
    "select o.id, o.total from orders o join customers c on c.id = o.customer_id where c.email = 'user5@example.org'",
    "select p.name, i.quantity from items i join products p on p.id = i.product_id where i.order_id = 4711",
    "select sum(i.quantity * i.price) from orders o join items i on i.order_id = o.id where o.customer_id = 12",
    "select * from orders order by created_at desc limit 20",
    "select max(created_at) from orders",
    "select id from customers c where exists (select 1 from orders o where o.customer_id = c.id and o.status = 'open' and o.total > 495)",
    "select status, count(*) from orders where created_at between timestamptz '2024-05-01' and timestamptz '2024-05-03' group by status",
    "update orders set note = 'x' where customer_id = 5 and status = 'open'",
    "select * from items where order_id in (1, 5, 9, 200) and quantity > 3",
    "select c.country, sum(o.total) from customers c join orders o on o.customer_id = c.id where c.created_at > timestamptz '2024-04-05' group by c.country",
];

fn database(server: &Postgres) -> (Target, Database) {
    let target = Target::parse(&server.url()).expect("an address");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let database = runtime.block_on(async {
        let connection = connect(&target, &Limits::default()).await.expect("a connection");
        read_database(&connection, &ReadOptions::default()).await.expect("what is known of it")
    });
    (target, database)
}

fn advised(texts: &[Arc<str>]) -> Vec<AdvisedStatement> {
    let mut known = sql::Statements::default();
    let of = |text: &Arc<str>| AdvisedStatement {
        text: known.read(text).0,
        sql: Arc::clone(text),
        query_id: 0,
        calls_per_day: 1000.0,
        mean_millis: None,
    };
    texts.iter().map(of).collect()
}

fn texts(statements: &[&str]) -> Vec<Arc<str>> {
    statements.iter().map(|text| Arc::from(*text)).collect()
}

/// No write cost: the tables were loaded a moment ago.
fn options() -> Options<'static> {
    Options { write_weight: 0.0, ..Options::default() }
}

/// What one statement costs: now, with the planner's own choice, and with the model's, by both.
#[derive(Debug)]
struct Compared {
    now: f64,
    best: f64,
    chosen: f64,
    told: f64,
    same: bool,
}

fn compared(target: &Target, database: &Database, text: &[Arc<str>]) -> Compared {
    let mut planner = WhatIf::open(target, database, text).expect("the server answers");
    planner.configure("set max_parallel_workers_per_gather = 0").expect("the server answers");
    let by_planner = advise(database, &advised(text), &mut planner, &options());
    let mut plain = PlainPlans::open(target, database, text).expect("the server answers");
    let mut model = ModelCosts::new(database, text, &mut plain);
    let by_model = advise(database, &advised(text), &mut model, &options());
    assert_eq!(by_model.basis, Basis::Model);
    let of = |set: &IndexSet| set.create.iter().map(|it| it.index.clone()).collect::<Vec<_>>();
    let (theirs, mine) = (of(&by_planner), of(&by_model));
    let (theirs, mine): (Vec<&NewIndex>, Vec<&NewIndex>) =
        (theirs.iter().collect(), mine.iter().collect());
    let now = planner.cost(0, &[]).expect("the server answers").cost;
    let without = model.cost(0, &[]).expect("the server answers").cost;
    assert!((now - without).abs() < 0.02, "without new indexes both say the same: {now} {without}");
    let sorted = |set: &[&NewIndex]| -> Vec<NewIndex> {
        let mut set: Vec<NewIndex> = set.iter().map(|index| (*index).clone()).collect();
        set.sort();
        set
    };
    Compared {
        now,
        best: planner.cost(0, &theirs).expect("the server answers").cost,
        chosen: planner.cost(0, &mine).expect("the server answers").cost,
        told: model.cost(0, &mine).expect("the server answers").cost,
        same: sorted(&theirs) == sorted(&mine),
    }
}

#[test]
fn the_model_chooses_what_hypothetical_plans_would() {
    let server = Postgres::builder().version(15).extension("hypopg").start();
    server.psql(SHOP);
    let (target, database) = database(&server);
    let (mut same, mut as_good, mut off) = (0, 0, Vec::new());
    for (place, text) in texts(&STATEMENTS).iter().enumerate() {
        let one = compared(&target, &database, std::slice::from_ref(text));
        println!("{place:2} {one:.1?}");
        same += usize::from(one.same);
        // Within a hundredth of what the statement costs now there is nothing to choose between.
        as_good += usize::from(one.chosen <= one.best + one.now * 0.01);
        off.push((one.told / one.chosen).ln().abs());
    }
    let mean = off.iter().sum::<f64>() / f64::from(u32::try_from(off.len()).unwrap());
    let most = off.iter().copied().fold(0.0, f64::max);
    println!(
        "{same} the same, {as_good} as good of {}, off by {mean:.2}, at most {most:.2}",
        off.len()
    );
    assert!(15 <= as_good, "{as_good} of {}", off.len());
    assert!(mean < 0.35, "the mean of |ln(told / planned)| is {mean}");
}
