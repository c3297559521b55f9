//! What earlier runs left behind: server processes that still work for a run that is gone, and statements of whose
//! end nothing is known.

use std::time::{Duration, Instant};

use super::{
    ApplyError, Backend, Intent, Journal, News, Outcome, Stop, Work, catalog, error::read, rebuild,
    remove, session::moment, watch,
};
use crate::Connection;

/// How often a process that works on is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// A process that was told to end does so within milliseconds, unless it is in the middle of a write.
const END_MAX: Duration = Duration::from_secs(20);

/// What becomes of a server process that works for a run that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Orphans {
    /// It finishes: its work is wanted.
    Finish,
    /// It ends: its work is to be taken back.
    End,
}

/// Who holds an advisory lock in this database.
pub(super) async fn holder_of(
    connection: &Connection,
    key: i64,
) -> Result<Option<Backend>, ApplyError> {
    let rows = connection
        .query(
            "select /* taut */ l.pid, (extract(epoch from a.backend_start) * 1000000)::int8
             from pg_catalog.pg_locks l
             left join pg_catalog.pg_stat_activity a on a.pid = l.pid
             where l.locktype = 'advisory' and l.granted and l.objsubid = 1
               and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
               and (l.classid::int8 << 32) | l.objid::int8 = $1",
            &[&key],
        )
        .await
        .map_err(read("who holds a lock"))?;
    Ok(rows.first().map(|row| Backend {
        pid: row.get(0),
        started: moment(row.get::<_, Option<i64>>(1).unwrap_or(0)),
    }))
}

/// Returns once that process is gone.
pub(super) async fn outlive(
    eye: &Connection,
    backend: Backend,
    orphans: Orphans,
    (journal, stop): (&mut dyn Journal, &mut Stop),
) -> Result<(), ApplyError> {
    let began = Instant::now();
    let what = match orphans {
        Orphans::Finish => "the server still works on it for an earlier run: waiting for that",
        Orphans::End => "the server still works on it for an earlier run: ending that",
    };
    journal.tell(News::Note(what.to_owned()));
    let failed = read("an earlier run's process");
    while is_alive(eye, backend).await? {
        if orphans == Orphans::End {
            if END_MAX < began.elapsed() {
                let holder = watch::holder(eye, backend.pid).await.unwrap_or_default();
                return Err(ApplyError::Busy { holder });
            }
            eye.query_one("select /* taut */ pg_terminate_backend($1)", &[&backend.pid])
                .await
                .map_err(&failed)?;
        }
        if let Some(progress) = watch::progress(eye, backend.pid).await {
            journal.tell(News::Progress(progress));
        }
        stop.sleep(LOOK).await?;
    }
    Ok(())
}

async fn is_alive(eye: &Connection, backend: Backend) -> Result<bool, ApplyError> {
    let micros = i64::try_from(backend.started.nanos / 1_000).unwrap_or(i64::MAX);
    let row = eye
        .query_one(
            "select /* taut */ exists (select from pg_catalog.pg_stat_activity
             where pid = $1 and (extract(epoch from backend_start) * 1000000)::int8 = $2)",
            &[&backend.pid, &micros],
        )
        .await;
    Ok(row.map_err(read("an earlier run's process"))?.get(0))
}

/// Finds out what became of a statement that was announced, clears what it left, and notes it.
pub(super) async fn settle(
    work: &mut Work<'_>,
    number: i64,
    intent: &Intent,
) -> Result<(), ApplyError> {
    let outcome = match &intent.index {
        None => Outcome::Broke {
            why: "its run ended early, and whether it went through is not known".to_owned(),
            left: String::new(),
        },
        Some(index) if sql::rebuilt_index(&intent.sql).is_some() => {
            rebuild::clear_copies(work, &index.table, &index.name).await?;
            ended_early()
        }
        Some(index) => {
            let there =
                catalog::index(&work.session.doer, &index.table.schema, &index.name).await?;
            match (there, index.made) {
                (Some(there), true) if there.valid => Outcome::Ran {
                    millis: 0.0,
                    note: "the server finished it after its run ended early".to_owned(),
                },
                // Of a partitioned table it is valid once all its parts are: the build goes on with it.
                (Some(there), true) if there.partitioned => Outcome::Ran {
                    millis: 0.0,
                    note: "its run ended early; its parts are still to be built".to_owned(),
                },
                (Some(there), false) if there.parent.is_some() => Outcome::Ran {
                    millis: 0.0,
                    note: "attached before its run ended early".to_owned(),
                },
                (Some(there), made) if made || !there.valid => {
                    work.note(format!(
                        "an earlier run left the index {} behind, not valid: dropping it",
                        index.name
                    ));
                    remove::clear(work, &index.table, &index.name).await?;
                    if made {
                        ended_early()
                    } else {
                        Outcome::Ran { millis: 0.0, note: "finished by a later run".to_owned() }
                    }
                }
                (None, false) => Outcome::Ran {
                    millis: 0.0,
                    note: "the server finished it after its run ended early".to_owned(),
                },
                _ => ended_early(),
            }
        }
    };
    work.journal.settle(number, &outcome).map_err(|source| ApplyError::Journal { source })
}

fn ended_early() -> Outcome {
    Outcome::Broke { why: "its run ended early".to_owned(), left: String::new() }
}
