//! What the cache did, by route, as one thread counts it.

use std::{fmt::Write as _, sync::PoisonError, time::Duration};

use traffic::cache::NotStored;

use crate::{metrics::escaped, state::Shared};

/// How requests were answered that the cache was asked for.
pub(crate) const RESULTS: [&str; 9] =
    ["hit", "stale", "revalidated", "coalesced", "miss", "bypass", "failed", "shared", "disk"];

/// How a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CacheResult {
    /// Out of the cache.
    Hit,
    /// The same, past its end.
    Stale,
    /// The same, after a member said that it has not changed.
    Revalidated,
    /// With what somebody else had asked for.
    Coalesced,
    /// By a member.
    Miss,
    /// By a member, past the cache: at once, or after waiting for another's answer.
    Bypass,
    /// Not at all.
    Failed,
    /// With what another gateway had asked for.
    Shared,
    /// With what was on disk.
    Disk,
}

/// Counts by route.
#[derive(Debug, Default)]
pub(crate) struct CacheCounts {
    routes: Vec<OfRoute>,
}

/// Counts of one route.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OfRoute {
    /// By the number of the result.
    pub(crate) results: [u64; RESULTS.len()],
    /// Answers that were not stored, by the place of the reason in [`NotStored::ALL`].
    pub(crate) not_stored: [u64; NotStored::ALL.len()],
    /// Bytes of bodies out of the cache.
    pub(crate) bytes: u64,
    /// Ages of answers out of the cache, summed up.
    pub(crate) age_seconds: u64,
    /// Time that clients did not wait.
    pub(crate) saved: Duration,
}

impl CacheCounts {
    /// Counts of a route, by its number.
    pub(crate) fn route(&mut self, number: usize) -> &mut OfRoute {
        if self.routes.len() <= number {
            self.routes.resize_with(number + 1, OfRoute::default);
        }
        &mut self.routes[number]
    }

    /// Adds these to the sums of all threads.
    pub(crate) fn add_to(&self, sums: &mut Vec<OfRoute>) {
        if sums.len() < self.routes.len() {
            sums.resize_with(self.routes.len(), OfRoute::default);
        }
        for (sum, one) in sums.iter_mut().zip(&self.routes) {
            for (sum, one) in sum.results.iter_mut().zip(one.results) {
                *sum += one;
            }
            for (sum, one) in sum.not_stored.iter_mut().zip(one.not_stored) {
                *sum += one;
            }
            sum.bytes += one.bytes;
            sum.age_seconds += one.age_seconds;
            sum.saved += one.saved;
        }
    }
}

impl OfRoute {
    /// Requests that were answered so.
    pub(crate) fn add(&mut self, result: CacheResult) {
        self.results[result as usize] += 1;
    }

    /// An answer of a member was not stored.
    pub(crate) fn add_not_stored(&mut self, why: NotStored) {
        self.not_stored[why as usize] += 1;
    }
}

/// Writes a metric of the cache.
pub(crate) fn write(text: &mut String, name: &str, shared: &Shared) {
    let size = shared.cache.size();
    let one = match name {
        "taut_gateway_cache_entries" => Some(size.entries),
        "taut_gateway_cache_bytes" => Some(size.bytes),
        "taut_gateway_cache_evictions_total" => Some(size.evictions),
        "taut_gateway_cache_waiting_requests" => Some(shared.cache.waiting() as u64),
        _ => None,
    };
    if name.starts_with("taut_gateway_cache_route_") {
        return of_routes(text, name, shared);
    }
    // Writing into a text cannot fail.
    if let Some(one) = one {
        let _ok = writeln!(text, "{name} {one}");
        return;
    }
    let mut sums = Vec::new();
    for counts in &shared.counts {
        counts.lock().unwrap_or_else(PoisonError::into_inner).cache.add_to(&mut sums);
    }
    let names = shared.names.lock().unwrap_or_else(PoisonError::into_inner);
    for (number, sum) in sums.iter().enumerate() {
        let route = number.checked_sub(1).and_then(|place| names.get(place));
        let Some(route) = route.map(|route| escaped(route)) else { continue };
        if sum.results.iter().all(|count| *count == 0) {
            continue;
        }
        let labels = format!("http_route=\"{route}\"");
        match name {
            "taut_gateway_cache_requests_total" => {
                for (result, count) in RESULTS.iter().zip(sum.results) {
                    let _ok = writeln!(text, "{name}{{{labels},result=\"{result}\"}} {count}");
                }
            }
            "taut_gateway_cache_sent_bytes_total" => {
                let _ok = writeln!(text, "{name}{{{labels}}} {}", sum.bytes);
            }
            "taut_gateway_cache_age_seconds_total" => {
                let _ok = writeln!(text, "{name}{{{labels}}} {}", sum.age_seconds);
            }
            _ => {
                let _ok = writeln!(text, "{name}{{{labels}}} {}", sum.saved.as_secs_f64());
            }
        }
    }
}

/// What of the cache is whose.
fn of_routes(text: &mut String, name: &str, shared: &Shared) {
    for (route, size) in shared.cache.size_of_routes() {
        let one = match name {
            "taut_gateway_cache_route_entries" => size.entries,
            "taut_gateway_cache_route_bytes" => size.bytes,
            _ => size.evictions,
        };
        let _ok = writeln!(text, "{name}{{http_route=\"{}\"}} {one}", escaped(&route));
    }
}
