//! The same sums over many rows, computed anew each time.

use model::{Projection, StatementKind, database::ServerStatement};

use crate::{
    Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks,
    detectors::{figures, rows_scanned_vs_returned::blocks_and_rows, words},
};

static MEAN_MILLIS_MIN: Knob = Knob {
    key: "mean-millis-min",
    default: 50.0,
    unit: "ms",
    doc: "The usual target for a statement; sums that take less need no help.",
};

static RUNS_PER_DAY_MIN: Knob = Knob {
    key: "runs-per-day-min",
    default: 96.0,
    unit: "runs a day",
    doc: "Four an hour: computed less often, keeping the result fresh costs as much as it spares.",
};

static SHARE_MIN: Knob = Knob {
    key: "share-min",
    default: 0.02,
    unit: "of database time",
    doc: "With a smaller share, other things come first.",
};

pub(super) static REPEATED_AGGREGATE: Detector = Detector {
    code: "F026",
    name: "repeated-aggregate",
    title: "The same sums are computed over and over",
    doc: include_str!("repeated_aggregate.md"),
    effort_days: 1.0,
    share_min: 0.0,
    knobs: &[&MEAN_MILLIS_MIN, &RUNS_PER_DAY_MIN, &SHARE_MIN],
    looks: &[Looks::Database(look)],
};

/// Blocks that are read for each row of the result: fewer, and nothing is summed up.
const BLOCKS_PER_ROW_MIN: f64 = 20.0;

/// Seconds between two refreshes: what readers of such figures rarely notice.
const REFRESH_SECONDS: f64 = 300.0;

fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    for statement in view.statements().filter(|it| view.matters(it, knobs.get(&SHARE_MIN))) {
        let mean = statement.runs.mean_millis();
        let per_day = view.per_day(statement.runs.calls);
        let (blocks, rows) = blocks_and_rows(statement);
        let enough = knobs.get(&MEAN_MILLIS_MIN) <= mean
            && knobs.get(&RUNS_PER_DAY_MIN) <= per_day
            && BLOCKS_PER_ROW_MIN * rows.max(1.0) <= blocks;
        if enough && sums_up(statement) {
            found.extend(sighting(view, statement, mean, per_day));
        }
    }
}

fn sums_up(statement: &ServerStatement) -> bool {
    statement.text.kind == StatementKind::Select
        && statement.text.shape.as_ref().is_some_and(|shape| {
            shape.projection == Projection::Aggregate
                || (shape.grouped && shape.projection != Projection::Star)
        })
}

fn sighting(
    view: &DatabaseView<'_>,
    statement: &ServerStatement,
    mean: f64,
    per_day: f64,
) -> Option<DatabaseSighting> {
    let text = &statement.text;
    let table = view.first_table(text)?;
    let changes: u64 = view
        .tables_of(text)
        .map(|it| it.usage.inserted + it.usage.updated + it.usage.deleted)
        .sum();
    // What it takes to keep the result: a refresh is a run, every five minutes or as often as something changes.
    let seconds = refresh_seconds(mean);
    let refreshes = (86_400.0 / seconds).min(view.usage_per_day(changes)).min(per_day);
    let saved_hours = (per_day - refreshes).max(0.0) * mean / 3.6e6;
    let cost = Cost {
        now_millis: mean,
        after_millis: 1.0,
        runs_per_day: per_day,
        ..Cost::of_hours(saved_hours)
    };
    let cause = format!("{:016x}", text.fingerprint);
    Some(
        DatabaseSighting::new(REPEATED_AGGREGATE.name, &table.name, cause)
            .claim(format!(
                "the same sums over {} are computed {}",
                table.name,
                figures::a_day(per_day)
            ))
            .columns(table)
            .statement(statement)
            .cost(cost)
            .figure("statement", words::shorten(&text.text))
            .figure("mean", format!("{}, {}", figures::millis(mean), figures::a_day(per_day)))
            .figure("rows each", figures::count(blocks_and_rows(statement).1))
            .figure("rows changed below", figures::a_day(view.usage_per_day(changes)))
            .figure("refresh every", format!("{seconds:.0} s")),
    )
}

/// How often to refresh so that no more than a twentieth of the time goes into it.
fn refresh_seconds(mean_millis: f64) -> f64 {
    let bearable = mean_millis / 1e3 * 20.0;
    (bearable.max(REFRESH_SECONDS) / 60.0).ceil() * 60.0
}
