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

/// What was saved last; nothing if there is nothing, or if it is damaged: then findings are new.
pub(crate) fn load(store: &dyn Store) -> Result<Vec<(FindingId, Moment)>, StoreError> {
    let bytes = match store.load_document(NAME) {
        Err(StoreError::Damaged { .. }) => None,
        loaded => loaded?,
    };
    let bytes = bytes.unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use store::{Folder, Options};

    use super::*;

    #[test]
    fn a_damaged_document_is_begun_anew_and_one_of_a_later_version_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Folder::open(folder.path(), Options::default()).unwrap();
        let seen = BTreeMap::from([(FindingId(7), Moment { nanos: 9 })]);
        save(&store, &seen).unwrap();
        assert_eq!(load(&store).unwrap(), [(FindingId(7), Moment { nanos: 9 })]);
        let path = folder.path().join("document-findings");
        let sound = std::fs::read(&path).unwrap();
        let change = |at: usize, value| {
            let mut bytes = sound.clone();
            bytes[at] = value;
            std::fs::write(&path, bytes).unwrap();
        };
        change(sound.len() - 1, 0);
        assert_eq!(load(&store).unwrap(), []);
        change(7, 2);
        assert!(matches!(load(&store), Err(StoreError::Newer(_))));
        assert!(matches!(save(&store, &seen), Err(StoreError::Newer(_))));
    }
}
