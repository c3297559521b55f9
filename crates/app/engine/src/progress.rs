//! Where findings stand: what people said of them, and what became of their remedies; both from the ledger.

use std::{collections::BTreeMap, sync::Arc};

use model::{FindingId, Moment, Text, Window};
use store::ledger::{FindingState, Ledger, LedgerError, LedgerPlace, Note, Remedy, Said, State};

use crate::{
    history::{ByHand, History, finding_of, is_by_hand, note_by_hand},
    live::{Live, lock, now},
    releases::Release,
};

/// Where a finding stands, and how it came there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Where.
    pub state: FindingState,
    /// Since when; `None` as long as nobody has said anything.
    pub since: Option<Moment>,
    /// Who has it; empty for nobody.
    pub assignee: String,
    /// Why it stands there; empty if nothing was said.
    pub reason: String,
    /// What happened, in order.
    pub history: Vec<Happening>,
}

/// Something that happened to a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// When.
    pub time: Moment,
    /// What.
    pub what: Happened,
}

/// What happened to a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// Somebody said something of it.
    Said(Said),
    /// A remedy of it went on.
    Remedy {
        /// Number of the remedy in the ledger.
        id: i64,
        /// Where the remedy stood from then on.
        state: State,
    },
}

/// Something that may explain why figures changed: a thin line on each axis of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub time: Moment,
    /// What kind.
    pub kind: MarkKind,
    /// In a few words: `shop 4.2.1`, `index on orders`.
    pub words: String,
    /// The service; empty if it is about none alone.
    pub service: Text,
    /// The finding that it answers.
    pub finding: Option<FindingId>,
}

/// Kinds of marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkKind {
    /// A version that came after another one.
    Release,
    /// A remedy that was applied.
    Applied,
    /// A remedy that was taken back.
    Reverted,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            state: FindingState::New,
            since: None,
            assignee: String::new(),
            reason: String::new(),
            history: Vec::new(),
        }
    }
}

impl Progress {
    fn take(&mut self, happening: Happening) {
        let stands = match &happening.what {
            Happened::Said(Said::State { state, reason }) => Some((*state, reason.clone())),
            Happened::Said(Said::Assigned { to }) => {
                self.assignee.clone_from(to);
                None
            }
            Happened::Said(Said::Remark { .. }) => None,
            Happened::Remedy { state, .. } => stands_by(*state).map(|state| (state, String::new())),
        };
        if let Some((state, reason)) = stands {
            (self.state, self.reason) = (state, reason);
            self.since = Some(happening.time);
        }
        self.history.push(happening);
    }
}

/// What a remedy's state says of its finding: what is merely proposed or failed leaves it where it stands.
fn stands_by(state: State) -> Option<FindingState> {
    match state {
        State::Applied => Some(FindingState::Applied),
        State::Proven => Some(FindingState::Proven),
        State::Reverted => Some(FindingState::Reverted),
        State::Proposed | State::Rehearsed | State::Failed => None,
    }
}

/// Where each finding stands of which anything is known.
#[must_use]
pub fn progress_of(notes: &[Note], remedies: &[Remedy]) -> BTreeMap<FindingId, Progress> {
    let mut happenings: Vec<(FindingId, Happening)> = Vec::new();
    for note in notes {
        let what = Happened::Said(note.said.clone());
        happenings.push((note.finding, Happening { time: note.time, what }));
    }
    for remedy in remedies {
        let Some(finding) = finding_of(remedy) else { continue };
        for entry in &remedy.entries {
            if let Some(state) = entry.event.state() {
                let what = Happened::Remedy { id: remedy.id.0, state };
                happenings.push((finding, Happening { time: entry.time, what }));
            }
        }
    }
    happenings.sort_by_key(|(finding, happening)| (*finding, happening.time));
    let mut all: BTreeMap<FindingId, Progress> = BTreeMap::new();
    for (finding, happening) in happenings {
        all.entry(finding).or_default().take(happening);
    }
    all
}

