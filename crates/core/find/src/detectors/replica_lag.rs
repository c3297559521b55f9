//! Standbys that are behind, and slots that nobody reads.

use std::time::Duration;

use model::{Level, database::Standby};

use crate::{
    Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks,
    detectors::{figures, words},
};

static SECONDS_MIN: Knob = Knob {
    key: "seconds-min",
    default: 10.0,
    unit: "s",
    doc: "Whoever reads from a standby that is further behind does not see what was just written.",
};

static MEGABYTES_MIN: Knob = Knob {
    key: "megabytes-min",
    default: 256.0,
    unit: "MB",
    doc: "16 segments of WAL that were not replayed: more than a burst.",
};

static SLOT_MEGABYTES_MIN: Knob = Knob {
    key: "slot-megabytes-min",
    default: 1_024.0,
    unit: "MB",
    doc: "WAL kept for a slot that nobody reads: as much as `max_wal_size` unless set.",
};

pub(super) static REPLICA_LAG: Detector = Detector {
    code: "F035",
    name: "replica-lag",
    title: "A standby is behind",
    doc: include_str!("replica_lag.md"),
    effort_days: 0.5,
    share_min: 0.0,
    knobs: &[&SECONDS_MIN, &MEGABYTES_MIN, &SLOT_MEGABYTES_MIN],
    looks: &[Looks::Database(look)],
};

#[expect(clippy::cast_precision_loss, reason = "bytes stay far below 2^52")]
fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    let seconds = Duration::from_secs_f64(knobs.get(&SECONDS_MIN));
    let mega = |bytes: u64, knob| knobs.get(knob) * 1_048_576.0 <= bytes as f64;
    for standby in &view.database.standbys {
        let late = standby.replay_lag.is_some_and(|lag| seconds <= lag);
        if late || mega(standby.replay_lag_bytes, &MEGABYTES_MIN) {
            found.push(behind(standby));
        }
    }
    if let Some(lag) = view.database.replay_lag.filter(|lag| seconds <= *lag) {
        found.push(
            DatabaseSighting::new(REPLICA_LAG.name, &"this standby", "")
                .claim(format!("this standby is {} behind its primary", words::long_time(lag)))
                .cost(Cost::default().at_least(level(lag)))
                .figure("last replayed", format!("{} ago", words::long_time(lag))),
        );
    }
    for slot in view.database.slots.iter().filter(|slot| !slot.active) {
        if mega(slot.retained_bytes, &SLOT_MEGABYTES_MIN) {
            let kept = figures::bytes(slot.retained_bytes);
            let mut sighting =
                DatabaseSighting::new(REPLICA_LAG.name, &"replication slots", slot.name.as_str())
                    .claim(format!("the slot {} keeps {kept} of WAL for nobody", slot.name))
                    .cost(Cost::default().at_least(Level::High))
                    .figure("kept", kept)
                    .figure("read by", "nobody");
            let name = sql::literal(&slot.name);
            sighting.known().sql = vec![format!("SELECT pg_drop_replication_slot({name})")];
            found.push(sighting);
        }
    }
}

fn level(lag: Duration) -> Level {
    if Duration::from_mins(5) <= lag { Level::High } else { Level::Medium }
}

fn behind(standby: &Standby) -> DatabaseSighting {
    let lag = standby.replay_lag.unwrap_or_default();
    let size = figures::bytes(standby.replay_lag_bytes);
    let name = if standby.application.is_empty() { &standby.client } else { &standby.application };
    let told = if lag.is_zero() { size.clone() } else { words::long_time(lag) };
    DatabaseSighting::new(REPLICA_LAG.name, &"standbys", name.as_str())
        .claim(format!("the standby {name} is {told} behind"))
        .cost(Cost::default().at_least(level(lag)))
        .figure("standby", format!("{name} ({}, {})", standby.state, standby.sync))
        .figure("not replayed", size)
        .figure("behind", words::long_time(lag))
}
