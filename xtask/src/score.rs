//! The scoreboard: findings about the proving ground held against what is wrong there.
//!
//! `proving-ground/expected.toml` is the truth: what must be found where, what else is true, and that whatever
//! is in neither list is a false alarm.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{failure::Failure, shell::Shell};

/// How one endpoint fared.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Score {
    /// The endpoint: `orders`.
    pub(crate) endpoint: String,
    /// Faults that had to be found and were not.
    missed: Vec<String>,
    /// Faults that were found and are none.
    alarms: Vec<String>,
}

impl Score {
    /// Whether all is right.
    pub(crate) fn is_right(&self) -> bool {
        self.missed.is_empty() && self.alarms.is_empty()
    }

    /// What is wrong, in one line.
    pub(crate) fn line(&self) -> String {
        let part = |what: &str, faults: &[String]| {
            (!faults.is_empty()).then(|| format!("{what} {}", faults.join(", ")))
        };
        let parts: Vec<String> = [part("missed", &self.missed), part("false alarm", &self.alarms)]
            .into_iter()
            .flatten()
            .collect();
        format!("{}: {}", self.endpoint, parts.join("; "))
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
    let owned = |fault: &&str| (*fault).to_owned();
    Score {
        endpoint: endpoint.to_owned(),
        missed: must.difference(&here).map(owned).collect(),
        alarms: here.difference(&must).filter(|fault| !may(fault)).map(owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(mode: &str, found: &[(&str, &str)], expected_lines: &[&str]) {
        let truth = json!({
            "endpoint": {"orders": {
                "operation": "GET orders", "must": ["n-plus-one"], "may": {"long-tail": "true"},
                "fixed": {"may": {"slow-statement": "true"}},
            }},
            "healthy": {"health": "GET healthz"},
        });
        let rows: Vec<Value> = found
            .iter()
            .map(|(operation, fault)| json!({"operation": operation, "fault": fault}))
            .collect();
        let lines: Vec<String> = judge(&truth, mode, &json!({ "findings": rows }))
            .iter()
            .filter(|score| !score.is_right())
            .map(Score::line)
            .collect();
        assert_eq!(lines, expected_lines);
    }

    #[test]
    fn what_must_be_found_and_what_may_be_is_right() {
        check("faulty", &[("GET /orders", "n-plus-one"), ("GET /orders", "long-tail")], &[]);
    }

    #[test]
    fn what_is_missed_is_told() {
        check("faulty", &[], &["orders: missed n-plus-one"]);
    }

    #[test]
    fn what_is_in_neither_list_is_a_false_alarm() {
        check(
            "fixed",
            &[
                ("GET /orders", "n-plus-one"),
                ("GET /healthz", "long-tail"),
                ("GET /other", "long-tail"),
            ],
            &[
                "orders: false alarm n-plus-one",
                "health: false alarm long-tail",
                "GET /other: false alarm long-tail",
            ],
        );
        check("fixed", &[("GET /orders", "slow-statement")], &[]);
    }
}