/// What may explain a change within a window, in order of time. What is applied already is not marked again, and neither
/// is what answers a finding of which nothing is known any more: it could be anywhere.
#[must_use]
pub fn marks_of(
    releases: Vec<Release>,
    progress: &BTreeMap<FindingId, Progress>,
    claims: &BTreeMap<FindingId, (Text, String)>,
    window: Window,
) -> Vec<Mark> {
    let mut marks: Vec<Mark> = releases
        .into_iter()
        .map(|release| Mark {
            time: release.time,
            kind: MarkKind::Release,
            words: format!("{} {}", release.service, release.version),
            service: release.service,
            finding: None,
        })
        .collect();
    for (finding, progress) in progress {
        let Some((service, words)) = claims.get(finding) else { continue };
        let mut last = None;
        for happening in &progress.history {
            let state = match &happening.what {
                Happened::Said(Said::State { state, .. }) => Some(*state),
                Happened::Remedy { state, .. } => stands_by(*state),
                Happened::Said(_) => None,
            };
            let kind = match state {
                Some(FindingState::Applied) => MarkKind::Applied,
                Some(FindingState::Reverted) => MarkKind::Reverted,
                _ => continue,
            };
            if last.replace(kind) == Some(kind) {
                continue;
            }
            marks.push(Mark {
                time: happening.time,
                kind,
                words: words.clone(),
                service: service.clone(),
                finding: Some(*finding),
            });
        }
    }
    marks.retain(|mark| window.contains(mark.time));
    marks.sort_by(|one, other| {
        (one.time, one.kind, &one.words).cmp(&(other.time, other.kind, &other.words))
    });
    marks
}

impl Live {
    /// Where each finding stands of which anything is known.
    ///
    /// # Errors
    ///
    /// The ledger cannot be read.
    pub fn progress(&self) -> Result<BTreeMap<FindingId, Progress>, LedgerError> {
        let read = self.read_ledger(of_findings)?;
        Ok(progress_of(&read.notes, &read.remedies))
    }

    /// Everything that the ledger has; nothing if there is none.
    ///
    /// # Errors
    ///
    /// The ledger cannot be read.
    pub fn in_ledger(&self) -> Result<History, LedgerError> {
        Ok(Arc::unwrap_or_clone(self.read_ledger(History::of)?))
    }

    /// The whole result beside a record; `None` if there is none, or no ledger.
    ///
    /// # Errors
    ///
    /// The ledger cannot be read.
    pub fn result_of(&self, record: i64) -> Result<Option<String>, LedgerError> {
        let Some(place) = self.ledger_place() else { return Ok(None) };
        if let Some(error) = self.ledger_seen().refuses(&place, "read") {
            return Err(error);
        }
        crate::history::result(&place, record)
    }

    /// Notes what somebody says of a finding; it is on the disk then.
    ///
    /// # Errors
    ///
    /// It is too long or lacks a reason, or the ledger cannot be written.
    pub fn note(&self, finding: FindingId, said: &Said) -> Result<(), LedgerError> {
        let Some(place) = self.ledger_place() else { return Ok(()) };
        if let Some(error) = self.ledger_seen().refuses(&place, "write") {
            return Err(error);
        }
        let outcome = self.outcome();
        let known = outcome.findings.iter().find(|known| known.id == finding);
        let by_hand = known.map(|known| ByHand {
            claim: known.claim.clone(),
            fault: known.fault.to_owned(),
            service: known.operation.service.to_string(),
        });
        let about = known
            .map_or_else(String::new, |it| format!("{}: {}", it.operation.operation, it.claim));
        let mut ledger = lock(self.ledger());
        let opened = match ledger.take() {
            Some(opened) => opened,
            None => Ledger::open(place, env!("CARGO_PKG_VERSION"), now())?,
        };
        note_by_hand(ledger.insert(opened), (finding, &about), said, by_hand.as_ref())?;
        drop(ledger);
        self.tell_change();
        Ok(())
    }

    /// Releases and remedies within a window, in order of time; of a ledger on a server that is away what was read last,
    /// and if nothing was, releases alone: [`Live::standing`] says so.
    ///
    /// # Errors
    ///
    /// A ledger in the folder cannot be read.
    pub fn marks(&self, window: Window) -> Result<Vec<Mark>, LedgerError> {
        let read = match self.read_ledger(of_findings) {
            Err(LedgerError::Server { .. }) => Arc::default(),
            read => read?,
        };
        let mut claims: BTreeMap<FindingId, (Text, String)> = BTreeMap::new();
        for remedy in &read.remedies {
            claims.extend(finding_of(remedy).map(|id| (id, claim_of(remedy))));
        }
        for finding in &self.outcome().findings {
            let service = Text::from(&*finding.operation.service);
            claims.insert(finding.id, (service, finding.claim.clone()));
        }
        let releases = lock(self.releases()).within(window);
        let progress = progress_of(&read.notes, &read.remedies);
        Ok(marks_of(releases, &progress, &claims, window))
    }

