//! Indexes: keys, predicates, flags and sizes.

use std::collections::BTreeMap;

use model::{
    Text,
    database::{Database, Index, IndexColumn, IndexKey, IndexMethod},
};
use tokio_postgres::types::Type;

use super::{ReadError, Reader, cells::Cells, queries::Ask, tables::measured};

/// `indoption`: `DESC`.
const DESCENDING: i16 = 1;
/// `indoption`: `NULLS FIRST`.
const NULLS_FIRST: i16 = 2;
/// `indexprs` of a key that is an expression.
const EXPRESSION: i16 = 0;

pub(super) async fn read(
    reader: &mut Reader<'_>,
    database: &mut Database,
) -> Result<(), ReadError> {
    let oids: Vec<u32> = database.tables.iter().map(|table| table.oid).collect();
    let rows = measured(reader, Ask::Indexes, "indexes", (&oids, Type::OID_ARRAY)).await?;
    let block_bytes = reader.block_bytes;
    database.indexes = rows.iter().map(|row| index(&mut Cells::new(row), block_bytes)).collect();
    let names: BTreeMap<u32, usize> =
        database.tables.iter().enumerate().map(|(place, table)| (table.oid, place)).collect();
    // By the table's name, as tables are sorted, then by its own.
    database.indexes.sort_by(|one, other| {
        let key = |index: &Index| (names.get(&index.table_oid).copied(), index.oid);
        names
            .get(&one.table_oid)
            .cmp(&names.get(&other.table_oid))
            .then_with(|| one.name.cmp(&other.name))
            .then_with(|| key(one).cmp(&key(other)))
    });
    for index in &database.indexes {
        let Some(table) = names.get(&index.table_oid) else { continue };
        let Some(table) = database.tables.get_mut(*table) else { continue };
        table.index_bytes = table.index_bytes.saturating_add(index.bytes);
        if index.primary {
            table.primary_key = index.keys.iter().filter_map(column_number).collect();
        }
    }
    Ok(())
}

fn column_number(column: &IndexColumn) -> Option<i16> {
    match column.key {
        IndexKey::Column(number) => Some(number),
        IndexKey::Expression(_) => None,
    }
}

fn index(cells: &mut Cells<'_>, block_bytes: u64) -> Index {
    let (oid, table_oid, name) = (cells.oid(), cells.oid(), cells.text());
    let method = IndexMethod::of(&cells.text());
    let keys_count = usize::try_from(cells.int()).unwrap_or_default();
    let (numbers, options) = (cells.shorts(), cells.shorts());
    let (classes, collations, expressions) = (cells.texts(), cells.texts(), cells.texts());
    let at = |list: &[String], place: usize| list.get(place).cloned().unwrap_or_default();
    let keys = numbers.iter().take(keys_count).enumerate().map(|(place, number)| {
        let option = options.get(place).copied().unwrap_or_default();
        IndexColumn {
            key: match *number {
                EXPRESSION => IndexKey::Expression(at(&expressions, place)),
                number => IndexKey::Column(number),
            },
            descending: option & DESCENDING != 0,
            nulls_first: option & NULLS_FIRST != 0,
            operator_class: Text::from(at(&classes, place)),
            collation: Text::from(at(&collations, place)),
        }
    });
    let keys = keys.collect();
    let include = numbers.iter().skip(keys_count).copied().collect();
    let predicate = cells.text();
    let (unique, primary, constraint) = (cells.bool(), cells.bool(), cells.bool());
    let (identity, valid) = (cells.bool(), cells.bool());
    let parent_oid = cells.maybe_oid();
    let bytes = cells.maybe_count();
    let pages = cells.count();
    Index {
        oid,
        table_oid,
        name,
        method,
        keys,
        include,
        predicate,
        unique,
        primary,
        constraint,
        identity,
        valid,
        parent_oid,
        bytes: bytes.unwrap_or_else(|| pages.saturating_mul(block_bytes)),
        // -1 until it was analysed.
        entries: cells.float().max(0.0),
        definition: cells.string(),
        ..Index::default()
    }
}
