//! Reading never waits for those who hold a table for themselves.

use std::process::{Child, Stdio};

use testkit::Postgres;

use super::{counting, read, wait_until};

#[tokio::test]
async fn a_table_that_somebody_holds_is_told_without_waiting() {
    for version in [13, 18] {
        let server = counting(version).start();
        server.psql("create table free (id int primary key); create table held (id int primary key, a text); create index held_a on held (lower(a)) where id > 1; insert into held select g, g from generate_series(1, 10000) g; vacuum analyze");
        let mut session = holding(&server, "begin; lock table held in access exclusive mode;");
        let database = read(&server).await;
        let held = database.tables.iter().find(|table| table.name.name == "held").unwrap();
        assert_eq!(held.rows, Some(10_000.0));
        assert_eq!(held.bytes, held.pages * 8_192);
        let [note] = database.notes.as_slice() else { panic!("{:?}", database.notes) };
        assert!(note.starts_with("held: somebody holds the table"), "{note}");
        let index = database.indexes.iter().find(|index| index.name == "held_a").unwrap();
        assert_eq!(index.definition, "");
        let free = database.indexes.iter().find(|index| index.name == "free_pkey").unwrap();
        assert!(free.definition.starts_with("CREATE UNIQUE INDEX"));
        session.kill().unwrap();
        session.wait().unwrap();
    }
}

/// A session that has run `script` and stays.
fn holding(server: &Postgres, script: &str) -> Child {
    let mut command = server.client("psql");
    command.args(["--no-psqlrc", "--quiet", "--command", script]);
    command.args(["--command", "select pg_sleep(60)"]).stdout(Stdio::null());
    let session = command.spawn().expect("psql starts");
    let sleeps = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
    wait_until(server, sleeps, "1");
    session
}
