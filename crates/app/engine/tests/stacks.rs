//! Recordings of other stacks (`proving-ground/stacks` says how they were made), held against what is true of them.

mod truth;

use std::collections::BTreeMap;

use truth::Truth;

const FOLDER: &str = "crates/app/engine/tests/recordings";

#[test]
fn what_is_found_in_other_stacks_is_what_is_wrong_there() {
    let folder = truth::folder(FOLDER);
    let expected: BTreeMap<String, Truth> = truth::expected(&folder.join("expected.toml"));
    let recordings = truth::recordings(&folder);
    for name in expected.keys() {
        assert!(recordings.contains_key(name), "{name} was not recorded");
    }
    let mut disagreements = Vec::new();
    for (name, path) in &recordings {
        match expected.get(name) {
            Some(truth) => {
                disagreements.extend(truth::disagreements(name, truth, &truth::found_in(path)));
            }
            None => disagreements.push(format!("{name}: nothing says what is true of it")),
        }
    }
    assert!(disagreements.is_empty(), "\n{}\n", disagreements.join("\n"));
}
