//! The ledger: what was noted is there, in order, whoever wrote it and however often it is opened.

use std::{path::Path, sync::Barrier, thread};

use model::{Change, FindingId, Moment, Text, database::TableName};
use proptest::prelude::*;
use store::ledger::{
    Backend, Direction, Event, FindingState, IndexReading, IndexTarget, LEDGER_FILE, Ledger,
    LedgerError, NOTE_BYTES_MAX, PackedResult, ProofRow, Proposal, RESULTS_MAX, Readings, Recorded,
    Rehearsal, RehearsalOutcome, RehearsedIndex, RehearsedSide, RehearsedStatement, RemedyId,
    RunFigure, RunKind, Said, SampledTable, State, StatementReading, Verdict,
};

fn at(second: u64) -> Moment {
    Moment { nanos: 1_767_225_600_000_000_000 + second * 1_000_000_000 }
}

fn open(folder: &Path) -> Ledger {
    Ledger::open(folder, "1.2.3", at(0)).expect("the folder is ours")
}

fn proposal(finding: &str) -> Proposal {
    let orders = TableName::new("Großes \"Lager\"", "orders");
    Proposal {
        finding: finding.to_owned(),
        server: "localhost:5432".to_owned(),
        fault: "missing-index".to_owned(),
        claim: "orders are read as a whole for few rows".to_owned(),
        change: Change {
            database: Text::from("shop"),
            apply: vec!["CREATE INDEX CONCURRENTLY \"a'b\\\" ON t (x)".to_owned()],
            revert: vec!["DROP INDEX CONCURRENTLY IF EXISTS \"a'b\\\"".to_owned()],
            creates: vec![(orders.clone(), Text::from("a'b\\"))],
            drops: vec![(orders, Text::from("old"))],
            locks: "writers go on".to_owned(),
        },
        statements: vec![(-7, "select ? from t\u{1F40C}".to_owned())],
    }
}

fn readings(calls: u64) -> Readings {
    Readings {
        time: at(calls),
        since: at(0),
        statements: vec![StatementReading {
            query_id: i64::MIN,
            text: "select ?".to_owned(),
            calls,
            total_millis: 12.5,
            square_millis: 1024.0,
            rows: u64::MAX,
            blocks: 3,
            wal_bytes: 4,
        }],
        indexes: vec![IndexReading { name: "orders_idx".to_owned(), scans: 9 }],
    }
}

fn rehearsal() -> Rehearsal {
    let before = RehearsedSide {
        millis: Some(12.5),
        interval: Some((12.0, 13.0)),
        runs: 6,
        blocks: Some(400),
        rows: Some(3),
        timed_out: false,
    };
    let sampled = SampledTable { name: "public.orders".to_owned(), rows: 100, fraction: 0.25 };
    let index = RehearsedIndex { name: "x".to_owned(), bytes: 8192, millis: 3 };
    let statement = RehearsedStatement {
        query_id: -7,
        text: "select ?".to_owned(),
        refused: String::new(),
        verdict: "faster".to_owned(),
        after: RehearsedSide { millis: None, interval: None, timed_out: true, ..before.clone() },
        before,
        plan_changed: true,
        rows: "the same 3 rows".to_owned(),
    };
    Rehearsal {
        outcome: RehearsalOutcome::RowsDiffer,
        ground: "clone".to_owned(),
        sampled: vec![sampled],
        indexes: vec![index],
        statements: vec![statement],
    }
}

/// An event of each kind; what settles something settles `intent`.
fn event(kind: u8, intent: i64) -> Event {
    let verdict = || Verdict {
        claim: "mean fell from 12.1 to 0.4 ms".to_owned(),
        lines: vec!["a line".to_owned()],
        worse: Vec::new(),
        plans: vec!["uses it".to_owned()],
    };
    match kind % 10 {
        0 => Event::Rehearsed { report: "twice as fast".to_owned(), figures: rehearsal() },
        1 => Event::Started { direction: Direction::Apply, before: readings(1) },
        2 => Event::Intended {
            direction: Direction::Revert,
            sql: "DROP INDEX CONCURRENTLY x".to_owned(),
            index: Some(IndexTarget {
                table: TableName::new("public", "orders"),
                name: "x".to_owned(),
                definition: "CREATE INDEX x ON orders (y)".to_owned(),
                made: false,
            }),
            backend: Some(Backend { pid: 42, started: at(3) }),
        },
        3 => Event::Ran { intent, millis: 0.5, note: String::new() },
        4 => Event::Broke { intent, why: "no".to_owned(), left: "x".to_owned() },
        5 => Event::Applied { baseline: readings(2) },
        6 => Event::Measured { verdict: verdict(), after: readings(3) },
        7 => Event::Proven { verdict: verdict(), after: readings(4) },
        8 => Event::Reverted { because: "memory doubled".to_owned() },
        _ => Event::Failed { why: "because".to_owned() },
    }
}

