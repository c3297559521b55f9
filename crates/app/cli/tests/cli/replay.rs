//! `taut replay` against small servers, one of which answers something else; and loads of what was recorded.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
};

use serde_json::{Value, json};

use crate::kit::{Ran, run};

/// A shop: a log-in that gives a token, orders that want it, and a counter that no two answers agree on.
#[derive(Clone, Copy)]
struct Shop {
    /// What it is that the new version gets wrong.
    total: &'static str,
    token: &'static str,
}

const OLD: Shop = Shop { total: "12.50", token: "token-of-the-old-one-1" };
const NEW: Shop = Shop { total: "12.50", token: "token-of-the-new-one-2" };
const WRONG: Shop = Shop { total: "13.00", token: "token-of-the-new-one-3" };

impl Shop {
    fn start(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let views = Arc::new(AtomicU64::new(0));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let views = Arc::clone(&views);
                thread::spawn(move || self.talk(stream, &views));
            }
        });
        format!("http://{address}")
    }

    fn talk(self, stream: TcpStream, views: &AtomicU64) {
        let Ok(mut writer) = stream.try_clone() else { return };
        let mut reader = BufReader::new(stream);
        loop {
            let (mut head, mut length) = (Vec::new(), 0_u64);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                let line = line.trim().to_owned();
                if let Some(bytes) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = bytes.trim().parse().unwrap_or(0);
                }
                if line.is_empty() {
                    break;
                }
                head.push(line);
            }
            if reader.by_ref().take(length).read_to_end(&mut Vec::new()).is_err() {
                return;
            }
            let (status, body) = self.answer(&head, views);
            let length = body.len();
            let text = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            if writer.write_all(text.as_bytes()).is_err() {
                return;
            }
        }
    }

    fn answer(self, head: &[String], views: &AtomicU64) -> (u16, String) {
        let first = head.first().map(String::as_str).unwrap_or_default();
        let wanted = format!("authorization: bearer {}", self.token);
        if first.starts_with("POST /login") {
            return (200, json!({"token": self.token}).to_string());
        }
        if first.starts_with("GET /me")
            && !head.iter().any(|line| line.to_ascii_lowercase() == wanted)
        {
            return (401, json!({"error": "who are you?"}).to_string());
        }
        let views = views.fetch_add(1, Relaxed);
        (200, format!("{{\"views\":{views},\"orders\":[{{\"id\":1,\"total\":{}}}]}}", self.total))
    }
}

/// A capture of a visit: a log-in and what came after it.
fn capture(folder: &Path) -> PathBuf {
    let request = |place: u64, method: &str, target: &str, headers: Value, answer: Value| {
        json!({
            "began_unix_nanos": 1_795_308_660_000_000_000_u64 + place * 20_000_000,
            "took_nanos": 5_000_000,
            "client": "~0123456789ab",
            "request": {"method": method, "target": target, "headers": headers},
            "answer": {"status": 200, "headers": [["content-type", "application/json"]], "body": {"text": answer.to_string(), "sent_bytes": 1}},
        })
    };
    let token = "~8c1f2a9b77de";
    let mut lines = vec![
        json!({"format": "taut-capture-1", "began_unix_nanos": 0, "by": "a test"}),
        request(0, "POST", "/login", json!([]), json!({"token": token})),
        request(
            1,
            "GET",
            "/me",
            json!([["authorization", format!("Bearer {token}")]]),
            json!({"views": 1, "orders": []}),
        ),
    ];
    for place in 2..20 {
        lines.push(request(
            place,
            "GET",
            &format!("/orders/{place}"),
            json!([]),
            json!({"views": place, "orders": [{"id": 1, "total": 12.5}]}),
        ));
    }
    let text: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
    let path = folder.join("capture-1.jsonl");
    std::fs::write(&path, text.concat()).expect("a folder of one's own");
    path
}

fn replay(capture: &Path, more: &[&str]) -> Ran {
    let words = ["replay".to_owned(), capture.display().to_string()];
    run(words.into_iter().chain(more.iter().map(|word| (*word).to_owned())))
}

fn figures(ran: &Ran) -> Value {
    serde_json::from_str(&ran.data)
        .unwrap_or_else(|error| panic!("{error}: {} {}", ran.data, ran.words))
}

#[test]
fn two_versions_that_answer_alike_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let ran = replay(
        &capture(folder.path()),
        &["--target", &NEW.start(), "--against", &OLD.start(), "--path", "/orders", "--json"],
    );
    let seen = figures(&ran);
    assert_eq!(ran.code, Some(0), "{}", ran.data);
    assert_eq!(
        (&seen["played"], &seen["compared"], &seen["different"]),
        (&18.into(), &18.into(), &0.into()),
        "{seen}"
    );
    assert_eq!(seen["noise"][0]["place"], "/views", "{seen}");
}

