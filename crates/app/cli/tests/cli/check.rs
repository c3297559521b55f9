//! `taut check`: what breaks a test run, what does not, and what cannot be told.

use std::{fs, path::Path};

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::{
    kit::{Ran, file, orders, ran, run, taut, ten_orders},
    schema::against_sarif,
};

const START: u64 = 1_767_225_600_000_000_000;

/// Runs it in a folder of its own with this `taut.toml`.
fn check(folder: &Path, settings: &str, arguments: &[&str]) -> Ran {
    fs::write(folder.join("taut.toml"), settings).expect("the folder is ours");
    let output = taut()
        .arg("check")
        .args(arguments)
        .current_dir(folder)
        .env_remove("GITHUB_STEP_SUMMARY")
        .output()
        .expect("the binary runs");
    ran(&output)
}

/// Says where in the code each statement is made.
fn with_code(mut request: Value, folder: &Path) -> Value {
    let file = folder.join("app/views.py").display().to_string();
    let spans = request["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array_mut();
    for span in spans.expect("there are spans") {
        let attributes = span["attributes"].as_array_mut().expect("there are some");
        attributes.push(json!({"key": "code.file.path", "value": {"stringValue": file}}));
        attributes.push(json!({"key": "code.line.number", "value": {"intValue": 42}}));
        attributes.push(json!({"key": "code.function.name", "value": {"stringValue": "orders"}}));
    }
    request
}

/// A request that runs so many statements besides the list, each of its own shape.
fn plain(trace: u64, statements: usize) -> Value {
    let mut request = orders(trace, START + trace * 1_000_000_000, "/api/orders/", "customers");
    let spans = request["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array_mut();
    let spans = spans.expect("there are spans");
    spans.truncate(2 + statements);
    for (place, span) in spans.iter_mut().enumerate().skip(2) {
        span["attributes"][0]["value"]["stringValue"] =
            json!(format!("SELECT c{place} FROM t{place}"));
    }
    request
}

fn lines(requests: impl IntoIterator<Item = Value>) -> String {
    requests.into_iter().map(|request| request.to_string() + "\n").collect()
}

#[test]
fn a_loop_over_statements_breaks_it_without_any_setting() {
    let (folder, path) = file("spans.json", ten_orders("/api/orders/", "customers"));
    let ran = check(folder.path(), "", &["spans.json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.words);
    assert!(ran.data.starts_with("1 of 1 check broke"), "{}", ran.data);
    for told in ["GET /api/orders/", "n-plus-one", "customers are fetched one by one", "→"] {
        assert!(ran.data.contains(told), "{told}:\n{}", ran.data);
    }
    let allowed = check(folder.path(), "[check]\nrefuse = []\n", &["spans.json"]);
    assert_eq!(allowed.code, Some(0), "{}", allowed.data);
    drop(path);
}

#[test]
fn a_check_is_recorded_with_all_of_it() {
    let (folder, _path) = file("spans.json", ten_orders("/api/orders/", "customers"));
    let ran = check(folder.path(), "", &["spans.json", "--record", "--store", "kept"]);
    assert_eq!(ran.code, Some(1), "{}", ran.words);
    assert!(ran.words.contains("run 1 is in the ledger"), "{}", ran.words);
    let store = folder.path().join("kept").display().to_string();
    let told = run(["ledger", "show", "1", "--store", &store]);
    assert!(told.data.contains("1 of 1 check broke"), "{}", told.data);
    let whole = run(["ledger", "show", "1", "--result", "--store", &store]);
    let whole: Value = serde_json::from_str(&whole.data).expect("it is JSON");
    assert_eq!((&whole["holds"], &whole["checks"][0]["broke"]), (&json!(false), &json!(true)));
}

#[test]
fn a_budget_tells_what_was_measured_what_is_allowed_where_and_what_to_do() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let request = with_code(orders(1, START, "/api/orders/", "customers"), folder.path());
    fs::write(folder.path().join("spans.json"), lines([request])).expect("it is ours");
    let budgets = "[check]\nrefuse = []\n\n[[check.budget]]\nendpoint = \"GET /api/*\"\nqueries = 10\n\
                   duplicates = 0\n\n[[check.budget]]\nendpoint = \"GET /misspelt\"\nqueries = 1\n";
    let ran = check(folder.path(), budgets, &["spans.json"]);
    assert_eq!(ran.code, Some(1));
    let shown = ran.data.lines().take(7).collect::<Vec<_>>().join("\n");
    assert_snapshot!(shown, @r"
    1 of 2 checks broke
    1 request of 1 endpoint

    broke  GET /api/orders/  shop  queries
           statements in a request: 41; the budget of `GET /api/*` allows 10
           │ select name from customers where id = ?  × 40
           │ select id, customer_id from orders limit ?  × 1
    ");
    assert!(ran.data.contains("│ at app/views.py:42 orders"), "{}", ran.data);
    assert!(ran.data.contains("The budget of `GET /misspelt` fits no endpoint"), "{}", ran.data);
}

#[test]
fn a_baseline_is_written_compared_with_and_can_be_read_in_a_diff() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let write = |name: &str, statements| {
        let requests = (0..3).map(|trace| plain(trace, statements));
        fs::write(folder.path().join(name), lines(requests)).expect("it is ours");
    };
    write("ten.json", 9);
    write("twelve.json", 11);
    write("thirteen.json", 12);
    let update = check(folder.path(), "", &["--baseline", "base.json", "--update", "ten.json"]);
    assert_eq!(update.code, Some(0), "{}{}", update.data, update.words);
    assert_snapshot!(update.words, @"wrote 1 endpoint to `base.json`");
    let first = fs::read_to_string(folder.path().join("base.json")).expect("it was written");
    assert!(first.contains("\"queries\": 10"), "{first}");
    let again = check(folder.path(), "", &["--baseline", "base.json", "--update", "ten.json"]);
    assert_eq!(again.code, Some(0));
    let second = fs::read_to_string(folder.path().join("base.json")).expect("it was written");
    assert_eq!(first, second, "the same run writes the same text");
    let same = check(folder.path(), "", &["--baseline", "base.json", "twelve.json"]);
    assert_eq!(same.code, Some(0), "a fifth more is let through: {}", same.data);
    assert!(same.data.contains("runs 2 statements that the baseline does not have"));
    let more = check(folder.path(), "", &["--baseline", "base.json", "thirteen.json"]);
    assert_eq!(more.code, Some(1), "{}", more.data);
    assert!(
        more.data
            .contains("statements in a request: 13; the baseline has 10 and lets up to 12 through"),
        "{}",
        more.data
    );
}

#[test]
fn ci_systems_get_what_they_read() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let request = with_code(orders(1, START, "/api/orders/", "customers"), folder.path());
    fs::write(folder.path().join("spans.json"), lines([request])).expect("it is ours");
    let summary = folder.path().join("summary.md");
    fs::write(&summary, "before\n").expect("it is ours");
    let output = taut()
        .args(["check", "--junit", "taut.xml", "--sarif", "taut.sarif", "--markdown", "taut.md"])
        .args(["--json", "spans.json"])
        .current_dir(folder.path())
        .env("GITHUB_STEP_SUMMARY", &summary)
        .output()
        .expect("the binary runs");
    let ran = ran(&output);
    assert_eq!(ran.code, Some(1));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("it was written");
    let json: Value = serde_json::from_str(&ran.data).expect("it is JSON");
    assert_eq!(json["holds"], false);
    assert_eq!(json["checks"][0]["code"]["file"], "app/views.py");
    let junit = read("taut.xml");
    assert!(junit.contains("tests=\"1\" failures=\"1\" errors=\"0\""), "{junit}");
    assert!(junit.contains("<testcase classname=\"shop.GET /api/orders/\""), "{junit}");
    assert!(junit.contains("file=\"app/views.py\" line=\"42\""), "{junit}");
    let markdown = read("taut.md");
    assert!(markdown.starts_with("### ❌ 1 of 1 check broke"), "{markdown}");
    assert_eq!(read("summary.md"), format!("before\n{markdown}"));
    let sarif: Value = serde_json::from_str(&read("taut.sarif")).expect("it is JSON");
    follows_what_github_asks_for(&sarif);
    let result = &sarif["runs"][0]["results"][0];
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "app/views.py");
    assert_eq!(place["region"]["startLine"], 42);
}

/// The properties that GitHub's documentation of SARIF support calls required, and its limits.
fn follows_what_github_asks_for(sarif: &Value) {
    assert_eq!(against_sarif(sarif), Vec::<String>::new());
    assert_eq!(sarif["version"], "2.1.0");
    assert!(sarif["$schema"].as_str().is_some_and(|schema| schema.contains("sarif-2.1.0")));
    let driver = &sarif["runs"][0]["tool"]["driver"];
    assert!(driver["name"].is_string());
    let rules = driver["rules"].as_array().expect("there are rules");
    for rule in rules {
        for text in ["shortDescription", "fullDescription", "help"] {
            let text = rule[text]["text"].as_str().expect("each rule tells it");
            assert!(!text.is_empty(), "{rule}");
        }
        assert!(rule["id"].is_string() && rule["name"].as_str().is_some_and(|it| it.len() <= 255));
        assert!(rule["shortDescription"]["text"].as_str().is_some_and(|it| it.len() <= 1_024));
    }
    for result in sarif["runs"][0]["results"].as_array().expect("there are results") {
        let rule = usize::try_from(result["ruleIndex"].as_u64().expect("it has one"));
        assert_eq!(rules[rule.expect("it is small")]["id"], result["ruleId"]);
        assert!(result["message"]["text"].is_string());
        assert!(result["partialFingerprints"].as_object().is_some_and(|it| !it.is_empty()));
        let place = &result["locations"][0]["physicalLocation"];
        assert!(place["artifactLocation"]["uri"].is_string());
        assert!(place["region"]["startLine"].as_u64().is_some_and(|line| 1 <= line));
    }
}

#[test]
fn a_result_without_a_place_in_the_code_points_at_its_rule() {
    let (folder, _path) = file("spans.json", ten_orders("/api/orders/", "customers"));
    let ran = check(folder.path(), "", &["--sarif", "taut.sarif", "spans.json"]);
    assert_eq!(ran.code, Some(1));
    let text = fs::read_to_string(folder.path().join("taut.sarif")).expect("it was written");
    let sarif: Value = serde_json::from_str(&text).expect("it is JSON");
    follows_what_github_asks_for(&sarif);
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "taut.toml");
}

