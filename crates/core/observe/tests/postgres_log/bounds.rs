//! Entries without an end, statements without number, processes without order.

use std::time::Duration;

use observe::postgres_log::{
    Format, Prefix, RECORD_BYTES_MAX, Reader, ReaderOptions, Record, SHAPES_MAX, Summary,
};

use crate::kit::{records, spec};

fn plain() -> ReaderOptions {
    ReaderOptions {
        format: Some(Format::Stderr),
        prefix: Prefix::parse("%m [%p] ").ok(),
        syslog_year: None,
    }
}

const TIME: &str = "2026-11-21 16:19:00.705 CET";
const HEAD: &str = "2026-11-21 16:19:00.705 CET [7] ";

#[test]
fn an_entry_without_an_end_is_cut() {
    for (name, format, head, end) in [
        ("a line", Format::Stderr, format!("{HEAD}LOG:  "), "x"),
        ("continuations", Format::Stderr, format!("{HEAD}LOG:  \n"), "\txx\n"),
        ("quotes", Format::Csv, format!("{TIME},,,7,,,,,,,,LOG,00000,\""), "x\n"),
        ("an object", Format::Json, "{\"message\":\"".to_owned(), "x"),
    ] {
        let mut reader = Reader::new(ReaderOptions { format: Some(format), ..plain() });
        let mut records = 0;
        let mut sink = |record: Record<'_>| {
            records += 1;
            assert!(record.message.len() <= RECORD_BYTES_MAX + 200_000, "{name}");
        };
        reader.feed(head.as_bytes(), &mut sink);
        let filler = end.repeat(100_000 / end.len());
        let mut held = 0;
        for _ in 0..40 {
            reader.feed(filler.as_bytes(), &mut sink);
            held = held.max(reader.pending_bytes());
        }
        let next = match format {
            Format::Csv => {
                format!("\"\n{TIME},,,7,,,,,,,,LOG,00000,\"next\",,,,,,,,,\"\"\n")
            }
            Format::Json => format!(
                "\n{{\"timestamp\":\"{TIME}\",\"error_severity\":\"LOG\",\"message\":\"next\"}}\n"
            ),
            _ => format!("\n{HEAD}LOG:  next\n"),
        };
        let mut last = String::new();
        let mut sink = |record: Record<'_>| last = record.message.into_owned();
        reader.feed(next.as_bytes(), &mut sink);
        reader.finish(&mut sink);
        assert!(held <= RECORD_BYTES_MAX + 200_000, "{name} holds {held}");
        assert_eq!(last, "next", "{name}: reading goes on; {:?}", reader.progress());
    }
}

#[test]
fn shapes_beyond_the_bound_are_folded_and_counted() {
    let mut summary = Summary::default();
    let many = SHAPES_MAX + SHAPES_MAX / 4;
    for number in 0..many {
        let took = if number == 3 { 1_000 } else { 1 };
        let message = format!("duration: {took}.000 ms  statement: SELECT a{number}x FROM t");
        summary.add(&Record { message: message.into(), ..Record::default() });
    }
    assert!(summary.shapes().len() <= SHAPES_MAX);
    let kept: u64 = summary.shapes().iter().map(|shape| shape.count()).sum();
    assert_eq!(kept + summary.folded().statements, many as u64);
    assert_eq!(summary.statements.count(), many as u64);
    let costly = summary.shapes().iter().any(|shape| shape.times.max() == Duration::from_secs(1));
    assert!(costly, "what costs most stays");
}

