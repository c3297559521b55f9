//! Statements, sessions, connections, replication.

use std::{process::Stdio, time::Duration};

use model::database::Recovery;
use testkit::Postgres;

use super::{counting, missing, read, wait_until};

#[tokio::test]
async fn statements_are_read_on_every_version_and_ours_are_left_out() {
    for version in Postgres::every_version() {
        let server = counting(version).setting("track_io_timing", "on").start();
        server.psql("create table t (id int primary key, word text); insert into t select g, g from generate_series(1, 100) g");
        for id in 0..10 {
            server.psql(&format!("select word from t where id = {id} /*route='%2Ft%2F%3Aid'*/"));
        }
        server.psql("create role other superuser login");
        server.try_psql("postgres", "other", "select word from t where id = 5").unwrap();
        // Once so that there is something of ours to be left out.
        read(&server).await;
        let database = read(&server).await;
        let found: Vec<_> = database
            .statements
            .iter()
            .filter(|statement| statement.text.text == "select word from t where id = ?")
            .collect();
        let [statement] = found.as_slice() else { panic!("{found:?} on {version}") };
        assert_eq!(statement.runs.calls, 11);
        assert_eq!(statement.runs.rows, 10);
        assert_eq!(&*statement.generic, "select word from t where id = $1");
        assert_eq!(statement.users, ["other", "postgres"]);
        assert!(!statement.nested && 0.0 < statement.runs.total_millis);
        assert!(statement.runs.min_millis <= statement.runs.mean_millis());
        assert!(statement.runs.mean_millis() <= statement.runs.max_millis);
        let mut statements = sql::Statements::default();
        let (of_a_span, ..) = statements.read("SELECT word FROM t WHERE id = %s");
        assert_eq!(statement.text.fingerprint, of_a_span.fingerprint);
        let ours = database.statements.iter().filter(|one| one.text.text.contains("pg_catalog."));
        assert_eq!(ours.count(), 0, "on {version}");
        assert_eq!(missing(&database), [""; 0], "on {version}");
        assert!(database.since_reset && 0 < database.window.length().as_millis());
        assert!(0 < database.totals.commits && 0 < database.totals.blocks_hit);
        assert_eq!(database.io.is_empty(), version < 16, "on {version}");
    }
}

#[tokio::test]
async fn who_waits_for_whom_is_told_on_every_version() {
    for version in Postgres::every_version() {
        let server = counting(version).start();
        server
            .psql("create table held (id int primary key, n int); insert into held values (1, 0)");
        let session = |script: &str| {
            let mut command = server.client("psql");
            command.args(["--no-psqlrc", "--quiet", "--command", script]);
            command.env("PGAPPNAME", "shop").stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().unwrap()
        };
        let mut holder = session("begin; update held set n = 1; select pg_sleep(60)");
        wait_until(
            &server,
            "select count(*) from pg_stat_activity where wait_event = 'PgSleep'",
            "1",
        );
        let mut waiter = session("update held set n = 2 where id = 1 /*route='%2Fheld'*/");
        wait_until(&server, "select count(*) from pg_locks where not granted", "1");
        server.psql("begin; create table x (); prepare transaction 'left'");
        let database = read(&server).await;
        let [blocking] = database.blocking.as_slice() else { panic!("{:?}", database.blocking) };
        let by_pid =
            |pid: i32| database.sessions.iter().find(|session| session.pid == pid).unwrap();
        let (waits, holds) = (by_pid(blocking.waiter_pid), by_pid(blocking.holder_pids[0]));
        assert_eq!(waits.statement.as_ref().unwrap().text, "update held set n = ? where id = ?");
        assert_eq!((waits.route.as_str(), waits.application.as_str()), ("/held", "shop"));
        assert_eq!((waits.wait_type.as_str(), waits.state.as_str()), ("Lock", "active"));
        assert_eq!(holds.wait_event, "PgSleep");
        assert!(holds.transaction_started.is_some());
        assert!(blocking.waited < Duration::from_mins(1), "{blocking:?}");
        assert_eq!(waits.query_id.is_some(), 14 <= version);
        let load = |wait: &str| {
            database.load.iter().find(|load| load.wait_type == wait).map(|load| load.sessions)
        };
        assert_eq!((load("Lock"), load("Timeout")), (Some(1.0), Some(1.0)));
        let shop: u32 = database
            .connections
            .counts
            .iter()
            .filter(|count| count.application == "shop")
            .map(|count| count.count)
            .sum();
        assert_eq!((shop, database.connections.max, database.connections.reserved), (2, 100, 3));
        assert_eq!(database.prepared[0].name, "left");
        for session in [&mut holder, &mut waiter] {
            session.kill().unwrap();
            session.wait().unwrap();
        }
    }
}

#[tokio::test]
async fn a_primary_tells_of_its_standby_and_a_standby_of_itself() {
    for version in [13, 17, 18] {
        let primary = counting(version).start();
        primary.psql("create table t (id int primary key); insert into t select generate_series(1, 1000); analyze");
        primary.psql("select pg_create_physical_replication_slot('kept', true)");
        let standby = primary.standby();
        let database = read(&primary).await;
        assert_eq!(database.server.recovery, Recovery::Primary);
        assert_eq!(database.standbys.len(), 1);
        assert_eq!(database.standbys[0].state, "streaming");
        assert_eq!(database.slots[0].name, "kept");
        assert!(
            !database.slots[0].active && missing(&database).contains(&"observe.postgres.standbys")
        );
        standby.psql("select count(*) from t where id = 1");
        let database = read(&standby).await;
        assert_eq!(database.server.recovery, Recovery::Standby);
        assert_eq!(database.tables[0].rows, Some(1_000.0));
        assert!(database.replay_lag.is_none_or(|lag| lag < Duration::from_mins(1)));
        assert_eq!(database.notes, Vec::<String>::new(), "on {version}");
    }
}
