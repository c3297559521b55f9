//! What is planned for costs: texts that no parser takes, views, parameters on skewed columns, on several versions.

use std::sync::Arc;

use find::advisor::{AdvisedStatement, Costs as _, ModelCosts, Options, Planner as _, advise};
use model::{IndexSet, database::Database};
use postgres::{Limits, PlainPlans, ReadOptions, Target, WhatIf, connect, read_database};
use testkit::Postgres;

const TICKETS: &str = "
    create table tickets (id bigint primary key, owner_id integer not null, state text not null, at timestamptz not null, \"Odd\" text not null);
    insert into tickets select i, i % 3000, case when i % 10 = 0 then 'rare-' || i % 700 else 'closed' end,
        timestamptz '2026-01-01' + i * interval '1 minute', repeat('x', 80) from generate_series(1, 60000) i;
    create view open_tickets as select t.id, t.owner_id, t.at from tickets t where t.state <> 'closed';
    create view mine as select o.id, o.owner_id from open_tickets o;
    vacuum analyze tickets;
";

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

fn statements(texts: &[&str]) -> (Vec<Arc<str>>, Vec<AdvisedStatement>) {
    let texts: Vec<Arc<str>> = texts.iter().map(|text| Arc::from(*text)).collect();
    let mut known = sql::Statements::default();
    let of = |text: &Arc<str>| AdvisedStatement {
        text: known.read(text).0,
        sql: Arc::clone(text),
        query_id: 0,
        calls_per_day: 1000.0,
        mean_millis: Some(5.0),
    };
    let advised = texts.iter().map(of).collect();
    (texts, advised)
}

fn ddl(set: &IndexSet) -> String {
    set.create.iter().map(|one| one.ddl.as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_cannot_be_parsed_is_read_from_its_plan() {
    let locking = "select id from tickets where owner_id = $1 for no key update";
    assert_eq!(sql::analyse(locking, &Database::default()), None, "another text is wanted here");
    let through_views = "select id from mine where owner_id = $1";
    for (version, hypopg) in [(13, false), (15, true), (18, false)] {
        let mut builder = Postgres::builder().version(version);
        if hypopg {
            builder = builder.extension("hypopg");
        }
        let server = builder.start();
        server.psql(TICKETS);
        let (target, database) = database(&server);
        for text in [locking, through_views] {
            let (texts, advised) = statements(&[text]);
            let options = Options { write_weight: 0.0, ..Options::default() };
            let set = if hypopg {
                let mut costs = WhatIf::open(&target, &database, &texts).unwrap();
                advise(&database, &advised, &mut costs, &options)
            } else {
                let mut plans = PlainPlans::open(&target, &database, &texts).unwrap();
                let mut costs = ModelCosts::new(&database, &texts, &mut plans);
                advise(&database, &advised, &mut costs, &options)
            };
            assert!(ddl(&set).contains("(owner_id"), "{version}: {text}: {set:#?}");
            let said = set.notes.iter().any(|note| note.contains("its plan says"));
            assert_eq!(said, text == locking, "{version}: {:?}", set.notes);
        }
    }
}

#[test]
fn a_parameter_on_a_skewed_column_is_planned_for_both_kinds_of_values() {
    for version in [13, 15, 16, 18] {
        let server = Postgres::builder().version(version).start();
        server.psql(TICKETS);
        let (target, database) = database(&server);
        let (texts, _) = statements(&[
            "select at from tickets where owner_id > $1 and state = $2 limit $3",
            "select at from tickets where owner_id = $1",
        ]);
        let mut plans = PlainPlans::open(&target, &database, &texts).unwrap();
        let skewed = plans.plans(0).unwrap();
        let [(most, common), (rest, usual)] = skewed.as_slice() else { panic!("{skewed:?}") };
        assert!((most - 0.9).abs() < 0.02 && (most + rest - 1.0).abs() < 1e-9, "{version}");
        let rows = |plan: &model::Plan| plan.nodes.last().unwrap().estimate.unwrap().rows;
        assert!(10_000.0 < rows(common), "{version}: {}", rows(common));
        assert!(rows(usual) < 200.0, "{version}: {}", rows(usual));
        let text = plans.plan_text(0);
        assert!(
            text.contains("$2") && !text.contains("closed"),
            "{version}: no value is shown: {text}"
        );
        assert_eq!(plans.plans(1).unwrap().len(), 1, "{version}: no skew, one plan");
    }
}

#[test]
fn an_index_for_the_rare_values_is_worth_their_share() {
    let server = Postgres::builder().version(15).extension("hypopg").start();
    server.psql(TICKETS);
    let (target, database) = database(&server);
    let (texts, advised) = statements(&["select * from tickets where state = $1"]);
    let mut costs = WhatIf::open(&target, &database, &texts).unwrap();
    let options = Options { write_weight: 0.0, ..Options::default() };
    let set = advise(&database, &advised, &mut costs, &options);
    let one = &set.create[0];
    assert!(one.ddl.contains("(state)"), "{}", one.ddl);
    let left = one.helped[0].cost.1 / one.helped[0].cost.0;
    // Nine runs of ten read the whole table as before.
    assert!((0.8..0.95).contains(&left), "{left}");
    let mut plans = PlainPlans::open(&target, &database, &texts).unwrap();
    let mut model = ModelCosts::new(&database, &texts, &mut plans);
    let now = model.cost(0, &[]).unwrap().cost;
    let then = model.cost(0, &[&one.index]).unwrap().cost;
    assert!((then / now - left).abs() < 0.03, "{} as against {left}", then / now);
}
