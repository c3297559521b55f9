//! Canaries between real sockets: who answers whom, and what becomes of a version that is good, bad, or not to be told.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use gateway::CanaryNews;
use serde_json::Value;
use traffic::{
    canary::{CanaryRule, ChoosingCookie, Sticky},
    plan::{Member, Plan, Secret, Service},
};

use crate::{
    admin::body,
    kit::{Origin, Reply, Running, ask, eventually, get, get_with, ok, plan, start, status},
};

/// Two versions that say who they are; the new one fails if told to.
fn versions(fails: bool) -> (Origin, Origin) {
    let new = move |_: &str| {
        if fails {
            Reply::Send(b"HTTP/1.1 500 Oh\r\ncontent-length: 3\r\n\r\nnew".to_vec())
        } else {
            ok("new")
        }
    };
    (Origin::start(|_| ok("old")), Origin::start(new))
}

/// Steps of an instant, and no difference of latency that matters: what decides is whether requests fail.
fn rule() -> CanaryRule {
    CanaryRule {
        steps: vec![0.5],
        every: Duration::from_millis(200),
        requests_min: 100,
        matters: 1_000.0,
        quantile: 0.5,
        sticky: Sticky::Request,
        header: Some("x-version".parse().expect("a header's name")),
        ..CanaryRule::to(1)
    }
}

fn canary(old: &Origin, new: &Origin, rule: CanaryRule) -> Plan {
    let mut plan = plan(&[old.address]);
    plan.services.push(Service::new("app-v2", vec![Member::new(new.address.to_string())]));
    plan.routes[0].canary = Some(Arc::new(rule));
    plan.admin_token = Some(Secret("sesame".to_owned()));
    plan
}

fn look(gateway: &Running) -> Value {
    look_at(gateway, "/canaries")
}

fn look_at(gateway: &Running, path: &str) -> Value {
    let answer = ask(
        gateway.admin,
        &format!(
            "GET {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer sesame\r\nconnection: close\r\n\r\n"
        ),
    );
    serde_json::from_str(body(&answer)).expect("JSON")
}

fn order(gateway: &Running, path: &str) -> String {
    ask(
        gateway.admin,
        &format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer sesame\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        ),
    )
}

/// Asks until the canary of the one route is at this stage.
fn until(gateway: &Running, stage: &str) -> Value {
    let mut seen = Value::Null;
    eventually(stage, || {
        for _ in 0..50 {
            drop(get(gateway.address, "/"));
        }
        seen = look(gateway);
        seen["canaries"][0]["stage"] == stage
    });
    seen
}

/// Why what happened last did.
fn last_why(seen: &Value) -> &str {
    let last = seen["lately"].as_array().and_then(|news| news.last());
    last.and_then(|news| news["why"].as_str()).expect("it is told")
}

fn answered(gateway: &Running, lines: &str) -> String {
    let answer = ask(
        gateway.address,
        &format!("GET / HTTP/1.1\r\nhost: a\r\n{lines}connection: close\r\n\r\n"),
    );
    body(&answer).to_owned()
}

#[test]
fn a_good_version_ends_up_with_everything_and_each_step_is_told() {
    let (old, new) = versions(false);
    let gateway = start(canary(&old, &new, rule()));
    let told: Arc<Mutex<Vec<CanaryNews>>> = Arc::default();
    let keeps = Arc::clone(&told);
    let keep = move |news: &CanaryNews| keeps.lock().expect("no one panics").push(news.clone());
    gateway.gateway().keep_canaries(Vec::new(), Box::new(keep));
    let seen = until(&gateway, "done");
    assert_eq!(seen["canaries"][0]["share"], 1.0);
    assert!((0..20).all(|_| answered(&gateway, "") == "new"));
    let told = told.lock().expect("no one panics");
    let stages: Vec<_> = told.iter().map(|news| (news.stage, &*news.route, &*news.new)).collect();
    assert_eq!(stages, [("going", "all", "app-v2"), ("done", "all", "app-v2")]);
    assert_eq!((&*told[0].why, told[0].step), ("it begins", 0));
    assert!(told[1].why.contains("errors 0.00 and 0.00 %"), "{}", told[1].why);
    assert_eq!(last_why(&seen), told[1].why);
}

#[test]
fn a_bad_version_is_taken_back() {
    let (old, new) = versions(true);
    let gateway = start(canary(&old, &new, rule()));
    let seen = until(&gateway, "reverted");
    assert!((0..20).all(|_| answered(&gateway, "") == "old"));
    let why = last_why(&seen);
    assert!(why.starts_with("worse: errors rose from 0.00 % to 100.00 %"), "{why}");
    // Whoever asks for it still gets it, and that counts for nothing.
    assert_eq!(answered(&gateway, "x-version: new\r\n"), "new");
}

