//! What the server's own counters say of statements: the same faults as in requests, seen from the other side.

use model::{
    Projection, ProposedIndex, Shape, StatementKind,
    database::{Column, IndexColumn, IndexKey, NewIndex, ServerStatement, Table, TableKind},
};

use crate::{
    Cost, DatabaseSighting, DatabaseView,
    database::mean_width,
    detectors::{figures, rows_scanned_vs_returned::blocks_and_rows, words},
};

/// Share of all database time below which a statement is not looked at: other things come first.
pub(super) const SHARE_MIN: f64 = 0.01;

/// A page by key takes about this long.
const BY_KEY_MILLIS: f64 = 2.0;

/// Blocks that a run with a deep offset reads at least: some thousand rows.
const OFFSET_BLOCKS_MIN: f64 = 200.0;

/// Statements that page by offset and read far more than a page.
pub(super) fn deep_offset(
    view: &DatabaseView<'_>,
    fault: &'static str,
    millis_min: f64,
    found: &mut Vec<DatabaseSighting>,
) {
    for statement in view.statements().filter(|it| view.matters(it, SHARE_MIN)) {
        let text = &statement.text;
        let (Some(shape), Some(table)) = (text.shape.as_ref(), view.first_table(text)) else {
            continue;
        };
        let mean = statement.runs.mean_millis();
        let (blocks, rows) = blocks_and_rows(statement);
        let reads_on = OFFSET_BLOCKS_MIN.max(rows * 5.0) <= blocks;
        if !shape.offset || !reads_on || mean < millis_min {
            continue;
        }
        let per_day = view.per_day(statement.runs.calls);
        let mut sighting = about(fault, statement, table)
            .claim(format!(
                "pages of {} are found by reading and dropping every row before them",
                table.name
            ))
            .cost(Cost::of_runs(per_day, mean, BY_KEY_MILLIS))
            .figure("statement", words::shorten(&text.text))
            .figure("mean", format!("{}, {}", figures::millis(mean), figures::a_day(per_day)))
            .figure("read each", blocks_told(blocks, rows));
        sighting.known().proposed.extend(page_index(view, table, shape, &text.text));
        found.push(sighting);
    }
}

/// The index that pages by key want: what is compared for equality, the order, the key. `None` if there is one.
fn page_index(
    view: &DatabaseView<'_>,
    table: &Table,
    shape: &Shape,
    text: &str,
) -> Option<ProposedIndex> {
    if shape.joins || table.kind != TableKind::Ordinary || shape.order_by.is_empty() {
        return None;
    }
    let number = |name: &str| table.column_named(name).map(|column| column.number);
    let equal = shape.filters.iter().filter(|it| it.operator == model::FilterOperator::Equal);
    let mut columns: Vec<(i16, bool)> =
        equal.map(|it| Some((number(&it.column)?, false))).collect::<Option<_>>()?;
    let order = text.rsplit_once(" order by ").map_or("", |(_, order)| order);
    let descends = order.contains(" desc");
    let wanted: Vec<i16> =
        shape.order_by.iter().map(|name| number(name)).collect::<Option<Vec<_>>>()?;
    columns.extend(wanted.into_iter().map(|column| (column, descends)));
    columns.extend(table.primary_key.iter().map(|column| (*column, descends)));
    let mut seen = Vec::new();
    columns.retain(|(column, _)| {
        !seen.contains(column) && {
            seen.push(*column);
            true
        }
    });
    let keys = columns.iter().map(|(column, descending)| IndexColumn {
        key: IndexKey::Column(*column),
        descending: *descending,
        nulls_first: *descending,
        ..IndexColumn::default()
    });
    let index = NewIndex { table: table.name.clone(), keys: keys.collect(), ..NewIndex::default() };
    let there = view.indexes_of(table).iter().any(|known| {
        let first = known.keys.get(..index.keys.len()).unwrap_or_default();
        known.valid
            && known.predicate.is_empty()
            && first.len() == index.keys.len()
            && first.iter().zip(&index.keys).all(|(known, wanted)| known.key == wanted.key)
    });
    if there {
        return None;
    }
    let taken = |name: &str| view.indexes_of(table).iter().any(|known| known.name == name);
    let name = sql::index_name(&index, table, &taken);
    let ddl = sql::create_index(&index, table, &name, sql::Locking::Concurrently);
    let why = vec!["pages by key in the order of the list".to_owned()];
    Some(ProposedIndex { index, name, ddl, why, ..ProposedIndex::default() })
}

/// Statements that count many rows exactly.
pub(super) fn exact_count(
    view: &DatabaseView<'_>,
    fault: &'static str,
    millis_min: f64,
    found: &mut Vec<DatabaseSighting>,
) {
    for statement in view.statements().filter(|it| view.matters(it, SHARE_MIN)) {
        let text = &statement.text;
        let (Some(shape), Some(table)) = (text.shape.as_ref(), view.first_table(text)) else {
            continue;
        };
        let mean = statement.runs.mean_millis();
        let counts = shape.projection == Projection::Count && !shape.grouped;
        if !counts || mean < millis_min {
            continue;
        }
        let per_day = view.per_day(statement.runs.calls);
        let whole = shape.filters.is_empty() && !shape.filters_more && !shape.joins;
        let which = if whole { "rows" } else { "matching rows" };
        let mut sighting = about(fault, statement, table)
            .claim(format!(
                "all {which} of {} are counted, {}",
                table.name,
                figures::a_day(per_day)
            ))
            .cost(Cost::of_runs(per_day, mean, 1.0))
            .figure("statement", words::shorten(&text.text))
            .figure("mean", format!("{}, {}", figures::millis(mean), figures::a_day(per_day)));
        if whole && let Some(estimate) = table.rows {
            sighting = sighting.figure("estimate", estimate_told(table, estimate));
        }
        found.push(sighting);
    }
}