#[test]
fn a_planted_difference_is_found_with_an_example() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("replay.html");
    let words = [
        "--target",
        &WRONG.start(),
        "--against",
        &OLD.start(),
        "--path",
        "/orders",
        "--speed",
        "max",
        "--html",
        &page.display().to_string(),
        "--record",
        "--store",
        &folder.path().join("store").display().to_string(),
    ];
    let ran = replay(&capture(folder.path()), &words);
    assert_eq!(ran.code, Some(1), "{}", ran.words);
    assert!(ran.data.starts_with("18 of 18 answers differ, in 1 place\n"), "{}", ran.data);
    assert!(ran.data.contains("GET /orders/{id} /orders/*/total  18 of 18\n"), "{}", ran.data);
    assert!(ran.data.contains("  old 12.5\n  new 13.0\n"), "{}", ran.data);
    assert!(std::fs::read_to_string(page).unwrap().contains("<h2>Noise, left out</h2>"));
    assert!(ran.words.contains("run 1 is in the ledger"), "{}", ran.words);
    let store = folder.path().join("store").display().to_string();
    let kept = run(["ledger", "show", "1", "--store", &store]);
    assert!(kept.data.contains("18 of 18 answers differ, in 1 place"), "{}", kept.data);
    let whole = run(["ledger", "show", "1", "--result", "--store", &store]);
    let seen = figures(&whole);
    assert_eq!((&seen["different"], &seen["played"]), (&18.into(), &18.into()), "{seen}");
}

#[test]
fn a_token_of_the_recording_becomes_the_one_of_the_replay() {
    let folder = tempfile::tempdir().unwrap();
    let capture = capture(folder.path());
    let (new, old) = (NEW.start(), OLD.start());
    let base =
        ["--target", &new, "--against", &old, "--json", "--ignore", "/views", "--ignore", "/token"];
    let with = |more: &[&str]| replay(&capture, &[&base[..], more].concat());
    let seen = figures(&with(&[]));
    let notes = seen["notes"].to_string();
    assert!(notes.contains("Left out: 1 request that may change something"), "{notes}");
    assert!(notes.contains("carried values that were hidden"), "{notes}");
    let ran = with(&["--write-to", "/login"]);
    let seen = figures(&ran);
    assert_eq!(
        (ran.code, &seen["played"], &seen["different"]),
        (Some(0), &20.into(), &0.into()),
        "{seen}"
    );
    assert!(!seen["notes"].to_string().contains("hidden"), "{seen}");
}

#[test]
fn answers_are_held_against_the_recorded_ones_where_there_is_no_old_version() {
    let folder = tempfile::tempdir().unwrap();
    let capture = capture(folder.path());
    let ran = replay(
        &capture,
        &["--target", &NEW.start(), "--path", "/orders", "--json", "--speed", "max"],
    );
    assert_eq!((ran.code, &figures(&ran)["different"]), (Some(0), &0.into()), "{}", ran.data);
    let ran = replay(
        &capture,
        &["--target", &WRONG.start(), "--path", "/orders", "--json", "--speed", "max"],
    );
    assert_eq!((ran.code, &figures(&ran)["different"]), (Some(1), &18.into()), "{}", ran.data);
}

