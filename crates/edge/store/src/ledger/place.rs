//! Where a ledger lies: in a folder, or on a server that several machines share.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// Where a ledger lies.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct LedgerPlace {
    /// The folder of the store, in which it lies unless a server is named.
    pub folder: PathBuf,
    /// The address of a PostgreSQL database, its password included.
    pub server: Option<String>,
}

impl LedgerPlace {
    /// How it is called in words: the folder, or host, port and database.
    #[must_use]
    pub fn name(&self) -> String {
        let folder = || self.folder.display().to_string();
        self.server.as_deref().map_or_else(folder, super::server::name_of)
    }
}

impl From<&Path> for LedgerPlace {
    fn from(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf(), server: None }
    }
}

impl From<&PathBuf> for LedgerPlace {
    fn from(folder: &PathBuf) -> Self {
        Self::from(folder.as_path())
    }
}

impl From<&Self> for LedgerPlace {
    fn from(place: &Self) -> Self {
        place.clone()
    }
}

/// Without the address, which may hold a password.
impl fmt::Debug for LedgerPlace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = self.server.as_ref().map(|_address| "…");
        out.debug_struct("LedgerPlace")
            .field("folder", &self.folder)
            .field("server", &server)
            .finish()
    }
}
