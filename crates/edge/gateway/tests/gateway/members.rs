//! Members that come and go by order, and those of the gateway's own zone.

use std::net::SocketAddr;

use serde_json::Value;
use traffic::plan::{Balance, Plan, Secret};

use crate::{
    admin::body,
    kit::{Origin, Running, ask, eventually, get, ok, plan, start, status},
};

const TOKEN: &str = "a long secret for tests";

fn begin(mut plan: Plan) -> Running {
    plan.admin_token = Some(Secret(TOKEN.to_owned()));
    start(plan)
}

/// The status of the answer to an order about a member.
fn order(gateway: &Running, member: impl std::fmt::Display, verb: &str, sent: &str) -> String {
    let answer = told(gateway, member, verb, sent);
    status(&answer).to_owned()
}

fn told(gateway: &Running, member: impl std::fmt::Display, verb: &str, sent: &str) -> String {
    let head = format!(
        "POST /members/app/{member}/{verb} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {TOKEN}\r\n"
    );
    let length = sent.len();
    ask(
        gateway.admin,
        &format!("{head}content-length: {length}\r\nconnection: close\r\n\r\n{sent}"),
    )
}

fn seen(gateway: &Running) -> Value {
    let head = format!("GET /members HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {TOKEN}\r\n");
    let answer = ask(gateway.admin, &format!("{head}connection: close\r\n\r\n"));
    serde_json::from_str(body(&answer)).expect("JSON")
}

fn addresses(gateway: &Running) -> Vec<String> {
    let seen = seen(gateway);
    let members = seen["app"]["members"].as_array().expect("a list").iter();
    members.map(|member| member["address"].as_str().expect("a text").to_owned()).collect()
}

