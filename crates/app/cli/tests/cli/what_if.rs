//! `taut what-if` over recordings: what it answers, and what it refuses.

use serde_json::{Value, json};

use crate::kit::{file, orders, run, ten_orders};

const START: u64 = 1_767_225_600_000_000_000;

fn answer(arguments: &[&str]) -> Value {
    let ran = run(["what-if"].into_iter().chain(arguments.iter().copied()).chain(["--json"]));
    assert_eq!(ran.code, Some(0), "{}", ran.words);
    serde_json::from_str(&ran.data).expect("it is JSON")
}

#[test]
fn without_a_loop_a_request_takes_what_is_left() {
    let (_folder, path) = file("spans.json", ten_orders("/api/orders/", "customers"));
    let path = path.to_str().expect("temporary folders have plain names");
    let seen = answer(&["without", "SELECT name FROM customers*", path]);
    let row = &seen["operations"][0];
    assert_eq!(row["operation"], "GET /api/orders/");
    assert_eq!((&row["with_call"], &row["calls_max"]), (&json!(10), &json!(40)));
    // 260 ms, of them 40 statements of 5 ms.
    assert_eq!(row["p50_nanos"], 260_000_000_u64);
    assert_eq!(row["p50_without_nanos"], 60_000_000_u64);
    let none = run(["what-if", "without", "DELETE *", path]);
    assert_eq!(none.code, Some(2));
    assert!(none.words.contains("no request makes a call like `DELETE *`"), "{}", none.words);
}

#[test]
fn a_pool_is_as_large_as_what_came_at_once() {
    // Three requests at once, then one alone.
    let at = [0, 1, 2, 5_000];
    let lines: String = (0_u64..)
        .zip(at)
        .map(|(trace, millis)| {
            orders(trace, START + millis * 1_000_000, "/api/orders/", "customers").to_string()
                + "\n"
        })
        .collect();
    let (_folder, path) = file("spans.json", lines);
    let path = path.to_str().expect("temporary folders have plain names");
    let seen = answer(&["pool", path]);
    assert_eq!((&seen["in_use_at_most"], &seen["enough"]), (&json!(3), &json!(3)));
    let patient = answer(&["pool", "--wait", "10s", path]);
    assert_eq!(patient["enough"], 1);
    let shared = answer(&["pool", "--hold", "statement", "--size", "1", path]);
    assert!(shared["sizes"][0]["of"].as_u64() == Some(4 * 41), "{shared}");
}

#[test]
fn a_limit_names_whom_it_would_have_refused() {
    let mut lines = String::new();
    for trace in 0..20_u64 {
        let mut request = orders(trace, START + trace * 1_000_000, "/api/orders/", "customers");
        let span = &mut request["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        let who = if trace % 4 == 0 { "10.0.0.2" } else { "10.0.0.1" };
        let attributes = span["attributes"].as_array_mut().expect("there are some");
        attributes.push(json!({"key": "app.tenant", "value": {"stringValue": who}}));
        lines.push_str(&format!("{request}\n"));
    }
    let (_folder, path) = file("spans.json", lines);
    let path = path.to_str().expect("temporary folders have plain names");
    let limit = ["limit", "--requests", "5", "--window", "1m", "--algorithm", "sliding-log"];
    let seen = answer(&[&limit[..], &["--by", "app.tenant", path]].concat());
    assert_eq!((&seen["requests"], &seen["refused"]), (&json!(20), &json!(10)));
    assert_eq!(seen["keys"][0], json!({"key": "10.0.0.1", "requests": 15, "refused": 10}));
    let unknown: Vec<&str> =
        ["what-if"].into_iter().chain(limit).chain(["--by", "nothing", path]).collect();
    let unknown = run(unknown);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.words.contains("no request has the attribute `nothing`"), "{}", unknown.words);
}

#[test]
fn a_slow_member_shows_in_the_tail_and_a_seed_tells_the_answer() {
    let lines: String = (0..200_u64)
        .map(|trace| {
            orders(trace, START + trace * 30_000_000, "/api/orders/", "customers").to_string()
                + "\n"
        })
        .collect();
    let (_folder, path) = file("spans.json", lines);
    let path = path.to_str().expect("temporary folders have plain names");
    let asked = ["balance", "--members", "4", "--slots", "4", "--slow", "4", "--seed", "7", path];
    let seen = answer(&asked);
    let p99 = |policy: &str| {
        let rows = seen["policies"].as_array().expect("there are policies");
        let row = rows.iter().find(|row| row["policy"] == policy).expect("it is among them");
        row["p99_nanos"].as_u64().expect("it is a number")
    };
    assert!(p99("least-connections") < p99("round-robin"), "{seen}");
    assert_eq!(seen["not_simulated"], json!(["address", "cookie"]));
    assert_eq!(answer(&asked), seen);
}

