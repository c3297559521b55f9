//! Everything at once, as the Gateway page shows it: what the other pages tell, by service and by route.

use std::sync::PoisonError;

use serde_json::{Map, Value, json};
use traffic::cache::{NotStored, StoreSize};

use super::{canaries, pages};
use crate::{
    cache::counts::{OfRoute, RESULTS},
    metrics,
    state::Shared,
};

pub(crate) fn all(shared: &Shared) -> Value {
    let (_, ready) = pages::readiness(shared);
    let routes = routes(shared);
    let per_second: f64 =
        routes.iter().filter_map(|route| route["requests_per_second"].as_f64()).sum();
    let services = services(shared);
    let in_flight: u64 = services
        .iter()
        .flat_map(|service| service["members"].as_array().into_iter().flatten())
        .filter_map(|member| member["in_flight"].as_u64())
        .sum();
    let size = shared.cache.size();
    let tried = canaries::canaries(shared);
    let capture = pages::capture(shared);
    let decided = metrics::decided(shared);
    let refused = decided.refused.iter();
    let refused = refused.map(|(reason, count)| json!({"reason": reason, "count": count}));
    let refused: Vec<Value> = refused.collect();
    json!({
        "state": ready["status"],
        "not_ready": ready["why_not"],
        "memory_available_bytes": ready["memory"]["available_bytes"],
        "disk_free_bytes": ready["disk"]["free_bytes"],
        "requests_per_second": per_second,
        "in_flight": in_flight,
        "decided": {
            "retried": decided.retried,
            "hedged": decided.hedged,
            "refused": refused,
        },
        "services": services,
        "routes": routes,
        "cache": {
            "entries": size.entries,
            "bytes": size.bytes,
            "bytes_max": shared.cache.settings().bytes_max,
            "evictions": size.evictions,
            "disk": super::cache::disk(shared),
        },
        "canaries": tried["canaries"],
        "news": tried["lately"],
        "news_not_kept": tried["not_kept"],
        "capture": if capture["captures"] == json!(true) { capture } else { Value::Null },
    })
}

fn services(shared: &Shared) -> Vec<Value> {
    let (members, breakers) = (pages::members(shared), pages::breakers(shared));
    let state = shared.state();
    let services = state.plan.services.iter().map(|service| {
        let known = &members[&service.name];
        json!({
            "name": service.name,
            "balance": known["balance"],
            "members": known["members"],
            "threads": breakers.get(&service.name).cloned().unwrap_or_else(|| json!([])),
        })
    });
    services.collect()
}

fn routes(shared: &Shared) -> Vec<Value> {
    let (routes, limits) = (pages::routes(shared), pages::limits(shared));
    let state = shared.state();
    let mut sums: Vec<OfRoute> = Vec::new();
    for counts in &shared.counts {
        counts.lock().unwrap_or_else(PoisonError::into_inner).cache.add_to(&mut sums);
    }
    let sizes = shared.cache.size_of_routes();
    let listed = routes["routes"].as_array().into_iter().flatten();
    let planned = state.plan.routes.iter().zip(&state.numbers);
    let one = |(route, (plan, number)): (&Value, (&traffic::plan::Route, &usize))| {
        // Routes are counted from 1.
        let of_cache = sums.get(number + 1).copied().unwrap_or_default();
        let size = sizes.get(&plan.name).copied().unwrap_or_default();
        let quantiles = &route["duration_ms"];
        json!({
            "name": plan.name,
            "service": route["service"],
            "requests_per_second": route["requests_per_second"],
            "requests": route["requests"],
            "p50_ms": quantiles["p50"],
            "p95_ms": quantiles["p95"],
            "p99_ms": quantiles["p99"],
            "p999_ms": quantiles["p999"],
            "compresses": plan.compress.is_some(),
            "cache": plan.cache.as_ref().map(|_| cache(&of_cache, size)),
            "limit": limits.get(&plan.name),
        })
    };
    listed.zip(planned).map(one).collect()
}

fn cache(of_route: &OfRoute, size: StoreSize) -> Value {
    let results = RESULTS.iter().zip(of_route.results);
    let mut value: Map<String, Value> =
        results.map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
    let not_kept = NotStored::ALL.into_iter().zip(of_route.not_stored);
    let not_kept = not_kept.filter(|(_, count)| 0 < *count);
    let not_kept = not_kept.map(|(why, count)| json!({"reason": why.name(), "count": count}));
    value.insert("not_kept".to_owned(), not_kept.collect());
    value.insert("entries".to_owned(), json!(size.entries));
    value.insert("held_bytes".to_owned(), json!(size.bytes));
    value.insert("evictions".to_owned(), json!(size.evictions));
    value.insert("sent_bytes".to_owned(), json!(of_route.bytes));
    value.insert("age_seconds".to_owned(), json!(of_route.age_seconds));
    value.insert("saved_seconds".to_owned(), json!(of_route.saved.as_secs_f64()));
    Value::Object(value)
}
