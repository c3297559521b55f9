//! What goes wrong while something is measured: disks that are full, folders that are not there, Ctrl-C. What was measured is told.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::kit::{Ran, file, ran, run, taut, ten_orders};

/// A server that answers everything at once, and how much that was.
fn server() -> (String, Arc<AtomicU64>) {
    server_of(u64::MAX)
}

/// One that hangs up instead once it has given so many answers.
fn server_of(answers: u64) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    let answered = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&answered);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let count = Arc::clone(&count);
            thread::spawn(move || {
                let Ok(mut writer) = stream.try_clone() else { return };
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if line.is_empty() {
                        if answers <= count.fetch_add(1, Relaxed) {
                            return;
                        }
                        let said = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                        if writer.write_all(said).is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    (format!("http://{address}"), answered)
}

/// Runs it until something is the case, and then presses Ctrl-C: whatever it has started hears of that, too.
fn interrupted(arguments: &[&str], folder: &Path, is_time: impl Fn() -> bool) -> Ran {
    signalled(arguments, folder, is_time, |tell| tell("INT"))
}

/// Runs it until something is the case, and sends it signals then.
fn signalled(
    arguments: &[&str],
    folder: &Path,
    is_time: impl Fn() -> bool,
    what: impl Fn(&dyn Fn(&str)),
) -> Ran {
    let child = taut()
        .args(arguments)
        .current_dir(folder)
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let begun = Instant::now();
    while !is_time() && begun.elapsed() < Duration::from_mins(2) {
        thread::sleep(Duration::from_millis(20));
    }
    let group = format!("-{}", child.id());
    what(&|signal: &str| {
        let flag = format!("-{signal}");
        let told = Command::new("kill").args([flag.as_str(), "--", group.as_str()]).status();
        assert!(told.expect("there is a `kill`").success(), "it has ended before SIG{signal}");
    });
    ran(&child.wait_with_output().expect("it ends"))
}

fn figures(ran: &Ran) -> Value {
    serde_json::from_str(&ran.data)
        .unwrap_or_else(|error| panic!("{error}: {} {}", ran.data, ran.words))
}

/// A capture of so many requests, twenty milliseconds apart.
fn capture(folder: &Path, count: u64) -> String {
    let line = |place: u64| {
        json!({
            "began_unix_nanos": 1_795_165_200_000_000_000_u64 + place * 20_000_000,
            "took_nanos": 1_000_000, "client": "a",
            "request": { "method": "GET", "target": format!("/orders/{place}"), "headers": [] },
            "answer": { "status": 200, "headers": [], "body": { "text": "ok", "sent_bytes": 2 } },
        })
    };
    let head = json!({ "format": "taut-capture-1", "began_unix_nanos": 0, "by": "a test" });
    let lines = std::iter::once(head).chain((0..count).map(line));
    let text: String = lines.map(|line| line.to_string() + "\n").collect();
    let path = folder.join("capture.jsonl");
    std::fs::write(&path, text).expect("the folder is ours");
    path.display().to_string()
}

/// Each command that writes a file besides, with what it needs to do so.
fn writers(folder: &Path, url: &str) -> Vec<(Vec<String>, &'static str)> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("the folder is ours");
        path.display().to_string()
    };
    let spans = write("spans.json", &ten_orders("/api/orders/", "customers"));
    let csv = write("run.csv", "latency_ms\n1\n2\n3\n");
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let search = ["--search", "--from", "50", "--up-to", "60", "--expect", "errors<50%"];
    let search = [&["load", url, "--for", "200ms"], &search[..]].concat();
    vec![
        (owned(&["load", url, "--rate", "20", "--for", "200ms"]), "--html"),
        (owned(&["load", url, "--rate", "20", "--for", "200ms"]), "--out"),
        (owned(&["load", url, "--rate", "20", "--for", "200ms"]), "--hlog"),
        (owned(&search), "--html"),
        (owned(&["replay", &capture(folder, 3), "--target", url]), "--html"),
        (owned(&["prove", &csv, &csv]), "--html"),
        (owned(&["check", &spans]), "--junit"),
        (owned(&["check", &spans]), "--sarif"),
        (owned(&["check", &spans]), "--markdown"),
    ]
}

#[test]
fn a_folder_that_is_not_there_is_told_before_anything_is_asked() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let (url, answered) = server();
    let nowhere = folder.path().join("none/file").display().to_string();
    for (words, flag) in writers(folder.path(), &url) {
        let ran = run(words.iter().map(String::as_str).chain([flag, &nowhere]));
        assert_eq!((ran.code, ran.data.as_str()), (Some(3), ""), "{words:?}: {}", ran.words);
        assert!(ran.words.contains(&format!("failed to write `{nowhere}`")), "{}", ran.words);
        assert!(ran.words.contains("hint: its folder is not there"), "{}", ran.words);
    }
    // Nor are tests run whose baseline cannot be kept.
    let ran = run(["check", "--live", "--update", "--baseline", &nowhere, "--", "false"]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.words.contains(&format!("failed to write `{nowhere}`")), "{}", ran.words);
    assert_eq!(answered.load(Relaxed), 0, "nobody was asked for what cannot be kept");
}

