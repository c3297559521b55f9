//! What people say of findings: where one stands, who has it, why it was dismissed. Appended, never changed.

use std::fmt;

use model::{FindingId, Moment};
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{
    Kept, Ledger, LedgerError,
    server::{self, Table, Written},
};

/// Bytes of a reason, a name or a remark: a few paragraphs.
pub const NOTE_BYTES_MAX: usize = 4_000;

/// Where a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingState {
    /// Nobody has said anything of it.
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
    /// All of them, in the order in which a finding goes through them.
    pub const ALL: [Self; 7] = [
        Self::New,
        Self::Accepted,
        Self::InWork,
        Self::Applied,
        Self::Proven,
        Self::Reverted,
        Self::Dismissed,
    ];

    /// `in-work`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Accepted => "accepted",
            Self::InWork => "in-work",
            Self::Applied => "applied",
            Self::Proven => "proven",
            Self::Reverted => "reverted",
            Self::Dismissed => "dismissed",
        }
    }
}

impl fmt::Display for FindingState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// What somebody said of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Said {
    /// It stands elsewhere now.
    State {
        /// Where.
        state: FindingState,
        /// Why; empty if nothing was said. A dismissal has a reason.
        reason: String,
    },
    /// Somebody has it.
    Assigned {
        /// Who, as free text; empty for nobody.
        to: String,
    },
    /// Something worth remembering.
    Remark {
        /// What.
        text: String,
    },
}

impl Said {
    fn fault(&self) -> Option<&'static str> {
        let text = match self {
            Self::State { reason, .. } => reason,
            Self::Assigned { to } => to,
            Self::Remark { text } => text,
        };
        let is_empty = text.trim().is_empty();
        match self {
            _ if NOTE_BYTES_MAX < text.len() => Some("a text of more than 4000 bytes"),
            Self::State { state: FindingState::Dismissed, .. } if is_empty => {
                Some("a dismissal without a reason")
            }
            Self::Remark { .. } if is_empty => Some("an empty remark"),
            _ => None,
        }
    }
}

/// A note on a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its number; larger than that of every earlier one.
    pub id: i64,
    /// Which finding.
    pub finding: FindingId,
    /// When it was said.
    pub time: Moment,
    /// What the finding said then, in a line: findings go, and their ids tell nobody anything. Empty if it was not known.
    pub about: String,
    /// What.
    pub said: Said,
}

/// What is kept of a note as JSON.
#[derive(Serialize, Deserialize)]
struct NoteWire {
    #[serde(flatten)]
    said: Said,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    about: String,
}

impl Ledger {
    /// Notes what somebody says of a finding, and returns the note's number once it is on the disk. `about` is what the finding
    /// says, as far as it is known; more than [`NOTE_BYTES_MAX`] of it are cut off.
    ///
    /// # Errors
    ///
    /// It is too long, a dismissal has no reason, or the disk is full or fails; nothing was noted then.
    pub fn note(
        &mut self,
        finding: FindingId,
        said: &Said,
        about: &str,
        now: Moment,
    ) -> Result<i64, LedgerError> {
        if let Some(what) = said.fault() {
            return Err(LedgerError::Note { what });
        }
        let failed = self.failed("write");
        let about = about.get(..about.floor_char_boundary(NOTE_BYTES_MAX)).unwrap_or_default();
        let wire = NoteWire { said: said.clone(), about: about.to_owned() };
        let text = serde_json::to_string(&wire).unwrap_or_default();
        let nanos = i64::try_from(now.nanos).unwrap_or(i64::MAX);
        let sql = "insert into note (finding, time_nanos, version, said) values (?1, ?2, ?3, ?4)";
        let finding = finding.to_string();
        match &self.kept {
            Kept::File { connection, .. } => {
                let values = params![finding, nanos, self.version, text];
                connection.execute(sql, values).map_err(failed)?;
                Ok(connection.last_insert_rowid())
            }
            Kept::Server(server) => {
                let version = self.version.clone();
                server.write(Table::Note, Written { finding: Some(finding), version, text })
            }
        }
    }

    /// All notes on all findings, in the order in which they were made.
    ///
    /// # Errors
    ///
    /// The disk fails, or what it holds is damaged.
    pub fn notes(&self) -> Result<Vec<Note>, LedgerError> {
        let failed = self.failed("read");
        let damaged = |source| LedgerError::Entry { path: self.path(), source };
        let connection = match &self.kept {
            Kept::File { connection, .. } => connection,
            Kept::Server(server) => {
                let note = |row: server::Kept| {
                    let finding = row.finding.unwrap_or_default();
                    let NoteWire { said, about } =
                        serde_json::from_str(&row.text).map_err(damaged)?;
                    Ok(Note {
                        id: row.id,
                        finding: FindingId(u64::from_str_radix(&finding, 16).unwrap_or(0)),
                        time: row.time,
                        about,
                        said,
                    })
                };
                return server.all(Table::Note)?.into_iter().map(note).collect();
            }
        };
        let sql = "select id, finding, time_nanos, said from note order by id";
        let mut statement = connection.prepare(sql).map_err(&failed)?;
        let mut rows = statement.query([]).map_err(&failed)?;
        let mut notes = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let finding: String = row.get(1).map_err(&failed)?;
            let nanos: i64 = row.get(2).map_err(&failed)?;
            let said: String = row.get(3).map_err(&failed)?;
            let NoteWire { said, about } = serde_json::from_str(&said).map_err(damaged)?;
            notes.push(Note {
                id: row.get(0).map_err(&failed)?,
                finding: FindingId(u64::from_str_radix(&finding, 16).unwrap_or(0)),
                time: Moment { nanos: u64::try_from(nanos).unwrap_or(0) },
                about,
                said,
            });
        }
        Ok(notes)
    }
}
