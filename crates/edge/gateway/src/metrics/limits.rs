//! What became of requests with limits, of what Redis was asked, and of events.

use std::{
    fmt::Write as _,
    sync::{PoisonError, atomic::Ordering},
    time::Duration,
};

use super::{Metric, escaped};
use crate::{limits::OUTCOMES, state::Shared};

/// Requests with a limit of one thread, by the number of the route and of the outcome.
#[derive(Debug, Default)]
pub(crate) struct LimitCounts(Vec<[u64; OUTCOMES.len()]>);

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "taut_gateway_limit_requests_total",
        kind: "counter",
        about: "Requests of routes with a limit, by what it said; over-dry-run would have been refused.",
    },
    Metric {
        name: "taut_gateway_redis_connections",
        kind: "gauge",
        about: "Connections to Redis that stand; each thread has one.",
    },
    Metric {
        name: "taut_gateway_redis_connected_total",
        kind: "counter",
        about: "Connections to Redis that were made.",
    },
    Metric {
        name: "taut_gateway_redis_requests_total",
        kind: "counter",
        about: "What Redis was asked, by what came of it; spared was not asked, as it was away.",
    },
    Metric {
        name: "taut_gateway_events_total",
        kind: "counter",
        about: "Events of what changed that were heard of, by whether they named what can be forgotten.",
    },
    Metric {
        name: "taut_gateway_events_connected_total",
        kind: "counter",
        about: "Connections on which events are heard of that were made.",
    },
    Metric {
        name: "taut_gateway_redis_wait_seconds_total",
        kind: "counter",
        about: "Time until Redis answered, or was given up.",
    },
];

impl LimitCounts {
    pub(crate) fn add(&mut self, route: usize, outcome: usize) {
        if self.0.len() <= route {
            self.0.resize_with(route + 1, Default::default);
        }
        self.0[route][outcome] += 1;
    }
}

/// The lines of a metric.
pub(super) fn write(text: &mut String, name: &str, shared: &Shared) {
    let figures = &shared.redis;
    // Writing into a text cannot fail.
    let _ok = match name {
        "taut_gateway_limit_requests_total" => return requests(text, name, shared),
        "taut_gateway_redis_connections" => {
            writeln!(text, "{name} {}", figures.up.load(Ordering::Relaxed))
        }
        "taut_gateway_redis_connected_total" => {
            writeln!(text, "{name} {}", figures.connected.load(Ordering::Relaxed))
        }
        "taut_gateway_events_connected_total" => {
            writeln!(text, "{name} {}", shared.events.connected.load(Ordering::Relaxed))
        }
        "taut_gateway_events_total" => {
            let (heard, wrong) = (&shared.events.heard, &shared.events.wrong);
            for (outcome, count) in [("heard", heard), ("wrong", wrong)] {
                let count = count.load(Ordering::Relaxed);
                let _ok = writeln!(text, "{name}{{outcome=\"{outcome}\"}} {count}");
            }
            Ok(())
        }
        "taut_gateway_redis_wait_seconds_total" => {
            let waited = Duration::from_nanos(figures.waited_nanos.load(Ordering::Relaxed));
            writeln!(text, "{name} {}", waited.as_secs_f64())
        }
        _ => {
            let all = [
                ("answered", &figures.answered),
                ("late", &figures.late),
                ("failed", &figures.failed),
                ("spared", &figures.spared),
            ];
            for (outcome, count) in all {
                let count = count.load(Ordering::Relaxed);
                let _ok = writeln!(text, "{name}{{outcome=\"{outcome}\"}} {count}");
            }
            Ok(())
        }
    };
}

/// Requests with limits of all threads, by the number of the route and of the outcome; routes are counted from 1.
pub(crate) fn sums(shared: &Shared) -> Vec<[u64; OUTCOMES.len()]> {
    let mut sums: Vec<[u64; OUTCOMES.len()]> = Vec::new();
    for counts in &shared.counts {
        let counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        let of_thread = &counts.limits.0;
        if sums.len() < of_thread.len() {
            sums.resize_with(of_thread.len(), Default::default);
        }
        for (sum, one) in sums.iter_mut().zip(of_thread) {
            sum.iter_mut().zip(one).for_each(|(sum, one)| *sum += one);
        }
    }
    sums
}

fn requests(text: &mut String, name: &str, shared: &Shared) {
    let sums = sums(shared);
    let names = shared.names.lock().unwrap_or_else(PoisonError::into_inner);
    for (route, sum) in names.iter().zip(sums.iter().skip(1)) {
        if sum.iter().all(|count| *count == 0) {
            continue;
        }
        for (outcome, count) in OUTCOMES.iter().zip(sum) {
            let route = escaped(route);
            let _ok =
                writeln!(text, "{name}{{http_route=\"{route}\",outcome=\"{outcome}\"}} {count}");
        }
    }
}