#[test]
fn what_was_proposed_comes_back_verbatim() {
    let folder = tempfile::tempdir().unwrap();
    let id = open(folder.path()).propose(&proposal("00ff"), at(1)).unwrap();
    let remedy = open(folder.path()).remedy(id).unwrap().unwrap();
    assert_eq!(remedy.proposal, proposal("00ff"));
    assert_eq!(remedy.state, State::Proposed);
    let first = &remedy.entries[0];
    assert_eq!((first.time, first.version.as_str()), (at(1), "1.2.3"));
    assert_eq!(open(folder.path()).remedy(RemedyId(99)).unwrap(), None);
}

#[test]
fn the_same_change_is_proposed_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path());
    let id = ledger.propose(&proposal("00ff"), at(1)).unwrap();
    assert_eq!(ledger.propose(&proposal("00ff"), at(2)).unwrap(), id);
    assert_ne!(ledger.propose(&proposal("00fe"), at(3)).unwrap(), id);
    let mut other = proposal("00ff");
    other.change.apply.push("ANALYZE t".to_owned());
    assert_ne!(ledger.propose(&other, at(4)).unwrap(), id);
    assert_eq!(ledger.remedies().unwrap().len(), 3);
}

#[test]
fn what_the_database_does_not_have_is_not_proven() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path());
    let id = ledger.propose(&proposal("00ff"), at(1)).unwrap();
    let refused = ledger.append(id, &event(7, 0), at(2)).unwrap_err();
    assert_eq!(refused.to_string(), "a remedy that is proposed cannot become proven");
    ledger.append(id, &event(5, 0), at(3)).unwrap();
    ledger.append(id, &event(7, 0), at(4)).unwrap();
    let refused = ledger.append(id, &event(0, 0), at(5)).unwrap_err();
    assert_eq!(refused.to_string(), "a remedy that is proven cannot become rehearsed");
    ledger.append(id, &event(8, 0), at(6)).unwrap();
    assert!(matches!(
        ledger.append(id, &event(6, 0), at(7)),
        Err(LedgerError::Refused { state: State::Reverted, .. })
    ));
    assert!(matches!(
        ledger.append(RemedyId(99), &event(5, 0), at(8)),
        Err(LedgerError::Unknown { .. })
    ));
}

#[test]
fn an_announcement_is_settled_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path());
    let id = ledger.propose(&proposal("00ff"), at(1)).unwrap();
    let intent = ledger.append(id, &event(2, 0), at(2)).unwrap();
    assert_eq!(ledger.remedy(id).unwrap().unwrap().unsettled().count(), 1);
    assert!(ledger.append(id, &event(3, intent + 1), at(3)).is_err());
    ledger.append(id, &event(3, intent), at(3)).unwrap();
    assert!(ledger.append(id, &event(4, intent), at(4)).is_err());
    assert_eq!(ledger.remedy(id).unwrap().unwrap().unsettled().count(), 0);
}

#[test]
fn history_is_never_rewritten() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path());
    ledger.propose(&proposal("00ff"), at(1)).unwrap();
    let raw = rusqlite::Connection::open(folder.path().join(LEDGER_FILE)).unwrap();
    for sql in ["update entry set version = 'x'", "delete from entry", "delete from remedy"] {
        let error = raw.execute(sql, []).unwrap_err();
        assert!(error.to_string().contains("never rewritten"), "{sql}: {error}");
    }
}

#[test]
fn decisions_runs_and_proofs_come_back_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let decision = Recorded::Decision {
        title: "No cache for prices".to_owned(),
        text: "They change by the minute.".to_owned(),
        by: "Ada".to_owned(),
    };
    let run = Recorded::Run {
        of: RunKind::Replay,
        title: "GET / at 200 a second".to_owned(),
        verdict: "goals met".to_owned(),
        by: "Ada on build-7".to_owned(),
        requests: 100,
        failed: 1,
        seconds: 10.0,
        figures: vec![RunFigure { name: "p95".to_owned(), value: 12.5, unit: "ms".to_owned() }],
    };
    let row = ProofRow {
        name: "p95".to_owned(),
        unit: "ms".to_owned(),
        before: 1_200.0,
        after: 95.0,
        relative: Some((-0.93, -0.91)),
        at_least: None,
        decides: true,
    };
    let proof = Recorded::Proof {
        verdict: "better".to_owned(),
        claim: "p95 fell".to_owned(),
        rows: vec![row],
        compared: (10, 12),
        notes: Vec::new(),
        by: String::new(),
    };
    let mut ledger = open(folder.path());
    let finding = FindingId(0xff);
    ledger.record(None, &decision, at(1)).unwrap();
    ledger.record(None, &run, at(2)).unwrap();
    ledger.record(Some(finding), &proof, at(3)).unwrap();
    drop(ledger);
    let mut ledger = open(folder.path());
    let records = ledger.records().unwrap();
    let told: Vec<_> =
        records.iter().map(|it| (it.time, it.finding, it.recorded.clone())).collect();
    assert_eq!(told, [(at(1), None, decision), (at(2), None, run), (at(3), Some(finding), proof)]);
    let empty =
        Recorded::Decision { title: " ".to_owned(), text: String::new(), by: String::new() };
    let refused = ledger.record(None, &empty, at(4)).unwrap_err();
    assert_eq!(refused.to_string(), "failed to keep a decision: it has no title");
    let raw = rusqlite::Connection::open(folder.path().join(LEDGER_FILE)).unwrap();
    assert!(raw.execute("delete from record", []).is_err(), "history is never rewritten");
}

