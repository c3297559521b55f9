//! What is kept and for how long, over days that take seconds: all of a day, then the notable and a fair sample, and what
//! each minute was like for longer still; over restarts, and killed in the middle.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "these are tests, print tells what was acknowledged, and counts made up here are small"
)]

mod kit;
mod shop;

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use keep::{
    MINUTES, SPANS, Table,
    policy::Quotas,
    query::{Field, Filter, Measure, Measured, Query},
    table::{minute, span},
};
use model::{Moment, Span, Text, TraceId, Window};
use shop::{BEGIN, HOUR, MINUTE, batch};
use store::{Folder, Keeping, Limits, Options, Retention, Store as _, Syncing, keep};

/// Hours that pass; a batch comes each minute.
const HOURS: u64 = 60;

const KEEPING: Keeping = Keeping {
    all: Duration::from_hours(12),
    minutes: Duration::from_hours(10_000),
    quotas: Quotas { notable: 2, others: 1 },
    bytes_max: u64::MAX,
};

fn open(path: &Path) -> Folder {
    let options = Options { sync: Syncing::Os, segment_bytes: 48 << 10, ..Options::default() };
    Folder::open(path, options).unwrap().0
}

fn question(table: &'static Table, group: Vec<Field>, filter: Filter) -> Query {
    let duration = if table.name == SPANS.name { span::DURATION } else { minute::DURATIONS };
    Query {
        table,
        window: Window {
            from: Moment { nanos: BEGIN },
            to: Moment { nanos: BEGIN + HOURS * HOUR },
        },
        filter,
        group,
        step: Some(Duration::from_hours(1)),
        measures: vec![
            Measure::Count,
            Measure::Greatest(Field::Column(duration)),
            Measure::Distribution(Field::Column(duration)),
        ],
        limit: 100,
    }
}

type Told = BTreeMap<(Vec<Option<Text>>, u32), Vec<Measured>>;

fn asked(store: &Folder, query: &Query) -> Told {
    // Longer than it takes on any machine: on a busy one an answer of half of it would look like a loss.
    let limits = Limits { time: Duration::from_mins(10), ..Limits::default() };
    let answered = store.ask(query, &limits).unwrap();
    assert!(answered.coverage.is_whole(), "{:?}", answered.coverage);
    let groups = answered.answer.groups.into_iter();
    groups.map(|group| ((group.key, group.step), group.measured)).collect()
}

/// Questions that roll-ups answer.
fn questions() -> Vec<Query> {
    let column = Field::Column;
    vec![
        question(&SPANS, vec![column(span::SERVICE), column(span::OPERATION)], Filter::All),
        question(&SPANS, vec![column(span::STATEMENT)], Filter::Has(column(span::STATEMENT))),
        question(&SPANS, vec![], Filter::Is(column(span::STATUS), vec!["error".into()])),
        question(&MINUTES, vec![column(minute::SERVICE)], Filter::All),
    ]
}

/// Does all there is to do, in the hour.
fn keep_house(store: &Folder, hour: u64) {
    let now = Moment { nanos: BEGIN + hour * HOUR };
    while store.tidy().unwrap() || store.thin(&KEEPING, now).unwrap() {}
    let age_max = Duration::from_hours(36);
    store.retain(Retention { age_max, bytes_max: u64::MAX }, now).unwrap();
}

#[test]
fn days_pass_and_what_is_told_of_each_minute_stays_the_same() {
    let (kept, full) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut store, all) = (open(kept.path()), open(full.path()));
    let named = TraceId(u128::from(26_u64).to_be_bytes());
    store.remember(&[named], Moment { nanos: BEGIN }).unwrap();
    for hour in 0..HOURS {
        for number in hour * 60..(hour + 1) * 60 {
            let received = BEGIN + (number + 1) * MINUTE;
            for store in [&store, &all] {
                kit::append(store, &batch(number), received).unwrap();
            }
        }
        if hour % 4 == 3 {
            keep_house(&store, hour + 1);
        }
        if hour % 17 == 9 {
            drop(store);
            store = open(kept.path());
        }
        if hour % 20 == 19 {
            for query in questions() {
                let (told, expected) = (asked(&store, &query), asked(&all, &query));
                assert!(told == expected, "{query:?} in hour {hour}");
            }
        }
        if hour == 19 {
            assert_eq!(store.trace(named).unwrap().len(), all.trace(named).unwrap().len());
        }
    }
    what_is_left(&store, &all);
}

