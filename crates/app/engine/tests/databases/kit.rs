//! Servers with statistics, and what is found in them.

use std::collections::{BTreeMap, BTreeSet};

use engine::database::{DatabaseFound, DatabaseRequest, Target, find_in};
use model::Finding;
use testkit::{Postgres, postgres::Builder};

/// A server that counts statements and can plan with indexes that are not there.
pub(crate) fn builder() -> Builder {
    Postgres::builder()
        .setting("shared_preload_libraries", "pg_stat_statements")
        .setting("track_io_timing", "on")
        .setting("jit", "off")
        .extension("pg_stat_statements")
        .extension("hypopg")
}

pub(crate) fn request(url: &str, knobs: &[(&str, &str, f64)]) -> DatabaseRequest {
    let knobs: BTreeMap<(String, String), f64> = knobs
        .iter()
        .map(|(detector, key, value)| (((*detector).to_owned(), (*key).to_owned()), *value))
        .collect();
    DatabaseRequest {
        target: Target::parse(url).unwrap(),
        standbys: Vec::new(),
        watch: None,
        budget_bytes: None,
        settings: find::Settings { knobs, ..find::Settings::default() },
        targets: find::Targets::default(),
        levels: find::Levels::default(),
    }
}

pub(crate) fn look(request: &DatabaseRequest) -> DatabaseFound {
    find_in(request, &[], &mut |_| {}).unwrap()
}

/// Faults and places, for messages.
pub(crate) fn told(found: &DatabaseFound) -> Vec<String> {
    let line = |it: &Finding| {
        let excerpt = it.evidence.excerpt.join("; ");
        format!("{} at {}: {} ({excerpt})", it.fault, it.operation.operation, it.claim)
    };
    found.findings.iter().map(line).collect()
}

/// Holds what was found against what was planted: fault and place.
pub(crate) fn check(found: &DatabaseFound, planted: &[(&str, &str)]) {
    let seen: BTreeSet<(&str, &str)> =
        found.findings.iter().map(|it| (it.fault, &*it.operation.operation)).collect();
    let missed: Vec<&(&str, &str)> = planted.iter().filter(|it| !seen.contains(*it)).collect();
    let all = told(found).join("\n");
    assert!(missed.is_empty(), "not found: {missed:?}; found:\n{all}\nnotes: {:?}", found.notes);
    for finding in &found.findings {
        assert!(!finding.advice.is_empty(), "nothing to do about {}", finding.claim);
    }
}

/// The finding of a fault.
pub(crate) fn the<'a>(found: &'a DatabaseFound, fault: &str) -> &'a Finding {
    found.findings.iter().find(|it| it.fault == fault).unwrap()
}