    /// Where the ledger lies; nowhere without a folder, as in tests.
    pub(crate) fn ledger_place(&self) -> Option<LedgerPlace> {
        let folder = self.store().home()?.to_path_buf();
        Some(LedgerPlace { folder, server: self.settings().store.ledger_server() })
    }

    /// What the ledger has, if there is one: looking makes none. Of one in the folder what `wanted` reads.
    fn read_ledger(
        &self,
        wanted: fn(&Ledger) -> Result<History, LedgerError>,
    ) -> Result<Arc<History>, LedgerError> {
        let Some(place) = self.ledger_place() else { return Ok(Arc::default()) };
        if place.server.is_some() {
            return self.ledger_seen().read(&place);
        }
        let mut ledger = lock(self.ledger());
        let opened = match ledger.take() {
            Some(opened) => opened,
            None if !Ledger::is_in(&place) => return Ok(Arc::default()),
            None => Ledger::open(place, env!("CARGO_PKG_VERSION"), now())?,
        };
        wanted(ledger.insert(opened)).map(Arc::new)
    }
}

/// The service that a remedy is in, and what it answers. What Taut changed itself is on a server that all may use.
fn claim_of(remedy: &Remedy) -> (Text, String) {
    let service = if is_by_hand(remedy) { remedy.proposal.server.as_str() } else { "" };
    (service.into(), remedy.proposal.claim.clone())
}

/// What is about findings: proofs and runs are many, and nobody asked for them.
fn of_findings(ledger: &Ledger) -> Result<History, LedgerError> {
    Ok(History { remedies: ledger.remedies()?, notes: ledger.notes()?, records: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Moment {
        Moment { nanos: second * 1_000_000_000 }
    }

    fn note(second: u64, said: Said) -> Note {
        Note { id: 0, finding: FindingId(7), time: at(second), about: String::new(), said }
    }

    fn state(state: FindingState, reason: &str) -> Said {
        Said::State { state, reason: reason.to_owned() }
    }

    #[test]
    fn a_finding_stands_where_the_last_word_put_it() {
        let notes = [
            note(1, state(FindingState::Accepted, "")),
            note(2, Said::Assigned { to: "Ada".to_owned() }),
            note(3, state(FindingState::Dismissed, "runs once a year")),
            note(4, Said::Remark { text: "see the wiki".to_owned() }),
        ];
        let all = progress_of(&notes, &[]);
        let one = &all[&FindingId(7)];
        assert_eq!((one.state, one.since), (FindingState::Dismissed, Some(at(3))));
        assert_eq!((one.assignee.as_str(), one.reason.as_str()), ("Ada", "runs once a year"));
        assert_eq!(one.history.len(), 4);
    }

    #[test]
    fn what_was_applied_and_what_was_released_is_marked_where_it_happened() {
        let notes = [
            note(10, state(FindingState::Applied, "")),
            note(90, state(FindingState::Reverted, "")),
        ];
        let progress = progress_of(&notes, &[]);
        let claims = BTreeMap::from([(FindingId(7), ("shop".into(), "one by one".to_owned()))]);
        let release = Release { time: at(5), service: "shop".into(), version: "2".into() };
        let window = Window { from: at(0), to: at(50) };
        let marks = marks_of(vec![release], &progress, &claims, window);
        let told: Vec<_> = marks.iter().map(|mark| (mark.kind, mark.words.as_str())).collect();
        assert_eq!(told, [(MarkKind::Release, "shop 2"), (MarkKind::Applied, "one by one")]);
    }

    #[test]
    fn what_is_applied_already_is_marked_once_and_what_nobody_knows_nowhere() {
        let notes = [
            note(10, state(FindingState::Applied, "")),
            note(11, state(FindingState::Applied, "again")),
            note(20, state(FindingState::Reverted, "")),
            note(30, state(FindingState::Applied, "")),
        ];
        let progress = progress_of(&notes, &[]);
        let claims = BTreeMap::from([(FindingId(7), ("shop".into(), "one by one".to_owned()))]);
        let window = Window { from: at(0), to: at(50) };
        let marks = marks_of(Vec::new(), &progress, &claims, window);
        let told: Vec<_> = marks.iter().map(|mark| (mark.time, mark.kind)).collect();
        assert_eq!(
            told,
            [
                (at(10), MarkKind::Applied),
                (at(20), MarkKind::Reverted),
                (at(30), MarkKind::Applied)
            ]
        );
        assert_eq!(marks_of(Vec::new(), &progress, &BTreeMap::new(), window), []);
    }
}
