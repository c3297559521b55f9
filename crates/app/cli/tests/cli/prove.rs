//! `taut prove` over recordings, versions, captures and what is kept.

use serde_json::{Value, json};

use crate::kit::{Ran, file, recording, run};

fn text(path: &std::path::Path) -> String {
    path.to_str().expect("it has a plain name").to_owned()
}

fn told(ran: &Ran) -> Value {
    serde_json::from_str(&ran.data).unwrap_or_else(|error| panic!("{error}: {}", ran.words))
}

#[test]
fn recordings_are_compared_by_what_their_requests_did_as_well() {
    let [faulty, fixed] = ["faulty-orders", "fixed-orders"].map(|name| text(&recording(name)));
    let folder = tempfile::tempdir().unwrap();
    let page = text(&folder.path().join("proof.html"));
    let ran = run(["prove", &faulty, &fixed, "--json", "--html", &page]);
    let proof = told(&ran);
    let work = proof["work"].as_array().expect("a list");
    let queries =
        work.iter().find(|it| it["measure"] == "queries per request").expect("it is told");
    assert!(100.0 < queries["before"].as_f64().unwrap(), "{queries}");
    assert!(queries["after"].as_f64().unwrap() < 10.0, "{queries}");
    assert!(work.iter().any(|it| it["measure"] == "database time"), "{work:?}");
    let shares = proof["spread"].as_array().expect("a list").iter();
    let sum: f64 = shares.filter_map(|bin| bin["after"].as_f64()).sum();
    assert!((sum - 1.0).abs() < 1e-6, "{sum}");
    let page = std::fs::read_to_string(page).unwrap();
    for part in ["how latencies before and after are spread", "flame graph of the difference"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script"), "it needs nothing but itself");
    let words = run(["prove", &faulty, &fixed]);
    assert!(words.data.contains("queries per request"), "{}", words.data);
}

/// OTLP with one request each of versions 1 and 2 of the shop.
fn versions() -> Value {
    let resource = |version: &str, trace: char, millis: u64| {
        let attribute =
            |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
        let id = |letter: char, count: usize| letter.to_string().repeat(count);
        json!({
            "resource": { "attributes": [attribute("service.name", "shop"), attribute("service.version", version)] },
            "scopeSpans": [{ "spans": [{
                "traceId": id(trace, 32), "spanId": id(trace, 16), "name": "GET /orders", "kind": 2,
                "startTimeUnixNano": "1795165200000000000",
                "endTimeUnixNano": (1_795_165_200_000_000_000 + millis * 1_000_000).to_string(),
                "attributes": [attribute("http.request.method", "GET"), attribute("http.route", "/orders")],
            }] }],
        })
    };
    json!({ "resourceSpans": [resource("4.2.0", 'a', 80), resource("4.2.1", 'b', 20)] })
}

#[test]
fn versions_in_one_recording_are_told_apart() {
    let (_folder, path) = file("spans.json", versions().to_string());
    let path = text(&path);
    let of = |version: &str| format!("{path}@{version}");
    let ran = run(["prove", &of("4.2.0"), &of("4.2.1"), "--json"]);
    assert_eq!(ran.code, Some(1), "one request a side tells nothing: {}", ran.words);
    let p50 = &told(&ran)["measures"][0];
    assert_eq!((&p50["before_nanos"], &p50["after_nanos"]), (&json!(80e6), &json!(20e6)));
    let ran = run(["prove", &of("4.2.0"), &of("9")]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.words.contains("its `service.version` are: 4.2.0, 4.2.1"), "{}", ran.words);
}

#[test]
fn no_matching_traffic_is_said_so() {
    let (_folder, path) = file("spans.json", versions().to_string());
    let path = text(&path);
    let ran = run(["prove", &path, &path, "--service", "cats"]);
    assert_eq!((ran.code, ran.data.as_str()), (Some(3), ""));
    assert!(ran.words.contains("has no request to compare"), "{}", ran.words);
    let store = tempfile::tempdir().unwrap();
    let ran = run(["prove", "2h..1h", "1h..", "--store", &text(store.path())]);
    assert_eq!((ran.code, ran.data.as_str()), (Some(3), ""), "{}", ran.words);
    assert!(ran.words.contains("no request that is kept began in `2h..1h`"), "{}", ran.words);
    let ran = run(["prove", "1h..2h", "1h.."]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.words.contains("ends before it begins"), "{}", ran.words);
}

#[test]
fn captures_are_compared_by_endpoint() {
    let capture = |millis: u64| {
        let head = json!({ "format": "taut-capture-1", "began_unix_nanos": 0, "by": "test" });
        let line = |place: u64| {
            json!({
                "began_unix_nanos": 1_795_165_200_000_000_000_u64 + place * 1_000_000_000,
                "took_nanos": (millis + place % 3) * 1_000_000, "client": "a",
                "request": { "method": "GET", "target": format!("/orders/{place}"), "headers": [] },
                "answer": { "status": 200, "headers": [], "body": { "text": "fine", "sent_bytes": 4 } },
            })
        };
        let lines = (1..=40).map(|place| line(place).to_string());
        std::iter::once(head.to_string()).chain(lines).collect::<Vec<_>>().join("\n") + "\n"
    };
    let (_old, old) = file("old.jsonl", capture(50));
    let (_new, new) = file("new.jsonl", capture(5));
    let ran = run(["prove", &text(&old), &text(&new), "--measure", "p50", "--json"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.data, ran.words);
    let proof = told(&ran);
    assert_eq!(proof["verdict"], "better");
    assert_eq!(proof["work"][0]["measure"], "bytes of an answer", "{}", proof["work"]);
}
