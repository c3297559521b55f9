//! Assets: what browsers are told to keep, and for how long.

use traffic::cache::CacheRule;

use crate::kit::{Origin, ask, get, ok, plan, start, status};

fn line<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn origin() -> Origin {
    Origin::start(|request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        let head = |lines: &str| {
            let text = format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n{lines}\r\nx");
            crate::kit::Reply::Send(text.into())
        };
        match path {
            "/app.js" if request.contains("if-none-match: \"a\"") => crate::kit::Reply::Send(
                b"HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\n\r\n".to_vec(),
            ),
            "/app.js" => head("etag: \"a\"\r\n"),
            "/told.js" => head("cache-control: max-age=60\r\netag: \"a\"\r\n"),
            "/secret.js" => head("cache-control: no-store\r\n"),
            "/gone.3f2a9c1b.js" => crate::kit::Reply::Send(
                b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
            ),
            _ => ok("x"),
        }
    })
}

#[test]
fn hashed_names_are_kept_for_good_and_others_are_asked_about() {
    let origin = origin();
    let mut plan = plan(&[origin.address]);
    plan.routes[0].assets = true;
    let gateway = start(plan);
    let told = |path: &str| line(&get(gateway.address, path), "cache-control").map(str::to_owned);
    assert_eq!(told("/app.3f2a9c1b.js").as_deref(), Some("max-age=31536000, immutable"));
    assert_eq!(told("/app.js").as_deref(), Some("no-cache"));
    assert_eq!(told("/told.js").as_deref(), Some("max-age=60"));
    assert_eq!(told("/secret.js").as_deref(), Some("no-store"));
    assert_eq!(told("/gone.3f2a9c1b.js"), None, "a failure is not kept");
    let own = "GET /app.3f2a9c1b.js HTTP/1.1\r\nhost: a\r\nauthorization: Bearer x\r\nconnection: close\r\n\r\n";
    assert_eq!(line(&ask(gateway.address, own), "cache-control"), None, "it is somebody's own");
    let again =
        "GET /app.js HTTP/1.1\r\nhost: a\r\nif-none-match: \"a\"\r\nconnection: close\r\n\r\n";
    let answer = ask(gateway.address, again);
    assert_eq!((status(&answer), line(&answer, "cache-control")), ("304", Some("no-cache")));
    for (kind, count) in
        [("immutable", 1.0), ("revalidated", 2.0), ("told", 1.0), ("forbidden", 1.0)]
    {
        let metric = gateway.metric(&format!("taut_gateway_assets_total{{kind=\"{kind}\"}}"));
        assert!((metric - count).abs() < 1e-9, "{kind}: {metric}");
    }
}

#[test]
fn what_the_gateway_keeps_itself_is_told_in_the_same_way() {
    let origin = origin();
    let mut plan = plan(&[origin.address]);
    plan.routes[0].assets = true;
    plan.routes[0].cache =
        Some(CacheRule { ttl: Some(std::time::Duration::from_mins(1)), ..CacheRule::default() });
    let gateway = start(plan);
    for _ in 0..3 {
        let answer = get(gateway.address, "/app.3f2a9c1b.js");
        assert_eq!(line(&answer, "cache-control"), Some("max-age=31536000, immutable"));
    }
    assert_eq!(origin.seen().len(), 1);
}

#[test]
fn who_wants_to_know_is_told_what_an_asset_is_and_nothing_is_changed() {
    let origin = origin();
    let gateway = start(plan(&[origin.address]));
    for (path, kind) in [
        ("/none.css", Some("cold")),
        ("/app.js", Some("revalidated")),
        ("/told.js", Some("told")),
        ("/secret.js", Some("forbidden")),
        ("/app.3f2a9c1b.css", Some("unmarked-cold")),
        ("/gone.3f2a9c1b.js", None),
        ("/api/items", None),
    ] {
        let asked = format!(
            "GET {path} HTTP/1.1\r\nhost: a\r\ntaut-explain: 1\r\nconnection: close\r\n\r\n"
        );
        let answer = ask(gateway.address, &asked);
        let decision = line(&answer, "taut-decision").expect("it was asked for");
        let told = decision.split("; ").find_map(|one| one.strip_prefix("asset="));
        let expected = kind.map(|kind| format!("\"{kind}\""));
        assert_eq!(told, expected.as_deref(), "{path}: {answer}");
        let plain = get(gateway.address, path);
        assert_eq!(line(&plain, "cache-control"), line(&answer, "cache-control"), "{path}");
    }
}
