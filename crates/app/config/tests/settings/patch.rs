//! Changes of the gateway's settings: in place, with every comment as it was, and only where they make sense.

use std::path::Path;

use config::{PatchError, diff, patched, undone};
use insta::assert_snapshot;
use model::{GatewayChange, GatewayPlace};
use proptest::prelude::*;

const PATH: &str = "taut.toml";

const SETTINGS: &str = "\
# Ours.
[gateway]
listen = \"127.0.0.1:8080\" # for now

[gateway.service.app]
members = [\"127.0.0.1:8000\"]

# Everything below /api.
[[gateway.route]]
name = \"api\"
paths = [\"/api/*\"]
service = \"app\"
rewrite = \"/v2/\"
limit = { requests = 100, window = \"1m\" }

[gateway.route.set-request-headers]
x-from = \"gateway\"

[[gateway.route]] # the rest
name = \"rest\"
service = \"app\"

[store]
folder = \"data\"
";

fn change(method: &str, paths: &str, settings: &[(&str, &str)]) -> GatewayChange {
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    GatewayChange {
        remedy: "cache-route".to_owned(),
        on: GatewayPlace::Route,
        method: method.to_owned(),
        paths: paths.to_owned(),
        example: paths.replace('*', "1"),
        settings: settings.collect(),
        reason: "because".to_owned(),
    }
}

/// The patch of a change.
fn patch(text: &str, change: &GatewayChange) -> String {
    let patched = patched(Path::new(PATH), text, change, None).expect("it can be changed");
    let patch = diff(Path::new(PATH), text, &patched.text);
    assert_eq!(undone(&patched.text, &patch).as_deref(), Ok(text));
    patch
}

fn refused(text: &str, change: &GatewayChange) -> String {
    patched(Path::new(PATH), text, change, None).expect_err("it makes no sense").to_string()
}

#[test]
fn what_a_wide_route_takes_gets_a_route_of_its_own() {
    assert_snapshot!(patch(SETTINGS, &change("GET", "/api/trending", &[("cache", "{ ttl = \"5m\" }")])), @r#"
    --- taut.toml
    +++ taut.toml
    @@ -16,6 +16,18 @@
     [gateway.route.set-request-headers]
     x-from = "gateway"
     
    +# GET /api/trending: cache-route
    +[[gateway.route]]
    +paths = ["/api/trending"]
    +service = "app"
    +rewrite = "/v2/trending"
    +limit = { requests = 100, window = "1m" }
    +methods = ["GET", "HEAD"]
    +cache = { ttl = "5m" }
    +
    +[gateway.route.set-request-headers]
    +x-from = "gateway"
    +
     [[gateway.route]] # the rest
     name = "rest"
     service = "app"
    "#);
}

#[test]
fn a_route_for_this_alone_is_changed_itself() {
    let text = SETTINGS.replace("[\"/api/*\"]", "[\"/api/orders/*\"] # mine");
    assert_snapshot!(patch(&text, &change("GET", "/api/orders/*", &[("total-timeout", "\"5s\""), ("compress", "\"on\"")])), @r#"
    --- taut.toml
    +++ taut.toml
    @@ -12,6 +12,8 @@
     service = "app"
     rewrite = "/v2/"
     limit = { requests = 100, window = "1m" }
    +total-timeout = "5s"
    +compress = "on"
     
     [gateway.route.set-request-headers]
     x-from = "gateway"
    "#);
    let limit = change("GET", "/api/orders/*", &[("limit", "{ requests = 50, dry-run = \"on\" }")]);
    assert_snapshot!(patch(&text, &limit), @r#"
    --- taut.toml
    +++ taut.toml
    @@ -11,7 +11,7 @@
     paths = ["/api/orders/*"] # mine
     service = "app"
     rewrite = "/v2/"
    -limit = { requests = 100, window = "1m" }
    +limit = { requests = 50, window = "1m" , dry-run = "on" }
     
     [gateway.route.set-request-headers]
     x-from = "gateway"
    "#);
}

#[test]
fn that_a_limit_is_counted_twice_is_told_where_it_is() {
    let change = change("GET", "/api/trending", &[("cache", "{ ttl = \"5m\" }")]);
    let notes = |text: &str| {
        let patched = patched(Path::new(PATH), text, &change, None).expect("it can be changed");
        patched.notes.iter().filter(|note| note.contains("counted by route")).count()
    };
    let own = "limit = { requests = 100, window = \"1m\" }\n";
    assert_eq!(notes(SETTINGS), 1);
    assert_eq!(notes(&SETTINGS.replace(own, "limit = \"off\"\n")), 0);
    let inherited = SETTINGS.replace(own, "") + "\n[gateway.defaults]\n" + own;
    assert_eq!(notes(&inherited), 1);
    let named =
        SETTINGS.replace(own, "limit = \"all\"\n") + "\n[gateway.limit.all]\nrequests = 100\n";
    assert_eq!(notes(&named), 0);
}

#[test]
fn services_are_changed_where_they_stand() {
    let balance = GatewayChange {
        on: GatewayPlace::Service,
        ..change("GET", "/api/orders/*", &[("balance", "\"latency\"")])
    };
    assert_snapshot!(patch(SETTINGS, &balance), @r#"
    --- taut.toml
    +++ taut.toml
    @@ -4,6 +4,7 @@
     
     [gateway.service.app]
     members = ["127.0.0.1:8000"]
    +balance = "latency"
     
     # Everything below /api.
     [[gateway.route]]
    "#);
    let breaker = |host: &str| GatewayChange {
        on: GatewayPlace::Host(host.to_owned()),
        ..change("GET", "/", &[("breaker", "{}")])
    };
    assert!(patch(SETTINGS, &breaker("127.0.0.1")).contains("+breaker = {}"));
    assert_snapshot!(refused(SETTINGS, &breaker("api.example.com")), @"no service of the gateway has a member at api.example.com");
}

#[test]
fn what_makes_no_sense_is_refused_with_words() {
    let cache = change("GET", "/api/trending", &[("cache", "{ ttl = \"5m\" }")]);
    assert_snapshot!(refused("[store]\nfolder = \"x\"\n", &cache), @"there is no `[gateway]` in the settings");
    let api_alone = SETTINGS.replace("name = \"rest\"\n", "name = \"rest\"\npaths = [\"/x\"]\n");
    assert_snapshot!(refused(&api_alone, &change("GET", "/other", &[("cache", "{}")])), @"no route of the gateway takes GET /other");
    assert_snapshot!(refused(SETTINGS, &change("GET", "/x", &[("cache", "5m")])), @"`cache = 5m` is not valid TOML");
    let unknown = refused(SETTINGS, &change("GET", "/x", &[("cachee", "{}")]));
    assert!(unknown.contains("unknown key `cachee`"), "{unknown}");
    let narrow = SETTINGS.replace("[\"/api/*\"]", "[\"/api/trending\"]\ncache = { ttl = \"5m\" }");
    assert_snapshot!(refused(&narrow, &cache), @"route `api` says so already");
    let hosts = "[[gateway.route]]\nname = \"b\"\nhosts = [\"b.example\"]\nservice = \"app\"\n";
    let several = patched(Path::new(PATH), &format!("{SETTINGS}\n{hosts}"), &cache, None);
    assert!(matches!(several, Err(PatchError::Several { .. })), "{several:?}");
    let chosen = patched(Path::new(PATH), &format!("{SETTINGS}\n{hosts}"), &cache, Some("b"));
    assert!(
        chosen.is_ok_and(|it| it
            .text
            .contains("hosts = [\"b.example\"]\nservice = \"app\"\nmethods"))
    );
}

proptest! {
    /// Whatever is set, the file is either refused or right, and what is taken back is every byte.
    #[test]
    fn a_patch_is_right_or_none(
        method in "GET|POST|PUT",
        path in "/[a-z]{0,5}(/[a-z]{1,5}){0,2}",
        key in "cache|limit|compress|total-timeout|capture|name|nonsense",
        value in "\\{\\}|\"on\"|\"5s\"|0.5|\\{ ttl = \"1m\" \\}|\\{ requests = 5 \\}|\\[|x",
    ) {
        let change = change(&method, &path, &[(&key, &value)]);
        if let Ok(patched) = patched(Path::new(PATH), SETTINGS, &change, None) {
            prop_assert!(config::checked(Path::new(PATH), &patched.text).is_ok());
            let patch = diff(Path::new(PATH), SETTINGS, &patched.text);
            prop_assert_eq!(undone(&patched.text, &patch).unwrap(), SETTINGS);
            prop_assert!(patched.text.contains("# Ours.") && patched.text.contains("# for now"));
        }
    }
}
