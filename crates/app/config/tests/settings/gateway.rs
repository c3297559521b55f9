//! `[gateway]`: its example means what it says, and every mistake in it is told with its line.

use config::GATEWAY_EXAMPLE;
use traffic::plan::{Balance, Host, PathRule};

use crate::{complaint, file, load};

/// A right section, but for what a test puts into it.
fn with(service: &str, route: &str) -> String {
    format!(
        "[gateway]\n\n[gateway.service.app]\nmembers = [\"127.0.0.1:8000\"]\n{service}\n\n\
         [[gateway.route]]\nservice = \"app\"\n{route}\n"
    )
}

#[test]
fn the_example_is_right() {
    let plan = load(&file(GATEWAY_EXAMPLE)).gateway.expect("there is a section");
    assert_eq!(plan.listen[0].address.to_string(), "127.0.0.1:8080");
    assert_eq!(plan.services[0].members[1].weight, 2);
    assert_eq!(plan.services[0].balance, Balance::Latency);
    assert_eq!(plan.routes[0].paths, [PathRule::Below("/api/".to_owned())]);
    assert_eq!(plan.routes[0].limit.as_ref().expect("a limit").quota.requests.get(), 100);
    assert_eq!(plan.routes[1].name, "everything-else");
}

#[test]
fn settings_without_a_gateway_have_none() {
    assert_eq!(load(&file("")).gateway, None);
}

#[test]
fn routes_are_named_after_what_they_match() {
    let text = with("", "hosts = [\"*.example.com\"]\npaths = \"/a/*\"")
        + "[[gateway.route]]\nservice = \"app\"\n";
    let plan = load(&file(&text)).gateway.expect("there is a section");
    assert_eq!(plan.routes[0].hosts, [Host::Below(".example.com".to_owned())]);
    let names: Vec<&str> = plan.routes.iter().map(|route| &*route.name).collect();
    assert_eq!(names, ["app/a/*", "app"]);
}

#[test]
fn every_mistake_is_told_with_its_line_and_a_cure() {
    for (service, route, line, words) in [
        ("balanse = \"latency\"", "", 5, "did you mean `balance`?"),
        ("balance = \"random\"", "", 5, "`round-robin` or"),
        ("balance = \"cookie\"", "", 3, "cookies are signed"),
        ("answer-timeout = 5", "", 5, "the unit is missing"),
        ("check = { path = \"health\" }", "", 5, "a path such as `/health`"),
        ("check = { status = \"9\" }", "", 5, "`200` or `200-399`"),
        ("panic-share = 2", "", 5, "must be at most 1"),
        ("", "paths = [\"api\"]", 9, "`/exactly` or `/below/*`"),
        ("", "limit = { window = \"1m\" }", 9, "how many in a `window`"),
        ("", "rewrite = \"v2\"", 9, "a path such as `/v2/`"),
        ("", "set-request-headers = { \"a b\" = \"1\" }", 9, "no header is called so"),
        ("", "surprise = 1", 9, "known in `[gateway.route]`"),
    ] {
        let told = complaint(&file(&with(service, route)));
        assert!(told.contains(words), "{words}:\n{told}");
        assert!(told.contains(&format!("taut.toml:{line}:")), "line {line}:\n{told}");
    }
}

#[test]
fn a_route_to_nowhere_is_told_where_it_could_lead() {
    let text = with("", "").replace("service = \"app\"", "service = \"ap\"");
    assert!(complaint(&file(&text)).contains("did you mean `app`?"));
    assert!(complaint(&file("[gateway]\n")).contains("name at least one"));
    assert!(complaint(&file("gateway = 1\n")).contains("`gateway` is a section"));
    let twice = with("", "").replace("[\"127.0.0.1:8000\"]", "[\"a:1\", \"a:1\", \"b\"]");
    let told = complaint(&file(&twice));
    assert!(
        told.contains("it is among them already") && told.contains("a host and a port"),
        "{told}"
    );
}
