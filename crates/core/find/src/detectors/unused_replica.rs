//! A standby that could answer reads and is not asked.

use model::{Level, StatementKind};

use crate::{
    Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks, detectors::figures,
};

static DAYS_MIN: Knob = Knob {
    key: "days-min",
    default: 1.0,
    unit: "days",
    doc: "A day's traffic has to have passed it by.",
};

static BUSY_MIN: Knob = Knob {
    key: "busy-min",
    default: 1.0,
    unit: "sessions",
    doc: "Reads that keep less than one session busy here need no second server.",
};

pub(super) static UNUSED_REPLICA: Detector = Detector {
    code: "F036",
    name: "unused-replica",
    title: "A standby could answer reads, and nobody asks it",
    doc: include_str!("unused_replica.md"),
    effort_days: 2.0,
    share_min: 0.0,
    knobs: &[&DAYS_MIN, &BUSY_MIN],
    looks: &[Looks::Database(look)],
};

fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    let database = view.database;
    let scans: Option<u64> = database.indexes.iter().map(|it| it.usage.standby_scans).sum();
    let asked = !database.standbys.is_empty() && !database.indexes.is_empty();
    // Where standbys were not asked, nothing is known of them.
    if !asked || scans != Some(0) || view.days < knobs.get(&DAYS_MIN) {
        return;
    }
    let reads: f64 = view
        .statements()
        .filter(|it| it.text.kind == StatementKind::Select && !it.text.text.contains(" for update"))
        .map(|it| it.runs.total_millis)
        .sum();
    let busy = reads / (view.days * 86_400_000.0);
    if busy < knobs.get(&BUSY_MIN) {
        return;
    }
    let names: Vec<String> =
        database.standbys.iter().map(|it| it.application.to_string()).collect();
    found.push(
        DatabaseSighting::new(UNUSED_REPLICA.name, &"standbys", "")
            .claim(format!(
                "reads keep {busy:.1} sessions busy here, and {} answers none of them",
                names.join(", ")
            ))
            .cost(Cost::default().at_least(Level::Low))
            .figure("time of reads", figures::hours(view.hours_per_day(reads)))
            .figure("share of database time", figures::percent(reads / view.total_millis.max(1.0)))
            .figure("index scans on standbys", format!("0 {}", view.over())),
    );
}
