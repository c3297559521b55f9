//! The ledger on a real PostgreSQL: the same rules as in a file, writers on several connections at once, and a server that
//! goes away and comes back.

use std::{sync::Barrier, thread};

use model::{Change, FindingId, Moment, Text};
use store::ledger::{
    Event, FindingState, Ledger, LedgerError, LedgerPlace, PackedResult, Proposal, RESULTS_MAX,
    Readings, Recorded, RemedyId, Said, State, Verdict,
};
use testkit::Postgres;

fn at(second: u64) -> Moment {
    Moment { nanos: 1_767_225_600_000_000_000 + second * 1_000_000_000 }
}

fn place(server: &Postgres) -> LedgerPlace {
    LedgerPlace { folder: "/nowhere".into(), server: Some(server.url()) }
}

fn open(server: &Postgres) -> Ledger {
    Ledger::open(place(server), "1.2.3", at(0)).expect("the server is ours")
}

fn proposal(finding: &str) -> Proposal {
    Proposal {
        finding: finding.to_owned(),
        server: "localhost:5432".to_owned(),
        fault: "missing-index".to_owned(),
        claim: "orders are read as a whole,\0 for \"few\" rows, it's 🐌".to_owned(),
        change: Change {
            database: Text::from("shop"),
            apply: vec!["CREATE INDEX CONCURRENTLY \"a'b\\\" ON t (x)".to_owned()],
            ..Change::default()
        },
        statements: vec![(i64::MIN, "select ?\u{0}".to_owned())],
    }
}

fn applied() -> Event {
    Event::Applied { baseline: Readings::default() }
}

fn intended() -> Event {
    Event::Intended {
        direction: store::ledger::Direction::Apply,
        sql: "CREATE INDEX x".to_owned(),
        index: None,
        backend: None,
    }
}

fn decision(title: &str) -> Recorded {
    Recorded::Decision { title: title.to_owned(), text: "why".to_owned(), by: "Ada".to_owned() }
}

#[test]
fn postgres_keeps_the_rules_of_the_file() {
    let server = Postgres::start();
    assert!(Ledger::is_in(place(&server)), "a server that is named is where it lies");
    let mut ledger = open(&server);
    assert_eq!(ledger.remedies().unwrap(), []);
    let id = ledger.propose(&proposal("00ff"), at(1)).unwrap();
    assert_eq!(ledger.propose(&proposal("00ff"), at(2)).unwrap(), id);
    assert_ne!(ledger.propose(&proposal("00fe"), at(3)).unwrap(), id);
    let remedy = open(&server).remedy(id).unwrap().unwrap();
    // PostgreSQL has no place for a byte of zero.
    let claim = "orders are read as a whole,\u{fffd} for \"few\" rows, it's 🐌".to_owned();
    assert_eq!(remedy.proposal, Proposal { claim, ..proposal("00ff") });
    assert_eq!((remedy.state, remedy.entries.len()), (State::Proposed, 1));
    assert_eq!(remedy.entries[0].version, "1.2.3");
    // By the server's clock, whatever the writer takes the time for: one clock puts in order what several machines do.
    assert!(at(0).nanos < remedy.entries[0].time.nanos && at(1) != remedy.entries[0].time);
    let proven = || Event::Proven { verdict: Verdict::default(), after: Readings::default() };
    let refused = ledger.append(id, &proven(), at(4)).unwrap_err();
    assert_eq!(refused.to_string(), "a remedy that is proposed cannot become proven");
    // What was refused holds nobody up: another connection goes on at once.
    open(&server).append(id, &applied(), at(5)).unwrap();
    let intent = ledger.append(id, &intended(), at(6)).unwrap();
    let ran = Event::Ran { intent, millis: f64::NAN, note: String::new() };
    ledger.append(id, &ran, at(7)).unwrap();
    assert!(matches!(ledger.append(id, &ran, at(8)), Err(LedgerError::Refused { .. })));
    ledger.append(id, &proven(), at(9)).unwrap();
    let unknown = ledger.append(RemedyId(99), &applied(), at(9));
    assert!(matches!(unknown, Err(LedgerError::Unknown { .. })), "{unknown:?}");
    let states: Vec<State> = ledger.remedies().unwrap().iter().map(|it| it.state).collect();
    assert_eq!(states, [State::Proven, State::Proposed]);

    let said = Said::State { state: FindingState::Accepted, reason: String::new() };
    let first = ledger.note(FindingId(u64::MAX), &said, "", at(10)).unwrap();
    let notes = open(&server).notes().unwrap();
    assert_eq!(
        (notes[0].id, notes[0].finding, &notes[0].said),
        (first, FindingId(u64::MAX), &said)
    );
    ledger.record(None, &decision("No cache"), at(11)).unwrap();
    ledger.record(Some(FindingId(7)), &decision("An index"), at(12)).unwrap();
    let records = open(&server).records().unwrap();
    let told: Vec<_> = records.iter().map(|it| (it.finding, &it.recorded)).collect();
    assert_eq!(told[0], (None, &decision("No cache")));
    assert_eq!(told[1], (Some(FindingId(7)), &decision("An index")));
    let entries = open(&server).remedy(id).unwrap().unwrap().entries;
    let times: Vec<Moment> = entries
        .iter()
        .map(|it| it.time)
        .chain(notes.iter().map(|it| it.time))
        .chain(records.iter().map(|it| it.time))
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    for sql in [
        "update taut_ledger.entry set version = 'x'",
        "delete from taut_ledger.record",
        "truncate taut_ledger.note",
    ] {
        let error = server.try_psql("postgres", "postgres", sql).unwrap_err();
        assert!(error.contains("never rewritten"), "{sql}: {error}");
    }
    server.psql("insert into taut_ledger.migration values (99, 0, '9.9.9')");
    let error = Ledger::open(place(&server), "1.2.3", at(1)).unwrap_err();
    assert!(matches!(error, LedgerError::Newer { found: 99, .. }), "{error}");
}

