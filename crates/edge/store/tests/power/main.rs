//! What was acknowledged is there after a loss of power, at whatever moment it comes and whatever of the rest is
//! lost with it: each batch once, none half.
//!
//! A store works on a real folder while a pretend disk records it; then states that a machine may come back with are
//! laid out, opened and counted, and some of them worked on and lost again. `STORE_TEST_SEED` replays one case, and
//! `STORE_TEST_CASES` looks at more than the usual number, from that seed on.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "these are tests, and tell how much they looked at and how to see it again"
)]

mod found;
#[path = "../items/mod.rs"]
mod items;
#[path = "../kit/mod.rs"]
mod kit;
#[path = "../pretend/mod.rs"]
mod pretend;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use found::Found;
use model::{Moment, Span, SpanId};
use pretend::{Lie, Recorder, Seeded};
use store::{
    Folder, Keeping, Options, Recovery, Retention, Store as _, StoreError, Syncing, Watched,
    keep::{self, policy::Quotas},
};

/// Cases of an ordinary run: seconds. Each has [`LIVES`] times [`STATES`] losses of power.
const CASES: u64 = 8;

/// How often one folder is worked on and loses power.
const LIVES: usize = 3;

/// Losses of power that are looked at in each life.
const STATES: usize = 8;

/// What becomes of something that was to be kept.
#[derive(Debug, Clone, Copy)]
struct Fate {
    /// When the store was asked to keep it.
    begun: usize,
    /// When it said that it has.
    kept: Option<usize>,
    /// When it was asked to drop what is as old.
    dropped: Option<usize>,
    /// When it was received, at the earliest.
    received: u64,
}

/// Batches that come at once may be written in another order: by so much what the store takes for the time of one may
/// be before it.
const AT_ONCE: u64 = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    There,
    Gone,
    Either,
}

impl Fate {
    /// What a store has to say of it that lost power at a moment.
    fn due(&self, moment: usize, sync: Syncing) -> Due {
        if moment < self.begun {
            Due::Gone
        } else if self.kept.is_some_and(|kept| kept <= moment)
            && self.dropped.is_none_or(|dropped| moment < dropped)
            && sync == Syncing::Always
        {
            Due::There
        } else {
            Due::Either
        }
    }
}

/// What a store was told, and what it said to it.
#[derive(Debug, Default, Clone)]
struct Told {
    /// Batches by their number, which is when they were received, too.
    batches: BTreeMap<u64, Fate>,
    facts: BTreeMap<u64, Fate>,
    /// Contents of a document, in order.
    documents: Vec<(Fate, Vec<u8>)>,
    next: u64,
    /// The newest batch that was kept.
    newest: Option<u64>,
}

/// What a batch is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Spans,
    Logs,
    Metrics,
}

impl Kind {
    fn of(number: u64) -> Self {
        match number % 7 {
            3 => Self::Logs,
            5 => Self::Metrics,
            _ => Self::Spans,
        }
    }

    fn table(self) -> &'static keep::Table {
        match self {
            Self::Spans => &keep::SPANS,
            Self::Logs => &keep::LOGS,
            Self::Metrics => &keep::METRICS,
        }
    }
}

/// Asks a store to keep a batch; it is of what its number says.
fn append(store: &Folder, number: u64) -> Result<(), StoreError> {
    let rows = number * 10..number * 10 + 1 + number % 5;
    match Kind::of(number) {
        Kind::Spans => kit::append(store, &batch(number), number),
        Kind::Logs => {
            let logs: Vec<_> = rows.map(|row| items::log(Some(kit::trace_id(row)), row)).collect();
            items::append_logs(store, &logs, number)
        }
        Kind::Metrics => {
            let points = rows.end - rows.start;
            items::append_metrics(store, &[items::metric("cpu", rows.start, points)], number)
        }
    }
}

/// Times of the rows of a batch of log records or metrics.
fn times(number: u64) -> impl Iterator<Item = u64> {
    let from = if Kind::of(number) == Kind::Logs { 1_000 } else { 0 };
    (number * 10..number * 10 + 1 + number % 5).map(move |row| from + row)
}

/// The traces of a batch of spans are numbered from ten times its own number.
fn batch(number: u64) -> Vec<Span> {
    let traces = 1 + number % 3;
    (0..traces).flat_map(|trace| kit::spans(number * 10 + trace, 1 + number % 5)).collect()
}

