//! What the engine remembers from run to run: when each finding was first seen.

use std::collections::BTreeMap;

use model::{FindingId, Moment};
use serde::{Deserialize, Serialize};
use store::{Store, StoreError};

/// Name of the document in the store.
const NAME: &str = "findings";

#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    /// Nanoseconds since the epoch, by the finding's identity in hexadecimal.
    first_seen_unix_nanos: BTreeMap<String, u64>,
}

/// What was saved last; nothing if there is nothing, or if it cannot be read any more.
pub(crate) fn load(store: &dyn Store) -> Result<Vec<(FindingId, Moment)>, StoreError> {
    let bytes = store.load_document(NAME)?.unwrap_or_default();
    let memory: Memory = serde_json::from_slice(&bytes).unwrap_or_default();
    let read = |(id, nanos): (String, u64)| {
        Some((FindingId(u64::from_str_radix(&id, 16).ok()?), Moment { nanos }))
    };
    Ok(memory.first_seen_unix_nanos.into_iter().filter_map(read).collect())
}

/// Saves it in place of what was saved before.
pub(crate) fn save(
    store: &dyn Store,
    first_seen: &BTreeMap<FindingId, Moment>,
) -> Result<(), StoreError> {
    let memory = Memory {
        first_seen_unix_nanos: first_seen
            .iter()
            .map(|(id, moment)| (id.to_string(), moment.nanos))
            .collect(),
    };
    let bytes = serde_json::to_vec(&memory).unwrap_or_default();
    store.save_document(NAME, &bytes)
}
