//! Building one index: looked at beforehand, built concurrently, checked, and cleared if it fails.

use std::time::Duration;

use sql::{IndexStatement, Locking};

use super::{
    ApplyError, Holder, IndexTarget, News, Work,
    catalog::{self, IndexFacts, Kind, TableFacts},
    error::{Said, quoted, read},
    partitions, remove,
    run::{self, Broken},
    watch,
};

/// Makes an index, unless one that does the same is there.
pub(super) async fn create(work: &mut Work<'_>, index: &IndexStatement) -> Result<(), ApplyError> {
    let table = catalog::table(&work.session.doer, &index.schema, &index.table).await?;
    let Some(table) = table else {
        let table = if index.schema.is_empty() {
            index.table.clone()
        } else {
            format!("{}.{}", index.schema, index.table)
        };
        return Err(ApplyError::NoTable { table });
    };
    let index = IndexStatement {
        schema: table.name.schema.to_string(),
        table: table.name.name.to_string(),
        ..index.clone()
    };
    allowed(&table)?;
    let wanted = as_printed(work, &table, &index).await?;
    match table.kind {
        Kind::Table | Kind::MaterializedView => concurrently(work, &table, &index, &wanted).await,
        Kind::Partitioned => partitions::create(work, &table, &index, &wanted).await,
        Kind::Foreign | Kind::Other => Err(ApplyError::Refused {
            what: format!("an index on {}", table.name),
            why: "it is no table of this database".to_owned(),
        }),
    }
}

fn allowed(table: &TableFacts) -> Result<(), ApplyError> {
    let (role, owner) = (table.role.clone(), table.owner.clone());
    if !table.owned {
        return Err(ApplyError::NotOwner {
            role,
            what: format!("the table {}", table.name),
            owner,
        });
    }
    if !table.schema_open {
        return Err(ApplyError::Refused {
            what: format!("an index in the schema {}", table.name.schema),
            why: format!("{role} may not create anything there"),
        });
    }
    Ok(())
}

/// The index as the server prints it; what the server does not take is refused here, before anything is built.
async fn as_printed(
    work: &mut Work<'_>,
    table: &TableFacts,
    index: &IndexStatement,
) -> Result<IndexStatement, ApplyError> {
    let sql = index.text(Locking::Concurrently);
    let mut attempt = 1;
    loop {
        let set = work.session.wait_for_locks(work.options.lock).await;
        let tried = match set {
            Ok(()) => catalog::rehearse(&work.session.doer, table, index).await,
            Err(said) => Err(said),
        };
        match tried {
            Ok(printed) => return Ok(printed.unwrap_or_else(|| index.clone())),
            Err(said) => {
                let broken = Broken::of(said);
                if matches!(broken, Broken::Locked(_)) {
                    let holders = lock_holders(work, table).await;
                    if work.options.attempts <= attempt {
                        return Err(locked(table, holders));
                    }
                    work.journal.tell(News::Waits(holders));
                }
                run::again(work, &sql, broken, &mut attempt).await?;
            }
        }
    }
}

fn locked(table: &TableFacts, holders: Vec<Holder>) -> ApplyError {
    ApplyError::Locked { what: table.name.to_string(), holders, left: String::new() }
}

/// What there is already.
pub(super) enum There {
    /// Nothing that matters.
    Nothing,
    /// An index that does the same, by name.
    Same(IndexFacts),
    /// An index of that name that is not valid and ours to clear.
    Leftover,
}

/// Looks at what there is of that name, and of that definition. `wanted` is the index as the server prints it.
pub(super) async fn look(
    work: &mut Work<'_>,
    table: &TableFacts,
    name: &str,
    wanted: &IndexStatement,
) -> Result<There, ApplyError> {
    let there = catalog::indexes(&work.session.doer, table.oid).await?;
    if let Some(named) = there.iter().find(|index| index.name == name) {
        let ours = named.serves(wanted) || work.is_ours(&table.name.schema, name);
        return match (named.valid, ours) {
            (true, _) if named.serves(wanted) => Ok(There::Same(named.clone())),
            // Nobody else builds it: the lock of its name is ours.
            (false, true) => Ok(There::Leftover),
            _ => Err(ApplyError::NameTaken {
                name: name.to_owned(),
                definition: named.definition.clone(),
            }),
        };
    }
    if catalog::is_taken(&work.session.doer, &table.name, name).await? {
        let definition = "something that is no index of this table".to_owned();
        return Err(ApplyError::NameTaken { name: name.to_owned(), definition });
    }
    if work.restores {
        return Ok(There::Nothing);
    }
    let same = there.into_iter().find(|index| index.valid && index.serves(wanted));
    Ok(same.map_or(There::Nothing, There::Same))
}