/// A store at work, recorded.
struct Life {
    recorder: Arc<Recorder>,
    _watched: Watched,
    store: Folder,
    thins: Thins,
    told: Mutex<Told>,
}

/// What thinning leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thins {
    /// Blocks are written anew, and all stays: so that what is missing is a loss.
    Nothing,
    /// Most goes; roll-ups tell of each span whether it was there.
    Most,
}

impl Thins {
    fn keeping(self) -> Keeping {
        let quotas = match self {
            Self::Nothing => Quotas { notable: u64::MAX, others: u64::MAX },
            Self::Most => Quotas { notable: 60, others: 60 },
        };
        Keeping {
            all: Duration::from_nanos(9),
            minutes: Duration::from_hours(9),
            quotas,
            bytes_max: u64::MAX,
        }
    }
}

/// What is tried.
#[derive(Debug, Clone, Copy)]
struct Way {
    sync: Syncing,
    fails_once_in: Option<usize>,
    thins: Thins,
}

impl Way {
    fn open(self, folder: &Path) -> (Folder, Recovery) {
        Folder::open(folder, options(self.sync)).unwrap()
    }
}

fn options(sync: Syncing) -> Options {
    Options { sync, segment_bytes: kit::SEGMENT_BYTES, ..Options::default() }
}

impl Life {
    /// Opens a folder; what is found there is there from now on, and what is not never comes back.
    fn begin(folder: &Path, way: Way, before: &Told) -> Self {
        let recorder = Recorder::of(folder);
        let watched = store::watch(folder, Arc::clone(&recorder) as Arc<_>);
        let (store, _) = way.open(folder);
        let found = Found::in_store(&store, way.thins);
        let mut told = Told { next: before.next, ..Told::default() };
        let fate = |received| Fate { begun: 0, kept: Some(0), dropped: None, received };
        told.newest = found.batches.iter().rfind(|it| Kind::of(**it) == Kind::Spans).copied();
        told.batches.extend(found.batches.iter().map(|number| (*number, fate(*number))));
        let facts = before.facts.iter().filter(|(number, _)| has_fact(&store, **number));
        told.facts.extend(facts.map(|(number, before)| (*number, fate(before.received))));
        told.documents.extend(found.document.map(|content| (fate(0), content)));
        Self { recorder, _watched: watched, store, thins: way.thins, told: told.into() }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap()
    }

    fn number(&self) -> u64 {
        let mut told = self.told();
        told.next += 1;
        told.next
    }

    fn begin_to_keep(&self, received: u64) -> Fate {
        Fate { begun: self.recorder.tick(), kept: None, dropped: None, received }
    }

    fn append(&self) -> Result<(), StoreError> {
        let number = self.number();
        let fate = self.begin_to_keep(number);
        self.told().batches.insert(number, fate);
        append(&self.store, number)?;
        let kept = Some(self.recorder.tick());
        let mut told = self.told();
        told.batches.insert(number, Fate { kept, ..fate });
        if Kind::of(number) == Kind::Spans {
            told.newest = told.newest.max(Some(number));
        }
        Ok(())
    }

    fn record(&self) -> Result<(), StoreError> {
        let number = self.number();
        // Facts age with the batches before them.
        let received = self.told().newest.unwrap_or(number);
        let fate = self.begin_to_keep(received);
        self.told().facts.insert(number, fate);
        self.store.record(vec![kit::fact(number, number, 1_000)])?;
        let kept = Some(self.recorder.tick());
        self.told().facts.insert(number, Fate { kept, ..fate });
        Ok(())
    }

    fn save(&self, seeded: &mut Seeded) -> Result<(), StoreError> {
        let content = vec![u8::try_from(self.number() % 251).unwrap(); seeded.below(3_000)];
        let fate = self.begin_to_keep(0);
        self.told().documents.push((fate, content.clone()));
        let saved = self.store.save_document("state", &content);
        let kept = saved.is_ok().then(|| self.recorder.tick());
        self.told().documents.last_mut().unwrap().0.kept = kept;
        saved
    }

    fn retain(&self, seeded: &mut Seeded) -> Result<(), StoreError> {
        let now = self.told().next;
        let age = 20 + seeded.below(60) as u64;
        let dropped = Some(self.recorder.tick());
        let mut told = self.told();
        let Told { batches, facts, .. } = &mut *told;
        for fate in batches.values_mut().chain(facts.values_mut()) {
            if fate.received + age < now + AT_ONCE {
                fate.dropped = fate.dropped.or(dropped);
            }
        }
        drop(told);
        let retention = Retention { age_max: Duration::from_nanos(age), bytes_max: u64::MAX };
        self.store.retain(retention, Moment { nanos: now }).map(drop)
    }

