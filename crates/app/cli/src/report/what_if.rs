//! What would have been, as people and machines read it.

use std::time::Duration;

use engine::what_if::{Limited, Policy, Without, cache::Asked};
use prove::simulate::Queued;
use serde_json::json;
use stats::quantile;
use traffic::cache::simulate::Outcome;

use super::layout;
use crate::{
    say::{ACCENT, AMBER, BOLD, DIM},
    units,
};

/// Keys of a limit that are told.
const KEYS_TOLD_MAX: usize = 10;

/// Operations that are told.
const OPERATIONS_TOLD_MAX: usize = 20;

/// What is known of a pool before any size is tried.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    /// Connections in use on average.
    pub(crate) on_average: f64,
    /// The most in use at once, had nobody waited.
    pub(crate) most: usize,
    /// The smallest size that suffices.
    pub(crate) enough: usize,
    /// For what: how long 99 of 100 may wait.
    pub(crate) wait: Duration,
    /// Whose requests take connections.
    pub(crate) services: Vec<String>,
}

/// How long requests take by one policy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tail {
    /// Its name.
    pub(crate) policy: &'static str,
    /// p50, p95, p99 and the longest.
    pub(crate) nanos: [u64; 4],
}

/// Operations with a call and without it.
pub(crate) fn without(found: &[Without], as_json: bool) -> String {
    let pair = |operation: &Without, at: f64| {
        let of = |all: &[u64]| quantile(all, at).unwrap_or(0);
        (of(&operation.before_nanos), of(&operation.after_nanos))
    };
    if as_json {
        let rows = found.iter().map(|it| {
            let ((p50, p50_after), (p95, p95_after)) = (pair(it, 0.5), pair(it, 0.95));
            json!({
                "service": &*it.key.service, "operation": &*it.key.operation,
                "requests": it.requests, "with_call": it.with_call, "calls_max": it.calls_max,
                "p50_nanos": p50, "p50_without_nanos": p50_after,
                "p95_nanos": p95, "p95_without_nanos": p95_after,
            })
        });
        return format!("{:#}\n", json!({ "operations": rows.collect::<Vec<_>>() }));
    }
    let mut text = format!("{BOLD}Without it, requests would take{BOLD:#}\n");
    for it in found.iter().take(OPERATIONS_TOLD_MAX) {
        let told = |at: f64| {
            let (before, after) = pair(it, at);
            format!("{} → {}", time(before), time(after))
        };
        text.push_str(&format!(
            "  {ACCENT}{}{ACCENT:#} {DIM}{}{DIM:#}  p50 {}  p95 {}  {DIM}{} of {} requests, up to {} each{DIM:#}\n",
            layout::cut(&it.key.operation, 50),
            layout::cut(&it.key.service, 30),
            told(0.5),
            told(0.95),
            units::count(it.with_call as u64),
            units::count(it.requests as u64),
            units::some(it.calls_max as u64, "call", "calls"),
        ));
    }
    text.push_str(&format!(
        "{DIM}The time that requests waited for the calls is taken off; what ran beside them may then be what they wait for.{DIM:#}\n"
    ));
    text
}

/// Sizes of a pool.
pub(crate) fn pool(about: &Pool, tried: &[Queued], as_json: bool) -> String {
    if as_json {
        let sizes = tried.iter().map(|it| {
            json!({
                "size": it.servers, "waited": it.waited, "of": it.count, "busy": it.busy,
                "wait_p50_nanos": it.wait_p50_nanos, "wait_p95_nanos": it.wait_p95_nanos,
                "wait_p99_nanos": it.wait_p99_nanos, "wait_max_nanos": it.wait_max_nanos,
                "queue_max": it.queue_max,
            })
        });
        let document = json!({
            "in_use_on_average": about.on_average,
            "in_use_at_most": about.most,
            "enough": about.enough,
            "services": about.services,
            "wait_p99_allowed_nanos": u64::try_from(about.wait.as_nanos()).unwrap_or(u64::MAX),
            "sizes": sizes.collect::<Vec<_>>(),
        });
        return format!("{document:#}\n");
    }
    let mut text = format!(
        "{BOLD}A pool of {} is enough{BOLD:#} so that 99 of 100 wait no longer than {}\n\
         {DIM}{} in use on average (Little's law), {} at most{DIM:#}\n\n\
         {DIM}{:>6} {:>9} {:>10} {:>10} {:>10} {:>8} {:>6}{DIM:#}\n",
        units::count(about.enough as u64),
        units::time(about.wait),
        units::three_digits(about.on_average),
        units::count(about.most as u64),
        "size",
        "waited",
        "p95",
        "p99",
        "longest",
        "queue",
        "busy"
    );
    for it in tried {
        let mark = if it.servers == about.enough { "→" } else { " " };
        text.push_str(&format!(
            "{ACCENT}{mark}{ACCENT:#}{:>5} {:>9} {:>10} {:>10} {:>10} {:>8} {:>4.0} %\n",
            it.servers,
            units::count(it.waited as u64),
            time(it.wait_p95_nanos),
            time(it.wait_p99_nanos),
            time(it.wait_max_nanos),
            units::count(it.queue_max as u64),
            it.busy * 100.0
        ));
    }
    if 1 < about.services.len() {
        text.push_str(&format!(
            "{DIM}As one pool for {} services: {}; --service names one.{DIM:#}\n",
            about.services.len(),
            layout::cut(&about.services.join(", "), 200)
        ));
    }
    text
}

