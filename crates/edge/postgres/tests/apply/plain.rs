//! The sunny side, on every version; and what is refused before anything is done.

use model::{Change, Text, database::TableName};
use postgres::{
    Target,
    apply::{ApplyError, Outcome, Past},
};
use testkit::Postgres;

use crate::kit::{
    Notes, apply, apply_as, by_customer, creates, indexes, made, never, options, orders, revert,
    shop,
};

fn public(name: &str) -> TableName {
    TableName::new("public", name)
}

#[tokio::test]
async fn an_index_is_built_and_taken_back_on_every_version() {
    for version in Postgres::every_version() {
        let server = Postgres::builder().version(version).start();
        orders(&server, 2_000);
        let notes = Notes::default();
        let done = apply(&server, &by_customer(), &Past::default(), &notes).await.unwrap();
        assert_eq!((done.statements, done.notes.len()), (1, 0), "{version}");
        assert_eq!(indexes(&server), "orders_customer", "{version}");
        assert_eq!(notes.open(), 0);
        let taken = revert(&server, &by_customer(), &notes.past(), &notes).await.unwrap();
        assert_eq!((taken.statements, indexes(&server).as_str()), (1, ""), "{version}");
        assert_eq!(
            notes.sql(),
            [
                "CREATE INDEX CONCURRENTLY orders_customer ON public.orders USING btree (customer_id)",
                "DROP INDEX CONCURRENTLY IF EXISTS public.orders_customer",
            ]
        );
    }
}

#[tokio::test]
async fn what_is_there_already_is_neither_built_nor_dropped() {
    let server = shop();
    server.psql("create index theirs on orders (customer_id) with (fillfactor = 70)");
    let notes = Notes::default();
    let done = apply(&server, &by_customer(), &Past::default(), &notes).await.unwrap();
    assert_eq!(done.statements, 0);
    assert!(done.notes[0].starts_with("the index theirs is there already"), "{:?}", done.notes);
    server.psql("alter index theirs rename to orders_customer");
    let done = apply(&server, &by_customer(), &Past::default(), &notes).await.unwrap();
    assert_eq!(done.statements, 0);
    let done = revert(&server, &by_customer(), &notes.past(), &notes).await.unwrap();
    assert_eq!(done.notes, ["the index orders_customer was there before, and stays"]);
    assert_eq!(indexes(&server), "orders_customer");
    assert!(notes.sql().is_empty());
}

#[tokio::test]
async fn a_name_that_something_else_has_is_not_taken_from_it() {
    let server = shop();
    server.psql("create index orders_customer on orders (mail)");
    let error =
        apply(&server, &by_customer(), &Past::default(), &Notes::default()).await.unwrap_err();
    assert!(matches!(error, ApplyError::NameTaken { .. }), "{error}");
    server.psql("drop index orders_customer; create table orders_customer ()");
    let error =
        apply(&server, &by_customer(), &Past::default(), &Notes::default()).await.unwrap_err();
    assert!(matches!(error, ApplyError::NameTaken { .. }), "{error}");
}

#[tokio::test]
async fn an_index_of_somebody_else_that_is_not_valid_is_left_alone() {
    let server = shop();
    let broken = "create unique index concurrently orders_customer on orders (mail)";
    assert!(server.try_psql("postgres", "postgres", broken).is_err());
    let error =
        apply(&server, &by_customer(), &Past::default(), &Notes::default()).await.unwrap_err();
    assert!(matches!(error, ApplyError::NameTaken { .. }), "{error}");
    assert_eq!(indexes(&server), "orders_customer INVALID");
    // Once the ledger says that it is ours, it goes.
    let past = Past { made: vec![made(public("orders"), "orders_customer")], ..Past::default() };
    apply(&server, &by_customer(), &past, &Notes::default()).await.unwrap();
    assert_eq!(indexes(&server), "orders_customer");
}

