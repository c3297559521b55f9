//! What can go wrong while a change is made or taken back, and what helps.

use model::database::TableName;
use tokio_postgres::error::SqlState;

use super::{Holder, JournalError};
use crate::ConnectError;

/// Why a change was not made, or not taken back.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server went away and did not come back in time.
    #[error("the server went away and did not come back{}", left_text(left))]
    Lost {
        /// The index that may be left behind; empty if none.
        left: String,
    },
    /// It is a standby, or takes no writes for another reason.
    #[error("the server takes no writes: {why}")]
    ReadOnly {
        /// Why.
        why: &'static str,
    },
    /// There is no such table.
    #[error("there is no table {table}")]
    NoTable {
        /// As it was named.
        table: String,
    },
    /// The role may not.
    #[error("{role} may not change {what}: it belongs to {owner}")]
    NotOwner {
        /// Who asked.
        role: String,
        /// Of what.
        what: String,
        /// Whose it is.
        owner: String,
    },
    /// Something else has the name.
    #[error("the name {name} is taken by another index: {definition}")]
    NameTaken {
        /// The name.
        name: String,
        /// What has it.
        definition: String,
    },
    /// It is not done, and why.
    #[error("{what} is not done: {why}")]
    Refused {
        /// The statement or index.
        what: String,
        /// Why.
        why: String,
    },
    /// Another run is at it.
    #[error("another run of taut is at it: {holder}")]
    Busy {
        /// Who.
        holder: Holder,
    },
    /// Others hold a lock that is needed.
    #[error("others hold a lock on {what}{}", left_text(left))]
    Locked {
        /// On what.
        what: String,
        /// Who.
        holders: Vec<Holder>,
        /// The index that could not be cleared; empty if none.
        left: String,
    },
    /// The server refused a statement.
    #[error("the server refused `{sql}`{}", left_text(left))]
    Statement {
        /// The statement.
        sql: String,
        /// What it said.
        #[source]
        said: Said,
        /// The index that could not be cleared; empty if none.
        left: String,
    },
    /// A question about the catalogs failed.
    #[error("failed to read {what}")]
    Read {
        /// What.
        what: &'static str,
        /// What the server said.
        #[source]
        said: Said,
    },
    /// The statement went through, and the index is not usable.
    #[error("the index {name} was built and is not valid{}", left_text(left))]
    Invalid {
        /// The index.
        name: String,
        /// The index that could not be cleared; empty if none.
        left: String,
    },
    /// Somebody told it to stop.
    #[error("stopped{}", left_text(left))]
    Stopped {
        /// The index that could not be cleared; empty if none.
        left: String,
    },
    /// The journal could not take note; nothing was sent that is not in it.
    #[error("failed to note what is done")]
    Journal {
        /// Why.
        #[source]
        source: JournalError,
    },
}

fn left_text(left: &str) -> String {
    if left.is_empty() {
        String::new()
    } else {
        format!("; the index {left} is left behind, not valid")
    }
}

impl ApplyError {
    /// What may help.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Connect(error) => error.hint().to_owned(),
            Self::Lost { .. } => {
                "once it is back, run the same again: it looks at what became of the build, \
                                  and goes on or clears up"
                    .to_owned()
            }
            Self::ReadOnly { .. } => "give the address of the primary".to_owned(),
            Self::NoTable { .. } => {
                "check database and schema; names with capitals need double quotes".to_owned()
            }
            Self::NotOwner { owner, .. } => format!(
                "connect as {owner}, or let an administrator run: GRANT {} TO the role of the address",
                sql::identifier(owner)
            ),
            Self::NameTaken { .. } => "drop or rename that one, or choose another name".to_owned(),
            Self::Refused { .. } => "the statement can still be run by hand".to_owned(),
            Self::Busy { .. } => "wait for it, or stop it".to_owned(),
            Self::Locked { holders, .. } => holders.first().map_or_else(
                || "try again at a quieter time".to_owned(),
                |holder| format!("{holder}. Try again once it is done"),
            ),
            Self::Statement { said, left, .. } => match said.state.as_str() {
                "23505" => "the rows are not unique as they are: find them, then decide".to_owned(),
                "53100" => "the disk of the database is full: make room first".to_owned(),
                "42501" => "an administrator has to grant that right, or run it".to_owned(),
                _ if left.is_empty() => "nothing of it is left behind".to_owned(),
                _ => "run the same again, or `--revert`, to clear it".to_owned(),
            },
            Self::Read { .. } => "check the log of the server".to_owned(),
            Self::Invalid { .. } => "run the same again".to_owned(),
            Self::Stopped { left } if left.is_empty() => "nothing of it is left behind".to_owned(),
            Self::Stopped { .. } => "run it again with `--revert` to clear it".to_owned(),
            Self::Journal { .. } => "check the folder of the store: is the disk full?".to_owned(),
        }
    }

    /// The index that could not be cleared; empty if none.
    #[must_use]
    pub fn left(&self) -> &str {
        match self {
            Self::Lost { left }
            | Self::Locked { left, .. }
            | Self::Statement { left, .. }
            | Self::Invalid { left, .. }
            | Self::Stopped { left } => left,
            _ => "",
        }
    }
}

/// What a server said, without the values that its details quote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Said {
    /// SQLSTATE; empty if the connection broke.
    pub state: String,
    /// What it said.
    pub message: String,
}

impl Said {
    pub(super) fn of(error: &tokio_postgres::Error) -> Self {
        let Some(told) = error.as_db_error() else {
            return Self { state: String::new(), message: "the connection broke".to_owned() };
        };
        let mut message = told.message().to_owned();
        // `Key (mail)=(a@b.c) is duplicated.`: the columns help, the values are somebody's.
        if *told.code() == SqlState::UNIQUE_VIOLATION
            && let Some((columns, _)) = told.detail().and_then(|detail| detail.split_once(")=("))
        {
            message.push_str(&format!(": {columns}) is not unique"));
        }
        Self { state: told.code().code().to_owned(), message }
    }

    pub(super) fn is(&self, state: &SqlState) -> bool {
        self.state == state.code()
    }

    /// The connection or the server is gone.
    pub(super) fn is_lost(&self) -> bool {
        self.state.is_empty()
            || ["57P01", "57P02", "57P03"].contains(&self.state.as_str())
            || self.state.starts_with("08")
    }
}

/// What an error of reading the catalogs becomes.
pub(super) fn read(what: &'static str) -> impl Fn(tokio_postgres::Error) -> ApplyError {
    move |error| ApplyError::Read { what, said: Said::of(&error) }
}

/// A table as it is written in SQL.
pub(super) fn quoted(table: &TableName) -> String {
    sql::qualified(table)
}
