//! `taut ledger`: what is noted is there, and only what may follow is noted.

use std::path::Path;

use insta::assert_snapshot;
use serde_json::Value;

use crate::kit::{Ran, file, run};

const FINDING: &str = "00000000000000ff";

/// Runs it over the ledger in this folder.
fn ledger(folder: &Path, arguments: &[&str]) -> Ran {
    let folder = folder.to_str().expect("temporary folders have plain names");
    run(["ledger"].into_iter().chain(arguments.iter().copied()).chain(["--store", folder]))
}

/// Two files of latencies: the second half of the first.
fn sides(folder: &Path) -> [String; 2] {
    let write = |name: &str, around: u64| {
        let lines: Vec<String> =
            (0..400_u64).map(|place| (around + (place * 7_919) % 40).to_string()).collect();
        let path = folder.join(name);
        std::fs::write(&path, lines.join("\n")).expect("the folder is ours");
        path.to_str().expect("temporary folders have plain names").to_owned()
    };
    [write("before.csv", 400), write("after.csv", 100)]
}

fn prove(folder: &Path, sides: [&str; 2]) -> Ran {
    let folder = folder.to_str().expect("temporary folders have plain names");
    run(["prove", sides[0], sides[1], "--record", FINDING, "--store", folder])
}

/// Without the day.
fn undated(text: &str) -> String {
    let line = |line: &str| line.get(10..).unwrap_or_default().to_owned();
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_remedy_goes_from_applied_to_proven_and_back_and_all_of_it_stays() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let [before, after] = sides(folder.path());
    let marked = ledger(
        folder.path(),
        &["mark", FINDING, "applied", "--what", "orders load their customers together"],
    );
    assert_eq!(marked.code, Some(0), "{}", marked.words);
    assert_snapshot!(marked.words, @"00000000000000ff is applied");
    let proof = prove(folder.path(), [&before, &after]);
    assert_eq!(proof.code, Some(0), "{}", proof.words);
    assert!(proof.words.contains("00000000000000ff is proven"), "{}", proof.words);
    let proven = ledger(folder.path(), &["--state", "proven", "--kind", "remedy"]);
    assert_snapshot!(undated(&proven.data), @"  proven    00000000  orders load their customers together; better: p95 changed by -68.6 …");
    let reverted =
        ledger(folder.path(), &["mark", "00", "reverted", "--because", "memory doubled"]);
    assert_eq!(reverted.code, Some(0), "{}", reverted.words);
    let again = ledger(folder.path(), &["mark", FINDING, "reverted"]);
    assert_eq!(again.code, Some(2), "what is not there cannot be taken back");
    let json = ledger(folder.path(), &["show", "00", "--json"]);
    let json: Value = serde_json::from_str(&json.data).expect("it is JSON");
    let events: Vec<&str> = json["remedies"][0]["history"]
        .as_array()
        .expect("it has a history")
        .iter()
        .filter_map(|event| event["event"].as_str())
        .collect();
    assert_eq!(events, ["proposed", "applied", "proven", "reverted"]);
    assert_eq!(json["records"][0]["about"]["verdict"], "better");
    let shown = ledger(folder.path(), &["show", FINDING]);
    assert!(shown.data.starts_with("00000000000000ff is reverted"), "{}", shown.data);
    assert!(shown.data.contains("reverted: memory doubled"), "{}", shown.data);
}

#[test]
fn only_a_proof_of_what_is_applied_makes_it_proven() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let [before, after] = sides(folder.path());
    let by_word = ledger(folder.path(), &["mark", FINDING, "proven"]);
    assert_eq!(by_word.code, Some(2));
    assert_snapshot!(by_word.words, @"
    error: a remedy becomes proven by a proof alone

    hint: `taut prove BEFORE AFTER --record FINDING` compares and records
    ");
    let early = prove(folder.path(), [&before, &after]);
    assert!(early.words.contains("has no remedy that is applied"), "{}", early.words);
    ledger(folder.path(), &["mark", FINDING, "applied"]);
    let worse = prove(folder.path(), [&after, &before]);
    assert_eq!(worse.code, Some(1));
    assert!(worse.words.contains("was measured, and is not proven"), "{}", worse.words);
    let proofs = ledger(folder.path(), &["--kind", "proof"]);
    assert_eq!(proofs.data.lines().count(), 2, "{}", proofs.data);
    let proven = ledger(folder.path(), &["--state", "proven", "--kind", "remedy"]);
    assert_eq!(proven.data, "The ledger has nothing of that.\n");
}

#[test]
fn decisions_are_kept_with_their_text() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let (_folder, text) =
        file("adr.md", "Prices change by the minute.\n\nSo they are not cached.\n");
    let at = format!("@{}", text.display());
    let decided =
        ledger(folder.path(), &["decide", "No cache for prices", "--text", &at, "--by", "Ada"]);
    assert_snapshot!(decided.words, @"decision 1 is in the ledger");
    let shown = ledger(folder.path(), &["show", "1"]);
    for told in ["No cache for prices", "decided by Ada", "So they are not cached."] {
        assert!(shown.data.contains(told), "{told}:\n{}", shown.data);
    }
    let empty = ledger(folder.path(), &["decide", " "]);
    assert_eq!(empty.code, Some(2));
    assert!(empty.words.contains("it has no title"), "{}", empty.words);
}

#[test]
fn a_note_tells_what_its_finding_said_and_the_states_of_remedies_are_asked_for() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let about = "GET /orders: customers are fetched one by one";
    ledger(folder.path(), &["mark", FINDING, "accepted", "--about", about]);
    let list = ledger(folder.path(), &["--state", "accepted"]);
    assert_snapshot!(undated(&list.data), @"  note      00000000  accepted (GET /orders: customers are fetched one by one)");
    let shown = ledger(folder.path(), &["show", FINDING]);
    assert!(shown.data.contains(about), "{}", shown.data);
    for state in ["proposed", "rehearsed", "failed"] {
        let none = ledger(folder.path(), &["--state", state]);
        assert_eq!(none.data, "The ledger has nothing of that.\n", "{}", none.words);
    }
    let unknown = ledger(folder.path(), &["--state", "fixed"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.words.contains("of remedies proposed, rehearsed, failed"), "{}", unknown.words);
    let mark = ledger(folder.path(), &["mark", FINDING, "failed"]);
    assert_eq!(mark.code, Some(2), "that is no state of a finding");
}

#[test]
fn looking_makes_no_ledger_and_what_is_unknown_is_told() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    assert_eq!(ledger(folder.path(), &[]).data, "The ledger has nothing of that.\n");
    let unknown = ledger(folder.path(), &["show", "abc"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.words.contains("the ledger has nothing of `abc`"), "{}", unknown.words);
    assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 0);
    let state = ledger(folder.path(), &["mark", FINDING, "fixed"]);
    assert_eq!(state.code, Some(2));
    assert!(state.words.contains("none of new, accepted, in-work"), "{}", state.words);
    let dismissed = ledger(folder.path(), &["mark", FINDING, "dismissed"]);
    assert_eq!(dismissed.code, Some(2));
    assert!(dismissed.words.contains("a dismissal without a reason"), "{}", dismissed.words);
}