#[test]
fn what_cannot_be_replayed_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let whole = capture(folder.path());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = replay(&whole, &["--target", &format!("http://{closed}")]);
    assert_eq!((ran.code, ran.data.as_str()), (Some(3), ""));
    assert!(ran.words.contains("failed to reach `127.0.0.1:"), "{}", ran.words);
    let (path, none) = (format!("http://{closed}/v2"), format!("http://{closed}"));
    for (flag, words) in [
        ("--target", ["--target", &path, "--against", &none]),
        ("--against", ["--target", &none, "--against", &path]),
    ] {
        let ran = replay(&whole, &words);
        assert_eq!((ran.code, ran.data.as_str()), (Some(2), ""), "{}", ran.words);
        let told = format!("`{path}` has a path, and {flag} names a server alone");
        assert!(ran.words.contains(&told), "{}", ran.words);
    }
    let ran = replay(&whole, &["--target", &none, "--host", "shop.example"]);
    assert!(ran.code == Some(2) && ran.words.contains("--host is for a HAR"), "{}", ran.words);
    let ran = replay(&whole, &["--target", &OLD.start(), "--path", "/nowhere"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.words.contains("of 20 recorded requests 0 fit --path"), "{}", ran.words);
    let text = std::fs::read_to_string(&whole).unwrap();
    let half = folder.path().join("half.jsonl");
    std::fs::write(&half, text.get(..text.len() - 40).unwrap()).unwrap();
    let ran =
        replay(&half, &["--target", &OLD.start(), "--path", "/orders", "--json", "--speed", "max"]);
    let seen = figures(&ran);
    assert_eq!((ran.code, &seen["played"]), (Some(0), &17.into()), "{seen}");
    assert!(
        seen["notes"][0]
            .as_str()
            .unwrap()
            .contains("ends within line 21; the lines before it were read"),
        "{seen}"
    );
    let next = folder.path().join("next.jsonl");
    std::fs::write(&next, "{\"format\":\"taut-capture-9\",\"began_unix_nanos\":0,\"by\":\"\"}\n")
        .unwrap();
    let ran = replay(&next, &["--target", &OLD.start()]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.words.contains("only `taut-capture-1` is known here"), "{}", ran.words);
    let other = folder.path().join("other.jsonl");
    std::fs::write(&other, "not a capture\n").unwrap();
    assert_eq!(replay(&other, &["--target", &OLD.start()]).code, Some(2));
    // A clock that was set a year ahead while it was recorded: nobody waits for that.
    let year = text.replace("17953086603", "18268446603");
    assert_ne!(year, text);
    let set = folder.path().join("set.jsonl");
    std::fs::write(&set, year).unwrap();
    let ran = replay(&set, &["--target", &OLD.start(), "--path", "/orders", "--json"]);
    let seen = figures(&ran);
    assert_eq!((ran.code, &seen["played"]), (Some(0), &18.into()), "{seen}");
    assert!(seen["notes"].to_string().contains("Passed over: 1 pause of"), "{seen}");
    let empty = tempfile::tempdir().unwrap();
    let ran = replay(empty.path(), &["--target", &OLD.start()]);
    assert!(ran.words.contains("has no captures in it"), "{}", ran.words);
}

#[test]
fn a_clock_that_was_set_back_puts_no_request_before_its_log_in() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read_to_string(capture(folder.path())).unwrap();
    // The log-in by the old clock; all that follows an hour earlier, by the new one.
    let (login, rest) = whole.split_at(whole.find("\"~0123456789ab\"").unwrap());
    let later = rest.split_once('\n').unwrap();
    let back = later.1.replace("1795308660", "1795305060");
    assert_ne!(back, later.1);
    let set = folder.path().join("set.jsonl");
    std::fs::write(&set, format!("{login}{}\n{back}", later.0)).unwrap();
    let (new, old) = (NEW.start(), OLD.start());
    let words = ["--target", &new, "--against", &old, "--json", "--write-to", "/login"];
    let ignored = ["--ignore", "/views", "--ignore", "/token"];
    let ran = replay(&set, &[&words[..], &ignored].concat());
    let seen = figures(&ran);
    assert_eq!(
        (ran.code, &seen["played"], &seen["different"]),
        (Some(0), &20.into(), &0.into()),
        "{seen}"
    );
    let notes = seen["notes"].to_string();
    assert!(notes.contains("the clock was set back once while"), "{notes}");
    assert!(!notes.contains("hidden"), "the token of the log-in was known: {notes}");
}

#[test]
fn a_capture_is_a_load_and_a_script() {
    let folder = tempfile::tempdir().unwrap();
    let capture = capture(folder.path()).display().to_string();
    let url = OLD.start();
    let ran = run(["load", &capture, "--at", &url, "--users", "2", "--for", "300ms", "--json"]);
    assert_eq!(ran.code, Some(0), "{} {}", ran.data, ran.words);
    assert!(
        ran.words.contains("19 requests in 1 visit; 1 request that may change something left out"),
        "{}",
        ran.words
    );
    let hidden = "1 request with values that were hidden when they were recorded";
    assert!(ran.words.contains(hidden), "{}", ran.words);
    // A visit that is not known goes on: what was asked for later is asked for.
    let seen = figures(&ran);
    let routes = seen["routes"].as_array().unwrap();
    let orders = routes.iter().find(|route| route["name"] == "GET /orders/{id}").unwrap();
    assert!(0 < orders["count"].as_u64().unwrap(), "{seen}");
    let known = ["-H", "Authorization: Bearer mine", "--export", "k6"];
    let ran = run(["load", &capture, "--at", &url].into_iter().chain(known));
    assert_eq!((ran.code, ran.words.contains("hidden")), (Some(0), false), "{}", ran.words);
    let ran = run(["load", &capture, "--at", &url, "--export", "k6"]);
    assert!(ran.data.contains("http.request(\"GET\", BASE + \"/orders/2\""), "{}", ran.data);
    let ran = run(["load", &capture, "--at", &url, "--export", "locust"]);
    assert!(
        ran.data.contains("class Visitor(HttpUser):") && ran.data.contains("time.sleep(0.015)"),
        "{}",
        ran.data
    );
    let text = std::fs::read_to_string(&capture).unwrap();
    let cut = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let path = path.display().to_string();
        run(["load", &path, "--at", &url, "--users", "1", "--for", "300ms"])
    };
    let half = cut("half.jsonl", text.get(..text.len() - 40).unwrap());
    assert_eq!(half.code, Some(0), "{} {}", half.data, half.words);
    assert!(half.words.contains("ends within line 21; the lines before it were read"));
    assert!(half.words.contains("18 requests in 1 visit"), "{}", half.words);
    let login: String = text.split_inclusive('\n').take(2).collect();
    let writes = cut("writes.jsonl", &login);
    assert_eq!((writes.code, writes.data.as_str()), (Some(2), ""));
    assert!(writes.words.contains("of 1 recorded requests 1 may change something"));
    assert!(writes.words.contains("hint: --writes sends"), "{}", writes.words);
    let ran = run(["load", &capture, "--rate", "5"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.words.contains("says what was asked, and not of whom"), "{}", ran.words);
}

