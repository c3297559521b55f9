//! What was acknowledged is there after `kill -9`, at whatever moment it comes: while the store is opened, appends,
//! makes blocks, puts them together or drops old ones.
//!
//! The test runs itself again as the process that is killed. `STORE_TEST_KILLS=300` kills so often, `STORE_TEST_SEED`
//! draws other moments; the same seed draws the same ones, as far as a system of many processes repeats itself.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "these are tests, and print is how they tell what was acknowledged and how often they looked"
)]

mod kit;
mod pretend;

use std::{
    collections::BTreeSet,
    env,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use model::{Moment, SpanId};
use pretend::Seeded;
use store::{Folder, Options, Retention, Store as _, StoreError, Syncing};

const CHILD: &str = "STORE_TEST_CHILD";
const THREADS: usize = 3;
const SPANS: u64 = 5;

/// Kills of an ordinary run, of each kind of syncing.
const KILLS: u64 = 24;

/// Kills that one folder lives through.
const LIVES: u64 = 12;

/// Batches that come at once may be written in another order: by so much their times may be before those of earlier ones.
const AT_ONCE: u64 = 12;

/// Numbers of one process.
const NUMBERS: u64 = 1_000_000;

fn options(sync: Syncing) -> Options {
    Options { sync, segment_bytes: 16 << 10, ..Options::default() }
}

/// Does all that a store does until it is killed; says what was acknowledged.
fn child(folder: &Path, sync: Syncing, first: u64, mut seeded: Seeded) {
    let (store, _) = Folder::open(folder, options(sync)).unwrap();
    let (store, next) = (&store, &AtomicU64::new(first));
    let run = || {
        #[expect(clippy::infinite_loop, reason = "the process is killed before it would end")]
        loop {
            let trace = next.fetch_add(1, Relaxed);
            kit::append(store, &kit::spans(trace, SPANS), trace).unwrap();
            println!("spans {trace}");
            if trace % 4 == 0 {
                store.record(vec![kit::fact(trace, trace, 1_000)]).unwrap();
                println!("fact {trace}");
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(run);
        }
        scope.spawn(|| {
            #[expect(clippy::infinite_loop, reason = "the process is killed before it would end")]
            loop {
                let now = next.load(Relaxed);
                match seeded.below(12) {
                    0 => {
                        let age = 100 + seeded.below(900) as u64;
                        println!("drop {}", now + AT_ONCE - age);
                        let retention =
                            Retention { age_max: Duration::from_nanos(age), bytes_max: u64::MAX };
                        store.retain(retention, Moment { nanos: now }).unwrap();
                    }
                    1 => {
                        store.save_document("state", &now.to_le_bytes()).unwrap();
                        println!("document {now}");
                    }
                    _ if store.tidy().unwrap() => {}
                    _ => thread::yield_now(),
                }
            }
        });
    });
}

/// What a process said before it was killed.
#[derive(Debug, Default)]
struct Told {
    spans: BTreeSet<u64>,
    facts: BTreeSet<u64>,
    /// What was received before was to be dropped.
    dropped: u64,
    document: Option<u64>,
}

impl Told {
    fn count(&self) -> usize {
        self.spans.len() + self.facts.len()
    }

    fn take(&mut self, line: &str) {
        let told = line.strip_suffix('\n').and_then(|line| line.split_once(' '));
        let Some((kind, number)) = told else { return };
        let Ok(number) = number.parse() else { return };
        match kind {
            "spans" => drop(self.spans.insert(number)),
            "fact" => drop(self.facts.insert(number)),
            "drop" => self.dropped = self.dropped.max(number),
            "document" => self.document = Some(number),
            _ => {}
        }
    }

    /// Counts what is in the store.
    fn check(&self, store: &Folder) {
        let found = kit::counted(store);
        for (trace, count) in &found {
            assert_eq!(*count, SPANS, "trace {trace} is there once and whole");
        }
        let due = |number: &&u64| self.dropped <= **number;
        for trace in self.spans.iter().filter(due) {
            assert!(found.contains_key(trace), "trace {trace}; dropped until {}", self.dropped);
        }
        for trace in self.spans.iter().filter(due).step_by(7) {
            let spans = store.trace(kit::trace_id(*trace)).unwrap();
            assert_eq!(spans, kit::spans(*trace, SPANS));
        }
        for trace in self.facts.iter().filter(due) {
            assert!(store.knows(kit::trace_id(*trace), SpanId([7; 8])), "fact of {trace}");
        }
        let document = store.load_document("state").unwrap();
        let document = document.map(|it| u64::from_le_bytes(it.try_into().unwrap()));
        assert!(self.document <= document, "{:?}, {document:?}", self.document);
    }
}

fn start(name: &str, folder: &Path, first: u64, seed: u64) -> Child {
    Command::new(env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(CHILD, format!("{first} {seed} {}", folder.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Lets a process work and kills it; takes in what it said.
fn kill(mut process: Child, wait: Wait, told: &Mutex<Told>, meanwhile: impl FnOnce()) {
    let mut lines = BufReader::new(process.stdout.take().unwrap());
    let before = told.lock().unwrap().count();
    thread::scope(|scope| {
        let listener = scope.spawn(move || {
            let mut line = String::new();
            while lines.read_line(&mut line).unwrap() != 0 {
                told.lock().unwrap().take(&line);
                line.clear();
            }
            drop(lines.read(&mut []));
        });
        let begun = Instant::now();
        if matches!(wait, Wait::AfterTheFirst(_)) {
            while told.lock().unwrap().count() == before {
                assert!(begun.elapsed() < Duration::from_mins(1), "it does nothing");
                assert!(!listener.is_finished(), "it ended early");
                thread::sleep(Duration::from_millis(1));
            }
        }
        let (Wait::AfterTheFirst(moment) | Wait::FromTheStart(moment)) = wait;
        thread::sleep(moment);
        meanwhile();
        process.kill().unwrap();
        process.wait().unwrap();
    });
}

/// When to kill.
#[derive(Debug, Clone, Copy)]
enum Wait {
    /// So long after something was acknowledged.
    AfterTheFirst(Duration),
    /// So long after it was started: mostly while it opens the store.
    FromTheStart(Duration),
}

fn check(name: &str, sync: Syncing) {
    if let Ok(told) = env::var(CHILD) {
        let mut words = told.splitn(3, ' ');
        let mut number = || words.next().unwrap().parse().unwrap();
        let (first, seed) = (number(), number());
        return child(Path::new(words.next().unwrap()), sync, first, Seeded(seed));
    }
    let seed = pretend::told("STORE_TEST_SEED").unwrap_or(0);
    let kills = pretend::told("STORE_TEST_KILLS").unwrap_or(KILLS);
    let mut seeded = Seeded(seed);
    let (mut acknowledged, mut blocks) = (0, 0);
    for lives in (0..kills).step_by(usize::try_from(LIVES).unwrap()) {
        let folder = tempfile::tempdir().unwrap();
        let told = Mutex::new(Told::default());
        for life in 0..LIVES.min(kills - lives) {
            let process = start(name, folder.path(), (life + 1) * NUMBERS, seeded.next());
            let wait = if seeded.once_in(5) {
                Wait::FromTheStart(Duration::from_micros(seeded.below(25_000) as u64))
            } else {
                Wait::AfterTheFirst(Duration::from_micros(seeded.below(200_000) as u64))
            };
            let is_working = matches!(wait, Wait::AfterTheFirst(_));
            kill(process, wait, &told, || {
                if is_working {
                    let other = Folder::open(folder.path(), options(sync));
                    assert!(matches!(other, Err(StoreError::Locked { .. })), "{other:?}");
                }
            });
            blocks += kit::names(folder.path()).filter(|it| it.ends_with(".parquet")).count();
            let (store, _) = Folder::open(folder.path(), options(sync)).unwrap();
            told.lock().unwrap().check(&store);
        }
        acknowledged += told.lock().unwrap().count();
    }
    eprintln!(
        "{kills} kills of {sync:?}, seed {seed}; {acknowledged} acknowledged, {blocks} blocks seen"
    );
    assert!(0 < acknowledged && 0 < blocks);
}

#[test]
fn with_a_sync_for_each_group() {
    check("with_a_sync_for_each_group", Syncing::Always);
}

#[test]
fn without_a_sync() {
    check("without_a_sync", Syncing::Os);
}
