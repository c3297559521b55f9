//! What happened while nobody was here: changes that nobody heard of, orders of other gateways that were missed, and a disk
//! that does not answer. What may be old is never given as if it were not, and nobody waits.

use std::{
    fs::OpenOptions, io::Write as _, path::Path, process::Command, sync::atomic::Ordering,
    time::Duration,
};

use testkit::Redis;
use traffic::{
    cache::CacheRule,
    events::EventSettings,
    plan::{Plan, Secret},
    redis::RedisSettings,
};

use crate::kit::{
    Origin, counting,
    disk::{hour, is, is_of_disk, on, twice, unchanging, up, written},
    eventually, get, header, start, status,
};

#[test]
fn what_changed_while_it_was_stopped_nobody_heard_so_all_of_it_is_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let (origin, is_down) = unchanging();
    let listening = || {
        let mut plan = on(folder.path(), hour(), &origin);
        // Nobody listens there: whatever is told from now on is not heard either.
        let url = Secret("postgres://127.0.0.1:1/none".to_owned());
        plan.events = Some(EventSettings { url, channel: "changes".to_owned() });
        plan
    };
    let before = up(listening());
    twice(&before, "/up");
    twice(&before, "/down");
    written(&before, 2.0);
    before.stop();
    let after = up(listening());
    let asked = get(after.address, "/up");
    let told = header(&asked, "cache-status").unwrap_or_default();
    assert!(asked.ends_with("the answer") && told.contains("fwd-status=304"), "{asked}");
    is_down.store(true, Ordering::Relaxed);
    let stands_in = get(after.address, "/down");
    assert!(status(&stands_in) == "200" && stands_in.ends_with("the answer"), "{stands_in}");
}

fn shared(folder: &Path, origin: &Origin, redis: &Redis) -> Plan {
    let mut plan = on(folder, CacheRule { shared: true, ..hour() }, origin);
    plan.redis =
        Some(RedisSettings { timeout: Duration::from_secs(5), ..RedisSettings::new(redis.url()) });
    plan
}

#[test]
fn orders_of_others_that_were_missed_are_made_up_for_and_where_nobody_knows_them_nothing_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (mut redis, origin) = (Redis::start(), counting(""));
    let mut without_disk = shared(folder.path(), &origin, &redis);
    without_disk.cache_disk = None;
    let other = start(without_disk);
    let forgets = |item: &str| {
        let told = other.order("/cache/purge", &format!("{{\"tag\": \"item-{item}\"}}"));
        assert_eq!(status(&told), "200", "{told}");
    };
    let begin = |redis: &Redis| {
        let gateway = up(shared(folder.path(), &origin, redis));
        let line = "taut_gateway_redis_connections";
        eventually("connected", || is(&gateway, line, 1.0));
        gateway
    };

    let first = begin(&redis);
    for item in 0..3 {
        assert!(twice(&first, &format!("/items/{item}")).ends_with(&format!("answer {item}")));
    }
    written(&first, 3.0);
    // It hears of others.
    forgets("0");
    eventually("heard", || !get(first.address, "/items/0").ends_with("answer 0"));
    first.stop();

    forgets("1");
    eventually("told", || redis.say("XRANGE taut:orders - +").contains("item-1"));
    let second = begin(&redis);
    assert!(!get(second.address, "/items/1").ends_with("answer 1"), "that was forgotten");
    assert!(get(second.address, "/items/2").ends_with("answer 2"), "and nothing else");
    second.stop();

    // Another one in its place, where nobody knows what was ordered.
    redis.kill();
    redis.start_again();
    let third = begin(&redis);
    assert!(!get(third.address, "/items/2").ends_with("answer 2"));
    let mut asked = String::new();
    eventually("written", || {
        asked = twice(&third, "/items/4");
        0.5 < third.metric("taut_gateway_cache_disk_writes_total{outcome=\"done\"}")
    });
    third.stop();

    // None at all: what is there only stands in.
    redis.kill();
    let fourth = up(shared(folder.path(), &origin, &redis));
    let again = get(fourth.address, "/items/4");
    assert_eq!(status(&again), "200");
    let body = |answer: &str| answer.rsplit("\r\n").next().map(str::to_owned);
    assert!(body(&again) != body(&asked) && !is_of_disk(&again), "{again}");
}

#[test]
fn a_disk_that_does_not_answer_costs_no_request_and_is_used_once_it_does() {
    let folder = tempfile::tempdir().unwrap();
    // Reading from it waits until somebody writes.
    let file = folder.path().join("0000000000000001.log");
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    let mut disk = OpenOptions::new().read(true).write(true).open(&file).unwrap();
    let origin = counting("");
    let mut plan = on(folder.path(), hour(), &origin);
    plan.drain = Duration::ZERO;
    let gateway = start(plan.clone());
    for item in 0..20 {
        let found = twice(&gateway, &format!("/items/{item}"));
        assert!(status(&found) == "200" && found.ends_with(&format!("answer {item}")), "{found}");
    }
    let told = gateway.order("/cache/purge", "{\"tag\": \"item-7\"}");
    assert_eq!(status(&told), "200", "{told}");
    assert!(get(gateway.address, "/items/7").ends_with("answer 20"));
    assert!(is(&gateway, "taut_gateway_cache_disk_up", 0.0));
    // Nor does its end wait for it.
    gateway.stop();
    disk.write_all(&[0; 16]).unwrap();
    let after = up(plan);
    twice(&after, "/items/21");
    written(&after, 1.0);
}

#[test]
fn a_record_of_what_is_asked_for_most_that_cannot_be_read_holds_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    // Reading from it waits until somebody writes.
    let file = folder.path().join("top-keys.json");
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    let _open = OpenOptions::new().read(true).write(true).open(&file).unwrap();
    let mut plan = crate::kit::cached(hour(), &counting(""));
    plan.top_keys = Some(file.clone());
    let gateway = start(plan);
    assert!(twice(&gateway, "/items/1").ends_with("answer 0"));
    assert!(gateway.told("/ready").contains("\"free_bytes\""));
    gateway.stop();
    assert!(std::fs::read_to_string(&file).unwrap().contains("/items/1"), "recorded in its place");
}
