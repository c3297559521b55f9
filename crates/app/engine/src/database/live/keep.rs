//! Histories in the store, so that a restart keeps them: one document for each hour, in a ring of as many as are
//! kept, so that only the last one is ever written again and none has to be deleted.

use std::time::Duration;

use model::Moment;
use store::Store;

use super::history::{Point, Points};

const HOUR_NANOS: u64 = 3_600_000_000_000;

/// Places of the ring: one more than the hours that are kept, for the one that is being written.
fn places(keep: Duration) -> u64 {
    keep.as_secs().div_ceil(3_600) + 1
}

/// Name of the document of an hour; the database's id may hold what a name may not.
fn name(id: &str, place: u64) -> String {
    format!("database-{:016x}-{place}", sql::hash(id.as_bytes()))
}

/// Reads what was kept. What cannot be read is left out: it is history.
pub(super) fn load(store: &dyn Store, id: &str, keep: Duration, now: Moment, points: &mut Points) {
    let mut found: Vec<Point> = Vec::new();
    for place in 0..places(keep) {
        let Ok(Some(bytes)) = store.load_document(&name(id, place)) else { continue };
        found.extend(serde_json::from_slice::<Vec<Point>>(&bytes).unwrap_or_default());
    }
    let oldest = (now - keep).nanos;
    found.retain(|point| (oldest..=now.nanos).contains(&point.unix_nanos));
    found.sort_by_key(|point| point.unix_nanos);
    for point in found {
        points.push(point);
    }
}

/// Keeps the hour of `now`.
pub(super) fn save(
    store: &dyn Store,
    id: &str,
    keep: Duration,
    now: Moment,
    points: &Points,
) -> Result<(), store::StoreError> {
    let hour = now.nanos / HOUR_NANOS;
    let of_hour: Vec<&Point> =
        points.iter().filter(|point| point.unix_nanos / HOUR_NANOS == hour).collect();
    if of_hour.is_empty() {
        return Ok(());
    }
    let bytes = serde_json::to_vec(&of_hour).unwrap_or_default();
    store.save_document(&name(id, hour % places(keep)), &bytes)
}
