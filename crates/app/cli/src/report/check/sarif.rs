//! What broke as SARIF 2.1.0, with what GitHub's code scanning asks for: rules with help, a place for every result, paths
//! from the root of the repository, and a fingerprint that does not change with the line.

use std::{collections::BTreeMap, path::Path};

use prove::gate::{Check, Measure, Rule};
use serde_json::{Value, json};

use super::{Report, common_remedy, layout};

/// GitHub shows five thousand results of a run, and takes no more than 25,000.
const RESULTS_MAX: usize = 5_000;

/// What broke.
pub(crate) fn sarif(report: &Report<'_>) -> String {
    let broken: Vec<&Check> = report.verdict.broken().take(RESULTS_MAX).collect();
    let mut rules: BTreeMap<String, Value> = BTreeMap::new();
    for check in &broken {
        rules.entry(Report::what(check)).or_insert_with(|| rule(check));
    }
    let places: BTreeMap<&String, usize> =
        rules.keys().enumerate().map(|(place, name)| (name, place)).collect();
    let results: Vec<Value> = broken
        .iter()
        .map(|check| result(report, check, places.get(&Report::what(check)).copied()))
        .collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "taut",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.values().collect::<Vec<_>>(),
            } },
            "automationDetails": { "id": "taut/check/" },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

fn rule(check: &Check) -> Value {
    let name = Report::what(check);
    let (title, help) = match (&check.rule, check.measure) {
        (Rule::Fault { fault, .. }, _) => {
            let detector = find::detector(fault);
            (
                detector.map_or(fault.as_str(), |detector| detector.title).to_owned(),
                detector.map_or("", |detector| detector.doc).to_owned(),
            )
        }
        (_, Some(measure)) => (title(measure).to_owned(), common_remedy(measure).to_owned()),
        _ => (name.clone(), String::new()),
    };
    json!({
        "id": name,
        "name": name,
        "shortDescription": { "text": title },
        "fullDescription": { "text": title },
        "help": { "text": help, "markdown": help },
        "defaultConfiguration": { "level": "error" },
        "properties": { "tags": ["performance"], "precision": "high", "problem.severity": "error" },
    })
}

fn title(measure: Measure) -> &'static str {
    match measure {
        Measure::Queries => "A request runs more statements than it may",
        Measure::Repeats => "A request runs one statement more often than it may",
        Measure::Duplicates => "A request asks the same again",
        Measure::NewStatements => "An endpoint runs statements that are new",
        Measure::Statement => "A statement takes longer than it may",
        Measure::P50 | Measure::P95 | Measure::P99 | Measure::Slowest => {
            "An endpoint takes longer than it may"
        }
        Measure::Bytes => "An answer is larger than it may be",
    }
}

fn result(report: &Report<'_>, check: &Check, rule: Option<usize>) -> Value {
    let what = Report::what(check);
    let endpoint = layout::clean(&check.key.operation);
    let mut message = format!("{endpoint}: {}.", report.sentence(check));
    let evidence = report.evidence(check);
    if !evidence.is_empty() {
        message.push_str(&format!("\n\n{}", evidence.join("\n")));
    }
    message.push_str(&format!("\n\n{}", report.remedy(check)));
    let by = match &check.rule {
        Rule::Budget(_) => "budget",
        Rule::Baseline => "baseline",
        Rule::Fault { .. } | Rule::NoFault => "fault",
    };
    let identity = format!("{what}\n{by}\n{}\n{}", check.key.service, check.key.operation);
    json!({
        "ruleId": what,
        "ruleIndex": rule,
        "level": "error",
        "message": { "text": message },
        "locations": [location(report, check)],
        // The name that GitHub looks for; without it the line would tell results apart, and lines move.
        "partialFingerprints": {
            "primaryLocationLineHash": format!("{:016x}:1", sql::hash(identity.as_bytes())),
        },
    })
}

/// Where it is: in the code if spans tell; else in the file that holds the rule, for GitHub takes no result without a place.
fn location(report: &Report<'_>, check: &Check) -> Value {
    let code = report.place(check).filter(|place| !place.file.is_empty());
    let (file, line) = code.map_or_else(
        || (rule_file(report, check), 1),
        |place| (report.path(&place.file), place.line.max(1)),
    );
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&file) },
            "region": { "startLine": line },
        },
        "logicalLocations": [{ "name": &*check.key.operation, "fullyQualifiedName": format!("{}: {}", check.key.service, check.key.operation) }],
    })
}

fn rule_file(report: &Report<'_>, check: &Check) -> String {
    let baseline = report.baseline.filter(|_| check.rule == Rule::Baseline);
    let file = baseline.or(report.settings_file).unwrap_or_else(|| Path::new("taut.toml"));
    report.path(&file.to_string_lossy())
}

/// A path as a URI: relative as it is, absolute with its scheme.
fn uri(path: &str) -> String {
    let mut text = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte);
        if is_plain {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("app/views.py"), "app/views.py");
        assert_eq!(uri("/srv/a b/ä.py"), "file:///srv/a%20b/%C3%A4.py");
    }
}