fn what_is_left(store: &Folder, all: &Folder) {
    let (mut traces, mut rows) = (BTreeMap::<TraceId, usize>::new(), 0);
    let each = |chunk: &keep::Chunk| {
        for span in keep::spans::read(chunk, &(0..chunk.rows()).collect::<Vec<_>>()) {
            *traces.entry(span.trace_id).or_default() += 1;
            rows += 1;
        }
        Ok::<(), store::StoreError>(())
    };
    store.export(&SPANS, Window::ALL, each).unwrap();
    // A tenth of 24 hours, all of 12, and what is no block yet.
    let hours = |share: f64| HOURS as f64 * 60.0 * 17.0 * share / HOURS as f64;
    assert!((hours(12.0)..hours(26.0)).contains(&f64::from(rows)), "{rows} rows are left");
    let torn = traces.iter().filter(|(id, count)| all.trace(**id).unwrap().len() != **count);
    // Those whose first part was dropped for its age.
    let torn: BTreeSet<&TraceId> = torn.map(|(id, _)| id).collect();
    assert!(torn.len() <= 1, "{} of {} traces are not whole: {torn:?}", torn.len(), traces.len());
    // What only spans tell is an estimate, and a good one: of each day, by the attribute.
    let tier = || vec![Field::Attribute("user.tier".into())];
    let mut query =
        question(&SPANS, tier(), Filter::Is(Field::Column(span::SERVICE), vec!["shop".into()]));
    query.window.from = Moment { nanos: BEGIN + 28 * HOUR };
    query.window.to = Moment { nanos: BEGIN + 44 * HOUR };
    query.step = None;
    let (told, expected) = (asked(store, &query), asked(all, &query));
    for (key, measured) in expected {
        let (Measured::Count(told), Measured::Count(is)) = (&told[&key][0], &measured[0]) else {
            panic!("counts were asked for")
        };
        let off = *told as f64 / *is as f64 - 1.0;
        assert!(off.abs() < 0.15, "{key:?}: {told} told for {is}");
    }
    let usage = store.usage().unwrap();
    assert!(usage.blocks < 150, "{} blocks", usage.blocks);
}

#[test]
fn a_roll_up_that_a_crash_left_out_is_made_before_its_block_is_put_together_with_others() {
    let (kept, full) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, all) = (open(kept.path()), open(full.path()));
    let fill = |store: &Folder, minutes: std::ops::Range<u64>| {
        for number in minutes {
            kit::append(store, &batch(number), BEGIN + (number + 1) * MINUTE).unwrap();
        }
    };
    fill(&all, 0..200);
    fill(&store, 0..60);
    while store.tidy().unwrap() {}
    drop(store);
    // A block is there before its roll-up.
    let newest = kit::names(kept.path()).filter(|name| name.starts_with("minutes-")).max();
    std::fs::remove_file(kept.path().join(newest.unwrap())).unwrap();
    let store = open(kept.path());
    fill(&store, 60..200);
    keep_house(&store, 20);
    assert_ne!(store.usage().unwrap().thinned.blocks, 0);
    for query in questions() {
        assert!(asked(&store, &query) == asked(&all, &query), "{query:?}");
    }
}

#[test]
fn where_room_is_short_the_oldest_are_thinned_early_and_minutes_stay_longest() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for number in 0..60 * 12 {
        kit::append(&store, &batch(number), BEGIN + (number + 1) * MINUTE).unwrap();
    }
    let now = Moment { nanos: BEGIN + 12 * HOUR };
    while store.tidy().unwrap() {}
    let before = store.usage().unwrap();
    let keeping =
        Keeping { all: Duration::from_hours(99), bytes_max: before.block_bytes, ..KEEPING };
    while store.thin(&keeping, now).unwrap() || store.tidy().unwrap() {}
    let after = store.usage().unwrap();
    assert!(after.block_bytes < before.block_bytes * 9 / 10, "{after:?} {before:?}");
    assert!(0 < after.thinned.blocks && after.thinned.blocks < after.blocks, "{after:?}");
    let bytes_max = after.bytes() / 2;
    store.retain(Retention { age_max: Duration::MAX, bytes_max }, now).unwrap();
    let left = store.usage().unwrap();
    assert!(left.bytes() <= bytes_max, "{left:?}");
    assert!((1..=bytes_max / 4).contains(&left.minute_bytes), "{left:?}");
}

/// The test runs itself again as the process that is killed.
const CHILD: &str = "STORE_TEST_CHILD";

/// Kills of an ordinary run; `STORE_TEST_KILLS=300` kills so often.
const KILLS: u64 = 10;

/// Spans of the first batches: the first has 16, each later one the late reply of one before, too.
fn spans_of(batches: u64) -> u64 {
    (batches * 17).saturating_sub(1)
}

