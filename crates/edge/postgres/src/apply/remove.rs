//! Dropping an index: concurrently where the server can, with its definition noted before.

use model::database::TableName;
use sql::Locking;
use tokio_postgres::error::SqlState;

use super::{
    ApplyError, IndexTarget, Work,
    catalog::{self, IndexFacts},
    error::Said,
    run::{self, Broken},
};

/// Drops an index, with its definition in the journal. One that is not there is dropped already.
pub(super) async fn remove(
    work: &mut Work<'_>,
    schema: &str,
    name: &str,
) -> Result<(), ApplyError> {
    let Some(there) = catalog::index(&work.session.doer, schema, name).await? else {
        return Ok(());
    };
    allowed(&there)?;
    let (sql, wait) = if there.partitioned {
        // The server cannot do that one concurrently; its lock is held for a moment.
        (statement(&there, Locking::Blocking), work.options.lock)
    } else {
        (statement(&there, Locking::Concurrently), work.options.wait)
    };
    let index = IndexTarget {
        table: there.table.clone(),
        name: there.name.clone(),
        // What was never valid is nothing to come back to.
        definition: if there.valid { there.definition.clone() } else { String::new() },
        made: false,
    };
    run::repeat(work, &sql, Some(&index), wait).await
}

/// Takes back a creation: drops the index if it is ours, and leaves it if it was there before.
pub(super) async fn take_back(
    work: &mut Work<'_>,
    (schema, name): (&str, &str),
    created: bool,
) -> Result<(), ApplyError> {
    let Some(there) = catalog::index(&work.session.doer, schema, name).await? else {
        return Ok(());
    };
    // What is not valid and has the name of ours is what died in the making.
    if created && there.valid && !work.is_ours(&there.table.schema, name) {
        work.note(format!("the index {name} was there before, and stays"));
        return Ok(());
    }
    remove(work, schema, name).await
}

fn allowed(index: &IndexFacts) -> Result<(), ApplyError> {
    let what = format!("the index {}", index.name);
    if !index.owned {
        let (role, owner) = (index.role.clone(), index.owner.clone());
        return Err(ApplyError::NotOwner { role, what, owner });
    }
    let why = if index.bound {
        "a constraint or the identity of rows rests on it"
    } else if index.parent.is_some() {
        "it belongs to the index of a partitioned table"
    } else {
        return Ok(());
    };
    Err(ApplyError::Refused { what: format!("dropping {what}"), why: why.to_owned() })
}

fn statement(index: &IndexFacts, locking: Locking) -> String {
    sql::drop_index(&index.table.schema, &index.name, locking)
}

/// How often clearing is tried: others read the table meanwhile, and each attempt waits for those that began before it.
const CLEAR_ATTEMPTS: u32 = 3;

/// Drops what a failed build left behind: an index of that name that is not valid. It is announced already.
///
/// # Errors
///
/// It could not be dropped: it is still there then.
pub(super) async fn clear(
    work: &mut Work<'_>,
    table: &TableName,
    name: &str,
) -> Result<(), ApplyError> {
    let told = work.stop.times();
    for _ in 0..CLEAR_ATTEMPTS {
        let there = catalog::index(&work.session.doer, &table.schema, name).await?;
        let Some(there) = there.filter(|index| !index.valid) else { return Ok(()) };
        let sql = statement(&there, Locking::Concurrently);
        // Ten times as long as for a lock that others might want: it stands in nobody's way.
        let wait = work.options.lock.saturating_mul(10).min(work.options.wait);
        let set = work.session.wait_for_locks(wait).await;
        set.map_err(|said| failed(&sql, said))?;
        let Work { session, stop, .. } = work;
        let dropped = session.doer.batch_execute(&sql);
        tokio::pin!(dropped);
        let dropped = tokio::select! {
            dropped = &mut dropped => dropped,
            () = stop.told(told.saturating_add(1).max(2)) => {
                session.cancel().await;
                return Err(ApplyError::Stopped { left: name.to_owned() });
            }
        };
        match dropped.map_err(|error| Said::of(&error)) {
            Ok(()) => return Ok(()),
            Err(said)
                if said.is(&SqlState::LOCK_NOT_AVAILABLE)
                    || said.is(&SqlState::T_R_DEADLOCK_DETECTED) => {}
            Err(said) => return Err(failed(&sql, said)),
        }
    }
    let (what, left) = (table.to_string(), name.to_owned());
    Err(ApplyError::Locked { what, holders: Vec::new(), left })
}

fn failed(sql: &str, said: Said) -> ApplyError {
    let broken = if said.is_lost() { Broken::Lost(said) } else { Broken::Refused(said) };
    run::failure(sql, broken, "")
}
