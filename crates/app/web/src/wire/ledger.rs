//! The ledger on the wire: remedies with their history, what people said, proofs, runs of load, decisions.

use engine::{
    database::fix::entry_text,
    history::{History, Measured, finding_of, is_by_hand, measured, why_not},
};
use serde::{Deserialize, Serialize};
use store::ledger::{LedgerRecord, Note, ProofRow, Recorded, Remedy, RunFigure, Said};
use utoipa::ToSchema;

use super::{RunKind, unix_ms};

/// What the ledger has, the newest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Ledger {
    /// What passed, the newest first; at most 500.
    pub entries: Vec<LedgerEntry>,
    /// How much passed.
    pub total: usize,
    /// How much there is of each kind, whatever passed.
    pub kinds: Vec<LedgerCount>,
    /// It is kept in PostgreSQL, where several share it.
    pub shared: bool,
}

/// How much there is of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct LedgerCount {
    /// The kind.
    pub kind: LedgerKind,
    /// How much.
    pub count: usize,
}

/// Kinds of what the ledger has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LedgerKind {
    /// A change, proposed or made.
    Remedy,
    /// What somebody said of a finding.
    Note,
    /// A comparison of before and after.
    Proof,
    /// A run: of load, of a search for its limit, of a replay, of a check.
    Run,
    /// A decision.
    Decision,
}

impl LedgerKind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Remedy, Self::Note, Self::Proof, Self::Run, Self::Decision];
}

/// Something that the ledger has.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LedgerEntry {
    /// What it is.
    pub kind: LedgerKind,
    /// Its number among its kind, as `taut ledger` and `taut fix` tell it.
    pub number: i64,
    /// When; of a remedy, when something happened to it last.
    pub unix_ms: u64,
    /// The finding that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// What that finding says, as far as the ledger knows; empty for remedies, whose title says it.
    pub about: String,
    /// In a line.
    pub title: String,
    /// More of it, in paragraphs; may be empty.
    pub text: String,
    /// Who decided; who ran or compared it, and where; empty if nobody said.
    pub by: String,
    /// Of a run or a proof, bytes of its whole result; absent where none is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_bytes: Option<u64>,
    /// Of a remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<LedgerRemedy>,
    /// Of a proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<LedgerProof>,
    /// Of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<LedgerRun>,
}

/// What is known of a remedy.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LedgerRemedy {
    /// `proposed`, `rehearsed`, `applied`, `proven`, `reverted` or `failed`.
    pub state: String,
    /// Somebody changed it, not Taut.
    pub by_hand: bool,
    /// The fault that it answers; empty if unknown.
    pub fault: String,
    /// Where: a database, or a service.
    pub place: String,
    /// Statements that make it.
    pub apply: Vec<String>,
    /// What happened, in order.
    pub history: Vec<LedgerStep>,
    /// Why it was taken back, if somebody said, or what it failed at.
    pub reason: String,
    /// What it was measured to do since it was applied, if it is in force: what proved it, if it is proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<LedgerMeasured>,
}

/// What a remedy was measured to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LedgerMeasured {
    /// When.
    pub unix_ms: u64,
    /// In a sentence, with figures.
    pub claim: String,
    /// Requests before that were compared; absent where a database's counters were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Requests after that were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// Something that happened to a remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LedgerStep {
    /// When.
    pub unix_ms: u64,
    /// In a line: `applied`, `proven: …`, `failed: …`.
    pub what: String,
}

/// A comparison of before and after.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LedgerProof {
    /// `better`, `worse`, `no difference`, `cannot tell`.
    pub verdict: String,
    /// Requests before that were compared.
    pub before: u64,
    /// Requests after that were compared.
    pub after: u64,
    /// What was compared.
    pub rows: Vec<LedgerProofRow>,
    /// What speaks against believing it.
    pub notes: Vec<String>,
}

/// A measure before and after.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LedgerProofRow {
    /// `p95`, `queries per request`.
    pub name: String,
    /// `ms`, `%`; empty for counts.
    pub unit: String,
    /// Before.
    pub before: f64,
    /// After.
    pub after: f64,
    /// Where `after / before - 1` lies: the lower end; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The upper end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// What it changed by at least, where both ends are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// It decided.
    pub decides: bool,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LedgerRun {
    /// Of what.
    pub of: RunKind,
    /// What came of it, in a few words; empty where only figures tell.
    pub verdict: String,
    /// Requests that were answered.
    pub requests: u64,
    /// Requests that failed.
    pub failed: u64,
    /// How long it ran.
    pub seconds: f64,
    /// What was measured.
    pub figures: Vec<LedgerFigure>,
}

/// A figure of a run.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LedgerFigure {
    /// `p95`.
    pub name: String,
    /// How much, in `unit`.
    pub value: f64,
    /// `ms`.
    pub unit: String,
}

