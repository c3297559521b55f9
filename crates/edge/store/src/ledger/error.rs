//! Why the ledger could not do as asked.

use std::path::{Path, PathBuf};

use super::{RemedyId, State};

/// Why the ledger could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The folder or a file in it cannot be made.
    #[error("failed to make `{path}`")]
    Folder {
        /// What was to be made.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// SQLite failed: the disk is full, the file is damaged, somebody holds it.
    #[error("failed to {action} the ledger `{path}`")]
    Sqlite {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// The server that has it failed, or is away. Nothing was noted.
    #[error("failed to {action} the ledger at `{server}`")]
    Server {
        /// What was tried.
        action: &'static str,
        /// Host, port and database.
        server: String,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The connection to the server broke while it kept something: nobody knows whether it did.
    #[error("failed to {action} the ledger at `{server}`, and whether it was noted is not known")]
    Unsure {
        /// What was tried.
        action: &'static str,
        /// Host, port and database.
        server: String,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A newer version of Taut wrote it.
    #[error(
        "the ledger `{path}` is of version {found}, and this Taut knows {known}: use the newer one"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Version of its schema.
        found: i64,
        /// Newest version that is known here.
        known: i64,
    },
    /// An entry does not read as one.
    #[error("an entry of the ledger `{path}` is damaged")]
    Entry {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A result beside a record does not read as one.
    #[error("the result of record {record} in the ledger `{path}` is damaged")]
    Result {
        /// The file.
        path: PathBuf,
        /// Number of the record.
        record: i64,
    },
    /// There is no such remedy.
    #[error("the ledger has no remedy {}", id.0)]
    Unknown {
        /// Which.
        id: RemedyId,
    },
    /// A note is not one that can be kept.
    #[error("failed to note {what} of a finding")]
    Note {
        /// What is wrong with it.
        what: &'static str,
    },
    /// What was to be kept is not complete, or too long.
    #[error("failed to keep a {kind}: {what}")]
    Record {
        /// `decision`, `run`, `proof`.
        kind: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The history does not go on like this.
    #[error("a remedy that is {state} cannot become {event}")]
    Refused {
        /// Where it stands.
        state: State,
        /// What was to be appended.
        event: &'static str,
    },
    /// The entry is beyond what one may hold.
    #[error("an entry of {bytes} bytes is too long for the ledger")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
}

impl LedgerError {
    /// The file is damaged, or no ledger at all.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        matches!(self, Self::Entry { .. } | Self::Result { .. })
            || matches!(self.code(), Some(DatabaseCorrupt | NotADatabase))
    }

    /// There is no room on its disk. Nothing was noted.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.code() == Some(rusqlite::ErrorCode::DiskFull)
    }

    fn code(&self) -> Option<rusqlite::ErrorCode> {
        match self {
            Self::Sqlite { source, .. } => source.sqlite_error_code(),
            _ => None,
        }
    }

    pub(super) fn of(action: &'static str, path: &Path, source: rusqlite::Error) -> Self {
        Self::Sqlite { action, path: path.to_path_buf(), source }
    }
}
