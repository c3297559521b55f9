//! Faults in what sessions and standbys do, planted in a real server.

use std::{
    io::Write as _,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use engine::database::Target;
use testkit::Postgres;

use crate::kit::{builder, check, look, request};

/// A session that stays open after its statements.
struct Open(Child);

impl Open {
    fn new(server: &Postgres, name: &str, statements: &str) -> Self {
        let mut command: Command = server.client("psql");
        command.args(["-X", "-q"]).env("PGAPPNAME", name);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let mut input = child.stdin.as_ref().unwrap();
        writeln!(input, "{statements}").unwrap();
        Self(child)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Waits until a question is answered with true.
fn until(server: &Postgres, question: &str) {
    let since = Instant::now();
    while server.psql(question) != "t" {
        assert!(since.elapsed() < Duration::from_mins(1), "never: {question}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn who_holds_and_who_waits_is_told() {
    let server = builder().start();
    server.psql(
        "create table jobs (id int primary key, done bool); insert into jobs values (1, false)",
    );
    let _holder = Open::new(&server, "worker", "begin; update jobs set done = true where id = 1;");
    until(&server, "select count(*) = 1 from pg_stat_activity where state = 'idle in transaction'");
    let _waiter = Open::new(&server, "web", "update jobs set done = false where id = 1;");
    until(&server, "select count(*) = 1 from pg_stat_activity where wait_event_type = 'Lock'");
    thread::sleep(Duration::from_millis(600));
    let knobs =
        [("lock-wait", "waited-seconds-min", 0.2), ("idle-in-transaction", "seconds-min", 0.2)];
    let found = look(&request(&server.url(), &knobs));
    check(&found, &[("idle-in-transaction", "worker")]);
    let lock = crate::kit::the(&found, "lock-wait");
    let told = lock.evidence.excerpt.join("\n");
    assert!(told.contains("holder: process") && told.contains("worker"), "{told}");
    assert!(told.contains("web") && told.contains("update jobs set done = ?"), "{told}");
}

#[test]
fn connections_that_run_out_are_told_with_the_pool_that_suffices() {
    let server = builder()
        .setting("max_connections", "20")
        .setting("superuser_reserved_connections", "3")
        .start();
    let _open: Vec<Open> = (0..14).map(|_| Open::new(&server, "web", "select 1;")).collect();
    until(&server, "select count(*) = 14 from pg_stat_activity where application_name = 'web'");
    let found = look(&request(&server.url(), &[]));
    check(&found, &[("connection-exhaustion", "connections")]);
    let advice = &crate::kit::the(&found, "connection-exhaustion").advice[0];
    assert!(advice.text.contains("connections carry what runs now"), "{}", advice.text);
}

#[test]
fn a_standby_that_is_behind_and_never_asked_is_told() {
    let server = builder().start();
    server.psql("create table a (id int primary key, b text); insert into a select i, md5(i::text) from generate_series(1, 20000) i");
    let standby = server.standby();
    standby.psql("select pg_wal_replay_pause()");
    server.psql("insert into a select i, md5(i::text) from generate_series(20001, 120000) i; select pg_stat_statements_reset()");
    for _ in 0..4 {
        server.psql("select b from a where id = 5");
    }
    let knobs = [
        ("replica-lag", "megabytes-min", 1.0),
        ("unused-replica", "days-min", 0.0),
        ("unused-replica", "busy-min", 0.0),
        ("unused-index", "days-min", 0.0),
    ];
    let mut asked = request(&server.url(), &knobs);
    let unasked = look(&asked);
    check(&unasked, &[("replica-lag", "standbys")]);
    assert!(unasked.notes.iter().any(|note| note.contains("--standby URL")), "{:?}", unasked.notes);
    asked.standbys = vec![Target::parse(&standby.url()).unwrap()];
    check(&look(&asked), &[("replica-lag", "standbys"), ("unused-replica", "standbys")]);
}

#[test]
fn reads_past_small_buffers_are_told_where_they_take_time() {
    let server = builder().setting("shared_buffers", "1MB").start();
    server.psql(
        "create table a (id int primary key, b text); insert into a select i, repeat(md5(i::text), 8) \
         from generate_series(1, 60000) i; vacuum analyze a; select pg_stat_statements_reset(); select pg_stat_reset()",
    );
    for _ in 0..6 {
        server.psql("select sum(length(b)) from a");
    }
    let knobs = [("low-buffer-hits", "read-share-min", 0.001)];
    check(&look(&request(&server.url(), &knobs)), &[("low-buffer-hits", "server")]);
}

#[test]
fn a_database_is_watched_for_a_while() {
    let server = builder().start();
    server.psql("create table a (id int primary key); select 1 from a");
    let mut watching = request(&server.url(), &[]);
    watching.watch = Some(Duration::from_secs(2));
    let found = look(&watching);
    assert!(!found.database.since_reset);
    assert!(
        Duration::from_secs(1) <= found.database.window.length(),
        "{:?}",
        found.database.window
    );
}
