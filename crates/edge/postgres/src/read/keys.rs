//! Foreign keys and sequences.

use model::database::{Database, ForeignKey, ForeignKeyAction, Sequence, TableName};
use tokio_postgres::types::Type;

use super::{ReadError, Reader, cells::Cells, queries::Ask, rights};

/// Sequences whose last value is asked, those with the smallest maximum first: each takes a lock until the
/// answer is there, and a server has room for some thousand.
const SEQUENCES_MAX: i64 = 1_000;

pub(super) async fn read(
    reader: &mut Reader<'_>,
    database: &mut Database,
) -> Result<(), ReadError> {
    let oids: Vec<u32> = database.tables.iter().map(|table| table.oid).collect();
    let parameter = [(&oids as _, Type::OID_ARRAY)];
    let rows = reader.ask(Ask::ForeignKeys, "foreign keys", &parameter).await?.unwrap_or_default();
    database.foreign_keys = rows.iter().map(|row| foreign_key(&mut Cells::new(row))).collect();
    let parameter = [(&SEQUENCES_MAX as _, Type::INT8)];
    let rows = reader.ask(Ask::Sequences, "sequences", &parameter).await?.unwrap_or_default();
    let mut unreadable = 0_u32;
    for row in &rows {
        let mut cells = Cells::new(row);
        let name = TableName { schema: cells.text(), name: cells.text() };
        let (last, max, column) = (cells.maybe_int(), cells.int(), cells.text());
        let is_readable = cells.bool();
        if is_readable {
            // Null before the first value.
            let last = last.unwrap_or_default();
            database.sequences.push(Sequence { name, last, max, column });
        } else {
            unreadable += 1;
        }
    }
    match unreadable {
        0 => {}
        1 => reader.lacks(&rights::SEQUENCES, "values of one sequence"),
        _ => reader.lacks(&rights::SEQUENCES, &format!("values of {unreadable} sequences")),
    }
    Ok(())
}

fn foreign_key(cells: &mut Cells<'_>) -> ForeignKey {
    ForeignKey {
        name: cells.text(),
        table_oid: cells.oid(),
        columns: cells.shorts(),
        referenced_oid: cells.oid(),
        referenced_columns: cells.shorts(),
        on_delete: match cells.text().as_str() {
            "c" => ForeignKeyAction::Cascade,
            "n" | "d" => ForeignKeyAction::Set,
            _ => ForeignKeyAction::Refuse,
        },
        validated: cells.bool(),
    }
}
