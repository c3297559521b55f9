//! The cache between real sockets: what is asked for once, what is answered without asking, and what never is.

use std::{
    io::{Read as _, Write as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use traffic::{
    cache::{CacheRule, Template, User},
    plan::{Route, Secret},
};

use crate::{
    admin::body,
    kit::{
        Origin, Reply, Running, answer, ask, cached, connect, counting, eventually, get, get_with,
        header, read_until, start, status,
    },
};

fn an_hour() -> CacheRule {
    CacheRule { ttl: Some(Duration::from_hours(1)), ..CacheRule::default() }
}

/// Of its only route, the answers that were not kept, by reason.
fn not_kept(gateway: &Running) -> Value {
    let all: Value = serde_json::from_str(body(&gateway.told("/all"))).expect("JSON");
    all["routes"][0]["cache"]["not_kept"].clone()
}

#[test]
fn what_is_fresh_is_answered_without_asking() {
    let origin = counting("cache-control: max-age=60\r\netag: \"1\"\r\n");
    let gateway = start(cached(CacheRule::default(), &origin));
    let first = get(gateway.address, "/a");
    assert!(first.ends_with("answer 0"), "{first}");
    assert!(header(&first, "cache-status").unwrap().starts_with("taut; fwd=uri-miss"), "{first}");
    eventually("stored", || gateway.metric("taut_gateway_cache_entries") > 0.0);
    let second = get(gateway.address, "/a");
    assert!(second.ends_with("answer 0"), "{second}");
    assert!(header(&second, "cache-status").unwrap().starts_with("taut; hit; ttl="), "{second}");
    assert_eq!(header(&second, "age"), Some("0"));
    assert!(get(gateway.address, "/b").ends_with("answer 1"));
    let same = get_with(gateway.address, "/a", "if-none-match: \"1\"\r\n");
    assert_eq!(status(&same), "304");
    let part = get_with(gateway.address, "/a", "range: bytes=-1\r\n");
    assert_eq!((status(&part), header(&part, "content-range")), ("206", Some("bytes 7-7/8")));
    assert!(part.ends_with("\r\n\r\n0"), "{part}");
    let head = ask(gateway.address, "HEAD /a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    assert_eq!(header(&head, "content-length"), Some("8"));
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    assert_eq!(origin.seen().len(), 2);
    assert!(
        gateway.metric("taut_gateway_cache_requests_total{http_route=\"all\",result=\"hit\"}")
            > 3.0
    );
}

#[test]
fn a_stampede_on_an_expired_key_costs_one_request() {
    const CLIENTS: u32 = 500;
    let slow = Arc::new(AtomicBool::new(false));
    let waits = Arc::clone(&slow);
    let origin = Origin::start(move |_| {
        while waits.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(5));
        }
        answer("", "the same for all")
    });
    let rule = CacheRule { ttl: Some(Duration::from_secs(1)), early: 0.0, ..CacheRule::default() };
    let mut plan = cached(rule, &origin);
    plan.workers = 2;
    let gateway = start(plan);
    assert!(get(gateway.address, "/").ends_with("the same for all"));
    // Longer than it is fresh.
    thread::sleep(Duration::from_millis(1_200));
    let before = origin.seen().len();
    slow.store(true, Ordering::Relaxed);
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut client = connect(gateway.address);
            client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
            client
        })
        .collect();
    let waiting = f64::from(CLIENTS) - 1.0;
    eventually("all wait", || gateway.metric("taut_gateway_cache_waiting_requests") >= waiting);
    slow.store(false, Ordering::Relaxed);
    for client in &mut clients {
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert!(text.ends_with("the same for all"), "{text}");
    }
    assert_eq!(origin.seen().len() - before, 1);
}

#[test]
fn who_waits_is_answered_even_if_who_asked_first_goes_away() {
    let slow = Arc::new(AtomicBool::new(true));
    let waits = Arc::clone(&slow);
    let origin = Origin::start(move |_| {
        while waits.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(5));
        }
        answer("", "late")
    });
    let gateway = start(cached(an_hour(), &origin));
    let mut first = connect(gateway.address);
    first.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    eventually("it is asked for", || origin.seen().len() == 1);
    let mut second = connect(gateway.address);
    second.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    eventually("it waits", || gateway.metric("taut_gateway_cache_waiting_requests") > 0.0);
    drop(first);
    thread::sleep(Duration::from_millis(50));
    slow.store(false, Ordering::Relaxed);
    assert!(crate::kit::read_all(&mut second).ends_with("late"));
    assert!(get(gateway.address, "/").ends_with("late"));
    assert_eq!(origin.seen().len(), 1);
}

