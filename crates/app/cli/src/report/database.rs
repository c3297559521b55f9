//! What a report says of a database: its head, what cannot be seen and how to see it, the proposed indexes.

use std::time::Duration;

use engine::database::DatabaseFound;
use model::{Basis, Finding, IndexSet, database::Recovery};

use crate::units;

/// What has to be there so that statements are counted.
const COUNTERS: [&str; 2] = ["shared_preload_libraries", "pg_stat_statements"];

/// What the server needs before it counts statements.
const SWITCH_ON: [&str; 2] = [
    "shared_preload_libraries = 'pg_stat_statements'   # in postgresql.conf, then restart",
    "CREATE EXTENSION pg_stat_statements;              -- in this database",
];

/// What switches the counting of statements on where it is off: a sentence, and the lines that it ends in.
pub(crate) fn switch_on(found: &DatabaseFound) -> Option<(&'static str, &'static [&'static str])> {
    if counts_statements(found) {
        return None;
    }
    let loaded = found.database.setting(COUNTERS[0]).unwrap_or_default();
    Some(if loaded.contains(COUNTERS[1]) {
        ("Statements are not counted in this database. One line switches that on:", &SWITCH_ON[1..])
    } else {
        ("Statements are not counted. Two lines switch that on:", &SWITCH_ON)
    })
}

/// `PostgreSQL 15.3, 12 GB, 48 tables, 120 indexes`
pub(crate) fn head(found: &DatabaseFound) -> String {
    let database = &found.database;
    let role = match database.server.recovery {
        Recovery::Primary => "",
        Recovery::Standby => ", a standby",
    };
    let version = database.server.version.split(' ').next().unwrap_or_default();
    format!(
        "database {}: PostgreSQL {version}{role}, {}, {}, {}",
        database.name,
        bytes(database.bytes),
        units::some(database.tables.len() as u64 + database.tables_left_out, "table", "tables"),
        units::some(database.indexes.len() as u64, "index", "indexes"),
    )
}

/// What its figures stand on: the window, the statements and their time.
pub(crate) fn basis(found: &DatabaseFound) -> String {
    let database = &found.database;
    let window = database.window.length();
    let since = if database.since_reset { "since its statistics were reset" } else { "watched" };
    // An empty sum of floats is minus zero.
    let millis = 0.0 + database.statements.iter().map(|it| it.runs.total_millis).sum::<f64>();
    let calls: u64 = database.statements.iter().map(|it| it.runs.calls).sum();
    let window_seconds = window.as_secs_f64().max(60.0);
    let busy = millis / 1e3 / window_seconds;
    if !counts_statements(found) {
        return format!("{} {since}; statements are not counted", units::time(window));
    }
    format!(
        "{} {since}: {} of {}, {} of database time ({busy:.2} sessions busy on average); a day is extrapolated from that",
        units::time(window),
        units::some(calls, "run", "runs"),
        units::some(database.statements.len() as u64, "statement", "statements"),
        units::time(Duration::try_from_secs_f64(millis / 1e3).unwrap_or_default()),
    )
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// Whether the server counts statements, and lets them be seen.
pub(crate) fn counts_statements(found: &DatabaseFound) -> bool {
    !found.database.missing.iter().any(|missing| COUNTERS.contains(&missing.what.as_str()))
}

/// What cannot be seen, what that costs, how to see it; and whatever else is to be told.
pub(crate) fn unseen(found: &DatabaseFound) -> Vec<String> {
    let others = found.database.missing.iter();
    let others = others.filter(|missing| !COUNTERS.contains(&missing.what.as_str()));
    let missing = others.map(|missing| {
        format!(
            "without {} nobody knows {}; to cure it: {}",
            missing.what, missing.costs, missing.hint
        )
    });
    let notes = found.database.notes.iter().chain(&found.notes).cloned();
    let proposal = found.proposal.iter().flat_map(|it| it.notes.iter().cloned());
    missing.chain(notes).chain(proposal).collect()
}

/// The rows of the table of proposed indexes: name, size, statements helped, time spared a day, cost of a written row.
pub(crate) fn proposed(set: &IndexSet) -> Vec<[String; 5]> {
    let created = set.create.iter().map(|index| {
        let hours: f64 = index
            .helped
            .iter()
            .map(|it| it.calls_per_day * (it.millis.0 - it.millis.1).max(0.0) / 3.6e6)
            .sum();
        let definition = index.ddl.split_once(" ON ").map_or(index.ddl.as_str(), |(_, rest)| rest);
        let cost = &index.write_cost;
        let writes = if 1.0 <= cost.rows_per_day {
            format!(
                "{:.1} µs for each of {} rows a day",
                cost.cpu_micros_per_row,
                units::count(whole(cost.rows_per_day))
            )
        } else {
            "no writes seen".to_owned()
        };
        [
            format!("+ {definition}"),
            if index.has_guessed_size() {
                format!("perhaps {}", bytes(index.bytes))
            } else {
                bytes(index.bytes)
            },
            units::some(index.helped.len() as u64, "statement", "statements"),
            units::hours_a_day(hours),
            writes,
        ]
    });
    let dropped = set.drop.iter().map(|index| {
        [
            format!("- {} on {}", index.name, index.table),
            format!("-{}", bytes(index.bytes)),
            index.why.clone(),
            String::new(),
            String::new(),
        ]
    });
    created.chain(dropped).collect()
}

/// Where the figures of proposed indexes are from.
pub(crate) fn proposed_by(set: &IndexSet) -> String {
    let by = match set.basis {
        Basis::WhatIf => "planned with the indexes made up, scaled to measured time",
        Basis::Rehearsed => "measured in a rehearsal",
        Basis::Model => {
            "HypoPG is not installed: costs are Taut's own model; rehearse before you apply"
        }
    };
    let cost = if 0.0 < set.cost_now {
        format!(", {:.0} % of the workload's cost remain", set.cost_then / set.cost_now * 100.0)
    } else {
        String::new()
    };
    let asked = if set.basis == Basis::Model { "weighed" } else { "asked for" };
    let (one, many) = (format!("plan {asked}"), format!("plans {asked}"));
    format!("{by}{cost}, {}", units::some(set.plans_asked, &one, &many))
}

/// Where a finding is: of a database, its name too.
pub(crate) fn place(finding: &Finding) -> String {
    let operation = &finding.operation.operation;
    match finding.operation.service.strip_prefix("postgresql/") {
        Some(database) => format!("{database} · {operation}"),
        None => operation.to_string(),
    }
}

/// Whether a finding is of a database alone: there are no requests to count.
pub(crate) fn is_of_database(finding: &Finding) -> bool {
    finding.evidence.database.is_some() && finding.examples.is_empty()
}

/// Operations that run its statement: `GET /api/orders/ 78 %`.
pub(crate) fn routes(finding: &Finding) -> Option<String> {
    let routes = &finding.evidence.database.as_ref()?.routes;
    let told: Vec<String> = routes
        .iter()
        .take(3)
        .map(|(key, share)| format!("{} {:.0} %", key.operation, share * 100.0))
        .collect();
    (!told.is_empty()).then(|| format!("run by {}", told.join(", ")))
}

/// `12 MB`, `1.3 GB`, as PostgreSQL counts.
#[expect(clippy::cast_precision_loss, reason = "two digits for people")]
pub(crate) fn bytes(bytes: u64) -> String {
    let mut value = bytes as f64 / 1_024.0;
    let mut unit = "kB";
    for next in ["MB", "GB", "TB"] {
        if value < 1_024.0 {
            break;
        }
        value /= 1_024.0;
        unit = next;
    }
    if 9.95 <= value { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") }
}
