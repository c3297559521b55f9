//! Small files that are replaced as a whole: the engine's state.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use crate::{
    DOCUMENT_BYTES_MAX, Newer, StoreError,
    disk::{self, Written},
};

const MAGIC: [u8; 7] = *b"tautdoc";

/// The version that is written, and the newest one that is read. A later one keeps the head as it is.
const VERSION: u8 = 1;

/// Magic, version, length (8 bytes), checksum (4 bytes).
const HEAD_BYTES: usize = 20;

/// Reads a document; see [`crate::Store::load_document`].
pub(crate) fn load(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let path = path(folder, name)?;
    let mut bytes = Vec::new();
    let longest = (HEAD_BYTES + DOCUMENT_BYTES_MAX + 1) as u64;
    match File::open(&path).and_then(|file| file.take(longest).read_to_end(&mut bytes)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(disk::failed("read", &path, error)),
        Ok(_) => {}
    }
    let found = bytes.split_first_chunk::<HEAD_BYTES>().and_then(|(found, content)| {
        let version = found[VERSION_AT];
        (*found == head(content, version)).then_some(version)
    });
    match found {
        Some(VERSION) => {}
        Some(found) if VERSION < found => return Err(newer(path, found)),
        _ => return Err(StoreError::Damaged { path }),
    }
    drop(bytes.drain(..HEAD_BYTES));
    Ok(Some(bytes))
}

/// Replaces a document; see [`crate::Store::save_document`].
pub(crate) fn save(folder: &Path, name: &str, content: &[u8]) -> Result<(), StoreError> {
    let path = path(folder, name)?;
    if DOCUMENT_BYTES_MAX < content.len() {
        let what = format!("{} bytes as `{name}`", content.len());
        return Err(StoreError::Refused { what, why: "a document has at most 64 MiB" });
    }
    if let Some(found) = version_of(&path).filter(|found| VERSION < *found) {
        return Err(newer(path, found));
    }
    let next = path.with_extension("next");
    let written = Written::create(&next).and_then(|file| {
        file.write_all_at(&head(content, VERSION), 0)?;
        file.write_all_at(content, HEAD_BYTES as u64)?;
        file.sync()
    });
    if let Err(error) = written {
        // It may hold half of it; what cannot be removed now is overwritten by the next save.
        drop(disk::remove(&next));
        return Err(disk::failed("write", &next, error));
    }
    disk::rename(&next, &path).map_err(|error| disk::failed("write", &path, error))?;
    disk::sync_folder(folder)
}

/// Where in the head the version is.
const VERSION_AT: usize = MAGIC.len();

/// The version that a document says it is of, if it is one.
fn version_of(path: &Path) -> Option<u8> {
    let mut head = [0; VERSION_AT + 1];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).ok()?;
    head.starts_with(&MAGIC).then_some(head[VERSION_AT])
}

fn newer(path: PathBuf, found: u8) -> StoreError {
    StoreError::Newer(Newer { path, found: found.into(), known: VERSION.into() })
}

fn head(content: &[u8], version: u8) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..VERSION_AT].copy_from_slice(&MAGIC);
    head[VERSION_AT] = version;
    head[8..16].copy_from_slice(&(content.len() as u64).to_le_bytes());
    head[16..].copy_from_slice(&crc32c::crc32c(content).to_le_bytes());
    head
}

fn path(folder: &Path, name: &str) -> Result<PathBuf, StoreError> {
    let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(folder.join(format!("document-{name}")))
    } else {
        let what = format!("a document called {name:?}");
        Err(StoreError::Refused { what, why: "its name is not 1 to 64 of `a-z`, `0-9` and `-`" })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_document_is_read_as_it_was_saved_last() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load(folder.path(), "findings").unwrap(), None);
        for content in [&b""[..], b"one", &[0xff; 10_000], b"last"] {
            save(folder.path(), "findings", content).unwrap();
            assert_eq!(load(folder.path(), "findings").unwrap().unwrap(), content);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        save(folder.path(), "findings", b"content").unwrap();
        let path = folder.path().join("document-findings");
        let sound = fs::read(&path).unwrap();
        for place in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[place] ^= 0x10;
            fs::write(&path, &bytes).unwrap();
            let loaded = load(folder.path(), "findings");
            if place == VERSION_AT {
                // Nothing tells it from a later version.
                assert!(matches!(loaded, Err(StoreError::Newer(_))));
            } else {
                assert!(matches!(loaded, Err(StoreError::Damaged { .. })));
            }
            fs::write(&path, &sound[..place]).unwrap();
            assert!(matches!(load(folder.path(), "findings"), Err(StoreError::Damaged { .. })));
        }
    }

    #[test]
    fn a_document_of_a_later_version_is_refused_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("document-findings");
        let later = [&head(b"later", 2)[..], b"later"].concat();
        fs::write(&path, &later).unwrap();
        let refused = load(folder.path(), "findings").unwrap_err().to_string();
        assert!(
            refused.ends_with("is of version 2, and this Taut reads up to 1: use the newer one")
        );
        assert!(matches!(save(folder.path(), "findings", b"x"), Err(StoreError::Newer(_))));
        assert_eq!(fs::read(&path).unwrap(), later);
    }

    #[test]
    fn names_that_are_paths_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["", "..", "a/b", "A", "a.next", "é", &"a".repeat(65)] {
            assert!(matches!(load(folder.path(), name), Err(StoreError::Refused { .. })), "{name}");
            assert!(matches!(save(folder.path(), name, b""), Err(StoreError::Refused { .. })));
        }
    }
}
