//! `taut find`: what goes in, what comes out, and with which code.

use std::{
    io::{Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    process::Stdio,
};

use insta::assert_snapshot;

use crate::kit::{self, Ran, file, recording, run, run_with_input, taut, ten_orders};

/// The words of a refusal, with the folder of the test taken out.
fn refused(path: &std::path::Path, arguments: &[&str]) -> (Option<i32>, String) {
    let ran = run(["find"].into_iter().chain(arguments.iter().copied()).chain([text(path)]));
    assert_eq!(ran.data, "", "data goes out only when there is some");
    let folder = path.parent().map(text).unwrap_or_default();
    (ran.code, ran.words.replace(folder, "FOLDER"))
}

fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

fn code_at(level: &str, name: &str) -> Option<i32> {
    run(["find", "--fail-on", level, text(&recording(name))]).code
}

#[test]
fn the_code_says_whether_something_was_found() {
    for level in ["low", "medium", "high"] {
        assert_eq!(code_at(level, "faulty-orders"), Some(1), "{level}");
    }
    for level in ["critical", "never"] {
        assert_eq!(code_at(level, "faulty-orders"), Some(0), "{level}");
    }
    assert_eq!(code_at("low", "fixed-orders"), Some(0));
}

#[test]
fn files_are_read_as_one() {
    let (first, second) = (recording("faulty-orders"), recording("faulty-posts"));
    let ran = run(["find", text(&first), text(&second)]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.data.contains("of 2 operations"), "{}", ran.data);
}

#[test]
fn standard_input_is_a_dash() {
    let recorded = std::fs::read(recording("faulty-orders")).expect("it is in the repository");
    let piped = run_with_input(&["find", "--json", "-"], &recorded);
    let read = run(["find", "--json", text(&recording("faulty-orders"))]);
    assert_eq!((piped.code, piped.data), (Some(1), read.data));
}

#[test]
fn a_filter_leaves_the_rest_out() {
    let path = recording("faulty-orders");
    assert_eq!(run(["find", "--fault", "F001", text(&path)]).code, Some(1));
    assert_eq!(run(["find", "--fault", "deep-offset", text(&path)]).code, Some(0));
    assert_eq!(run(["find", "--service", "proving-ground", text(&path)]).code, Some(1));
}

#[test]
fn unknown_names_are_refused_with_those_that_are_known() {
    let path = recording("faulty-orders");
    let fault = run(["find", "--fault", "n-plus-on", text(&path)]);
    assert_eq!(fault.code, Some(2));
    assert_snapshot!(fault.words, @"
    error: no fault is called `n-plus-on`

    hint: did you mean `n-plus-one`? `taut explain` lists all faults
    ");
    let service = run(["find", "--service", "proving-grounds", text(&path)]);
    assert_eq!(service.code, Some(2));
    assert_snapshot!(service.words, @"
    error: no service is called `proving-grounds`

    hint: did you mean `proving-ground`?
    ");
    let service = run(["find", "--service", "x", text(&path)]);
    assert_snapshot!(service.words, @"
    error: no service is called `x`

    hint: services in there are proving-ground
    ");
    let flag = run(["find", "--jsn", text(&path)]);
    assert_eq!(flag.code, Some(2));
    assert!(flag.words.contains("'--json'"), "{}", flag.words);
}

#[test]
fn without_a_file_it_says_what_to_give() {
    let Ran { code, words, .. } = run(["find"]);
    assert_eq!(code, Some(2));
    assert_snapshot!(words, @"
    error: no file was given

    hint: `taut find spans.json` reads a recording, `taut find -` standard input; `taut up` receives from an application that runs
    ");
}

#[test]
fn what_cannot_be_read_is_told_with_its_cause_and_a_hint() {
    let (_folder, empty) = file("empty.json", "");
    let (code, words) = refused(&empty, &[]);
    assert_eq!(code, Some(3));
    assert_snapshot!(words, @"
    error: failed to read spans from `FOLDER/empty.json`
      cause: the input is empty

    hint: check that whatever wrote it was given the time to flush its spans
    ");

    let (_folder, text) = file("notes.txt", "dear diary\n");
    let (code, words) = refused(&text, &[]);
    assert_eq!(code, Some(3));
    assert_snapshot!(words, @"
    error: failed to read spans from `FOLDER/notes.txt`
      cause: the input looks like plain text; known formats are Jaeger JSON, OTLP JSON, OTLP protobuf, Zipkin v2 JSON

    hint: export the spans as OTLP JSON, as Jaeger JSON or as Zipkin v2 JSON
    ");

    let (folder, _) = file("in-it", "");
    let (code, words) = refused(&folder.path().join("missing.json"), &[]);
    assert_eq!(code, Some(3));
    assert_snapshot!(words, @"
    error: failed to read `FOLDER/missing.json`
      cause: No such file or directory (os error 2)

    hint: check the path; `-` reads standard input
    ");

    std::fs::create_dir(folder.path().join("folder")).expect("the folder is ours");
    let (code, words) = refused(&folder.path().join("folder"), &[]);
    assert_eq!(code, Some(3));
    assert_snapshot!(words, @"
    error: failed to read `FOLDER/folder`
      cause: Is a directory (os error 21)

    hint: give a file, not a folder; `-` reads standard input
    ");

    let whole = std::fs::read(recording("faulty-orders")).expect("it is in the repository");
    let (_folder, cut) = file("cut.gz", &whole[..1_500]);
    let (code, words) = refused(&cut, &[]);
    assert_eq!(code, Some(3));
    assert_snapshot!(words, @"
    error: failed to read spans from `FOLDER/cut.gz`
      cause: failed to decompress gzip after 11406 bytes: it was cut

    hint: check that it was copied to its end
    ");
}

#[test]
fn no_spans_are_not_the_same_as_no_faults() {
    let (_folder, path) = file("quiet.json", r#"{"resourceSpans":[]}"#);
    let (code, words) = refused(&path, &[]);
    assert_eq!(code, Some(3));
    assert_snapshot!(words, @"
    error: `FOLDER/quiet.json` holds no spans

    hint: check that the recording ran while there were requests, and was given the time to flush
    ");
}

#[test]
fn a_file_that_others_keep_to_themselves_is_refused() {
    let (_folder, path) = file("secret.json", ten_orders("/api/orders/", "customers"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).expect("it is ours");
    if std::fs::read(&path).is_ok() {
        return; // Nothing is kept from root.
    }
    let (code, words) = refused(&path, &[]);
    assert_eq!(code, Some(3));
    assert!(words.contains("hint: check who may read the file"), "{words}");
}

#[test]
fn a_broken_line_costs_one_line() {
    let mut lines = ten_orders("/api/orders/", "customers");
    lines.push_str("{\"resourceSpans\": [{\n");
    let (_folder, path) = file("cut.jsonl", lines);
    let ran = run(["find", text(&path)]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.data.contains("10 of 10 requests"), "{}", ran.data);
    assert!(ran.words.starts_with("warning: `"), "{}", ran.words);
}

#[test]
fn settings_that_are_wrong_are_shown_where_they_are() {
    let (folder, _) = file("taut.toml", "[targets]\np95 = \"soon\"\n\n[find.n-plus-on]\n");
    let output = taut()
        .args(["find", text(&recording("faulty-orders"))])
        .current_dir(folder.path())
        .output()
        .expect("the binary runs");
    let ran = kit::ran(&output);
    assert_eq!(ran.code, Some(2));
    assert_snapshot!(ran.words, @r#"
    error: `targets.p95` cannot be set to this
     --> taut.toml:2:7
      |
    2 | p95 = "soon"
      |       ^^^^^^ expected a duration such as `5s` or `1h30m` (ms, s, m, h, d, w)

    error: unknown key `n-plus-on` in `[find]`
     --> taut.toml:4:7
      |
    4 | [find.n-plus-on]
      |       ^^^^^^^^^ unknown key
      |
      = hint: did you mean `n-plus-one`?
    "#);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = taut()
        .args(["find", "--json", text(&recording("faulty-orders"))])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(1), "the answer stays the answer");
}

#[test]
fn an_interrupt_ends_it_as_shells_expect() {
    let mut child = taut()
        .args(["find", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut input = child.stdin.take().expect("it is piped");
    // More than a pipe holds: it is past its start once all of this is written.
    input.write_all(&vec![b' '; 1 << 20]).expect("it reads");
    let id = child.id().to_string();
    let killed = std::process::Command::new("kill").args(["-INT", &id]).status();
    assert!(killed.expect("there is kill").success());
    let status = child.wait().expect("it ends");
    assert_eq!(status.signal(), Some(2), "which a shell shows as 130");
    let mut words = String::new();
    child.stderr.take().expect("it is piped").read_to_string(&mut words).expect("it is UTF-8");
    assert_eq!(words, "");
}