#[test]
fn spans_a_har_and_a_description_are_loads_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let url = OLD.start();
    let at = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        run(["load", &path.display().to_string(), "--at", &url, "--export", "k6"])
    };
    let har = at(
        "shop.har",
        r#"{"log": {"entries": [{"startedDateTime": "2026-11-22T00:51:00Z", "time": 3, "request": {"method": "GET", "url": "https://shop.example/orders/7", "headers": []}}]}}"#,
    );
    assert!(har.data.contains("BASE + \"/orders/7\""), "{} {}", har.data, har.words);
    let two = r#"{"log": {"entries": [
        {"request": {"method": "GET", "url": "https://shop.example/orders/7", "headers": []}},
        {"request": {"method": "GET", "url": "https://ads.example/pixel", "headers": []}}]}}"#;
    let own = at("two.har", two);
    assert!(own.data.contains("/orders/7") && !own.data.contains("/pixel"), "{}", own.data);
    let told = "what shop.example was asked; left out: 1 request to others, ads.example (1)";
    assert!(own.words.contains(told), "{}", own.words);
    let path = folder.path().join("two.har").display().to_string();
    let of = |host: &str| run(["load", &path, "--at", &url, "--export", "k6", "--host", host]);
    assert!(of("ads.example").data.contains("/pixel"));
    let nobody = of("nobody.example");
    assert_eq!((nobody.code, nobody.data.as_str()), (Some(2), ""));
    assert!(
        nobody.words.contains("it has some to ads.example (1), shop.example (1)"),
        "{}",
        nobody.words
    );
    let api = at(
        "api.json",
        r#"{"openapi": "3.0.0", "paths": {"/orders/{id}": {"get": {"parameters": [{"name": "id", "in": "path", "example": 9}]}}}}"#,
    );
    assert!(api.data.contains("BASE + \"/orders/9\""), "{} {}", api.data, api.words);
    let spans = json!({"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba902b7", "name": "GET", "kind": 2,
        "startTimeUnixNano": "1795308660000000000", "endTimeUnixNano": "1795308660010000000",
        "attributes": [{"key": "http.request.method", "value": {"stringValue": "GET"}}, {"key": "url.path", "value": {"stringValue": "/orders/11"}}],
    }]}]}]});
    let spans = at("spans.json", &spans.to_string());
    assert!(spans.data.contains("BASE + \"/orders/11\""), "{} {}", spans.data, spans.words);
    let nothing = at("odd.json", "{\"a\": 1}");
    assert_eq!(nothing.code, Some(2), "{}", nothing.words);
    let half = at("half.har", "{\"log\": {\"entries\": [{");
    assert_eq!(half.code, Some(2));
    assert!(half.words.contains("hint: half of a HAR is none"), "{}", half.words);
    let empty = at("empty.har", "{\"log\": {\"entries\": []}}");
    assert_eq!(empty.code, Some(2));
    assert!(empty.words.contains("has no requests in it"), "{}", empty.words);
    // They are loads that run, not scripts alone.
    for name in ["shop.har", "api.json", "spans.json"] {
        let path = folder.path().join(name).display().to_string();
        let ran = run(["load", &path, "--at", &url, "--rate", "20", "--for", "200ms", "--json"]);
        assert_eq!(ran.code, Some(0), "{name}: {} {}", ran.data, ran.words);
        assert_eq!(figures(&ran)["answered"], 4, "{name}");
    }
}
