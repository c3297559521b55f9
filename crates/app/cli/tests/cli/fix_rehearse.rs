//! `taut fix --rehearse` and what `--check` says of plans: measured elsewhere, refused where it could harm, and nothing left.

use std::{
    path::Path,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use testkit::Postgres;

use crate::kit::{self, Ran, taut};

const INDEX: &str = "CREATE INDEX orders_customer ON orders (customer_id)";
const QUERY: &str = "select count(*), max(note) from orders where customer_id = 77";

const TABLES: &str = "
    create table customers (id int primary key, name text);
    insert into customers select n, 'customer ' || n from generate_series(1, 2000) n;
    create table orders (id int primary key, customer_id int not null references customers, note text);
    insert into orders select n, 1 + n % 2000, repeat('x', 50) from generate_series(1, 40000) n;
    create function careless(int) returns int language sql as 'select $1';
    vacuum analyze";

fn shop() -> Postgres {
    let server = Postgres::builder()
        .setting("shared_preload_libraries", "pg_stat_statements")
        .extension("pg_stat_statements")
        .start();
    server.psql(TABLES);
    server
}

fn fix(server: &Postgres, store: &Path, arguments: &[&str]) -> Ran {
    kit::ran(&command(&server.url(), store, arguments).output().expect("the binary runs"))
}

fn command(url: &str, store: &Path, arguments: &[&str]) -> std::process::Command {
    let mut command = taut();
    command.args(["fix", "--postgres", url, "--store"]).arg(store).args(arguments);
    command
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.data)
        .unwrap_or_else(|error| panic!("{error}: {}{}", ran.data, ran.words))
}

fn clones(server: &Postgres) -> String {
    server.psql("select datname from pg_database where datname like 'taut%' order by 1")
}

fn indexes(server: &Postgres) -> String {
    server.psql("select count(*) from pg_indexes where tablename = 'orders'")
}

