//! Canaries as they are seen: shares, what is known of both versions, what happened lately.

use std::sync::{PoisonError, atomic::Ordering};

use serde_json::{Value, json};
use traffic::canary::Sticky;

use crate::{
    canary::{Canary, CanaryNews},
    state::Shared,
};

/// All of them, and what happened lately, the newest last.
pub(super) fn canaries(shared: &Shared) -> Value {
    let all = shared.canaries.all(&shared.state().plan);
    let lately = shared.canaries.lately.lock().unwrap_or_else(PoisonError::into_inner);
    json!({
        "canaries": all.iter().map(|canary| one(canary)).collect::<Vec<_>>(),
        "lately": lately.iter().map(news).collect::<Vec<_>>(),
        "not_kept": shared.canaries.losses.count(),
    })
}

fn one(canary: &Canary) -> Value {
    let (course, counts, judged) = canary.seen();
    let version = |place: usize, name: &str| {
        let count = |failed: usize| canary.counts[place][failed].load(Ordering::Relaxed);
        json!({
            "service": name,
            "requests": count(0) + count(1),
            "failed": count(1),
            "requests_in_step": counts[place],
        })
    };
    json!({
        "route": canary.route,
        "stage": course.stage().name(),
        "step": course.step(),
        "steps": canary.rule.steps,
        "share": canary.share(),
        "since_unix_ms": course.since().nanos / 1_000_000,
        "every_seconds": canary.rule.every.as_secs_f64(),
        "by_itself": canary.rule.by_itself,
        "sticky": match canary.rule.sticky {
            Sticky::Request => "request",
            Sticky::Address => "address",
            Sticky::Cookie(_) => "cookie",
        },
        "old": version(0, &canary.old),
        "new": version(1, &canary.new),
        "judged": judged,
    })
}

/// What happened.
pub(super) fn news(news: &CanaryNews) -> Value {
    json!({
        "at_unix_ms": news.time.nanos / 1_000_000,
        "route": news.route,
        "new": news.new,
        "stage": news.stage,
        "share": news.share,
        "why": news.why,
        "ordered": news.ordered,
    })
}
