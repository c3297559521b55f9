//! `taut report board`: figures with what they stand on, and what the ledger has.

use std::path::Path;

use model::{Change, Moment};
use store::ledger::{Event, Ledger, Proposal, Readings, Recorded, Verdict};

use crate::kit::{Ran, recording, run, taut};

/// 2026-01-01.
const START: u64 = 1_767_225_600_000_000_000;

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

/// A ledger of remedies that `taut fix` noted: one proven by a database's counters and measured again since, one taken
/// back with its reason, one that failed.
fn noted_by_fix(folder: &Path) {
    let at = |second: u64| Moment { nanos: START + second * 1_000_000_000 };
    let mut ledger = Ledger::open(folder, "1.2.3", at(0)).expect("the folder is ours");
    let verdict = |claim: &str| Verdict { claim: claim.to_owned(), ..Verdict::default() };
    let after = Readings::default;
    let applied = || Event::Applied { baseline: Readings::default() };
    let mut remedy = |finding: &str, claim: &str, events: Vec<Event>| {
        let change = Change { apply: vec![format!("CREATE {claim}")], ..Change::default() };
        let proposal = Proposal {
            finding: finding.to_owned(),
            claim: claim.to_owned(),
            change,
            ..Proposal::default()
        };
        let id = ledger.propose(&proposal, at(1)).expect("it is new");
        for (second, event) in (2..).zip(events) {
            ledger.append(id, &event, at(second)).expect("it may follow");
        }
    };
    let proven = Event::Proven { verdict: verdict("a call takes 92 % less"), after: after() };
    let since = Event::Measured { verdict: verdict("no difference"), after: after() };
    remedy("00000000000000aa", "an index on orders", vec![applied(), proven, since]);
    let because = "writes got slower".to_owned();
    remedy("00000000000000bb", "an index on lines", vec![applied(), Event::Reverted { because }]);
    let why = "no room on the disk".to_owned();
    remedy("00000000000000cc", "an index on posts", vec![Event::Failed { why }]);
}

#[test]
fn what_taut_fix_proved_is_told_with_its_proof_and_what_did_not_work_with_its_reason() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    noted_by_fix(folder.path());
    for format in ["--markdown", "--html"] {
        let ran = with_store(folder.path(), &["report", "board", format]);
        assert_eq!(ran.code, Some(0), "{}", ran.words);
        for told in [
            "1 remedy proven, 0 applied and not proven yet, 1 taken back, 1 failed",
            "a call takes 92 % less (2026-01-01)",
            "writes got slower",
            "could not be applied: no room on the disk",
        ] {
            assert!(ran.data.contains(told), "{told}:\n{}", ran.data);
        }
        assert!(!ran.data.contains("no difference"), "that proves nothing:\n{}", ran.data);
    }
    let list = with_store(folder.path(), &["ledger", "--state", "failed"]);
    assert_eq!(list.data.lines().count(), 1, "{}", list.data);
    assert!(list.data.contains("an index on posts; could not be applied"), "{}", list.data);
    let shown = with_store(folder.path(), &["ledger", "show", "aa"]);
    assert_eq!(shown.code, Some(2), "it begins with zeros");
    let shown = with_store(folder.path(), &["ledger", "show", "00000000000000aa"]);
    assert!(shown.data.contains("proven: a call takes 92 % less"), "{}", shown.data);
    let proven = with_store(folder.path(), &["ledger", "--state", "proven"]);
    assert!(proven.data.contains("an index on orders; a call takes"), "{}", proven.data);
}

#[test]
fn a_report_that_leaves_something_out_says_so() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let mut ledger = Ledger::open(folder.path(), "1.2.3", Moment { nanos: START }).expect("ours");
    for number in 0..53_u64 {
        let title = format!("Decision {number}.");
        let decision = Recorded::Decision { title, text: String::new(), by: String::new() };
        let now = Moment { nanos: START + number };
        ledger.record(None, &decision, now).expect("there is room");
    }
    drop(ledger);
    let report = with_store(folder.path(), &["report", "board"]).data;
    assert!(report.contains("## Decisions (the newest 50 of 53)"), "{report}");
    assert!(report.contains("Decision 52.") && !report.contains("Decision 2."), "{report}");
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
