//! Sorts and hashes that do not fit in memory and go through files.

use model::{
    SettingChange,
    database::{LoggedFiles, ServerStatement},
};

use crate::{
    Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks,
    detectors::{figures, planned, words},
};

static MEGABYTES_MIN: Knob = Knob {
    key: "megabytes-min",
    default: 1.0,
    unit: "MB a run",
    doc: "Less is written and read back in a millisecond.",
};

static SHARE_MIN: Knob = Knob {
    key: "share-min",
    default: 0.01,
    unit: "of database time",
    doc: "With a smaller share, other things come first.",
};

pub(super) static SPILL: Detector = Detector {
    code: "F028",
    name: "spill",
    title: "A sort or hash does not fit in memory and goes through files",
    doc: include_str!("spill.md"),
    effort_days: 0.1,
    share_min: 0.0,
    knobs: &[&MEGABYTES_MIN, &SHARE_MIN],
    looks: &[Looks::Database(look)],
};

/// Bytes of temporary files that are written and read back within a millisecond: files mostly stay in the system's
/// memory, but are copied there and back.
const BYTES_PER_MILLI: f64 = 500_000.0;

/// The most of a statement's time that is put down to files.
const SHARE_MAX: f64 = 0.5;

/// What rows take in memory, measured by what they take in a file: pointers and padding double them.
const MEMORY_TIMES: f64 = 2.5;

/// `work_mem` beyond which another way is advised: some sessions may take it several times over.
const WORK_MEM_MEGABYTES_MAX: f64 = 512.0;

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    for statement in view.statements().filter(|it| view.matters(it, knobs.get(&SHARE_MIN))) {
        let runs = &statement.runs;
        let written = runs.temp_written as f64 * 8_192.0 / runs.calls.max(1) as f64;
        if knobs.get(&MEGABYTES_MIN) * 1_048_576.0 <= written {
            found.extend(sighting(view, statement, written));
        }
    }
    for files in &view.database.log.temp_files {
        logged(view, files, knobs.get(&MEGABYTES_MIN), found);
    }
    planned::tell(view, SPILL.name, &["spill", "lossy-bitmap"], found);
}

/// Files of a statement that the log tells of before they are a finding by themselves: fewer are accidents.
const LOGGED_MIN: u64 = 3;

/// What the log tells: beside what counters say of the statement, or where they say nothing, for itself.
#[expect(clippy::cast_precision_loss, reason = "for people")]
fn logged(
    view: &DatabaseView<'_>,
    files: &LoggedFiles,
    megabytes_min: f64,
    found: &mut Vec<DatabaseSighting>,
) {
    let Some(text) = &files.statement else { return };
    let told = format!(
        "{} files of {} in all, {} the largest",
        files.files,
        figures::bytes(files.bytes),
        figures::bytes(files.largest_bytes)
    );
    let same = |it: &&mut DatabaseSighting| {
        let statement = it.evidence.statement.as_ref();
        it.fault == SPILL.name && statement.is_some_and(|it| it.fingerprint == text.fingerprint)
    };
    if let Some(known) = found.iter_mut().find(same) {
        known.evidence.excerpt.push(format!("in the log: {told}"));
        known.known().figures.push(("in the log".into(), told));
        return;
    }
    let mean = files.bytes as f64 / files.files.max(1) as f64;
    let known = view.database.statements.iter().find(|it| it.text.fingerprint == text.fingerprint);
    let rare = files.files < LOGGED_MIN || mean < megabytes_min * 1_048_576.0;
    // What counters know, they judged.
    if rare || known.is_some_and(|it| 0 < it.runs.temp_written) {
        return;
    }
    let Some(table) = view.first_table(text) else { return };
    let days =
        (view.now().since(view.database.log.since).as_secs_f64() / 86_400.0).max(1.0 / 1_440.0);
    let cause = format!("{:016x}", text.fingerprint);
    let per_day = files.files as f64 / days;
    let mut sighting = DatabaseSighting::new(SPILL.name, &table.name, cause)
        .claim(format!("runs of a statement on {} write temporary files", table.name))
        .table(&table.name)
        .cost(Cost::of_runs(per_day, 2.0 * mean / BYTES_PER_MILLI, 0.0))
        .figure("statement", words::shorten(&text.text))
        .figure("in the log", told);
    sighting.evidence.statement = Some(std::sync::Arc::clone(text));
    sighting.known().settings.extend(work_mem(view, mean));
    found.push(sighting);
}

/// A `work_mem` in which so many bytes of a file would fit; `None` where that is too much to give.
fn work_mem(view: &DatabaseView<'_>, written: f64) -> Option<SettingChange> {
    let setting = view.database.settings.get("work_mem");
    let wanted = (written * MEMORY_TIMES / 1_048_576.0).max(8.0).log2().ceil().exp2();
    (wanted <= WORK_MEM_MEGABYTES_MAX).then(|| SettingChange {
        name: "work_mem".into(),
        now: setting.map_or_else(|| "4MB".into(), |it| it.value.clone()),
        then: format!("{wanted:.0}MB").into(),
        context: "user".into(),
        default: setting.is_none_or(|it| it.source == "default"),
    })
}

fn sighting(
    view: &DatabaseView<'_>,
    statement: &ServerStatement,
    written: f64,
) -> Option<DatabaseSighting> {
    let text = &statement.text;
    let table = view.first_table(text)?;
    let mean = statement.runs.mean_millis();
    let files = (2.0 * written / BYTES_PER_MILLI).min(mean * SHARE_MAX);
    let per_day = view.per_day(statement.runs.calls);
    let cause = format!("{:016x}", text.fingerprint);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let size = figures::bytes(written as u64);
    let mut sighting = DatabaseSighting::new(SPILL.name, &table.name, cause)
        .claim(format!(
            "each run of a statement on {} writes {size} to temporary files",
            table.name
        ))
        .statement(statement)
        .table(&table.name)
        .cost(Cost::of_runs(per_day, mean, mean - files))
        .figure("statement", words::shorten(&text.text))
        .figure("mean", format!("{}, {}", figures::millis(mean), figures::a_day(per_day)))
        .figure("written each", size);
    let now = view.database.setting("work_mem").unwrap_or("4MB").to_owned();
    sighting = sighting.figure("work_mem", now);
    sighting.known().settings.extend(work_mem(view, written));
    Some(sighting)
}
