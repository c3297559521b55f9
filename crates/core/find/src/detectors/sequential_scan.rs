//! A large table that is read as a whole, over and over.

use model::{
    Projection,
    database::{ServerStatement, Table, TableKind},
};

use crate::{
    Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks,
    detectors::{figures, words},
};

static ROWS_MIN: Knob = Knob {
    key: "rows-min",
    default: 10_000.0,
    unit: "rows",
    doc: "A smaller table is read as a whole in a millisecond or two.",
};

static SCANS_PER_DAY_MIN: Knob = Knob {
    key: "scans-per-day-min",
    default: 24.0,
    unit: "scans a day",
    doc: "Reports, dumps and index builds read whole tables, but not every hour.",
};

static SHARE_MIN: Knob = Knob {
    key: "share-min",
    default: 0.02,
    unit: "of database time",
    doc: "With a smaller share, other things come first.",
};

pub(super) static SEQUENTIAL_SCAN: Detector = Detector {
    code: "F019",
    name: "sequential-scan",
    title: "A large table is read as a whole, over and over",
    doc: include_str!("sequential_scan.md"),
    effort_days: 0.5,
    share_min: 0.0,
    knobs: &[&ROWS_MIN, &SCANS_PER_DAY_MIN, &SHARE_MIN],
    looks: &[Looks::Database(look)],
};

/// Scans within the window below which nothing is concluded: building two indexes reads a table twice.
const SCANS_MIN: u64 = 10;

/// Rows that one process reads from memory within a millisecond: a scan of ten million rows took 1.4 s.
const ROWS_PER_MILLI: f64 = 7_000.0;

fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    for table in &view.database.tables {
        let usage = &table.usage;
        let scans = view.usage_per_day(usage.sequential_scans);
        let ordinary = table.kind == TableKind::Ordinary;
        let few = usage.sequential_scans < SCANS_MIN || scans < knobs.get(&SCANS_PER_DAY_MIN);
        if few || !ordinary || view.rows(table) < knobs.get(&ROWS_MIN) {
            continue;
        }
        #[expect(clippy::cast_precision_loss, reason = "rates for people")]
        let rows = usage.sequential_rows as f64 / usage.sequential_scans as f64;
        // Those that stop early, at a LIMIT, do not read the whole.
        if rows < view.rows(table) / 2.0 {
            continue;
        }
        let scan_millis = rows / ROWS_PER_MILLI;
        let cost = Cost::of_runs(scans, scan_millis, scan_millis / 20.0);
        let known = 0.0 < view.total_millis;
        let share = view.share_of_hours(cost.database_hours_per_day);
        let culprit = culprit(view, table, scan_millis);
        if known && (share < knobs.get(&SHARE_MIN) || culprit.is_none()) {
            continue;
        }
        found.push(sighting(view, table, culprit, rows, cost));
    }
}

/// The statement that takes most time among those that take about as long as a scan, and give back few rows.
#[expect(clippy::cast_precision_loss, reason = "rates for people")]
fn culprit<'a>(
    view: &DatabaseView<'a>,
    table: &Table,
    scan_millis: f64,
) -> Option<&'a ServerStatement> {
    view.statements_on(table).iter().copied().find(|statement| {
        let runs = &statement.runs;
        let rows = runs.rows as f64 / runs.calls.max(1) as f64;
        let sums_up = statement.text.shape.as_ref().is_some_and(|shape| {
            shape.grouped || matches!(shape.projection, Projection::Count | Projection::Aggregate)
        });
        !sums_up && scan_millis / 5.0 <= runs.mean_millis() && rows < view.rows(table) / 100.0
    })
}

fn sighting(
    view: &DatabaseView<'_>,
    table: &Table,
    culprit: Option<&ServerStatement>,
    rows: f64,
    cost: Cost,
) -> DatabaseSighting {
    let scans = view.usage_per_day(table.usage.sequential_scans);
    let mut sighting = DatabaseSighting::new(SEQUENTIAL_SCAN.name, &table.name, "")
        .claim(format!("the whole of {} is read {}", table.name, figures::a_day(scans)))
        .columns(table)
        .cost(cost)
        .figure("sequential scans", figures::a_day(scans))
        .figure("rows each", figures::count(rows))
        .figure("index scans", figures::a_day(view.usage_per_day(table.usage.index_scans)));
    if let Some(statement) = culprit {
        sighting = sighting.statement(statement).figure(
            "statement",
            format!(
                "{}, {} each",
                words::shorten(&statement.text.text),
                figures::millis(statement.runs.mean_millis())
            ),
        );
    }
    sighting
}
