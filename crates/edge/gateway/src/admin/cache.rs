//! What can be seen of the cache.

use std::sync::{PoisonError, atomic::Ordering::Relaxed};

use serde_json::{Map, Value, json};

use crate::{cache::counts::RESULTS, state::Shared};

/// What the cache holds, and what it did for each route since the start.
pub(super) fn cache(shared: &Shared) -> Value {
    let size = shared.cache.size();
    let mut sums = Vec::new();
    for counts in &shared.counts {
        counts.lock().unwrap_or_else(PoisonError::into_inner).cache.add_to(&mut sums);
    }
    let names = shared.names.lock().unwrap_or_else(PoisonError::into_inner);
    let routes = names.iter().enumerate().filter_map(|(number, name)| {
        // Counted from 1 as in all metrics, or from 0: what is empty is left out either way.
        let of_route = sums.get(number + 1)?;
        if of_route.results.iter().sum::<u64>() == 0 {
            return None;
        }
        let results = RESULTS
            .iter()
            .zip(of_route.results)
            .map(|(name, count)| ((*name).to_owned(), json!(count)));
        let value = json!({
            "results": results.collect::<Map<String, Value>>(),
            "sent_bytes": of_route.bytes,
            "saved_seconds": of_route.saved.as_secs_f64(),
        });
        Some((name.clone(), value))
    });
    let routes: Map<String, Value> = routes.collect();
    json!({
        "disk": disk(shared),
        "entries": size.entries,
        "bytes": size.bytes,
        "bytes_max": shared.cache.settings().bytes_max,
        "evictions": size.evictions,
        "routes": routes,
    })
}

/// What the level on disk holds and did; nothing where there is none.
pub(super) fn disk(shared: &Shared) -> Value {
    let Some(disk) = &shared.cache.disk else { return Value::Null };
    let (figures, settings) = (&disk.figures, disk.settings());
    let (entries, live_bytes) = disk.size();
    json!({
        "folder": settings.folder,
        "up": figures.is_up.load(Relaxed),
        "trouble": *figures.trouble.lock().unwrap_or_else(PoisonError::into_inner),
        "entries": entries,
        "live_bytes": live_bytes,
        "bytes": figures.bytes.load(Relaxed),
        "bytes_max": settings.bytes_max,
        "read": figures.read.load(Relaxed),
        "late": figures.late.load(Relaxed),
        "written": figures.written.load(Relaxed),
        "dropped": figures.dropped.load(Relaxed),
        "failed": figures.failed.load(Relaxed),
        "damaged": figures.damaged.load(Relaxed),
        "evicted_files": figures.evicted.load(Relaxed),
    })
}
