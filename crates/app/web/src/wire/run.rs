//! Runs that were recorded, on the wire: what of the ledger can be opened again.

use serde::{Deserialize, Serialize};
use store::ledger;
use utoipa::ToSchema;

use super::LedgerEntry;

/// Runs that were recorded, the newest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Runs {
    /// What passed, the newest first; at most 100.
    pub runs: Vec<LedgerEntry>,
    /// How many passed, of which these may be the newest, or those before `before`.
    pub total: usize,
    /// How many there are of each kind, whatever passed.
    pub kinds: Vec<RunCount>,
    /// What to ask `before` of for older ones; absent where these are the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub older: Option<i64>,
    /// They are kept in PostgreSQL, where several share them.
    pub shared: bool,
}

/// How many runs there are of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct RunCount {
    /// The kind.
    pub kind: RunKind,
    /// How many.
    pub count: usize,
}

/// Kinds of runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunKind {
    /// Load at a rate, or of so many users.
    Load,
    /// A search for what a target holds.
    Limit,
    /// Recorded requests, played again.
    Replay,
    /// Before against after.
    Comparison,
    /// Budgets and baselines, held against a test run.
    Check,
}

impl RunKind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Load, Self::Limit, Self::Replay, Self::Comparison, Self::Check];
}

impl From<ledger::RunKind> for RunKind {
    fn from(kind: ledger::RunKind) -> Self {
        match kind {
            ledger::RunKind::Load => Self::Load,
            ledger::RunKind::Limit => Self::Limit,
            ledger::RunKind::Replay => Self::Replay,
            ledger::RunKind::Check => Self::Check,
        }
    }
}