#[test]
fn how_many_spans_were_sent_is_known_without_making_them_again() {
    let mut spans = 0;
    for number in 0..50 {
        assert_eq!(spans_of(number), spans, "{number} batches");
        spans += batch(number).len() as u64;
    }
}

/// Kills that one folder lives through.
const LIVES: u64 = 20;

/// Batches that a process takes in for each piece of work on what is there.
const BATCHES_A_ROUND: u64 = 4;

/// A batch without what nothing is asked of: writing that down takes most of the time where code is not optimised.
fn lean(number: u64) -> Vec<Span> {
    let mut spans = batch(number);
    for span in &mut spans {
        (span.events, span.links) = (Vec::new(), Vec::new());
    }
    spans
}

/// Takes in minutes, thins and puts together, until it is killed; says what was acknowledged.
fn child(folder: &Path, first: u64) {
    let store = open(folder);
    let rounds = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in first..first + 100_000 {
                // What takes in is quicker than what keeps house: without waiting it would be killed far ahead of it.
                let wanted = (number - first) / BATCHES_A_ROUND;
                while rounds.load(Ordering::Relaxed) < wanted {
                    thread::sleep(Duration::from_micros(200));
                }
                kit::append(&store, &lean(number), BEGIN + (number + 1) * MINUTE).unwrap();
                println!("batch {number}");
            }
        });
        scope.spawn(|| {
            // Before the first batch there is nothing to tell by that it is not so late yet.
            let minutes = Duration::from_hours(HOURS * 2_000);
            let keeping = Keeping { all: Duration::ZERO, minutes, ..KEEPING };
            for _ in 0..1_000_000 {
                let now = Moment { nanos: BEGIN + HOURS * 1_000 * HOUR };
                if !store.thin(&keeping, now).unwrap() && !store.tidy().unwrap() {
                    thread::yield_now();
                }
                rounds.fetch_add(1, Ordering::Relaxed);
            }
        });
    });
}

#[test]
fn killed_at_any_moment_each_span_counts_once() {
    const NAME: &str = "killed_at_any_moment_each_span_counts_once";
    if let Ok(told) = env::var(CHILD) {
        let (first, folder) = told.split_once(' ').unwrap();
        return child(Path::new(folder), first.parse().unwrap());
    }
    let kills = env::var("STORE_TEST_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let seed = env::var("STORE_TEST_SEED").map_or(0, |seed| seed.parse().unwrap());
    let mut folder = tempfile::tempdir().unwrap();
    let (mut next, mut thinned, mut acknowledged_all) = (0, 0, 0);
    for kill in 0..kills {
        if kill % LIVES == 0 {
            (folder, next) = (tempfile::tempdir().unwrap(), 0);
        }
        let mut process = Command::new(env::current_exe().unwrap())
            .args([NAME, "--exact", "--nocapture"])
            .env(CHILD, format!("{next} {}", folder.path().display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut acknowledged = next;
        let mut came = 0;
        while let Some(Ok(line)) = lines.next() {
            let Some(number) = line.strip_prefix("batch ") else { continue };
            acknowledged = number.parse::<u64>().unwrap() + 1;
            came += 1;
            if came == 20 + (kill + seed) * 37 % 150 {
                process.kill().unwrap();
            }
        }
        let ended = process.wait().unwrap();
        assert_eq!(ended.code(), None, "it was killed, and did not end by itself");
        let store = open(folder.path());
        let mut query = question(&SPANS, vec![Field::Column(span::SERVICE)], Filter::All);
        (query.window, query.step) = (Window::ALL, None);
        let told = asked(&store, &query);
        let count = |measured: &Vec<Measured>| match measured[0] {
            Measured::Count(count) => count,
            _ => 0,
        };
        let counted: u64 = told.values().map(count).sum();
        // One more may have been written and not been acknowledged.
        next = if counted == spans_of(acknowledged) { acknowledged } else { acknowledged + 1 };
        assert_eq!(counted, spans_of(next), "after {kill} kills, {acknowledged} batches");
        acknowledged_all += acknowledged;
        let mut rows = 0;
        store
            .export(&SPANS, Window::ALL, |chunk| {
                rows += chunk.rows() as u64;
                Ok::<(), store::StoreError>(())
            })
            .unwrap();
        thinned += u64::from(rows < counted);
    }
    println!(
        "{kills} kills, seed {seed}, thinned in {thinned}, {acknowledged_all} batches were looked for"
    );
    // How far thinning comes before it is killed is up to the system.
    assert_ne!(thinned, 0, "thinned in none of {kills} lives");
}
