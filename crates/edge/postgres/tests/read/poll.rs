//! What happened between two looks, whatever happened to the server.

use model::database::{Database, Recovery};
use postgres::{Connection, Limits, PollOptions, Poller, ReadError, Target, connect};
use testkit::Postgres;

use super::{connected, counting, missing, settle};

const WORK: &str = "select count(*) from t where id = 1";

fn work(server: &Postgres, times: usize) {
    server.psql(&format!("{WORK};").repeat(times));
}

fn prepare(server: &Postgres) {
    server.psql("create table t (id int primary key); insert into t select generate_series(1, 10000); vacuum analyze");
    work(server, 1_000);
}

async fn poll(poller: &mut Poller, connection: &Connection) -> Database {
    poller.poll(connection).await.expect("a poll");
    poller.latest().expect("a poll was made")
}

/// Runs of [`WORK`], and scans of its index.
fn done(database: &Database) -> (u64, u64) {
    let text = "select count(*) from t where id = ?";
    let found = database.statements.iter().find(|one| one.text.text == text);
    let index = database.indexes.iter().find(|index| index.name == "t_pkey");
    (found.map_or(0, |one| one.runs.calls), index.map_or(0, |index| index.usage.scans))
}

#[tokio::test]
async fn only_what_happened_since_the_first_look_counts_on_every_version() {
    for version in Postgres::every_version() {
        let server = counting(version).start();
        prepare(&server);
        settle(&server);
        let connection = connected(&server, "postgres", "postgres").await;
        let mut poller = Poller::new(PollOptions::default());
        let first = poll(&mut poller, &connection).await;
        assert!(first.since_reset);
        assert_eq!(done(&first), (1_000, 1_000), "on {version}");
        work(&server, 10);
        settle(&server);
        poller.sample(&connection).await.unwrap();
        let second = poller.poll(&connection).await.unwrap();
        let latest = poller.latest().unwrap();
        assert!(!latest.since_reset && 0 < second.since.as_nanos());
        assert_eq!(done(&latest), (10, 10), "on {version}");
        let runs: u64 = second.statements.iter().map(|(_, runs)| runs.calls).sum();
        assert!((10..30).contains(&runs), "{runs} on {version}");
        assert_eq!(second.connections.1, 100);
        work(&server, 5);
        settle(&server);
        let third = poll(&mut poller, &connection).await;
        assert_eq!(done(&third), (15, 15), "on {version}");
        let index = third.indexes.iter().find(|index| index.name == "t_pkey").unwrap();
        assert_eq!(index.usage.scans_since_reset, 1_015);
        assert!(0.0 < poller.own_share() && poller.own_share() <= 1.0);
        assert_eq!(third.notes, Vec::<String>::new(), "on {version}");
    }
}

#[tokio::test]
async fn resets_make_no_figure_negative_and_none_too_large() {
    for version in [13, 15, 18] {
        let server = counting(version).start();
        prepare(&server);
        settle(&server);
        let connection = connected(&server, "postgres", "postgres").await;
        let mut poller = Poller::new(PollOptions::default());
        poll(&mut poller, &connection).await;
        server.psql("select pg_stat_statements_reset(); select pg_stat_reset()");
        work(&server, 7);
        settle(&server);
        assert_eq!(done(&poll(&mut poller, &connection).await), (7, 7), "on {version}");
        server.psql("select pg_stat_reset_single_table_counters('t_pkey'::regclass)");
        work(&server, 2);
        settle(&server);
        let (runs, scans) = done(&poll(&mut poller, &connection).await);
        assert_eq!(runs, 9, "on {version}");
        assert!(scans <= 9, "{scans} on {version}");
    }
}

#[tokio::test]
async fn a_restart_and_a_crash_are_survived_without_a_spike() {
    for version in [13, 18] {
        let mut server = counting(version).start();
        prepare(&server);
        settle(&server);
        let connection = connected(&server, "postgres", "postgres").await;
        let mut poller = Poller::new(PollOptions::default());
        poll(&mut poller, &connection).await;
        server.restart();
        let lost = poller.poll(&connection).await.unwrap_err();
        assert!(matches!(lost, ReadError::Lost { .. }), "{lost:?}");
        assert!(poller.sample(&connection).await.is_err());
        let connection = connected(&server, "postgres", "postgres").await;
        work(&server, 3);
        settle(&server);
        assert_eq!(done(&poll(&mut poller, &connection).await).0, 3, "on {version}");
        server.kill9();
        server.restart();
        let connection = connected(&server, "postgres", "postgres").await;
        work(&server, 4);
        settle(&server);
        let (runs, scans) = done(&poll(&mut poller, &connection).await);
        assert_eq!(runs, 7, "on {version}");
        assert!(scans <= 7, "{scans} on {version}");
    }
}