#[test]
fn postgres_keeps_whole_results_and_lets_the_oldest_go() {
    let server = Postgres::start();
    let mut ledger = open(&server);
    ledger.record(None, &decision("Without one"), at(1)).unwrap();
    let whole = "{\"format\": \"taut-load-1\"}".repeat(1_000);
    let with = decision("With a result");
    let with = (Some(FindingId(8)), &with);
    let kept = ledger.record_with(with, PackedResult::of(&whole), at(2)).unwrap();
    assert_eq!(open(&server).result(kept).unwrap().as_deref(), Some(whole.as_str()));
    assert_eq!(ledger.result(kept - 1).unwrap(), None);
    // As many more as are kept, none of them packed by anybody.
    server.psql(&format!(
        "insert into taut_ledger.record (time_nanos, version, recorded, token) \
             select 1, '1', recorded, 'made ' || number \
             from taut_ledger.record, generate_series(1, {RESULTS_MAX}) as number where id = {kept}"
    ));
    server.psql(
        "insert into taut_ledger.result select id, 1, '\\x00' from taut_ledger.record where token like 'made %'",
    );
    let newest = ledger.record_with(with, PackedResult::of(&whole), at(3)).unwrap();
    assert_eq!(ledger.result(kept).unwrap(), None, "it was the oldest");
    let count = server.psql("select count(*) from taut_ledger.result");
    assert_eq!(count.trim(), RESULTS_MAX.to_string());
    assert!(matches!(ledger.result(newest - 1), Err(LedgerError::Result { .. })), "no zstd");
    let records = open(&server).records().unwrap();
    let bytes: Vec<Option<u64>> = records.iter().map(|it| it.result_bytes).collect();
    assert_eq!((bytes[0], bytes[1]), (None, None), "what they say in short stays");
    assert_eq!(bytes.last(), Some(&Some(whole.len() as u64)));
    let update = "update taut_ledger.result set bytes = 2";
    let error = server.try_psql("postgres", "postgres", update).unwrap_err();
    assert!(error.contains("never rewritten"), "{error}");
}

#[test]
fn postgres_brings_up_a_ledger_without_results() {
    let server = Postgres::start();
    let mut ledger = open(&server);
    let id = ledger.record(None, &decision("kept"), at(1)).unwrap();
    drop(ledger);
    server.psql("drop table taut_ledger.result");
    server.psql("delete from taut_ledger.migration where version > 1");
    let ledger = open(&server);
    assert_eq!(ledger.records().unwrap()[0].recorded, decision("kept"));
    assert_eq!(ledger.result(id).unwrap(), None);
}

