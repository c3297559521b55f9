//! A database in, ranked findings out: what its statistics and catalogs show.
//!
//! What a detector reports of a database is a finding already: counters stand for all runs of the window, so there is
//! nothing to merge. Hours a day are measured time, scaled from the window; where time cannot be measured, as with a
//! sequence that ends, [`Cost::least`] says how bad it is.

mod explained;
mod sighting;
mod view;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use model::{
    DatabaseEvidence, Effort, Finding, FindingId, Impact, Level, OperationKey, Plan, StatementText,
};

pub(crate) use sighting::mean_width;
pub use sighting::{Cost, DatabaseSighting};
pub use view::DatabaseView;

use crate::{DETECTORS, Detector, Levels, Looks, Settings, detector, rank};

/// A plan that was seen or asked for, and the statement that it is of.
#[derive(Debug, Clone, Copy)]
pub struct SeenPlan<'a> {
    /// `queryid` of the statement; 0 if only the text is known.
    pub query_id: i64,
    /// Fingerprint of the statement; 0 if only the `queryid` is known.
    pub fingerprint: u64,
    /// The plan.
    pub plan: &'a Plan,
    /// As `EXPLAIN` printed it.
    pub text: &'a str,
    /// The statement, where the log tells it.
    pub statement: Option<&'a Arc<StatementText>>,
    /// Runs that were seen with it.
    pub runs: u64,
    /// Their mean time, in milliseconds.
    pub millis: f64,
}

/// Everything that is wrong in a database, ranked.
#[must_use]
pub fn look(view: &DatabaseView<'_>, settings: &Settings, levels: &Levels) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let mut findings: Vec<Finding> = sightings(view, settings)
        .into_iter()
        .filter_map(|sighting| finding(view, sighting, levels))
        .filter(|finding| seen.insert(finding.id))
        .collect();
    rank(&mut findings, levels);
    findings
}

/// Runs every detector that looks at a database. What a sharper detector says of the same statement or table is left
/// to that one.
#[must_use]
pub fn sightings(view: &DatabaseView<'_>, settings: &Settings) -> Vec<DatabaseSighting> {
    let mut found = Vec::new();
    for detector in DETECTORS {
        for looks in detector.looks {
            if let Looks::Database(run) = looks
                && settings.is_on(detector)
            {
                run(view, &settings.knobs(detector), &mut found);
            }
        }
    }
    crate::detectors::show_plans(view, &mut found);
    explained::drop_explained(&mut found);
    found
}

/// What is dangerous comes first even if it takes long to cure.
const DANGER_DAYS_MAX: f64 = 0.5;

/// Ranks findings of any kind together: hours that are won per day of work, and for what is not measured in hours the
/// least that its level stands for.
pub fn rank(findings: &mut [Finding], levels: &Levels) {
    let code = |finding: &Finding| detector(finding.fault).map_or("", |known| known.code);
    let priority = |finding: &Finding| {
        rank::priority(&finding.impact, finding.effort.days)
            .max(levels.least(finding.level) / finding.effort.days.clamp(0.05, DANGER_DAYS_MAX))
    };
    findings.sort_by(|left, right| {
        priority(right)
            .total_cmp(&priority(left))
            .then_with(|| right.level.cmp(&left.level))
            .then_with(|| code(left).cmp(code(right)))
            .then_with(|| left.id.cmp(&right.id))
    });
}

/// Puts findings of traces and of a database together. Where both tell the same fault of the same statement, the
/// trace's stays, for it knows who waits, and takes what the database knows beside.
pub fn join(findings: &mut Vec<Finding>, of_database: Vec<Finding>, levels: &Levels) {
    for finding in of_database {
        let print =
            |finding: &Finding| finding.evidence.statement.as_ref().map(|it| it.fingerprint);
        let mut told = false;
        if let Some(fingerprint) = print(&finding) {
            let same = findings
                .iter_mut()
                .filter(|known| known.fault == finding.fault && print(known) == Some(fingerprint));
            for known in same.filter(|known| known.evidence.database.is_none()) {
                known.evidence.database.clone_from(&finding.evidence.database);
                told = true;
            }
        }
        if !told {
            findings.push(finding);
        }
    }
    rank(findings, levels);
}

fn finding(
    view: &DatabaseView<'_>,
    sighting: DatabaseSighting,
    levels: &Levels,
) -> Option<Finding> {
    let known: &Detector = detector(sighting.fault)?;
    let DatabaseSighting { fault, place, cause, claim, mut evidence, cost } = sighting;
    let operation = OperationKey {
        service: format!("postgresql/{}", view.database.name).into(),
        operation: place.into(),
    };
    if evidence.system.is_empty() {
        evidence.system = "postgresql".into();
    }
    let database = evidence.database.get_or_insert_with(Box::<DatabaseEvidence>::default);
    database.database.clone_from(&view.database.name);
    // Not `sum`, which is -0 where there are none.
    let awaited = database.routes.iter().fold(0.0, |sum, (_, share)| sum + share).min(1.0);
    let hours = cost.database_hours_per_day;
    let impact = Impact {
        requests_per_day: cost.runs_per_day,
        user_hours_per_day: hours * awaited,
        database_hours_per_day: hours,
        saved_seconds: (cost.now_millis - cost.after_millis).max(0.0) / 1e3,
        saved_seconds_error: 0.0,
        database_share: if cost.waits { 0.0 } else { view.share_of_hours(hours) },
        worker_share: 0.0,
    };
    let parts: [&str; 4] = [fault, &operation.service, &operation.operation, &cause];
    let runs = view.runs_in_window(cost.runs_per_day);
    Some(Finding {
        id: FindingId(sql::hash(parts.join("\0").as_bytes())),
        fault,
        claim,
        evidence,
        language: None,
        frameworks: BTreeSet::new(),
        sightings: runs,
        requests: runs,
        first_seen: view.database.window.from,
        last_seen: view.database.window.to,
        calls_now: u32::from(0 < runs),
        calls_after: u32::from(0 < runs),
        statements_now: 0,
        statements_after: 0,
        duration_now: millis(cost.now_millis),
        duration_after: millis(cost.after_millis),
        impact,
        level: level(&cost, hours, levels),
        effort: Effort { days: known.effort_days },
        examples: Vec::new(),
        advice: Vec::new(),
        operation,
    })
}

fn level(cost: &Cost, hours: f64, levels: &Levels) -> Level {
    levels.of(hours).max(cost.least)
}

fn millis(millis: f64) -> Duration {
    Duration::try_from_secs_f64((millis / 1e3).max(0.0)).unwrap_or(Duration::MAX)
}
