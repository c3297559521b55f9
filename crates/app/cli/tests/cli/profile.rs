//! `taut profile`: profiles from files and from standard input.

use serde_json::Value;

use crate::kit::{file, ran, run, run_with_input, taut};

const BEFORE: &str = "main;orders;tax 40\nmain;orders;price 50\nmain;report 10\n";
const AFTER: &str = "main;orders;tax 4\nmain;orders;price 50\nmain;report 10\nmain;log 2\n";

/// Lines without what aligns them.
fn lines(text: &str) -> Vec<String> {
    let bare = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text.lines().map(bare).filter(|line| !line.is_empty()).collect()
}

#[track_caller]
fn has(text: &str, line: &str) {
    assert!(lines(text).iter().any(|known| known == line), "no `{line}` in:\n{text}");
}

#[test]
fn a_profile_is_told_as_a_table_and_a_tree() {
    let ran = run_with_input(&["profile", "-"], BEFORE.as_bytes());
    assert_eq!((ran.code, ran.words.as_str()), (Some(0), ""));
    has(&ran.data, "100 in 5 functions");
    has(&ran.data, "collapsed stacks, stacks");
    let told = lines(&ran.data);
    let head = told.iter().position(|line| line == "own cumulative calls per call function");
    let head = head.unwrap_or_else(|| panic!("no head: {}", ran.data));
    assert_eq!(told[head + 1], "50 50 % 50 50 % – – price");
    assert_eq!(told[head + 2], "40 40 % 40 40 % – – tax");
    let tree = told.iter().position(|line| line == "Call tree").expect("a tree");
    assert_eq!(
        told[tree + 1..],
        [
            "100 100 % ████████ main",
            "90 90 % ███████ orders",
            "50 50 % ████ price",
            "40 40 % ███ tax",
            "10 10 % █ report"
        ]
    );
}

#[test]
fn two_profiles_are_told_by_what_changed_most() {
    let (_before, before) = file("before.txt", BEFORE);
    let (_after, after) = file("after.txt", AFTER);
    let output =
        taut().arg("profile").arg(&after).arg("--diff").arg(&before).output().expect("it runs");
    let ran = ran(&output);
    has(&ran.data, "100 before, 66 now: 34 less (34 %)");
    let told = lines(&ran.data);
    let head = told.iter().position(|line| line == "before now change function").expect("a head");
    assert_eq!(told[head + 1..head + 3], ["40 4 −36 −90 % tax", "0 2 +2 new log"]);
    has(&ran.data, "4 6 % █ −36 tax");
}

#[test]
fn a_filter_keeps_who_called_what_passes() {
    let words = ["profile", "-", "--filter", "PRICE"];
    let ran = run_with_input(&words, BEFORE.as_bytes());
    for name in ["main", "orders", "price"] {
        assert!(ran.data.contains(name), "no {name}: {}", ran.data);
    }
    for name in ["tax", "report"] {
        assert!(!ran.data.contains(name), "{name}: {}", ran.data);
    }
}

#[test]
fn a_tree_of_pstats_says_that_it_is_an_estimate() {
    let bytes = include_bytes!("../../../../core/observe/tests/data/cprofile.pstats");
    let ran = run_with_input(&["profile", "-", "--top", "3", "--depth", "3", "--min", "5"], bytes);
    has(&ran.data, "8.69 ms in 13 functions, 14,071 calls");
    has(&ran.data, "4.39 ms 50 % 4.39 ms 50 % 700 6.27 µs price shop/views.py:2");
    has(&ran.data, "… and 10 functions more: --top shows them");
    assert!(ran.data.contains("An estimate:"), "{}", ran.data);
    let json = run_with_input(&["profile", "-", "--json"], bytes);
    let answer: Value = serde_json::from_str(&json.data).expect("it is JSON");
    assert_eq!(answer["format"], "pstats");
    assert_eq!(answer["profiles"][0]["estimated"], true);
    assert_eq!(answer["profiles"][0]["functions"][0]["name"], "price");
    assert_eq!(answer["profiles"][0]["functions"][0]["figures"][0]["calls"], 700);
}

#[test]
fn the_lines_fit_the_terminal() {
    let deep: String = (0..40).fold(String::new(), |all, level| {
        all + "a_function_of_some_length_" + &level.to_string() + ";"
    });
    let (_folder, path) =
        file("deep.txt", format!("{deep}leaf (shop/quite/a/long/path/views.py:12) 7\n"));
    for columns in [60, 100] {
        let output = taut()
            .args(["profile", "--depth", "60"])
            .arg(&path)
            .env("COLUMNS", columns.to_string())
            .output()
            .expect("the binary runs");
        for line in ran(&output).data.lines() {
            assert!(line.chars().count() <= columns, "{columns}: {line}");
        }
    }
}

#[test]
fn what_is_no_profile_is_refused_with_a_hint() {
    let none = run_with_input(&["profile", "-"], b"<html></html>");
    assert_eq!(none.code, Some(2));
    assert!(none.words.contains("failed to read a profile from `-`"), "{}", none.words);
    assert!(none.words.contains("python -m cProfile"), "{}", none.words);
    let other = run_with_input(&["profile", "-", "--profile", "2"], BEFORE.as_bytes());
    assert_eq!(other.code, Some(2));
    has(&other.words, "error: there is no profile 2");
    let nowhere = run(["profile", "/nowhere/cpu.pprof"]);
    assert_eq!(nowhere.code, Some(3));
}