fn until(mut happened: impl FnMut() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < Duration::from_mins(1), "it does not happen");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Runs a statement so often, each time for another customer.
fn work(server: &Postgres, times: u32) {
    let script = server.data_path().with_file_name("work.sql");
    let text =
        "\\set c random(1, 1999)\nselect count(*), max(note) from orders where customer_id = :c;\n";
    std::fs::write(&script, text).expect("the folder is ours");
    let mut pgbench = server.client("pgbench");
    pgbench.args(["-n", "-M", "simple", "-t", &times.to_string(), "-f"]).arg(&script);
    let done = pgbench.output().expect("pgbench runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn an_index_is_rehearsed_applied_and_seen_in_plans() {
    let (server, store) = (shop(), tempfile::tempdir().unwrap());
    work(&server, 60);
    let rehearsal = ["--index", INDEX, "--rehearse", "--clone", "here"];
    let ran = fix(&server, store.path(), &rehearsal);
    assert_eq!(ran.code, Some(0), "{}{}", ran.data, ran.words);
    assert!(
        ran.data.starts_with("better: it is faster on a clone with all rows: "),
        "{}",
        ran.data
    );
    for told in ["  before  ", "  after   ", "by another plan", "orders_customer: ", "plan after"] {
        assert!(ran.data.contains(told), "{told}: {}", ran.data);
    }
    assert!(
        ran.words.contains("building index 1 of 1\nmeasuring statement 1 of 1"),
        "{}",
        ran.words
    );
    assert_eq!((clones(&server).as_str(), indexes(&server).as_str()), ("", "1"));
    let told =
        json(&fix(&server, store.path(), &[&rehearsal[..], &["--json", "--runs", "7"]].concat()));
    assert_eq!((&told["outcome"], &told["ground"]), (&"better".into(), &"clone".into()));
    let statement = &told["statements"][0];
    assert_eq!((&statement["before"]["runs"], &statement["after"]["runs"]), (&7.into(), &7.into()));
    assert_eq!(
        (&statement["verdict"], &statement["plan_changed"]),
        (&"faster".into(), &true.into())
    );
    assert!(statement["before"]["blocks"].as_u64() > statement["after"]["blocks"].as_u64());
    assert!(statement["plans"]["after"].as_str().unwrap().contains("orders_customer"));
    let list = fix(&server, store.path(), &[]);
    assert!(list.data.contains("  rehearsed "), "{}", list.data);
    let one = fix(&server, store.path(), &["--index", INDEX]);
    assert!(one.data.contains(" · proposed → rehearsed\n"), "{}", one.data);
    // What is in force is not rehearsed; it is judged where it is.
    fix(&server, store.path(), &["--index", INDEX, "--apply", "--yes"]);
    let again = fix(&server, store.path(), &rehearsal);
    assert_eq!(again.code, Some(2));
    assert!(again.words.starts_with("error: it is applied: the database has it already"));
    work(&server, 60);
    let checked = fix(&server, store.path(), &["--index", INDEX, "--check"]);
    assert_eq!(checked.code, Some(0), "{}{}", checked.data, checked.words);
    let planned = "planned with orders_customer, whatever the values: select count(*), max(note)";
    assert!(checked.data.contains(planned), "{}", checked.data);
    let checked = json(&fix(&server, store.path(), &["--index", INDEX, "--check", "--json"]));
    assert_eq!((&checked["outcome"], &checked["index_scans"]), (&"proven".into(), &60.into()));
    assert_eq!(checked["plans"][0]["uses"][0], "orders_customer");
    assert!(
        checked["statements"][0]["mean_ms"]["before"].as_f64()
            > checked["statements"][0]["mean_ms"]["since"].as_f64()
    );
    let all = json(&fix(&server, store.path(), &["--json"]));
    let remedy = &all["ledger"][0];
    assert_eq!((&remedy["state"], &remedy["unfinished"]), (&"proven".into(), &false.into()));
    assert_eq!(remedy["history"][1]["rehearsal"]["statements"][0]["verdict"], "faster");
}

#[test]
fn what_brings_nothing_ends_with_code_one() {
    let (server, store) = (shop(), tempfile::tempdir().unwrap());
    let other = Postgres::start();
    let useless = ["--index", "CREATE INDEX ON orders (note)", "--query", QUERY, "--rehearse"];
    let ran = fix(&server, store.path(), &[&useless[..], &["--clone", &other.url()]].concat());
    assert_eq!(ran.code, Some(1), "{}{}", ran.data, ran.words);
    assert!(ran.data.starts_with("no gain: nothing is faster "), "{}", ran.data);
    assert_eq!((clones(&server), clones(&other)), (String::new(), String::new()));
    // Literals of what somebody typed stay with him.
    let ledger = std::fs::read(store.path().join("ledger.sqlite")).unwrap();
    let kept = String::from_utf8_lossy(&ledger);
    assert!(!kept.contains("customer_id = 77"));
    // A clone that has less says so.
    let few = ["--clone", "here", "--clone-rows", "20000"];
    let ran = fix(&server, store.path(), &[&useless[..], &few].concat());
    assert!(ran.data.contains(" % of the table"), "{}{}", ran.data, ran.words);
}

#[test]
fn a_rewrite_has_to_return_the_same_rows() {
    let (server, store) = (shop(), tempfile::tempdir().unwrap());
    let replica = server.standby();
    let slow = "select count(*) from orders o where (select count(*) from customers c where c.id = o.id) > 0";
    let rehearse = |rewrite: &str| {
        let asked = ["--query", slow, "--rewrite", rewrite, "--rehearse", "--on", &replica.url()];
        fix(&server, store.path(), &asked)
    };
    let same = rehearse(
        "select count(*) from orders o where exists (select from customers c where c.id = o.id)",
    );
    assert_eq!(same.code, Some(0), "{}{}", same.data, same.words);
    assert!(same.data.contains("rows: the same row\n"), "{}", same.data);
    assert!(same.data.contains("faster on a replica"), "{}", same.data);
    let other = rehearse(
        "select count(*) + 1 from orders o where exists (select from customers c where c.id = o.id)",
    );
    assert_eq!(other.code, Some(1), "{}{}", other.data, other.words);
    assert!(other.data.starts_with("rows differ: other rows come back"), "{}", other.data);
    let id = other.data.lines().nth(1).unwrap();
    let applied = fix(&server, store.path(), &[id, "--apply", "--yes"]);
    assert_eq!(applied.code, Some(2));
    assert!(applied.words.contains("in the code of the application"), "{}", applied.words);
}

#[test]
fn it_is_refused_where_it_could_harm() {
    let (server, store) = (shop(), tempfile::tempdir().unwrap());
    let replica = server.standby();
    let refused = |arguments: &[&str]| {
        let ran = fix(&server, store.path(), &[arguments, &["--rehearse"]].concat());
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}{}", ran.data, ran.words);
        let error = ran.words.lines().find(|line| line.starts_with("error: "));
        error.unwrap_or_default().to_owned()
    };
    let (url, on_replica) = (server.url(), replica.url());
    let rewrite = ["--query", QUERY, "--rewrite", QUERY, "--on", &url];
    assert_eq!(refused(&rewrite), "error: refused to run the statement: the server is a primary");
    assert_eq!(
        refused(&["--index", INDEX, "--query", QUERY, "--on", &on_replica]),
        "error: indexes and views are made for a rehearsal, which is done on clones alone"
    );
    assert_eq!(
        refused(&["--index", INDEX]),
        "error: where shall it be rehearsed? Not on the database itself"
    );
    assert_eq!(
        refused(&["--index", INDEX, "--query", QUERY, "--clone", &url]),
        "error: the clone would lie on the server that it is a clone of"
    );
    let writes = "with gone as (delete from orders returning id) select count(*) from gone";
    let locks = "select * from orders for update";
    for (query, why) in [
        (writes, "it writes: delete"),
        ("delete from orders", "it is no query: it begins with `delete`"),
        ("select careless(1)", "it reaches `public.careless(integer)`, which is volatile"),
        ("select setval('customers_seq', 1)", "the server does not take it"),
        (locks, "it locks rows (FOR UPDATE or the like)"),
    ] {
        let told = refused(&["--index", INDEX, "--query", query, "--clone", "here"]);
        assert!(
            told.starts_with("error: no statement of it can be run: ") && told.contains(why),
            "{told}"
        );
    }
    assert_eq!(server.psql("select count(*) from orders"), "40000");
    assert_eq!(clones(&server), "");
    assert!(!store.path().join("ledger.sqlite").exists(), "nothing was noted of it");
}

