//! Tables and their sizes.
//!
//! Asking for a size takes a lock that waits for whoever rewrites the table. Tables that somebody holds are
//! left out of that question, and if one is caught in between, nobody is asked: the planner's count of
//! pages stands in.

use model::{
    Text,
    database::{Database, Table, TableKind, TableName},
};
use tokio_postgres::{Row, types::Type};

use super::{
    ReadError, ReadOptions, Reader,
    cells::Cells,
    queries::Ask,
    reader::{Answer, Parameter, is_late, said},
};

/// Tables named in a note.
const NAMED_MAX: usize = 3;

pub(super) async fn read(
    reader: &mut Reader<'_>,
    options: &ReadOptions,
    database: &mut Database,
) -> Result<(), ReadError> {
    let limit = i64::from(options.tables_max);
    let rows = measured(reader, Ask::Tables, "tables", (&limit, Type::INT8)).await?;
    let mut all = 0;
    let mut locked = Vec::new();
    for row in &rows {
        let mut cells = Cells::new(row);
        all = cells.count();
        let (table, is_locked) = table(&mut cells, reader.block_bytes);
        if is_locked {
            locked.push(table.name.to_string());
        }
        database.tables.push(table);
    }
    database.tables_left_out = all.saturating_sub(database.tables.len() as u64);
    if 0 < database.tables_left_out {
        reader.note(format!("the {} largest of {all} tables were read", database.tables.len()));
    }
    if !locked.is_empty() {
        let more = locked.len().saturating_sub(NAMED_MAX);
        locked.truncate(NAMED_MAX);
        let more = if 0 < more { format!(" and {more} more") } else { String::new() };
        reader.note(format!(
            "{}{more}: somebody holds the table for himself; its size is a guess, and definitions of its \
             indexes are not known",
            locked.join(", ")
        ));
    }
    Ok(())
}

/// Asks with sizes; if a lock was in the way, without.
pub(super) async fn measured(
    reader: &mut Reader<'_>,
    ask: Ask,
    what: &'static str,
    first: Parameter<'_>,
) -> Result<Vec<Row>, ReadError> {
    let (value, of) = first;
    for measure in [true, true, false] {
        let parameters = [(value, of.clone()), (&measure as _, Type::BOOL)];
        match reader.try_ask(ask, what, &parameters).await? {
            Some(Answer::Rows(rows)) => return Ok(rows),
            Some(Answer::Nothing(error)) if measure && is_late(&error) => {}
            Some(Answer::Nothing(error)) => {
                reader.note(format!("the {what} could not be read: {}", said(&error)));
                break;
            }
            None => break,
        }
    }
    Ok(Vec::new())
}

fn table(cells: &mut Cells<'_>, block_bytes: u64) -> (Table, bool) {
    let oid = cells.oid();
    let name = TableName { schema: cells.text(), name: cells.text() };
    let kind = match cells.text().as_str() {
        "p" => TableKind::Partitioned,
        "m" => TableKind::MaterializedView,
        "f" => TableKind::Foreign,
        _ => TableKind::Ordinary,
    };
    let parent_oid = cells.maybe_oid();
    let rows = cells.float();
    let pages = cells.count();
    let pages_all_visible = cells.count();
    let bytes = cells.maybe_count().unwrap_or_else(|| pages.saturating_mul(block_bytes));
    let toast_bytes = cells.maybe_count();
    let toast_pages = cells.count();
    let is_locked = cells.bool();
    let options: Vec<Text> = cells.texts().into_iter().map(Text::from).collect();
    let table = Table {
        oid,
        name,
        kind,
        parent_oid,
        // Before 14 a table that was never analysed has 0 rows on 0 pages.
        rows: (0.0 < rows || (rows == 0.0 && 0 < pages)).then_some(rows),
        pages,
        pages_all_visible,
        bytes,
        toast_bytes: toast_bytes.unwrap_or_else(|| toast_pages.saturating_mul(block_bytes)),
        fillfactor: fillfactor(&options),
        options,
        row_security: cells.bool(),
        transaction_age: cells.count(),
        ..Table::default()
    };
    (table, is_locked)
}

fn fillfactor(options: &[Text]) -> u32 {
    let set = options.iter().find_map(|option| option.strip_prefix("fillfactor="));
    set.and_then(|percent| percent.parse().ok()).unwrap_or(100)
}
