//! What a folder notes about the rows that were moved out of it: who it is, and how far it has come.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    hash::{BuildHasher as _, Hasher as _},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Mutex,
};

use serde::{Deserialize, Serialize};

use crate::{StoreError, disk};

const NAME: &str = "clickhouse.json";

/// What a folder notes.
#[derive(Debug)]
pub(crate) struct Note {
    path: PathBuf,
    folder: String,
    written: Mutex<Written>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Written {
    /// What rows of this folder are known by: made up once, so that no two folders share it.
    folder: String,
    /// For each table, the segment that was moved last.
    moved: BTreeMap<String, u32>,
    /// For each table, the highest segment that was ever moved.
    highest: BTreeMap<String, u32>,
}

impl Note {
    /// Whether a folder has one.
    pub(crate) fn is_in(folder: &Path) -> bool {
        folder.join(NAME).exists()
    }

    /// Opens the note of a folder; begins one if there is none.
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(NAME);
        let written = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|_error| StoreError::Damaged { path: path.clone() })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let none = BTreeMap::new();
                Written { folder: made_up(), moved: none.clone(), highest: none }
            }
            Err(error) => return Err(disk::failed("read", &path, error)),
        };
        let id = written.folder.clone();
        let note = Self { path, folder: id, written: Mutex::new(written.clone()) };
        note.write(&written)?;
        Ok(note)
    }

    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }

    /// The highest segment that was ever moved; 0 for none.
    pub(crate) fn highest(&self, table: &str) -> u32 {
        disk::lock(&self.written).highest.get(table).copied().unwrap_or(0)
    }

    /// Whether a segment is the one that was moved last, and so may not have been dropped yet.
    pub(crate) fn is_moved(&self, table: &str, segment: u32) -> bool {
        disk::lock(&self.written).moved.get(table) == Some(&segment)
    }

    /// Notes that all of a segment was moved; it survives power loss.
    pub(crate) fn set_moved(&self, table: &str, segment: u32) -> Result<(), StoreError> {
        let mut written = disk::lock(&self.written);
        let mut next = written.clone();
        next.moved.insert(table.to_owned(), segment);
        let highest = next.highest.entry(table.to_owned()).or_default();
        *highest = segment.max(*highest);
        self.write(&next)?;
        *written = next;
        Ok(())
    }

    fn write(&self, written: &Written) -> Result<(), StoreError> {
        let failed = |error| disk::failed("write", &self.path, error);
        let bytes = serde_json::to_vec(written).map_err(|error| failed(io::Error::other(error)))?;
        let beside = self.path.with_extension("json.part");
        let saved = File::create(&beside).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&beside, &self.path)
        });
        saved.map_err(failed)?;
        self.path.parent().map_or(Ok(()), disk::sync_folder)
    }
}

/// 16 digits that nobody else makes up.
fn made_up() -> String {
    format!("{:016x}", made_up_number())
}

/// A number that nobody else makes up, and that is not 0: of the system's randomness, by way of the hasher that is seeded
/// with it.
pub(crate) fn made_up_number() -> u64 {
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stays_who_it_is_and_knows_how_far_it_came() {
        let folder = tempfile::tempdir().unwrap();
        let note = Note::open(folder.path()).unwrap();
        assert_eq!((note.highest("spans"), note.is_moved("spans", 3)), (0, false));
        note.set_moved("spans", 3).unwrap();
        note.set_moved("logs", 9).unwrap();
        note.set_moved("spans", 2).unwrap();
        let again = Note::open(folder.path()).unwrap();
        assert_eq!(again.folder(), note.folder());
        assert_eq!((again.highest("spans"), again.highest("logs")), (3, 9));
        assert!(again.is_moved("spans", 2) && !again.is_moved("spans", 3));
    }

    #[test]
    fn two_folders_are_never_the_same() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (one, other) = (Note::open(one.path()).unwrap(), Note::open(other.path()).unwrap());
        assert_ne!(one.folder(), other.folder());
    }

    #[test]
    fn a_damaged_note_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(NAME), b"{").unwrap();
        assert!(matches!(Note::open(folder.path()), Err(StoreError::Damaged { .. })));
    }
}