fn who(address: SocketAddr, count: usize) -> Vec<String> {
    let mut all: Vec<String> = (0..count).map(|_| body(&get(address, "/")).to_owned()).collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn a_member_that_is_added_is_asked_and_one_that_is_removed_is_not() {
    let (one, two) = (Origin::start(|_| ok("one")), Origin::start(|_| ok("two")));
    let gateway = begin(plan(&[one.address]));
    assert_eq!(who(gateway.address, 2), ["one"]);
    let added = told(&gateway, two.address, "add", "{\"weight\": 2, \"zone\": \"b\"}");
    assert!(status(&added) == "200" && added.contains("\"added\": true"), "{added}");
    assert_eq!(order(&gateway, two.address, "add", ""), "409", "it is there");
    assert_eq!(who(gateway.address, 6), ["one", "two"]);
    let told = &seen(&gateway)["app"]["members"][1];
    assert_eq!(
        (&told["added"], &told["weight"], &told["zone"]),
        (&true.into(), &2.into(), &"b".into())
    );
    assert_eq!(order(&gateway, one.address, "remove", ""), "200");
    assert_eq!(addresses(&gateway), [two.address.to_string()]);
    assert_eq!(seen(&gateway)["app"]["removed"][0], one.address.to_string());
    assert_eq!(who(gateway.address, 4), ["two"]);
    // The last one is only taken away on purpose.
    assert_eq!(order(&gateway, two.address, "remove", ""), "409");
    assert_eq!(who(gateway.address, 2), ["two"]);
    assert_eq!(order(&gateway, two.address, "remove", "{\"force\": true}"), "200");
    assert_eq!(status(&get(gateway.address, "/")), "503");
    // What the settings name is back as they have it.
    assert_eq!(order(&gateway, one.address, "add", ""), "200");
    assert_eq!(who(gateway.address, 2), ["one"]);
    assert_eq!(seen(&gateway)["app"]["members"][0]["ordered"], false);
}

#[test]
fn orders_outlive_a_reload_until_the_settings_say_the_same() {
    let origins = ["one", "two", "three"].map(|name| Origin::start(move |_| ok(name)));
    let [one, two, three] = origins.each_ref().map(|origin| origin.address);
    let with = |members: &[SocketAddr]| {
        let mut settings = plan(members);
        settings.admin_token = Some(Secret(TOKEN.to_owned()));
        settings
    };
    let gateway = begin(plan(&[one, two]));
    assert_eq!(order(&gateway, three, "add", ""), "200");
    assert_eq!(order(&gateway, two, "remove", ""), "200");
    gateway.gateway().replace(with(&[one, two])).unwrap();
    assert_eq!(addresses(&gateway), [one.to_string(), three.to_string()]);
    // The file says so itself by now, so that it is the file that counts from here on.
    gateway.gateway().replace(with(&[one, three])).unwrap();
    assert_eq!(addresses(&gateway), [one.to_string(), three.to_string()]);
    gateway.gateway().replace(with(&[two])).unwrap();
    assert_eq!(addresses(&gateway), [two.to_string()]);
    assert_eq!(who(gateway.address, 2), ["two"]);
}

#[test]
fn what_can_be_no_member_is_refused() {
    let origin = Origin::start(|_| ok("x"));
    let gateway = begin(plan(&[origin.address]));
    for (member, verb, sent, expected) in [
        ("10.0.0.1", "add", "", "400"),
        ("10.0.0.1:0", "add", "", "400"),
        ("a%20b:80", "add", "", "400"),
        ("10.0.0.1:80", "add", "{\"weight\": 1001}", "400"),
        ("10.0.0.1:80", "add", "{\"zone\": \"a b\"}", "400"),
        ("10.0.0.1:80", "add", "{\"zone\": 7}", "400"),
        ("10.0.0.1:80", "remove", "", "404"),
        ("10.0.0.1:80", "nonsense", "", "404"),
    ] {
        assert_eq!(order(&gateway, member, verb, sent), expected, "{member} {verb} {sent}");
    }
    assert_eq!(addresses(&gateway), [origin.address.to_string()]);
}

/// Two members in the gateway's own zone, and two in another.
fn in_zones(balance: Balance) -> (Running, [Origin; 4]) {
    let origins =
        ["home", "home too", "away", "away too"].map(|name| Origin::start(move |_| ok(name)));
    let mut settings = plan(&origins.each_ref().map(|origin| origin.address));
    settings.zone = Some("a".to_owned());
    settings.services[0].balance = balance;
    for (place, member) in settings.services[0].members.iter_mut().enumerate() {
        member.zone = Some(if place < 2 { "a" } else { "b" }.to_owned());
    }
    (begin(settings), origins)
}

#[test]
fn requests_stay_in_the_zone_and_leave_it_when_nobody_is_there() {
    for balance in
        [Balance::RoundRobin, Balance::LeastConnections, Balance::Latency, Balance::Address]
    {
        let takes_turns = matches!(balance, Balance::RoundRobin | Balance::LeastConnections);
        let (gateway, origins) = in_zones(balance);
        let at_home = who(gateway.address, 12);
        assert!(at_home.iter().all(|who| who.starts_with("home")), "{at_home:?}");
        assert!(!takes_turns || at_home.len() == 2, "{at_home:?}");
        for origin in &origins[..2] {
            assert_eq!(order(&gateway, origin.address, "drain", ""), "200");
        }
        let away = who(gateway.address, 12);
        assert!(away.iter().all(|who| who.starts_with("away")), "{away:?}");
    }
}

#[test]
fn a_request_that_failed_at_home_is_tried_elsewhere() {
    let home = Origin::start(|_| crate::kit::Reply::Close);
    let away = Origin::start(|_| ok("away"));
    let mut settings = plan(&[home.address, away.address]);
    settings.zone = Some("a".to_owned());
    settings.services[0].outliers.fails = 0;
    settings.services[0].members[0].zone = Some("a".to_owned());
    let gateway = begin(settings);
    for _ in 0..3 {
        assert_eq!(who(gateway.address, 1), ["away"]);
    }
    assert_eq!(home.seen().len(), 3, "it was asked first each time");
}

#[test]
fn who_joins_by_name_is_looked_up_as_others_are() {
    let origin = Origin::start(|_| ok("named"));
    let first = Origin::start(|_| ok("first"));
    let mut settings = plan(&[first.address]);
    settings.services[0].lookup =
        Some(traffic::wire::Lookup { interval: std::time::Duration::from_mins(1) });
    let gateway = begin(settings);
    let name = format!("localhost:{}", origin.address.port());
    assert_eq!(order(&gateway, &name, "add", ""), "200");
    eventually("its address", || addresses(&gateway).contains(&origin.address.to_string()));
    assert_eq!(who(gateway.address, 6), ["first", "named"]);
    assert_eq!(order(&gateway, &name, "add", ""), "409", "it is there by its name");
    assert_eq!(order(&gateway, &name, "remove", ""), "200");
    assert_eq!(addresses(&gateway), [first.address.to_string()]);
}
