//! The ledger as people use it from a shell: what was proposed, applied, proven or taken back, and what was decided.

mod outcome;

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use model::{Change, FindingId, Moment};
use prove::compare::{Comparison, Verdict as Compared};
use store::ledger::{
    Event, FindingState, Ledger, LedgerError, LedgerPlace, LedgerRecord, Note, PackedResult,
    ProofRow, Proposal, Readings, Recorded, Remedy, Said, Verdict,
};

pub use outcome::{Measured, measured, why_not};

use crate::{machine, progress::progress_of};

/// Everything that the ledger has.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Remedies, in the order in which they were proposed.
    pub remedies: Vec<Remedy>,
    /// What people said of findings, in order.
    pub notes: Vec<Note>,
    /// Decisions, runs and proofs, in order.
    pub records: Vec<LedgerRecord>,
}

/// A remedy that is applied by hand: a change of code.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ByHand {
    /// What was done, in a sentence.
    pub claim: String,
    /// Name of the fault that it answers; empty if unknown.
    pub fault: String,
    /// The service that it is in; empty if unknown.
    pub service: String,
}

impl ByHand {
    fn proposal(&self, finding: FindingId) -> Proposal {
        Proposal {
            finding: finding.to_string(),
            server: self.service.clone(),
            fault: self.fault.clone(),
            claim: self.claim.clone(),
            change: Change::default(),
            statements: Vec::new(),
        }
    }
}

impl History {
    /// All that a ledger has.
    pub(crate) fn of(ledger: &Ledger) -> Result<Self, LedgerError> {
        let (remedies, notes) = (ledger.remedies()?, ledger.notes()?);
        Ok(Self { remedies, notes, records: ledger.records()? })
    }
}

/// Why the ledger was not changed.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The ledger says no, or cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Only a proof makes something proven.
    #[error("a remedy becomes proven by a proof alone")]
    Unproven,
    /// Nothing of the finding is there that could be taken back.
    #[error("the ledger has no remedy of {finding}")]
    NoRemedy {
        /// The finding.
        finding: FindingId,
    },
}

impl HistoryError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unproven => "`taut prove BEFORE AFTER --record FINDING` compares and records",
            Self::NoRemedy { .. } => {
                "`taut ledger mark FINDING applied --because 'what was done'` notes one"
            }
            Self::Ledger(LedgerError::Refused { .. }) => {
                "`taut ledger show FINDING` tells its history"
            }
            Self::Ledger(LedgerError::Server { .. }) => AWAY,
            Self::Ledger(LedgerError::Unsure { .. }) => UNSURE,
            Self::Ledger(_) => "--store names the folder in which the ledger lies",
        }
    }
}

/// What to do about a server that does not take entries.
pub const AWAY: &str = "nothing was noted; `store.ledger` names the database, and TAUT_STORE_LEDGER=[] keeps it in the folder";

/// What to do where nobody knows whether an entry was taken.
pub const UNSURE: &str =
    "`taut ledger` tells, once the server answers; note it again only if it is not there";

/// The version that entries are signed with.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The ledger of a folder, or on a server; nothing if there is none, for looking makes none.
///
/// # Errors
///
/// The ledger cannot be read.
pub fn history(place: &LedgerPlace) -> Result<History, LedgerError> {
    if !Ledger::is_in(place) {
        return Ok(History::default());
    }
    History::of(&Ledger::open(place, VERSION, now())?)
}

/// Keeps a decision, a run or a proof; its number.
///
/// # Errors
///
/// It is not complete, or the ledger cannot be written.
pub fn record(
    place: &LedgerPlace,
    finding: Option<FindingId>,
    recorded: &Recorded,
) -> Result<i64, LedgerError> {
    Ledger::open(place, VERSION, now())?.record(finding, recorded, now())
}

/// A run or a comparison that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunKept {
    /// Its number.
    pub id: i64,
    /// Its whole result is kept beside it; it may be longer than what is.
    pub has_result: bool,
}

/// Keeps a run or a comparison with its whole result: the JSON that its command writes.
///
/// # Errors
///
/// It is not complete, or the ledger cannot be written.
pub fn record_run(
    place: &LedgerPlace,
    recorded: &Recorded,
    result: &str,
) -> Result<RunKept, LedgerError> {
    let whole = PackedResult::of(result);
    let has_result = whole.is_some();
    let id = Ledger::open(place, VERSION, now())?.record_with((None, recorded), whole, now())?;
    Ok(RunKept { id, has_result })
}