impl LedgerEntry {
    fn of(kind: LedgerKind, number: i64, time: model::Moment) -> Self {
        Self {
            kind,
            number,
            unix_ms: unix_ms(time),
            finding: None,
            about: String::new(),
            title: String::new(),
            text: String::new(),
            by: String::new(),
            result_bytes: None,
            remedy: None,
            proof: None,
            run: None,
        }
    }

    /// Which kind of run it is; `None` of anything else.
    pub(crate) fn run_kind(&self) -> Option<RunKind> {
        let compared = self.proof.as_ref().map(|_proof| RunKind::Comparison);
        self.run.as_ref().map(|run| run.of).or(compared)
    }

    /// A remedy, with what became of it.
    pub(crate) fn remedy(history: &History, remedy: &Remedy) -> Self {
        let last = remedy.entries.last().map(|entry| entry.time).unwrap_or_default();
        let steps = remedy
            .entries
            .iter()
            .map(|entry| LedgerStep { unix_ms: unix_ms(entry.time), what: entry_text(entry) });
        let proposal = &remedy.proposal;
        Self {
            finding: finding_of(remedy).map(|id| id.to_string()),
            title: proposal.claim.clone(),
            remedy: Some(LedgerRemedy {
                state: remedy.state.to_string(),
                by_hand: is_by_hand(remedy),
                fault: proposal.fault.clone(),
                place: proposal.server.clone(),
                apply: proposal.change.apply.clone(),
                history: steps.collect(),
                reason: why_not(history, remedy),
                measured: measured(history, remedy).as_ref().map(LedgerMeasured::from),
            }),
            ..Self::of(LedgerKind::Remedy, remedy.id.0, last)
        }
    }
}

impl From<&Note> for LedgerEntry {
    fn from(note: &Note) -> Self {
        let (title, text) = match &note.said {
            Said::State { state, reason } => (state.to_string(), reason.clone()),
            Said::Assigned { to } if to.is_empty() => ("nobody has it".to_owned(), String::new()),
            Said::Assigned { to } => (format!("{to} has it"), String::new()),
            Said::Remark { text } => ("remark".to_owned(), text.clone()),
        };
        Self {
            finding: Some(note.finding.to_string()),
            title,
            text,
            ..Self::of(LedgerKind::Note, note.id, note.time)
        }
    }
}

impl From<&LedgerRecord> for LedgerEntry {
    fn from(record: &LedgerRecord) -> Self {
        let of = |kind| Self {
            finding: record.finding.map(|id| id.to_string()),
            result_bytes: record.result_bytes,
            ..Self::of(kind, record.id, record.time)
        };
        match &record.recorded {
            Recorded::Decision { title, text, by } => Self {
                title: title.clone(),
                text: text.clone(),
                by: by.clone(),
                ..of(LedgerKind::Decision)
            },
            Recorded::Run { of: kind, title, verdict, by, requests, failed, seconds, figures } => {
                Self {
                    title: title.clone(),
                    by: by.clone(),
                    run: Some(LedgerRun {
                        of: (*kind).into(),
                        verdict: verdict.clone(),
                        requests: *requests,
                        failed: *failed,
                        seconds: *seconds,
                        figures: figures.iter().map(LedgerFigure::from).collect(),
                    }),
                    ..of(LedgerKind::Run)
                }
            }
            Recorded::Proof { verdict, claim, rows, compared, notes, by } => Self {
                title: claim.clone(),
                by: by.clone(),
                proof: Some(LedgerProof {
                    verdict: verdict.clone(),
                    before: compared.0,
                    after: compared.1,
                    rows: rows.iter().map(LedgerProofRow::from).collect(),
                    notes: notes.clone(),
                }),
                ..of(LedgerKind::Proof)
            },
        }
    }
}

impl From<&Measured<'_>> for LedgerMeasured {
    fn from(measured: &Measured<'_>) -> Self {
        Self {
            unix_ms: unix_ms(measured.time),
            claim: measured.verdict.claim.clone(),
            before: measured.compared.map(|(before, _)| before),
            after: measured.compared.map(|(_, after)| after),
        }
    }
}

impl From<&RunFigure> for LedgerFigure {
    fn from(figure: &RunFigure) -> Self {
        let RunFigure { name, value, unit } = figure.clone();
        Self { name, value, unit }
    }
}

impl From<&ProofRow> for LedgerProofRow {
    fn from(row: &ProofRow) -> Self {
        Self {
            name: row.name.clone(),
            unit: row.unit.clone(),
            before: row.before,
            after: row.after,
            low: row.relative.map(|(low, _)| low),
            high: row.relative.map(|(_, high)| high),
            at_least: row.at_least,
            decides: row.decides,
        }
    }
}
