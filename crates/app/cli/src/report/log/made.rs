//! A summary taken apart into what is told of it.

use std::time::Duration;

use observe::postgres_log::{ErrorKind, Kind, LogTime, Severity, Shape, Summary, Who};

use super::{
    Checkpoints, Connections, Count, FileTold, Group, Hint, LockKind, Locks, Problem, ServerEvent,
    Single, Statement, Table, TempFiles,
};
use crate::units;

/// The shapes of which something is most.
pub(super) fn ranked(
    all: &[&Shape],
    by: &dyn Fn(&Shape) -> u128,
    summary: &Summary,
    top: usize,
) -> Vec<Statement> {
    let whole = summary.statements.total();
    let mut shapes: Vec<&Shape> = all.iter().copied().filter(|shape| 0 < by(shape)).collect();
    shapes.sort_by_key(|shape| (std::cmp::Reverse(by(shape)), shape.fingerprint));
    shapes.into_iter().take(top).map(|shape| Statement::new(shape, whole)).collect()
}

pub(super) fn locks(summary: &Summary, all: &[&Shape], top: usize) -> Locks {
    let longest = summary.locks.longest.iter().take(top);
    Locks {
        acquired: (&summary.locks.acquired()).into(),
        kinds: lock_kinds(summary),
        longest: longest.map(|example| Single::new(example, summary)).collect(),
        chains: super::seen::chains(summary, top),
        statements: ranked(all, &|shape| u128::from(shape.lock_nanos), summary, top),
    }
}

pub(super) fn temp_files(summary: &Summary, all: &[&Shape], top: usize) -> TempFiles {
    let files = &summary.temp_files;
    TempFiles {
        count: files.count,
        bytes: files.bytes,
        largest: files
            .largest
            .iter()
            .take(top)
            .map(|example| Single::file(example, summary))
            .collect(),
        statements: ranked(all, &|shape| u128::from(shape.temp_bytes), summary, top),
    }
}

pub(super) fn connections(summary: &Summary) -> Connections {
    let connections = &summary.connections;
    Connections {
        received: connections.received,
        authorized: connections.authorized,
        sessions: (&connections.ended).into(),
    }
}

pub(super) fn whole_micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

pub(super) fn clock(local_nanos: i64) -> String {
    LogTime { local_nanos, ahead_seconds: None }.to_text()
}

pub(super) fn text_of(fingerprint: u64, summary: &Summary) -> String {
    summary.shape(fingerprint).map(|shape| shape.text.clone()).unwrap_or_default()
}

pub(super) fn severities(summary: &Summary) -> Vec<Count> {
    let worst_first = summary.severities.iter().rev();
    worst_first
        .map(|(severity, count)| Count { name: severity.name().to_owned(), count: *count })
        .collect()
}

pub(super) fn counts<'a>(counts: impl Iterator<Item = (&'a String, &'a u64)>) -> Vec<Count> {
    let mut counts: Vec<Count> =
        counts.map(|(name, count)| Count { name: name.clone(), count: *count }).collect();
    counts.sort_by_key(|one| std::cmp::Reverse(one.count));
    counts
}

pub(super) fn kinds(summary: &Summary) -> Vec<Group> {
    let name = |kind: &Kind| {
        let word = serde_json::to_value(kind).unwrap_or_default();
        word.as_str().unwrap_or_default().to_owned()
    };
    let mut groups: Vec<Group> =
        summary.kinds.iter().map(|(kind, who)| Group::new(&name(kind), who)).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.total_micros));
    groups
}

pub(super) fn groups<'a>(
    map: impl Iterator<Item = (&'a String, &'a Who)>,
    top: usize,
) -> Vec<Group> {
    let mut groups: Vec<Group> = map.map(|(name, who)| Group::new(name, who)).collect();
    groups.sort_by_key(|group| {
        std::cmp::Reverse((group.total_micros, group.statements, group.connections, group.errors))
    });
    groups.truncate(top);
    groups
}

pub(super) fn lock_kinds(summary: &Summary) -> Vec<LockKind> {
    let mut kinds: Vec<LockKind> = summary
        .locks
        .kinds
        .iter()
        .map(|(name, kind)| LockKind {
            name: name.clone(),
            waiting: kind.waiting,
            failed: kind.failed,
            acquired: (&kind.acquired).into(),
        })
        .collect();
    kinds.sort_by_key(|kind| std::cmp::Reverse((kind.acquired.total_micros, kind.waiting)));
    kinds
}

pub(super) fn problems(summary: &Summary, top: usize) -> Vec<Problem> {
    let mut kinds: Vec<&ErrorKind> = summary.errors.values().collect();
    kinds.sort_by_key(|kind| {
        (kind.severity == Some(Severity::Warning), std::cmp::Reverse(kind.count))
    });
    let told = kinds.into_iter().take(top).map(|kind| Problem {
        severity: kind.severity.map(Severity::name).unwrap_or_default(),
        sqlstate: kind.sqlstate.clone(),
        message: kind.message.clone(),
        count: kind.count,
        first: kind.first_nanos.map(clock),
        last: kind.last_nanos.map(clock),
        statements: kind
            .fingerprints
            .iter()
            .map(|fingerprint| text_of(*fingerprint, summary))
            .filter(|text| !text.is_empty())
            .collect(),
    });
    told.collect()
}