#[tokio::test]
async fn rights_that_go_and_come_back_bring_no_history_with_them() {
    for version in [13, 18] {
        let server = counting(version).start();
        prepare(&server);
        server.psql("create role watcher login; grant pg_monitor to watcher");
        settle(&server);
        let connection = connected(&server, "postgres", "watcher").await;
        let mut poller = Poller::new(PollOptions::default());
        poll(&mut poller, &connection).await;
        server.psql("revoke pg_monitor from watcher");
        work(&server, 2);
        let without = poll(&mut poller, &connection).await;
        assert!(missing(&without).contains(&"pg_read_all_stats"), "{:?}", without.missing);
        assert_eq!(done(&without).0, 0);
        server.psql("grant pg_monitor to watcher");
        let again = poll(&mut poller, &connection).await;
        assert!(!missing(&again).contains(&"pg_read_all_stats"));
        assert!(done(&again).0 <= 2, "on {version}");
        work(&server, 4);
        let after = poll(&mut poller, &connection).await;
        assert!((4..=6).contains(&done(&after).0), "on {version}");
    }
}

#[tokio::test]
async fn statements_that_are_thrown_out_are_noticed() {
    for version in [14, 18] {
        let server = counting(version).setting("pg_stat_statements.max", "100").start();
        prepare(&server);
        let connection = connected(&server, "postgres", "postgres").await;
        let mut poller = Poller::new(PollOptions::default());
        poll(&mut poller, &connection).await;
        let many: Vec<String> =
            (0..300).map(|place| format!("select 1 {};", "+ 1".repeat(place))).collect();
        server.psql(&many.concat());
        let latest = poll(&mut poller, &connection).await;
        assert!(100 <= latest.statements_evicted, "{} on {version}", latest.statements_evicted);
        assert!(latest.statements.iter().all(|one| one.runs.calls < 100));
    }
}

#[tokio::test]
async fn a_new_table_is_seen_and_a_promoted_standby_is_a_primary() {
    let primary = counting(15).start();
    prepare(&primary);
    let standby = primary.standby();
    let connection = connected(&standby, "postgres", "postgres").await;
    let mut poller = Poller::new(PollOptions {
        catalog_every: std::time::Duration::ZERO,
        ..PollOptions::default()
    });
    let database = poll(&mut poller, &connection).await;
    assert_eq!(database.server.recovery, Recovery::Standby);
    assert!(database.indexes.iter().all(|index| index.usage.standby_scans.is_none()));
    // The primary asks the standby which indexes it uses.
    standby.psql(WORK);
    let mut of_primary = Poller::new(PollOptions::default());
    let at_primary = connected(&primary, "postgres", "postgres").await;
    let unasked = poll(&mut of_primary, &at_primary).await;
    assert!(missing(&unasked).contains(&"observe.postgres.standbys"));
    let connections = [connection];
    assert!(of_primary.standbys_are_due());
    of_primary.ask_standbys(&connections).await.unwrap();
    assert!(!of_primary.standbys_are_due());
    let [connection] = connections;
    let asked = poll(&mut of_primary, &at_primary).await;
    let index = asked.indexes.iter().find(|index| index.name == "t_pkey").unwrap();
    assert_eq!(index.usage.standby_scans, Some(1));
    assert!(!missing(&asked).contains(&"observe.postgres.standbys"));
    standby.promote();
    standby.psql("create table younger (id int)");
    let database = poll(&mut poller, &connection).await;
    assert_eq!(database.server.recovery, Recovery::Primary);
    assert!(database.tables.iter().any(|table| table.name.name == "younger"));
}

#[tokio::test]
async fn a_server_without_room_says_so_with_a_hint() {
    let server = counting(15)
        .setting("max_connections", "4")
        .setting("superuser_reserved_connections", "3")
        .start();
    server.psql("create role watcher login; grant pg_monitor to watcher");
    let target = Target::parse(&server.url_for("postgres", "watcher")).unwrap();
    let held = connect(&target, &Limits::default()).await.unwrap();
    let refused = connect(&target, &Limits::default()).await.unwrap_err();
    assert!(refused.hint().contains("connections are taken"), "{refused:?}");
    drop(held);
}
