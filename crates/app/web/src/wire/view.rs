//! Saved views on the wire, and as they are kept.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Saved views, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Views {
    /// Those that there are.
    pub views: Vec<SavedView>,
}

/// A question with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedView {
    /// What it is called.
    pub name: String,
    /// The query of its address: `where=…&group=…`.
    pub query: String,
}
