//! What became of a remedy, for those who are told of it: what it was measured by, and why it is not there any more.

use model::Moment;
use store::ledger::{Direction, Event, FindingState, Recorded, Remedy, Said, State, Verdict};

use super::{History, claim_of, finding_of};

/// What a remedy was measured to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured<'a> {
    /// When.
    pub time: Moment,
    /// What came out.
    pub verdict: &'a Verdict,
    /// Requests before and after, where requests were compared and not counters.
    pub compared: Option<(u64, u64)>,
}

/// What a remedy that is in force was measured to do since it was applied last: by its newest proof if it is proven, by its
/// newest measurement if it is not; by `taut prove` as well as by `taut fix`.
#[must_use]
pub fn measured<'a>(history: &'a History, remedy: &'a Remedy) -> Option<Measured<'a>> {
    if !remedy.state.is_in_force() {
        return None;
    }
    let is_proven = remedy.state == State::Proven;
    let newest_first = remedy.entries.iter().rev();
    let mut since = newest_first.take_while(|entry| !matches!(entry.event, Event::Applied { .. }));
    let (time, verdict) = since.find_map(|entry| match &entry.event {
        Event::Proven { verdict, .. } => Some((entry.time, verdict)),
        Event::Measured { verdict, .. } if !is_proven => Some((entry.time, verdict)),
        _ => None,
    })?;
    let finding = finding_of(remedy);
    let compared = history.records.iter().rev().find_map(|record| match &record.recorded {
        Recorded::Proof { verdict: word, claim, compared, .. } => (record.finding == finding
            && claim_of(word, claim) == verdict.claim)
            .then_some(*compared),
        _ => None,
    });
    Some(Measured { time, verdict, compared })
}

/// Why a remedy is not in force: what was said when it was taken back, or what it failed at; empty if nobody said, or if it
/// is no such.
#[must_use]
pub fn why_not(history: &History, remedy: &Remedy) -> String {
    match remedy.state {
        State::Reverted => {
            let said = remedy.last(|event| match event {
                Event::Reverted { because } => Some(because),
                _ => None,
            });
            let said = said.map_or("", |(_, because)| because);
            if said.is_empty() { noted(history, remedy) } else { said.to_owned() }
        }
        State::Failed => {
            let direction = remedy.last(|event| match event {
                Event::Started { direction, .. } => Some(*direction),
                _ => None,
            });
            let what = match direction {
                Some((_, Direction::Revert)) => "could not be taken back",
                _ => "could not be applied",
            };
            let why = remedy.last(|event| match event {
                Event::Failed { why } => Some(why),
                _ => None,
            });
            why.map_or_else(|| what.to_owned(), |(_, why)| format!("{what}: {why}"))
        }
        _ => String::new(),
    }
}

