//! What was acknowledged is there after `kill -9`, at whatever moment it comes.
//!
//! The test runs itself again as the process that is killed.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "these are tests, and print is how they tell what was acknowledged"
)]

mod kit;

use std::{
    collections::BTreeSet,
    env,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use store::{Folder, Options, Store as _, StoreError, Syncing};

const CHILD: &str = "STORE_TEST_CHILD";
const THREADS: usize = 3;
const SPANS: u64 = 5;

fn options(sync: Syncing) -> Options {
    Options { sync, segment_bytes: 32 << 10, ..Options::default() }
}

/// Appends until it is killed; says what was acknowledged.
fn child(folder: &Path, sync: Syncing, first: u64) {
    let (store, _) = Folder::open(folder, options(sync)).unwrap();
    let store = &store;
    let run = |thread| {
        for trace in (first + thread..).step_by(THREADS) {
            kit::append(store, &kit::spans(trace, SPANS), trace).unwrap();
            println!("spans {trace}");
            if trace % 4 == 0 {
                store.record(vec![kit::fact(trace, trace, 1_000)]).unwrap();
                println!("fact {trace}");
            }
        }
    };
    thread::scope(|scope| {
        for number in 0..THREADS as u64 {
            scope.spawn(move || run(number));
        }
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

fn check(name: &str, sync: Syncing) {
    if let Ok(told) = env::var(CHILD) {
        let (first, folder) = told.split_once(' ').unwrap();
        return child(Path::new(folder), sync, first.parse().unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    let mut is_tidied = false;
    for round in 0..8 {
        let first = round * 1_000_000;
        let mut process = Command::new(env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(CHILD, format!("{first} {}", folder.path().display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        let before = acknowledged.len();
        while lines.read_line(&mut line).unwrap() != 0 {
            let told = line.strip_suffix('\n').and_then(|line| line.split_once(' '));
            if let Some((kind @ ("spans" | "fact"), trace)) = told {
                acknowledged.insert((kind == "fact", trace.parse::<u64>().unwrap()));
                if acknowledged.len() == before + 1 {
                    let other = Folder::open(folder.path(), options(sync));
                    assert!(matches!(other, Err(StoreError::Locked { .. })));
                    thread::sleep(Duration::from_millis(7 * round + round * round));
                    process.kill().unwrap();
                }
            }
            line.clear();
        }
        process.wait().unwrap();
        assert!(before < acknowledged.len());
        is_tidied |= std::fs::read_dir(folder.path())
            .unwrap()
            .any(|entry| entry.unwrap().file_name().to_string_lossy().ends_with(".parquet"));
        let (store, _) = Folder::open(folder.path(), options(sync)).unwrap();
        for (is_fact, trace) in &acknowledged {
            if *is_fact {
                assert!(store.knows(kit::trace_id(*trace), model::SpanId([7; 8])), "{trace}");
            } else {
                let spans = store.trace(kit::trace_id(*trace)).unwrap();
                assert_eq!(spans, kit::spans(*trace, SPANS), "round {round}");
            }
        }
    }
    assert!(is_tidied, "some rounds are long enough for blocks");
}

#[test]
fn with_a_sync_for_each_group() {
    check("with_a_sync_for_each_group", Syncing::Always);
}

#[test]
fn without_a_sync() {
    check("without_a_sync", Syncing::Os);
}
