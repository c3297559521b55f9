//! A folder as an earlier version of Taut left it is read by this one: each has left one in `assets`, and none is ever
//! changed. A folder of a later version is named file by file, and left as it is.
//!
//! `STORE_TEST_MAKE=folder-2` leaves one of the present format there: for a version that is released with another format
//! than the one before.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod items;
mod kit;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use model::{Moment, SpanId, Window};
use store::{
    FileKind, FileState, Folder, Keeping, Limits, Options, Store as _, Syncing,
    keep::{
        METRICS, MINUTES, SPANS, Table,
        policy::Quotas,
        query::{Field, Filter, Measure, Measured, Query},
        table::{metric, minute, span},
    },
};

/// Traces, each of ten spans and with two log records and a point of a metric.
const TRACES: u64 = 16;
const SPANS_EACH: u64 = 10;

fn options() -> Options {
    Options { sync: Syncing::Os, segment_bytes: kit::SEGMENT_BYTES, ..Options::default() }
}

fn assets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/assets")
}

/// Leaves a folder with all kinds of files: full logs, blocks, some put together and thinned, roll-ups, facts, documents.
fn make(path: &Path) {
    let (store, _) = Folder::open(path, options()).unwrap();
    for number in 0..TRACES {
        if number == 5 {
            store.compact(&mut |_| {}).unwrap();
        }
        if number == 10 {
            store.compact(&mut |_| {}).unwrap();
            let keeping = Keeping {
                all: Duration::from_nanos(1),
                minutes: Duration::from_hours(9),
                quotas: Quotas { notable: 1_000, others: 1_000 },
                bytes_max: u64::MAX,
            };
            assert!(store.thin(&keeping, Moment { nanos: TRACES }).unwrap());
            assert_eq!(store.usage().unwrap().thinned.blocks, 1);
        }
        kit::append(&store, &kit::spans(number, SPANS_EACH), number + 1).unwrap();
        let trace = Some(kit::trace_id(number));
        let logs: Vec<_> = (0..2).map(|line| items::log(trace, number * 2 + line)).collect();
        items::append_logs(&store, &logs, number + 1).unwrap();
        items::append_metrics(&store, &[items::metric("cpu", number + 1, 1)], number + 1).unwrap();
        store.record(vec![kit::fact(number, number, 1_000)]).unwrap();
    }
    store.remember(&[kit::trace_id(3)], Moment { nanos: 1 }).unwrap();
    store.save_document("findings", b"what is known").unwrap();
    for end in [".log", ".index", ".parquet", "findings"] {
        assert!(kit::names(path).any(|name| name.ends_with(end)), "{end}");
    }
}

/// How many rows of each value of a field there are, thinned or not.
fn counted(store: &Folder, table: &'static Table, field: usize) -> BTreeMap<String, u64> {
    let query = Query {
        table,
        window: Window::ALL,
        filter: Filter::All,
        group: vec![Field::Column(field)],
        step: None,
        measures: vec![Measure::Count],
        limit: 99,
    };
    let answered = store.ask(&query, &Limits::default()).unwrap();
    assert!(answered.coverage.is_whole(), "{:?}", answered.coverage);
    let count = |measured: &Measured| match measured {
        Measured::Count(count) => *count,
        other => panic!("{other:?} is no count"),
    };
    let groups = answered.answer.groups.iter();
    groups.map(|group| (format!("{:?}", group.key), count(&group.measured[0]))).collect()
}

/// All of it is sound, of every kind, and tells what it was told.
fn check(path: &Path) {
    let checked = store::check(path, &mut |_, _| {}).unwrap();
    for kind in [FileKind::Log, FileKind::Block, FileKind::Minutes, FileKind::Document] {
        assert!(checked.iter().any(|file| file.kind == kind), "{kind:?}");
    }
    for file in &checked {
        assert_eq!(file.state, FileState::Sound, "{}", file.path.display());
    }
    let (store, recovery) = Folder::open(path, options()).unwrap();
    assert_eq!((recovery.bytes_damaged, recovery.bytes_cut, recovery.newer.len()), (0, 0, 0));
    assert!(recovery.set_aside.is_empty(), "{:?}", recovery.set_aside);
    let expected: BTreeMap<u64, u64> = (0..TRACES).map(|trace| (trace, SPANS_EACH)).collect();
    assert_eq!(kit::counted(&store), expected);
    for number in 0..TRACES {
        let id = kit::trace_id(number);
        assert_eq!(store.trace(id).unwrap(), kit::spans(number, SPANS_EACH), "{number}");
        let logs: Vec<_> = (0..2).map(|line| items::log(Some(id), number * 2 + line)).collect();
        assert_eq!(store.logs_of(id).unwrap(), logs, "{number}");
        assert!(store.knows(id, SpanId([7; 8])), "{number}");
    }
    let by_kind = counted(&store, &SPANS, span::KIND);
    assert_eq!(by_kind.values().sum::<u64>(), TRACES * SPANS_EACH, "{by_kind:?}");
    assert_eq!(counted(&store, &MINUTES, minute::KIND), by_kind);
    let metrics = counted(&store, &METRICS, metric::NAME);
    assert_eq!(metrics.values().sum::<u64>(), TRACES, "{metrics:?}");
    assert_eq!(store.load_document("findings").unwrap().as_deref(), Some(&b"what is known"[..]));

    // It is worked on as ever.
    kit::append(&store, &kit::spans(TRACES, SPANS_EACH), TRACES + 1).unwrap();
    store.compact(&mut |_| {}).unwrap();
    assert_eq!(kit::counted(&store).len() as u64, TRACES + 1);
}