/// What somebody said of the finding when it was taken back: older versions kept the reason there alone.
fn noted(history: &History, remedy: &Remedy) -> String {
    let finding = finding_of(remedy);
    let applied = remedy
        .entries
        .iter()
        .rev()
        .find_map(|entry| matches!(entry.event, Event::Applied { .. }).then_some(entry.time));
    let since = applied.unwrap_or_default();
    let mut notes = history.notes.iter().rev();
    let said = notes.find_map(|note| match &note.said {
        Said::State { state: FindingState::Reverted, reason }
            if Some(note.finding) == finding && since <= note.time =>
        {
            Some(reason.clone())
        }
        _ => None,
    });
    said.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use model::Change;
    use store::ledger::{Entry, LedgerRecord, Note, Proposal, Readings, RemedyId};

    use super::*;

    fn at(second: u64) -> Moment {
        Moment { nanos: second * 1_000_000_000 }
    }

    fn verdict(claim: &str) -> Verdict {
        Verdict { claim: claim.to_owned(), ..Verdict::default() }
    }

    fn proven(claim: &str) -> Event {
        Event::Proven { verdict: verdict(claim), after: Readings::default() }
    }

    fn measured_as(claim: &str) -> Event {
        Event::Measured { verdict: verdict(claim), after: Readings::default() }
    }

    fn applied() -> Event {
        Event::Applied { baseline: Readings::default() }
    }

    /// A remedy to which this happened, an event a second.
    fn remedy(events: Vec<Event>) -> Remedy {
        let state = State::of(&events).unwrap_or(State::Proposed);
        let entry = |(place, event)| Entry {
            id: i64::try_from(place).unwrap_or(0),
            time: at(place as u64),
            version: "1".to_owned(),
            event,
        };
        let proposal = Proposal {
            finding: "00000000000000ff".to_owned(),
            server: String::new(),
            fault: String::new(),
            claim: "an index".to_owned(),
            change: Change::default(),
            statements: Vec::new(),
        };
        let entries = events.into_iter().enumerate().map(entry).collect();
        Remedy { id: RemedyId(1), proposal, state, entries }
    }

    #[test]
    fn a_proof_by_counters_counts_as_one_by_requests_does_and_only_a_proof_proves() {
        let history = History::default();
        let claim = |events| {
            measured(&history, &remedy(events)).map(|measured| measured.verdict.claim.clone())
        };
        let events = vec![applied(), proven("92 % faster"), measured_as("no difference")];
        assert_eq!(claim(events).as_deref(), Some("92 % faster"), "what proved it is told");
        let events = vec![applied(), proven("of yore"), applied(), measured_as("too few calls")];
        assert_eq!(claim(events).as_deref(), Some("too few calls"), "what was before is past");
        assert_eq!(claim(vec![applied()]), None);
        let gone = vec![applied(), proven("x"), Event::Reverted { because: String::new() }];
        assert_eq!(claim(gone), None, "what is taken back is in force no more");
    }

    #[test]
    fn a_comparison_of_requests_tells_how_many_they_were() {
        let recorded = Recorded::Proof {
            verdict: "better".to_owned(),
            claim: "p95 fell".to_owned(),
            rows: Vec::new(),
            compared: (900, 950),
            notes: Vec::new(),
            by: String::new(),
        };
        let record = LedgerRecord {
            id: 1,
            finding: Some(model::FindingId(0xff)),
            time: at(0),
            version: "1".to_owned(),
            recorded,
            result_bytes: None,
        };
        let history = History { records: vec![record], ..History::default() };
        let by_requests = remedy(vec![applied(), proven("better: p95 fell")]);
        let told = measured(&history, &by_requests).unwrap();
        assert_eq!(told.compared, Some((900, 950)));
        let by_counters = remedy(vec![applied(), proven("92 % faster")]);
        assert_eq!(measured(&history, &by_counters).unwrap().compared, None);
    }

    #[test]
    fn what_did_not_work_says_why() {
        let none = History::default();
        let back = |because: &str| {
            remedy(vec![applied(), Event::Reverted { because: because.to_owned() }])
        };
        assert_eq!(why_not(&none, &back("writes got slower")), "writes got slower");
        assert_eq!(why_not(&none, &back("")), "");
        let said = |second, reason: &str| Note {
            id: 1,
            finding: model::FindingId(0xff),
            time: at(second),
            about: String::new(),
            said: Said::State { state: FindingState::Reverted, reason: reason.to_owned() },
        };
        let noted = History { notes: vec![said(1, "memory doubled")], ..History::default() };
        assert_eq!(why_not(&noted, &back("")), "memory doubled");
        let again =
            remedy(vec![applied(), applied(), applied(), back("").entries[1].event.clone()]);
        assert_eq!(why_not(&noted, &again), "", "that was said of an earlier time");
        let started = |direction| Event::Started { direction, before: Readings::default() };
        let failed = || Event::Failed { why: "no room on the disk".to_owned() };
        let failed = |direction| why_not(&none, &remedy(vec![started(direction), failed()]));
        assert_eq!(failed(Direction::Apply), "could not be applied: no room on the disk");
        assert_eq!(failed(Direction::Revert), "could not be taken back: no room on the disk");
    }
}
