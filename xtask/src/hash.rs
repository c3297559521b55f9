//! One number for the contents of files: what was built from them is still good while it is the same.
//!
//! FNV-1a, 64 bits; it guards against forgetting, not against malice.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The hash of all files below `folder`, names included, except those whose first step below it is in `without`.
pub(crate) fn folder(folder: &Path, without: &[&str]) -> io::Result<String> {
    let mut files = Vec::new();
    collect(folder, without, &mut files)?;
    files.sort();
    let mut hash = OFFSET;
    for path in files {
        let name = path.strip_prefix(folder).unwrap_or(&path);
        add(&mut hash, name.as_os_str().as_encoded_bytes());
        add(&mut hash, &[0]);
        add(&mut hash, &fs::read(&path)?);
        add(&mut hash, &[0]);
    }
    Ok(format!("{hash:016x}"))
}

/// The hash of one file.
pub(crate) fn file(path: &Path) -> io::Result<String> {
    let mut hash = OFFSET;
    add(&mut hash, &fs::read(path)?);
    Ok(format!("{hash:016x}"))
}

fn collect(folder: &Path, without: &[&str], files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if without.iter().any(|other| name == **other) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), &[], files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn add(hash: &mut u64, bytes: &[u8]) {
    for byte in bytes {
        *hash = (*hash ^ u64::from(*byte)).wrapping_mul(PRIME);
    }
}
