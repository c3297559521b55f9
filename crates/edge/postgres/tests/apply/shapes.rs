//! Partitioned tables: the index is put together from parts.

use model::{Change, database::TableName};
use postgres::apply::{ApplyError, Past};
use testkit::Postgres;

use crate::kit::{Notes, apply, creates, indexes, revert};

/// Two levels, names that are long, and a part that has the index already.
fn events() -> Postgres {
    let server = Postgres::start();
    server.psql(
        "create table events (id int, at date, kind text) partition by range (at);
         create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
         create table \"Events 2026, with a name that is nearly as long as it may be\"
             partition of events for values from ('2026-01-01') to ('2027-01-01') partition by list (kind);
         create table events_a partition of \"Events 2026, with a name that is nearly as long as it may be\"
             for values in ('a');
         create table events_rest partition of \"Events 2026, with a name that is nearly as long as it may be\"
             default;
         insert into events select n, date '2025-01-01' + n % 730, chr(97 + n % 3) from generate_series(1, 5000) n;
         create index theirs on events_2025 (kind, at);",
    );
    server
}

fn by_kind() -> Change {
    let sql = "CREATE INDEX CONCURRENTLY events_kind ON public.events (kind, at)";
    creates(TableName::new("public", "events"), "events_kind", sql)
}

/// Nothing of it is locked for writers, but for the moment in which it is taken back.
#[tokio::test]
async fn an_index_of_a_partitioned_table_is_put_together_from_its_parts() {
    for version in [13, Postgres::default_version(), 18] {
        let server = if version == Postgres::default_version() {
            events()
        } else {
            let server = Postgres::builder().version(version).start();
            server.psql(
                "create table events (id int, at date, kind text) partition by range (at);
                 create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
                 create index theirs on events_2025 (kind, at);
                 create table events_rest partition of events default;",
            );
            server
        };
        let notes = Notes::default();
        apply(&server, &by_kind(), &Past::default(), &notes).await.unwrap();
        let there = indexes(&server);
        assert!(!there.contains("INVALID"), "{version}: {there}");
        let parts = "select count(*) from pg_partition_tree('events_kind') where isleaf";
        let tables = "select count(*) from pg_partition_tree('events') where isleaf";
        assert_eq!(server.psql(parts), server.psql(tables), "{version}");
        for sql in notes.sql() {
            let blocks = sql.starts_with("CREATE INDEX ") && !sql.contains("CONCURRENTLY");
            assert!(!blocks || sql.contains("ON ONLY"), "{sql}");
        }
        // Twice is as once.
        let again = apply(&server, &by_kind(), &notes.past(), &notes).await.unwrap();
        assert_eq!(again.statements, 0, "{version}");
        revert(&server, &by_kind(), &notes.past(), &notes).await.unwrap();
        // What was attached goes with it, since the server knows no way of detaching it; theirs is built again.
        assert_eq!(indexes(&server), "theirs", "{version}");
    }
}

#[tokio::test]
async fn a_build_that_stopped_between_two_parts_is_gone_on_with_or_taken_back() {
    for goes_on in [true, false] {
        let server = events();
        // One part cannot be built while this lasts.
        let blocker = crate::kit::session(
            &server,
            "begin; lock table events_rest in share update exclusive mode",
        )
        .await;
        let notes = Notes::default();
        let error = apply(&server, &by_kind(), &Past::default(), &notes).await.unwrap_err();
        assert!(matches!(error, ApplyError::Locked { .. }), "{error}");
        assert!(indexes(&server).contains("events_kind INVALID"), "the parent waits for its parts");
        drop(blocker);
        if goes_on {
            apply(&server, &by_kind(), &notes.past(), &notes).await.unwrap();
            assert!(!indexes(&server).contains("INVALID"));
        } else {
            revert(&server, &by_kind(), &notes.past(), &notes).await.unwrap();
            assert_eq!(indexes(&server), "theirs");
        }
    }
}

#[tokio::test]
async fn a_part_elsewhere_is_refused() {
    let server = Postgres::start();
    server.psql(
        "create extension if not exists file_fdw; create server files foreign data wrapper file_fdw;
         create table events (id int, at date) partition by range (at);
         create foreign table far partition of events for values from ('2025-01-01') to ('2026-01-01')
             server files options (filename '/dev/null');",
    );
    let sql = "CREATE INDEX events_at ON public.events (at)";
    let change = creates(TableName::new("public", "events"), "events_at", sql);
    let error = apply(&server, &change, &Past::default(), &Notes::default()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the index events_at is not done: the partition far is a foreign table"
    );
}
