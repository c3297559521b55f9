//! `taut report board`: figures with what they stand on, and what the ledger has.

use std::path::Path;

use crate::kit::{Ran, recording, run, taut};

const FINDING: &str = "00000000000000ff";

fn with_store(folder: &Path, arguments: &[&str]) -> Ran {
    let folder = folder.to_str().expect("temporary folders have plain names");
    run(arguments.iter().copied().chain(["--store", folder]))
}

/// Recordings of the list of orders and of that of posts.
fn recordings() -> [String; 2] {
    ["faulty-orders", "faulty-posts"]
        .map(|name| recording(name).to_str().expect("it has a plain name").to_owned())
}

#[test]
fn the_ledger_alone_makes_a_report() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let done = |arguments: &[&str]| {
        let ran = with_store(folder.path(), arguments);
        assert_eq!(ran.code, Some(0), "{}", ran.words);
        ran.data
    };
    let empty = done(&["report", "board"]);
    assert!(empty.contains("0 remedies proven"), "{empty}");
    assert!(empty.contains("What did not work, and was taken back\n\nNothing."), "{empty}");
    done(&["ledger", "mark", FINDING, "applied", "--what", "orders <load> customers together"]);
    done(&["ledger", "mark", FINDING, "reverted", "--because", "memory doubled"]);
    done(&["ledger", "decide", "No cache for prices", "--text", "They change.", "--by", "Ada"]);
    let report = done(&["report", "board"]);
    for told in ["customers together (by hand): memory doubled", "### No cache for prices", "Ada"] {
        assert!(report.contains(told), "{told}:\n{report}");
    }
    let page = done(&["report", "board", "--html"]);
    assert!(page.starts_with("<!DOCTYPE html>"), "{page}");
    assert!(page.contains("orders &lt;load&gt; customers"), "{page}");
    assert!(page.contains("@page"), "it prints");
}

#[test]
fn two_recordings_are_told_with_counts_intervals_and_money() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let [faulty, _] = recordings();
    let output = taut()
        .args(["report", "board", "--before", &faulty, "--after", &faulty, "--store"])
        .arg(folder.path())
        .env("TAUT_PRICE_DATABASE_PER_MONTH", "4000")
        .output()
        .expect("the binary runs");
    let ran = crate::kit::ran(&output);
    assert_eq!(ran.code, Some(0), "{}", ran.words);
    for told in ["## In total", "GBP", "a month", "queries per request", "n = ", "+0.0 %"] {
        assert!(ran.data.contains(told), "{told}:\n{}", ran.data);
    }
    assert!(!ran.data.contains("| sure |"), "nothing changed:\n{}", ran.data);
}

#[test]
fn recordings_of_different_services_are_refused() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let [faulty, fixed] = recordings();
    let alone = with_store(folder.path(), &["report", "board", "--before", &faulty]);
    assert_eq!(alone.code, Some(2), "it wants both");
    let other =
        with_store(folder.path(), &["report", "board", "--before", &faulty, "--after", &fixed]);
    assert_eq!(other.code, Some(2), "{}", other.data);
    assert!(other.words.contains("no operation in common"), "{}", other.words);
}
