//! `[gateway.defaults]`: what is said once for all routes, what a route says instead, and how it switches that off.

use std::{path::Path, time::Duration};

use config::patched;
use model::{GatewayChange, GatewayPlace};
use traffic::{
    cache::{Query, User},
    concurrency::Priority,
    hedge::HedgeRule,
    plan::{HeaderRule, Plan, Route, Total},
};

use crate::{complaint, file, load};

const SECOND: Duration = Duration::from_secs(1);

/// What is said for all of them, and two services of which one says more.
const ALL: &str = "\
[gateway]
compress = { bytes-min = \"2KiB\" }

[gateway.defaults]
cache = { ttl = \"1m\", stale-if-error = \"1h\", tags = [\"all\"], cookies = [\"lang\"], user = \"cookie:session\", query-without = [\"utm_*\"] }
limit = { requests = 10 }
cost = 2
compress = { take-over = \"on\" }
hedge = \"p95\"
assets = \"on\"
priority = \"low\"
capture = 0.5
body-bytes-max = \"1KiB\"
connect-timeout = \"2s\"
answer-timeout = \"3s\"
total-timeout = \"9s\"
retries = 4
set-response-headers = { x-frame-options = \"DENY\", x-team = \"shop\" }
remove-request-headers = [\"x-debug\"]

[gateway.service.app]
members = [\"127.0.0.1:8000\"]
answer-timeout = \"7s\"

[gateway.service.other]
members = [\"127.0.0.1:8001\"]
total-timeout = \"off\"
retries = 0

[[gateway.route]]
name = \"route\"
service = \"app\"
";

/// The plan of [`ALL`] with this said of its route.
fn plan(route: &str) -> Plan {
    load(&file(&format!("{ALL}{route}\n"))).gateway.expect("there is a section")
}

fn route(text: &str) -> Route {
    plan(text).routes.remove(0)
}

fn headers(rules: &[HeaderRule]) -> Vec<String> {
    let one = |rule: &HeaderRule| match rule {
        HeaderRule::Set(name, value) => {
            format!("{name}={}", value.to_str().expect("as the test has it"))
        }
        HeaderRule::Remove(name) => format!("-{name}"),
    };
    rules.iter().map(one).collect()
}

#[test]
fn what_is_said_once_counts_for_every_route() {
    let plan = plan("");
    let route = &plan.routes[0];
    let cache = route.cache.as_ref().expect("it is inherited");
    assert_eq!((cache.ttl, cache.stale_if_error), (Some(SECOND * 60), Some(SECOND * 3_600)));
    let limit = route.limit.as_ref().expect("it is inherited");
    assert_eq!((limit.quota.requests.get(), limit.cost.get()), (10, 2));
    let compress = route.compress.as_ref().expect("the gateway's, and more");
    assert_eq!((compress.bytes_min, compress.takes_over), (2 << 10, true));
    assert_eq!((route.hedge, route.assets), (Some(HedgeRule::Percentile), true));
    assert_eq!((route.priority, route.body_bytes_max), (Priority::Low, Some(1 << 10)));
    assert!(route.capture.is_some_and(|share| (share - 0.5).abs() < 1e-9));
    assert_eq!(headers(&route.response_headers), ["x-frame-options=DENY", "x-team=shop"]);
    assert_eq!(headers(&route.request_headers), ["-x-debug"]);
    // What services say as well is theirs first.
    let [app, other] = [&plan.services[0], &plan.services[1]];
    assert_eq!((app.timeouts.connect, app.timeouts.answer), (SECOND * 2, SECOND * 7));
    assert_eq!((app.timeouts.total, app.retries.max), (Some(SECOND * 9), 4));
    assert_eq!((other.timeouts.answer, other.timeouts.total), (SECOND * 3, None));
    assert_eq!(other.retries.max, 0);
    assert_eq!(plan.total(route), Some(SECOND * 9));
    assert_eq!((route.timeouts_at(app), route.retries_at(app)), (app.timeouts, 4));
}

#[test]
fn what_a_route_says_itself_wins_key_by_key() {
    let plan = plan(
        "cache = { stale-if-error = \"2h\", tags = [], user = \"off\", query = [\"page\"] }\n\
         limit = { requests = 20 }\nhedge = \"50ms\"\nassets = \"off\"\npriority = \"normal\"\n\
         answer-timeout = \"1s\"\npause-timeout = \"8s\"\ntotal-timeout = \"off\"\nretries = 0\n\
         set-response-headers = { X-Team = \"search\", x-more = \"1\" }\nremove-response-headers = [\"server\"]",
    );
    let route = &plan.routes[0];
    let cache = route.cache.as_ref().expect("a cache");
    assert_eq!((cache.ttl, cache.stale_if_error), (Some(SECOND * 60), Some(SECOND * 7_200)));
    assert_eq!((&*cache.cookies, cache.tags.len()), (&["lang".to_owned()][..], 0));
    assert_eq!((&cache.user, &cache.query), (&None, &Query::Only(vec!["page".to_owned()])));
    // A limit is one thing: another one takes nothing of it.
    let limit = route.limit.as_ref().expect("its own");
    assert_eq!((limit.quota.requests.get(), limit.cost.get()), (20, 1));
    assert_eq!((route.hedge, route.assets), (Some(HedgeRule::After(SECOND / 20)), false));
    assert_eq!(route.priority, Priority::Normal);
    assert_eq!(
        headers(&route.response_headers),
        ["x-frame-options=DENY", "x-team=search", "x-more=1", "-server"]
    );
    let service = &plan.services[0];
    assert_eq!(route.timeouts.total, Some(Total::Unbounded));
    assert_eq!((plan.total(route), route.retries_at(service)), (None, 0));
    let timeouts = route.timeouts_at(service);
    assert_eq!((timeouts.connect, timeouts.answer), (SECOND * 2, SECOND));
    assert_eq!((timeouts.pause, service.timeouts.pause), (SECOND * 8, SECOND * 60));
}

#[test]
fn what_is_inherited_can_be_switched_off() {
    let off = route(
        "cache = \"off\"\nlimit = \"off\"\ncompress = \"off\"\nhedge = \"off\"\nassets = \"off\"\n\
         capture = 0\ninherit-headers = \"off\"\nset-response-headers = { x-own = \"1\" }",
    );
    assert_eq!((&off.cache, &off.limit, &off.compress, off.hedge), (&None, &None, &None, None));
    assert!(!off.assets && off.capture.is_some_and(|share| share.abs() < 1e-9));
    assert_eq!(headers(&off.response_headers), ["x-own=1"]);
    assert!(off.request_headers.is_empty());
    let on = route("cache = \"on\"").cache.expect("as it is inherited");
    assert_eq!(on.user, Some(User::Cookie("session".to_owned())));
    assert_eq!(on.ttl, Some(SECOND * 60));
    let without = route("cache = { ttl = \"off\", stale-if-error = \"off\", query-without = [] }");
    let without = without.cache.expect("a cache");
    assert_eq!((without.ttl, without.stale_if_error, without.query), (None, None, Query::All));
    // Two versions are not in one cache, also where that is inherited.
    let canary = "canary = { service = \"other\" }";
    assert!(complaint(&file(&format!("{ALL}{canary}\n"))).contains("`cache = \"off\"` leaves it"));
    assert!(route(&format!("cache = \"off\"\n{canary}")).canary.is_some());
}

#[test]
fn mistakes_are_told_once_with_the_line_where_they_stand() {
    for (from, to, line, words) in [
        ("ttl = \"1m\"", "ttl = 1", 5, "the unit is missing"),
        (
            "ttl = \"1m\"",
            "over-answer = \"on\"",
            5,
            "`ttl` is missing in `[gateway.defaults.cache]`",
        ),
        ("limit = { requests = 10 }", "limit = \"api\"", 6, "`[gateway.limit.NAME]`"),
        ("limit = { requests = 10 }", "limit = {}", 6, "how many in a `window`"),
        ("hedge = \"p95\"", "hedge = \"p50\"", 9, "`hedge` in `[gateway.defaults]`"),
        ("hedge = \"p95\"", "paths = \"/a\"", 9, "unknown key `paths` in `[gateway.defaults]`"),
        ("hedge = \"p95\"", "balance = \"latency\"", 9, "unknown key `balance`"),
        (
            "total-timeout = \"9s\"",
            "total-timeout = \"never\"",
            16,
            "`total-timeout` in `[gateway.defaults]`",
        ),
        ("x-team = \"shop\"", "\"a b\" = \"shop\"", 18, "no header is called so"),
    ] {
        let text = ALL.replace(from, to) + "\n[[gateway.route]]\nservice = \"app\"\n";
        let told = complaint(&file(&text));
        assert!(told.contains(words), "{words}:\n{told}");
        let place = format!("taut.toml:{line}:");
        assert_eq!(told.matches(&*place).count(), 1, "line {line}:\n{told}");
    }
    let off = format!("{ALL}\n[gateway.limit.off]\nrequests = 1\n");
    assert!(complaint(&file(&off)).contains("which is not `off`"));
    let word = complaint(&file(&format!("{ALL}cache = \"yes\"\n")));
    assert!(word.contains("expected `on`, `off` or a table"), "{word}");
}

#[test]
fn what_a_patch_writes_at_a_route_wins() {
    let text = format!("{ALL}paths = [\"/slow\"]\ncache = \"off\"\nlimit = \"off\"\n");
    let change = |key: &str, value: &str| GatewayChange {
        remedy: "a remedy".to_owned(),
        on: GatewayPlace::Route,
        method: "GET".to_owned(),
        paths: "/slow".to_owned(),
        example: "/slow".to_owned(),
        settings: vec![(key.to_owned(), value.to_owned())],
        reason: "because".to_owned(),
    };
    let after = |key: &str, value: &str| {
        let patched = patched(Path::new("taut.toml"), &text, &change(key, value), None);
        let text = patched.expect("it can be changed").text;
        load(&file(&text)).gateway.expect("there is a section").routes.remove(0)
    };
    let cache = after("cache", "{ ttl = \"5m\" }").cache.expect("a cache");
    assert_eq!((cache.ttl, cache.stale_if_error), (Some(SECOND * 300), Some(SECOND * 3_600)));
    let limit = after("limit", "{ requests = 7 }").limit.expect("a limit");
    assert_eq!(limit.quota.requests.get(), 7);
    let bound = after("total-timeout", "\"5s\"");
    assert_eq!(bound.timeouts.total, Some(Total::After(SECOND * 5)));
    // What is inherited already is no change.
    let inherits = text.replace("limit = \"off\"\n", "");
    let same = change("assets", "\"on\"");
    let refused = patched(Path::new("taut.toml"), &inherits, &same, None);
    assert!(refused.expect_err("it is so").to_string().ends_with("says so already"));
}
