//! What real servers logged: the same work, told in three formats by versions 13, 15 and 18.

use insta::assert_snapshot;
use observe::postgres_log::{Reader, ReaderOptions, Summary};

use crate::kit::{SPECS, spec, summary};

fn of(name: &str) -> Summary {
    summary(&spec(name), &ReaderOptions::default())
}

/// The figures that do not depend on the format; milliseconds where one format has no more.
fn told(summary: &Summary) -> String {
    let mut lines = vec![
        format!(
            "read {} rubbish {} orphans {}",
            summary.input.records, summary.input.rubbish, summary.input.orphans
        ),
        format!("severities {:?}", summary.severities),
        format!(
            "statements {} in {:?}, parse {}, bind {}, untimed {}, alone {}, plans {}",
            summary.statements.count(),
            summary.statements.total(),
            summary.parse.count(),
            summary.bind.count(),
            summary.untimed,
            summary.bare.count(),
            summary.plans
        ),
        format!(
            "temporary files {} of {} bytes",
            summary.temp_files.count, summary.temp_files.bytes
        ),
        format!(
            "connections {} {} {}",
            summary.connections.received,
            summary.connections.authorized,
            summary.connections.ended.count()
        ),
        format!(
            "checkpoints {} of {} buffers, {:?}",
            summary.checkpoints.count, summary.checkpoints.buffers, summary.checkpoints.reasons
        ),
        format!("crashes {}, cancelled {:?}", summary.crashes, summary.cancelled),
    ];
    for (name, kind) in &summary.locks.kinds {
        lines.push(format!(
            "lock {name}: {} waited, {} had, {} failed",
            kind.waiting,
            kind.acquired.count(),
            kind.failed
        ));
    }
    for (name, who) in &summary.databases {
        lines.push(format!(
            "database {name}: {} statements, {} errors, {} sessions",
            who.statements, who.errors, who.sessions
        ));
    }
    for (name, kind) in &summary.errors {
        lines.push(format!("{} x {name}", kind.count));
    }
    for (name, work) in summary.tables.iter().filter(|(name, _)| name.contains("customers")) {
        lines.push(format!(
            "table {name}: {} vacuums, {} analyzes, {} rows removed",
            work.vacuums, work.analyzes, work.tuples_removed
        ));
    }
    lines.join("\n")
}

#[test]
fn all_formats_tell_the_same() {
    for version in ["13", "15", "18"] {
        let plain = told(&of(&format!("{version}.stderr.log")));
        assert_eq!(told(&of(&format!("{version}.csvlog.csv"))), plain, "csvlog of {version}");
        if version != "13" {
            assert_eq!(
                told(&of(&format!("{version}.jsonlog.json"))),
                plain,
                "jsonlog of {version}"
            );
        }
    }
}

#[test]
fn shapes_are_the_same_in_all_formats() {
    let shapes = |name: &str| {
        let summary = of(name);
        let line = |shape: &&observe::postgres_log::Shape| {
            format!("{} x {:?} {}", shape.count(), shape.times.total(), shape.text)
        };
        summary.shapes().iter().map(line).collect::<Vec<_>>()
    };
    for version in ["15", "18"] {
        let plain = shapes(&format!("{version}.stderr.log"));
        assert_eq!(shapes(&format!("{version}.csvlog.csv")), plain);
        assert_eq!(shapes(&format!("{version}.jsonlog.json")), plain);
    }
}

