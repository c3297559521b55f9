//! Entries without an end, statements without number, processes without order.

use std::time::Duration;

use observe::postgres_log::{
    Format, Prefix, RECORD_BYTES_MAX, Reader, ReaderOptions, Record, SHAPES_MAX, Summary,
};

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
