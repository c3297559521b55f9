//! What tests of the cache on disk share: gateways with a folder, origins for them, and what they tell.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use traffic::{
    cache::{CacheRule, DiskSettings, Template},
    plan::{Plan, Secret},
};

use super::{Origin, Reply, Running, answer, cached, eventually, get, header, start};

pub(crate) fn hour() -> CacheRule {
    CacheRule {
        ttl: Some(Duration::from_hours(1)),
        tags: vec![Template::parse("item-{2}").expect("a template")],
        early: 0.0,
        ..CacheRule::default()
    }
}

pub(crate) fn on(folder: &Path, rule: CacheRule, origin: &Origin) -> Plan {
    let mut plan = cached(rule, origin);
    plan.admin_token = Some(Secret("sesame".to_owned()));
    let fresh_min = Duration::ZERO;
    plan.cache_disk = Some(DiskSettings { fresh_min, ..DiskSettings::new(folder) });
    plan
}

/// A gateway that has its folder.
pub(crate) fn up(plan: Plan) -> Running {
    let gateway = start(plan);
    eventually("up", || is(&gateway, "taut_gateway_cache_disk_up", 1.0));
    gateway
}

/// Whether so many were counted.
pub(crate) fn is(gateway: &Running, line: &str, count: f64) -> bool {
    (gateway.metric(line) - count).abs() < 0.5
}

pub(crate) fn written(gateway: &Running, count: f64) {
    let is_written =
        || count <= gateway.metric("taut_gateway_cache_disk_writes_total{outcome=\"done\"}");
    eventually("written", is_written);
}

/// Asks twice, which makes it worth writing.
pub(crate) fn twice(gateway: &Running, path: &str) -> String {
    get(gateway.address, path);
    get(gateway.address, path)
}

pub(crate) fn is_of_disk(answer: &str) -> bool {
    header(answer, "cache-status")
        .is_some_and(|told| told.contains("; hit;") && told.contains("detail=disk"))
}

/// Answers of which three fill a file of `small`.
pub(crate) fn large() -> Origin {
    Origin::start(|request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        answer("", &format!("{path}{}", "x".repeat(300_000)))
    })
}

/// A gateway that has as little room in its folder as may be set.
pub(crate) fn small(folder: &Path, origin: &Origin) -> Running {
    let mut plan = on(folder, hour(), origin);
    plan.cache_disk.as_mut().expect("it has one").bytes_max = 16 << 20;
    up(plan)
}

/// An origin that has one answer, which never changes, and what makes it close without a word.
pub(crate) fn unchanging() -> (Origin, Arc<AtomicBool>) {
    let is_down = Arc::new(AtomicBool::new(false));
    let down = Arc::clone(&is_down);
    let origin = Origin::start(move |request| {
        if down.load(Ordering::Relaxed) {
            Reply::Close
        } else if request.contains("if-none-match: \"1\"") {
            Reply::Send(b"HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n".to_vec())
        } else {
            answer("etag: \"1\"\r\n", "the answer")
        }
    });
    (origin, is_down)
}
