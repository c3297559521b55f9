//! One run of one statement that takes long.

use std::{sync::Arc, time::Duration};

use model::{Sighting, StatementKind, StatementText};

use crate::{
    DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks, RequestView,
    detectors::{served, words},
};

static CRITICAL_MILLIS_MIN: Knob = Knob {
    key: "critical-millis-min",
    default: 50.0,
    unit: "ms",
    doc: "A statement that somebody waits for this long is slow; the usual target for critical statements.",
};

static CRITICAL_SHARE_MIN: Knob = Knob {
    key: "critical-share-min",
    default: 0.2,
    unit: "of the request",
    doc: "With a smaller share, the request has other things to do first.",
};

static ANY_MILLIS_MIN: Knob = Knob {
    key: "any-millis-min",
    default: 500.0,
    unit: "ms",
    doc: "A statement that takes this long is slow even beside others that the request waits for.",
};

static JOB_MILLIS_MIN: Knob = Knob {
    key: "job-millis-min",
    default: 3_000.0,
    unit: "ms",
    doc: "Jobs are there for slow work: this long, a statement holds its locks and old rows back for all others.",
};

/// Functions that are called to wait, each with the parenthesis that follows.
const WAITS: &[&str] =
    &["sleep(", "benchmark(", "get_lock(", "advisory_lock(", "advisory_xact_lock("];

/// Statements of maintenance and of waiting, by their first word: they take as long as they take.
const MAINTENANCE: &[&str] = &[
    "waitfor",
    "wait",
    "copy",
    "vacuum",
    "analyze",
    "analyse",
    "optimize",
    "reindex",
    "refresh",
    "cluster",
    "checkpoint",
    "listen",
    "lock",
    "backup",
    "restore",
    "dbcc",
    "load",
    "bulk",
    "explain",
    "blpop",
    "brpop",
    "xread",
    "xreadgroup",
];

pub(super) static SLOW_STATEMENT: Detector = Detector {
    code: "F007",
    name: "slow-statement",
    title: "A statement takes long",
    doc: include_str!("slow_statement.md"),
    effort_days: 0.5,
    share_min: 0.2,
    knobs: &[&CRITICAL_MILLIS_MIN, &CRITICAL_SHARE_MIN, &ANY_MILLIS_MIN, &JOB_MILLIS_MIN],
    looks: &[Looks::Request(look), Looks::Database(look_at_database)],
};

fn look_at_database(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    served::slow_statement(view, SLOW_STATEMENT.name, knobs.get(&ANY_MILLIS_MIN), found);
}

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    let critical = Duration::from_nanos(knobs.nanos(&CRITICAL_MILLIS_MIN));
    let any = if view.is_awaited() { &ANY_MILLIS_MIN } else { &JOB_MILLIS_MIN };
    let any = Duration::from_nanos(knobs.nanos(any));
    // Nobody wants a job's statement to be as quick as one that somebody waits for.
    let target = if view.is_awaited() { critical } else { any };
    for group in view.statements.iter().filter(|group| !takes_its_time(group.text)) {
        let slow: Vec<usize> = group
            .places
            .iter()
            .copied()
            .filter(|place| {
                let call = view.call(*place);
                let each = call.duration() / call.count.max(1);
                let is_critical = view.is_awaited()
                    && critical <= view.path.inclusive(*place) / call.count.max(1)
                    && view.matters(view.path.inclusive(*place), 0, knobs.get(&CRITICAL_SHARE_MIN));
                is_critical || any <= each
            })
            .collect();
        found.extend(sighting(view, group.text, &slow, target));
    }
}

/// Whether a statement is meant to take long: it waits, or it works on whole tables.
fn takes_its_time(text: &StatementText) -> bool {
    let lower = text.text.to_lowercase();
    let first = lower.split(|letter: char| !letter.is_ascii_alphabetic()).next();
    text.kind == StatementKind::Definition
        || first.is_some_and(|first| MAINTENANCE.contains(&first))
        || WAITS.iter().any(|wait| lower.contains(wait))
}

fn sighting(
    view: &RequestView<'_>,
    text: &Arc<StatementText>,
    slow: &[usize],
    target: Duration,
) -> Option<Sighting> {
    let slowest = slow.iter().copied().max_by_key(|place| view.call(*place).duration())?;
    let table = words::table(text);
    let what =
        if table.is_empty() { "a statement".to_owned() } else { format!("a statement on {table}") };
    let cause = format!("{:016x}", text.fingerprint);
    let mut sighting = view.sighting(SLOW_STATEMENT.name, cause, format!("{what} takes long"));
    let count = u32::try_from(slow.len()).unwrap_or(u32::MAX);
    sighting.evidence = view.evidence(slow);
    sighting.evidence.statement = Some(Arc::clone(text));
    sighting.evidence.excerpt = vec![format!(
        "{count} x {}, up to {}",
        words::shorten(&text.text),
        words::time(view.call(slowest).duration())
    )];
    sighting.calls_now = count;
    sighting.calls_after = count;
    sighting.saved = view.waited(slow).saturating_sub(target * count);
    sighting.saved_database = view.spent(slow).saturating_sub(target * count);
    Some(sighting)
}
