//! Orders to the gateway: what reaches it, what does not, and how it is told that something is not done.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use web::{GatewayAsked, Hosts, OrderProblem, Setup};

use super::{Result, Server};

/// What a gateway was told to do, in order: paths of its admin port and bodies.
type Told = Arc<Mutex<Vec<(String, Value)>>>;

/// A gateway that does everything like this.
fn gateway(
    does: impl Fn(&str) -> std::result::Result<Value, OrderProblem> + Send + Sync + 'static,
) -> (GatewayAsked, Told) {
    let told = Told::default();
    let hears = Arc::clone(&told);
    let order = move |path: &str, order: &Value| {
        hears.lock().expect("nobody panicked").push((path.to_owned(), order.clone()));
        does(path)
    };
    let ask = || -> std::result::Result<Value, String> { Ok(json!({"state": "up"})) };
    let place = "this process".to_owned();
    (GatewayAsked { place, ask: Arc::new(ask), order: Arc::new(order) }, told)
}

fn with(gateway: GatewayAsked) -> Setup {
    Setup { gateway: Some(gateway), ..Setup::default() }
}

#[tokio::test]
async fn orders_reach_the_gateway_as_its_admin_port_has_them() -> Result {
    let (asked, told) = gateway(|path| {
        Ok(match path {
            "/cache/purge" => json!({"forgotten": 3, "soft": false}),
            "/cache/warm" => json!({"asked": 2, "answered": 1}),
            "/canaries/a b/c/step" => json!({"route": "a b/c", "stage": "going", "share": 0.25}),
            _ => json!({"service": "app", "member": "[::1]:80", "drained": true, "lasts": "long"}),
        })
    });
    let server = Server::start_with(with(asked)).await?;
    let member = |order: Value| {
        let mut whole = json!({"service": "app", "member": "[::1]:80"});
        whole
            .as_object_mut()
            .expect("an object")
            .extend(order.as_object().cloned().unwrap_or_default());
        whole
    };
    for (path, order, expected) in [
        ("members", member(json!({"order": "drain", "force": true})), json!(true)),
        ("members", member(json!({"order": "weight", "weight": 7})), json!(true)),
        ("purge", json!({"tag": "shop"}), json!(3)),
        ("warm", json!({"urls": ["http://a/1", "http://a/2"]}), json!(1)),
        ("canaries", json!({"route": "a b/c", "order": "step"}), json!(0.25)),
    ] {
        let answer = server.post(&format!("/api/v1/gateway/{path}"), &order).await?;
        assert_eq!(answer.status, 200, "{path} {order}: {}", answer.body);
        let told = answer.json();
        let figures = ["drained", "forgotten", "answered", "share"];
        let figure = figures.into_iter().find_map(|name| told.get(name));
        assert_eq!(figure, Some(&expected), "{path} {order}: {told}");
    }
    let told = told.lock().expect("nobody panicked").clone();
    let expected = [
        ("/members/app/[::1]:80/drain", json!({"weight": null, "force": true})),
        ("/members/app/[::1]:80/weight", json!({"weight": 7, "force": null})),
        ("/cache/purge", json!({"tag": "shop"})),
        ("/cache/warm", json!({"urls": ["http://a/1", "http://a/2"]})),
        ("/canaries/a b/c/step", Value::Null),
    ];
    assert_eq!(told, expected.map(|(path, order)| (path.to_owned(), order)));
    server.stop().await
}

