//! Where findings stand, on the wire, and what people say of them.

use engine::{Happened, Progress};
use serde::{Deserialize, Serialize};
use store::ledger::{self, Said};
use utoipa::ToSchema;

use super::unix_ms;

/// Where a finding stands.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum FindingState {
    /// Nobody has said anything of it.
    #[default]
    New,
    /// It shall be fixed.
    Accepted,
    /// Somebody is at it.
    InWork,
    /// The remedy is in.
    Applied,
    /// The remedy is in, and was measured to work.
    Proven,
    /// The remedy was taken back.
    Reverted,
    /// It stays as it is, for a reason.
    Dismissed,
}

impl FindingState {
    /// Whether something is left to do.
    pub(crate) fn is_open(self) -> bool {
        !matches!(self, Self::Proven | Self::Dismissed)
    }
}

impl From<ledger::FindingState> for FindingState {
    fn from(state: ledger::FindingState) -> Self {
        match state {
            ledger::FindingState::New => Self::New,
            ledger::FindingState::Accepted => Self::Accepted,
            ledger::FindingState::InWork => Self::InWork,
            ledger::FindingState::Applied => Self::Applied,
            ledger::FindingState::Proven => Self::Proven,
            ledger::FindingState::Reverted => Self::Reverted,
            ledger::FindingState::Dismissed => Self::Dismissed,
        }
    }
}

impl From<FindingState> for ledger::FindingState {
    fn from(state: FindingState) -> Self {
        match state {
            FindingState::New => Self::New,
            FindingState::Accepted => Self::Accepted,
            FindingState::InWork => Self::InWork,
            FindingState::Applied => Self::Applied,
            FindingState::Proven => Self::Proven,
            FindingState::Reverted => Self::Reverted,
            FindingState::Dismissed => Self::Dismissed,
        }
    }
}

/// Where a finding stands, and who has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct FindingProgress {
    /// The finding.
    pub id: String,
    /// Where.
    pub state: FindingState,
    /// Since when; absent as long as nobody has said anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_unix_ms: Option<u64>,
    /// Who has it, as free text; empty for nobody.
    pub assignee: String,
    /// Why it stands there; empty if nothing was said.
    pub reason: String,
    /// What happened, in order; empty in lists.
    pub history: Vec<FindingEvent>,
}

/// Something that happened to a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FindingEvent {
    /// When.
    pub unix_ms: u64,
    /// Where it stood from then on; absent where that did not change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<FindingState>,
    /// Who has it from then on; absent where that did not change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// Number of the remedy that went on, as `taut fix` names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<i64>,
    /// The reason, the remark, or where the remedy stands; may be empty.
    pub words: String,
}

impl FindingProgress {
    /// Without what happened, for lists.
    pub(crate) fn brief(id: model::FindingId, progress: &Progress) -> Self {
        Self {
            id: id.to_string(),
            state: progress.state.into(),
            since_unix_ms: progress.since.map(unix_ms),
            assignee: progress.assignee.clone(),
            reason: progress.reason.clone(),
            history: Vec::new(),
        }
    }

    /// With all that happened.
    pub(crate) fn whole(id: model::FindingId, progress: &Progress) -> Self {
        let history = progress.history.iter().map(FindingEvent::from).collect();
        Self { history, ..Self::brief(id, progress) }
    }
}

impl From<&engine::Happening> for FindingEvent {
    fn from(happening: &engine::Happening) -> Self {
        let (mut state, mut assignee, mut remedy) = (None, None, None);
        let words = match &happening.what {
            Happened::Said(Said::State { state: stands, reason }) => {
                state = Some((*stands).into());
                reason.clone()
            }
            Happened::Said(Said::Assigned { to }) => {
                assignee = Some(to.clone());
                String::new()
            }
            Happened::Said(Said::Remark { text }) => text.clone(),
            Happened::Remedy { id, state: stands } => {
                remedy = Some(*id);
                stands.to_string()
            }
        };
        Self { unix_ms: unix_ms(happening.time), state, assignee, remedy, words }
    }
}

/// What somebody says of a finding; whatever is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindingNote {
    /// Where it stands from now on.
    pub state: Option<FindingState>,
    /// Why; a dismissal has to have a reason.
    pub reason: Option<String>,
    /// Who has it from now on; empty for nobody.
    pub assignee: Option<String>,
    /// Something worth remembering.
    pub remark: Option<String>,
}

impl FindingNote {
    /// What is said, one after the other.
    pub(crate) fn said(self) -> Vec<Said> {
        let reason = self.reason.unwrap_or_default();
        let state = self.state.map(|state| Said::State { state: state.into(), reason });
        let assigned = self.assignee.map(|to| Said::Assigned { to: to.trim().to_owned() });
        let remark = self.remark.map(|text| Said::Remark { text });
        [state, assigned, remark].into_iter().flatten().collect()
    }
}
