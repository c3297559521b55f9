//! A statement that reads far more than it gives back.

use model::{Projection, StatementKind, database::ServerStatement};

use crate::{
    Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks,
    detectors::{figures, planned, words},
};

static MEAN_MILLIS_MIN: Knob = Knob {
    key: "mean-millis-min",
    default: 20.0,
    unit: "ms",
    doc: "A run that finds its rows by an index takes about 1 ms; below twenty times that nobody notices.",
};

static BLOCKS_PER_ROW_MIN: Knob = Knob {
    key: "blocks-per-row-min",
    default: 100.0,
    unit: "blocks",
    doc: "A row that an index finds costs 4 or 5 blocks; with a few joins, 20.",
};

static BLOCKS_MIN: Knob = Knob {
    key: "blocks-min",
    default: 1_000.0,
    unit: "blocks",
    doc: "8 MB a run: less is read in a millisecond or two.",
};

static SHARE_MIN: Knob = Knob {
    key: "share-min",
    default: 0.01,
    unit: "of database time",
    doc: "With a smaller share, other things come first.",
};

pub(super) static ROWS_SCANNED_VS_RETURNED: Detector = Detector {
    code: "F020",
    name: "rows-scanned-vs-returned",
    title: "A statement reads far more than it gives back",
    doc: include_str!("rows_scanned_vs_returned.md"),
    effort_days: 0.5,
    share_min: 0.0,
    knobs: &[&MEAN_MILLIS_MIN, &BLOCKS_PER_ROW_MIN, &BLOCKS_MIN, &SHARE_MIN],
    looks: &[Looks::Database(look)],
};

fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    for statement in view.statements().filter(|it| view.matters(it, knobs.get(&SHARE_MIN))) {
        let mean = statement.runs.mean_millis();
        if !gives_rows(statement) || mean < knobs.get(&MEAN_MILLIS_MIN) {
            continue;
        }
        let (blocks, rows) = blocks_and_rows(statement);
        // What finds nothing reads as much as what finds one.
        let per_row = blocks / rows.max(1.0);
        if knobs.get(&BLOCKS_MIN) <= blocks && knobs.get(&BLOCKS_PER_ROW_MIN) <= per_row {
            found.extend(sighting(view, statement, blocks, rows));
        }
    }
    let rules = ["sequential-scan", "unselective-index", "sort-for-limit"];
    planned::tell(view, ROWS_SCANNED_VS_RETURNED.name, &rules, found);
}

/// Whether its rows are rows of tables: what sums up reads much by its nature.
fn gives_rows(statement: &ServerStatement) -> bool {
    let text = &statement.text;
    let kind = text.kind == StatementKind::Select || text.kind.writes();
    kind && text.kind != StatementKind::Insert
        && text.shape.as_ref().is_none_or(|shape| {
            !shape.grouped && !matches!(shape.projection, Projection::Count | Projection::Aggregate)
        })
}

/// Blocks read and rows given back by a mean run.
#[expect(clippy::cast_precision_loss, reason = "rates for people")]
pub(super) fn blocks_and_rows(statement: &ServerStatement) -> (f64, f64) {
    let runs = &statement.runs;
    let calls = runs.calls.max(1) as f64;
    ((runs.shared_hit + runs.shared_read) as f64 / calls, runs.rows as f64 / calls)
}

/// `20 rows`, `1 row`, `2.5 rows`
fn told(rows: f64) -> String {
    let whole = rows.round();
    if 10.0 <= rows || (rows - whole).abs() < 0.05 {
        return figures::rows(whole);
    }
    format!("{rows:.1} rows")
}

fn sighting(
    view: &DatabaseView<'_>,
    statement: &ServerStatement,
    blocks: f64,
    rows: f64,
) -> Option<DatabaseSighting> {
    let text = &statement.text;
    let table = view.first_table(text)?;
    let mean = statement.runs.mean_millis();
    // Found by an index, a row costs some blocks.
    let after = mean * (rows.max(1.0) * 20.0 / blocks).min(1.0);
    let cost = Cost::of_runs(view.per_day(statement.runs.calls), mean, after);
    let cause = format!("{:016x}", text.fingerprint);
    let sighting = DatabaseSighting::new(ROWS_SCANNED_VS_RETURNED.name, &table.name, cause)
        .claim(format!(
            "{} blocks of {}{} are read to {} {}",
            figures::count(blocks),
            table.name,
            if text.tables.len() < 2 { "" } else { " and others" },
            if text.kind == StatementKind::Select { "give back" } else { "change" },
            told(rows),
        ))
        .columns(table)
        .statement(statement)
        .cost(cost)
        .figure("statement", words::shorten(&text.text))
        .figure("runs", figures::a_day(view.per_day(statement.runs.calls)))
        .figure("mean", figures::millis(mean))
        .figure("read each", figures::bytes(bytes_of(blocks)))
        .figure("rows in the table", figures::count(view.rows(table)));
    Some(sighting)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn bytes_of(blocks: f64) -> u64 {
    (blocks * 8_192.0) as u64
}
