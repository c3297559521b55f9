//! Every case in `specs/`: what must be found in it, and that nothing else is.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot read its cases should say so and stop"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use find::{
    DETECTORS, DatabaseView, Levels, RequestView, Settings, Targets, Workload, database::SeenPlan,
};
use testkit::{DatabaseScript, Script};

/// What must be found in a case, and what is.
fn judge(path: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let text = fs::read_to_string(path).unwrap();
    if DatabaseScript::is_one(&text) {
        let script = DatabaseScript::read(&text);
        let found = faults_of_database(&script);
        return (script.expected, found);
    }
    let script = Script::read(&text);
    let found = faults_in(&script);
    (script.expected, found)
}

fn faults_of_database(script: &DatabaseScript) -> BTreeSet<String> {
    let proposal = script.proposal.as_ref();
    let plans: Vec<SeenPlan<'_>> = script
        .plans
        .iter()
        .map(|seen| SeenPlan {
            query_id: 0,
            fingerprint: seen.statement.fingerprint,
            plan: &seen.plan,
            text: &seen.text,
            statement: Some(&seen.statement),
            runs: seen.runs,
            millis: seen.millis,
        })
        .collect();
    let view = DatabaseView::new(&script.database, proposal, &plans, Targets::default());
    let found = find::database::sightings(&view, &Settings::default());
    found.into_iter().map(|sighting| sighting.fault.to_owned()).collect()
}

fn faults_in(script: &Script) -> BTreeSet<String> {
    let settings = Settings::default();
    let mut workload = Workload::default();
    let mut found = BTreeSet::new();
    for trace in &script.traces {
        for entry in &trace.entries {
            let view = RequestView::new(trace, *entry);
            workload.observe(&view);
            found.extend(find::sightings(&view, &settings).into_iter().map(|it| it.fault));
        }
    }
    found.extend(find::window_sightings(&workload, &settings).into_iter().map(|it| it.fault));
    found.into_iter().map(str::to_owned).collect()
}

fn specs() -> BTreeMap<String, Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs");
    let mut specs: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for folder in fs::read_dir(root).unwrap() {
        let folder = folder.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let mut files: Vec<PathBuf> =
            fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        specs.insert(name, files);
    }
    specs
}

#[test]
fn every_case_finds_what_it_must_and_nothing_else() {
    let mut wrong = Vec::new();
    for path in specs().into_values().flatten() {
        let (expected, found) = judge(&path);
        if found != expected {
            let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
            wrong.push(format!("{}: expected {expected:?}, found {found:?}", name.display()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_detector_has_a_case_that_fires_and_one_that_stays_quiet() {
    let specs = specs();
    for detector in DETECTORS {
        let names: Vec<&str> = specs
            .get(detector.name)
            .into_iter()
            .flatten()
            .map(|path| path.file_name().unwrap().to_str().unwrap())
            .collect();
        for kind in ["fires-", "quiet-"] {
            assert!(
                names.iter().any(|name| name.starts_with(kind)),
                "{} has no case that begins with `{kind}`",
                detector.name
            );
        }
    }
    for name in specs.keys() {
        assert!(
            name == "healthy" || find::detector(name).is_some(),
            "specs/{name} is of no detector"
        );
    }
}

#[test]
fn a_case_named_after_a_detector_agrees_with_its_name() {
    for (name, paths) in specs() {
        for path in paths {
            let (expected, _) = judge(&path);
            let fires = path.file_name().unwrap().to_str().unwrap().starts_with("fires-");
            assert_eq!(expected.contains(&name), fires, "{}", path.display());
        }
    }
}

#[test]
fn hours_in_which_sessions_wait_are_no_share_of_the_work() {
    let script = DatabaseScript::read(
        "expect lock-wait\n\
         database shop days:1\n\
         statement calls:700 ms:70000 rows:700 hit:2800 SELECT * FROM orders WHERE id = $1\n\
         load CPU 0.5\n\
         load Lock/transactionid 0.4\n",
    );
    let view = DatabaseView::new(&script.database, None, &[], Targets::default());
    let found = find::database::look(&view, &Settings::default(), &Levels::default());
    let waits = found.iter().find(|finding| finding.fault == "lock-wait").unwrap();
    assert!(0.0 < waits.impact.database_hours_per_day);
    assert!(waits.impact.database_share <= 0.0);
}