#[test]
fn nobody_gets_what_is_somebody_elses() {
    let origin = Origin::start(|request| {
        let line = |name: &str| {
            let lower = request.to_ascii_lowercase();
            lower.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned))
        };
        answer("", &format!("for {:?} {:?}", line("authorization: "), line("cookie: ")))
    });
    let gateway = start(cached(an_hour(), &origin));
    for _ in 0..2 {
        assert!(get_with(gateway.address, "/", "").ends_with("for None None"));
        assert!(
            get_with(gateway.address, "/", "authorization: ann\r\n")
                .ends_with("for Some(\"ann\") None")
        );
        assert!(
            get_with(gateway.address, "/", "cookie: s=bob\r\n")
                .ends_with("for None Some(\"s=bob\")")
        );
    }
    // The answer for nobody was asked for once, those for somebody each time.
    assert_eq!(origin.seen().len(), 5);
    let each = CacheRule { user: Some(User::Cookie("s".to_owned())), ..an_hour() };
    let gateway = start(cached(each, &origin));
    for _ in 0..2 {
        assert!(
            get_with(gateway.address, "/", "cookie: s=ann\r\n")
                .ends_with("for None Some(\"s=ann\")")
        );
        assert!(
            get_with(gateway.address, "/", "cookie: s=bob\r\n")
                .ends_with("for None Some(\"s=bob\")")
        );
    }
    assert_eq!(origin.seen().len(), 7);
}

#[test]
fn a_write_makes_it_forget_what_it_changed() {
    let origin = counting("");
    let mut plan = cached(
        CacheRule { tags: vec![Template::parse("order-{2}").unwrap()], ..an_hour() },
        &origin,
    );
    let write = Route {
        methods: vec![http::Method::POST],
        forgets: vec![Template::parse("order-{3}").unwrap()],
        ..Route::to("write", 0)
    };
    plan.routes.push(write);
    let gateway = start(plan);
    let first = |path: &str| get(gateway.address, path).lines().last().unwrap().to_owned();
    let (list, seven, eight) = (first("/orders?page=1"), first("/orders/7"), first("/orders/8"));
    assert_eq!(
        [first("/orders?page=1"), first("/orders/7"), first("/orders/8")],
        [list.clone(), seven.clone(), eight.clone()]
    );
    let post = |path: &str| {
        ask(
            gateway.address,
            &format!(
                "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            ),
        )
    };
    assert_eq!(status(&post("/orders")), "200");
    assert_ne!(first("/orders?page=1"), list);
    assert_eq!(first("/orders/7"), seven);
    assert_eq!(status(&post("/orders/pay/7")), "200");
    assert_ne!(first("/orders/7"), seven);
    assert_eq!(first("/orders/8"), eight);
}

#[test]
fn what_is_stale_stands_in_when_nobody_can_be_reached() {
    let down = Arc::new(AtomicBool::new(false));
    let is_down = Arc::clone(&down);
    let origin = Origin::start(move |_| {
        if is_down.load(Ordering::Relaxed) {
            Reply::Close
        } else {
            answer("cache-control: max-age=0\r\netag: \"x\"\r\n", "kept")
        }
    });
    let gateway = start(cached(CacheRule::default(), &origin));
    assert!(get(gateway.address, "/").ends_with("kept"));
    down.store(true, Ordering::Relaxed);
    let answer = get(gateway.address, "/");
    assert!(answer.ends_with("kept") && answer.contains("detail=unreachable"), "{answer}");
    assert_eq!(status(&get(gateway.address, "/other")), "502");
}

#[test]
fn stale_answers_while_it_is_asked_for() {
    let origin = counting("cache-control: max-age=0, stale-while-revalidate=60\r\n");
    let gateway = start(cached(CacheRule::default(), &origin));
    assert!(get(gateway.address, "/").ends_with("answer 0"));
    eventually("stored", || gateway.metric("taut_gateway_cache_entries") > 0.0);
    assert!(get(gateway.address, "/").ends_with("answer 0"));
    eventually("a newer one", || !get(gateway.address, "/").ends_with("answer 0"));
}

#[test]
fn what_is_large_passes_through_without_being_kept() {
    let body = "0123456789".repeat(200_000);
    let length = body.len();
    let origin = Origin::start(move |request| {
        if request.contains("/known") {
            answer("", &body)
        } else {
            let chunks = format!(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                body.len()
            );
            Reply::Send(chunks.into())
        }
    });
    let rule = CacheRule { body_bytes_max: 100_000, ..an_hour() };
    let gateway = start(cached(rule, &origin));
    for path in ["/known", "/unknown", "/known", "/unknown"] {
        let answer = get(gateway.address, path);
        let sent = answer.matches("0123456789").count() * 10;
        // Chunks may cut some of them in two.
        assert!(length - 2_000 < sent && status(&answer) == "200", "{path}: {sent}");
    }
    assert_eq!(origin.seen().len(), 4);
    assert!(gateway.metric("taut_gateway_cache_bytes") < 10_000.0);
    // For a while after the first of each the cache lets them pass, without another look.
    let told = not_kept(&gateway);
    assert!(told[0]["reason"] == "too-large" && told[0]["count"].as_u64() >= Some(2), "{told}");
}

#[test]
fn why_answers_are_not_kept_is_counted_by_route() {
    let origin = counting("cache-control: no-store\r\n");
    let gateway = start(cached(CacheRule::default(), &origin));
    for path in ["/a", "/b"] {
        let told = get(gateway.address, path);
        assert_eq!(header(&told, "cache-status"), Some("taut; fwd=uri-miss; detail=no-store"));
    }
    let all: Value = serde_json::from_str(body(&gateway.told("/all"))).expect("JSON");
    let cache = &all["routes"][0]["cache"];
    assert_eq!(cache["not_kept"], json!([{"reason": "no-store", "count": 2}]), "{cache:#}");
    assert_eq!(cache["miss"], 2);
}

#[test]
fn what_breaks_off_is_not_kept() {
    let broken = AtomicBool::new(true);
    let origin = Origin::start(move |_| {
        if broken.swap(false, Ordering::Relaxed) {
            Reply::SendAndClose(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec())
        } else {
            answer("", "whole")
        }
    });
    let gateway = start(cached(an_hour(), &origin));
    assert!(get(gateway.address, "/").ends_with("half"));
    assert_eq!(not_kept(&gateway), json!([{"reason": "broken", "count": 1}]));
    assert!(get(gateway.address, "/").ends_with("whole"));
}

#[test]
fn what_is_forgotten_while_it_comes_is_not_kept() {
    let slow = Arc::new(AtomicBool::new(true));
    let waits = Arc::clone(&slow);
    let origin = Origin::start(move |_| {
        while waits.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(5));
        }
        answer("", "of before")
    });
    let mut plan = cached(an_hour(), &origin);
    plan.admin_token = Some(Secret("sesame".to_owned()));
    let gateway = start(plan);
    let mut client = connect(gateway.address);
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    eventually("it is asked for", || origin.seen().len() == 1);
    assert_eq!(status(&gateway.order("/cache/purge", "{\"all\": true}")), "200");
    slow.store(false, Ordering::Relaxed);
    read_until(&mut client, "of before");
    let told = json!([{"reason": "purged-meanwhile", "count": 1}]);
    eventually("it is counted", || not_kept(&gateway) == told);
}

