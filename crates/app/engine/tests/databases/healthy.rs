//! A database as it should be: `pgbench`, after a while.

use testkit::Postgres;

use crate::kit::{builder, look, request, told};

fn bench(server: &Postgres, arguments: &[&str]) {
    let output = server.client("pgbench").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn nothing_is_found_in_a_healthy_database() {
    for keys in [&[][..], &["--foreign-keys"]] {
        let server = builder().autovacuum().start();
        bench(&server, &[&["-i", "-q", "-s", "2"], keys].concat());
        bench(&server, &["-c", "2", "-T", "4", "-M", "prepared"]);
        bench(&server, &["-c", "2", "-T", "2", "-S"]);
        bench(&server, &["-c", "2", "-T", "2", "-N"]);
        let found = look(&request(&server.url(), &[]));
        assert!(4 < found.database.statements.len(), "statements are counted");
        assert!(found.proposal.is_some(), "the planner was asked: {:?}", found.notes);
        assert_eq!(told(&found), Vec::<String>::new(), "with {keys:?}");
    }
}

#[test]
fn a_server_that_counts_no_statements_is_looked_at_all_the_same() {
    let server = Postgres::start();
    server.psql("create table a (id int primary key, b int); create index on a (id)");
    let found = look(&request(&server.url(), &[("duplicate-index", "kilobytes-min", 0.0)]));
    assert!(found.database.missing.iter().any(|it| it.what == "pg_stat_statements"));
    let faults: Vec<&str> = found.findings.iter().map(|it| it.fault).collect();
    assert_eq!(faults, ["duplicate-index"]);
}
