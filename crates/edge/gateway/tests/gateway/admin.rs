//! The admin port: who may, what can be seen, what can be ordered.

use std::net::SocketAddr;

use serde_json::{Value, json};
use traffic::plan::{Plan, Secret};

use crate::kit::{Origin, Running, ask, eventually, get, ok, plan, start, status};

const TOKEN: &str = "a long secret for tests";

fn with_token(mut plan: Plan) -> Running {
    plan.admin_token = Some(Secret(TOKEN.to_owned()));
    start(plan)
}

/// The body of an answer.
pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a head").1
}

/// An order, with the token.
fn order(gateway: &Running, path: &str, body: &str) -> String {
    let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {TOKEN}\r\n");
    let length = body.len();
    ask(
        gateway.admin,
        &format!("{head}content-length: {length}\r\nconnection: close\r\n\r\n{body}"),
    )
}

fn looked(gateway: &Running, path: &str) -> Value {
    let head = format!("GET {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {TOKEN}\r\n");
    let answer = ask(gateway.admin, &format!("{head}connection: close\r\n\r\n"));
    assert_eq!(status(&answer), "200", "{answer}");
    serde_json::from_str(body(&answer)).expect("JSON")
}

#[test]
fn without_a_token_nothing_can_be_changed_and_with_one_nothing_is_seen_without_it() {
    let origin = Origin::start(|_| ok(""));
    let open = start(plan(&[origin.address]));
    assert_eq!(status(&open.page("/members")), "200");
    let asked =
        "POST /reload HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let refused = ask(open.admin, asked);
    assert_eq!(status(&refused), "403", "{refused}");
    assert!(
        refused.contains("application/problem+json") && refused.contains("admin-token"),
        "{refused}"
    );
    let closed = with_token(plan(&[origin.address]));
    for path in ["/members", "/metrics", "/routes", "/cache", "/limits", "/breakers"] {
        assert_eq!(status(&closed.page(path)), "401", "{path}");
        let wrong = format!(
            "GET {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {TOKEN}x\r\nconnection: close\r\n\r\n"
        );
        assert_eq!(status(&ask(closed.admin, &wrong)), "401", "{path}");
    }
    assert_eq!(status(&closed.page("/health")), "200");
    assert_eq!(status(&closed.page("/ready")), "200");
    for path in ["/members", "/routes", "/cache", "/limits", "/breakers"] {
        looked(&closed, path);
    }
}

#[test]
fn a_member_that_is_drained_gets_no_more_requests_until_it_is_back() {
    let (one, two) = (Origin::start(|_| ok("one")), Origin::start(|_| ok("two")));
    let settings = plan(&[one.address, two.address]);
    let gateway = {
        let mut settings = settings.clone();
        settings.admin_token = Some(Secret(TOKEN.to_owned()));
        start(settings)
    };
    let path = |verb: &str| format!("/members/app/{}/{verb}", one.address);
    let told = order(&gateway, &path("drain"), "");
    assert_eq!(status(&told), "200", "{told}");
    for _ in 0..4 {
        assert!(get(gateway.address, "/").ends_with("two"));
    }
    assert_eq!(looked(&gateway, "/members")["app"]["members"][0]["drained"], true);
    // What was ordered outlives new settings.
    gateway
        .gateway()
        .replace({
            let mut settings = settings;
            settings.admin_token = Some(Secret(TOKEN.to_owned()));
            settings
        })
        .unwrap();
    assert!(
        get(gateway.address, "/").ends_with("two") && get(gateway.address, "/").ends_with("two")
    );
    assert_eq!(status(&order(&gateway, &path("undrain"), "")), "200");
    eventually("it is asked again", || get(gateway.address, "/").ends_with("one"));
    // The last one is only taken away on purpose.
    let other = format!("/members/app/{}/weight", two.address);
    assert_eq!(status(&order(&gateway, &path("drain"), "")), "200");
    assert_eq!(status(&order(&gateway, &other, "{\"weight\": 0}")), "409");
    assert!(get(gateway.address, "/").ends_with("two"));
    assert_eq!(status(&order(&gateway, &other, "{\"weight\": 0, \"force\": true}")), "200");
    assert_eq!(status(&get(gateway.address, "/")), "503");
}

