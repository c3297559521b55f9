//! What is read of real servers, of every version that Taut promises to read.

mod faults;
mod locks;
mod poll;
mod pooled;
mod schema;
mod statements;
mod tls;

use model::database::Database;
use postgres::{Connection, Limits, ReadOptions, Target, connect, read_database};
use testkit::{Postgres, postgres::Builder};

/// A server that counts statements.
fn counting(version: u32) -> Builder {
    Postgres::builder()
        .version(version)
        .setting("shared_preload_libraries", "pg_stat_statements")
        .setting("max_prepared_transactions", "10")
        .extension("pg_stat_statements")
}

async fn connected(server: &Postgres, database: &str, user: &str) -> Connection {
    let target = Target::parse(&server.url_for(database, user)).expect("a valid address");
    connect(&target, &Limits::default()).await.expect("a server that runs")
}

/// Waits until counters have arrived where they are collected: a session tells its own when it ends, and
/// before 15 that takes half a second more.
fn settle(server: &Postgres) {
    let others = "select count(*) from pg_stat_activity \
                  where application_name = 'psql' and pid <> pg_backend_pid()";
    wait_until(server, others, "0");
    if server.version() < 15 {
        std::thread::sleep(std::time::Duration::from_millis(1_500));
    }
}

/// Waits until a question is answered so.
fn wait_until(server: &Postgres, question: &str, answer: &str) {
    for _ in 0..1_000 {
        if server.psql(question) == answer {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("{question} does not become {answer}");
}

/// All of the database `postgres`, as its superuser sees it.
async fn read(server: &Postgres) -> Database {
    let connection = connected(server, "postgres", "postgres").await;
    read_database(&connection, &ReadOptions::default()).await.expect("a database")
}

/// What is missing, by name.
fn missing(database: &Database) -> Vec<&str> {
    database.missing.iter().map(|missing| missing.what.as_str()).collect()
}
