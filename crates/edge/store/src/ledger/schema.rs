//! The tables of the ledger, and how an older file becomes one of today.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use model::Moment;
use rusqlite::{Connection, TransactionBehavior, params};

use super::{BUSY_MAX, LedgerError};

/// Steps from one version to the next; the first one makes the tables. A step never changes once released.
const MIGRATIONS: &[&str] = &[
    "
    create table remedy (
        id integer primary key autoincrement,
        finding text not null,
        server text not null,
        fault text not null,
        claim text not null,
        change text not null,
        statements text not null
    ) strict;
    create unique index remedy_once on remedy (finding, server, change);
    create table entry (
        id integer primary key autoincrement,
        remedy integer not null references remedy (id),
        time_nanos integer not null,
        version text not null,
        event text not null
    ) strict;
    create index entry_by_remedy on entry (remedy, id);
    create trigger entry_never_changes before update on entry
        begin select raise(abort, 'history is never rewritten'); end;
    create trigger entry_never_goes before delete on entry
        begin select raise(abort, 'history is never rewritten'); end;
    create trigger remedy_never_changes before update on remedy
        begin select raise(abort, 'history is never rewritten'); end;
    create trigger remedy_never_goes before delete on remedy
        begin select raise(abort, 'history is never rewritten'); end;
",
    "
    create table note (
        id integer primary key autoincrement,
        finding text not null,
        time_nanos integer not null,
        version text not null,
        said text not null
    ) strict;
    create index note_by_finding on note (finding, id);
    create trigger note_never_changes before update on note
        begin select raise(abort, 'history is never rewritten'); end;
    create trigger note_never_goes before delete on note
        begin select raise(abort, 'history is never rewritten'); end;
",
    "
    create table record (
        id integer primary key autoincrement,
        finding text,
        time_nanos integer not null,
        version text not null,
        recorded text not null
    ) strict;
    create trigger record_never_changes before update on record
        begin select raise(abort, 'history is never rewritten'); end;
    create trigger record_never_goes before delete on record
        begin select raise(abort, 'history is never rewritten'); end;
",
    "
    create table result (
        record integer primary key references record (id),
        bytes integer not null,
        packed blob not null
    ) strict;
    create trigger result_never_changes before update on result
        begin select raise(abort, 'history is never rewritten'); end;
",
];

/// Makes the file durable and brings its tables to the newest version.
pub(super) fn prepare(
    connection: &mut Connection,
    path: &Path,
    version: &str,
    now: Moment,
) -> Result<(), LedgerError> {
    let failed = |source| LedgerError::of("open", path, source);
    write_ahead(connection).map_err(failed)?;
    connection
        .execute_batch("pragma synchronous = full; pragma foreign_keys = on")
        .map_err(failed)?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if schema_version(connection).map_err(failed)? == Some(known) {
        return Ok(());
    }
    // Two processes may come here at once: whoever is second finds it done.
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    transaction
        .execute_batch(
            "create table if not exists migration (
                version integer primary key, time_nanos integer not null, by text not null
             ) strict",
        )
        .map_err(failed)?;
    let found = schema_version(&transaction).map_err(failed)?.unwrap_or(0);
    if known < found {
        return Err(LedgerError::Newer { path: path.to_path_buf(), found, known });
    }
    for (number, migration) in (1_i64..).zip(MIGRATIONS).filter(|(number, _)| found < *number) {
        transaction.execute_batch(migration).map_err(failed)?;
        let nanos = i64::try_from(now.nanos).unwrap_or(i64::MAX);
        let sql = "insert into migration (version, time_nanos, by) values (?1, ?2, ?3)";
        transaction.execute(sql, params![number, nanos, version]).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

/// Switching needs the file for itself for a moment, and SQLite does not wait for that by itself.
fn write_ahead(connection: &Connection) -> Result<(), rusqlite::Error> {
    let began = Instant::now();
    loop {
        let switched = connection
            .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0));
        match switched {
            Err(error) if is_busy(&error) && began.elapsed() < BUSY_MAX => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(error),
            Ok(_) => return Ok(()),
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
    )
}

/// `None` if there is no table of migrations yet.
fn schema_version(connection: &Connection) -> Result<Option<i64>, rusqlite::Error> {
    let there: bool = connection.query_row(
        "select exists (select 1 from sqlite_schema where type = 'table' and name = 'migration')",
        [],
        |row| row.get(0),
    )?;
    if !there {
        return Ok(None);
    }
    connection.query_row("select max(version) from migration", [], |row| row.get(0))
}
