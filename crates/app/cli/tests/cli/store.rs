//! `taut store`: what goes in comes out, and what is damaged or in use is told.

use std::{fs, path::Path};

use insta::assert_snapshot;

use crate::kit::{Ran, file, ran, taut, ten_orders};

fn run_in(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = taut();
    command.args(arguments).current_dir(folder).env("TAUT_STORE_FOLDER", "kept");
    let mut ran = ran(&command.output().expect("the binary runs"));
    ran.words = ran.words.replace(&folder.display().to_string(), "HERE");
    ran
}

fn done(folder: &Path, arguments: &[&str]) -> String {
    let ran = run_in(folder, arguments);
    assert_eq!((ran.code, ran.words.as_str()), (Some(0), ""), "{arguments:?}: {}", ran.data);
    ran.data
}

#[test]
fn what_is_taken_in_is_checked_compacted_and_taken_out_again() {
    let (folder, _) = file("orders.jsonl", ten_orders("/api/orders/", "customers"));
    let here = folder.path();
    assert_snapshot!(done(here, &["store", "import", "orders.jsonl"]), @"
    420 spans taken in
    from 1 file
    ");
    let sound = done(here, &["store", "check"]);
    assert!(sound.starts_with("All of it is sound\n"), "{sound}");
    let compacted = done(here, &["store", "compact"]);
    assert!(compacted.ends_with("\n420 spans in 1 block\n"), "{compacted}");
    assert!(done(here, &["store", "check"]).contains("420 rows in 1 block, 0 records in 1 log"));

    let exported = done(here, &["store", "export", "day"]);
    assert!(exported.starts_with("420 spans written\n1 file, "), "{exported}");
    assert_snapshot!(done(here, &["store", "import", "day", "--store", "copy"]), @"
    420 spans taken in
    from 1 file
    ");
    done(here, &["store", "export", "one.parquet", "--store", "copy"]);
    done(here, &["store", "export", "all.jsonl", "--store", "copy"]);
    let lines = done(here, &["store", "export", "-"]);
    assert_eq!(lines.lines().count(), 1);
    fs::write(here.join("printed.jsonl"), lines).expect("it can be written to");
    let found = |name: &str| {
        let report = run_in(here, &["find", name, "--json"]).data;
        let report: serde_json::Value = serde_json::from_str(&report).expect("it is JSON");
        report["findings"].clone()
    };
    assert!(found("orders.jsonl").as_array().is_some_and(|findings| !findings.is_empty()));
    assert_eq!(found("printed.jsonl"), found("orders.jsonl"));
    assert_eq!(found("all.jsonl"), found("orders.jsonl"));
    let of_2027 = done(here, &["store", "export", "--from", "2027-01-01", "late.parquet"]);
    assert!(of_2027.starts_with("0 spans written"), "{of_2027}");
}

const LOGS: &str = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeLogs":[{"scope":{},"logRecords":[{"timeUnixNano":"1795000000000000000","severityNumber":17,"severityText":"ERROR","body":{"stringValue":"no stock"},"traceId":"634879700e0057aab08d62735be9ee07"}]}]}]}
"#;

const METRICS: &str = r#"{"resourceMetrics":[{"resource":{},"scopeMetrics":[{"scope":{},"metrics":[{"name":"queue.depth","unit":"{message}","gauge":{"dataPoints":[{"timeUnixNano":"1795000000000000000","asInt":"7"},{"timeUnixNano":"1795000001000000000","asDouble":0.5}]}}]}]}]}
"#;

#[test]
fn log_records_and_metrics_go_in_and_come_out_as_spans_do() {
    let (folder, _) = file("orders.jsonl", ten_orders("/api/orders/", "customers"));
    let here = folder.path();
    fs::write(here.join("logs.jsonl"), LOGS).expect("it can be written to");
    fs::write(here.join("metrics.jsonl"), METRICS).expect("it can be written to");
    assert_snapshot!(done(here, &["store", "import", "orders.jsonl", "logs.jsonl", "metrics.jsonl"]), @"
    420 spans, 1 log record, 2 points of metrics taken in
    from 3 files
    ");
    let compacted = done(here, &["store", "compact"]);
    assert!(
        compacted.ends_with("\n420 spans, 1 log record, 2 points of metrics in 3 blocks\n"),
        "{compacted}"
    );
    let exported = done(here, &["store", "export", "all"]);
    assert!(
        exported.starts_with("420 spans, 1 log record, 2 points of metrics written\n3 files, "),
        "{exported}"
    );
    done(here, &["store", "import", "all", "--store", "copy"]);
    let lines =
        |what: &str| done(here, &["store", "export", "--what", what, "-", "--store", "copy"]);
    assert_eq!(lines("logs"), LOGS);
    assert_snapshot!(lines("metrics"), @r#"{"resourceMetrics":[{"resource":{},"scopeMetrics":[{"scope":{},"metrics":[{"name":"queue.depth","unit":"{message}","gauge":{"dataPoints":[{"timeUnixNano":"1795000000000000000","asInt":"7"}]}},{"name":"queue.depth","unit":"{message}","gauge":{"dataPoints":[{"timeUnixNano":"1795000001000000000","asDouble":0.5}]}}]}]}]}"#);
    let checked = done(here, &["store", "check", "--store", "copy"]);
    assert!(checked.starts_with("All of it is sound\n"), "{checked}");
}

#[test]
fn a_result_can_be_read_by_machines() {
    let (folder, _) = file("orders.jsonl", ten_orders("/api/orders/", "customers"));
    let read = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&done(folder.path(), arguments)).expect("it is JSON")
    };
    let imported = read(&["store", "import", "orders.jsonl", "--json"]);
    assert_eq!(imported["files"][0]["spans"], 420);
    let compacted = read(&["store", "compact", "--json"]);
    assert_eq!((&compacted["spans"], &compacted["blocks"]), (&420.into(), &1.into()));
    let checked = read(&["store", "check", "--json"]);
    assert_eq!(checked["is_sound"], true);
    let kinds: Vec<_> = checked["files"].as_array().expect("there are some").iter().collect();
    assert!(kinds.iter().any(|file| file["kind"] == "block" && file["records"] == 420));
    let exported = read(&["store", "export", "all.jsonl", "--json"]);
    assert_eq!((&exported["spans"], &exported["files"][0]), (&420.into(), &"all.jsonl".into()));
}

#[test]
fn damage_is_told_and_is_no_yes() {
    let (folder, _) = file("orders.jsonl", ten_orders("/api/orders/", "customers"));
    let here = folder.path();
    done(here, &["store", "import", "orders.jsonl"]);
    done(here, &["store", "compact"]);
    let block = here.join("kept/spans-000001-000001.parquet");
    let mut bytes = fs::read(&block).expect("compacting made it");
    bytes[4..400].fill(0xa5);
    fs::write(&block, bytes).expect("it can be written to");
    let checked = run_in(here, &["store", "check"]);
    assert_eq!(checked.code, Some(1));
    assert!(
        checked.data.contains("damaged  `kept/spans-000001-000001.parquet`: "),
        "{}",
        checked.data
    );
    let exported = run_in(here, &["store", "export", "out"]);
    assert_eq!(exported.code, Some(1));
    assert!(exported.words.contains("is damaged, what it held is missing"), "{}", exported.words);
}

#[test]
fn wrong_use_is_told() {
    let (folder, _) = file("orders.jsonl", ten_orders("/api/orders/", "customers"));
    let here = folder.path();
    let tell = |arguments: &[&str]| {
        let ran = run_in(here, arguments);
        format!("{}\n{}", ran.code.unwrap_or(-1), ran.words)
    };
    assert_snapshot!(tell(&["store", "check"]), @"
    2
    error: there is no store in `kept`

    hint: `taut up` makes one; --store, --config or TAUT_STORE_FOLDER says where it is
    ");
    done(here, &["store", "import", "orders.jsonl"]);
    assert_snapshot!(tell(&["store", "export", "--from", "yesterday", "out"]), @"
    2
    error: `yesterday` is no time

    hint: write `2026-11-20T09:00:00Z`, `2026-11-20`, or how long ago: `24h`
    ");
    assert_snapshot!(tell(&["store", "export", "orders.jsonl"]), @"
    3
    error: failed to write `orders.jsonl`: File exists (os error 17)

    hint: nothing is written over; name another file
    ");
    fs::write(here.join("foreign.parquet"), "PAR1 and no more").expect("it can be written to");
    assert_snapshot!(tell(&["store", "import", "foreign.parquet"]), @"
    3
    error: `foreign.parquet` is damaged, or no Parquet file of a store

    hint: spans of other Parquet files come in as OTLP JSON
    ");
    let lock = fs::File::open(here.join("kept/lock")).expect("the store has made it");
    lock.lock().expect("nobody else has it");
    assert_snapshot!(tell(&["store", "compact"]), @"
    3
    error: `kept` is in use by another process

    hint: `taut up` uses it; stop it first. `taut store check` works meanwhile, too
    ");
    let checked = run_in(here, &["store", "check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.data);
}
