//! `taut log`: logs of real servers through the real binary.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use insta::assert_snapshot;
use serde_json::Value;

use crate::kit::{file, run, run_with_input};

/// A log of a real server, as `record.sh` beside it recorded it.
fn spec(name: &str) -> PathBuf {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../core/observe/specs/postgres_log");
    folder.join(format!("{name}.gz"))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

fn report(arguments: &[&str]) -> Value {
    let ran = run([&["log", "--json"], arguments].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.words);
    serde_json::from_str(&ran.data).expect("it is JSON")
}

/// A log in which one statement runs again and again.
fn lines(from: u32, to: u32) -> String {
    let line = |second: u32| {
        format!(
            "2026-11-21 16:{:02}:{:02}.000 CET [7] jo@shop LOG:  duration: 2.000 ms  statement: SELECT a FROM t WHERE b = {second}\n",
            second / 60,
            second % 60
        )
    };
    (from..to).map(line).collect()
}

fn statements(report: &Value) -> u64 {
    report["statements"]["count"].as_u64().expect("it is a count")
}

#[test]
fn each_format_tells_the_same() {
    let told = |name: &str| {
        let report = report(&[text(&spec(name))]);
        // Who wrote a file stays out: behind `%q`, parallel workers say nothing of it.
        let same = [
            "/claim",
            "/troubles",
            "/statements",
            "/errors",
            "/locks",
            "/temp_files/bytes",
            "/temp_files/statements",
            "/checkpoints",
            "/tables",
        ];
        same.map(|path| report.pointer(path).expect("it is there").to_string()).join("\n")
    };
    assert_eq!(told("15.stderr.log"), told("15.jsonlog.json"));
    assert_eq!(told("15.csvlog.csv"), told("15.jsonlog.json"));
}

#[test]
fn the_claim_comes_first() {
    let ran = run(["log", "--top", "3", text(&spec("18.csvlog.csv"))]);
    assert_eq!((ran.code, ran.words.as_str()), (Some(0), ""));
    let first: Vec<&str> = ran.data.lines().take(2).collect();
    assert!(
        first[0].contains("% of 14.0 s goes into one statement: select pg_sleep(?)"),
        "{first:?}"
    );
    assert!(first[1].starts_with("1 crash, 21 errors, 1 deadlock"), "{first:?}");
    for heading in [
        "Most time",
        "Most often",
        "Slowest plans",
        "Waits for locks",
        "Who waited for whom",
        "Temporary files",
        "Errors",
        "Server",
        "Autovacuum",
        "By hour",
    ] {
        assert!(ran.data.contains(&format!("\n{heading}")), "{heading}");
    }
    for line in ran.data.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn standard_input_is_a_dash_and_may_be_compressed() {
    let packed = std::fs::read(spec("18.stderr.log")).expect("it is in the repository");
    let piped = run_with_input(&["log", "--json", "-"], &packed);
    assert_eq!(piped.code, Some(0), "{}", piped.words);
    let piped: Value = serde_json::from_str(&piped.data).expect("it is JSON");
    let read = report(&[text(&spec("18.stderr.log"))]);
    assert_eq!(piped["by_time"], read["by_time"]);
}

#[test]
fn the_page_needs_nothing_else_and_holds_no_literal() {
    let ran = run(["log", "--html", "-", text(&spec("15.stderr.log"))]);
    assert_eq!(ran.code, Some(0));
    for absent in ["<script", "http://", "https://", "user7", "tok-4242", "Mallory", "hidden-value"]
    {
        assert!(!ran.data.contains(absent), "{absent}");
    }
    assert!(ran.data.starts_with("<!DOCTYPE html>"));
    let (folder, _) = file("in-it", "");
    let path = folder.path().join("report.html");
    let ran = run(["log", "--html", text(&path), text(&spec("15.stderr.log"))]);
    assert_eq!((ran.code, ran.data.as_str()), (Some(0), ""));
    assert!(path.exists());
}

#[test]
fn filters_leave_the_rest_out() {
    let (_folder, path) = file("server.log", lines(0, 120));
    let count = |arguments: &[&str]| statements(&report(&[arguments, &[text(&path)]].concat()));
    assert_eq!(count(&[]), 120);
    assert_eq!(count(&["--from", "2026-11-21 16:01"]), 60);
    assert_eq!(count(&["--from", "2026-11-21 16:00:30", "--to", "2026-11-21 16:00:40"]), 10);
    assert_eq!(count(&["--database", "shop", "--user", "jo"]), 120);
    let none = run(["log", "--database", "other", text(&path)]);
    assert_eq!(none.code, Some(3));
    assert_snapshot!(none.words, @"
    error: no entry passes the filters

    hint: the files hold 120 entries; `--from` and `--to` are on the log's own clock
    ");
}

#[test]
fn a_state_adds_only_what_is_new() {
    let (folder, path) = file("server.log", lines(0, 50));
    let state = folder.path().join("state.json");
    let count = |files: &[&Path]| {
        let files: Vec<&str> = files.iter().map(|path| text(path)).collect();
        statements(&report(&[&["--state", text(&state)], files.as_slice()].concat()))
    };
    assert_eq!(count(&[&path]), 50);
    assert_eq!(count(&[&path]), 50, "nothing is new");

    // It grows, and ends within a line that the server is still writing.
    let more = lines(50, 60);
    let (whole, rest) = more.split_at(more.len() - 20);
    let mut log = std::fs::OpenOptions::new().append(true).open(&path).expect("it is ours");
    log.write_all(whole.as_bytes()).expect("there is room");
    assert_eq!(count(&[&path]), 59);
    log.write_all(rest.as_bytes()).expect("there is room");
    assert_eq!(count(&[&path]), 60);

    // It is rotated: the old one under another name, a new one under the old.
    let rotated = folder.path().join("server.log.1");
    std::fs::rename(&path, &rotated).expect("it is ours");
    std::fs::write(&path, lines(60, 65)).expect("it is ours");
    assert_eq!(count(&[&rotated, &path]), 65);
    assert_eq!(count(&[&path, &rotated]), 65);

    let other = run(["log", "--state", text(&state), "--database", "shop", text(&path)]);
    assert_eq!(other.code, Some(2), "{}", other.words);
    std::fs::write(&state, "{}{").expect("it is ours");
    let broken = run(["log", "--state", text(&state), text(&path)]);
    assert_eq!(broken.code, Some(3), "{}", broken.words);
    assert!(broken.words.contains("hint: remove it to begin anew"), "{}", broken.words);
}

#[test]
fn what_cannot_be_read_is_told_with_a_hint() {
    let refused = |name: &str, content: &str, arguments: &[&str]| {
        let (folder, path) = file(name, content);
        let ran = run([&["log"], arguments, &[text(&path)]].concat());
        assert_eq!(ran.data, "", "data goes out only when there is some");
        format!("{:?} {}", ran.code, ran.words.replace(text(folder.path()), "FOLDER"))
    };
    assert_snapshot!(refused("empty.log", "", &[]), @"
    Some(3) error: `FOLDER/empty.log` is empty

    hint: check `log_destination`, `logging_collector` and `log_directory` of the server
    ");
    assert_snapshot!(refused("notes.txt", "dear diary\n", &[]), @"
    Some(3) error: `FOLDER/notes.txt` holds no entry of a PostgreSQL log that could be read

    hint: if it is a log of `stderr`, give the server's `log_line_prefix`: `taut log --prefix '%m [%p] ' FILE`
    ");
    assert_snapshot!(refused("x.log", "", &["--prefix", "%z "]), @"
    Some(2) error: `%z ` is no `log_line_prefix`: no server knows `%z`

    hint: `SHOW log_line_prefix` tells the server's; quote it, spaces at its end included
    ");
    assert_snapshot!(refused("x.log", "", &["--from", "noon"]), @"
    Some(2) error: `noon` is no time

    hint: write `2026-11-21`, `2026-11-21 16:19` or `2026-11-21 16:19:00`, on the log's clock
    ");
    let missing = run(["log", "/nowhere/server.log"]);
    assert_eq!(missing.code, Some(3));
    assert!(missing.words.contains("hint: check the path"), "{}", missing.words);
    assert_eq!(run(["log"]).code, Some(2));
}

#[test]
fn rubbish_costs_its_lines_and_is_told() {
    let (_folder, path) =
        file("server.log", format!("{}panic in the library\n{}", lines(0, 5), lines(5, 9)));
    let ran = run(["log", "--json", text(&path)]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.words.ends_with("1 line was not understood and left out\n"), "{}", ran.words);
    let packed = std::fs::read(spec("15.stderr.log")).expect("it is in the repository");
    let (_folder, cut) = file("cut.log.gz", &packed[..packed.len() / 2]);
    let ran = run(["log", "--json", text(&cut)]);
    assert_eq!(ran.code, Some(0), "{}", ran.words);
    assert!(
        ran.words.contains("warning: `") && ran.words.contains("read up to byte"),
        "{}",
        ran.words
    );
}

#[test]
fn what_is_not_logged_is_asked_for() {
    let (_folder, path) = file("server.log", lines(0, 3));
    let ran = run(["log", text(&path)]);
    for setting in
        ["log_lock_waits = on", "log_temp_files = 0", "log_checkpoints = on", "auto_explain"]
    {
        assert!(ran.data.contains(setting), "{setting}");
    }
    assert!(!ran.data.contains("log_min_duration_statement"));
}