    /// Does one thing or another.
    fn step(&self, seeded: &mut Seeded) -> Result<(), StoreError> {
        match seeded.below(26) {
            0..12 => self.append(),
            12..14 => self.record(),
            14..20 => self.store.tidy().map(drop),
            20 => self.save(seeded),
            21 => self.retain(seeded),
            22 => self.store.compact(&mut |_| {}),
            23..25 => {
                let now = Moment { nanos: self.told().next };
                self.store.thin(&self.thins.keeping(), now).map(drop)
            }
            _ => self.appends_at_once(),
        }
    }

    /// Appends that share syncs, and a block that is made meanwhile.
    fn appends_at_once(&self) -> Result<(), StoreError> {
        thread::scope(|scope| {
            let several = || (0..3).try_for_each(|_| self.append());
            let others = [scope.spawn(several), scope.spawn(several)];
            let tidied = self.store.tidy().map(drop);
            let appended = several();
            let all = others.into_iter().map(|other| other.join().unwrap());
            all.chain([tidied, appended]).collect()
        })
    }
}

fn has_fact(store: &Folder, number: u64) -> bool {
    store.knows(kit::trace_id(number), SpanId([7; 8]))
}

/// Opens what is left after a loss of power, and holds it against what was told.
fn check(files: &BTreeMap<String, Vec<u8>>, told: &Told, moment: usize, way: Way) {
    let folder = pretend::temporary();
    pretend::lay(files, folder.path());
    let (store, recovery) = way.open(folder.path());
    if way.sync == Syncing::Always {
        assert_eq!(recovery.bytes_damaged, 0);
    }
    let found = Found::in_store(&store, way.thins);
    let due = |is_there: bool, fate: &Fate| match fate.due(moment, way.sync) {
        Due::There => is_there,
        Due::Gone => !is_there,
        Due::Either => true,
    };
    for (number, fate) in &told.batches {
        assert!(due(found.batches.contains(number), fate), "batch {number}: {fate:?}");
    }
    assert!(found.batches.iter().all(|it| told.batches.contains_key(it)), "what was lost stays so");
    for (number, fate) in &told.facts {
        assert!(due(has_fact(&store, *number), fate), "fact {number}: {fate:?}");
    }
    check_document(found.document.as_deref(), told, moment);

    if moment.is_multiple_of(4) {
        check_going_on(store, &found, way, folder.path());
    }
}

/// Work goes on where it was lost.
fn check_going_on(store: Folder, found: &Found, way: Way, folder: &Path) {
    (1_000_000..1_000_007).for_each(|number| append(&store, number).unwrap());
    store.compact(&mut |_| {}).unwrap();
    if way.thins == Thins::Most {
        let now = Moment { nanos: 1_000_100 };
        while store.thin(&way.thins.keeping(), now).unwrap() || store.tidy().unwrap() {}
    }
    drop(store);
    let (store, recovery) = way.open(folder);
    assert_eq!((recovery.bytes_cut, recovery.bytes_damaged), (0, 0));
    assert_eq!(Found::in_store(&store, way.thins).batches.len(), found.batches.len() + 7);
}

/// Documents are synced whatever the log does: it is the last one that was saved, or one after it.
fn check_document(found: Option<&[u8]>, told: &Told, moment: usize) {
    let saved = |(fate, _): &(Fate, Vec<u8>)| fate.kept.is_some_and(|kept| kept <= moment);
    let last = told.documents.iter().rposition(saved);
    let begun = |(fate, _): &&(Fate, Vec<u8>)| fate.begun <= moment;
    let mut allowed = told.documents[last.unwrap_or(0)..].iter().filter(begun);
    match found {
        Some(content) => assert!(allowed.any(|(_, allowed)| allowed == content)),
        None => assert_eq!(last, None),
    }
}

