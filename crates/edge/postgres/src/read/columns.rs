//! Columns, and what `ANALYZE` knows of them: shares, never values.

use std::collections::BTreeMap;

use model::database::{Column, ColumnStatistics, Database, Table};
use tokio_postgres::types::Type;

use super::{ReadError, Reader, cells::Cells, queries::Ask, rights};

/// Tables whose columns are asked for at once: some thousand rows an answer.
const TABLES_AT_ONCE: usize = 200;

pub(super) async fn read(
    reader: &mut Reader<'_>,
    database: &mut Database,
) -> Result<(), ReadError> {
    let oids: Vec<u32> = database.tables.iter().map(|table| table.oid).collect();
    let mut tables: BTreeMap<u32, &mut Table> =
        database.tables.iter_mut().map(|table| (table.oid, table)).collect();
    for some in oids.chunks(TABLES_AT_ONCE) {
        let parameter = [(&some as _, Type::OID_ARRAY)];
        let rows = reader.ask(Ask::Columns, "columns", &parameter).await?.unwrap_or_default();
        for row in &rows {
            let mut cells = Cells::new(row);
            let oid = cells.oid();
            let column = column(&mut cells);
            if let Some(table) = tables.get_mut(&oid) {
                table.columns.push(column);
            }
        }
        let rows = reader.ask(Ask::ColumnStatistics, "statistics of columns", &parameter).await?;
        for row in &rows.unwrap_or_default() {
            let mut cells = Cells::new(row);
            let (oid, name) = (cells.oid(), cells.text());
            let statistics = statistics(&mut cells);
            let Some(table) = tables.get_mut(&oid) else { continue };
            let column = table.columns.iter_mut().find(|column| column.name == name);
            // Those of the table itself come before those that count its children too.
            if let Some(column) = column.filter(|column| column.statistics.is_none()) {
                column.statistics = Some(statistics);
            }
        }
        let rows = reader.ask(Ask::DistinctGroups, "extended statistics", &parameter).await?;
        for row in &rows.unwrap_or_default() {
            let mut cells = Cells::new(row);
            let (oid, text) = (cells.oid(), cells.string());
            if let Some(table) = tables.get_mut(&oid) {
                table.distinct_groups.extend(distinct_groups(&text));
            }
        }
    }
    unreadable(reader, &oids).await
}

/// Says how many tables may not be read.
async fn unreadable(reader: &mut Reader<'_>, oids: &[u32]) -> Result<(), ReadError> {
    let parameter = [(&oids as _, Type::OID_ARRAY)];
    let rows = reader.ask(Ask::Unreadable, "rights on tables", &parameter).await?;
    for row in &rows.unwrap_or_default() {
        let mut cells = Cells::new(row);
        let (count, name) = (cells.count(), cells.text());
        match count {
            0 => {}
            1 => reader.lacks(&rights::TABLES, &format!("the table `{name}`")),
            _ => reader.lacks(&rights::TABLES, &format!("{count} tables such as `{name}`")),
        }
    }
    Ok(())
}

fn column(cells: &mut Cells<'_>) -> Column {
    Column {
        number: cells.short(),
        name: cells.text(),
        type_name: cells.text(),
        type_oid: cells.oid(),
        type_length: cells.short(),
        type_align: match cells.text().as_str() {
            "s" => 2,
            "i" => 4,
            "d" => 8,
            _ => 1,
        },
        type_category: cells.text().chars().next().unwrap_or('X'),
        not_null: cells.bool(),
        deduplicates: cells.bool(),
        statistics: None,
    }
}

fn statistics(cells: &mut Cells<'_>) -> ColumnStatistics {
    let mut statistics = ColumnStatistics {
        null_share: cells.float(),
        width: cells.oid(),
        distinct: cells.float(),
        correlation: cells.maybe_float(),
        common_shares: cells.floats(),
        common_share: cells.float(),
        width_range: None,
    };
    if let [narrowest, widest] = cells.ints()[..] {
        statistics.width_range = Some((stored_bytes(narrowest), stored_bytes(widest)));
    }
    statistics
}

/// Bytes of a text with its header, which is one byte up to 126 and four beyond.
fn stored_bytes(text_bytes: i64) -> u32 {
    let header = if text_bytes <= 126 { 1 } else { 4 };
    u32::try_from(text_bytes.saturating_add(header)).unwrap_or(u32::MAX)
}

/// Reads `pg_ndistinct` as the server prints it: `{"1, 3": 10, "1, 4": 3}`. Groups with expressions, whose
/// numbers are negative, are left out.
fn distinct_groups(text: &str) -> Vec<(Vec<i16>, f64)> {
    let inner = text.trim().trim_start_matches('{').trim_end_matches('}');
    let mut groups = Vec::new();
    let mut rest = inner;
    while let Some((_, after)) = rest.split_once('"') {
        let Some((names, after)) = after.split_once('"') else { break };
        let number = after.trim_start_matches([':', ' ']);
        let end = number.find(',').unwrap_or(number.len());
        let (count, after) = number.split_at_checked(end).unwrap_or((number, ""));
        let numbers: Result<Vec<i16>, _> =
            names.split(',').map(|name| name.trim().parse()).collect();
        if let (Ok(numbers), Ok(count)) = (numbers, count.trim().parse::<f64>())
            && numbers.iter().all(|number| 0 < *number)
            && 0.0 < count
        {
            groups.push((numbers, count));
        }
        rest = after;
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_columns_are_read_as_the_server_prints_them() {
        let check = |text, expected: &[(&[i16], f64)]| {
            let expected: Vec<(Vec<i16>, f64)> =
                expected.iter().map(|(group, count)| (group.to_vec(), *count)).collect();
            assert_eq!(distinct_groups(text), expected, "{text}");
        };
        check(
            r#"{"1, 3": 10, "1, 4": 3, "1, 3, 4": 12}"#,
            &[(&[1, 3], 10.0), (&[1, 4], 3.0), (&[1, 3, 4], 12.0)],
        );
        check(r#"{"-1, 2": 7, "1, 2": 5}"#, &[(&[1, 2], 5.0)]);
        for text in ["", "{}", "{\"", "{\"1, x\": 3}", "{\"1, 2\": }", "{\"1, 2\": -1}", "\"\"\"\""]
        {
            check(text, &[]);
        }
    }
}
