//! What can be seen: readiness, members, routes, cache, limits.

use std::sync::{PoisonError, atomic::Ordering};

use serde_json::{Map, Value, json};
use traffic::{
    limit::{Away, LimitRule},
    plan::Service,
    room::{self, Room},
};

use super::members::{Order, Orders};
use crate::{clock, limits::OUTCOMES, metrics, state::Shared};

/// Whether every service has somebody who can answer, and there is memory to do so.
pub(super) fn readiness(shared: &Shared) -> (bool, Value) {
    let state = shared.state();
    let now = clock::now();
    // Why it is not ready, in words.
    let mut why_not: Vec<String> = Vec::new();
    let services = state.plan.services.iter().zip(&state.services).map(|(service, known)| {
        let fit = known.members.iter().filter(|member| member.is_fit(now)).count();
        if fit == 0 {
            why_not.push(format!("`{}` has nobody who can answer", service.name));
        }
        let status = if fit > 0 { "up" } else { "down" };
        let value = json!({"status": status, "members": known.members.len(), "members_up": fit});
        (service.name.clone(), value)
    });
    let services: Map<String, Value> = services.collect();
    let memory = room::memory_left(|path| std::fs::read_to_string(path).ok());
    let memory_room = Room::of(memory, room::MEMORY_BYTES_MIN);
    if memory_room == Room::Low {
        let mib = room::MEMORY_BYTES_MIN >> 20;
        why_not.push(format!("less than {mib} MiB of memory are left"));
    }
    let (redis_ready, redis) = redis(shared);
    if !redis_ready {
        why_not.push("Redis is away, and a limit refuses requests without it".to_owned());
    }
    let ready = !shared.is_stopping() && why_not.is_empty();
    let disk = shared.space.free_bytes();
    let status = match (shared.is_stopping(), ready) {
        (true, _) => "stopping",
        (false, true) => "up",
        (false, false) => "down",
    };
    // A log or a capture soon has none where it is low; requests are answered all the same.
    let disk_room = Room::of(disk, room::DISK_BYTES_MIN);
    let mut value = json!({
        "status": status,
        "why_not": why_not,
        "services": services,
        "memory": {"status": memory_room.name(), "available_bytes": memory},
        "disk": {"status": disk_room.name(), "free_bytes": disk},
    });
    if let Some(redis) = redis {
        value["redis"] = redis;
    }
    if state.plan.events.is_some() {
        let events = &shared.events;
        let is_up = events.is_up.load(Ordering::Relaxed);
        let trouble = events.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let status = if is_up { "up" } else { "down" };
        value["events"] = json!({"status": status, "trouble": trouble.filter(|_| !is_up)});
    }
    (ready, value)
}

/// What is captured, where it goes, and what became of it.
pub(super) fn capture(shared: &Shared) -> Value {
    let state = shared.state();
    let Some(rules) = &state.plan.capture else { return json!({"captures": false}) };
    let figures = &shared.captured;
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    json!({
        "captures": true,
        "folder": rules.folder,
        "share": rules.share,
        "by": rules.by.name(),
        "written": count(&figures.outcomes.done),
        "dropped": count(&figures.outcomes.dropped),
        "failed": count(&figures.outcomes.failed),
        "written_bytes": count(&figures.bytes),
        "trouble": *figures.trouble.lock().unwrap_or_else(PoisonError::into_inner),
    })
}

/// Services and their members.
pub(super) fn members(shared: &Shared) -> Value {
    let state = shared.state();
    let now = clock::now();
    let orders = shared.orders.lock().unwrap_or_else(PoisonError::into_inner);
    let told = orders.told();
    let services = state.plan.services.iter().zip(&state.services).map(|(service, known)| {
        let outliers = known.outliers.lock().unwrap_or_else(PoisonError::into_inner);
        let members = service.members.iter().zip(&known.members);
        let members = members.map(|(plan, member)| {
            let order = orders.of(&service.name, &member.address);
            json!({
                "address": member.address,
                "weight": plan.weight,
                "zone": plan.zone,
                "drained": order.is_some_and(|order| order.drained),
                "added": order.is_some_and(Order::is_added),
                "ordered": order.is_some(),
                "healthy": member.healthy.load(Ordering::Relaxed),
                "left_alone": outliers.is_out(&member.address, now) || !member.is_fit(now) && member.healthy.load(Ordering::Relaxed),
                "waiting": member.waiting.load(Ordering::Relaxed),
                "in_flight": member.in_flight.load(Ordering::Relaxed),
                "requests": member.requests.load(Ordering::Relaxed),
                "failures": member.failures.load(Ordering::Relaxed),
                "connections": member.connections.load(Ordering::Relaxed),
                "trouble": *member.trouble.lock().unwrap_or_else(PoisonError::into_inner),
            })
        });
        let members: Vec<Value> = members.collect();
        let removed: Vec<&str> = orders.removed(&service.name).collect();
        let mut value = json!({
            "balance": service.balance.name(), "members": members, "removed": removed,
        });
        let told = told.services.iter().find(|known| known.name == service.name);
        if let Some(told) = told.filter(|told| told.lookup.is_some()) {
            value["names"] = names(told, &orders);
        }
        (service.name.clone(), value)
    });
    Value::Object(services.collect())
}

