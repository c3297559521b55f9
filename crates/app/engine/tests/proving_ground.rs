//! The recordings of the proving ground, faulty and fixed, held against its own list of what is wrong.

mod truth;

use std::collections::BTreeMap;

use serde::Deserialize;
use truth::Truth;

#[derive(Debug, Deserialize)]
struct Expected {
    endpoint: BTreeMap<String, Endpoint>,
    healthy: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Endpoint {
    #[serde(flatten)]
    faulty: Truth,
    fixed: Truth,
}

impl Expected {
    /// What is true of a recording; its name is a mode and an endpoint.
    fn of(&self, name: &str) -> Truth {
        let (mode, endpoint) = ["faulty-new-", "faulty-", "fixed-"]
            .into_iter()
            .find_map(|mode| Some((mode, name.strip_prefix(mode)?)))
            .unwrap_or_else(|| panic!("{name} begins with no mode"));
        match self.endpoint.get(endpoint) {
            Some(known) if mode == "fixed-" => known.fixed.clone(),
            Some(known) => known.faulty.clone(),
            None => {
                assert!(self.healthy.contains_key(endpoint), "{name} is in no list");
                Truth::default()
            }
        }
    }
}

#[test]
fn what_is_found_in_the_proving_ground_is_what_is_wrong_there() {
    let expected: Expected = truth::expected(&truth::folder("proving-ground/expected.toml"));
    let recordings = truth::recordings(&truth::folder("proving-ground/recordings"));
    for endpoint in expected.endpoint.keys().chain(expected.healthy.keys()) {
        for mode in ["faulty", "fixed", "faulty-new"] {
            let name = format!("{mode}-{endpoint}");
            assert!(recordings.contains_key(&name), "{name} was not recorded");
        }
    }
    assert!(expected.endpoint.values().any(|endpoint| !endpoint.faulty.must.is_empty()));
    let disagreements: Vec<String> = recordings
        .iter()
        .flat_map(|(name, path)| {
            truth::disagreements(name, &expected.of(name), &truth::found_in(path))
        })
        .collect();
    assert!(disagreements.is_empty(), "\n{}\n", disagreements.join("\n"));
}