/// The whole result beside a record; `None` if there is none, or no ledger.
///
/// # Errors
///
/// The ledger cannot be read.
pub fn result(place: &LedgerPlace, record: i64) -> Result<Option<String>, LedgerError> {
    if !Ledger::is_in(place) {
        return Ok(None);
    }
    Ledger::open(place, VERSION, now())?.result(record)
}

/// Who runs something here, and where: `ada on build-7`.
#[must_use]
pub fn runner() -> String {
    let told = |name: &str| std::env::var(name).ok().filter(|name| !name.trim().is_empty());
    let machine = machine::name();
    match told("USER").or_else(|| told("LOGNAME")) {
        Some(user) => format!("{} on {machine}", user.trim()),
        None => machine,
    }
}

/// Notes where a finding stands. What is applied by hand becomes a remedy if there is none yet; what is applied or taken
/// back says so in each remedy that can. `about` is what the finding says; empty if that is not known.
///
/// # Errors
///
/// Only a proof makes something proven; nothing is taken back that was never there; the ledger cannot be written.
pub fn mark(
    place: &LedgerPlace,
    (finding, about): (FindingId, &str),
    state: FindingState,
    because: &str,
    by_hand: &ByHand,
) -> Result<(), HistoryError> {
    if state == FindingState::Proven {
        return Err(HistoryError::Unproven);
    }
    let mut ledger = Ledger::open(place, VERSION, now())?;
    let mut remedies = of(&ledger, finding)?;
    let event = match state {
        FindingState::Applied => Some(Event::Applied { baseline: Readings::default() }),
        FindingState::Reverted => Some(Event::Reverted { because: because.to_owned() }),
        _ => None,
    };
    if state == FindingState::Reverted && !remedies.iter().any(|it| it.state.is_in_force()) {
        return Err(HistoryError::NoRemedy { finding });
    }
    if state == FindingState::Applied && remedies.is_empty() {
        ledger.propose(&by_hand.proposal(finding), now())?;
        remedies = of(&ledger, finding)?;
    }
    // The note first: it refuses a dismissal without a reason.
    ledger.note(finding, &Said::State { state, reason: because.to_owned() }, about, now())?;
    if let Some(event) = event {
        for remedy in remedies {
            // What is not there cannot be taken back, and what is there need not be applied again.
            let fits = match event {
                Event::Reverted { .. } => remedy.state.is_in_force(),
                _ => !remedy.state.is_in_force() && is_by_hand(&remedy),
            };
            if fits {
                ledger.append(remedy.id, &event, now())?;
            }
        }
    }
    Ok(())
}

/// Notes in an open ledger that a finding was answered, or the answer taken back, by somebody's hand. With `by_hand`,
/// what is applied becomes a remedy if there is none yet, so that it is known what it was once its finding is gone.
pub(crate) fn note_by_hand(
    ledger: &mut Ledger,
    (finding, about): (FindingId, &str),
    said: &Said,
    by_hand: Option<&ByHand>,
) -> Result<(), LedgerError> {
    let event = match said {
        Said::State { state: FindingState::Applied, .. } => {
            Event::Applied { baseline: Readings::default() }
        }
        Said::State { state: FindingState::Reverted, reason } => {
            Event::Reverted { because: reason.clone() }
        }
        _ => return ledger.note(finding, said, about, now()).map(|_id| ()),
    };
    let is_applied = matches!(event, Event::Applied { .. });
    if let Some(by_hand) = by_hand.filter(|_| is_applied)
        && of(ledger, finding)?.is_empty()
    {
        ledger.propose(&by_hand.proposal(finding), now())?;
    }
    ledger.note(finding, said, about, now())?;
    for remedy in of(ledger, finding)? {
        if is_by_hand(&remedy) && remedy.state.is_in_force() != is_applied {
            ledger.append(remedy.id, &event, now())?;
        }
    }
    Ok(())
}

/// What a proof came to in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recording {
    /// Its number.
    pub id: i64,
    /// Its whole result is kept beside it.
    pub has_result: bool,
    /// Remedies that it proves.
    pub proven: usize,
    /// Remedies that are in force, and that it does not settle.
    pub measured: usize,
    /// Remedies of the finding that are not in force, so that nothing can be proven of them.
    pub not_in_force: usize,
}

/// A comparison as the ledger keeps it.
#[must_use]
pub fn proof_of(comparison: &Comparison) -> Recorded {
    Recorded::Proof {
        verdict: comparison.verdict.words().to_owned(),
        claim: comparison.reason.clone(),
        rows: rows(comparison),
        compared: (count(comparison.before.compared), count(comparison.after.compared)),
        notes: comparison.notes.clone(),
        by: runner(),
    }
}