/// Every kind of check broken at once, in a place of the code and without one.
const EVERYTHING: &str = "[check]\nrefuse = [\"n-plus-one\", \"duplicate-statement\"]\n\n[[check.budget]]\n\
    endpoint = \"*\"\nqueries = 1\nrepeats = 1\nduplicates = 0\nstatement = \"1us\"\np50 = \"1us\"\np95 = \"1us\"\n\
    p99 = \"1us\"\nslowest = \"1us\"\n";

#[test]
fn the_report_is_sarif_by_its_schema_whatever_breaks() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let placed = with_code(orders(1, START, "/api/ä b/\"<x>\"", "customers"), folder.path());
    let requests = (2..200).map(|trace| orders(trace, START + trace, "/api/orders/", "customers"));
    fs::write(folder.path().join("spans.json"), lines(requests.chain([placed])))
        .expect("it is ours");
    let ran = check(
        folder.path(),
        EVERYTHING,
        &["--sarif", "taut.sarif", "--junit", "taut.xml", "spans.json"],
    );
    assert_eq!(ran.code, Some(1), "{}", ran.words);
    let text = fs::read_to_string(folder.path().join("taut.sarif")).expect("it was written");
    let sarif: Value = serde_json::from_str(&text).expect("it is JSON");
    follows_what_github_asks_for(&sarif);
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().expect("there are rules");
    assert!(7 <= rules.len(), "{} kinds of checks broke", rules.len());
    let junit = fs::read_to_string(folder.path().join("taut.xml")).expect("it was written");
    is_junit(&junit);

    // A run in which nothing broke is one, too.
    let ran = check(
        folder.path(),
        "[check]\nrefuse = []\n",
        &["--sarif", "taut.sarif", "--junit", "taut.xml", "spans.json"],
    );
    assert_eq!(ran.code, Some(0), "{}", ran.words);
    let text = fs::read_to_string(folder.path().join("taut.sarif")).expect("it was written");
    assert_eq!(
        against_sarif(&serde_json::from_str(&text).expect("it is JSON")),
        Vec::<String>::new()
    );
    is_junit(&fs::read_to_string(folder.path().join("taut.xml")).expect("it was written"));
}

