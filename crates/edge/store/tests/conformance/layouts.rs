//! Tables as they are made.

use store::clickhouse::{ClickHouse as Client, Layout};
use testkit::clickhouse::ClickHouse;

use crate::settings;

#[test]
fn tables_are_made_once_and_changed_where_settings_are() {
    let server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    for days in [14, 14, 30] {
        let mut settings = settings(&server);
        settings.days = days;
        Client::new(settings, folder.path()).unwrap().prepare().unwrap();
        let create = server.ask("SHOW CREATE TABLE taut.spans");
        assert!(create.contains(&format!("toIntervalDay({days})")), "{create}");
    }
    assert_eq!(server.ask("SELECT count() FROM taut.taut_migrations"), "1");
}

#[test]
fn a_column_that_is_missing_is_added() {
    let server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    let client = || Client::new(settings(&server), folder.path()).unwrap();
    client().prepare().unwrap();
    let columns = "SELECT count() FROM system.columns WHERE database = 'taut'";
    let before = server.ask(columns);
    server.run("ALTER TABLE taut.spans DROP COLUMN flags");
    server.run("ALTER TABLE taut.logs DROP COLUMN observed_time_at");
    assert_ne!(server.ask(columns), before);
    client().prepare().unwrap();
    assert_eq!(server.ask(columns), before);
}

#[test]
fn rows_may_be_spread_over_the_shards_of_a_cluster() {
    let server = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(&server);
    settings.layout = Layout { cluster: "alone".to_owned(), replicated: false, sharded: true };
    Client::new(settings, folder.path()).unwrap().prepare().unwrap();
    assert!(server.ask("SHOW CREATE TABLE taut.spans").contains("Distributed"));
    assert!(server.ask("SHOW CREATE TABLE taut.spans_local").contains("MergeTree"));
}
