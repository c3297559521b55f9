//! Transaction numbers that come to their end.

use model::{Level, database::Table};

use crate::{
    Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks, detectors::figures,
};

static AGE_MIN: Knob = Knob {
    key: "age-min",
    default: 1_000_000_000.0,
    unit: "transactions",
    doc: "Autovacuum freezes from 200 million on; at five times that something keeps it from it. The end is at 2,147 million.",
};

pub(super) static TRANSACTION_WRAPAROUND: Detector = Detector {
    code: "F039",
    name: "transaction-wraparound",
    title: "Transaction numbers run out",
    doc: include_str!("transaction_wraparound.md"),
    effort_days: 0.5,
    share_min: 0.0,
    knobs: &[&AGE_MIN],
    looks: &[Looks::Database(look)],
};

/// Where the server stops handing out transaction numbers: 2^31, less three million.
const END: f64 = 2_144_483_648.0;

#[expect(clippy::cast_precision_loss, reason = "ages stay below 2^32")]
fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    let age = view.database.transaction_age as f64;
    if age < knobs.get(&AGE_MIN) {
        return;
    }
    let level = match age {
        age if 1.8e9 <= age => Level::Critical,
        age if 1.4e9 <= age => Level::High,
        _ => Level::Medium,
    };
    let mut oldest: Vec<&Table> = view.database.tables.iter().collect();
    oldest.sort_by_key(|table| (std::cmp::Reverse(table.transaction_age), table.oid));
    oldest.truncate(3);
    oldest.retain(|table| 0 < table.transaction_age);
    let mut sighting = DatabaseSighting::new(TRANSACTION_WRAPAROUND.name, &"server", "")
        .claim(format!(
            "the oldest row was not frozen for {} transactions; at {} the server stops",
            figures::count(age),
            figures::count(END)
        ))
        .cost(Cost::default().at_least(level))
        .figure("left", format!("{} transactions", figures::count((END - age).max(0.0))));
    let commits = view.usage_per_day(view.database.totals.commits);
    if 0.0 < commits {
        let days = (END - age).max(0.0) / commits;
        sighting = sighting
            .figure("at the rate of now", format!("{} days at least", figures::count(days)));
    }
    for table in &oldest {
        sighting = sighting.figure(
            &table.name.to_string(),
            format!("{} transactions", figures::count(table.transaction_age as f64)),
        );
    }
    for (what, who) in holding_back(view) {
        sighting = sighting.figure(what, who);
    }
    sighting.known().sql = oldest
        .iter()
        .map(|table| format!("VACUUM (FREEZE, VERBOSE) {}", sql::qualified(&table.name)))
        .collect();
    found.push(sighting);
}

/// What keeps vacuum from freezing: old transactions, prepared ones, slots.
fn holding_back(view: &DatabaseView<'_>) -> Vec<(&'static str, String)> {
    let mut told = Vec::new();
    let sessions = view.database.sessions.iter().filter(|it| it.transaction_started.is_some());
    if let Some(oldest) = sessions.min_by_key(|it| it.transaction_started) {
        let since = oldest.transaction_started.map(|it| view.now().since(it)).unwrap_or_default();
        if std::time::Duration::from_hours(1) <= since {
            let how_long = super::words::long_time(since);
            told.push(("oldest transaction", format!("process {}, {how_long}", oldest.pid)));
        }
    }
    for prepared in view.database.prepared.iter().take(3) {
        told.push(("prepared transaction", prepared.name.to_string()));
    }
    for slot in view.database.slots.iter().filter(|it| !it.active).take(3) {
        told.push(("slot that nobody reads", slot.name.to_string()));
    }
    told
}