fn run(title: &str) -> Recorded {
    Recorded::Run {
        of: RunKind::Load,
        title: title.to_owned(),
        verdict: String::new(),
        by: String::new(),
        requests: 1,
        failed: 0,
        seconds: 1.0,
        figures: Vec::new(),
    }
}

#[test]
fn whole_results_are_kept_beside_runs_and_the_oldest_go() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path());
    let text = |number: u32| format!("{{\"format\": \"taut-load-1\", \"number\": {number}}}");
    let numbers: Vec<i64> = (0..RESULTS_MAX + 2)
        .map(|number| {
            let whole = PackedResult::of(&text(number));
            assert!(whole.is_some());
            ledger.record_with((None, &run("a run")), whole, at(1)).unwrap()
        })
        .collect();
    let without = ledger.record(None, &run("figures alone"), at(2)).unwrap();
    drop(ledger);
    let ledger = open(folder.path());
    let kept: Vec<Option<String>> =
        numbers.iter().map(|number| ledger.result(*number).unwrap()).collect();
    assert_eq!(kept[..2], [None, None], "the oldest two went");
    assert_eq!(kept[2].as_deref(), Some(text(2).as_str()));
    assert_eq!(kept.iter().flatten().count() as u64, u64::from(RESULTS_MAX));
    assert_eq!(ledger.result(without).unwrap(), None);
    assert_eq!(ledger.result(i64::MAX).unwrap(), None);
    let records = ledger.records().unwrap();
    assert_eq!(records.len(), numbers.len() + 1, "what they say in short stays");
    let bytes: Vec<Option<u64>> = records.iter().map(|record| record.result_bytes).collect();
    assert_eq!((bytes[0], bytes[2]), (None, Some(text(2).len() as u64)));
    let raw = rusqlite::Connection::open(folder.path().join(LEDGER_FILE)).unwrap();
    raw.execute("update result set bytes = 1", []).unwrap_err();
    // Damage of one is told, and takes nothing else along.
    raw.execute_batch("drop trigger result_never_changes").unwrap();
    raw.execute("update result set packed = x'00' where record = ?1", [numbers[5]]).unwrap();
    let error = ledger.result(numbers[5]).unwrap_err();
    assert!(matches!(error, LedgerError::Result { .. }) && error.is_damaged(), "{error}");
    assert_eq!(ledger.result(numbers[6]).unwrap().as_deref(), Some(text(6).as_str()));
}

#[test]
fn a_ledger_of_a_version_without_results_is_brought_up() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let path = folder.path().join(LEDGER_FILE);
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch("drop table result; delete from migration where version > 3").unwrap();
    let old =
        r#"{"what":"run","title":"GET /","requests":7,"failed":1,"seconds":2.0,"figures":[]}"#;
    let sql = "insert into record (time_nanos, version, recorded) values (1, '0.1', ?1)";
    raw.execute(sql, [old]).unwrap();
    drop(raw);
    let ledger = open(folder.path());
    let records = ledger.records().unwrap();
    let [record] = records.as_slice() else { panic!("one record, not {records:?}") };
    let Recorded::Run { of, requests, by, .. } = &record.recorded else { panic!("{record:?}") };
    assert_eq!((*of, *requests, by.as_str()), (RunKind::Load, 7, ""));
    assert_eq!((record.result_bytes, ledger.result(record.id).unwrap()), (None, None));
}

#[test]
fn a_newer_ledger_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let raw = rusqlite::Connection::open(folder.path().join(LEDGER_FILE)).unwrap();
    raw.execute("insert into migration values (99, 0, '9.9.9')", []).unwrap();
    let error = Ledger::open(folder.path(), "1.2.3", at(1)).unwrap_err();
    assert!(matches!(error, LedgerError::Newer { found: 99, .. }), "{error}");
}