#[test]
fn a_clone_needs_a_server_that_takes_one() {
    let (server, store) = (shop(), tempfile::tempdir().unwrap());
    let scratch = Postgres::start();
    scratch.psql("create role poor login");
    let replica = server.standby();
    let failed = |clone: &str| {
        let asked = ["--index", INDEX, "--query", QUERY, "--rehearse", "--clone", clone];
        let ran = fix(&server, store.path(), &asked);
        assert_eq!(ran.code, Some(3), "{}{}", ran.data, ran.words);
        ran.words
    };
    let words = failed(&scratch.url_for("postgres", "poor"));
    assert!(words.contains("failed to create a database") && words.contains("CREATEDB"), "{words}");
    let words = failed(&replica.url());
    assert!(words.contains("not on a replica"), "{words}");
    assert_eq!(clones(&scratch), "");
    // A replica is a place to read from: nothing of the primary is touched.
    let from_replica = ["--on", &replica.url(), "--clone", &scratch.url()];
    let asked = ["--index", INDEX, "--query", QUERY, "--rehearse"];
    let ran = fix(&server, store.path(), &[&asked[..], &from_replica].concat());
    assert_eq!(ran.code, Some(0), "{}{}", ran.data, ran.words);
    assert_eq!(clones(&scratch), "");
}

#[test]
fn a_run_that_takes_too_long_is_ended_and_proves_nothing() {
    let (server, store) = (shop(), tempfile::tempdir().unwrap());
    let slow = "select count(*) from orders, pg_sleep(5)";
    let asked =
        ["--index", INDEX, "--query", slow, "--rehearse", "--clone", "here", "--timeout", "100ms"];
    let ran = fix(&server, store.path(), &asked);
    assert_eq!(ran.code, Some(1), "{}{}", ran.data, ran.words);
    assert!(ran.data.starts_with("not measured: "), "{}", ran.data);
    assert!(ran.data.contains("too long"), "{}", ran.data);
    assert_eq!(clones(&server), "");
}

/// Begins a rehearsal that takes a while, and waits until its clone is there.
fn rehearsing(server: &Postgres, store: &Path) -> Child {
    let slow = "select count(*) from orders, pg_sleep(1) where customer_id = 5";
    let asked = ["--index", INDEX, "--query", slow, "--rehearse", "--clone", "here"];
    let mut child = command(&server.url(), store, &asked);
    child.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = child.spawn().expect("the binary runs");
    until(|| !clones(server).is_empty());
    child
}

#[test]
fn an_interrupt_takes_the_clone_away() {
    let (server, store) = (shop(), tempfile::tempdir().unwrap());
    let child = rehearsing(&server, store.path());
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("there is kill").success());
    let ran = kit::ran(&child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(130), "{}", ran.words);
    assert!(ran.words.ends_with("stopped: nothing of it is left behind\n"), "{}", ran.words);
    assert_eq!(clones(&server), "");
}

#[test]
fn what_a_killed_rehearsal_leaves_is_dropped_by_the_next() {
    let (server, store) = (shop(), tempfile::tempdir().unwrap());
    // Killed at once, and in the middle.
    for pause in [0, 1_500] {
        let mut child = rehearsing(&server, store.path());
        thread::sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let left = clones(&server);
    assert!(!left.is_empty());
    // Sessions of a process that died end once the server notices.
    until(|| {
        server.psql("select count(*) from pg_stat_activity where datname like 'taut%' or application_name = 'taut'") == "0"
    });
    let asked = ["--index", INDEX, "--query", QUERY, "--rehearse", "--clone", "here"];
    let next = fix(&server, store.path(), &asked);
    assert_eq!(next.code, Some(0), "{}{}", next.data, next.words);
    assert!(next.data.contains("left behind by a run before"), "{}", next.data);
    assert_eq!(clones(&server), "");
}

#[test]
fn looking_leaves_no_folder() {
    let (server, store) = (shop(), tempfile::tempdir().unwrap());
    let folder = store.path().join("not there");
    for arguments in [&["0123456789abcdef"][..], &[], &["0123", "--check"], &["--index", INDEX]] {
        fix(&server, &folder, arguments);
        assert!(!folder.exists(), "{arguments:?}");
    }
}