/// What is known of names that are looked up.
fn names(service: &Service, orders: &Orders) -> Value {
    let names = service.members.iter().filter_map(|member| {
        let found = orders.found.get(&member.address)?;
        let value = json!({"addresses": found.addresses, "trouble": found.trouble});
        Some((member.address.clone(), value))
    });
    Value::Object(names.collect())
}

/// Routes: how fast they answer, and how often they are asked, lately.
pub(super) fn routes(shared: &Shared) -> Value {
    let state = shared.state();
    let now = clock::now();
    let routes = state.plan.routes.iter().zip(&state.numbers).map(|(route, number)| {
        let (durations, per_second) = metrics::lately(shared, number + 1, now);
        let millis = |q| {
            let nanos = durations.quantile(q);
            nanos.map(|nanos| std::time::Duration::from_nanos(nanos).as_secs_f64() * 1_000.0)
        };
        json!({
            "name": route.name,
            "service": state.plan.services.get(route.service).map(|service| &service.name),
            "requests_per_second": per_second,
            "requests": durations.count(),
            "duration_ms": {
                "p50": millis(0.5), "p90": millis(0.9), "p95": millis(0.95),
                "p99": millis(0.99), "p999": millis(0.999),
            },
            "caches": route.cache.is_some(),
            "compresses": route.compress.is_some(),
            "limits": route.limit.is_some(),
        })
    });
    json!({"window": "1m to 2m", "routes": routes.collect::<Vec<_>>()})
}

/// Limits, how many clients each remembers, and what each refused of every route since the start.
pub(super) fn limits(shared: &Shared) -> Value {
    let state = shared.state();
    let sums = metrics::limited(shared);
    let all = state.plan.routes.iter().zip(&state.limits).zip(&state.numbers);
    let routes = all.filter_map(|((route, counted), number)| {
        let (rule, counted) = (route.limit.as_ref()?, counted.as_ref()?);
        // Routes are counted from 1.
        let ended = sums.get(number + 1).copied().unwrap_or_default();
        let outcomes = OUTCOMES.iter().zip(ended);
        let count = |names: &[&str]| -> u64 {
            let some = outcomes.clone().filter(|(outcome, _)| names.contains(*outcome));
            some.map(|(_, count)| count).sum()
        };
        let tiers = rule.tiers.of.iter().map(|tier| {
            let window = tier.quota.window.as_secs_f64();
            let quota = json!({"requests": tier.quota.requests, "window_seconds": window});
            (tier.name.clone(), quota)
        });
        let value = json!({
            "name": rule.name,
            "requests": rule.quota.requests,
            "window_seconds": rule.quota.window.as_secs_f64(),
            "algorithm": rule.algorithm.name(),
            "cost": rule.cost,
            "tiers": tiers.collect::<Map<String, Value>>(),
            "dry_run": rule.dry_run,
            "shared": rule.shared.is_some(),
            "clients": counted.clients(),
            "clients_max": rule.keys_max,
            "refused": count(&["refused", "away-refused"]),
            "over_dry_run": count(&["over-dry-run"]),
        });
        Some((route.name.clone(), value))
    });
    Value::Object(routes.collect())
}

/// Redis, if anything is shared through it; and whether that is ready.
fn redis(shared: &Shared) -> (bool, Option<Value>) {
    let state = shared.state();
    let Some(settings) = &state.plan.redis else { return (true, None) };
    let figures = &shared.redis;
    let (up, wanted) = (figures.up.load(Ordering::Relaxed), figures.wanted.load(Ordering::Relaxed));
    let status = match up {
        0 => "down",
        _ if up < wanted => "partly",
        _ => "up",
    };
    // Without it requests are decided all the same, unless somebody wants them refused then.
    let refuses = |rule: &LimitRule| rule.shared == Some(Away::Refuse) && !rule.dry_run;
    let needed = state.plan.routes.iter().any(|route| route.limit.as_ref().is_some_and(refuses));
    let trouble = figures.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let value = json!({
        "status": status,
        "address": settings.shown(),
        "connections": up,
        "connections_wanted": wanted,
        "needed": needed,
        "trouble": trouble.filter(|_| up < wanted),
    });
    (0 < up || !needed, Some(value))
}

/// Breakers and the room of services, by thread; each thread tells every five seconds.
pub(super) fn breakers(shared: &Shared) -> Value {
    let mut services: Map<String, Value> = Map::new();
    for (thread, told) in shared.told.iter().enumerate() {
        let told = told.lock().unwrap_or_else(PoisonError::into_inner);
        for one in told.iter() {
            let threads = services.entry(one.service.clone()).or_insert_with(|| json!([]));
            if let Value::Array(threads) = threads {
                threads.push(json!({
                    "thread": thread,
                    "breaker": one.breaker,
                    "breaker_since_unix_ms": one.breaker_since.map(|since| since.nanos / 1_000_000),
                    "in_flight": one.in_flight,
                    "in_flight_max": one.in_flight_max,
                }));
            }
        }
    }
    Value::Object(services)
}