#[test]
fn what_is_no_ledger_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(LEDGER_FILE), "dear diary\n".repeat(1_000)).unwrap();
    let error = Ledger::open(folder.path(), "1.2.3", at(1)).unwrap_err();
    assert!(error.to_string().starts_with("failed to open the ledger"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn several_write_at_once_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (writers, entries) = (4_u64, 25_u64);
    let barrier = Barrier::new(4);
    thread::scope(|scope| {
        for writer in 0..writers {
            let (folder, barrier) = (folder.path(), &barrier);
            scope.spawn(move || {
                barrier.wait();
                // All of them make the tables, too.
                let mut ledger = open(folder);
                let id = ledger.propose(&proposal("00ff"), at(writer)).unwrap();
                for entry in 0..entries {
                    ledger.append(id, &event(2, 0), at(entry)).unwrap();
                }
            });
        }
    });
    let remedies = open(folder.path()).remedies().unwrap();
    let [remedy] = remedies.as_slice() else { panic!("one change is one remedy") };
    assert_eq!(remedy.unsettled().count() as u64, writers * entries);
    assert!(remedy.entries.is_sorted_by(|one, next| one.id < next.id));
}

#[test]
fn one_process_works_on_a_remedy_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let claim = ledger.claim(RemedyId(1)).unwrap();
    assert!(claim.is_some());
    assert!(open(folder.path()).claim(RemedyId(1)).unwrap().is_none());
    assert!(open(folder.path()).claim(RemedyId(2)).unwrap().is_some());
    drop(claim);
    assert!(ledger.claim(RemedyId(1)).unwrap().is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_was_acknowledged_is_there_in_order_after_reopening(
        steps in prop::collection::vec((0_u8..10, 0_usize..3, any::<bool>()), 0..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = open(folder.path());
        let findings = ["0a", "0b", "0c"];
        let ids: Vec<RemedyId> = findings
            .iter()
            .map(|finding| ledger.propose(&proposal(finding), at(0)).unwrap())
            .collect();
        let mut expected: Vec<Vec<Event>> = vec![vec![Event::Proposed]; 3];
        let mut announced: Vec<Vec<i64>> = vec![Vec::new(); 3];
        for (step, (kind, which, reopen)) in steps.into_iter().enumerate() {
            if reopen {
                drop(ledger);
                ledger = open(folder.path());
            }
            let intent = announced[which].last().copied().unwrap_or(0);
            let event = event(kind, intent);
            let state = State::of(&expected[which]).unwrap();
            let settled = event.settles().is_none_or(|_| announced[which].pop().is_some());
            let noted = ledger.append(ids[which], &event, at(step as u64));
            prop_assert_eq!(noted.is_ok(), state.allows(&event) && settled);
            if let Ok(number) = noted {
                if matches!(event, Event::Intended { .. }) {
                    announced[which].push(number);
                }
                expected[which].push(event);
            }
        }
        drop(ledger);
        for (remedy, expected) in open(folder.path()).remedies().unwrap().iter().zip(&expected) {
            let events: Vec<Event> =
                remedy.entries.iter().map(|entry| entry.event.clone()).collect();
            prop_assert_eq!(&events, expected);
            prop_assert_eq!(Some(remedy.state), State::of(expected));
        }
    }
}

#[test]
fn notes_on_findings_are_there_in_order_whoever_opens_the_ledger_next() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path());
    let accepted = Said::State { state: FindingState::Accepted, reason: String::new() };
    let assigned = Said::Assigned { to: "Ada <b>".to_owned() };
    ledger.note(FindingId(7), &accepted, "GET /orders: one by one", at(1)).unwrap();
    ledger.note(FindingId(9), &assigned, "", at(2)).unwrap();
    drop(ledger);
    let notes = open(folder.path()).notes().unwrap();
    let told: Vec<_> = notes.iter().map(|note| (note.finding.0, note.time, &note.said)).collect();
    assert_eq!(told, [(7, at(1), &accepted), (9, at(2), &assigned)]);
    let about: Vec<&str> = notes.iter().map(|note| note.about.as_str()).collect();
    assert_eq!(about, ["GET /orders: one by one", ""]);
}

#[test]
fn a_dismissal_has_a_reason_and_no_note_is_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path());
    let dismissed =
        |reason: &str| Said::State { state: FindingState::Dismissed, reason: reason.to_owned() };
    let long = Said::Remark { text: "x".repeat(NOTE_BYTES_MAX + 1) };
    for said in [dismissed(" "), long, Said::Remark { text: String::new() }] {
        let refused = ledger.note(FindingId(1), &said, "", at(1));
        assert!(matches!(refused, Err(LedgerError::Note { .. })), "{said:?}");
    }
    ledger.note(FindingId(1), &dismissed("runs once a year"), "", at(1)).unwrap();
    assert_eq!(ledger.notes().unwrap().len(), 1);
}
