//! What goes wrong in the middle: locks, old transactions, deaths of either side, Ctrl-C.

use std::time::Duration;

use postgres::{
    Target,
    apply::{ApplyError, News, Options, Outcome, Past, Stop},
};
use tokio::sync::watch;

use crate::kit::{
    Notes, apply, apply_as, by_customer, creates, indexes, never, options, revert, session, shop,
    target, until,
};

/// A transaction that every concurrent build has to wait for, though it touches nothing of the table.
const SNAPSHOT: &str = "begin isolation level repeatable read; select count(*) from pg_class";

fn waits(news: &News) -> bool {
    matches!(news, News::Progress(progress) if progress.phase.starts_with("waiting"))
}

#[tokio::test]
async fn a_lock_that_passes_is_asked_for_again() {
    let server = shop();
    let blocker = session(&server, "begin; lock table orders in share update exclusive mode").await;
    let notes = Notes::default();
    let (change, past) = (by_customer(), Past::default());
    let building = apply(&server, &change, &past, &notes);
    let passing = async {
        until(|| notes.saw(|news| matches!(news, News::Retry { .. }))).await;
        drop(blocker);
    };
    let (done, ()) = tokio::join!(building, passing);
    assert_eq!(done.unwrap().statements, 1);
    assert_eq!(indexes(&server), "orders_customer");
    // Nothing was sent before the lock could be had: nothing had to be cleared.
    assert_eq!(notes.sql().len(), 1);
    assert!(notes.saw(|news| matches!(news, News::Waits(holders) if holders[0].pid != 0)));
}

#[tokio::test]
async fn a_lock_that_lasts_is_told_with_who_holds_it() {
    let server = shop();
    let blocker = session(
        &server,
        "set application_name = 'migration'; begin; alter table orders set (fillfactor = 90)",
    )
    .await;
    let error =
        apply(&server, &by_customer(), &Past::default(), &Notes::default()).await.unwrap_err();
    assert!(matches!(error, ApplyError::Locked { .. }), "{error}");
    let hint = error.hint();
    assert!(hint.contains("migration, idle in transaction"), "{hint}");
    assert!(hint.contains("alter table orders set (fillfactor = ?)"), "{hint}");
    assert_eq!(indexes(&server), "");
    drop(blocker);
}

#[tokio::test]
async fn whoever_holds_a_build_up_is_named_and_a_stop_leaves_nothing_behind() {
    let server = shop();
    let blocker = session(&server, SNAPSHOT).await;
    let notes = Notes::default();
    let (stop, told) = watch::channel(0);
    let (address, change, past) = (target(&server), by_customer(), Past::default());
    let building = apply_as(&address, (&change, &past), options(), (&notes, Stop::new(told)));
    let stopping = async {
        until(|| {
            notes.saw(|news| {
                matches!(news, News::Progress(progress)
                    if progress.phase == "waiting for old snapshots"
                        && progress.holder.as_ref().is_some_and(|holder| holder.state == "idle in transaction"))
            })
        })
        .await;
        stop.send(1).unwrap();
    };
    let (done, ()) = tokio::join!(building, stopping);
    let error = done.unwrap_err();
    assert!(matches!(&error, ApplyError::Stopped { left } if left.is_empty()), "{error}");
    assert_eq!((indexes(&server).as_str(), notes.open()), ("", 0));
    drop(blocker);
}

#[tokio::test]
async fn what_cannot_be_cleared_is_named_and_cleared_by_the_next_run() {
    let server = shop();
    // Holds a lock on the table itself: dropping has to wait for it, too.
    let blocker = session(&server, "begin; update orders set mail = mail where id = 1").await;
    let notes = Notes::default();
    let short = Options { wait: Duration::from_millis(300), attempts: 1, ..options() };
    let (address, change) = (target(&server), by_customer());
    let past = Past::default();
    let tried = apply_as(&address, (&change, &past), short, (&notes, never())).await;
    let error = tried.unwrap_err();
    assert_eq!(error.left(), "orders_customer");
    assert_eq!(indexes(&server), "orders_customer INVALID");
    drop(blocker);
    apply(&server, &change, &notes.past(), &notes).await.unwrap();
    assert_eq!(indexes(&server), "orders_customer");
}

/// A run that dies in the middle of a build: the server does not notice, and works on.
async fn dies(server: &testkit::Postgres, notes: &Notes) {
    let (address, change, past) = (target(server), by_customer(), Past::default());
    let building = apply_as(&address, (&change, &past), options(), (notes, never()));
    tokio::select! {
        done = building => panic!("it waits: {done:?}"),
        () = until(|| notes.saw(waits)) => {}
    }
}

#[tokio::test]
async fn a_build_whose_run_died_is_ended_and_cleared_by_reverting() {
    let server = shop();
    let blocker = session(&server, SNAPSHOT).await;
    let notes = Notes::default();
    dies(&server, &notes).await;
    assert_eq!((notes.open(), indexes(&server).as_str()), (1, "orders_customer INVALID"));
    revert(&server, &by_customer(), &notes.past(), &notes).await.unwrap();
    assert_eq!((notes.open(), indexes(&server).as_str()), (0, ""));
    drop(blocker);
    // Nobody works on it any more.
    let busy = "select count(*) from pg_stat_activity where query ~* 'create index' and state = 'active' \
                and pid <> pg_backend_pid()";
    assert_eq!(server.psql(busy), "0");
}