#[test]
fn the_schema_refuses_what_is_no_sarif() {
    let good = json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "taut"}}, "results": []}]});
    assert_eq!(against_sarif(&good), Vec::<String>::new());
    for (place, value) in [
        ("/version", json!("2.2")),
        ("/runs", json!({})),
        ("/runs/0/tool", json!({})),
        ("/runs/0/tool/driver/name", json!(7)),
        ("/runs/0/results", json!([{"message": {}}])),
        ("/runs/0/results", json!([{"message": {"text": "x"}, "level": "bad"}])),
        ("/runs/0/results", json!([{"message": {"text": "x"}, "ruleIndex": -2}])),
        ("/runs/0/results", json!([{"message": {"text": "x"}, "unheard-of": 1}])),
        (
            "/runs/0/results",
            json!([{"message": {"text": "x"}, "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a b"}}}]}]),
        ),
    ] {
        let mut wrong = good.clone();
        *wrong.pointer_mut(place).expect("it is there") = value;
        assert_ne!(against_sarif(&wrong), Vec::<String>::new(), "{place}: {wrong}");
    }
}

/// What Jenkins' schema of `JUnit`'s reports (junit-10.xsd) asks for: elements within each other, their attributes, counts that are
/// those of the cases; and that it is XML at all.
fn is_junit(text: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest =
        text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").expect("a declaration");
    let (mut cases, mut failures, mut errors) = (0, 0, 0);
    let mut counts = Vec::new();
    while let Some((before, tail)) = rest.split_once('<') {
        let within = open.last().copied();
        assert!(
            before.trim().is_empty() || within == Some("failure"),
            "text in {within:?}: {before}"
        );
        let (tag, after) = tail.split_once('>').expect("each tag ends");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "an end of what was not begun");
            continue;
        }
        let is_empty = tag.ends_with('/');
        let tag = tag.trim_end_matches('/');
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let keys: Vec<&str> = attributes
            .split('"')
            .step_by(2)
            .map(|key| key.trim().trim_end_matches('='))
            .filter(|key| !key.is_empty())
            .collect();
        let value = |key: &str| {
            let (_, rest) = attributes.split_once(&format!("{key}=\""))?;
            rest.split('"').next()
        };
        let (parent, wanted, allowed): (_, &[&str], &[&str]) = match name {
            "testsuites" => (None, &["name"], &["name", "tests", "failures", "errors", "time"]),
            "testsuite" => (
                Some("testsuites"),
                &["name", "tests"],
                &["name", "tests", "failures", "errors", "skipped", "time"],
            ),
            "testcase" => (
                Some("testsuite"),
                &["name", "classname"],
                &["name", "classname", "file", "line", "time"],
            ),
            "failure" | "error" => (Some("testcase"), &["message", "type"], &["message", "type"]),
            other => panic!("<{other}> is no element of JUnit"),
        };
        assert_eq!(within, parent, "<{name}>");
        assert!(wanted.iter().all(|key| keys.contains(key)), "<{name}> has {keys:?}");
        assert!(keys.iter().all(|key| allowed.contains(key)), "<{name}> has {keys:?}");
        match name {
            "testcase" => cases += 1,
            "failure" => failures += 1,
            "error" => errors += 1,
            _ => {
                let number =
                    |key| value(key).map_or(0, |it: &str| it.parse::<usize>().expect("a count"));
                counts.push((number("tests"), number("failures"), number("errors")));
            }
        }
        if !is_empty {
            open.push(name);
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "all is ended");
    assert_eq!(counts, [(cases, failures, errors); 2], "both say how many there are");
}