/// The estimate of a count with its error, as far as the statistics tell: rows changed since they were taken.
#[expect(clippy::cast_precision_loss, reason = "for people")]
fn estimate_told(table: &Table, estimate: f64) -> String {
    let live = table.usage.live as f64;
    let error = if 0.0 < live { (estimate - live).abs() / live } else { 0.0 };
    format!(
        "{} in 1 ms, {} off what the server counts as it goes",
        figures::count(estimate),
        figures::percent(error)
    )
}

/// Bytes of a column's mean value from which on a list should not read it unasked.
const WIDE_BYTES_MIN: u32 = 200;

/// Bytes of wide columns that a run reads at least.
const WIDE_RUN_BYTES_MIN: f64 = 50_000.0;

/// Lists that read wide columns.
pub(super) fn wide_select(
    view: &DatabaseView<'_>,
    fault: &'static str,
    millis_min: f64,
    found: &mut Vec<DatabaseSighting>,
) {
    for statement in view.statements().filter(|it| view.matters(it, SHARE_MIN)) {
        let text = &statement.text;
        let (Some(shape), Some(table)) = (text.shape.as_ref(), view.first_table(text)) else {
            continue;
        };
        let (_, rows) = blocks_and_rows(statement);
        let mean = statement.runs.mean_millis();
        if text.kind != StatementKind::Select || shape.joins || rows < 10.0 || mean < millis_min {
            continue;
        }
        let read = columns_read(table, shape, &text.text);
        let width = |column: &&Column| mean_width(table, column);
        let all: u32 = read.iter().map(width).sum();
        let wide: Vec<&&Column> = read.iter().filter(|it| WIDE_BYTES_MIN <= width(it)).collect();
        let spared: u32 = wide.iter().map(|column| width(column)).sum();
        if all == 0 || f64::from(spared) * rows < WIDE_RUN_BYTES_MIN || spared * 2 < all {
            continue;
        }
        let names: Vec<String> = wide.iter().map(|column| column.name.to_string()).collect();
        let per_day = view.per_day(statement.runs.calls);
        // Rows still have to be found: half of the wide columns' share is what is spared for sure.
        let after = mean * (1.0 - f64::from(spared) / f64::from(all) / 2.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let bytes = |width: u32| figures::bytes((f64::from(width) * rows * per_day) as u64);
        found.push(
            about(fault, statement, table)
                .claim(format!("a list reads {} of {}", words::list(&names, 3), table.name))
                .cost(Cost::of_runs(per_day, mean, after))
                .figure("statement", words::shorten(&text.text))
                .figure("rows each", figures::count(rows))
                .figure(
                    "width of a row",
                    format!("{all} bytes, {spared} of them in {}", names.join(", ")),
                )
                .figure(
                    "bytes a day",
                    format!("{}, of which {} to spare", bytes(all), bytes(spared)),
                ),
        );
    }
}

/// Columns of the table that the outermost select list reads.
fn columns_read<'a>(table: &'a Table, shape: &Shape, text: &str) -> Vec<&'a Column> {
    if shape.projection == Projection::Star {
        return table.columns.iter().collect();
    }
    let list = text.strip_prefix("select ").and_then(|rest| rest.split(" from ").next());
    let names = list.into_iter().flat_map(|list| list.split(','));
    let bare = names.filter_map(|item| item.trim().split(' ').next()?.rsplit('.').next());
    bare.filter_map(|name| table.column_named(name.trim_matches('"'))).collect()
}

/// A run that takes this long is slow whoever waits for it.
const SLOW_SHARE_MIN: f64 = 0.05;

/// Statements that take long for no reason that anything else knows.
pub(super) fn slow_statement(
    view: &DatabaseView<'_>,
    fault: &'static str,
    millis_min: f64,
    found: &mut Vec<DatabaseSighting>,
) {
    let target = view.targets.statement.as_secs_f64() * 1e3;
    for statement in view.statements().filter(|it| view.matters(it, SLOW_SHARE_MIN)) {
        let text = &statement.text;
        let mean = statement.runs.mean_millis();
        let works = text.kind == StatementKind::Select || text.kind.writes();
        let Some(table) = view.first_table(text).filter(|_| works && millis_min <= mean) else {
            continue;
        };
        let per_day = view.per_day(statement.runs.calls);
        let (blocks, rows) = blocks_and_rows(statement);
        found.push(
            about(fault, statement, table)
                .claim(format!("a statement on {} takes long", table.name))
                .cost(Cost::of_runs(per_day, mean, target))
                .figure("statement", words::shorten(&text.text))
                .figure("mean", format!("{}, {}", figures::millis(mean), figures::a_day(per_day)))
                .figure("longest", figures::millis(statement.runs.max_millis))
                .figure("read each", blocks_told(blocks, rows)),
        );
    }
}

fn about(fault: &'static str, statement: &ServerStatement, table: &Table) -> DatabaseSighting {
    let cause = format!("{:016x}", statement.text.fingerprint);
    DatabaseSighting::new(fault, &table.name, cause).columns(table).statement(statement)
}

/// `8,300 blocks (65 MB) for 20 rows`
fn blocks_told(blocks: f64, rows: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let size = figures::bytes((blocks * 8_192.0) as u64);
    format!("{} blocks ({size}) for {}", figures::count(blocks), figures::rows(rows))
}
