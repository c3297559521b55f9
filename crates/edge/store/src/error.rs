//! Why a store could not do as asked.

use std::path::PathBuf;

use crate::clickhouse;

/// A file that a newer version of Taut wrote. It is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is of version {found}, and this Taut reads up to {known}: use the newer one")]
pub struct Newer {
    /// The file.
    pub path: PathBuf,
    /// Its version.
    pub found: u32,
    /// The newest version that is read here.
    pub known: u32,
}

/// Why the store could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No space is left; reads go on, and writes once there is space again.
    #[error("no space left for `{path}`")]
    Full {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The disk or the file system failed.
    #[error("failed to {action} `{path}`")]
    Disk {
        /// What was tried: `open`, `write`, `sync`, `read`, `remove`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Another process uses the folder.
    #[error("`{path}` is in use by another process")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// A newer version of Taut wrote a file.
    #[error(transparent)]
    Newer(#[from] Newer),
    /// A file does not hold what was written to it.
    #[error("`{path}` is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// ClickHouse, where what is cold is kept, could not do as asked; its `hint` says what to do.
    #[error(transparent)]
    ClickHouse(clickhouse::Trouble),
    /// It was asked about what this store does not keep.
    #[error("no {table} are kept here")]
    NotKept {
        /// What.
        table: &'static str,
    },
    /// What was asked is beyond a limit; the same will be refused again.
    #[error("refused to keep {what}: {why}")]
    Refused {
        /// What was to be kept.
        what: String,
        /// Which limit it is beyond.
        why: &'static str,
    },
}