/// Keeps a comparison, and its whole result, as the proof of a finding. A remedy that is applied becomes proven if it is better.
///
/// # Errors
///
/// The ledger cannot be written.
pub fn prove(
    place: &LedgerPlace,
    finding: FindingId,
    (comparison, result): (&Comparison, &str),
) -> Result<Recording, HistoryError> {
    let mut ledger = Ledger::open(place, VERSION, now())?;
    let lines: Vec<String> = rows(comparison).iter().map(line).collect();
    let is_better = comparison.verdict == Compared::Better;
    let recorded = proof_of(comparison);
    let whole = PackedResult::of(result);
    let has_result = whole.is_some();
    let id = ledger.record_with((Some(finding), &recorded), whole, now())?;
    let mut recording = Recording { id, has_result, ..Recording::default() };
    let claim = claim_of(comparison.verdict.words(), &comparison.reason);
    let verdict = Verdict { claim, lines, worse: Vec::new(), plans: Vec::new() };
    for remedy in of(&ledger, finding)? {
        if !remedy.state.is_in_force() {
            recording.not_in_force += 1;
            continue;
        }
        let (verdict, after) = (verdict.clone(), Readings::default());
        if is_better {
            ledger.append(remedy.id, &Event::Proven { verdict, after }, now())?;
            recording.proven += 1;
        } else {
            ledger.append(remedy.id, &Event::Measured { verdict, after }, now())?;
            recording.measured += 1;
        }
    }
    if 0 < recording.proven {
        let said =
            Said::State { state: FindingState::Proven, reason: format!("proof {}", recording.id) };
        ledger.note(finding, &said, "", now())?;
    }
    Ok(recording)
}

/// Whether somebody changed it, and not Taut.
#[must_use]
pub fn is_by_hand(remedy: &Remedy) -> bool {
    remedy.proposal.change.apply.is_empty()
}

/// The finding that a remedy answers, if it answers one.
#[must_use]
pub fn finding_of(remedy: &Remedy) -> Option<FindingId> {
    u64::from_str_radix(&remedy.proposal.finding, 16).ok().map(FindingId)
}

/// Where each finding stands of which the ledger has anything: by what happened last, be it said or done.
#[must_use]
pub fn standings(history: &History) -> BTreeMap<FindingId, FindingState> {
    let progress = progress_of(&history.notes, &history.remedies);
    progress.into_iter().map(|(finding, progress)| (finding, progress.state)).collect()
}

/// What each finding is about, as far as the ledger knows: by what was noted last, else by the claim of a remedy of it.
#[must_use]
pub fn abouts(history: &History) -> BTreeMap<FindingId, String> {
    let of_remedies = history
        .remedies
        .iter()
        .filter_map(|remedy| Some((finding_of(remedy)?, remedy.proposal.claim.clone())));
    let of_notes = history.notes.iter().map(|note| (note.finding, note.about.clone()));
    of_remedies.chain(of_notes).filter(|(_, about)| !about.is_empty()).collect()
}

/// A comparison in a sentence, as a remedy keeps it.
fn claim_of(verdict: &str, claim: &str) -> String {
    format!("{verdict}: {claim}")
}

fn of(ledger: &Ledger, finding: FindingId) -> Result<Vec<Remedy>, LedgerError> {
    let id = finding.to_string();
    let mut remedies = ledger.remedies()?;
    remedies.retain(|remedy| remedy.proposal.finding == id);
    Ok(remedies)
}

fn rows(comparison: &Comparison) -> Vec<ProofRow> {
    let quantiles = comparison.quantiles.iter().map(|change| ProofRow {
        name: format!("p{}", (change.quantile * 1e5).round() / 1e3),
        unit: "ms".to_owned(),
        before: change.before / 1e6,
        after: change.after / 1e6,
        relative: change.relative.map(|interval| (interval.low, interval.high)),
        at_least: change.at_least,
        decides: (change.quantile - comparison.question.quantile).abs() < 1e-9,
    });
    let errors = comparison.errors;
    let errors = ProofRow {
        name: "errors".to_owned(),
        unit: "%".to_owned(),
        before: errors.before * 100.0,
        after: errors.after * 100.0,
        relative: None,
        at_least: None,
        decides: false,
    };
    quantiles.chain(Some(errors)).collect()
}

fn line(row: &ProofRow) -> String {
    let interval = row.lies().map_or_else(String::new, |lies| format!(" ({lies})"));
    let ProofRow { name, unit, before, after, .. } = row;
    format!("{name} {before:.2} → {after:.2} {unit}{interval}")
}

fn count(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { nanos: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) }
}
