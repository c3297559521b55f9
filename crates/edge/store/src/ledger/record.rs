//! What the ledger keeps beside remedies: decisions, runs of load, and proofs. Appended, never changed.

use model::{FindingId, Moment};
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{
    Kept, Ledger, LedgerError, finite,
    server::{self, Table, Written},
};

/// Bytes of a title: a line.
pub const TITLE_BYTES_MAX: usize = 300;

/// Bytes of a text: some pages.
pub const TEXT_BYTES_MAX: usize = 64 << 10;

/// Something that is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Recorded {
    /// What was decided, and why.
    Decision {
        /// In one line.
        title: String,
        /// Context, choice and consequences, as somebody wrote them; may be empty.
        text: String,
        /// Who decided; empty if nobody said.
        by: String,
    },
    /// A run of load.
    Run {
        /// What was asked: target and rate.
        title: String,
        /// Requests that were answered or failed.
        requests: u64,
        /// Of them, those that failed.
        failed: u64,
        /// How long it ran.
        seconds: f64,
        /// What was measured.
        figures: Vec<RunFigure>,
    },
    /// A comparison of before and after.
    Proof {
        /// `better`, `worse`, `no difference`, `cannot tell`.
        verdict: String,
        /// Why, in a sentence.
        claim: String,
        /// What was compared.
        rows: Vec<ProofRow>,
        /// Requests of each side that were compared.
        compared: (u64, u64),
        /// What speaks against believing it.
        notes: Vec<String>,
    },
}

/// A figure of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFigure {
    /// `p95`.
    pub name: String,
    /// How much, in `unit`.
    pub value: f64,
    /// `ms`.
    pub unit: String,
}

/// A measure before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProofRow {
    /// `p95`, `queries per request`.
    pub name: String,
    /// `ms`, `%`; empty for counts.
    pub unit: String,
    /// Before.
    pub before: f64,
    /// After.
    pub after: f64,
    /// Where `after / before - 1` lies; `None` where that is not known.
    pub relative: Option<(f64, f64)>,
    /// What it changed by at least, where both ends are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// It decided.
    pub decides: bool,
}

impl ProofRow {
    /// Where the change lies, for people; `None` where nobody knows.
    #[must_use]
    pub fn lies(&self) -> Option<String> {
        match (self.relative, self.at_least) {
            (Some((low, high)), _) => {
                Some(format!("{:+.1} to {:+.1} %", low * 100.0, high * 100.0))
            }
            (None, at_least) => at_least.map(|it| format!("{:+.1} % or more", it * 100.0)),
        }
    }
}

/// Something that is kept, and since when.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerRecord {
    /// Its number; larger than that of every earlier one.
    pub id: i64,
    /// When.
    pub time: Moment,
    /// The version of Taut that wrote it.
    pub version: String,
    /// The finding that it is about, if it is about one.
    pub finding: Option<FindingId>,
    /// What.
    pub recorded: Recorded,
}

impl Recorded {
    /// `decision`, `run`, `proof`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Decision { .. } => "decision",
            Self::Run { .. } => "run",
            Self::Proof { .. } => "proof",
        }
    }

    fn fault(&self) -> Option<&'static str> {
        let (title, text) = match self {
            Self::Decision { title, text, .. } => (title, text.len()),
            Self::Run { title, .. } => (title, 0),
            Self::Proof { claim, .. } => (claim, 0),
        };
        if title.trim().is_empty() {
            Some("it has no title")
        } else if matches!(self, Self::Decision { .. }) && TITLE_BYTES_MAX < title.len() {
            Some("its title has more than 300 bytes")
        } else if TEXT_BYTES_MAX < text {
            Some("its text has more than 64 KiB")
        } else {
            None
        }
    }

    /// JSON has no infinity.
    fn tamed(mut self) -> Self {
        match &mut self {
            Self::Decision { .. } => {}
            Self::Run { seconds, figures, .. } => {
                *seconds = finite(*seconds);
                for figure in figures {
                    figure.value = finite(figure.value);
                }
            }
            Self::Proof { rows, .. } => {
                for row in rows {
                    (row.before, row.after) = (finite(row.before), finite(row.after));
                    row.relative =
                        row.relative.filter(|(low, high)| low.is_finite() && high.is_finite());
                    row.at_least = row.at_least.filter(|it| it.is_finite());
                }
            }
        }
        self
    }
}

impl Ledger {
    /// Keeps something, and returns its number once it is on the disk.
    ///
    /// # Errors
    ///
    /// It has no title or is too long, or the disk is full or fails; nothing was kept then.
    pub fn record(
        &mut self,
        finding: Option<FindingId>,
        recorded: &Recorded,
        now: Moment,
    ) -> Result<i64, LedgerError> {
        if let Some(what) = recorded.fault() {
            return Err(LedgerError::Record { kind: recorded.kind(), what });
        }
        let failed = self.failed("write");
        let text = serde_json::to_string(&recorded.clone().tamed()).unwrap_or_default();
        let nanos = i64::try_from(now.nanos).unwrap_or(i64::MAX);
        let finding = finding.map(|finding| finding.to_string());
        let sql =
            "insert into record (finding, time_nanos, version, recorded) values (?1, ?2, ?3, ?4)";
        match &self.kept {
            Kept::File { connection, .. } => {
                let values = params![finding, nanos, self.version, text];
                connection.execute(sql, values).map_err(failed)?;
                Ok(connection.last_insert_rowid())
            }
            Kept::Server(server) => {
                let version = self.version.clone();
                server.write(Table::Record, Written { finding, version, text })
            }
        }
    }

    /// Everything that is kept, in the order in which it came.
    ///
    /// # Errors
    ///
    /// The disk fails, or what it holds is damaged.
    pub fn records(&self) -> Result<Vec<LedgerRecord>, LedgerError> {
        let failed = self.failed("read");
        let damaged = |source| LedgerError::Entry { path: self.path(), source };
        let id_of = |hex: String| u64::from_str_radix(&hex, 16).ok().map(FindingId);
        let connection = match &self.kept {
            Kept::File { connection, .. } => connection,
            Kept::Server(server) => {
                let record = |row: server::Kept| {
                    Ok(LedgerRecord {
                        id: row.id,
                        time: row.time,
                        version: row.version,
                        finding: row.finding.and_then(id_of),
                        recorded: serde_json::from_str(&row.text).map_err(damaged)?,
                    })
                };
                return server.all(Table::Record)?.into_iter().map(record).collect();
            }
        };
        let sql = "select id, finding, time_nanos, version, recorded from record order by id";
        let mut statement = connection.prepare(sql).map_err(&failed)?;
        let mut rows = statement.query([]).map_err(&failed)?;
        let mut records = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let finding: Option<String> = row.get(1).map_err(&failed)?;
            let nanos: i64 = row.get(2).map_err(&failed)?;
            let text: String = row.get(4).map_err(&failed)?;
            let recorded = serde_json::from_str(&text).map_err(damaged)?;
            records.push(LedgerRecord {
                id: row.get(0).map_err(&failed)?,
                time: Moment { nanos: u64::try_from(nanos).unwrap_or(0) },
                version: row.get(3).map_err(&failed)?,
                finding: finding.and_then(id_of),
                recorded,
            });
        }
        Ok(records)
    }
}
