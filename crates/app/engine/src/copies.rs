//! Copies of old blocks in S3-compatible storage.
//!
//! A block is copied once all in it is older than a while, before it is thinned or dropped; copies stay when it is. When
//! blocks that were copied are put together, the larger one takes the place of their copies, so that whoever
//! reads the bucket finds each row once.

use std::{
    collections::BTreeSet,
    io,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use model::Moment;
use objects::{Bucket, Object, ObjectsError};
use store::{BlockFile, Store, StoreError};

use crate::live::{in_full, lock};

/// Copies of blocks.
#[derive(Debug)]
pub(crate) struct Copier {
    bucket: Bucket,
    /// The age from which blocks are copied.
    after: Duration,
    /// What is known to be there; `None` until it was asked for.
    there: Mutex<Option<Vec<Object>>>,
    seen: Seen,
    /// Why the last try failed.
    problem: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
struct Seen {
    copied: AtomicU64,
    copied_bytes: AtomicU64,
    failed: AtomicU64,
    due: AtomicU64,
}

/// What became of copies since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CopiesSeen {
    /// Blocks that were copied.
    pub copied: u64,
    /// Their bytes.
    pub copied_bytes: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Blocks that are old enough and not copied yet.
    pub due: u64,
}

/// Why blocks could not be copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The storage.
    #[error("failed to copy blocks to `{address}`")]
    Objects {
        /// Where they are copied to.
        address: String,
        /// What it said.
        #[source]
        source: ObjectsError,
    },
    /// The store.
    #[error("failed to list blocks")]
    Store(#[source] StoreError),
}

impl CopyError {
    /// All of it, with what to do about it where that is known.
    fn told(&self) -> String {
        let hint = match self {
            Self::Objects { source, .. } => source.hint(),
            Self::Store(_) => None,
        };
        let told = in_full(self);
        hint.map_or_else(|| told.clone(), |hint| format!("{told} ({hint})"))
    }
}

impl Copier {
    /// `None` if nothing is to be copied.
    ///
    /// # Errors
    ///
    /// The server is none.
    pub(crate) fn new(copies: &config::Copies) -> Result<Option<Self>, ObjectsError> {
        let Some(address) = copies.to.clone() else { return Ok(None) };
        let bucket =
            Bucket::new(address, &copies.server(), &copies.region, copies.access.as_ref())?;
        let (there, problem) = (Mutex::default(), Mutex::default());
        Ok(Some(Self { bucket, after: copies.after, there, seen: Seen::default(), problem }))
    }

    pub(crate) fn seen(&self) -> CopiesSeen {
        CopiesSeen {
            copied: self.seen.copied.load(Relaxed),
            copied_bytes: self.seen.copied_bytes.load(Relaxed),
            failed: self.seen.failed.load(Relaxed),
            due: self.seen.due.load(Relaxed),
        }
    }

    /// Why the last try failed; `None` if it did not.
    pub(crate) fn problem(&self) -> Option<String> {
        lock(&self.problem).clone()
    }

    /// Copies what is due, the oldest first, until all is there, something fails, or `stopping`.
    pub(crate) fn copy(
        &self,
        store: &dyn Store,
        now: Moment,
        stopping: &AtomicBool,
    ) -> Result<(), CopyError> {
        let outcome = self.copy_all(store, now, stopping);
        if outcome.is_err() {
            self.seen.failed.fetch_add(1, Relaxed);
            // Whatever it was, the bucket may not be what it seemed to be.
            *lock(&self.there) = None;
        }
        *lock(&self.problem) = outcome.as_ref().err().map(CopyError::told);
        outcome
    }

    fn copy_all(
        &self,
        store: &dyn Store,
        now: Moment,
        stopping: &AtomicBool,
    ) -> Result<(), CopyError> {
        let mut known = lock(&self.there);
        let there = match &mut *known {
            Some(there) => there,
            unknown => unknown.insert(self.bucket.list().map_err(|error| self.failed(error))?),
        };
        let blocks = store.blocks().map_err(CopyError::Store)?;
        let due = due(&blocks, there, now - self.after);
        self.seen.due.store(due.len() as u64, Relaxed);
        for block in due {
            if stopping.load(Relaxed) {
                return Ok(());
            }
            let bytes = match self.bucket.put(&block.name, &block.path) {
                // It has become part of a larger one, or was dropped.
                Err(ObjectsError::File { source, .. })
                    if source.kind() == io::ErrorKind::NotFound =>
                {
                    continue;
                }
                other => other.map_err(|error| self.failed(error))?,
            };
            self.seen.copied.fetch_add(1, Relaxed);
            self.seen.copied_bytes.fetch_add(bytes, Relaxed);
            self.seen.due.fetch_sub(1, Relaxed);
            let parts: Vec<String> =
                stands_for(&block, there).into_iter().map(str::to_owned).collect();
            there.retain(|object| object.name != block.name);
            there.push(Object { name: block.name, bytes });
            for part in parts {
                self.bucket.remove(&part).map_err(|error| self.failed(error))?;
                there.retain(|object| object.name != part);
            }
        }
        Ok(())
    }

    fn failed(&self, source: ObjectsError) -> CopyError {
        CopyError::Objects { address: self.bucket.address().to_string(), source }
    }
}

/// Blocks of which all was received before `before`, are whole, and are not there yet, the oldest first.
fn due(blocks: &[BlockFile], there: &[Object], before: Moment) -> Vec<BlockFile> {
    let there: BTreeSet<(&str, u64)> =
        there.iter().map(|object| (object.name.as_str(), object.bytes)).collect();
    let mut due: Vec<BlockFile> = blocks
        .iter()
        .filter(|block| block.is_whole && block.received.1 < before)
        .filter(|block| !there.contains(&(block.name.as_str(), block.bytes)))
        .cloned()
        .collect();
    due.sort_by(|one, other| (one.received, &one.name).cmp(&(other.received, &other.name)));
    due
}

/// Copies that a block that was put together of their blocks stands for.
fn stands_for<'a>(block: &BlockFile, there: &'a [Object]) -> Vec<&'a str> {
    let Some(whole) = Run::of(&block.name) else { return Vec::new() };
    let parts = there.iter().filter(|object| {
        Run::of(&object.name).is_some_and(|part| part != whole && whole.holds(&part))
    });
    parts.map(|object| object.name.as_str()).collect()
}

/// The segments that a block stands for, as its name tells: `spans-000001-000004.parquet`.
#[derive(Debug, PartialEq, Eq)]
struct Run<'a> {
    signal: &'a str,
    first: u32,
    last: u32,
}

impl<'a> Run<'a> {
    fn of(name: &'a str) -> Option<Self> {
        let mut parts = name.strip_suffix(".parquet")?.split('-');
        let (signal, first, last) = (parts.next()?, parts.next()?, parts.next()?);
        let run = Self { signal, first: first.parse().ok()?, last: last.parse().ok()? };
        (parts.next().is_none() && run.first <= run.last).then_some(run)
    }

    fn holds(&self, other: &Self) -> bool {
        self.signal == other.signal && self.first <= other.first && other.last <= self.last
    }
}

#[cfg(test)]
mod tests;
