//! Events that make the cache forget: where they are heard of.

use crate::plan::Secret;

/// A channel of PostgreSQL, on which triggers tell what changed (`NOTIFY`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSettings {
    /// The database, as libpq takes it.
    pub url: Secret,
    /// The channel.
    pub channel: String,
}
