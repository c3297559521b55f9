//! A watched database: what is shown of it while it works, is gone, comes back, and after a restart of ours.

use std::{path::Path, sync::Arc, time::Duration};

use engine::{
    Live,
    database::{DatabaseStanding, History as _, WatchState},
};
use model::Window;
use testkit::Postgres;

use crate::{live::Engine, shop};

const LOOK_UP: &str = "select name from customers where id = ?";

fn server() -> Postgres {
    let server = Postgres::builder()
        .setting("shared_preload_libraries", "pg_stat_statements")
        .extension("pg_stat_statements")
        .start();
    server.psql(
        "create table customers (id int primary key, name text); \
         insert into customers select g, g from generate_series(1, 10000) g; vacuum analyze",
    );
    server
}

/// An engine that watches; the password is one that is to be seen nowhere.
fn watching(folder: &Path, urls: &str) -> Engine {
    Engine::start_with(
        folder,
        &[
            ("TAUT_OBSERVE_POSTGRES_URL", urls),
            ("TAUT_OBSERVE_POSTGRES_POLL", "1s"),
            ("TAUT_OBSERVE_POSTGRES_SAMPLE", "200ms"),
        ],
    )
}

fn url(server: &Postgres) -> String {
    server.url().replace("postgres@", "postgres:hunter2@")
}

fn the_database(live: &Live) -> DatabaseStanding {
    live.databases().into_iter().next().expect("one is watched")
}

fn is_watched(live: &Live) -> bool {
    the_database(live).state == WatchState::Watching
}

/// Runs of the look-up within the window that is kept, and its `queryid`.
fn look_ups(live: &Live) -> Option<(u64, i64)> {
    let latest = the_database(live).latest.filter(|latest| !latest.since_reset)?;
    let found = latest.statements.iter().find(|one| one.text.text == LOOK_UP)?;
    Some((found.runs.calls, found.query_id))
}

/// Runs of a statement by its history over the last hour.
fn history(live: &Live, id: &str, query_id: i64) -> u64 {
    let window = Window { from: shop::now() - Duration::from_hours(1), to: shop::now() };
    let steps = live.statement_history(id, query_id, window, 60);
    steps.iter().map(|(_, runs)| runs.calls).sum()
}

#[test]
fn a_database_is_watched_and_its_history_outlives_a_restart() {
    let server = server();
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let engine = watching(folder.path(), &url(&server));
    engine.wait_until("the first poll", is_watched);
    let text = |id: u32| format!("select name from customers where id = {id};");
    server.psql(&(1..=50).map(text).collect::<String>());
    engine.accept(shop::orders(1, shop::now())).expect("there is room");
    let is_tied = |live: &Live| {
        let latest = the_database(live).latest.filter(|latest| !latest.since_reset);
        let statements = latest.map(|latest| latest.statements.clone()).unwrap_or_default();
        statements.iter().any(|one| one.text.text == LOOK_UP && !one.routes.is_empty())
    };
    engine.wait_until("the statement with its route", is_tied);
    let standing = the_database(&engine.live);
    let latest = standing.latest.expect("it was polled");
    let statement = latest.statements.iter().find(|one| one.text.text == LOOK_UP).expect("it ran");
    assert_eq!(statement.runs.calls, 50);
    let routes: Vec<(&str, u64)> =
        statement.routes.iter().map(|(key, (runs, _))| (&*key.operation, *runs)).collect();
    assert_eq!(routes, [("GET /api/orders/", 50)]);
    assert!(standing.own_share <= 1.0 && standing.polled.is_some());
    let (id, query_id) = (standing.id, statement.query_id);
    assert_eq!(history(&engine.live, &id, query_id), 50);
    let window = Window { from: shop::now() - Duration::from_mins(5), to: shop::now() };
    let connections = engine.live.connection_history(&id, window, 1);
    assert!(matches!(connections.as_slice(), [(_, 1.., 100)]), "{connections:?}");
    assert_eq!(engine.live.database_load(&id, window, 1).len(), 1);
    assert_eq!(engine.live.database_load("another", window, 1), []);
    engine.stop();
    let engine = watching(folder.path(), &url(&server));
    engine.wait_until("the first poll", is_watched);
    assert_eq!(the_database(&engine.live).id, id);
    assert_eq!(history(&engine.live, &id, query_id), 50);
    engine.stop();
}