/// Works, loses power and comes back, several times; counts losses, and those of which rows were thinned out.
fn case(seed: u64, way: Way) -> (usize, usize) {
    let mut seeded = Seeded(seed);
    let mut files = BTreeMap::new();
    let mut told = Told::default();
    let (mut losses, mut thinned) = (0, 0);
    for _ in 0..LIVES {
        let folder = pretend::temporary();
        pretend::lay(&files, folder.path());
        let life = Life::begin(folder.path(), way, &told);
        if let Some(times) = way.fails_once_in {
            life.recorder.fail_once_in(times, seeded.next());
        }
        for _ in 0..20 + seeded.below(60) {
            let outcome = life.step(&mut seeded);
            assert!(outcome.is_ok() || way.fails_once_in.is_some(), "{outcome:?}");
        }
        life.recorder.mend();
        let recording = life.recorder.recording();
        told = life.told().clone();
        let is_thinned = 0 < life.store.usage().unwrap().thinned.blocks;
        if way.fails_once_in.is_some() {
            check_refused(&life);
        }
        drop(life);
        for _ in 0..STATES {
            let moment = seeded.below(recording.end() + 1);
            files = recording.lose_power(moment, &mut seeded);
            check(&files, &told, moment, way);
            losses += 1;
            thinned += usize::from(is_thinned);
        }
    }
    (losses, thinned)
}

/// What was refused is not there, what was kept is.
fn check_refused(life: &Life) {
    let found = Found::in_store(&life.store, life.thins);
    for (number, fate) in &life.told().batches {
        let is_there = found.batches.contains(number);
        assert!(is_there == fate.kept.is_some() || fate.dropped.is_some(), "{number}: {fate:?}");
    }
}

/// All cases of a kind; says which one failed.
fn cases(sync: Syncing, fails_once_in: Option<usize>, thins: Thins) {
    struct Tell(u64);
    impl Drop for Tell {
        fn drop(&mut self) {
            if thread::panicking() {
                eprintln!("again with STORE_TEST_SEED={}", self.0);
            }
        }
    }
    let way = Way { sync, fails_once_in, thins };
    let first = pretend::told("STORE_TEST_SEED");
    let count = pretend::told("STORE_TEST_CASES").unwrap_or_else(|| first.map_or(CASES, |_| 1));
    let first = first.unwrap_or(0);
    let seeds = first..first + count;
    let (mut losses, mut thinned) = (0, 0);
    for seed in seeds.clone() {
        let _tell = Tell(seed);
        let (more, more_thinned) = case(seed, way);
        (losses, thinned) = (losses + more, thinned + more_thinned);
    }
    eprintln!("{losses} losses of power, {thinned} with thinned blocks, seeds {seeds:?}");
    assert!(thins == Thins::Nothing || count < CASES || 0 < thinned, "nothing was thinned");
}

#[test]
fn what_was_acknowledged_survives_a_loss_of_power() {
    cases(Syncing::Always, None, Thins::Nothing);
}

#[test]
fn and_so_it_does_on_a_disk_that_fails_now_and_then() {
    cases(Syncing::Always, Some(40), Thins::Nothing);
}

#[test]
fn without_syncs_nothing_is_there_half_or_twice() {
    cases(Syncing::Os, None, Thins::Nothing);
}

#[test]
fn what_was_acknowledged_is_told_of_once_while_most_of_it_is_thinned() {
    cases(Syncing::Always, None, Thins::Most);
}

#[test]
fn and_so_it_is_while_the_disk_fails_now_and_then() {
    cases(Syncing::Always, Some(40), Thins::Most);
}

#[test]
fn a_disk_that_only_says_that_it_has_synced_is_noticed() {
    for lie in [Lie::Files, Lie::Folders] {
        let mut seeded = Seeded(7);
        let folder = pretend::temporary();
        let life = {
            let way = Way { sync: Syncing::Always, fails_once_in: None, thins: Thins::Nothing };
            Life::begin(folder.path(), way, &Told::default())
        };
        life.recorder.lie(lie);
        while life.told().next < 60 {
            life.append().unwrap();
            life.store.tidy().unwrap();
        }
        let recording = life.recorder.recording();
        let spans = |store: &Folder| {
            let mut count = 0;
            store.replay(Moment::default(), &mut |_, spans| count += spans.len()).unwrap();
            count
        };
        let all = spans(&life.store);
        let is_lost = (0..40).any(|_| {
            let left = pretend::temporary();
            pretend::lay(&recording.lose_power(recording.end(), &mut seeded), left.path());
            let (store, _) = Folder::open(left.path(), options(Syncing::Always)).unwrap();
            spans(&store) < all
        });
        assert!(is_lost, "{lie:?}");
    }
}
