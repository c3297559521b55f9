//! What the server is doing: how far a build is, and whom it waits for. What cannot be seen is left out: looking on
//! never stops a run.

use std::time::Duration;

use tokio_postgres::Row;

use super::{BuildProgress, Holder};
use crate::Connection;

/// Transactions this old before a build begins are worth telling: they may well last.
const OLD_SECONDS: i64 = 10;

/// How many of them are told.
const HOLDERS_MAX: i64 = 5;

/// How far the process of that number is with what it does; `None` if there is nothing to see.
pub(super) async fn progress(eye: &Connection, pid: i32) -> Option<BuildProgress> {
    let rows = eye
        .query(
            "select /* taut */ phase, coalesce(blocks_done, 0), coalesce(blocks_total, 0),
                    coalesce(tuples_done, 0), coalesce(tuples_total, 0),
                    coalesce(lockers_done, 0), coalesce(lockers_total, 0),
                    coalesce(current_locker_pid, 0)
             from pg_catalog.pg_stat_progress_create_index where pid = $1",
            &[&pid],
        )
        .await
        .ok()?;
    let Some(row) = rows.first() else { return waiting(eye, pid).await };
    let phase: String = row.get::<_, Option<String>>(0)?;
    let count = |place: usize| u64::try_from(row.get::<_, i64>(place)).unwrap_or(0);
    let (done, total, unit) = if phase.starts_with("waiting") {
        (count(5), count(6), "transactions")
    } else if 0 < count(2) {
        (count(1), count(2), "blocks")
    } else {
        (count(3), count(4), "rows")
    };
    let locker = i32::try_from(row.get::<_, i64>(7)).unwrap_or(0);
    let holder = match locker {
        0 => None,
        pid => holder(eye, pid).await,
    };
    Some(BuildProgress { phase, done, total, unit, holder })
}

/// What has no progress of its own, and waits for a lock.
async fn waiting(eye: &Connection, pid: i32) -> Option<BuildProgress> {
    let row = eye
        .query_opt(
            "select /* taut */ (pg_blocking_pids(pid))[1] from pg_catalog.pg_stat_activity
             where pid = $1 and wait_event_type = 'Lock'",
            &[&pid],
        )
        .await
        .ok()??;
    let blocking: i32 = row.get::<_, Option<i32>>(0)?;
    let holder = holder(eye, blocking).await;
    Some(BuildProgress {
        phase: "waiting for a lock".to_owned(),
        holder,
        ..BuildProgress::default()
    })
}

const HOLDERS: &str = "
    select /* taut */ pid, coalesce(usename::text, ''), coalesce(application_name, ''), coalesce(state, ''),
           (extract(epoch from clock_timestamp() - xact_start) * 1000)::int8, coalesce(query, '')
    from pg_catalog.pg_stat_activity where ";

/// Who has that process number.
pub(super) async fn holder(eye: &Connection, pid: i32) -> Option<Holder> {
    if pid == 0 {
        return Some(Holder {
            application: "a prepared transaction".to_owned(),
            ..Holder::default()
        });
    }
    let row = eye.query_opt(&format!("{HOLDERS} pid = $1"), &[&pid]).await.ok()??;
    Some(holder_of(&row))
}

/// Transactions of this database that a concurrent build will have to wait for, oldest first.
pub(super) async fn old_transactions(eye: &Connection, own: i32) -> Vec<Holder> {
    // Vacuums are not waited for.
    let sql = format!(
        "{HOLDERS} datname = current_database() and pid <> $1 and pid <> pg_backend_pid()
         and (backend_xid is not null or backend_xmin is not null)
         and backend_type = 'client backend'
         and xact_start < clock_timestamp() - $2 * interval '1 second'
         order by xact_start limit $3"
    );
    #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
    let age = OLD_SECONDS as f64;
    let rows = eye.query(&sql, &[&own, &age, &HOLDERS_MAX]).await.unwrap_or_default();
    rows.iter().map(holder_of).collect()
}

/// Who holds a lock on a table that keeps an index from being built or dropped concurrently.
pub(super) async fn lock_holders(eye: &Connection, table: u32, own: i32) -> Vec<Holder> {
    let sql = format!(
        "{HOLDERS} pid <> $2 and pid in (
             select pid from pg_catalog.pg_locks
             where relation = $1 and granted and mode in
                 ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                  'AccessExclusiveLock'))
         order by xact_start limit $3"
    );
    let rows = eye.query(&sql, &[&table, &own, &HOLDERS_MAX]).await.unwrap_or_default();
    rows.iter().map(holder_of).collect()
}

fn holder_of(row: &Row) -> Holder {
    let millis = row.get::<_, Option<i64>>(4).and_then(|millis| u64::try_from(millis).ok());
    let query: String = row.get(5);
    Holder {
        pid: row.get(0),
        user: row.get(1),
        application: row.get(2),
        state: row.get(3),
        age: millis.map(Duration::from_millis),
        // As everywhere: what a statement is about, without anybody's values.
        statement: sql::normalise(&query).text,
    }
}