#[test]
fn a_server_that_goes_and_comes_back_is_told_and_watched_again() {
    let mut server = server();
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let engine = watching(folder.path(), &url(&server));
    engine.wait_until("the first poll", is_watched);
    server.stop();
    let has_failed = |live: &Live| matches!(the_database(live).state, WatchState::Failed { .. });
    engine.wait_until("the failure", has_failed);
    let standing = the_database(&engine.live);
    let WatchState::Failed { error, hint, .. } = &standing.state else { panic!("{standing:?}") };
    assert!(!error.is_empty() && !hint.is_empty());
    assert!(standing.latest.is_some(), "what was known of it is gone");
    let shown = format!("{standing:?} {:?} {:?}", engine.live, engine.live.settings().listed());
    assert!(!shown.contains("hunter2"), "{shown}");
    server.restart();
    engine.wait_until("the server again", is_watched);
    server.psql("select name from customers where id = 1");
    let has_run = |live: &Live| look_ups(live).is_some_and(|(calls, _)| 1 <= calls);
    engine.wait_until("the statement", has_run);
    engine.stop();
}

#[test]
fn several_databases_have_names_of_their_own_and_one_that_is_not_there_holds_up_none() {
    let server = server();
    server.psql("create database \"Größe/ 1\"");
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let urls = [
        url(&server),
        server.url_for("Größe/ 1", "postgres"),
        "postgres://x@127.0.0.1:1/a".to_owned(),
    ];
    let engine = watching(folder.path(), &urls.join(" "));
    engine.wait_until("both that are there", |live| {
        live.databases().iter().filter(|one| one.state == WatchState::Watching).count() == 2
    });
    engine.wait_until("the failure", |live| {
        live.databases().iter().any(|one| matches!(one.state, WatchState::Failed { .. }))
    });
    let databases = engine.live.databases();
    let ids: std::collections::BTreeSet<&str> = databases.iter().map(|one| &*one.id).collect();
    assert_eq!(ids.len(), 3);
    let is_plain =
        |id: &&str| id.chars().all(|char| char.is_ascii_alphanumeric() || ".-_".contains(char));
    assert!(ids.iter().all(is_plain), "{ids:?}");
    let live = Arc::clone(&engine.live);
    engine.stop();
    assert!(live.databases().iter().any(|one| one.latest.is_some()));
}

#[test]
fn plans_that_the_server_logs_are_kept_with_their_statement() {
    let server = Postgres::builder()
        .setting("shared_preload_libraries", "pg_stat_statements,auto_explain")
        .setting("auto_explain.log_min_duration", "0")
        .setting("log_line_prefix", "%m [%p] %q%u@%d ")
        .extension("pg_stat_statements")
        .start();
    server.psql(
        "create table customers as select g as id, g::text as name from generate_series(1, 1000) g",
    );
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let log = server.log_path().display().to_string();
    let engine = Engine::start_with(
        folder.path(),
        &[
            ("TAUT_OBSERVE_POSTGRES_URL", &url(&server)),
            ("TAUT_OBSERVE_POSTGRES_POLL", "1s"),
            ("TAUT_OBSERVE_POSTGRES_LOG", &log),
        ],
    );
    engine.wait_until("the first poll", is_watched);
    let id = the_database(&engine.live).id;
    let plans = |live: &Live| {
        server.psql("select name from customers where id = 7 and name <> 'secret'");
        let latest = the_database(live).latest?;
        let text = "select name from customers where id = ? and name <> ?";
        let found = latest.statements.iter().find(|one| one.text.text == text)?;
        live.plans_seen(&id, found.query_id).first().cloned()
    };
    engine.wait_until("the plan", |live| plans(live).is_some());
    let plan = plans(&engine.live).expect("it was there");
    assert_eq!(plan.source, "auto_explain");
    assert!(plan.millis.is_some() && plan.text.contains("Seq Scan on customers"), "{}", plan.text);
    assert!(!plan.text.contains("secret"), "{}", plan.text);
    engine.stop();
}

/// An engine that follows the log of a server that says all it can.
fn following(server: &Postgres, folder: &Path) -> Engine {
    let log = server.log_path().display().to_string();
    Engine::start_with(
        folder,
        &[
            ("TAUT_OBSERVE_POSTGRES_URL", &url(server)),
            ("TAUT_OBSERVE_POSTGRES_POLL", "1s"),
            ("TAUT_OBSERVE_POSTGRES_SAMPLE", "200ms"),
            ("TAUT_OBSERVE_POSTGRES_LOG", &log),
        ],
    )
}