#[tokio::test]
async fn what_makes_no_order_never_reaches_it() -> Result {
    let (asked, told) = gateway(|_| Ok(json!({})));
    let server = Server::start_with(with(asked)).await?;
    for (path, order) in [
        ("members", json!({"service": "app", "member": "a:1", "order": "dance"})),
        ("members", json!({"service": "app", "member": "a:1", "order": "weight", "weight": -1})),
        ("members", json!({"service": "app", "order": "drain"})),
        ("purge", json!({})),
        ("purge", json!({"all": false})),
        ("purge", json!({"tag": ""})),
        ("purge", json!({"tag": "a", "all": true})),
        ("purge", json!({"everything": true})),
        ("warm", json!({"urls": [7]})),
        ("canaries", json!({"route": "all", "order": "dance"})),
    ] {
        let answer = server.post(&format!("/api/v1/gateway/{path}"), &order).await?;
        assert_eq!(answer.status, 400, "{path}: {}", answer.body);
        assert!(!answer.json()["hint"].as_str().unwrap_or_default().is_empty(), "{}", answer.body);
    }
    // Nor does what a page of another site sends.
    let order = json!({"all": true});
    for site in ["cross-site", "same-site"] {
        let headers = format!("Sec-Fetch-Site: {site}\r\n");
        let foreign = server.post_with("/api/v1/gateway/purge", &order, &headers).await?;
        assert_eq!(foreign.status, 403, "{site}: {}", foreign.body);
    }
    assert_eq!(told.lock().expect("nobody panicked").len(), 0);
    server.stop().await
}

#[tokio::test]
async fn what_the_gateway_refuses_is_told_with_what_to_do() -> Result {
    let refused =
        |status: u16| Err(OrderProblem::Refused { status, detail: format!("because of {status}") });
    let (asked, _told) = gateway(move |path| match path.rsplit('/').nth(1) {
        Some("400:1") => refused(400),
        Some("401:1") => refused(401),
        Some("403:1") => refused(403),
        Some("404:1") => refused(404),
        Some("409:1") => refused(409),
        Some("504:1") => refused(504),
        Some("odd:1") => Ok(json!(["no object"])),
        _ => Err(OrderProblem::Away("nobody listens".to_owned())),
    });
    let server = Server::start_with(with(asked)).await?;
    for (member, status, kind, detail) in [
        ("400:1", 400, "wrong-parameter", "because of 400"),
        // These are not about the token of the pages.
        ("401:1", 409, "gateway-refused", "because of 401"),
        ("403:1", 409, "gateway-refused", "because of 403"),
        ("404:1", 404, "unknown-in-gateway", "because of 404"),
        ("409:1", 409, "gateway-refused", "because of 409"),
        ("504:1", 503, "gateway-away", "because of 504"),
        ("odd:1", 503, "gateway-away", "makes no sense"),
        ("away:1", 503, "gateway-away", "nobody listens"),
    ] {
        let order = json!({"service": "app", "member": member, "order": "drain"});
        let answer = server.post("/api/v1/gateway/members", &order).await?;
        let problem = answer.json();
        assert_eq!(answer.status, status, "{problem}");
        assert_eq!(problem["type"], format!("urn:taut:{kind}"), "{problem}");
        assert!(problem["detail"].as_str().unwrap_or_default().contains(detail), "{problem}");
    }
    server.stop().await
}

#[tokio::test]
async fn who_may_give_orders_is_who_may_look_and_nobody_where_everybody_may() -> Result {
    let order = json!({"all": true});
    let none = Server::start().await?;
    assert_eq!(none.post("/api/v1/gateway/purge", &order).await?.status, 404);
    none.stop().await?;

    let (asked, told) = gateway(|_| Ok(json!({"forgotten": 1})));
    let open = Setup { hosts: Hosts::Any, ..with(asked.clone()) };
    let open = Server::start_with(open).await?;
    let refused = open.post("/api/v1/gateway/purge", &order).await?;
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert!(refused.body.contains("TAUT_WEB_TOKEN"), "{}", refused.body);
    assert_eq!(open.get("/api/v1/gateway").await?.status, 200);
    open.stop().await?;

    let token = Some("a-long-secret".to_owned());
    let closed = Setup { hosts: Hosts::Any, token, ..with(asked) };
    let closed = Server::start_with(closed).await?;
    assert_eq!(closed.post("/api/v1/gateway/purge", &order).await?.status, 401);
    assert_eq!(told.lock().expect("nobody panicked").len(), 0);
    let shown = "Authorization: Bearer a-long-secret\r\n";
    let done = closed.post_with("/api/v1/gateway/purge", &order, shown).await?;
    assert_eq!((done.status, &done.json()["forgotten"]), (200, &json!(1)), "{}", done.body);
    closed.stop().await
}
