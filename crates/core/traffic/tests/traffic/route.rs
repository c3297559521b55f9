//! Which route is found: the closest, whatever the order of the file.

use http::{HeaderMap, Method, header};
use proptest::prelude::*;
use traffic::{
    plan::{Host, PathRule, Route},
    route::{Asked, Table, host_of, rewritten},
};

fn route(name: &str, hosts: &[&str], paths: &[&str]) -> Route {
    Route {
        hosts: hosts.iter().map(|host| Host::parse(host).expect("a host")).collect(),
        paths: paths.iter().map(|path| PathRule::parse(path).expect("a path")).collect(),
        ..Route::to(name, 0)
    }
}

fn found<'a>(routes: &'a [Route], host: &str, path: &str, method: &Method) -> Option<&'a str> {
    let headers = HeaderMap::new();
    let asked = Asked { host, path, method, headers: &headers };
    let found = Table::new(routes).find(routes, &asked)?;
    Some(&routes[found.route].name)
}

#[test]
fn the_closest_wins_wherever_it_stands() {
    let mut routes = vec![
        route("rest", &[], &[]),
        route("api", &[], &["/api/*"]),
        route("orders", &[], &["/api/orders/*"]),
        route("health", &[], &["/api/health"]),
        route("below", &["*.example.com"], &["/api/*"]),
        route("exact", &["shop.example.com"], &[]),
        Route { methods: vec![Method::POST], ..route("writes", &[], &["/api/*"]) },
    ];
    for _ in 0..2 {
        let get = |host, path| found(&routes, host, path, &Method::GET);
        assert_eq!(get("x", "/"), Some("rest"));
        assert_eq!(get("x", "/api"), Some("api"));
        assert_eq!(get("x", "/apis"), Some("rest"));
        assert_eq!(get("x", "/api/orders/7"), Some("orders"));
        assert_eq!(get("x", "/api/health"), Some("health"));
        assert_eq!(get("a.Example.com", "/api/orders/7"), Some("below"));
        assert_eq!(get("example.com", "/api/orders/7"), Some("orders"));
        assert_eq!(get("shop.example.com", "/api/orders/7"), Some("exact"));
        assert_eq!(found(&routes, "x", "/api/x", &Method::POST), Some("writes"));
        routes.reverse();
    }
}

#[test]
fn all_routes_are_told_that_a_read_may_come_to_whatever_its_headers() {
    let wanting = |name: &str, header: &'static str| Route {
        headers: vec![(http::HeaderName::from_static(header), None)],
        ..route(name, &[], &["/api/*"])
    };
    let routes = [
        route("rest", &[], &[]),
        wanting("beta", "x-beta"),
        Route { methods: vec![Method::POST], ..route("writes", &[], &["/api/*"]) },
        route("api", &[], &["/api/*"]),
        route("other", &["other.example"], &[]),
    ];
    let table = Table::new(&routes);
    let may = |host, path| -> Vec<&str> {
        let places = table.may_take(&routes, (host, path), &Method::GET);
        places.map(|place| &*routes[place].name).collect()
    };
    assert_eq!(may("x", "/api/7"), ["beta", "api"]);
    assert_eq!(may("x", "/"), ["rest"]);
    assert_eq!(may("other.example", "/api/7"), ["other"]);
}

#[test]
fn no_route_is_no_route() {
    let routes = [route("api", &[], &["/api/*"])];
    assert_eq!(found(&routes, "x", "/", &Method::GET), None);
}

#[test]
fn the_host_is_told_without_its_port() {
    let host = |line: &str| {
        let headers = [(header::HOST, line.parse().unwrap())].into_iter().collect();
        host_of(&"/".parse().unwrap(), &headers).to_owned()
    };
    assert_eq!(host("example.com:8080"), "example.com");
    assert_eq!(host("example.com"), "example.com");
    assert_eq!(host("[::1]:80"), "[::1]");
    assert_eq!(host_of(&"http://a:1/".parse().unwrap(), &HeaderMap::new()), "a");
}

#[test]
fn what_was_matched_is_replaced() {
    let below = PathRule::parse("/api/*").unwrap();
    assert_eq!(below, PathRule::Below("/api/".to_owned()));
    assert_eq!(rewritten("/api/orders?page=2", 5, "/v2/"), "/v2/orders?page=2");
    assert_eq!(rewritten("/api/orders", 5, "/"), "/orders");
    assert_eq!(rewritten("/api", 4, "/v2"), "/v2");
    assert_eq!(rewritten("/api?x=1", 4, "/v2"), "/v2?x=1");
}

proptest! {
    #[test]
    fn a_rewritten_path_is_a_path(path in "/[a-z/?=]{0,20}", matched in 0_usize..25, to in "/?[a-z/]{0,9}") {
        prop_assert!(rewritten(&path, matched, &to).starts_with('/'));
    }

    #[test]
    fn odd_patterns_are_refused_or_understood_but_never_panic(text in ".{0,20}") {
        let _path = PathRule::parse(&text);
        let _host = Host::parse(&text);
    }
}