#[test]
fn a_cache_answers_what_is_asked_again_in_time() {
    // The same list every second: with ten seconds of freshness nine of ten are hits.
    let (_folder, path) = file("spans.json", ten_orders("/api/orders/", "customers"));
    let path = path.to_str().expect("temporary folders have plain names");
    let seen = answer(&["cache", "--ttl", "1m", "--ttl", "10ms", path]);
    assert_eq!((&seen["requests"], &seen["keys"]), (&json!(10), &json!(1)));
    assert_eq!(seen["caches"][0]["hits"], 9);
    assert_eq!(seen["caches"][1]["hits"], 0);
    // A curve of sizes: the smallest one holds nothing, and a larger one never answers less.
    let curve = answer(&["cache", "--ttl", "1m", "--size", "1kB..64kB", "--answer", "20kB", path]);
    let hits: Vec<u64> = curve["caches"]
        .as_array()
        .expect("there are rows")
        .iter()
        .filter_map(|row| row["hits"].as_u64())
        .collect();
    assert_eq!((hits.len(), hits.first(), hits.last()), (7, Some(&0), Some(&9)), "{curve}");
    assert!(hits.is_sorted(), "{hits:?}");
    let none = run(["what-if", "cache", "--endpoint", "GET /nothing", path]);
    assert_eq!(none.code, Some(2));
    assert!(none.words.contains("no request of the recording is like that"), "{}", none.words);
}

/// Three requests a second apart, each of which goes through the gate, the shop and the stock, which runs statements as the
/// shop does.
fn through_three_services() -> String {
    let span = |trace: u64, id: u64, parent: u64, kind: u64, name: &str, more: &[(&str, &str)]| {
        let attributes: Vec<Value> = more
            .iter()
            .map(|(key, value)| json!({"key": key, "value": {"stringValue": value}}))
            .collect();
        let parent = if parent == 0 { String::new() } else { format!("{parent:016x}") };
        let begin = START + trace * 1_000_000_000 + id * 1_000_000;
        json!({
            "traceId": format!("{:032x}", trace + 1), "spanId": format!("{id:016x}"),
            "parentSpanId": parent, "name": name, "kind": kind, "attributes": attributes,
            "startTimeUnixNano": begin.to_string(),
            "endTimeUnixNano": (begin + 100_000_000 - 8_000_000 * id).to_string(),
        })
    };
    let of = |service: &str, spans: Vec<Value>| {
        json!({
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
            "scopeSpans": [{"spans": spans}],
        })
    };
    let request = |route| {
        [
            ("http.request.method", "GET"),
            ("http.route", route),
            ("url.path", route),
            ("app.tenant", "a"),
        ]
    };
    let statement = [("db.system.name", "postgresql"), ("db.query.text", "SELECT 1 FROM t")];
    let lines = (0..3_u64).map(|trace| {
        let gate = of("gate", vec![span(trace, 1, 0, 2, "GET /a", &request("/a"))]);
        let shop = vec![
            span(trace, 2, 1, 2, "GET /b", &request("/b")),
            span(trace, 3, 2, 3, "SELECT t", &statement),
        ];
        let stock = vec![
            span(trace, 4, 2, 2, "GET /c", &request("/c")),
            span(trace, 5, 4, 3, "SELECT t", &statement),
        ];
        json!({"resourceSpans": [gate, of("shop", shop), of("stock", stock)]}).to_string() + "\n"
    });
    lines.collect()
}

#[test]
fn a_request_through_three_services_counts_once_unless_one_of_them_is_named() {
    let (_folder, path) = file("spans.json", through_three_services());
    let path = path.to_str().expect("temporary folders have plain names");
    assert_eq!(answer(&["balance", path])["requests"], 3);
    assert_eq!(answer(&["balance", "--service", "*", path])["requests"], 9);
    assert_eq!(answer(&["balance", "--service", "shop", path])["requests"], 3);
    assert_eq!(answer(&["cache", "--ttl", "1m", path])["keys"], 1);
    let inner = answer(&["cache", "--ttl", "1m", "--service", "*", path]);
    assert_eq!((&inner["keys"], &inner["requests"]), (&json!(3), &json!(9)));
    let limit = ["limit", "--requests", "1", "--window", "1h", "--by", "app.tenant"];
    let seen = answer(&[&limit[..], &[path]].concat());
    assert_eq!((&seen["requests"], &seen["refused"]), (&json!(3), &json!(2)));
    let pool = answer(&["pool", "--size", "1", path]);
    assert_eq!(
        (&pool["services"], &pool["sizes"][0]["of"]),
        (&json!(["shop", "stock"]), &json!(6))
    );
    let pool = answer(&["pool", "--size", "1", "--service", "stock", path]);
    assert_eq!((&pool["services"], &pool["sizes"][0]["of"]), (&json!(["stock"]), &json!(3)));
    let together = run(["what-if", "pool", path]);
    assert!(together.data.contains("As one pool for 2 services: shop, stock"), "{}", together.data);
    let without = answer(&["without", "--endpoint", "GET /b", "SELECT*", path]);
    assert_eq!(without["operations"].as_array().map(Vec::len), Some(1), "{without}");
    let none = run(["what-if", "balance", "--service", "till", path]);
    assert_eq!(none.code, Some(2));
    assert!(none.words.contains("there are requests of gate, shop, stock"), "{}", none.words);
}

