//! A statement that somebody gives, as a change: with all its names, and with what takes it back.

use model::{Change, Text};
use sql::{IndexStatement, Locking};

use super::{ApplyError, catalog, steps};
use crate::{Limits, Target, connect};

/// The change that a `CREATE INDEX` or `DROP INDEX` makes. An index without a name gets one that says what it is on.
///
/// # Errors
///
/// It is neither, or what it names is not there.
pub async fn change_of(target: &Target, statement: &str) -> Result<Change, ApplyError> {
    let connection = connect(target, &Limits::default()).await?;
    let mut change = Change {
        database: Text::from(target.database()),
        locks: "reads and writes go on; other changes of the table have to wait".to_owned(),
        ..Change::default()
    };
    if let Some(mut index) = IndexStatement::parse(statement) {
        let table = catalog::table(&connection, &index.schema, &index.table).await?;
        let table = table.ok_or_else(|| ApplyError::NoTable { table: index.table.clone() })?.name;
        index.schema = table.schema.to_string();
        index.table = table.name.to_string();
        if index.name.is_empty() {
            index.name = name(&index);
        }
        change.apply.push(index.text(Locking::Concurrently));
        change.revert.push(sql::drop_index(&index.schema, &index.name, Locking::Concurrently));
        change.creates.push((table, Text::from(index.name)));
    } else if let Some((schema, name)) = sql::dropped_index(statement) {
        let index = catalog::index(&connection, &schema, &name).await?;
        let Some(index) = index else {
            let why = "there is no such index".to_owned();
            return Err(ApplyError::Refused { what: statement.to_owned(), why });
        };
        let drop = sql::drop_index(&index.table.schema, &index.name, Locking::Concurrently);
        change.apply.push(drop);
        let again = IndexStatement::parse(&index.definition);
        change.revert.extend(again.map(|again| again.text(Locking::Concurrently)));
        change.drops.push((index.table, Text::from(index.name)));
    } else {
        let why = "it is no statement that creates or drops one index".to_owned();
        return Err(ApplyError::Refused { what: statement.to_owned(), why });
    }
    steps::read(&change.apply)?;
    Ok(change)
}

/// Table and keys, as PostgreSQL names what nobody named.
pub(super) fn name(index: &IndexStatement) -> String {
    let keys = index.keys.iter().map(|key| key.column.as_deref().unwrap_or("expr"));
    let whole: Vec<&str> = std::iter::once(index.table.as_str()).chain(keys).collect();
    let whole = whole.join("_");
    let room = whole.floor_char_boundary(sql::NAME_BYTES_MAX - "_idx".len());
    format!("{}_idx", whole.get(..room).unwrap_or_default())
}
