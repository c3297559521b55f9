//! A table that the planner knows from long ago, or not at all.

use std::time::Duration;

use model::database::{Table, TableKind};

use crate::{
    Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks,
    detectors::{figures, words},
};

static SHARE_MIN: Knob = Knob {
    key: "changed-share-min",
    default: 0.5,
    unit: "times the rows",
    doc: "Autovacuum analyses from a tenth on; when half has changed, it does not come.",
};

static ROWS_MIN: Knob = Knob {
    key: "rows-min",
    default: 10_000.0,
    unit: "rows",
    doc: "Plans over smaller tables hardly differ.",
};

static MINUTES_MIN: Knob = Knob {
    key: "minutes-min",
    default: 60.0,
    unit: "min",
    doc: "Autovacuum looks at each database once a minute, but may be busy with others.",
};

pub(super) static STALE_STATISTICS: Detector = Detector {
    code: "F029",
    name: "stale-statistics",
    title: "The planner does not know what is in a table",
    doc: include_str!("stale_statistics.md"),
    effort_days: 0.1,
    share_min: 0.0,
    knobs: &[&SHARE_MIN, &ROWS_MIN, &MINUTES_MIN],
    looks: &[Looks::Database(look)],
};

/// How much of the time of statements over such a table better plans may spare: plans are wrong now and then, by far.
const SPARED: f64 = 0.1;

#[expect(clippy::cast_precision_loss, reason = "rows stay far below 2^52")]
fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    for table in &view.database.tables {
        let usage = &table.usage;
        let rows = view.rows(table).max(usage.live as f64);
        let is_read = 0 < usage.sequential_scans + usage.index_scans;
        // Autovacuum never analyses the parent of partitions: that is another matter, and told by its plans.
        let ordinary = matches!(table.kind, TableKind::Ordinary | TableKind::MaterializedView);
        if !ordinary || !is_read || rows < knobs.get(&ROWS_MIN) {
            continue;
        }
        let least = Duration::from_secs_f64(knobs.get(&MINUTES_MIN) * 60.0);
        let young = usage.analyzed.is_some_and(|when| view.now().since(when) < least);
        let never =
            usage.analyzed.is_none() && table.columns.iter().all(|it| it.statistics.is_none());
        let changed = usage.changed_since_analyze as f64 / rows;
        if never || (!young && knobs.get(&SHARE_MIN) <= changed) {
            found.push(sighting(view, table, never, changed));
        }
    }
}

fn sighting(view: &DatabaseView<'_>, table: &Table, never: bool, changed: f64) -> DatabaseSighting {
    let when = match table.usage.analyzed {
        _ if never => "never".to_owned(),
        Some(when) => format!("{} ago", words::long_time(view.now().since(when))),
        None => "before the statistics were reset".to_owned(),
    };
    let claim = if never {
        format!("nobody has analysed {}: the planner guesses", table.name)
    } else {
        format!(
            "nobody has analysed {} since {} of it changed",
            table.name,
            figures::percent(changed)
        )
    };
    let spent: f64 = view.statements_on(table).iter().map(|it| it.runs.total_millis).sum();
    let mut sighting = DatabaseSighting::new(STALE_STATISTICS.name, &table.name, "")
        .claim(claim)
        .columns(table)
        .cost(Cost::of_hours(view.hours_per_day(spent) * SPARED))
        .figure("analysed", when)
        .figure("rows", figures::count(view.rows(table)))
        .figure("changed since", figures::percent(changed))
        .figure("time of its statements", figures::hours(view.hours_per_day(spent)));
    let known = sighting.known();
    known.sql.push(format!("ANALYZE {}", sql::qualified(&table.name)));
    if table.options.iter().any(|it| it.starts_with("autovacuum_enabled") && it.ends_with("false"))
    {
        known.sql.push(format!(
            "ALTER TABLE {} RESET (autovacuum_enabled)",
            sql::qualified(&table.name)
        ));
    }
    sighting
}