#[test]
fn statements_and_their_times_are_paired_by_process() {
    let log = [
        "[1] LOG:  statement: SELECT a FROM t WHERE b = 1",
        "[2] LOG:  execute <unnamed>: SELECT c FROM u WHERE d = $1",
        "[1] LOG:  duration: 5.000 ms",
        "[2] LOG:  duration: 7.000 ms",
        "[2] LOG:  duration: 9.000 ms",
        "[3] LOG:  statement: SELECT untimed FROM v",
        "[4] LOG:  duration: 2.000 ms  statement: execute p(12);",
        "[4] DETAIL:  prepare: prepare p(int) as select e from w where id=$1;",
    ];
    let mut reader = Reader::new(plain());
    let mut summary = Summary::default();
    let mut sink = |record: Record<'_>| summary.add(&record);
    for line in log {
        reader.feed(format!("2026-11-21 16:19:00.705 CET {line}\n").as_bytes(), &mut sink);
    }
    reader.finish(&mut sink);
    let mut told: Vec<String> = summary
        .shapes()
        .iter()
        .map(|shape| {
            format!(
                "{} {:?} {} {}",
                shape.text,
                shape.times.total(),
                shape.times.count(),
                shape.untimed
            )
        })
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            "select a from t where b = ? 5ms 1 0",
            "select c from u where d = ? 7ms 1 0",
            "select e from w where id = ? 2ms 1 0",
            "select untimed from v 0ns 0 1",
        ]
    );
    assert_eq!((summary.bare.count(), summary.untimed), (1, 1));
}

#[test]
fn syslog_pieces_are_put_together() {
    let log = "Nov 21 16:19:00 box postgres[7]: [3-1] 2026-11-21 16:19:00.705 CET [7] LOG:  duration: 2.000 ms  statement: SELECT a\n\
               Nov 21 16:19:00 box postgres[7]: [3-2] #011FROM t\n\
               Nov 21 16:19:00 box sshd[9]: hello\n\
               Nov 21 16:19:01 box postgres[8]: [1-1] 2026-11-21 16:19:01.000 CET [8] ERROR:  no\n\
               Nov 21 16:19:01 box postgres[8]: [2-1] 2026-11-21 16:19:01.000 CET [8] STATEMENT:  SELECT b\n";
    let mut reader = Reader::new(ReaderOptions::default());
    let mut told = Vec::new();
    let mut sink = |record: Record<'_>| {
        told.push(format!("{:?} {:?} {:?}", record.pid, record.message, record.statement));
    };
    reader.feed(log.as_bytes(), &mut sink);
    reader.finish(&mut sink);
    assert_eq!(reader.format(), Some(Format::Syslog));
    assert_eq!(
        told,
        [
            r#"Some(7) "duration: 2.000 ms  statement: SELECT a\nFROM t" """#,
            r#"Some(8) "no" "SELECT b""#,
        ]
    );
    assert_eq!(reader.progress().rubbish, 1);
}

#[test]
fn what_collectors_put_around_lines_changes_nothing() {
    for name in
        ["13.stderr.log", "15.stderr.log", "18.stderr.log", "15.csvlog.csv", "15.jsonlog.json"]
    {
        let log = spec(name);
        let (expected, progress) = records(&log, &ReaderOptions::default(), &[10_000]);
        for before in
            ["2026-11-21T10:00:00.123456789Z ", "2026-11-21T10:00:00.1Z stderr F ", "db-1  | "]
        {
            let mut sealed = Vec::new();
            for line in log.split_inclusive(|byte| *byte == b'\n') {
                sealed.extend_from_slice(before.as_bytes());
                sealed.extend_from_slice(line);
            }
            for piece in [7, 10_000, 1 << 20] {
                let (found, now) = records(&sealed, &ReaderOptions::default(), &[piece]);
                assert_eq!(found.len(), expected.len(), "{name} behind {before:?}");
                assert_eq!(found, expected, "{name} behind {before:?}");
                assert_eq!(now.rubbish, progress.rubbish, "{name} behind {before:?}");
            }
        }
    }
}

