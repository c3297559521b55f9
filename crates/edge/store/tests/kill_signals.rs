//! Spans, log records and metrics that were acknowledged are there after `kill -9`, each once, whatever became a block
//! meanwhile.
//!
//! The test runs itself again as the process that is killed.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "these are tests, and print is how they tell what was acknowledged"
)]

mod items;
mod kit;

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use items::{append_logs, append_metrics, log, metric};
use model::Window;
use store::{
    Folder, Options, Store as _, StoreError, Syncing,
    keep::{Column, LOGS, METRICS, SPANS, Table},
};

const CHILD: &str = "STORE_TEST_CHILD";

/// What is kept.
const TABLES: [&Table; 3] = [&SPANS, &LOGS, &METRICS];

/// Rows of one batch of any kind.
const ROWS: u64 = 5;

/// Processes that are killed.
const LIVES: u64 = 8;

fn options() -> Options {
    Options { sync: Syncing::Always, segment_bytes: 16 << 10, ..Options::default() }
}

/// Keeps batch after batch until it is killed; says which were acknowledged.
fn child(folder: &Path, first: u64) {
    let (store, _) = Folder::open(folder, options()).unwrap();
    let store = &store;
    let spans = |batch| {
        let at = |(number, mut span): (u64, model::Span)| {
            span.start.nanos = batch * ROWS + number;
            span
        };
        let spans: Vec<_> = (0..).zip(kit::spans(batch, ROWS)).map(at).collect();
        kit::append(store, &spans, batch)
    };
    let logs = |batch| {
        let at = |number: u64| {
            let mut record = log(Some(kit::trace_id(batch)), number);
            record.time.nanos = batch * ROWS + number;
            record
        };
        append_logs(store, &(0..ROWS).map(at).collect::<Vec<_>>(), batch)
    };
    let metrics = |batch| append_metrics(store, &[metric("cpu", batch * ROWS, ROWS)], batch);
    let keep = |kind: &str, append: &dyn Fn(u64) -> Result<(), StoreError>| {
        for batch in first..first + 1_000_000 {
            append(batch).unwrap();
            println!("{kind} {batch}");
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| keep("spans", &spans));
        scope.spawn(|| keep("logs", &logs));
        scope.spawn(|| keep("metrics", &metrics));
        scope.spawn(|| {
            #[expect(clippy::infinite_loop, reason = "the process is killed before it would end")]
            loop {
                if !store.tidy().unwrap() {
                    thread::yield_now();
                }
            }
        });
    });
}

/// How many rows of each batch of each kind there are.
fn counted(store: &Folder) -> BTreeMap<(&'static str, u64), u64> {
    let mut found = BTreeMap::new();
    for table in TABLES {
        let coverage = store.export(table, Window::ALL, |chunk| {
            let Column::Whole(times) = chunk.column(table.time) else { panic!("times are whole") };
            for time in times {
                *found.entry((table.name, time / ROWS)).or_default() += 1;
            }
            Ok::<(), StoreError>(())
        });
        assert!(coverage.unwrap().is_whole());
    }
    found
}

#[test]
fn what_was_acknowledged_of_any_kind_is_there_once() {
    if let Ok(told) = env::var(CHILD) {
        let (first, folder) = told.split_once(' ').unwrap();
        return child(Path::new(folder), first.parse().unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: BTreeSet<(&str, u64)> = BTreeSet::new();
    for life in 1..=LIVES {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["what_was_acknowledged_of_any_kind_is_there_once", "--exact", "--nocapture"])
            .env(CHILD, format!("{} {}", life * 1_000_000, folder.path().display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        let (mut line, before) = (String::new(), acknowledged.len());
        while lines.read_line(&mut line).unwrap() != 0 {
            let told = line.strip_suffix('\n').and_then(|line| line.split_once(' '));
            let told = told.and_then(|(kind, batch)| {
                let table = TABLES.iter().find(|table| table.name == kind)?;
                Some((table.name, batch.parse().ok()?))
            });
            acknowledged.extend(told);
            if told.is_some() && acknowledged.len() == before + 1 {
                thread::sleep(Duration::from_millis(9 * life + life * life));
                process.kill().unwrap();
            }
            line.clear();
        }
        process.wait().unwrap();
        assert!(before < acknowledged.len());
        let (store, _) = Folder::open(folder.path(), options()).unwrap();
        let found = counted(&store);
        assert!(found.values().all(|rows| *rows == ROWS), "batches are whole, and there once");
        for batch in &acknowledged {
            assert!(found.contains_key(batch), "{batch:?} was acknowledged in life {life}");
        }
        for (kind, batch) in acknowledged.iter().filter(|(kind, _)| *kind == "logs").step_by(50) {
            let found = store.logs_of(kit::trace_id(*batch)).unwrap();
            assert_eq!(found.len() as u64, ROWS, "{kind} of {batch}");
        }
    }
    let (store, _) = Folder::open(folder.path(), options()).unwrap();
    let usage = store.usage().unwrap();
    assert!(usage.signals.iter().all(|signal| 0 < signal.blocks), "{usage:?}");
}
