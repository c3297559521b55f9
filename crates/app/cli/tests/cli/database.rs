//! `taut find --postgres`: what is asked, what comes out, what is never shown.

use serde_json::Value;
use testkit::Postgres;

use crate::kit::{Ran, file, ran, run, taut, ten_orders};

fn server() -> Postgres {
    let server = Postgres::builder()
        .setting("shared_preload_libraries", "pg_stat_statements")
        .setting("track_io_timing", "on")
        .extension("pg_stat_statements")
        .extension("hypopg")
        .start();
    server.psql(
        "create table customers (id int primary key, name text);
         insert into customers select i, 'c' || i from generate_series(1, 30000) i;
         create index customers_id_idx on customers (id);
         analyze customers; select pg_stat_statements_reset()",
    );
    server
}

fn find(server: &Postgres, arguments: &[&str]) -> Ran {
    run([&["find", "--postgres", &server.url()], arguments].concat())
}

#[test]
fn a_database_is_told_in_every_format() {
    let server = server();
    let Ran { code, data, words } = find(&server, &[]);
    assert_eq!((code, words.as_str()), (Some(1), ""), "{data}");
    for told in [
        "database postgres: PostgreSQL",
        "since its statistics were",
        "The indexes customers_id_idx and customers_pkey are the same",
        "DROP INDEX CONCURRENTLY IF EXISTS public.customers_id_idx;",
        "database postgres looked at in",
    ] {
        assert!(data.contains(told), "no `{told}` in\n{data}");
    }
    let json: Value = serde_json::from_str(&find(&server, &["--json"]).data).expect("it is JSON");
    assert_eq!(json["database"]["name"], "postgres");
    assert_eq!(json["findings"][0]["fault"], "duplicate-index");
    assert_eq!(json["findings"][0]["service"], "postgresql/postgres");
    let apply = &json["findings"][0]["advice"][0]["change"]["apply"][0];
    assert_eq!(apply, "DROP INDEX CONCURRENTLY IF EXISTS public.customers_id_idx");
    let again: Value = serde_json::from_str(&find(&server, &["--json"]).data).expect("it is JSON");
    assert_eq!(json["findings"][0]["id"], again["findings"][0]["id"], "it is the same finding");
    for format in ["--html", "--markdown"] {
        let told = find(&server, &[format]).data;
        assert!(told.contains("customers"), "{told}");
        assert!(told.contains("PostgreSQL"), "{told}");
    }
    assert_eq!(find(&server, &["--fault", "unused-index"]).code, Some(0), "the filter holds");
}

#[test]
fn traces_beside_a_database_tell_who_runs_its_statements() {
    let server = server();
    for id in 1..6 {
        server.psql(&format!("select name from customers where id = {id}"));
    }
    let (_folder, path) = file("spans.jsonl", ten_orders("/orders", "customers"));
    let path = path.to_str().expect("a plain name");
    let ran = find(&server, &[path]);
    assert!(
        ran.data.contains("n-plus-one") && ran.data.contains("duplicate-index"),
        "{}",
        ran.data
    );
    assert!(ran.data.contains("database postgres: PostgreSQL"), "{}", ran.data);
}

#[test]
fn the_address_may_come_from_the_environment_and_its_password_is_never_shown() {
    let server = server();
    let url = server.url().replace("postgres@", "postgres:hush-hush@");
    let mut command = taut();
    command.args(["find", "--fail-on", "never", "--postgres"]);
    let told = ran(&command.env("TAUT_OBSERVE_POSTGRES_URL", &url).output().expect("it runs"));
    assert_eq!(told.code, Some(0), "{}", told.words);
    assert!(told.data.contains("database postgres"), "{}", told.data);
    let port = server.port();
    drop(server);
    let refused = run(["find", "--postgres", &url]);
    assert_eq!(refused.code, Some(3));
    assert!(refused.words.contains(&format!("failed to connect to `127.0.0.1:{port}/postgres`")));
    assert!(refused.words.contains("hint: "), "{}", refused.words);
    for words in [told.data, told.words, refused.data, refused.words] {
        assert!(!words.contains("hush-hush"), "{words}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_what_would() {
    let check = |arguments: &[&str], words: &str| {
        let ran = run([&["find"], arguments].concat());
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.words);
        assert!(ran.words.contains(words), "{arguments:?}: {}", ran.words);
    };
    check(&["--postgres"], "TAUT_OBSERVE_POSTGRES_URL");
    check(&["--postgres", "nonsense"], "postgresql://user:password@host:5432/database");
    let url = "postgres://me@127.0.0.1/shop";
    check(&["--postgres", url, "--for", "soon"], "write `60s` or `5m`");
    check(&["--postgres", url, "--budget", "much"], "write `500MB` or `2GiB`");
    check(&["--for", "60s"], "--postgres");
}

#[test]
fn a_server_that_counts_nothing_is_told_how_to_count() {
    let server = Postgres::start();
    let ran = find(&server, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.words);
    assert!(
        ran.data.contains("Statements are not counted. Two lines switch that on:"),
        "{}",
        ran.data
    );
    assert!(ran.data.contains("CREATE EXTENSION pg_stat_statements;"), "{}", ran.data);
    let loads = Postgres::builder().setting("shared_preload_libraries", "pg_stat_statements");
    let ran = find(&loads.start(), &[]);
    assert!(ran.data.contains("in this database. One line switches that on:"), "{}", ran.data);
    assert!(!ran.data.contains("shared_preload_libraries ="), "{}", ran.data);
}