#[test]
fn postgres_serves_writers_at_once_and_one_claim_at_a_time() {
    const WRITERS: usize = 6;
    const EACH: u64 = 8;
    let server = Postgres::start();
    // All of them find no tables, and one makes them.
    let begin = Barrier::new(WRITERS);
    let ids: Vec<RemedyId> = thread::scope(|scope| {
        let write = |writer: usize| {
            let (begin, server) = (&begin, &server);
            scope.spawn(move || {
                begin.wait();
                let mut ledger = open(server);
                let id = ledger.propose(&proposal("00ff"), at(1)).unwrap();
                for round in 0..EACH {
                    let intent = ledger.append(id, &intended(), at(round)).unwrap();
                    let ran = Event::Ran { intent, millis: 1.0, note: writer.to_string() };
                    ledger.append(id, &ran, at(round)).unwrap();
                    ledger.record(None, &decision("x"), at(round)).unwrap();
                }
                id
            })
        };
        let writers: Vec<_> = (0..WRITERS).map(write).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "{ids:?}");
    let ledger = open(&server);
    let remedy = ledger.remedy(ids[0]).unwrap().unwrap();
    let all = u64::try_from(WRITERS).unwrap() * EACH;
    assert_eq!(remedy.entries.len() as u64, 1 + 2 * all);
    assert_eq!(remedy.unsettled().count(), 0);
    assert!(remedy.entries.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert_eq!(ledger.records().unwrap().len() as u64, all);

    let claim = ledger.claim(ids[0]).unwrap().expect("nobody has it");
    assert!(open(&server).claim(ids[0]).unwrap().is_none(), "another machine waits");
    assert!(ledger.claim(ids[0]).unwrap().is_none(), "and so does this one");
    let other = RemedyId(ids[0].0 + 1);
    assert!(ledger.claim(other).unwrap().is_some(), "another remedy is free");
    drop(claim);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while open(&server).claim(ids[0]).unwrap().is_none() {
        assert!(std::time::Instant::now() < until, "the claim was not given back");
        thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn postgres_away_takes_nothing_and_says_so() {
    let mut server = Postgres::start();
    let mut ledger = open(&server);
    let id = ledger.propose(&proposal("00ff"), at(1)).unwrap();
    // A restart breaks the connection; the next entry is made on a new one.
    let before = server.url();
    server.restart();
    if before != server.url() {
        // Somebody took its port.
        ledger = open(&server);
    }
    ledger.append(id, &applied(), at(2)).unwrap();
    server.psql(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'taut ledger'",
    );
    ledger.record(None, &decision("kept once"), at(3)).unwrap();
    let address = format!("127.0.0.1:{}/postgres", server.port());
    server.kill9();
    let error = ledger.record(None, &decision("lost"), at(4)).unwrap_err();
    assert_eq!(error.to_string(), format!("failed to write the ledger at `{address}`"));
    assert!(matches!(error, LedgerError::Server { .. }), "{error:?}");
    let error = Ledger::open(place(&server), "1.2.3", at(5)).unwrap_err();
    assert_eq!(error.to_string(), format!("failed to open the ledger at `{address}`"));
    server.restart();
    let ledger = open(&server);
    let kept = ledger.records().unwrap();
    assert_eq!(
        kept.iter().map(|it| it.recorded.clone()).collect::<Vec<_>>(),
        [decision("kept once")]
    );
    assert_eq!(ledger.remedies().unwrap()[0].entries.len(), 2);
    let wrong =
        LedgerPlace { folder: "/nowhere".into(), server: Some("postgres://x:secret@".to_owned()) };
    assert!(!format!("{wrong:?}").contains("secret"));
}

/// The process of the server that a ledger talks to.
fn backend(server: &Postgres) -> String {
    let sql = "select pid from pg_stat_activity where application_name = 'taut ledger' order by 1";
    server.psql(sql).lines().next().expect("it is connected").trim().to_owned()
}

fn signal(name: &str, pid: &str) {
    let told = std::process::Command::new("kill").args([name, pid]).status();
    assert!(told.expect("there is a kill").success());
}

#[test]
fn postgres_frozen_takes_nothing_later_either() {
    let server = Postgres::start();
    let mut ledger = open(&server);
    let id = ledger.propose(&proposal("00ff"), at(1)).unwrap();
    let pid = backend(&server);
    signal("-STOP", &pid);
    let error = ledger.append(id, &applied(), at(2)).unwrap_err();
    assert!(matches!(error, LedgerError::Server { .. }), "{error:?}");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "it does not answer");
    signal("-CONT", &pid);
    // Asked for again, it is there once: the first one was given up for good.
    ledger.append(id, &applied(), at(3)).unwrap();
    assert_eq!(ledger.remedies().unwrap()[0].entries.len(), 2);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while server.psql(&format!("select count(*) from pg_stat_activity where pid = {pid}")) != "0" {
        assert!(std::time::Instant::now() < until, "the connection was left open");
        thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(ledger.remedies().unwrap()[0].entries.len(), 2);
}

#[test]
fn postgres_lost_while_it_commits_is_told_as_not_known() {
    let mut server = Postgres::start();
    let mut ledger = open(&server);
    server.psql(
        "create function slow() returns trigger language plpgsql as
             $$ begin perform pg_sleep(3600); return null; end $$;
         create constraint trigger slow after insert on taut_ledger.record
             deferrable initially deferred for each row execute function slow()",
    );
    let writer = thread::spawn(move || ledger.record(None, &decision("who knows"), at(1)));
    let until = std::time::Instant::now() + std::time::Duration::from_secs(8);
    let sleeps = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
    while server.psql(sleeps) == "0" {
        assert!(std::time::Instant::now() < until, "it does not commit");
        thread::sleep(std::time::Duration::from_millis(20));
    }
    server.kill9();
    let error = writer.join().unwrap().unwrap_err();
    assert!(matches!(error, LedgerError::Unsure { .. }), "{error:?}");
    assert!(error.to_string().ends_with("whether it was noted is not known"), "{error}");
}

#[test]
fn postgres_claims_end_with_their_connection_and_say_so() {
    let server = Postgres::start();
    let mut ledger = open(&server);
    let id = ledger.propose(&proposal("00ff"), at(1)).unwrap();
    let claim = ledger.claim(id).unwrap().expect("nobody has it");
    claim.check().unwrap();
    claim.check().unwrap();
    server.psql(
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted",
    );
    let error = claim.check().unwrap_err();
    assert!(matches!(error, LedgerError::Server { .. }), "{error:?}");
    // Another may have it by now: it is not taken again in silence.
    claim.check().unwrap_err();
    assert!(open(&server).claim(id).unwrap().is_some());
    // The ledger itself goes on, on a connection of its own.
    ledger.append(id, &applied(), at(2)).unwrap();
}