fn copy(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
fn folders_of_earlier_versions_are_read_and_worked_on() {
    if let Some(name) = env::var_os("STORE_TEST_MAKE") {
        let path = assets().join(name);
        assert!(!path.exists(), "none is ever changed");
        make(&path);
    }
    let mut folders = 0;
    for entry in fs::read_dir(assets()).unwrap() {
        let left = entry.unwrap().path();
        let folder = tempfile::tempdir().unwrap();
        copy(&left, folder.path());
        eprintln!("{}", left.display());
        check(folder.path());
        folders += 1;
    }
    assert_ne!(folders, 0);
    // The present version too, whatever it writes.
    let present = tempfile::tempdir().unwrap();
    make(present.path());
    check(present.path());
}

/// Makes a file one of a later version: its head says so, and nothing in it is as it is known.
fn made_later(path: &Path) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let mut bytes = fs::read(path).unwrap();
    if name.ends_with(".parquet") {
        replace(&mut bytes, b"taut.tail", b"taut.tend");
        replace(&mut bytes, b"taut.format\x18\x01\x31", b"taut.format\x18\x01\x32");
    } else if name.strip_suffix(".log").is_some() {
        bytes[8] = 2;
        bytes[16..].iter_mut().for_each(|byte| *byte ^= 0x55);
    } else if name.starts_with("document-") {
        bytes[7] = 2;
    }
    fs::write(path, bytes).unwrap();
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let places = bytes.windows(from.len()).enumerate().filter(|(_, window)| *window == from);
    let places: Vec<usize> = places.map(|(place, _)| place).collect();
    assert!(!places.is_empty(), "{:?}", String::from_utf8_lossy(from));
    for place in places {
        bytes[place..place + to.len()].copy_from_slice(to);
    }
}

#[test]
fn a_folder_of_a_later_version_is_named_and_nothing_of_it_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path());
    let is_of_store = |name: &String| {
        [".log", ".parquet"].iter().any(|end| name.ends_with(end)) || name.starts_with("document-")
    };
    let names: Vec<String> = kit::names(folder.path()).filter(is_of_store).collect();
    for name in &names {
        made_later(&folder.path().join(name));
    }
    let contents = || -> BTreeMap<&String, Vec<u8>> {
        names.iter().map(|name| (name, fs::read(folder.path().join(name)).unwrap())).collect()
    };
    let before = contents();
    for round in 0..2 {
        let (store, recovery) = Folder::open(folder.path(), options()).unwrap();
        let told: Vec<String> = recovery.newer.iter().map(ToString::to_string).collect();
        for name in names.iter().filter(|name| !name.starts_with("document-")) {
            let said =
                format!("/{name}` is of version 2, and this Taut reads up to 1: use the newer one");
            let is_told = told.iter().any(|told| told.ends_with(&said));
            // Of a roll-up its block is told.
            assert!(is_told || name.starts_with("minutes-"), "{name}: {told:?}");
        }
        let refused = store.load_document("findings").unwrap_err().to_string();
        assert!(refused.contains("is of version 2, and this Taut reads up to 1"), "{refused}");
        assert!(store.save_document("findings", b"mine").is_err());
        // What comes meanwhile is kept beside it.
        for trace in 100 * (round + 1)..100 * (round + 1) + 20 {
            kit::append(&store, &kit::spans(trace, SPANS_EACH), trace).unwrap();
        }
        store.compact(&mut |_| {}).unwrap();
        assert_eq!(kit::counted(&store).len() as u64, 20 * (round + 1));
        assert!(contents() == before);
    }
}