#[test]
fn a_version_of_which_nothing_can_be_told_is_held() {
    let (old, new) = versions(false);
    // A tenth of a millisecond decides, and a few hundred requests: nobody can tell.
    let rule =
        CanaryRule { matters: 0.000_1, quantile: 0.99, every: Duration::from_secs(1), ..rule() };
    let gateway = start(canary(&old, &new, rule));
    let seen = until(&gateway, "held");
    assert_eq!(seen["canaries"][0]["share"], 0.5);
    // Somebody decides instead.
    assert_eq!(status(&order(&gateway, "/canaries/all/finish")), "200");
    assert!((0..10).all(|_| answered(&gateway, "") == "new"));
    assert_eq!(status(&order(&gateway, "/canaries/all/revert")), "200");
    assert!((0..10).all(|_| answered(&gateway, "") == "old"));
    assert_eq!(status(&order(&gateway, "/canaries/all/dance")), "404");
    assert_eq!(status(&order(&gateway, "/canaries/none/step")), "404");
}

#[test]
fn a_cookie_chooses_a_version_whatever_its_share() {
    let (old, new) = versions(false);
    let beta = ChoosingCookie { name: "beta".to_owned(), value: Some("1".to_owned()) };
    let rule = CanaryRule { steps: vec![0.000_1], by_itself: false, cookie: Some(beta), ..rule() };
    let gateway = start(canary(&old, &new, rule));
    for _ in 0..5 {
        assert_eq!(answered(&gateway, "cookie: a=1; beta=1\r\n"), "new");
        assert_eq!(answered(&gateway, "x-version: old\r\ncookie: beta=1\r\n"), "old");
    }
    // Another value chooses nothing, and a ten-thousandth gets nothing out of so few.
    let drawn = (0..10).filter(|_| answered(&gateway, "cookie: beta=0\r\n") == "old").count();
    assert!(9 <= drawn, "{drawn}");
    let seen = look(&gateway);
    // Who chose is counted, and not compared.
    let of = |version: &str, what: &str| seen["canaries"][0][version][what].as_u64();
    assert_eq!(of("new", "requests").map(|count| 5 <= count), Some(true), "{seen:#}");
    assert!(of("new", "requests_in_step").is_some_and(|count| count <= 1), "{seen:#}");
}

#[test]
fn what_could_not_be_kept_is_told() {
    let (old, new) = versions(false);
    let gateway = start(canary(&old, &new, CanaryRule { by_itself: false, ..rule() }));
    let lost = || gateway.metric("taut_gateway_canary_notes_lost_total");
    assert!(lost() < 0.5);
    gateway.gateway().canary_losses().add(2);
    assert!((lost() - 2.0).abs() < 0.5);
    assert_eq!(look(&gateway)["not_kept"], 2);
    assert_eq!(look_at(&gateway, "/all")["news_not_kept"], 2);
}

#[test]
fn a_browser_stays_with_its_version() {
    let (old, new) = versions(false);
    let rule = CanaryRule { sticky: Sticky::Cookie("v".to_owned()), by_itself: false, ..rule() };
    let gateway = start(canary(&old, &new, rule));
    for _ in 0..5 {
        let first = get(gateway.address, "/");
        let line =
            first.lines().find(|line| line.to_ascii_lowercase().starts_with("set-cookie: v="));
        let cookie = line.and_then(|line| line.split([' ', ';']).nth(1)).expect("a cookie");
        for _ in 0..5 {
            let again = ask(
                gateway.address,
                &format!(
                    "GET / HTTP/1.1\r\nhost: a\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n"
                ),
            );
            assert_eq!(body(&again), body(&first));
            assert!(!again.to_ascii_lowercase().contains("set-cookie"), "{again}");
        }
    }
    assert_eq!(answered(&gateway, "x-version: old\r\n"), "old");
}

#[test]
fn a_version_has_the_time_of_its_own_service() {
    let late = |_: &str| {
        std::thread::sleep(Duration::from_millis(500));
        ok("late")
    };
    let (old, new) = (Origin::start(late), Origin::start(late));
    let mut plan = canary(&old, &new, rule());
    plan.services[1].timeouts.total = Some(Duration::from_millis(100));
    let gateway = start(plan);
    for (version, expected) in [("old", "200"), ("new", "504")] {
        let answer = get_with(gateway.address, "/", &format!("x-version: {version}\r\n"));
        assert_eq!(status(&answer), expected, "{version}");
    }
}
