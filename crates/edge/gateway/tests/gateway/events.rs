//! What changed, told by a real PostgreSQL: forgotten at once, and all of it after a break.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use testkit::{Postgres, Redis};
use traffic::{
    cache::{CacheRule, Template},
    events::EventSettings,
    plan::{Route, Secret},
    redis::RedisSettings,
};

use crate::kit::{Origin, Reply, counting, eventually, get, plan, start};

#[test]
fn what_the_database_says_has_changed_is_asked_for_again() {
    let mut database = Postgres::start();
    let number = AtomicU32::new(0);
    let origin = Origin::start(move |_| {
        let body = format!("answer {}", number.fetch_add(1, Ordering::Relaxed));
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        Reply::Send((head + &body).into())
    });
    let mut plan = plan(&[origin.address]);
    let rule = CacheRule {
        ttl: Some(Duration::from_hours(1)),
        tags: vec![Template::parse("item-{2}").unwrap()],
        ..CacheRule::default()
    };
    plan.routes = vec![Route { cache: Some(rule), ..Route::to("all", 0) }];
    plan.events =
        Some(EventSettings { url: Secret(database.url()), channel: "what changed".to_owned() });
    let gateway = start(plan);
    let up = |count: f64| {
        eventually("listens", || gateway.metric("taut_gateway_events_connected_total") >= count);
    };
    up(1.0);
    let is = |path: &str, body: &str| get(gateway.address, path).ends_with(body);
    assert!(is("/items/1", "answer 0") && is("/items/2", "answer 1") && is("/items/1", "answer 0"));
    // As a trigger would.
    database.psql(
        "CREATE TABLE items (id int, price int);
         CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN PERFORM pg_notify('what changed', 'item-' || NEW.id); RETURN NEW; END $$;
         CREATE TRIGGER told AFTER INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION told();
         INSERT INTO items VALUES (1, 5);",
    );
    eventually("forgotten", || is("/items/1", "answer 2"));
    assert!(is("/items/2", "answer 1"), "only what changed");
    database.psql(r#"NOTIFY "what changed", '{"prefix": "/items/"}'"#);
    eventually("forgotten", || is("/items/2", "answer 3"));
    database.psql(r#"NOTIFY "what changed", '{"nothing": 1}'"#);
    eventually("told", || gateway.metric("taut_gateway_events_total{outcome=\"wrong\"}") > 0.0);
    // Killed and back: what was told meanwhile nobody heard, so everything counts as changed.
    database.kill9();
    eventually("told", || {
        gateway.page("/ready").contains("\"events\": {\n    \"status\": \"down\"")
    });
    assert!(is("/items/2", "answer 3"), "it still stands");
    database.restart();
    up(2.0);
    eventually("asked for again", || !is("/items/2", "answer 3"));
}

#[test]
fn who_begins_beside_others_leaves_alone_what_they_keep() {
    let (database, redis) = (Postgres::start(), Redis::start());
    let origin = counting("");
    let begin = || {
        let mut plan = plan(&[origin.address]);
        let ttl = Some(Duration::from_hours(1));
        let rule = CacheRule { ttl, shared: true, early: 0.0, ..CacheRule::default() };
        plan.routes = vec![Route { cache: Some(rule), ..Route::to("all", 0) }];
        plan.admin_token = Some(Secret("sesame".to_owned()));
        plan.events =
            Some(EventSettings { url: Secret(database.url()), channel: "changed".to_owned() });
        let gateways = NonZeroU32::new(2).expect("as the test has it");
        let timeout = Duration::from_secs(5);
        plan.redis = Some(RedisSettings { gateways, timeout, ..RedisSettings::new(redis.url()) });
        let gateway = start(plan);
        let listens = || gateway.metric("taut_gateway_events_connected_total") >= 1.0;
        eventually("listens", listens);
        gateway
    };
    let first = begin();
    assert!(get(first.address, "/items/1").ends_with("answer 0"));
    let second = begin();
    // Orders are told one after the other: what the start had ordered would be before this one.
    second.order("/cache/purge", r#"{"tag": "item-7"}"#);
    eventually("told", || redis.say("XRANGE taut:orders - +").contains("item-7"));
    assert!(!redis.say("XRANGE taut:orders - +").contains("\r\nall\r\n"));
    assert!(get(first.address, "/items/1").ends_with("answer 0"));
}
