//! Each rule about plans has plans that it speaks of, and plans that it holds back on: `plan-specs/RULE/`.

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

use find::plan::{PLAN_RULES, PlanLimits, look};

/// Names of the rules that speak of a plan, with what they say.
fn said(path: &Path) -> BTreeMap<&'static str, String> {
    let plans = sql::plan::read(&fs::read_to_string(path).unwrap()).unwrap();
    let notes = plans.iter().flat_map(|plan| look(plan, &PlanLimits::default()));
    notes.map(|note| (note.rule, format!("{} → {}", note.claim, note.hint))).collect()
}

fn specs() -> BTreeMap<String, Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("plan-specs");
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let mut all: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        all.sort();
        all
    };
    entries(&root)
        .into_iter()
        .map(|folder| {
            (folder.file_name().unwrap().to_string_lossy().into_owned(), entries(&folder))
        })
        .collect()
}

#[test]
fn every_rule_fires_and_stays_quiet() {
    for (rule, files) in specs() {
        let (mut fired, mut quiet) = (0, 0);
        for path in files {
            let said = said(&path);
            if path.file_name().unwrap().to_string_lossy().starts_with("fires") {
                assert!(said.contains_key(&*rule), "{} is silent; said: {said:#?}", path.display());
                fired += 1;
            } else {
                assert!(!said.contains_key(&*rule), "{}: {said:#?}", path.display());
                quiet += 1;
            }
        }
        assert!(0 < fired && 0 < quiet, "{rule}: {fired} plans fire, {quiet} are quiet");
    }
}

#[test]
fn every_rule_has_specs_and_a_name_of_its_own() {
    let names: BTreeSet<String> = PLAN_RULES.iter().map(|rule| rule.name.to_owned()).collect();
    assert_eq!(names.len(), PLAN_RULES.len());
    assert_eq!(names, specs().into_keys().collect());
}

#[test]
fn claims_and_hints_read_as_sentences() {
    for path in specs().into_values().flatten() {
        for (rule, text) in said(&path) {
            let (claim, hint) = text.split_once(" → ").unwrap();
            for words in [claim, hint] {
                assert!(
                    !words.is_empty() && !words.ends_with('.') && !words.contains("  "),
                    "{rule}: {words}"
                );
            }
        }
    }
}
