//! Advice on a real server: with `HypoPG` and without, on names that need quotes, and with parameters.

use std::sync::Arc;

use find::advisor::{AdvisedStatement, Costs as _, Options, Sizes, advise};
use model::{Basis, database::Database};
use postgres::{Limits, ReadOptions, Target, WhatIf, WhatIfError, connect, read_database};
use testkit::Postgres;

const TABLE: &str = r#"
create schema "Shop ""1""";
create table "Shop ""1"""."Orders" ("Id" bigint not null, "Customer" integer not null, "Select" text not null,
    "At" timestamptz not null, "Deleted" timestamptz);
insert into "Shop ""1"""."Orders" select i, i % 5000, repeat('x', 40), now() - i * interval '1 second',
    case when i % 10 = 0 then now() end from generate_series(1, 60000) i;
create index "old one" on "Shop ""1"""."Orders" ("Customer");
vacuum analyze "Shop ""1"""."Orders";
"#;

const STATEMENTS: [&str; 4] = [
    r#"select "Id" from "Shop ""1"""."Orders" o where "Customer" = $1 and "Deleted" is null order by "At" desc limit 20"#,
    r#"select count(*) from "Shop ""1"""."Orders" where "At" > now() - interval $1"#,
    r#"update "Shop ""1"""."Orders" set "Select" = $1 where "Id" = $2"#,
    "select * from gone where id = $1",
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

fn statements() -> (Vec<Arc<str>>, Vec<AdvisedStatement>) {
    let texts: Vec<Arc<str>> = STATEMENTS.iter().map(|text| Arc::from(*text)).collect();
    let mut known = sql::Statements::default();
    let advised = texts
        .iter()
        .map(|text| AdvisedStatement {
            text: known.read(text).0,
            sql: Arc::clone(text),
            query_id: 0,
            calls_per_day: 1000.0,
            mean_millis: Some(10.0),
        })
        .collect();
    (texts, advised)
}

#[test]
fn what_is_advised_can_be_built_and_nothing_was() {
    let server = Postgres::builder().version(15).extension("hypopg").start();
    server.psql(TABLE);
    let (target, database) = database(&server);
    let (texts, statements) = statements();
    let mut what_if = WhatIf::open(&target, &database, &texts).unwrap();
    let options = Options { sizes: Sizes::Planner, write_weight: 0.0, ..Options::default() };
    let set = advise(&database, &statements, &mut what_if, &options);
    assert_eq!(set.basis, Basis::WhatIf);
    assert!(set.cost_then < set.cost_now / 5.0, "{} -> {}", set.cost_now, set.cost_then);
    assert_eq!(
        server.psql("select count(*) from pg_stat_user_indexes"),
        "1",
        "advice builds nothing"
    );
    let helped = |place: usize| {
        let text = statements[place].text.fingerprint;
        set.create.iter().flat_map(|one| &one.helped).any(|effect| effect.text.fingerprint == text)
    };
    assert!(helped(0) && helped(2), "{:#?}", set.create);
    let named = set.notes.iter().any(|note| note.contains("gone"));
    assert!(named, "a statement that cannot be planned is named: {:?}", set.notes);
    for one in &set.create {
        assert!(one.ddl.contains(r#"ON "Shop ""1"""."Orders""#), "{}", one.ddl);
        server.psql(&one.ddl);
    }
    for one in &set.drop {
        assert!(one.ddl.ends_with(r#""Shop ""1"""."old one""#), "{}", one.ddl);
        server.psql(&one.ddl);
    }
    let plan = server.psql(
        r#"explain select "Id" from "Shop ""1"""."Orders" o where "Customer" = 7 and "Deleted" is null order by "At" desc limit 20"#,
    );
    assert!(plan.contains("Index") && !plan.contains("Seq Scan"), "{plan}");
}

#[test]
fn advice_is_the_same_twice_and_keeps_to_its_budget() {
    let server = Postgres::builder().version(15).extension("hypopg").start();
    server.psql(TABLE);
    let (target, database) = database(&server);
    let (texts, statements) = statements();
    let advised = |budget: u64| {
        let mut what_if = WhatIf::open(&target, &database, &texts).unwrap();
        let options = Options {
            budget_bytes: Some(budget),
            sizes: Sizes::Planner,
            write_weight: 0.0,
            ..Options::default()
        };
        advise(&database, &statements, &mut what_if, &options)
    };
    let mut last = f64::INFINITY;
    for budget in [0, 2_000_000, 4_000_000, 16_000_000] {
        let set = advised(budget);
        let bytes: u64 = set.create.iter().map(|one| one.bytes).sum();
        assert!(bytes <= budget, "{bytes} of {budget}");
        assert!(
            set.cost_then <= last * 1.001,
            "more room made it dearer: {last} -> {}",
            set.cost_then
        );
        assert_eq!(set, advised(budget));
        last = set.cost_then;
    }
}

#[test]
fn a_hypothetical_index_is_gone_when_it_is_not_offered() {
    let server = Postgres::builder().version(15).extension("hypopg").start();
    server.psql(TABLE);
    let (target, database) = database(&server);
    let (texts, statements) = statements();
    let mut what_if = WhatIf::open(&target, &database, &texts).unwrap();
    // Rows that were loaded a moment ago are no workload.
    let options = Options { write_weight: 0.0, ..Options::default() };
    let set = advise(&database, &statements, &mut what_if, &options);
    let index = &set.create.first().unwrap().index;
    for place in 0..3 {
        let without = what_if.cost(place, &[]).unwrap();
        let with = what_if.cost(place, &[index]).unwrap();
        assert!(with.cost <= without.cost);
        assert_eq!(what_if.cost(place, &[]).unwrap(), without);
    }
}

#[test]
fn without_the_extension_that_is_said() {
    let server = Postgres::builder().version(15).start();
    let (target, database) = database(&server);
    let error = WhatIf::open(&target, &database, &[]).unwrap_err();
    assert!(matches!(error, WhatIfError::NoHypopg { .. }), "{error}");
}
