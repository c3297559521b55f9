//! A ledger as a team leaves it: remedies that were applied, what was said of findings, runs of load and decisions.

use std::{path::Path, time::Duration};

use model::{FindingId, Moment};
use store::ledger::{
    Event, Ledger, LedgerError, Proposal, Readings, Recorded, RunFigure, RunKind, Said,
};

/// Writes a ledger into the folder of a store: so many remedies by hand, one an hour until `end`, and with each a
/// remark, two runs of load and a decision; how many entries that makes.
///
/// # Errors
///
/// The disk fails.
pub fn fill(folder: &Path, remedies: u64, end: Moment) -> Result<u64, LedgerError> {
    let mut ledger = Ledger::open(folder, env!("CARGO_PKG_VERSION"), end)?;
    for place in 0..remedies {
        let time = end - Duration::from_hours(remedies - place);
        let finding = FindingId(place);
        let about = format!("GET /api/orders/{place}: rows are fetched one by one");
        let proposal = Proposal {
            finding: finding.to_string(),
            server: "orders".to_owned(),
            fault: "n-plus-one".to_owned(),
            claim: about.clone(),
            ..Proposal::default()
        };
        let remedy = ledger.propose(&proposal, time)?;
        ledger.append(remedy, &Event::Applied { baseline: Readings::default() }, time)?;
        let said = Said::Remark { text: "joined, so that one statement is left".to_owned() };
        ledger.note(finding, &said, &about, time)?;
        for name in ["before", "after"] {
            ledger.record(Some(finding), &run(name), time)?;
        }
        ledger.record(None, &decision(place), time)?;
    }
    Ok(remedies * 6)
}

fn run(name: &str) -> Recorded {
    let figure =
        |name: &str, value| RunFigure { name: name.to_owned(), value, unit: "ms".to_owned() };
    Recorded::Run {
        of: RunKind::Load,
        verdict: String::new(),
        by: "ada@build".to_owned(),
        title: format!("{name}: http://orders:8000/ at 200 a second"),
        requests: 12_000,
        failed: 3,
        seconds: 60.0,
        figures: vec![figure("p50", 4.2), figure("p95", 31.0), figure("p99", 120.0)],
    }
}

fn decision(place: u64) -> Recorded {
    Recorded::Decision {
        title: format!("Endpoint {place} is not cached"),
        text:
            "Prices change by the minute, and a stale one costs more than the time that is saved."
                .to_owned(),
        by: "Ada".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_has_of_each_remedy_what_was_said_run_and_decided() {
        let folder = tempfile::tempdir().unwrap();
        let end = Moment { nanos: 1_800_000_000_000_000_000 };
        assert_eq!(fill(folder.path(), 3, end).unwrap(), 18);
        let ledger = Ledger::open(folder.path(), "test", end).unwrap();
        let remedies = ledger.remedies().unwrap();
        assert_eq!(remedies.len(), 3);
        assert!(remedies.iter().all(|remedy| remedy.state.is_in_force()));
        assert_eq!(ledger.notes().unwrap().len(), 3);
        assert_eq!(ledger.records().unwrap().len(), 9);
    }
}