#[test]
fn a_wait_is_told_from_its_holder_on() {
    let line = |seconds: u32, pid: u32, words: &str| {
        format!("2026-11-21 16:19:{seconds:02}.000 UTC [{pid}] {words}\n")
    };
    let waits = |pid: u32, lock: &str| {
        format!("LOG:  process {pid} still waiting for {lock} after 1000.000 ms")
    };
    let row = "ShareLock on transaction 740";
    let log = [
        line(2, 11, &waits(11, row)),
        line(2, 11, "DETAIL:  Process holding the lock: 10. Wait queue: 11."),
        line(2, 11, "STATEMENT:  update t set a = 7 where id = 1"),
        line(3, 12, &waits(12, "ExclusiveLock on tuple (0,1) of relation 16384 of database 5")),
        line(3, 12, "DETAIL:  Process holding the lock: 11. Wait queue: 12."),
        line(3, 12, "STATEMENT:  delete from t where id = 1"),
        line(9, 11, &format!("LOG:  process 11 acquired {row} after 8000.000 ms")),
        line(9, 11, "STATEMENT:  update t set a = 7 where id = 1"),
        line(9, 10, "LOG:  duration: 9000.000 ms  statement: alter table t add b int"),
        line(
            9,
            12,
            "LOG:  process 12 acquired ExclusiveLock on tuple (0,1) of relation 16384 of database 5 after 7000.000 ms",
        ),
        line(9, 12, "STATEMENT:  delete from t where id = 1"),
    ];
    let summary = crate::kit::summary(log.concat().as_bytes(), &plain());
    let told: Vec<String> = summary
        .lock_chains()
        .iter()
        .map(|chain| {
            let text = |one: &u64| summary.shape(*one).map_or("?", |shape| &shape.text).to_owned();
            let texts: Vec<String> = chain.fingerprints.iter().map(text).collect();
            format!("{} {} ms: {}", chain.what, chain.total_nanos / 1_000_000, texts.join(" -> "))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    ShareLock on transaction 8000 ms: alter table t add b int -> update t set a = ? where id = ?
    ExclusiveLock on tuple 7000 ms: alter table t add b int -> update t set a = ? where id = ? -> delete from t where id = ?
    ");
}

#[test]
fn plans_are_kept_in_any_format_without_their_literals() {
    let text = "Query Text: select * from t where a = 'secret'\n\
                \tSeq Scan on t  (cost=0.00..9.00 rows=3 width=4) (actual time=0.1..4.0 rows=2 loops=1)\n\
                \t  Filter: (a = 'secret'::text)";
    let json = "{\n\t  \"Query Text\": \"select * from t where a = 'secret'\",\n\t  \"Plan\": {\n\t    \"Node Type\": \"Seq Scan\",\n\
                \t    \"Relation Name\": \"t\",\n\t    \"Filter\": \"(a = 'secret'::text)\",\n\t    \"Actual Total Time\": 5.0,\n\
                \t    \"Actual Rows\": 2, \"Actual Loops\": 1\n\t  }\n\t}";
    let yaml = "Query Text: \"select * from t where a = 'secret'\"\n\tPlan: \n\t  Node Type: \"Seq Scan\"\n\
                \t  Relation Name: \"t\"\n\t  Actual Total Time: 6.0\n\t  Actual Rows: 2\n\t  Actual Loops: 1";
    let xml = "<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n\t  <Query-Text>select * from t where a = 'secret'</Query-Text>\n\
               \t  <Plan>\n\t    <Node-Type>Seq Scan</Node-Type>\n\t    <Relation-Name>t</Relation-Name>\n\
               \t    <Actual-Total-Time>7.0</Actual-Total-Time>\n\t    <Actual-Rows>2</Actual-Rows>\n\
               \t    <Actual-Loops>1</Actual-Loops>\n\t  </Plan>\n\t</explain>";
    for (took, plan) in [(4, text), (5, json), (6, yaml), (7, xml)] {
        let log = format!("{HEAD}LOG:  duration: {took}.500 ms  plan:\n\t{plan}\n");
        let summary = crate::kit::summary(log.as_bytes(), &plain());
        let plans = summary.logged_plans();
        assert_eq!(plans.len(), 1, "{plan}");
        assert_eq!(plans[0].slowest_nanos, took * 1_000_000 + 500_000);
        assert_eq!(plans[0].nodes[0].title, "Seq Scan on t");
        assert_eq!(plans[0].nodes[0].own_nanos, Some(took * 1_000_000), "{plan}");
        let shape = summary.shape(plans[0].fingerprint).unwrap();
        assert_eq!(shape.text, "select * from t where a = ?", "{plan}");
        assert!(!serde_json::to_string(&summary).unwrap().contains("secret"));
    }
}