#[test]
fn a_request_that_ended_before_it_began_breaks_no_budget_of_time() {
    let mut odd = plain(1, 2);
    let spans = odd["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array_mut();
    for span in spans.expect("there are spans") {
        span["endTimeUnixNano"] = json!("1000");
    }
    let (folder, _path) = file("odd.json", lines([odd]));
    let budget = "[check]\nrefuse = []\n\n[[check.budget]]\nendpoint = \"*\"\nqueries = 3\nslowest = \"1ms\"\n";
    let ran = check(folder.path(), budget, &["odd.json"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.data, ran.words);
}

#[test]
fn half_a_recording_is_never_green() {
    let mut text = lines((0..3).map(|trace| plain(trace, 2)));
    text.push_str("{\"resourceSpans\": [{\n");
    let (folder, _path) = file("half.json", text);
    let ran = check(folder.path(), "", &["--junit", "taut.xml", "half.json"]);
    assert_eq!(ran.code, Some(3), "{}", ran.data);
    assert!(ran.data.contains("The recording is not whole"), "{}", ran.data);
    let junit = fs::read_to_string(folder.path().join("taut.xml")).expect("it was written");
    assert!(junit.contains("errors=\"1\""), "{junit}");
}

#[test]
fn what_cannot_be_judged_is_told_with_a_hint() {
    let (folder, _path) = file("spans.json", ten_orders("/api/orders/", "customers"));
    let check = |arguments: &[&str]| {
        let ran = check(folder.path(), "", arguments);
        (ran.code, ran.words)
    };
    let (code, words) = check(&[]);
    assert_eq!(code, Some(2));
    assert!(words.contains("no file was given"), "{words}");
    let (code, words) = check(&["--live"]);
    assert_eq!(code, Some(2));
    assert!(words.contains("put it behind `--`"), "{words}");
    let (code, words) = check(&["--baseline", "none.json", "spans.json"]);
    assert_eq!(code, Some(3));
    assert!(words.contains("`taut check --baseline FILE --update`"), "{words}");
    let (code, words) = check(&["--update", "spans.json"]);
    assert_eq!(code, Some(2));
    assert!(words.contains("--update wants to know which file"), "{words}");
    let (code, words) = check(&["--service", "shpo", "spans.json"]);
    assert_eq!(code, Some(2));
    assert!(words.contains("services in there are shop"), "{words}");
    fs::write(folder.path().join("old.json"), "{\"taut-baseline\": 7, \"x\": 1}").expect("ours");
    let (code, words) = check(&["--baseline", "old.json", "spans.json"]);
    assert_eq!(code, Some(2));
    assert!(words.contains("is of version 7, and this Taut knows 1"), "{words}");
    let other = "{\"taut-baseline\": 1, \"services\": {\"bank\": {\"GET /\": {\"requests\": 1, \
                 \"queries\": 1, \"duplicates\": 0}}}}";
    fs::write(folder.path().join("other.json"), other).expect("ours");
    let (code, words) = check(&["--baseline", "other.json", "spans.json"]);
    assert_eq!(code, Some(2));
    assert!(words.contains("the run is of shop, the baseline of bank"), "{words}");
    fs::write(folder.path().join("none.jsonl"), "{\"resourceSpans\":[]}").expect("ours");
    assert_eq!(check(&["none.jsonl"]).0, Some(3));
    let mut alone = orders(1, START, "/api/orders/", "customers");
    let spans = alone["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array_mut();
    spans.expect("there are spans").remove(0);
    for span in alone["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array_mut().expect("some") {
        span["parentSpanId"] = json!("");
    }
    fs::write(folder.path().join("alone.json"), lines([alone])).expect("ours");
    let (code, words) = check(&["alone.json"]);
    assert_eq!(code, Some(3), "{words}");
    assert!(words.contains("none of them answers a request"), "{words}");
}

/// A program that sends what stands in a file to where it is told, as an exporter does.
const SENDER: &str = r#"
import os, sys, urllib.request
endpoint = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] + "/v1/traces"
assert os.environ["OTEL_TRACES_EXPORTER"] == "otlp"
print("the tests say this")
for line in open(sys.argv[1]):
    request = urllib.request.Request(endpoint, line.encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=20).read()
sys.exit(int(sys.argv[2]))
"#;

#[test]
fn a_command_is_run_and_its_spans_are_checked() {
    let (folder, _path) = file("bad.json", ten_orders("/api/orders/", "customers"));
    fs::write(folder.path().join("send.py"), SENDER).expect("it is ours");
    fs::write(folder.path().join("good.json"), lines((0..3).map(|trace| plain(trace, 3))))
        .expect("it is ours");
    let live = |file: &str, code: &str| {
        check(folder.path(), "", &["--live", "--json", "--", "python3", "send.py", file, code])
    };
    let bad = live("bad.json", "0");
    assert_eq!(bad.code, Some(1), "{}", bad.words);
    let json: Value = serde_json::from_str(&bad.data).expect("the command's words are no data");
    assert_eq!((json["requests"].as_u64(), &json["holds"]), (Some(10), &json!(false)));
    assert!(bad.words.contains("the tests say this"), "{}", bad.words);
    let good = live("good.json", "0");
    assert_eq!(good.code, Some(0), "{}{}", good.data, good.words);
    let failed = live("good.json", "4");
    assert_eq!(failed.code, Some(1), "tests that fail are not green");
    assert!(failed.data.contains("the command ended with code 4"), "{}", failed.data);
    let nothing = check(folder.path(), "", &["--live", "--", "true"]);
    assert_eq!(nothing.code, Some(3));
    assert!(nothing.words.contains("is it instrumented?"), "{}", nothing.words);
    let unknown = check(folder.path(), "", &["--live", "--", "no-such-program"]);
    assert_eq!(unknown.code, Some(3));
    assert!(unknown.words.contains("is it installed, and spelt like that?"), "{}", unknown.words);
}
