//! Why nothing was changed or rehearsed, and what helps.

use postgres::{
    ConnectError,
    apply::ApplyError,
    clone::CloneError,
    rehearse::{Refusal, RehearseError},
};
use store::ledger::{LedgerError, State};

/// Why nothing was changed, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum FixError {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The database did.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// Another process is at the same remedy.
    #[error("another process of taut is at it")]
    Claimed,
    /// A rehearsal came to nothing.
    #[error(transparent)]
    Rehearse(#[from] RehearseError),
    /// There is no clone to rehearse on.
    #[error(transparent)]
    Clone(#[from] CloneError),
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It cannot be rehearsed, or not like that.
    #[error("{why}")]
    NotRehearsed {
        /// Why not.
        why: String,
        /// What may help.
        hint: String,
    },
    /// It is in force, which nothing rehearses.
    #[error("it is {state}: the database has it already")]
    InForce {
        /// Where it stands.
        state: State,
    },
    /// It is a change of code.
    #[error("it is a statement to be written another way, in the code of the application")]
    Code,
    /// Somebody told it to stop; nothing is left of it.
    #[error("stopped")]
    Stopped,
    /// Nothing is known that would take it back.
    #[error("there is nothing that would take it back")]
    OneWay,
    /// The database does not have it.
    #[error("it is {state}, and not applied")]
    NotInForce {
        /// Where it stands.
        state: State,
    },
}

impl FixError {
    /// What may help.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Apply(error) => error.hint(),
            Self::Ledger(LedgerError::Server { .. }) => crate::history::AWAY.to_owned(),
            Self::Ledger(LedgerError::Unsure { .. }) => crate::history::UNSURE.to_owned(),
            Self::Ledger(_) => "the ledger lies in the folder of the store: --store".to_owned(),
            Self::Rehearse(RehearseError::Refused(Refusal::Primary)) => {
                "--on takes the address of a replica; --clone here|URL makes a clone; --on-primary runs it there all the same"
                    .to_owned()
            }
            Self::Rehearse(RehearseError::Refused(refusal)) => refusal.hint().to_owned(),
            Self::Rehearse(_) => {
                "nothing is left of it; trying again is safe, --timeout is how long a run may take".to_owned()
            }
            Self::Clone(CloneError::SameServer) => {
                "--clone here says that the clone may lie on the same server".to_owned()
            }
            Self::Clone(error) => error.hint().to_owned(),
            Self::Connect(error) => error.hint().to_owned(),
            Self::NotRehearsed { hint, .. } => hint.clone(),
            Self::InForce { .. } => "--check tells whether it works".to_owned(),
            Self::Code => {
                "change the statement there; --rehearse compares both, and their rows".to_owned()
            }
            Self::Stopped => "nothing is left of it".to_owned(),
            Self::Claimed => "wait for it, or stop it".to_owned(),
            Self::OneWay => "it cannot be undone by a statement".to_owned(),
            Self::NotInForce { .. } => "apply it first".to_owned(),
        }
    }
}