#[tokio::test]
async fn names_are_quoted_whatever_they_are() {
    let server = Postgres::start();
    let (schema, table, column, name) = ("Großes \"Lager\"", "select", "Größe'; --", "Ü \"x\" %s");
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let named = format!("{}.{}", quoted(schema), quoted(table));
    server.psql(&format!(
        "create schema {}; create table {named} ({} text); insert into {named} values ('a')",
        quoted(schema),
        quoted(column)
    ));
    let sql = format!("CREATE INDEX {} ON {named} (lower({}))", quoted(name), quoted(column));
    let change = creates(TableName::new(schema, table), name, &sql);
    let notes = Notes::default();
    apply(&server, &change, &Past::default(), &notes).await.unwrap();
    assert_eq!(indexes(&server), name);
    // An index on an expression is worth little before the table is analysed.
    let known = "select count(*) from pg_stats where tablename like 'Ü%'";
    assert_eq!(server.psql(known), "1");
    revert(&server, &change, &notes.past(), &notes).await.unwrap();
    assert_eq!(indexes(&server), "");
}

#[tokio::test]
async fn what_the_server_does_not_take_is_refused_before_anything_is_built() {
    let server = shop();
    for (wrong, said) in [
        ("(no_such_column)", "column \"no_such_column\" does not exist"),
        ("(customer_id no_such_class)", "operator class \"no_such_class\" does not exist"),
        ("(customer_id) where at > now()", "must be marked IMMUTABLE"),
        ("using gin (customer_id)", "no default operator class"),
    ] {
        let sql = format!("CREATE INDEX CONCURRENTLY i ON public.orders {wrong}");
        let notes = Notes::default();
        let change = creates(public("orders"), "i", &sql);
        let error = apply(&server, &change, &Past::default(), &notes).await.unwrap_err();
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(cause.contains(said), "{wrong}: {cause}");
        assert!(notes.sql().is_empty());
    }
    let change = creates(public("nothing"), "i", "CREATE INDEX i ON public.nothing (a)");
    let error = apply(&server, &change, &Past::default(), &Notes::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no table public.nothing");
    assert_eq!(indexes(&server), "");
}

#[tokio::test]
async fn rows_that_are_not_unique_are_told_without_their_values() {
    let server = shop();
    let sql = "CREATE UNIQUE INDEX CONCURRENTLY one_mail ON public.orders (mail, customer_id)";
    let notes = Notes::default();
    let change = creates(public("orders"), "one_mail", sql);
    let error = apply(&server, &change, &Past::default(), &notes).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.ends_with("Key (mail, customer_id) is not unique"), "{cause}");
    assert!(!format!("{error:?}").contains('@'), "{error:?}");
    assert_eq!((error.left(), indexes(&server).as_str(), notes.open()), ("", "", 0));
    let outcomes = &notes.0.lock().unwrap().outcomes;
    assert!(matches!(&outcomes[0].1, Outcome::Broke { left, .. } if left.is_empty()));
}

#[tokio::test]
async fn without_the_right_it_says_whose_right_it_takes() {
    let server = shop();
    server.psql("create role guest login; create role keeper; alter table orders owner to keeper");
    let target = Target::parse(&server.url_for("postgres", "guest")).unwrap();
    let (change, past, notes) = (by_customer(), Past::default(), Notes::default());
    let tried = apply_as(&target, (&change, &past), options(), (&notes, never())).await;
    let error = tried.unwrap_err();
    assert_eq!(error.to_string(), "guest may not change the table orders: it belongs to keeper");
    assert!(error.hint().starts_with("connect as keeper"), "{}", error.hint());
    assert_eq!(indexes(&server), "");
}

#[tokio::test]
async fn a_standby_is_refused() {
    let server = shop();
    let standby = server.standby();
    let error =
        apply(&standby, &by_customer(), &Past::default(), &Notes::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "the server takes no writes: it is a standby");
}

#[tokio::test]
async fn a_dropped_index_comes_back_as_it_was() {
    let server = shop();
    let sql =
        "create index old on orders (customer_id desc nulls last) include (mail) where id > 5";
    server.psql(sql);
    let definition = server.psql("select pg_get_indexdef('old'::regclass)");
    let change = Change {
        apply: vec!["DROP INDEX old".to_owned()],
        drops: vec![(public("orders"), Text::from("old"))],
        ..Change::default()
    };
    let notes = Notes::default();
    apply(&server, &change, &Past::default(), &notes).await.unwrap();
    assert_eq!(indexes(&server), "");
    assert_eq!(notes.past().dropped[0].definition, definition);
    // Twice is as once.
    assert_eq!(apply(&server, &change, &notes.past(), &notes).await.unwrap().statements, 0);
    revert(&server, &change, &notes.past(), &notes).await.unwrap();
    assert_eq!(server.psql("select pg_get_indexdef('old'::regclass)"), definition);
    assert!(notes.sql().iter().all(|sql| sql.contains("CONCURRENTLY")), "{:?}", notes.sql());
}

