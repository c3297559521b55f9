//! Limits by tiers, tokens, Redis and events in `[gateway]`: what they mean, and what is told of mistakes.

use std::{net::IpAddr, time::Duration};

use http::HeaderMap;
use traffic::{
    limit::{Away, Client, LimitKey, Tells, TierBy},
    plan::Plan,
};

use config::Sources;

use crate::{complaint, file, load};

const REST: &str = "\n[gateway.service.app]\nmembers = [\"127.0.0.1:8000\"]\n[[gateway.route]]\nservice = \"app\"\n";

/// A secret that no test needs to hide.
const KEYS: &str = "keys = [{ algorithm = \"HS256\", file = \"secret\" }]\n";

fn plan(text: &str) -> Plan {
    load(&file(text)).gateway.expect("there is a section")
}

#[test]
fn limits_that_routes_name_are_one_with_tiers_and_costs() {
    let text = format!(
        "[gateway.redis]\nurl = \"redis://:secret@10.0.0.5/1\"\ngateways = 4\ntimeout = \"20ms\"\n\
         [gateway.limit.api]\nrequests = 60\nwindow = \"1s\"\nkey = \"cookie:session\"\nshared = \"on\"\n\
         when-away = \"allow\"\ntells = \"both\"\nplans = {{ \"the key\" = \"gold\" }}\n\
         [gateway.limit.api.tiers]\ngold = {{ requests = 600, burst = 100 }}\nsilver = {{ requests = 5, window = \"1h\" }}\n\
         {REST}limit = \"api\"\ncost = 10\npaths = \"/a\"\n[[gateway.route]]\nservice = \"app\"\nlimit = \"api\"\n"
    );
    let plan = plan(&text);
    let [first, second] = [0, 1].map(|place| plan.routes[place].limit.clone().expect("a limit"));
    assert_eq!((first.cost.get(), second.cost.get()), (10, 1));
    assert!(first.counts_like(&second));
    assert_eq!(first.key, LimitKey::Cookie("session".to_owned()));
    assert_eq!((first.shared, first.tells), (Some(Away::Allow), Tells::Both));
    let silver = first.quota_of(2);
    assert_eq!((silver.requests.get(), silver.window), (5, Duration::from_hours(1)));
    assert_eq!(first.quota_of(1).window, Duration::from_secs(1));
    let mut headers = HeaderMap::new();
    headers.insert("cookie", "a=b; session=the key".parse().expect("a value"));
    let address: IpAddr = [10, 0, 0, 1].into();
    assert_eq!(Client::of(&first, address, &headers, None).tier, 1);
    let redis = plan.redis.expect("a section");
    assert_eq!((redis.shown(), redis.gateways.get()), ("10.0.0.5/1", 4));
    assert!(!format!("{redis:?}").contains("secret@"));
}

#[test]
fn plans_and_keys_are_read_from_files_beside_the_settings() {
    let text = format!(
        "[gateway.limit.api]\nrequests = 1\nkey = \"header:x-api-key\"\nplans-file = \"plans.toml\"\n\
         [gateway.limit.api.tiers]\ngold = {{ requests = 5 }}\n{REST}limit = \"api\"\n"
    );
    let folder = tempfile::tempdir().expect("tests may make folders");
    let beside = folder.path();
    let sources = Sources { file: Some((beside.join("taut.toml"), text)), ..Sources::default() };
    std::fs::write(beside.join("plans.toml"), "\"one\" = \"gold\"\ntwo = \"gold\"\n")
        .expect("a file");
    let plan = load(&sources).gateway.expect("there is a section");
    let rule = plan.routes[0].limit.as_ref().expect("a limit");
    assert!(matches!(&rule.tiers.by, TierBy::Plans(plans) if plans.len() == 2));
    std::fs::write(beside.join("plans.toml"), "\"a secret key\" = \"bronze\"\n").expect("a file");
    let told = complaint(&sources);
    assert!(told.contains("no tier of this limit is called so; there are: gold"), "{told}");
    assert!(!told.contains("a secret key"), "{told}");
}

#[test]
fn what_cannot_be_is_told() {
    let limit = |more: &str| format!("{REST}limit = {{ requests = 1, {more} }}\n");
    for (text, words) in [
        (limit("shared = \"on\""), "through `[gateway.redis]`"),
        (limit("key = \"claim:sub\""), "`[gateway.tokens]` says how"),
        (limit("key = \"token\""), "`claim:sub`"),
        (limit("tiers = { gold = { requests = 5 } }"), "who is in which tier"),
        (
            limit("tiers = { gold = { requests = 5 } }, plans = { a = \"silver\" }"),
            "there are: gold",
        ),
        (limit("tiers = { \"a b\" = { requests = 5 } }"), "letters, digits"),
        (limit("algorithm = \"sliding-log\", burst = 5"), "only a `bucket`"),
        (
            format!("[gateway.limit.api]\nrequests = 1\n{REST}limit = \"apj\"\n"),
            "did you mean `api`?",
        ),
        (format!("[gateway.redis]\n{REST}"), "`redis://127.0.0.1:6379`, or `url-env`"),
        (format!("[gateway.redis]\nurl = \"10.0.0.5:6379\"\n{REST}"), "expected `redis://"),
        (format!("[gateway.redis]\nurl-env = \"TAUT_NO_SUCH\"\n{REST}"), "no such variable"),
        (format!("[gateway.events]\nchannel = \"a\"\n{REST}"), "or `postgres-env`"),
        (format!("[gateway.tokens]\n{REST}"), "`keys = [{ algorithm"),
        (format!("[gateway.tokens]\n{KEYS}{REST}"), "cannot be read"),
    ] {
        let told = complaint(&file(&text));
        assert!(told.contains(words), "{words}:\n{told}");
    }
}