/// Who would have been refused.
pub(crate) fn limit(limited: &Limited, by: &str, as_json: bool) -> String {
    if as_json {
        let keys = limited.keys.iter().map(|(key, requests, refused)| {
            json!({ "key": key, "requests": requests, "refused": refused })
        });
        let document = json!({
            "by": by, "requests": limited.requests, "refused": limited.refused,
            "unknown": limited.unknown, "keys": keys.collect::<Vec<_>>(),
        });
        return format!("{document:#}\n");
    }
    let hit = limited.keys.iter().filter(|(_, _, refused)| 0 < *refused).count();
    let mut text = format!(
        "{BOLD}{} of {} would be refused{BOLD:#}, of {} among {}\n",
        units::count(limited.refused as u64),
        units::some(limited.requests as u64, "request", "requests"),
        units::count(hit as u64),
        units::some(limited.keys.len() as u64, "key", "keys"),
    );
    for (key, requests, refused) in limited.keys.iter().take(KEYS_TOLD_MAX) {
        if *refused == 0 {
            break;
        }
        let key = if key.is_empty() { "(without)".to_owned() } else { layout::cut(key, 40) };
        text.push_str(&format!(
            "  {ACCENT}{key}{ACCENT:#}  {} of {}\n",
            units::count(*refused as u64),
            units::count(*requests as u64)
        ));
    }
    if 0 < limited.unknown {
        text.push_str(&format!(
            "{DIM}{} without `{by}`, counted together{DIM:#}\n",
            units::some(limited.unknown as u64, "request", "requests")
        ));
    }
    text
}

/// The tail by policy.
pub(crate) fn balance(requests: usize, rows: &[Tail], as_json: bool) -> String {
    if as_json {
        let policies = rows.iter().map(|row| {
            let [p50, p95, p99, max] = row.nanos;
            json!({ "policy": row.policy, "p50_nanos": p50, "p95_nanos": p95, "p99_nanos": p99, "max_nanos": max })
        });
        let document = json!({
            "requests": requests, "policies": policies.collect::<Vec<_>>(),
            "not_simulated": Policy::NOT_SIMULATED,
        });
        return format!("{document:#}\n");
    }
    let mut text = format!(
        "{BOLD}{} over the members, by policy{BOLD:#}\n{DIM}{:<16} {:>10} {:>10} {:>10} {:>10}{DIM:#}\n",
        units::some(requests as u64, "request", "requests"),
        "",
        "p50",
        "p95",
        "p99",
        "longest"
    );
    for Tail { policy, nanos: [p50, p95, p99, max] } in rows {
        text.push_str(&format!(
            "{policy:<16} {:>10} {:>10} {:>10} {:>10}\n",
            time(*p50),
            time(*p95),
            time(*p99),
            time(*max)
        ));
    }
    text.push_str(&format!(
        "{DIM}`{}` is no policy of the gateway, but what the others are measured by; {} hang on who asks and are not simulated.{DIM:#}\n",
        Policy::Random.name(),
        Policy::NOT_SIMULATED.map(|name| format!("`{name}`")).join(" and ")
    ));
    text
}

/// What a cache would have done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cached {
    /// How long answers are fresh.
    pub(crate) ttl: Duration,
    /// Its bytes.
    pub(crate) size: u64,
    /// What came of it.
    pub(crate) outcome: Outcome,
    /// The room that a sample of keys leaves, if that holds no large answer.
    pub(crate) too_small: Option<u64>,
}

/// How a cache was looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InCache {
    /// The most requests for one thing at once.
    pub(crate) stampede: usize,
    /// Keys of a thousand that were looked at.
    pub(crate) per_mille: u64,
    /// What answers say of caches counted.
    pub(crate) heard: bool,
}