#[tokio::test]
async fn a_duplicate_comes_back_though_its_twin_is_there() {
    let server = shop();
    server.psql("create index one on orders (mail); create index two on orders (mail)");
    let change = Change {
        apply: vec!["DROP INDEX two".to_owned()],
        revert: vec!["CREATE INDEX CONCURRENTLY two ON orders USING btree (mail)".to_owned()],
        drops: vec![(public("orders"), Text::from("two"))],
        ..Change::default()
    };
    let notes = Notes::default();
    apply(&server, &change, &Past::default(), &notes).await.unwrap();
    assert_eq!(indexes(&server), "one");
    let done = revert(&server, &change, &notes.past(), &notes).await.unwrap();
    assert_eq!((done.statements, done.notes.len()), (1, 0));
    assert_eq!(server.psql("select count(*) from pg_indexes where indexdef ~ '[(]mail[)]'"), "2");
}

#[tokio::test]
async fn an_index_that_a_constraint_rests_on_is_not_dropped() {
    let server = shop();
    let change = Change { apply: vec!["DROP INDEX orders_pkey".to_owned()], ..Change::default() };
    let error = apply(&server, &change, &Past::default(), &Notes::default()).await.unwrap_err();
    assert!(matches!(error, ApplyError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn everything_else_runs_statement_by_statement() {
    let server = shop();
    let change = Change {
        apply: vec![
            "ALTER TABLE orders SET (fillfactor = 80)".to_owned(),
            "CREATE MATERIALIZED VIEW totals AS SELECT customer_id, count(*) FROM orders GROUP BY 1"
                .to_owned(),
            "CREATE UNIQUE INDEX totals_key ON totals (customer_id)".to_owned(),
            "REFRESH MATERIALIZED VIEW CONCURRENTLY totals".to_owned(),
            "ALTER SYSTEM SET work_mem = '8MB'".to_owned(),
            "SELECT pg_reload_conf()".to_owned(),
        ],
        revert: vec![
            "ALTER SYSTEM RESET work_mem".to_owned(),
            "SELECT pg_reload_conf()".to_owned(),
            "DROP MATERIALIZED VIEW totals".to_owned(),
            "ALTER TABLE orders RESET (fillfactor)".to_owned(),
        ],
        ..Change::default()
    };
    let notes = Notes::default();
    assert_eq!(apply(&server, &change, &Past::default(), &notes).await.unwrap().statements, 6);
    assert_eq!(indexes(&server), "totals_key");
    assert_eq!(
        server.psql("select reloptions from pg_class where relname = 'orders'"),
        "{fillfactor=80}"
    );
    let taken = revert(&server, &change, &notes.past(), &notes).await.unwrap();
    assert_eq!((taken.statements, indexes(&server).as_str()), (4, ""));
    assert_eq!(server.psql("select reloptions from pg_class where relname = 'orders'"), "");
}

#[tokio::test]
async fn an_index_is_built_anew_and_its_copy_cleared_if_that_fails() {
    let server = shop();
    server.psql("create index worn on orders (customer_id)");
    let node = "select relfilenode from pg_class where relname = 'worn'";
    let before = server.psql(node);
    let change = Change {
        apply: vec!["REINDEX INDEX CONCURRENTLY public.worn".to_owned()],
        ..Change::default()
    };
    let notes = Notes::default();
    // Somebody keeps the build from its end for longer than it is to wait.
    let blocker = crate::kit::session(
        &server,
        "begin isolation level repeatable read; select count(*) from pg_class",
    )
    .await;
    let short = postgres::apply::Options {
        wait: std::time::Duration::from_millis(300),
        attempts: 1,
        ..options()
    };
    let (address, past) = (crate::kit::target(&server), Past::default());
    let tried = apply_as(&address, (&change, &past), short, (&notes, never())).await;
    assert!(matches!(tried, Err(ApplyError::Locked { .. })), "{tried:?}");
    assert_eq!(indexes(&server), "worn");
    drop(blocker);
    apply(&server, &change, &notes.past(), &notes).await.unwrap();
    assert_eq!(indexes(&server), "worn");
    assert_ne!(server.psql(node), before);
}