#[test]
fn what_has_not_changed_but_may_not_be_kept_any_longer_is_counted() {
    let origin = Origin::start(|request| {
        if request.to_ascii_lowercase().contains("if-none-match") {
            const SAME: &str =
                "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\ncache-control: no-store\r\n\r\n";
            Reply::Send(SAME.into())
        } else {
            answer("cache-control: max-age=0\r\netag: \"1\"\r\n", "kept")
        }
    });
    let gateway = start(cached(CacheRule::default(), &origin));
    assert!(get(gateway.address, "/").ends_with("kept"));
    eventually("stored", || gateway.metric("taut_gateway_cache_entries") > 0.0);
    assert!(get(gateway.address, "/").ends_with("kept"));
    assert_eq!(not_kept(&gateway), json!([{"reason": "no-store", "count": 1}]));
}

#[test]
fn a_connection_stays_usable_after_answers_out_of_the_cache() {
    let origin = counting("");
    let gateway = start(cached(an_hour(), &origin));
    let mut client = connect(gateway.address);
    for _ in 0..3 {
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        read_until(&mut client, "\r\n\r\nanswer 0");
    }
    assert_eq!(origin.seen().len(), 1);
}

#[test]
fn who_asks_first_does_not_set_the_time_of_all_who_wait() {
    let origin = counting("");
    let mut plan = cached(an_hour(), &origin);
    plan.deadline_header = Some(http::HeaderName::from_static("x-left"));
    plan.trusted = vec![traffic::forward::Network::parse("127.0.0.1/32").expect("a network")];
    plan.services[0].timeouts.total = Some(Duration::from_mins(1));
    let gateway = start(plan);
    let answer = get_with(gateway.address, "/a", "x-left: 5000\r\n");
    assert!(answer.ends_with("answer 0"), "{answer}");
    let seen = origin.seen();
    let told = seen[0].lines().find_map(|line| line.strip_prefix("x-left: "));
    let told: u64 = told.expect("it is told").parse().expect("a number");
    assert!(30_000 < told && told <= 60_000, "{told}");
}
