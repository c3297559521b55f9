//! What the ledger keeps beside remedies: decisions, runs, and proofs. Appended, never changed.

use model::{FindingId, Moment};
use rusqlite::{TransactionBehavior, params};
use serde::{Deserialize, Serialize};

use super::{
    Kept, Ledger, LedgerError, PackedResult, finite, result,
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
    /// A run: of load, of a search for its limit, of a replay, of a gate.
    Run {
        /// Of what.
        #[serde(default)]
        of: RunKind,
        /// What was asked: target and rate.
        title: String,
        /// What came of it, in a few words: `2 of 40 answers differ`; empty where only figures tell.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        verdict: String,
        /// Who ran it and where; empty in records of versions that did not note it.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        by: String,
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
        /// Who compared, and where; empty in records of versions that did not note it.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        by: String,
    },
}

/// What was run.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum RunKind {
    /// Load at a rate, or of so many users: all runs of versions that knew no other.
    #[default]
    Load,
    /// A search for what a target holds.
    Limit,
    /// Recorded requests, played again.
    Replay,
    /// Budgets and baselines, held against a test run.
    Check,
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
    /// Bytes of its whole result, which is kept beside it; `None` where none is.
    pub result_bytes: Option<u64>,
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
        self.record_with((finding, recorded), None, now)
    }

    /// The same, with the whole result beside it. Of results the newest [`RESULTS_MAX`](super::RESULTS_MAX) stay.
    ///
    /// # Errors
    ///
    /// See [`Ledger::record`].
    pub fn record_with(
        &mut self,
        (finding, recorded): (Option<FindingId>, &Recorded),
        whole: Option<PackedResult>,
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
        match &mut self.kept {
            Kept::File { connection, .. } => {
                let transaction = connection
                    .transaction_with_behavior(TransactionBehavior::Immediate)
                    .map_err(&failed)?;
                let values = params![finding, nanos, self.version, text];
                transaction.execute(sql, values).map_err(&failed)?;
                let number = transaction.last_insert_rowid();
                if let Some(whole) = &whole {
                    result::insert(&transaction, number, whole).map_err(&failed)?;
                }
                transaction.commit().map_err(&failed)?;
                Ok(number)
            }
            Kept::Server(server) => {
                let row = Written { finding, version: self.version.clone(), text };
                match whole {
                    None => server.write(Table::Record, row),
                    Some(whole) => server.write_with_result(row, whole),
                }
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
                        result_bytes: row.result_bytes.and_then(|bytes| u64::try_from(bytes).ok()),
                    })
                };
                return server.all(Table::Record)?.into_iter().map(record).collect();
            }
        };
        let sql = "select it.id, it.finding, it.time_nanos, it.version, it.recorded, whole.bytes \
             from record it left join result whole on whole.record = it.id order by it.id";
        let mut statement = connection.prepare(sql).map_err(&failed)?;
        let mut rows = statement.query([]).map_err(&failed)?;
        let mut records = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let finding: Option<String> = row.get(1).map_err(&failed)?;
            let nanos: i64 = row.get(2).map_err(&failed)?;
            let text: String = row.get(4).map_err(&failed)?;
            let recorded = serde_json::from_str(&text).map_err(damaged)?;
            let bytes: Option<i64> = row.get(5).map_err(&failed)?;
            records.push(LedgerRecord {
                id: row.get(0).map_err(&failed)?,
                time: Moment { nanos: u64::try_from(nanos).unwrap_or(0) },
                version: row.get(3).map_err(&failed)?,
                finding: finding.and_then(id_of),
                recorded,
                result_bytes: bytes.and_then(|bytes| u64::try_from(bytes).ok()),
            });
        }
        Ok(records)
    }
}