#[test]
fn a_full_disk_takes_no_figures_along() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let (url, _) = server();
    for (words, flag) in writers(folder.path(), &url) {
        let ran = run(words.iter().map(String::as_str).chain([flag, "/dev/full", "--json"]));
        assert_eq!(ran.code, Some(3), "{words:?} {flag}: {}", ran.words);
        assert!(figures(&ran).is_object(), "{words:?}: what was measured is told");
        assert!(ran.words.contains("failed to write `/dev/full`"), "{}", ran.words);
        assert!(ran.words.contains("hint: there is no room for it"), "{}", ran.words);
    }
    // One that cannot be written keeps no other from it.
    let kept = folder.path().join("kept.json");
    let (kept_at, load) = (kept.display().to_string(), ["load", &url, "--for", "200ms"]);
    let ran = run(load.iter().chain(&["--hlog", "/dev/full", "--out", &kept_at]));
    assert_eq!(ran.code, Some(3));
    let kept = std::fs::read_to_string(kept).expect("it was written");
    assert!(kept.starts_with("{\"format\":\"taut-load-1\""), "{kept}");
    // Nobody hears the answer itself.
    let full = std::fs::File::options().write(true).open("/dev/full").expect("it is a device");
    let spans = folder.path().join("spans.json");
    let output = taut().args(["what-if", "pool"]).arg(spans).stdout(full).output();
    let ran = crate::kit::ran(&output.expect("the binary runs"));
    assert_eq!(ran.code, Some(3));
    assert!(ran.words.contains("standard output could not be written to"), "{}", ran.words);
}

#[test]
fn ctrl_c_keeps_what_a_load_has_measured() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let (url, answered) = server();
    let words = ["load", &url, "--rate", "100", "--for", "1h", "--json", "--out", "out.json"];
    let ran = interrupted(&words, folder.path(), || 20 <= answered.load(Relaxed));
    assert_eq!(ran.code, Some(130), "{}", ran.words);
    let seen = figures(&ran);
    assert_eq!(seen["interrupted"], true, "{seen}");
    assert!(20 <= seen["answered"].as_u64().expect("a count") && seen["failed"] == 0, "{seen}");
    let kept = std::fs::read_to_string(folder.path().join("out.json")).expect("it was written");
    assert!(kept.contains("\"is_interrupted\":true"), "it says so");
}

#[test]
fn a_generator_that_stood_still_says_that_it_was_the_bottleneck() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let (url, answered) = server();
    // Of both models: users have no moments at which they are due, but its clock has.
    for how_much in [["--rate", "200"], ["--users", "4"]] {
        let words = ["load", &url, how_much[0], how_much[1], "--for", "2s", "--json"];
        answered.store(0, Relaxed);
        let ran = signalled(
            &words,
            folder.path(),
            || 20 <= answered.load(Relaxed),
            |tell| {
                tell("STOP");
                thread::sleep(Duration::from_millis(500));
                tell("CONT");
            },
        );
        assert_eq!(ran.code, Some(0), "{}", ran.words);
        let seen = figures(&ran);
        assert_eq!(seen["generator"]["was_bottleneck"], true, "{seen}");
        assert!(seen["notes"].to_string().contains("The generator was the bottleneck"), "{seen}");
    }
}

