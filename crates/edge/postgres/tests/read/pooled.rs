//! Through a pooler that lends out sessions by the transaction.

use postgres::{
    ConnectError, Limits, PollOptions, Poller, Target, WhatIf, WhatIfError, connect, connect_asking,
};
use testkit::postgres::Pooler;

use super::{counting, settle};

/// What a session of an application has, seen through the pooler.
const LEFT: &str = "select current_setting('statement_timeout'), current_setting('lock_timeout'), \
    current_setting('default_transaction_read_only'), current_setting('jit')";

async fn watches_and_leaves_nothing(settings: &[&str]) {
    let server = counting(15).start();
    server
        .psql("create table t (id int primary key); insert into t select generate_series(1, 100)");
    let pooler = Pooler::before(&server, settings);
    let psql = |sql: &str| {
        let output = server.client("psql").args(["-XAtqd", &pooler.url(), "-c", sql]).output();
        String::from_utf8_lossy(&output.expect("psql runs").stdout).trim().to_owned()
    };
    let before = psql(LEFT);
    let target = Target::parse(&pooler.url()).expect("an address");
    let connection = connect_asking(&target, &Limits::default()).await.expect("it answers");
    assert!(connection.is_pooled());
    let mut poller = Poller::new(PollOptions::default());
    poller.poll(&connection).await.expect("it answers");
    psql("select count(*) from t");
    poller.sample(&connection).await.expect("it answers");
    settle(&server);
    poller.poll(&connection).await.expect("it answers");
    let database = poller.latest().expect("it was polled");
    assert_eq!(database.tables.len(), 1, "{:?}", database.notes);
    let counts = |text: &str| database.statements.iter().any(|one| one.text.text == text);
    assert!(counts("select count(*) from t"), "{:?}", database.statements);
    assert!(!database.statements.iter().any(|one| one.text.text.contains("set_config")));
    // There is one session of the server: what a question of ours left would be there.
    assert_eq!(psql(LEFT), before);
    assert_eq!(psql("insert into t values (1000) returning id"), "1000");
}

#[tokio::test]
async fn a_pooler_that_refuses_options_is_watched_through_and_left_as_it_was() {
    watches_and_leaves_nothing(&[]).await;
}

#[tokio::test]
async fn a_pooler_that_passes_options_over_is_watched_through_and_left_as_it_was() {
    watches_and_leaves_nothing(&["ignore_startup_parameters = options"]).await;
}

#[tokio::test]
async fn what_needs_a_session_says_that_a_pooler_is_in_between() {
    let server = counting(15).start();
    let pooler = Pooler::before(&server, &[]);
    let target = Target::parse(&pooler.url()).expect("an address");
    let error =
        connect(&target, &Limits::default()).await.expect_err("nobody lends a session for good");
    assert!(matches!(error, ConnectError::Pooled { .. }), "{error}");
    assert!(error.hint().contains("name the server itself"), "{}", error.hint());
    let error = WhatIf::open(&target, &model::database::Database::default(), &[])
        .expect_err("nobody lends a session for good");
    assert!(matches!(error, WhatIfError::Connect(ConnectError::Pooled { .. })), "{error}");
    // Nobody is in between here.
    let target = Target::parse(&server.url()).expect("an address");
    assert!(!connect(&target, &Limits::default()).await.expect("it answers").is_pooled());
}