#[test]
fn prefix_and_format_are_recognised() {
    let known = |name: &str| {
        let mut reader = Reader::new(ReaderOptions::default());
        reader.feed(&spec(name), &mut |_| ());
        let format = reader.format().unwrap().name();
        format!("{name}: {format} {:?}", reader.prefix().unwrap().as_str())
    };
    assert_snapshot!(SPECS.iter().map(|name| known(name)).collect::<Vec<_>>().join("\n"), @r#"
    13.stderr.log: stderr "%t [%p]: user=%u,db=%d,app=%a,client=%h "
    13.csvlog.csv: csvlog ""
    15.stderr.log: stderr "%m [%p] %l %q%u@%d/%a %h %e "
    15.csvlog.csv: csvlog ""
    15.jsonlog.json: jsonlog ""
    18.stderr.log: stderr "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:"
    18.csvlog.csv: csvlog ""
    18.jsonlog.json: jsonlog ""
    "#);
}

#[test]
fn a_server_is_told_in_full() {
    assert_snapshot!(told(&of("15.jsonlog.json")), @r#"
    read 505 rubbish 0 orphans 0
    severities {Log: 484, Warning: 1, Error: 13, Fatal: 7}
    statements 168 in 15.321629s, parse 21, bind 63, untimed 0, alone 0, plans 31
    temporary files 7 of 17227776 bytes
    connections 54 51 48
    checkpoints 3 of 2716 buffers, {"end-of-recovery immediate wait": 1, "immediate force wait": 1, "shutdown immediate": 1}
    crashes 1, cancelled {"statement timeout": 1, "user request": 1}
    lock ShareLock on transaction: 1 waited, 1 had, 1 failed
    database nodb: 0 statements, 1 errors, 0 sessions
    database postgres: 1 statements, 0 errors, 1 sessions
    database shop: 167 statements, 19 errors, 47 sessions
    1 x ERROR:  canceling statement due to statement timeout
    1 x ERROR:  canceling statement due to user request
    1 x ERROR:  column ? does not exist
    1 x ERROR:  deadlock detected
    2 x ERROR:  division by zero
    1 x ERROR:  duplicate key value violates unique constraint "customers_email_key"
    1 x ERROR:  insert or update on table "orders" violates foreign key constraint "orders_customer_id_fkey"
    1 x ERROR:  invalid input syntax for type integer: ?
    1 x ERROR:  new row for relation "customers" violates check constraint "customers_name_check"
    1 x ERROR:  relation "no_such_table" does not exist
    2 x ERROR:  syntax error at or near ?
    1 x FATAL:  database ? does not exist
    1 x FATAL:  role ? does not exist
    3 x FATAL:  sorry, too many clients already
    1 x FATAL:  terminating connection due to administrator command
    1 x FATAL:  terminating connection due to idle-in-transaction timeout
    1 x WARNING:  raised by inline_code_block line 1
    table shop.public.customers: 2 vacuums, 2 analyzes, 1 rows removed
    "#);
}

#[test]
fn no_literal_survives() {
    let planted = [
        "user7",
        "Mallory",
        "tok-4242",
        "abc-secret",
        "cancel me",
        "unterminated",
        "hidden-value",
        "held",
        "999999",
        "far too long",
    ];
    for name in SPECS {
        let kept = serde_json::to_string(&of(name)).unwrap();
        for secret in planted {
            assert!(!kept.contains(secret), "{name} keeps {secret}");
        }
    }
}

#[test]
fn what_is_written_down_reads_back_the_same() {
    for name in SPECS {
        let summary = of(name);
        let written = serde_json::to_string(&summary).unwrap();
        let read: Summary = serde_json::from_str(&written).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), written, "{name}");
    }
}

#[test]
fn parts_come_to_the_whole() {
    let log = spec("15.csvlog.csv");
    // Where a statement and its time stand apart, a part may end between them; not here.
    let lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    let starts = |line: &[u8]| line.starts_with(b"2026-");
    let middle = (lines.len() / 3..lines.len()).find(|at| starts(lines[*at])).unwrap();
    let (first, second) = lines.split_at(middle);
    let options = ReaderOptions::default();
    let mut sum = summary(&first.concat(), &options);
    sum.merge(&summary(&second.concat(), &options));
    let whole = summary(&log, &options);
    assert_eq!(told(&sum), told(&whole));
    assert_eq!(sum.hours, whole.hours);
    assert_eq!(sum.slowest, whole.slowest);
    assert_eq!(sum.temp_files, whole.temp_files);
    let texts = |summary: &Summary| summary.shapes().into_iter().cloned().collect::<Vec<_>>();
    assert_eq!(texts(&sum), texts(&whole));
}
