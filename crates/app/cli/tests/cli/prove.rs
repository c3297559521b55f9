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
fn half_of_a_recording_is_compared_and_told() {
    let whole = versions().to_string();
    let (_folder, path) =
        file("half.json", format!("{whole}\n{}", whole.get(..whole.len() / 2).unwrap()));
    let ran = run(["prove", &format!("{}@4.2.0", text(&path)), &text(&path), "--json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.words);
    let p50 = &told(&ran)["measures"][0];
    assert_eq!(p50["before_nanos"], json!(80e6), "what is whole is compared");
    assert!(ran.words.contains("half.json"), "{}", ran.words);
}

#[test]
fn sides_that_have_nothing_in_common_are_told() {
    let (_spans, spans) = file("spans.json", versions().to_string());
    let (_csv, csv) = file("other.csv", "route,latency_ms\nGET /cats,5\nGET /cats,6\n");
    let ran = run(["prove", &text(&spans), &text(&csv)]);
    assert_eq!(ran.code, Some(1), "{}", ran.words);
    assert!(
        ran.data.starts_with("cannot tell: there is no route with answers on both sides\n"),
        "{}",
        ran.data
    );
}

#[test]
fn clocks_that_go_back_are_borne() {
    let mut odd = versions();
    // It ended before it began.
    odd["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["endTimeUnixNano"] =
        json!("1795165199000000000");
    let (_folder, path) = file("odd.json", odd.to_string());
    let of = |version: &str| format!("{}@{version}", text(&path));
    let ran = run(["prove", &of("4.2.0"), &of("4.2.1"), "--json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.words);
    assert_eq!(told(&ran)["measures"][0]["before_nanos"], json!(0.0));
    // Of each two starts the later one comes first.
    let rows: Vec<String> = (0..400_u64)
        .map(|place| format!("{},{}\n", 10 + place * 7 % 5, (place ^ 1) * 1_000))
        .collect();
    let csv = rows.concat();
    let (_csv, csv) = file("back.csv", format!("latency_ms,start_ms\n{csv}"));
    let ran = run(["prove", "--measure", "p50", "--matters", "50%", &text(&csv), &text(&csv)]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.data, ran.words);
    assert!(ran.data.starts_with("no difference: "), "{}", ran.data);
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

/// OTLP with one request of the shop, which runs a statement or does not.
fn request(runs_a_statement: bool) -> Value {
    let attribute =
        |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let span = |id: char, parent: &str, kind: u8, millis: u64, attributes: Value| {
        json!({
            "traceId": "a".repeat(32), "spanId": id.to_string().repeat(16), "parentSpanId": parent, "name": "work",
            "kind": kind, "startTimeUnixNano": "1795165200000000000",
            "endTimeUnixNano": (1_795_165_200_000_000_000 + millis * 1_000_000).to_string(), "attributes": attributes,
        })
    };
    let http = json!([attribute("http.request.method", "GET"), attribute("http.route", "/orders")]);
    let sql = json!([
        attribute("db.system.name", "postgresql"),
        attribute("db.query.text", "SELECT name FROM customers")
    ]);
    let mut spans = vec![span('b', "", 2, 80, http)];
    if runs_a_statement {
        spans.push(span('c', &"b".repeat(16), 3, 60, sql));
    }
    json!({ "resourceSpans": [{
        "resource": { "attributes": [attribute("service.name", "shop")] }, "scopeSpans": [{ "spans": spans }],
    }]})
}

#[test]
fn what_is_new_after_is_seen_in_the_difference_and_has_no_percentage() {
    let (_old, old) = file("old.json", request(false).to_string());
    let (_new, new) = file("new.json", request(true).to_string());
    let page = old.with_file_name("page.html");
    let ran = run(["prove", &text(&old), &text(&new), "--json", "--html", &text(&page)]);
    let proof = told(&ran);
    let queries = &proof["work"][0];
    assert_eq!(queries["measure"], "queries per request", "{}", ran.words);
    assert_eq!((&queries["after"], &queries["relative"]), (&json!(1.0), &Value::Null));
    let page = std::fs::read_to_string(page).unwrap();
    let (_, difference) = page.split_once("flame graph of the difference").unwrap();
    assert!(difference.contains("customers"), "{difference}");
    let words = run(["prove", &text(&old), &text(&new)]).data;
    assert!(words.lines().any(|line| line.contains("queries") && line.contains("new")), "{words}");
}
