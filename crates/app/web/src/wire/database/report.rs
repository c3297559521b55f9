//! A database that was looked at once, as `taut find --json` prints it.

use engine::database::DatabaseFound;
use serde::Serialize;
use utoipa::ToSchema;

use super::{IndexSet, MissingRight};
use crate::wire::Window;

/// A database that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DatabaseReport {
    /// Its name.
    pub name: String,
    /// Version of the server.
    pub version: String,
    /// It is a standby.
    pub standby: bool,
    /// Its size.
    pub bytes: u64,
    /// Since when counters count.
    pub window: Window,
    /// They count since the last reset, not since a poll before.
    pub since_reset: bool,
    /// Statements that are known.
    pub statements: usize,
    /// Runs of them within the window.
    pub calls: u64,
    /// Their time within the window.
    pub statement_ms: f64,
    /// Database time that looking took.
    pub own_ms: f64,
    /// Indexes that were chosen together for its statements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<IndexSet>,
    /// What could not be read, what that costs, and how to read it.
    pub missing: Vec<MissingRight>,
    /// What was odd, or not looked at.
    pub notes: Vec<String>,
}

impl From<&DatabaseFound> for DatabaseReport {
    fn from(found: &DatabaseFound) -> Self {
        let database = &found.database;
        let missing = database.missing.iter().map(|missing| MissingRight {
            what: missing.what.to_string(),
            costs: missing.costs.clone(),
            hint: missing.hint.clone(),
        });
        Self {
            name: database.name.to_string(),
            version: database.server.version.to_string(),
            standby: database.server.recovery == model::database::Recovery::Standby,
            bytes: database.bytes,
            window: database.window.into(),
            since_reset: database.since_reset,
            statements: database.statements.len(),
            calls: database.statements.iter().map(|it| it.runs.calls).sum(),
            statement_ms: database.statements.iter().map(|it| it.runs.total_millis).sum(),
            own_ms: database.own_millis,
            proposal: found.proposal.as_ref().map(IndexSet::from),
            missing: missing.collect(),
            notes: database.notes.iter().chain(&found.notes).cloned().collect(),
        }
    }
}
