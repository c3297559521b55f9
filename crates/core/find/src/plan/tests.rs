//! Each rule has plans that it speaks of, and plans that it holds back on: `plan-specs/RULE/`.

use std::{collections::BTreeMap, path::Path};

use super::*;

/// Names of the rules that speak of a plan, with what they say.
fn said(text: &str) -> BTreeMap<&'static str, String> {
    let plans = sql::plan::read(text).unwrap();
    let notes = plans.iter().flat_map(|plan| look(plan, &PlanLimits::default()));
    notes.map(|note| (note.rule, format!("{} → {}", note.claim, note.hint))).collect()
}

fn check(rule: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("plan-specs").join(rule);
    let (mut fired, mut quiet) = (0, 0);
    let mut files: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let said = said(&std::fs::read_to_string(&path).unwrap());
        if name.starts_with("fires") {
            assert!(said.contains_key(rule), "{rule}/{name} is silent; said: {said:#?}");
            fired += 1;
        } else {
            assert!(!said.contains_key(rule), "{rule}/{name}: {said:#?}");
            quiet += 1;
        }
    }
    assert!(
        0 < fired && 0 < quiet,
        "{rule} has {fired} plans that fire and {quiet} that are quiet"
    );
}

#[test]
fn every_rule_fires_and_stays_quiet() {
    for rule in PLAN_RULES {
        check(rule.name);
    }
}

#[test]
fn rules_have_names_of_their_own() {
    let names: std::collections::BTreeSet<_> = PLAN_RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), PLAN_RULES.len());
}

#[test]
fn figures_are_easy_to_read() {
    assert_eq!(count(1_234_567.4), "1,234,567");
    assert_eq!(kilobytes(2_560), "2.5 MB");
}