pub(super) fn checkpoints(summary: &Summary) -> Checkpoints {
    let sums = &summary.checkpoints;
    Checkpoints {
        count: sums.count,
        restart_points: sums.restart_points,
        reasons: counts(sums.reasons.iter()),
        buffers: sums.buffers,
        write_micros: sums.write_nanos / 1_000,
        sync_micros: sums.sync_nanos / 1_000,
        total_micros: sums.total_nanos / 1_000,
        longest_micros: sums.total_nanos_max / 1_000,
        wal_added: sums.wal_added,
        wal_removed: sums.wal_removed,
        wal_recycled: sums.wal_recycled,
        distance_bytes: sums.distance_bytes,
        too_often: sums.too_often,
    }
}

pub(super) fn tables(summary: &Summary, top: usize) -> Vec<Table> {
    let mut tables: Vec<Table> = summary
        .tables
        .iter()
        .map(|(name, work)| Table {
            name: name.clone(),
            vacuums: work.vacuums,
            vacuum_micros: work.vacuum_nanos / 1_000,
            analyzes: work.analyzes,
            analyze_micros: work.analyze_nanos / 1_000,
            tuples_removed: work.tuples_removed,
            pages_removed: work.pages_removed,
            dead_remain_max: work.dead_remain_max,
            index_scans: work.index_scans,
            wraparounds: work.wraparounds,
            wal_bytes: work.wal_bytes,
        })
        .collect();
    tables.sort_by_key(|table| {
        std::cmp::Reverse((
            table.vacuum_micros + table.analyze_micros,
            table.vacuums,
            table.analyzes,
        ))
    });
    tables.truncate(top);
    tables
}

pub(super) fn server(summary: &Summary) -> Vec<ServerEvent> {
    let told = summary.server.iter();
    told.map(|event| ServerEvent { at: event.at_nanos.map(clock), what: event.what }).collect()
}

/// What is wrong beside slow statements.
pub(super) fn troubles(summary: &Summary) -> String {
    let of =
        |least: Severity| summary.severities.range(least..).map(|(_, count)| count).sum::<u64>();
    let deadlocks = summary
        .errors
        .values()
        .filter(|kind| kind.message == "deadlock detected")
        .map(|kind| kind.count)
        .sum();
    let waits = summary.locks.acquired();
    let mut told = Vec::new();
    let mut say = |count: u64, one: &str, many: &str| {
        if 0 < count {
            told.push(units::some(count, one, many));
        }
    };
    say(summary.crashes, "crash", "crashes");
    say(of(Severity::Error), "error", "errors");
    say(deadlocks, "deadlock", "deadlocks");
    say(summary.cancelled.values().sum(), "cancelled statement", "cancelled statements");
    if !waits.is_empty() {
        told.push(format!("{} waited for locks", units::time(waits.total())));
    }
    if 0 < summary.temp_files.bytes {
        told.push(format!("{} of temporary files", bytes(summary.temp_files.bytes)));
    }
    told.join(", ")
}

/// What the figures stand on.
pub(super) fn basis(summary: &Summary, files: &[FileTold], entries: u64) -> String {
    let mut parts = Vec::new();
    if let (Some(first), Some(last)) = (summary.first_nanos, summary.last_nanos) {
        parts.push(format!("{} to {}", clock(first), clock(last)));
    }
    let zone = match summary.ahead_seconds {
        Some(0) => "on the log's clock, UTC".to_owned(),
        Some(ahead) => {
            let minutes = ahead.abs() / 60;
            let sign = if ahead < 0 { '-' } else { '+' };
            format!("on the log's clock, UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
        }
        None => "on the log's clock".to_owned(),
    };
    parts.push(zone);
    parts.push(units::some(entries, "entry", "entries"));
    parts.push(bytes(summary.input.bytes));
    if 1 < files.len() {
        parts.push(units::some(files.len() as u64, "file", "files"));
    }
    parts.join(" · ")
}

/// `34.4 MB`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn bytes(bytes: u64) -> String {
    let value = bytes as f64;
    let (scale, unit) = match bytes {
        0..1_000 => return units::some(bytes, "byte", "bytes"),
        1_000..1_000_000 => (1e3, "KB"),
        1_000_000..1_000_000_000 => (1e6, "MB"),
        1_000_000_000..1_000_000_000_000 => (1e9, "GB"),
        _ => (1e12, "TB"),
    };
    format!("{} {unit}", units::three_digits(value / scale))
}

/// What this log does not tell: perhaps there was none, perhaps it is not logged.
pub(super) fn hints(summary: &Summary) -> Vec<Hint> {
    let nothing = |is: bool, missing, setting| is.then_some(Hint { missing, setting });
    let untold = summary.statements.is_empty() && summary.bare.is_empty();
    [
        nothing(untold, "times of statements", "log_min_duration_statement = '250ms'"),
        nothing(
            summary.plans == 0,
            "plans of slow statements",
            "auto_explain.log_min_duration = '1s'",
        ),
        nothing(summary.locks.kinds.is_empty(), "waits for locks", "log_lock_waits = on"),
        nothing(summary.temp_files.count == 0, "temporary files", "log_temp_files = 0"),
        nothing(
            summary.checkpoints.count == 0 && summary.checkpoints.reasons.is_empty(),
            "checkpoints",
            "log_checkpoints = on",
        ),
        nothing(summary.tables.is_empty(), "autovacuum", "log_autovacuum_min_duration = 0"),
        nothing(
            summary.connections.received == 0 && summary.connections.authorized == 0,
            "connections",
            "log_connections = on",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}
