//! The scoreboard: findings about the proving ground held against what is wrong there.
//!
//! `proving-ground/expected.toml` is the truth: what must be found where, what else is true, and that whatever
//! is in neither list is a false alarm. Over a live application only what does not hang on the speed of the
//! machine is judged; the rest is noted.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{failure::Failure, shell::Shell};

/// Faults that are told by how long something took, and so by what else the machine does: a note, live.
///
/// `crates/app/engine/tests/proving_ground.rs` asserts them, over recordings, where time stands still.
/// Every other fault is told by what was done and how often, and is asserted live as well.
const TIMED: &[&str] = &[
    "bimodal-latency",
    "cache-stampede",
    "connection-churn",
    "exact-count",
    "heavy-serialization",
    "long-tail",
    "slow-statement",
    "uncached-work",
];

/// How one endpoint fared.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Score {
    /// The endpoint: `orders`.
    endpoint: String,
    /// What disagrees with the truth, and must not.
    wrong: Vec<String>,
    /// What disagrees, and may: the machine was quicker or slower than usual.
    noted: Vec<String>,
}

impl Score {
    /// Whether all is right that does not hang on the machine's speed.
    pub(crate) fn is_right(&self) -> bool {
        self.wrong.is_empty()
    }

    /// What is wrong, in one line; `None` if nothing is.
    pub(crate) fn wrong(&self) -> Option<String> {
        self.line(&self.wrong)
    }

    /// What differs and may, in one line; `None` if nothing does.
    pub(crate) fn noted(&self) -> Option<String> {
        self.line(&self.noted)
    }

    fn line(&self, parts: &[String]) -> Option<String> {
        (!parts.is_empty()).then(|| format!("{}: {}", self.endpoint, parts.join(", ")))
    }
}

/// The truth, read with the Python that the proving ground needs anyway.
pub(crate) fn expected(shell: &Shell) -> Result<Value, Failure> {
    const CODE: &str = "import json, tomllib; \
        print(json.dumps(tomllib.load(open('proving-ground/expected.toml', 'rb'))))";
    let failed = || Failure::world("failed to read `proving-ground/expected.toml`");
    let text = shell.ask("python3", &["-c", CODE]).ok_or_else(failed)?;
    serde_json::from_str(&text).map_err(|error| failed().cause(error))
}

/// How each endpoint fared in this mode, and operations that nobody expected at all.
pub(crate) fn judge(expected: &Value, mode: &str, findings: &Value) -> Vec<Score> {
    let found: BTreeSet<(&str, &str)> = findings["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| Some((one["operation"].as_str()?, one["fault"].as_str()?)))
        .collect();
    let operation_of = |truth: &Value| with_slash(truth.as_str().unwrap_or_default());
    let mut known = BTreeSet::new();
    let mut scores = Vec::new();
    for (endpoint, truth) in expected["endpoint"].as_object().into_iter().flatten() {
        let operation = operation_of(&truth["operation"]);
        let lists = if mode == "fixed" { &truth["fixed"] } else { truth };
        scores.push(score(endpoint, &operation, lists, &found));
        known.insert(operation);
    }
    for (endpoint, operation) in expected["healthy"].as_object().into_iter().flatten() {
        let operation = operation_of(operation);
        scores.push(score(endpoint, &operation, &Value::Null, &found));
        known.insert(operation);
    }
    let strangers: BTreeSet<&str> =
        found.iter().map(|(operation, _)| *operation).filter(|one| !known.contains(*one)).collect();
    scores.extend(
        strangers.into_iter().map(|operation| score(operation, operation, &Value::Null, &found)),
    );
    scores
}

/// An operation as Taut spells it: Django's routes lack the slash at their begin.
fn with_slash(operation: &str) -> String {
    match operation.split_once(' ') {
        Some((method, route)) if !route.starts_with('/') => format!("{method} /{route}"),
        _ => operation.to_owned(),
    }
}

fn score(endpoint: &str, operation: &str, lists: &Value, found: &BTreeSet<(&str, &str)>) -> Score {
    let must: BTreeSet<&str> =
        lists["must"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let may = |fault: &str| lists["may"].get(fault).is_some();
    let here: BTreeSet<&str> =
        found.iter().filter(|(place, _)| *place == operation).map(|(_, fault)| *fault).collect();
    let missed = must.difference(&here).map(|fault| ("not found: ", *fault));
    let alarms =
        here.difference(&must).filter(|fault| !may(fault)).map(|fault| ("false alarm: ", *fault));
    let (noted, wrong): (Vec<_>, Vec<_>) =
        missed.chain(alarms).partition(|(_, fault)| TIMED.contains(fault));
    let told = |all: Vec<(&str, &str)>| -> Vec<String> {
        all.into_iter().map(|(what, fault)| format!("{what}{fault}")).collect()
    };
    Score { endpoint: endpoint.to_owned(), wrong: told(wrong), noted: told(noted) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(mode: &str, found: &[(&str, &str)], wrong: &[&str], noted: &[&str]) {
        let truth = json!({
            "endpoint": {"orders": {
                "operation": "GET orders", "must": ["n-plus-one", "slow-statement"], "may": {"long-tail": "true"},
                "fixed": {"may": {"slow-statement": "true"}},
            }},
            "healthy": {"health": "GET healthz"},
        });
        let rows: Vec<Value> = found
            .iter()
            .map(|(operation, fault)| json!({"operation": operation, "fault": fault}))
            .collect();
        let scores = judge(&truth, mode, &json!({ "findings": rows }));
        let told: Vec<String> = scores.iter().filter_map(Score::wrong).collect();
        assert_eq!(told, wrong);
        let told: Vec<String> = scores.iter().filter_map(Score::noted).collect();
        assert_eq!(told, noted);
    }

    #[test]
    fn what_must_be_found_and_what_may_be_is_right() {
        let found =
            ["n-plus-one", "slow-statement", "long-tail"].map(|fault| ("GET /orders", fault));
        check("faulty", &found, &[], &[]);
        check("fixed", &[("GET /orders", "slow-statement")], &[], &[]);
    }

    #[test]
    fn what_is_missed_is_wrong_unless_it_hangs_on_the_machine() {
        check(
            "faulty",
            &[],
            &["orders: not found: n-plus-one"],
            &["orders: not found: slow-statement"],
        );
    }

    #[test]
    fn what_is_in_neither_list_is_a_false_alarm() {
        check(
            "fixed",
            &[
                ("GET /orders", "n-plus-one"),
                ("GET /healthz", "long-tail"),
                ("GET /other", "serial-calls"),
            ],
            &["orders: false alarm: n-plus-one", "GET /other: false alarm: serial-calls"],
            &["health: false alarm: long-tail"],
        );
    }
}
