//! An index of a partitioned table: the server cannot build it concurrently, so it is put together from its parts.
//! The index of the parent is made empty and not valid, each partition's is built concurrently and attached; with the
//! last one it becomes valid.

use sql::{IndexStatement, Locking, NAME_BYTES_MAX};

use super::{
    ApplyError, IndexTarget, Work,
    build::{self, There},
    catalog::{self, Kind, TableFacts},
    run,
};

/// Partitions of partitions, and so on: nobody has more than a few levels.
const DEPTH_MAX: usize = 16;

/// A partitioned table whose parts are still to be had.
struct Parent {
    table: TableFacts,
    name: String,
}

pub(super) async fn create(
    work: &mut Work<'_>,
    table: &TableFacts,
    index: &IndexStatement,
    wanted: &IndexStatement,
) -> Result<(), ApplyError> {
    let tree = tree(work, table).await?;
    let foreign = tree.iter().find(|(_, part)| part.kind == Kind::Foreign);
    if let Some((_, foreign)) = foreign {
        return Err(ApplyError::Refused {
            what: format!("the index {}", index.name),
            why: format!("the partition {} is a foreign table", foreign.name),
        });
    }
    if let There::Same(same) = build::look(work, table, &index.name, wanted).await? {
        work.note(format!("the index {} is there already: {}", same.name, same.definition));
        return Ok(());
    }
    empty(work, table, index, wanted).await?;
    let mut parents = vec![Parent { table: table.clone(), name: index.name.clone() }];
    // Parents come before their parts.
    for (parent, part) in tree {
        let Some(parent) = parents.iter().find(|known| known.table.oid == parent) else { continue };
        let attached_to = (parent.table.name.schema.to_string(), parent.name.clone());
        let own = IndexStatement {
            name: part_name(&index.name, &part),
            schema: part.name.schema.to_string(),
            table: part.name.name.to_string(),
            only: false,
            ..index.clone()
        };
        let name = one(work, &part, &own, (wanted, &attached_to.1)).await?;
        if let Some(name) = &name {
            attach(work, &attached_to, &part, name).await?;
        }
        if part.kind == Kind::Partitioned {
            parents.push(Parent { table: part, name: name.unwrap_or(own.name) });
        }
    }
    if build::is_valid(work, &table.name.schema, &index.name).await? {
        return Ok(());
    }
    Err(ApplyError::Invalid { name: index.name.clone(), left: index.name.clone() })
}

/// All partitions below a table with the table that each belongs to, parents first.
async fn tree(work: &Work<'_>, table: &TableFacts) -> Result<Vec<(u32, TableFacts)>, ApplyError> {
    let mut found: Vec<(u32, TableFacts)> = Vec::new();
    let mut level = vec![table.oid];
    for _ in 0..DEPTH_MAX {
        let mut next = Vec::new();
        for parent in level {
            for part in catalog::partitions(&work.session.doer, parent).await? {
                if part.kind == Kind::Partitioned {
                    next.push(part.oid);
                }
                found.push((parent, part));
            }
        }
        level = next;
    }
    Ok(found)
}

/// Makes or finds the index of one partition: its name if it is still to be attached, `None` if it is attached.
async fn one(
    work: &mut Work<'_>,
    part: &TableFacts,
    own: &IndexStatement,
    (wanted, parent): (&IndexStatement, &str),
) -> Result<Option<String>, ApplyError> {
    let there = catalog::indexes(&work.session.doer, part.oid).await?;
    let usable =
        |index: &&catalog::IndexFacts| (index.valid || index.partitioned) && index.serves(wanted);
    let attached = |index: &catalog::IndexFacts| index.parent.as_deref() == Some(parent);
    if there.iter().filter(usable).any(attached) {
        return Ok(None);
    }
    if let Some(free) = there.iter().filter(usable).find(|index| index.parent.is_none()) {
        return Ok(Some(free.name.clone()));
    }
    if let Some(taken) = there.iter().find(usable) {
        return Err(ApplyError::Refused {
            what: format!("the index of the partition {}", part.name),
            why: format!("{} does the same and belongs to another index", taken.name),
        });
    }
    if part.kind == Kind::Partitioned {
        empty(work, part, own, wanted).await?;
    } else {
        build::concurrently(work, part, own, wanted).await?;
    }
    Ok(Some(own.name.clone()))
}

/// Makes the index of a partitioned table alone: nothing is built, and it is not valid yet.
async fn empty(
    work: &mut Work<'_>,
    table: &TableFacts,
    index: &IndexStatement,
    wanted: &IndexStatement,
) -> Result<(), ApplyError> {
    match build::look(work, table, &index.name, wanted).await? {
        There::Nothing => {}
        // Not valid, as it has to be until its parts are there.
        There::Leftover | There::Same(_) => return Ok(()),
    }
    let sql = IndexStatement { only: true, ..index.clone() }.text(Locking::Blocking);
    let made = IndexTarget {
        table: table.name.clone(),
        name: index.name.clone(),
        definition: sql.clone(),
        made: true,
    };
    let wait = work.options.lock;
    run::repeat(work, &sql, Some(&made), wait).await
}

/// What is not ours is noted with its definition: it goes with the parent, and has to come back then.
async fn attach(
    work: &mut Work<'_>,
    (schema, parent): &(String, String),
    part: &TableFacts,
    name: &str,
) -> Result<(), ApplyError> {
    let sql = format!(
        "ALTER INDEX {}.{} ATTACH PARTITION {}.{}",
        sql::identifier(schema),
        sql::identifier(parent),
        sql::identifier(&part.name.schema),
        sql::identifier(name),
    );
    let there = catalog::index(&work.session.doer, &part.name.schema, name).await?;
    let theirs = there.filter(|_| !work.is_ours(&part.name.schema, name));
    let theirs = theirs.map(|index| IndexTarget {
        table: part.name.clone(),
        name: name.to_owned(),
        definition: index.definition,
        made: false,
    });
    let wait = work.options.lock;
    run::repeat(work, &sql, theirs.as_ref(), wait).await
}

/// The same for the same partition in every run, and no other's.
fn part_name(index: &str, part: &TableFacts) -> String {
    let whole = format!("{index}_{}", part.name.name);
    if whole.len() <= NAME_BYTES_MAX {
        return whole;
    }
    let end = format!("_{:08x}", sql::hash(sql::qualified(&part.name).as_bytes()) >> 32);
    let room = whole.floor_char_boundary(NAME_BYTES_MAX - end.len());
    format!("{}{end}", whole.get(..room).unwrap_or_default())
}
