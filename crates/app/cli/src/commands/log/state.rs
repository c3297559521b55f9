//! What an earlier run read, so that the next adds only what is new.
//!
//! A file is known by its first bytes and by the last ones that were read, not by its name: one that was renamed,
//! copied or compressed by rotation is the same file, one that begins anew under the old name is another.

use std::{fs, io, path::Path};

use observe::postgres_log::Summary;
use serde::{Deserialize, Serialize};

use super::{files::Input, filter::Filter};
use crate::say::Failure;

/// The form of the file; another one is refused.
const VERSION: u32 = 1;
/// Files that are remembered: years of daily rotation.
const FILES_MAX: usize = 5_000;
/// Bytes at the start of a file, and before where reading stopped, by which it is known.
pub(super) const HEAD_BYTES: usize = 4_096;
pub(super) const TAIL_BYTES: usize = 256;

/// What was read, and what it came to.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    version: u32,
    filter: Filter,
    files: Vec<Known>,
    /// All that was read so far.
    pub(super) summary: Summary,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// Bytes read, once decompressed.
    pub(super) read_bytes: u64,
    /// How many bytes the first hash is of.
    pub(super) head_bytes: usize,
    pub(super) head_hash: u64,
    /// How many bytes before where reading stopped the second hash is of.
    pub(super) tail_bytes: usize,
    pub(super) tail_hash: u64,
    /// Its prefix, so that a short piece is read like the rest.
    pub(super) prefix: Option<String>,
}

impl State {
    /// Reads what an earlier run wrote; a file that is not there is one in which nothing was read.
    pub(super) fn load(path: &Path, input: &Input) -> Result<Self, Failure> {
        let fresh = Self { version: VERSION, filter: input.filter.clone(), ..Self::default() };
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            Failure::of_the_world(format!(
                "failed to read the state `{}`: {what}{error}",
                path.display()
            ))
            .hint("remove it to begin anew; it is written by `taut log --state`")
        };
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(fresh),
            Err(error) => return Err(failed("", &error)),
        };
        let state: Self = serde_json::from_slice(&bytes).map_err(|error| failed("", &error))?;
        if state.version != VERSION {
            return Err(failed("it is of another version, ", &state.version));
        }
        if state.filter != input.filter {
            return Err(Failure::use_of(format!(
                "the state `{}` was made with other filters",
                path.display()
            ))
            .hint("use one state for each set of `--from`, `--to`, `--database`, `--user`, `--application`"));
        }
        Ok(state)
    }

    /// Writes it: all of it or nothing.
    pub(super) fn save(&self, path: &Path) -> Result<(), Failure> {
        let failed = |error: io::Error| {
            Failure::of_the_world(format!("failed to write the state `{}`", path.display()))
                .hint(error.to_string())
        };
        let text = serde_json::to_vec(self).map_err(io::Error::other).map_err(failed)?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        fs::write(&beside, text).map_err(failed)?;
        fs::rename(&beside, path).map_err(failed)
    }

    /// What is known of the file that begins like this; of several, what was read furthest.
    pub(super) fn known(&self, head: &[u8]) -> Option<Known> {
        let same = |known: &&Known| {
            let begin = head.get(..known.head_bytes);
            begin.is_some_and(|begin| !begin.is_empty() && sql::hash(begin) == known.head_hash)
        };
        self.files.iter().filter(same).max_by_key(|known| known.read_bytes).cloned()
    }

    /// Remembers a file, in the place of what was known of it.
    pub(super) fn remember(&mut self, before: Option<&Known>, known: Known) {
        self.files.retain(|one| Some(one) != before && *one != known);
        if FILES_MAX <= self.files.len() {
            self.files.remove(0);
        }
        self.files.push(known);
    }
}
