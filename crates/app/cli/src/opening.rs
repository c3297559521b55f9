//! Opening the store that the settings name: one way for all commands, so that none of them forgets what lies in
//! ClickHouse.

use config::Settings;
use store::{Folder, Recovery, StoreError, clickhouse::Trouble};

use crate::say::Failure;

/// The store of `store.folder`, together with what `[store.clickhouse]` has of it.
///
/// # Errors
///
/// Another process uses the folder, or the disk fails. A ClickHouse that is away is told by its answers.
pub(crate) fn open(settings: &Settings) -> Result<(Folder, Recovery), StoreError> {
    let sync = match settings.store.sync {
        config::Sync::Always => store::Syncing::Always,
        config::Sync::Os => store::Syncing::Os,
    };
    let options = store::Options { sync, ..store::Options::default() };
    let folder = &settings.store.folder;
    match engine::clickhouse(settings) {
        Some(clickhouse) => Folder::open_with_clickhouse(folder, options, &clickhouse),
        None => Folder::open(folder, options),
    }
}

/// What ClickHouse holds; `None` where the settings name none.
pub(crate) fn held(settings: &Settings) -> Option<Result<Vec<store::clickhouse::Held>, Trouble>> {
    engine::clickhouse(settings).map(|clickhouse| store::clickhouse::held(&clickhouse))
}

/// Why ClickHouse did not do its part, and what to do about it.
pub(crate) fn away(trouble: &Trouble) -> Failure {
    Failure::world(trouble).hint(trouble.hint())
}