/// Hit rates by time to live and size.
pub(crate) fn cache(asked: &Asked, rows: &[Cached], about: InCache, as_json: bool) -> String {
    if as_json {
        return cache_json(asked, rows, about);
    }
    let InCache { stampede, per_mille, heard } = about;
    let mut text = format!(
        "{BOLD}A cache in front of {} for {}{BOLD:#}\n{DIM}{} others could not be cached; up to {} for one thing at once{DIM:#}\n\n\
         {DIM}{:>9} {:>10} {:>9} {:>9} {:>9} {:>9} {:>10}{DIM:#}\n",
        units::some(asked.events.len() as u64, "request", "requests"),
        units::some(asked.keys as u64, "thing", "things"),
        units::count(asked.others as u64),
        units::some(stampede as u64, "request", "requests"),
        "fresh for",
        "size",
        "hits",
        "spared",
        "together",
        "evicted",
        "saved"
    );
    for Cached { ttl, size, outcome, .. } in rows {
        text.push_str(&format!(
            "{:>9} {:>10} {:>7.1} % {:>7.1} % {:>9} {:>9} {:>10}\n",
            units::time(*ttl),
            config::bytes_text(*size),
            outcome.hit_rate() * 100.0,
            outcome.spared() * 100.0,
            units::count(outcome.coalesced),
            units::count(outcome.evictions),
            units::time(outcome.saved)
        ));
    }
    if per_mille < 1_000 {
        text.push_str(&format!("{DIM}Of {per_mille} keys in a thousand, in a cache that is smaller by as much.{DIM:#}\n"));
    }
    if let Some(row) = rows.iter().find(|row| row.too_small.is_some()) {
        text.push_str(&format!(
            "{AMBER}note{AMBER:#}: of {} the sample leaves {}, and the largest answer takes {}: a larger --sample tells more\n",
            config::bytes_text(row.size),
            config::bytes_text(row.too_small.unwrap_or(0)),
            config::bytes_text(asked.answer_bytes_max)
        ));
    }
    text.push_str(&whose_word_counts(asked, heard));
    if 0 < asked.sizes_unknown {
        text.push_str(&format!(
            "{DIM}{} do not tell the size of their answer; --answer says what to take for it.{DIM:#}\n",
            units::some(asked.sizes_unknown as u64, "span", "spans")
        ));
    }
    text.push_str(&format!(
        "{DIM}What changes an answer before its time is up is not in a recording.{DIM:#}\n"
    ));
    text
}

fn cache_json(asked: &Asked, rows: &[Cached], about: InCache) -> String {
    let InCache { stampede, per_mille, heard } = about;
    let rows = rows.iter().map(|row| {
        let it = &row.outcome;
        json!({
            "ttl_seconds": row.ttl.as_secs_f64(), "size_bytes": row.size,
            "requests": it.requests, "hits": it.hits, "hit_rate": it.hit_rate(), "spared": it.spared(),
            "coalesced": it.coalesced, "upstream": it.upstream, "evictions": it.evictions,
            "bytes_max": it.bytes_max, "saved_seconds": it.saved.as_secs_f64(),
            "sample_too_small": row.too_small.is_some(),
        })
    });
    let document = json!({
        "requests": asked.events.len(), "keys": asked.keys, "not_cacheable": asked.others,
        "sizes_unknown": asked.sizes_unknown, "stampede": stampede, "sampled_per_mille": per_mille,
        "over_answer": !heard, "not_stored": asked.not_stored,
        "caches": rows.collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

/// Whether what answers say of caches counted, and what came of it.
fn whose_word_counts(asked: &Asked, heard: bool) -> String {
    let refused: usize = asked.not_stored.values().sum();
    let words = match (heard, refused) {
        (false, _) => {
            "What answers say of caches themselves did not count, as with `over-answer` of a route."
                .to_owned()
        }
        (true, 0) => "What answers say of caches counts; none is not to be stored.".to_owned(),
        (true, _) => {
            let reasons = asked.not_stored.iter();
            let reasons: Vec<String> =
                reasons.map(|(reason, count)| format!("{reason} {count}")).collect();
            format!(
                "What answers say of caches counts: {} not to be stored ({}); --over-answer stores them.",
                units::some(refused as u64, "answer is", "answers are"),
                reasons.join(", ")
            )
        }
    };
    format!("{DIM}{words}{DIM:#}\n")
}

fn time(nanos: u64) -> String {
    units::time(Duration::from_nanos(nanos))
}