#[test]
fn ctrl_c_keeps_the_steps_that_a_search_has_done() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let (url, answered) = server();
    let words =
        ["load", &url, "--search", "--from", "100", "--for", "1s", "--expect", "errors<50%"];
    let words = [&words[..], &["--json", "--html", "page.html"]].concat();
    // The first step asks about a hundred times, so that this is in the second.
    let ran = interrupted(&words, folder.path(), || 180 <= answered.load(Relaxed));
    assert_eq!(ran.code, Some(130), "{}", ran.words);
    let seen = figures(&ran);
    assert_eq!((&seen["interrupted"], seen["steps"].is_array()), (&json!(true), true), "{seen}");
    let page = std::fs::read_to_string(folder.path().join("page.html")).expect("it was written");
    assert!(page.contains("Ended early; the limit is not known yet"), "{page}");
}

#[test]
fn ctrl_c_keeps_what_was_replayed() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let (url, answered) = server();
    let captured = capture(folder.path(), 50);
    // A request every ten seconds.
    let words = ["replay", &captured, "--target", &url, "--speed", "0.002", "--json"];
    let ran = interrupted(&words, folder.path(), || 2 <= answered.load(Relaxed));
    assert_eq!(ran.code, Some(130), "{}", ran.words);
    let seen = figures(&ran);
    assert_eq!((&seen["is_interrupted"], &seen["different"]), (&json!(true), &json!(0)), "{seen}");
    assert!(seen["played"].as_u64().is_some_and(|played| (1..50).contains(&played)), "{seen}");
    assert!(seen["notes"].to_string().contains("It was ended early"), "{seen}");
}

#[test]
fn a_target_that_goes_away_midway_takes_no_comparison_along() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let (url, _) = server_of(11);
    let captured = capture(folder.path(), 20);
    let ran = run(["replay", &captured, "--target", &url, "--speed", "max", "--json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.words);
    let seen = figures(&ran);
    assert_eq!((&seen["played"], &seen["different"]), (&json!(20), &json!(0)), "{seen}");
    assert!(seen["compared"].as_u64().is_some_and(|count| (1..20).contains(&count)), "{seen}");
    assert!(seen["notes"].to_string().contains(" requests."), "how many got no answer: {seen}");
}

#[test]
fn ctrl_c_ends_the_tests_that_are_checked() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let begun = folder.path().join("begun");
    let tests = "touch begun; exec sleep 120";
    let words = ["check", "--live", "--junit", "taut.xml", "--", "sh", "-c", tests];
    let ran = interrupted(&words, folder.path(), || begun.exists());
    assert_eq!((ran.code, ran.data.as_str()), (Some(130), ""), "{}", ran.words);
    assert!(ran.words.contains("interrupted; nothing was checked"), "{}", ran.words);
    assert!(!folder.path().join("taut.xml").exists(), "half of a run is no result");
}

#[test]
fn nobody_answers_a_single_request() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    let load = ["load", &url, "--rate", "20", "--for", "300ms", "--timeout", "200ms"];
    let told = run(load);
    assert_eq!(told.code, Some(1), "{}", told.words);
    assert!(told.data.starts_with("No answer to 6 requests\n"), "{}", told.data);
    let (_folder, out) = file("out.json", "");
    let out = out.display().to_string();
    assert_eq!(run(load.into_iter().chain(["--out", &out])).code, Some(1));
    let ran = run(["prove", &out, &out]);
    assert_eq!(ran.code, Some(1), "{}", ran.words);
    assert!(ran.data.starts_with("cannot tell: "), "{}", ran.data);
}

#[test]
fn a_ledger_that_cannot_be_one_is_told_with_a_hint() {
    let (folder, path) =
        file("ledger.sqlite", "this is no database, and it is long enough to be looked at");
    let store = folder.path().display().to_string();
    let ran = run(["ledger", "--store", &store]);
    assert_eq!((ran.code, ran.data.as_str()), (Some(3), ""), "{}", ran.words);
    assert!(ran.words.contains("ledger.sqlite") && ran.words.contains("hint: "), "{}", ran.words);
    let file = path.display().to_string();
    let ran = run(["ledger", "decide", "No cache", "--store", &file]);
    assert_eq!((ran.code, ran.data.as_str()), (Some(3), ""), "{}", ran.words);
    assert!(ran.words.contains("hint: "), "{}", ran.words);
}