#[test]
fn a_cache_does_what_captured_answers_say_unless_told_otherwise() {
    let line = |place: u64, said: &str| {
        json!({
            "began_unix_nanos": START + place * 1_000_000_000,
            "took_nanos": 2_000_000,
            "request": {"method": "GET", "target": format!("/{said}"), "headers": [["host", "a"]]},
            "answer": {
                "status": 200,
                "headers": [["cache-control", said]],
                "body": {"text": "x", "sent_bytes": 1},
            },
        })
    };
    let head = json!({"format": "taut-capture-1", "began_unix_nanos": START, "by": "a test"});
    let lines = (0..10).flat_map(|place| [line(place, "no-store"), line(place, "max-age=60")]);
    let text: String =
        std::iter::once(head).chain(lines).map(|line| line.to_string() + "\n").collect();
    let (_folder, path) = file("capture-1.jsonl", text);
    let path = path.to_str().expect("temporary folders have plain names");
    let seen = answer(&["cache", "--ttl", "1m", path]);
    assert_eq!((&seen["caches"][0]["hits"], &seen["over_answer"]), (&json!(9), &json!(false)));
    assert_eq!(seen["not_stored"], json!({"no-store": 10}));
    let all = answer(&["cache", "--ttl", "1m", "--over-answer", path]);
    assert_eq!((&all["caches"][0]["hits"], &all["over_answer"]), (&json!(18), &json!(true)));
    let told = run(["what-if", "cache", "--ttl", "1m", path]);
    assert!(told.data.contains("10 answers are not to be stored (no-store 10)"), "{}", told.data);
    let small = run(["what-if", "cache", "--size", "10kB", "--sample", "1", "--over-answer", path]);
    assert!(small.data.contains("a larger --sample tells more"), "{}", small.data);
    let service = run(["what-if", "cache", "--service", "shop", path]);
    assert_eq!(service.code, Some(2));
    assert!(service.words.contains("a capture does not tell services"), "{}", service.words);
}

/// Ten requests that tell whom they are from.
fn of_a_tenant() -> String {
    let begin = "\"attributes\":[{\"key\":\"http.request.method\"";
    let tenant = "\"attributes\":[{\"key\":\"app.tenant\",\"value\":{\"stringValue\":\"a\"}},\
                  {\"key\":\"http.request.method\"";
    ten_orders("/api/orders/", "customers").replace(begin, tenant)
}

/// Every question, over one recording.
fn questions(path: &str) -> [Vec<&str>; 5] {
    [
        vec!["without", "SELECT name FROM customers*", path],
        vec!["pool", path],
        vec!["limit", "--requests", "5", "--window", "1m", "--by", "app.tenant", path],
        vec!["balance", "--slow", "2", path],
        vec!["cache", "--ttl", "1m", path],
    ]
}

#[test]
fn clocks_that_go_back_change_no_answer() {
    let ten = of_a_tenant();
    let back: String = ten.split_inclusive('\n').rev().collect();
    let (_one, forth) = file("spans.json", ten);
    let (_other, back) = file("spans.json", back);
    let [forth, back] = [&forth, &back].map(|path| path.to_str().expect("a plain name"));
    for (one, other) in questions(forth).iter().zip(questions(back)) {
        assert_eq!(answer(one), answer(&other), "{one:?}");
    }
}

#[test]
fn half_a_recording_is_told_and_none_is_no_answer() {
    let ten = of_a_tenant();
    let (_half, half) = file("half.json", ten.get(..ten.len() - 40).expect("it is longer"));
    let (_none, none) = file("none.json", "{\"resourceSpans\":[]}\n");
    let [half, none] = [&half, &none].map(|path| path.to_str().expect("a plain name"));
    for (of_half, of_none) in questions(half).into_iter().zip(questions(none)) {
        let ran = run(["what-if"].into_iter().chain(of_half.iter().copied()));
        assert_eq!(ran.code, Some(0), "{of_half:?}: {}", ran.words);
        assert!(ran.words.contains("half.json"), "{of_half:?}: {}", ran.words);
        let ran = run(["what-if"].into_iter().chain(of_none.iter().copied()));
        assert_eq!((ran.code, ran.data.as_str()), (Some(3), ""), "{of_none:?}: {}", ran.words);
        assert!(ran.words.contains("hint: "), "{}", ran.words);
    }
    let gone = run(["what-if", "pool", "/no/such.json"]);
    assert_eq!(gone.code, Some(3));
    assert!(gone.words.contains("/no/such.json"), "{}", gone.words);
}