fn talkative() -> Postgres {
    Postgres::builder()
        .setting("shared_preload_libraries", "pg_stat_statements,auto_explain")
        .setting("auto_explain.log_min_duration", "0")
        .setting("auto_explain.log_analyze", "on")
        .setting("log_line_prefix", "%m [%p] %q%u@%d ")
        .setting("log_lock_waits", "on")
        .setting("deadlock_timeout", "100ms")
        .setting("log_temp_files", "0")
        .setting("work_mem", "64kB")
        .setting("jit", "off")
        .extension("pg_stat_statements")
        .autovacuum()
        .start()
}

#[test]
fn what_the_log_tells_is_counted_over_time_and_found() {
    let server = talkative();
    server.psql(
        "create table customers (id int primary key, name text); \
         insert into customers select g, g from generate_series(1, 30000) g; vacuum analyze; \
         create function slow_name(int) returns text language plpgsql volatile as \
         $$ begin return (select name from customers where id = $1); end $$",
    );
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let engine = following(&server, folder.path());
    engine.wait_until("the first poll", is_watched);
    let id = the_database(&engine.live).id;
    let sort = "select * from customers order by name || 'secret', id";
    let per_row = "select c.id, n from customers c, slow_name(c.id) n where c.id < 20000";
    // Whether the holder was seen splits them in two.
    for _ in 0..6 {
        server.psql(&format!("{sort}; {per_row}"));
        let holds =
            "begin; update customers set name = 'x' where id = 7; select pg_sleep(0.6); commit";
        let mut holder = server.client("psql").args(["-Xqc", holds]).spawn().expect("psql");
        std::thread::sleep(Duration::from_millis(200));
        server.psql("update customers set name = 'secret' where id = 7");
        holder.wait().expect("it ends");
    }
    let faults = ["spill", "lock-wait", "costly-plan"];
    let has_all = |live: &Live| {
        let findings = the_database(live).findings;
        faults.iter().all(|fault| findings.iter().any(|it| it.fault == *fault))
    };
    engine.wait_until("what the log tells", has_all);
    let standing = the_database(&engine.live);
    let plan = standing.findings.iter().find(|it| it.fault == "costly-plan").expect("it was there");
    let known = plan.evidence.database.as_ref().expect("it is one of a database");
    assert!(known.plan.contains("Function Scan on slow_name"), "{}", known.plan);
    assert!(!plan.advice.is_empty() && !format!("{:?}", standing.findings).contains("secret"));
    let window = Window { from: shop::now() - Duration::from_hours(1), to: shop::now() };
    let activity = engine.live.activity_history(&id, window, 10);
    let log: Vec<_> = activity.iter().filter_map(|(_, step)| step.log).collect();
    assert!(3 <= log.iter().map(|log| log.lock_waits).sum::<u64>(), "{log:?}");
    assert!(3 <= log.iter().map(|log| log.temp_files).sum::<u64>(), "{log:?}");
    assert!(0 < activity.iter().map(|(_, step)| step.totals.commits).sum::<u64>());
    let latest = standing.latest.expect("it was read");
    let oid = latest.tables.iter().find(|table| table.name.name == "customers").expect("it").oid;
    let tables = engine.live.table_history(&id, window, 10);
    let updated: u64 =
        tables.iter().filter_map(|(_, tables)| tables.get(&oid)).map(|used| used.updated).sum();
    assert!(1 <= updated && !engine.live.index_history(&id, window, 10).is_empty());
    engine.stop();
}

#[test]
fn plans_of_a_healthy_database_are_no_findings() {
    let server = talkative();
    let bench = |arguments: &[&str]| {
        let output = server.client("pgbench").args(arguments).output().expect("pgbench");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    bench(&["-i", "-q", "-s", "2"]);
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let engine = following(&server, folder.path());
    engine.wait_until("the first poll", is_watched);
    // Writers alone: two of them share two branches, and wait for each other where processors are scarce.
    bench(&["-c", "1", "-T", "4"]);
    bench(&["-c", "2", "-T", "2", "-S"]);
    let has_plans = |live: &Live| {
        let standing = the_database(live);
        standing.latest.is_some_and(|latest| 100 < latest.log.counts.plans)
    };
    engine.wait_until("plans", has_plans);
    let found = the_database(&engine.live).findings;
    let of_plans =
        ["costly-plan", "rows-scanned-vs-returned", "spill", "subquery-shape", "lock-wait"];
    let told: Vec<&str> = found
        .iter()
        .filter(|it| of_plans.contains(&it.fault))
        .map(|it| it.claim.as_str())
        .collect();
    assert_eq!(told, [""; 0]);
    engine.stop();
}
