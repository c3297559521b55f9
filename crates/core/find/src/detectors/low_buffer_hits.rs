//! What is needed again and again does not stay in memory.

use model::{Level, SettingChange};

use crate::{
    Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks,
    detectors::{figures, words},
};

static HIT_SHARE_MIN: Knob = Knob {
    key: "hit-share-min",
    default: 0.95,
    unit: "of blocks",
    doc: "A database whose working set fits finds 99 % in its buffers; below 95 % it does not fit.",
};

static READ_SHARE_MIN: Knob = Knob {
    key: "read-share-min",
    default: 0.1,
    unit: "of database time",
    doc: "With `track_io_timing`: less time than this spent reading is not what makes it slow.",
};

static BLOCKS_PER_SECOND_MIN: Knob = Knob {
    key: "blocks-per-second-min",
    default: 500.0,
    unit: "blocks a second",
    doc: "Without `track_io_timing`: 4 MB a second, around the clock; fewer reads do not hurt.",
};

pub(super) static LOW_BUFFER_HITS: Detector = Detector {
    code: "F031",
    name: "low-buffer-hits",
    title: "What is needed again and again does not stay in memory",
    doc: include_str!("low_buffer_hits.md"),
    effort_days: 0.25,
    share_min: 0.0,
    knobs: &[&HIT_SHARE_MIN, &READ_SHARE_MIN, &BLOCKS_PER_SECOND_MIN],
    looks: &[Looks::Database(look)],
};

#[expect(clippy::cast_precision_loss, reason = "rates for people")]
fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    let totals = &view.database.totals;
    let runs = view.database.statements.iter().map(|it| &it.runs);
    let (hit, read, millis) = runs.fold((0, 0, 0.0), |(hit, read, millis), runs| {
        (hit + runs.shared_hit, read + runs.shared_read, millis + runs.read_millis)
    });
    let (hit, read) = if totals.blocks_hit + totals.blocks_read == 0 {
        (hit, read)
    } else {
        (totals.blocks_hit, totals.blocks_read)
    };
    let millis = f64::max(millis, totals.read_millis);
    let share = hit as f64 / (hit + read).max(1) as f64;
    if read == 0 || knobs.get(&HIT_SHARE_MIN) <= share {
        return;
    }
    let per_second = view.per_day(read) / 86_400.0;
    let timed = 0.0 < millis && 0.0 < view.total_millis;
    let of_time = if timed { (millis / view.total_millis).min(1.0) } else { 0.0 };
    let hurts = if timed {
        knobs.get(&READ_SHARE_MIN) <= of_time
    } else {
        knobs.get(&BLOCKS_PER_SECOND_MIN) <= per_second
    };
    if hurts {
        let readings = Readings { share, per_second, of_time, millis };
        found.push(sighting(view, &readings));
    }
}

struct Readings {
    share: f64,
    per_second: f64,
    of_time: f64,
    millis: f64,
}

fn sighting(view: &DatabaseView<'_>, readings: &Readings) -> DatabaseSighting {
    let Readings { share, per_second, of_time, millis } = readings;
    // Half of the reads is what twice the buffers take off, where use falls off with rank as it mostly does.
    let hours = view.hours_per_day(*millis) / 2.0;
    let mut sighting = DatabaseSighting::new(LOW_BUFFER_HITS.name, &"server", "")
        .claim(format!(
            "{} of the blocks that are needed are not in the buffers",
            figures::percent(1.0 - share)
        ))
        .cost(Cost::of_hours(hours).at_least(Level::Low))
        .figure("found in the buffers", figures::percent(*share))
        .figure("read", format!("{} blocks a second", figures::count(*per_second)))
        .figure("size of the database", figures::bytes(view.database.bytes));
    if 0.0 < *of_time {
        sighting = sighting.figure("time spent reading", figures::percent(*of_time));
    }
    let mut readers: Vec<_> = view.database.statements.iter().collect();
    readers.sort_by_key(|it| std::cmp::Reverse(it.runs.shared_read));
    for statement in readers.iter().take(3).filter(|it| 0 < it.runs.shared_read) {
        sighting.evidence.related.push(std::sync::Arc::clone(&statement.text));
        let read = figures::count(view.per_day(statement.runs.shared_read));
        sighting
            .evidence
            .excerpt
            .push(format!("{read} blocks a day: {}", words::shorten(&statement.text.text)));
    }
    if let Some(setting) = view.database.settings.get("shared_buffers") {
        sighting = sighting.figure("shared_buffers", setting.value.to_string());
        if let Ok(blocks) = setting.raw.parse::<u64>() {
            let mebibytes = (blocks * 8 / 1_024 * 2).max(64);
            sighting.known().settings.push(SettingChange {
                name: "shared_buffers".into(),
                now: setting.value.clone(),
                then: format!("{mebibytes}MB").into(),
                context: "postmaster".into(),
                default: setting.source == "default",
            });
        }
    }
    sighting
}