#[test]
fn orders_that_make_no_sense_are_told_what_would() {
    let origin = Origin::start(|_| ok(""));
    let gateway = with_token(plan(&[origin.address]));
    for (path, sent, expected) in [
        ("/members/app/127.0.0.1:1/drain", "", "404"),
        ("/members/nobody/127.0.0.1:1/drain", "", "404"),
        ("/members/app", "", "404"),
        ("/nowhere", "", "404"),
        ("/cache/purge", "", "400"),
        ("/cache/purge", "{", "400"),
        ("/cache/purge", "{\"url\": \"nonsense\"}", "400"),
        ("/cache/warm", "{\"urls\": [7]}", "400"),
        ("/cache/purge", "{\"all\": true}", "200"),
        ("/reload", "", "200"),
    ] {
        let answer = order(&gateway, path, sent);
        assert_eq!(status(&answer), expected, "{path} {sent}: {answer}");
        if expected != "200" {
            assert!(answer.contains("application/problem+json"), "{answer}");
        }
    }
    let weight = format!("/members/app/{}/weight", origin.address);
    for wrong in ["{}", "{\"weight\": -1}", "{\"weight\": 1001}", "{\"weight\": \"2\"}"] {
        assert_eq!(status(&order(&gateway, &weight, wrong)), "400", "{wrong}");
    }
}

#[test]
fn what_is_warmed_is_asked_for_through_the_gateway() {
    let origin = Origin::start(|_| ok("x"));
    let gateway = with_token(plan(&[origin.address]));
    let warmed =
        order(&gateway, "/cache/warm", "{\"urls\": [\"http://shop/a\", \"http://shop/b?c=1\"]}");
    assert!(warmed.contains("\"answered\": 2"), "{warmed}");
    let seen = origin.seen();
    assert!(seen.iter().any(|request| request.starts_with("GET /b?c=1 ")), "{seen:?}");
    assert!(seen.iter().all(|request| request.to_lowercase().contains("host: shop")), "{seen:?}");
}

#[test]
fn orders_of_the_same_process_are_carried_out_as_those_through_the_port() {
    let (one, two) = (Origin::start(|_| ok("one")), Origin::start(|_| ok("two")));
    // Nobody else may: there is no token.
    let gateway = start(plan(&[one.address, two.address]));
    let orders = gateway.gateway().orders();
    let path = |address: SocketAddr, verb: &str| format!("/members/app/{address}/{verb}");
    let drained = orders(&path(one.address, "drain"), &Value::Null).expect("it is done");
    assert_eq!(drained["drained"], true, "{drained}");
    for _ in 0..4 {
        assert!(get(gateway.address, "/").ends_with("two"));
    }
    let refused = |path: &str, order: Value| orders(path, &order).expect_err("it is refused");
    let last = refused(&path(two.address, "drain"), Value::Null);
    assert!(last.status == 409 && last.detail.contains("nobody of the service"), "{last:?}");
    assert_eq!(refused(&path(one.address, "weight"), json!({"weight": 1_001})).status, 400);
    assert_eq!(refused("/members/app/127.0.0.1:1/drain", Value::Null).status, 404);
    assert_eq!(refused("/nowhere", Value::Null).status, 404);
    orders(&path(one.address, "undrain"), &Value::Null).expect("it is done");
    eventually("it is asked again", || get(gateway.address, "/").ends_with("one"));
    // What takes its time on that thread is waited for.
    let urls = json!({"urls": ["http://shop/a", "http://shop/b"]});
    let warmed = orders("/cache/warm", &urls).expect("it is done");
    assert_eq!(warmed, json!({"asked": 2, "answered": 2}));
    drop(gateway);
    let gone = orders("/cache/purge", &json!({"all": true})).expect_err("nobody is there");
    assert_eq!(gone.status, 503, "{gone}");
}

#[test]
fn readiness_tells_of_memory_and_disk() {
    let origin = Origin::start(|_| ok(""));
    let gateway = start(plan(&[origin.address]));
    let ready: Value = serde_json::from_str(body(&gateway.page("/ready"))).expect("JSON");
    assert_eq!(ready["memory"]["status"], "up");
    assert!(ready["disk"]["free_bytes"].as_u64().expect("a number") > 0);
}
