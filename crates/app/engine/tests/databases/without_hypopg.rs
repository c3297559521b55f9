//! A server on which no planner can be asked about indexes that are not there.

use model::Basis;
use testkit::Postgres;

use crate::kit::{look, request};

/// Half a year of orders, loaded a moment ago.
const ORDERS: &str = "
    create extension pg_stat_statements;
    create table orders (id bigint primary key, customer_id integer not null, state text not null, at timestamptz not null, note text);
    insert into orders select i, i % 4000, case when i % 20 = 0 then 'open' else 'done' end,
        timestamptz '2026-01-01' + i * interval '1 minute', repeat('n', 60) from generate_series(1, 80000) i;
    vacuum analyze orders;
";

#[test]
fn indexes_are_chosen_by_a_model_and_that_is_said() {
    for version in [13, 15, 18] {
        let server = Postgres::builder()
            .version(version)
            .setting("shared_preload_libraries", "pg_stat_statements")
            .setting("jit", "off")
            .start();
        server.psql(ORDERS);
        for id in 0..120 {
            server.psql(&format!(
                "select note from orders where customer_id = {id} order by at desc limit 5"
            ));
        }
        let found = look(&request(&server.url(), &[]));
        let set = found.proposal.unwrap_or_else(|| panic!("{version}: {:?}", found.notes));
        assert_eq!(set.basis, Basis::Model, "{version}");
        let ddl: Vec<&str> = set.create.iter().map(|one| one.ddl.as_str()).collect();
        assert!(
            ddl.iter().any(|ddl| ddl.contains("(customer_id, at")),
            "{version}: {ddl:?} {:?}",
            set.notes
        );
        assert!(set.notes[0].contains("HypoPG is not installed"), "{version}: {:?}", set.notes);
        assert!(set.cost_then < set.cost_now / 5.0, "{version}: {set:?}");
        for one in &set.create {
            let why = one.why.join("; ");
            assert!(why.contains("by a model") && why.contains("rehearse"), "{version}: {why}");
            server.psql(&one.ddl);
        }
        let plan = server
            .psql("explain select note from orders where customer_id = 7 order by at desc limit 5");
        assert!(
            plan.contains("orders_customer_id_at") && !plan.contains("Sort"),
            "{version}: {plan}"
        );
        let finding = found.findings.iter().find(|it| it.fault == "missing-index");
        let told = format!("{finding:?}");
        assert!(told.contains("Taut's own model"), "{version}: {told}");
    }
}