#[tokio::test]
async fn a_build_whose_run_died_is_waited_for_by_applying_again() {
    let server = shop();
    let blocker = session(&server, SNAPSHOT).await;
    let notes = Notes::default();
    dies(&server, &notes).await;
    let (change, past) = (by_customer(), notes.past());
    let building = apply(&server, &change, &past, &notes);
    let passing = async {
        until(|| {
            notes.saw(|news| matches!(news, News::Note(note) if note.contains("earlier run")))
        })
        .await;
        drop(blocker);
    };
    let (done, ()) = tokio::join!(building, passing);
    done.unwrap();
    assert_eq!((notes.open(), indexes(&server).as_str()), (0, "orders_customer"));
    assert_eq!(notes.sql().len(), 1, "it is not built a second time");
    // It is ours, though another run saw its end.
    revert(&server, &change, &notes.past(), &notes).await.unwrap();
    assert_eq!(indexes(&server), "");
}

#[tokio::test]
async fn a_run_that_somebody_else_is_at_is_refused() {
    let server = shop();
    let blocker = session(&server, SNAPSHOT).await;
    let notes = Notes::default();
    dies(&server, &notes).await;
    // Another ledger: nothing is known of the run that died.
    let error =
        apply(&server, &by_customer(), &Past::default(), &Notes::default()).await.unwrap_err();
    assert!(
        matches!(&error, ApplyError::Busy { holder } if holder.application == "taut"),
        "{error}"
    );
    drop(blocker);
}

#[tokio::test]
async fn two_at_once_build_one_index() {
    let server = shop();
    let (one, two) = (Notes::default(), Notes::default());
    let (change, past) = (by_customer(), Past::default());
    let (first, second) =
        tokio::join!(apply(&server, &change, &past, &one), apply(&server, &change, &past, &two));
    for done in [&first, &second] {
        assert!(matches!(done, Ok(_) | Err(ApplyError::Busy { .. })), "{done:?}");
    }
    assert!(first.is_ok() || second.is_ok());
    assert_eq!(one.sql().len() + two.sql().len(), 1);
    assert_eq!(indexes(&server), "orders_customer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_and_comes_back_gets_the_index_all_the_same() {
    let mut server = shop();
    let notes = Notes::default();
    let (address, change, past) = (target(&server), by_customer(), Past::default());
    let blocker = session(&server, SNAPSHOT).await;
    let building = apply_as(&address, (&change, &past), options(), (&notes, never()));
    let dying = async {
        until(|| notes.saw(waits)).await;
        tokio::task::block_in_place(|| {
            server.kill9();
            server.restart();
        });
    };
    let (done, ()) = tokio::join!(building, dying);
    drop(blocker);
    done.unwrap();
    assert_eq!((notes.open(), indexes(&server).as_str()), (0, "orders_customer"));
}

#[tokio::test]
async fn a_server_that_stays_away_leaves_the_rest_to_the_next_run() {
    let mut server = shop();
    let notes = Notes::default();
    let (address, change, past) = (target(&server), by_customer(), Past::default());
    let blocker = session(&server, SNAPSHOT).await;
    let impatient = Options { reconnect: Duration::from_millis(100), ..options() };
    let building = apply_as(&address, (&change, &past), impatient, (&notes, never()));
    let dying = async {
        until(|| notes.saw(waits)).await;
        server.kill9();
    };
    let (done, ()) = tokio::join!(building, dying);
    drop(blocker);
    let error = done.unwrap_err();
    assert!(matches!(error, ApplyError::Lost { .. }), "{error}");
    assert_eq!(notes.open(), 1);
    server.restart();
    assert_eq!(indexes(&server), "orders_customer INVALID");
    revert(&server, &change, &notes.past(), &notes).await.unwrap();
    assert_eq!((notes.open(), indexes(&server).as_str()), (0, ""));
}

#[tokio::test]
async fn a_build_without_room_leaves_nothing_behind() {
    let server = shop();
    // As close to a full disk as a test comes: the sort may not write what it has to.
    server.psql(
        "create role builder login; alter table orders owner to builder;
         grant create on schema public to builder;
         insert into orders select n, n, repeat(md5(n::text), 8), now() from generate_series(100000, 160000) n;
         alter role builder set temp_file_limit = '64kB'; alter role builder set maintenance_work_mem = '1MB';",
    );
    let builder = Target::parse(&server.url_for("postgres", "builder")).unwrap();
    let sql = "CREATE INDEX CONCURRENTLY orders_mail ON public.orders (mail)";
    let change = creates(model::database::TableName::new("public", "orders"), "orders_mail", sql);
    let (notes, past) = (Notes::default(), Past::default());
    let tried = apply_as(&builder, (&change, &past), options(), (&notes, never())).await;
    let error = tried.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("temporary file size exceeds"), "{cause}");
    assert_eq!((error.left(), indexes(&server).as_str()), ("", ""));
    let outcomes = &notes.0.lock().unwrap().outcomes;
    assert!(matches!(&outcomes[..], [(1, Outcome::Broke { .. })]));
}
