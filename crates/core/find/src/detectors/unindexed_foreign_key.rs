//! A foreign key without an index on the side that refers.
//!
//! Any order of the columns will do, and more columns after them; an index on some of the rows will not: the check
//! that runs for each deleted row asks for all of them.

use model::{
    ProposedIndex, StatementKind, WriteCost,
    database::{ForeignKey, IndexColumn, IndexKey, NewIndex, ServerStatement, Table, TableKind},
};

use crate::{
    Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks,
    detectors::{figures, indexes, words},
};

static ROWS_MIN: Knob = Knob {
    key: "rows-min",
    default: 10_000.0,
    unit: "rows",
    doc: "A smaller table is read as a whole in a millisecond or two.",
};

pub(super) static UNINDEXED_FOREIGN_KEY: Detector = Detector {
    code: "F021",
    name: "unindexed-foreign-key",
    title: "A foreign key has no index where it refers from",
    doc: include_str!("unindexed_foreign_key.md"),
    effort_days: 0.1,
    share_min: 0.0,
    knobs: &[&ROWS_MIN],
    looks: &[Looks::Database(look)],
};

/// Rows that one process reads from memory within a millisecond: a sequential scan of ten million rows took 1.4 s.
const ROWS_PER_MILLI: f64 = 7_000.0;

/// What a look-up by the index takes, roughly.
const BY_INDEX_MILLIS: f64 = 0.1;

fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    for key in &view.database.foreign_keys {
        let (Some(table), Some(referenced)) =
            (view.table(key.table_oid), view.table(key.referenced_oid))
        else {
            continue;
        };
        let is_small = view.rows(table) < knobs.get(&ROWS_MIN);
        // Keys of partitions are those of the table that they are parts of.
        if is_small || table.parent_oid.is_some() || view.is_indexed(table, &key.columns) {
            continue;
        }
        found.extend(sighting(view, key, table, referenced));
    }
}

fn sighting(
    view: &DatabaseView<'_>,
    key: &ForeignKey,
    table: &Table,
    referenced: &Table,
) -> Option<DatabaseSighting> {
    let columns = figures::columns(table, &key.columns);
    let scan_millis = view.rows(table) / ROWS_PER_MILLI;
    let deletes = view.usage_per_day(referenced.usage.deleted);
    let joins: Vec<&ServerStatement> = view
        .statements_on(table)
        .iter()
        .copied()
        .filter(|statement| {
            // What takes far less does not read the table as a whole; some processes may share the work.
            scan_millis / 5.0 <= statement.runs.mean_millis()
                && searches(statement, &columns, referenced)
        })
        .collect();
    if deletes == 0.0 && joins.is_empty() {
        return None;
    }
    let joined: f64 = joins
        .iter()
        .map(|statement| {
            let per_run = statement.runs.mean_millis();
            view.per_day(statement.runs.calls) * per_run.min(scan_millis) * 0.9
        })
        .sum();
    let runs = deletes + joins.iter().map(|it| view.per_day(it.runs.calls)).sum::<f64>();
    let saved_millis = deletes * scan_millis + joined;
    let mean = saved_millis / runs.max(1e-9);
    let list = columns.join(", ");
    let claim = format!(
        "each row of {} that goes or is joined makes the database read all of {}: {list} has no index",
        referenced.name, table.name
    );
    let mut sighting =
        DatabaseSighting::new(UNINDEXED_FOREIGN_KEY.name, &table.name, key.name.as_str())
            .claim(claim)
            .table(&table.name)
            .cost(Cost {
                now_millis: mean,
                after_millis: mean.min(BY_INDEX_MILLIS),
                ..Cost::of_hours(saved_millis / 3.6e6)
            });
    sighting.cost.runs_per_day = runs;
    // The check runs within the statement that deletes: its time is that statement's.
    let deleting = view.statements_on(referenced).iter().copied().filter(|it| {
        let first = view.first_table(&it.text).map(|table| table.oid);
        it.text.kind == StatementKind::Delete && first == Some(referenced.oid)
    });
    let mut statements: Vec<&ServerStatement> = joins.iter().copied().chain(deleting).collect();
    statements.sort_by(|left, right| right.runs.total_millis.total_cmp(&left.runs.total_millis));
    if let Some(first) = statements.first() {
        sighting = sighting.statement(first);
        let others = statements.iter().skip(1).take(9);
        sighting.evidence.related = others.map(|it| std::sync::Arc::clone(&it.text)).collect();
    }
    sighting = sighting
        .figure("foreign key", format!("{} ({list}) to {}", key.name, referenced.name))
        .figure("rows", figures::count(view.rows(table)))
        .figure(
            "deleted from the other side",
            format!(
                "{} {}",
                figures::count(view_count(referenced.usage.deleted)),
                view.over_usage()
            ),
        );
    for statement in statements.iter().take(3) {
        let mean = figures::millis(statement.runs.mean_millis());
        sighting.evidence.excerpt.push(format!("{}, {mean}", words::shorten(&statement.text.text)));
    }
    sighting.known().proposed.push(proposed(view, key, table));
    Some(sighting)
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn view_count(count: u64) -> f64 {
    count as f64
}

/// Whether a statement looks for rows by the key: it filters by one of its columns, or joins the other side.
fn searches(statement: &ServerStatement, columns: &[String], referenced: &Table) -> bool {
    let text = &statement.text;
    let Some(shape) = text.shape.as_ref() else { return false };
    if text.kind == StatementKind::Insert {
        return false;
    }
    let filters = shape.filters.iter().any(|filter| columns.iter().any(|it| *it == *filter.column));
    let names_it = text.tables.iter().any(|name| *name == referenced.name.to_string());
    // A join reads the whole of both sides unless something narrows the other.
    let joins = shape.joins && names_it && !shape.filters.is_empty();
    let by_column = columns.iter().all(|column| text.text.contains(column.as_str()));
    filters || (joins && by_column)
}

fn proposed(view: &DatabaseView<'_>, key: &ForeignKey, table: &Table) -> ProposedIndex {
    let keys = key
        .columns
        .iter()
        .map(|column| IndexColumn { key: IndexKey::Column(*column), ..IndexColumn::default() });
    let index = NewIndex { table: table.name.clone(), keys: keys.collect(), ..NewIndex::default() };
    let taken = |name: &str| view.indexes_of(table).iter().any(|known| known.name == name);
    let name = sql::index_name(&index, table, &taken);
    let locking = match table.kind {
        TableKind::Partitioned => sql::Locking::Blocking,
        _ => sql::Locking::Concurrently,
    };
    let ddl = sql::create_index(&index, table, &name, locking);
    ProposedIndex {
        index,
        name,
        ddl,
        write_cost: WriteCost {
            cpu_micros_per_row: indexes::ENTRY_MICROS,
            rows_per_day: indexes::writes_per_day(view, table),
            ..WriteCost::default()
        },
        why: vec![format!("the foreign key {}", key.name)],
        ..ProposedIndex::default()
    }
}
