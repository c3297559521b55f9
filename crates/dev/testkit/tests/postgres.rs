//! The throwaway servers themselves.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use testkit::{Postgres, postgres::SUPPORTED};

/// Named in the environment of a test that is to be killed: the test starts a server, tells about it, and waits.
const VICTIM: &str = "TESTKIT_VICTIM";

fn is_running(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|text| !text.rsplit(") ").next().unwrap_or_default().starts_with('Z'))
}

fn within(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < limit, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn every_supported_version_answers_with_its_own_number() {
    assert_eq!(Postgres::every_version(), SUPPORTED);
    assert_eq!(Postgres::versions(), SUPPORTED);
    for version in Postgres::every_version() {
        let server = Postgres::builder()
            .version(version)
            .setting("shared_preload_libraries", "pg_stat_statements,auto_explain")
            .extension("pg_stat_statements")
            .start();
        let number: u32 = server.psql("show server_version_num").parse().unwrap();
        assert_eq!(number / 10_000, version);
        assert!(server.psql("select version()").starts_with(&format!("PostgreSQL {version}.")));
        assert_eq!(server.psql("select count(*) > 0 from pg_stat_statements"), "t");
    }
}

#[test]
fn a_dropped_server_leaves_neither_a_process_nor_a_folder() {
    let server = Postgres::start();
    let (pid, folder) = (server.pid().unwrap(), server.log_path().parent().unwrap().to_owned());
    assert!(is_running(pid) && folder.exists());
    drop(server);
    assert!(!is_running(pid));
    assert!(!folder.exists());
}

#[test]
fn a_server_ends_when_its_test_panics() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let test = thread::spawn(move || {
        let server = Postgres::start();
        sender.send(server.pid().unwrap()).unwrap();
        panic!("as a failing test does");
    });
    let pid = receiver.recv().unwrap();
    assert!(test.join().is_err());
    assert!(!is_running(pid));
}

#[test]
fn a_server_ends_when_its_test_is_killed() {
    if std::env::var_os(VICTIM).is_some() {
        let server = Postgres::start();
        println!("\nvictim {} {}", server.pid().unwrap(), server.data_path().display());
        thread::sleep(Duration::from_mins(2));
        return;
    }
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_server_ends_when_its_test_is_killed", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let told = lines.map_while(Result::ok).find(|line| line.starts_with("victim ")).unwrap();
    let words: Vec<&str> = told.split(' ').collect();
    let pid: i32 = words[1].parse().unwrap();
    assert!(is_running(pid));
    victim.kill().unwrap();
    victim.wait().unwrap();
    within(Duration::from_secs(30), "the server lives on", || !is_running(pid));
    within(Duration::from_secs(30), "its folder is left", || !Path::new(words[2]).exists());
}

#[test]
fn what_was_committed_is_there_after_a_restart_and_after_a_kill() {
    let mut server = Postgres::start();
    server.psql("create table kept (n int); insert into kept values (1)");
    let first = server.pid().unwrap();
    server.restart();
    assert_ne!(server.pid().unwrap(), first);
    assert!(!is_running(first));
    server.psql("insert into kept values (2)");
    let second = server.pid().unwrap();
    server.kill9();
    assert!(!is_running(second) && server.pid().is_none());
    assert!(server.try_psql("postgres", "postgres", "select 1").is_err());
    server.restart();
    assert_eq!(server.psql("select n from kept order by n"), "1\n2");
    let log = fs::read_to_string(server.log_path()).unwrap();
    assert!(log.contains("was not properly shut down"), "{log}");
}

#[test]
fn a_standby_follows_its_primary_until_it_is_promoted() {
    for version in Postgres::every_version() {
        let primary = Postgres::builder().version(version).start();
        primary.psql("create table followed as select generate_series(1, 1000) as n");
        let standby = primary.standby();
        assert_eq!(standby.psql("select pg_is_in_recovery(), count(*) from followed"), "t|1000");
        primary.psql("insert into followed values (1001)");
        within(Duration::from_secs(30), "the row does not arrive", || {
            standby.psql("select count(*) from followed") == "1001"
        });
        let refused = standby.try_psql("postgres", "postgres", "delete from followed");
        assert!(refused.unwrap_err().contains("read-only transaction"));
        assert_eq!(primary.psql("select state from pg_stat_replication"), "streaming");
        standby.promote();
        standby.psql("delete from followed");
        assert_eq!(primary.psql("select count(*) from followed"), "1001");
    }
}

#[test]
fn settings_extensions_and_clients_are_as_asked() {
    let server = Postgres::builder()
        .setting("work_mem", "7MB")
        .setting("application_name", "it's")
        .extension("hypopg")
        .hba("host all locked 127.0.0.1/32 reject")
        .durable()
        .autovacuum()
        .start();
    assert_eq!(server.version(), Postgres::default_version());
    let shown = "select string_agg(setting, '|' order by name) from pg_settings \
                 where name in ('work_mem', 'fsync', 'autovacuum')";
    assert_eq!(server.psql(shown), "on|on|7168");
    assert_eq!(server.psql("select hypopg_reset() is null"), "f");
    server.psql("create database \"Größe \"\"x\"\"\"; create user locked");
    assert_eq!(server.psql_in("Größe \"x\"", "select current_database()"), "Größe \"x\"");
    assert_eq!(server.psql_in("Größe \"x\"", "select count(*) from hypopg()"), "0");
    let refused = server.try_psql("postgres", "locked", "select 1").unwrap_err();
    assert!(refused.contains("pg_hba.conf rejects"), "{refused}");
    let status = server.client("pgbench").args(["--initialize", "--quiet"]).output().unwrap();
    assert!(status.status.success());
    assert_eq!(server.psql("select count(*) from pgbench_accounts"), "100000");
}