/// Builds an index of a table that has no partitions.
pub(super) async fn concurrently(
    work: &mut Work<'_>,
    table: &TableFacts,
    index: &IndexStatement,
    wanted: &IndexStatement,
) -> Result<(), ApplyError> {
    let sql = IndexStatement { only: false, ..index.clone() }.text(Locking::Concurrently);
    let built = IndexTarget {
        table: table.name.clone(),
        name: index.name.clone(),
        definition: sql.clone(),
        made: true,
    };
    let mut attempt = 1;
    loop {
        match look(work, table, &index.name, wanted).await? {
            There::Same(same) => {
                work.note(format!("the index {} is there already: {}", same.name, same.definition));
                return Ok(());
            }
            There::Leftover => {
                work.note(format!(
                    "the index {} was left behind, not valid: dropping it",
                    index.name
                ));
                remove::clear(work, &table.name, &index.name).await?;
            }
            There::Nothing => {}
        }
        if let Err(broken) = probe(work, table).await {
            let holders = lock_holders(work, table).await;
            if work.options.attempts <= attempt && matches!(broken, Broken::Locked(_)) {
                return Err(locked(table, holders));
            }
            if !holders.is_empty() {
                work.journal.tell(News::Waits(holders));
            }
            run::again(work, &sql, broken, &mut attempt).await?;
            continue;
        }
        let old = watch::old_transactions(&work.session.eye, work.session.backend.pid).await;
        if !old.is_empty() {
            work.journal.tell(News::Waits(old));
        }
        let number = run::announce(work, &sql, Some(&built))?;
        let wait = work.options.wait;
        match run::send(work, &sql, wait).await {
            Ok(took) => return finish(work, number, &built, (took, wanted)).await,
            Err(broken) => match after_failure(work, &built, &broken).await {
                After::Built => {
                    return finish(work, number, &built, (Duration::ZERO, wanted)).await;
                }
                // The announcement stays open: the next run looks.
                After::Unknown => return Err(run::failure(&sql, broken, &built.name)),
                After::Left => {
                    run::broke(work, number, &broken, &built.name)?;
                    return Err(run::failure(&sql, broken, &built.name));
                }
                After::Cleared => {
                    run::broke(work, number, &broken, "")?;
                    run::again(work, &sql, broken, &mut attempt).await?;
                }
            },
        }
    }
}

/// What there is after a build that did not go through.
enum After {
    /// All of it: the server went on while we could not see it.
    Built,
    /// Nothing.
    Cleared,
    /// An index that is not valid and could not be dropped.
    Left,
    /// The server is not back.
    Unknown,
}

/// Whether the lock that a build begins with can be had now: waiting for it within the build would take longer to
/// give up.
async fn probe(work: &mut Work<'_>, table: &TableFacts) -> Result<(), Broken> {
    if table.kind == Kind::MaterializedView {
        // The server locks tables and views for those who ask, and not these.
        return Ok(());
    }
    work.session.wait_for_locks(work.options.lock).await.map_err(Broken::of)?;
    let sql = format!(
        "begin; lock table only {} in share update exclusive mode; rollback",
        quoted(&table.name)
    );
    let tried = work.session.doer.batch_execute(&sql).await;
    if tried.is_err() && !work.session.doer.is_closed() {
        // The transaction of the failed statement is still open.
        let _ended = work.session.doer.batch_execute("rollback").await;
    }
    tried.map_err(|error| Broken::of(Said::of(&error)))
}

async fn lock_holders(work: &Work<'_>, table: &TableFacts) -> Vec<Holder> {
    watch::lock_holders(&work.session.eye, table.oid, work.session.backend.pid).await
}

/// Clears what a failed build left.
async fn after_failure(work: &mut Work<'_>, built: &IndexTarget, broken: &Broken) -> After {
    if matches!(broken, Broken::Lost(_)) || work.session.doer.is_closed() {
        let Work { session, journal, stop, .. } = work;
        if session.reopen(&mut **journal, stop).await.is_err() {
            return After::Unknown;
        }
    }
    match is_valid(work, &built.table.schema, &built.name).await {
        Ok(true) => return After::Built,
        Ok(false) => {}
        Err(_) => return After::Unknown,
    }
    match remove::clear(work, &built.table, &built.name).await {
        Ok(()) => After::Cleared,
        Err(ApplyError::Lost { .. } | ApplyError::Connect(_) | ApplyError::Read { .. }) => {
            After::Unknown
        }
        Err(_) => After::Left,
    }
}

/// Checks a build that went through, and gathers statistics of its expressions.
async fn finish(
    work: &mut Work<'_>,
    number: i64,
    built: &IndexTarget,
    (took, wanted): (Duration, &IndexStatement),
) -> Result<(), ApplyError> {
    let there = catalog::index(&work.session.doer, &built.table.schema, &built.name).await?;
    if !there.is_some_and(|index| index.valid) {
        let left = match remove::clear(work, &built.table, &built.name).await {
            Ok(()) => String::new(),
            Err(_) => built.name.clone(),
        };
        let why = Said { state: String::new(), message: "it is not valid".to_owned() };
        run::broke(work, number, &Broken::Refused(why), &left)?;
        return Err(ApplyError::Invalid { name: built.name.clone(), left });
    }
    run::ran(work, number, took)?;
    if wanted.has_expression() {
        analyze(work, built).await;
    }
    Ok(())
}

/// The planner knows nothing of an expression until then. It is no failure if that does not work.
async fn analyze(work: &mut Work<'_>, built: &IndexTarget) {
    let sql = format!("ANALYZE {}", quoted(&built.table));
    if let Err(error) = run::plain(work, &sql).await {
        work.note(format!(
            "the table was not analysed, which the index on an expression needs: {error}"
        ));
    }
}

/// Whether an index is there and valid.
pub(super) async fn is_valid(
    work: &Work<'_>,
    schema: &str,
    name: &str,
) -> Result<bool, ApplyError> {
    let row = work
        .session
        .doer
        .query_one(
            "select /* taut */ coalesce((select indisvalid from pg_catalog.pg_index
             where indexrelid = to_regclass($1::text)), false)",
            &[&sql::qualified(&model::database::TableName::new(schema, name))],
        )
        .await;
    Ok(row.map_err(read("whether the index is valid"))?.get(0))
}
