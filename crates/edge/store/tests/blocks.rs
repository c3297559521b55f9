//! Full segments become blocks, blocks become larger ones; whatever is left of a crash is cleared.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod kit;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use kit::{append, open, spans, trace_id};
use model::{Moment, Span, Value};
use observe::otlp::{self, UNKNOWN_FIELDS};
use store::{Batch, Folder, Recovery, Retention, Store as _};

const TRACES: u64 = 60;

fn filled(path: &Path) -> Folder {
    let (store, _) = open(path);
    for trace in 0..TRACES {
        append(&store, &spans(trace, 10), trace).unwrap();
    }
    store
}

fn tidied(store: &Folder) {
    while store.tidy().unwrap() {}
}

fn check(store: &Folder) {
    for trace in 0..TRACES {
        assert_eq!(store.trace(trace_id(trace)).unwrap(), spans(trace, 10), "trace {trace}");
    }
    assert_eq!(store.trace(trace_id(TRACES)).unwrap(), []);
}

fn names(path: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut named: Vec<PathBuf> = entries
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with("spans-") && name.ends_with(ending)
        })
        .collect();
    named.sort();
    named
}

fn replayed(store: &Folder, since: u64) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    let since = Moment { nanos: since };
    store
        .replay(since, &mut |_, spans: Vec<Span>| {
            for span in spans {
                *seen.entry(span.name.to_string()).or_default() += 1;
            }
        })
        .unwrap();
    seen
}

#[test]
fn what_full_segments_held_is_in_blocks_and_the_segments_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let segments = names(folder.path(), ".log").len();
    assert!(4 < segments, "{segments} segments");
    tidied(&store);
    check(&store);
    assert_eq!(names(folder.path(), ".log").len(), 1, "the one that is written");
    let blocks = names(folder.path(), ".parquet").len();
    assert!(0 < blocks && blocks < segments - 1, "{blocks} blocks of {segments} segments");
    drop(store);
    let (store, recovery) = open(folder.path());
    assert_eq!((recovery.blocks, &recovery.set_aside[..]), (blocks, &[][..]));
    check(&store);
    append(&store, &spans(TRACES + 1, 10), TRACES + 1).unwrap();
    assert_eq!(store.trace(trace_id(TRACES + 1)).unwrap(), spans(TRACES + 1, 10));
}

/// What a later OTLP says of a span, in field 17.
const LATER: [u8; 6] = [0x8a, 0x01, 3, b'n', b'e', b'w'];

#[test]
fn what_is_not_known_of_a_span_is_in_blocks_and_comes_out_as_it_came() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let mut sent = spans(TRACES, 3);
    sent[1].attributes.0.insert(0, (UNKNOWN_FIELDS.into(), Value::Bytes(LATER.to_vec())));
    let otlp = otlp::encode(&sent);
    let has = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    assert!(has(&otlp, &LATER) && !has(&otlp, UNKNOWN_FIELDS.as_bytes()), "it is a field");
    let received = Moment { nanos: TRACES };
    store.append(&Batch { spans: &sent, otlp: Some(&otlp), received }).unwrap();
    for trace in TRACES + 1..TRACES * 2 {
        append(&store, &spans(trace, 10), trace).unwrap();
    }
    tidied(&store);
    check_absent_from_logs(folder.path());
    let back = store.trace(trace_id(TRACES)).unwrap();
    assert_eq!(back[1].attributes.get(UNKNOWN_FIELDS), Some(&Value::Bytes(LATER.to_vec())));
    let again = otlp::decode(&otlp::encode(&back)).unwrap().spans;
    assert_eq!(again, sent);
    assert!(has(&otlp::encode(&back), &LATER), "it goes out as a field");
}

/// Only blocks have it.
fn check_absent_from_logs(path: &Path) {
    for log in names(path, ".log") {
        let bytes = fs::read(log).unwrap();
        assert!(!bytes.windows(LATER.len()).any(|window| window == LATER));
    }
}

#[test]
fn a_replay_gives_every_span_once_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    store.tidy().unwrap();
    let all = replayed(&store, 0);
    assert_eq!(all.len(), 600);
    assert!(all.values().all(|count| *count == 1));
    tidied(&store);
    assert_eq!(replayed(&store, 0), all);
    let late = replayed(&store, TRACES - 1);
    assert!(late.len() < 600 && late.contains_key("span 59/9"), "{} spans", late.len());
}

#[test]
fn what_a_crash_left_behind_is_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let before = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let copy = |names: Vec<PathBuf>, to: &Path| {
        for path in names {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    };
    copy(names(folder.path(), ".log"), before.path());
    while names(folder.path(), ".parquet").len() < 4 {
        assert!(store.tidy().unwrap());
    }
    copy(names(folder.path(), ".parquet"), before.path());
    tidied(&store);
    let settled = names(folder.path(), "");
    let active = names(folder.path(), ".log");
    drop(store);
    // The segments of the blocks and the parts of larger blocks, as if nothing had been removed.
    for path in &active {
        fs::remove_file(before.path().join(path.file_name().unwrap())).unwrap();
    }
    copy(names(before.path(), ""), folder.path());
    fs::write(folder.path().join("spans-000001-000002.parquet.part"), b"half of").unwrap();
    let (store, recovery) = open(folder.path());
    check(&store);
    assert_eq!(names(folder.path(), ""), settled);
    assert_eq!(recovery.set_aside, Vec::<PathBuf>::new());
    let counts = replayed(&store, 0);
    assert!(counts.values().all(|count| *count == 1), "none is there twice");
}

#[test]
fn a_damaged_block_is_set_aside_and_costs_its_spans_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    store.tidy().unwrap();
    drop(store);
    let [block] = &names(folder.path(), ".parquet")[..] else { panic!("one block was made") };
    let length = fs::metadata(block).unwrap().len();
    fs::File::options().write(true).open(block).unwrap().set_len(length - 9).unwrap();
    let (store, recovery) = open(folder.path());
    let Recovery { set_aside, blocks, .. } = recovery;
    assert_eq!((set_aside, blocks), (vec![block.with_extension("parquet.damaged")], 0));
    assert_eq!(store.trace(trace_id(0)).unwrap(), []);
    assert_eq!(store.trace(trace_id(TRACES - 1)).unwrap(), spans(TRACES - 1, 10));
    append(&store, &spans(TRACES, 10), TRACES).unwrap();
    tidied(&store);
    assert_eq!(store.trace(trace_id(TRACES)).unwrap(), spans(TRACES, 10));
}

#[test]
fn damage_within_a_block_is_no_reason_to_fail() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    store.tidy().unwrap();
    let [block] = &names(folder.path(), ".parquet")[..] else { panic!("one block was made") };
    let mut bytes = fs::read(block).unwrap();
    let half = bytes.len() / 2;
    bytes[4..half].fill(0xa5);
    fs::write(block, &bytes).unwrap();
    for trace in 0..TRACES {
        let found = store.trace(trace_id(trace)).unwrap();
        assert!(found.is_empty() || found == spans(trace, 10), "trace {trace}");
    }
    tidied(&store);
    assert_eq!(store.trace(trace_id(TRACES - 1)).unwrap(), spans(TRACES - 1, 10));
    assert_eq!(names(folder.path(), ".damaged").len(), 1);
}

#[test]
fn old_blocks_are_dropped_and_what_is_beyond_the_bound() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    tidied(&store);
    let blocks = names(folder.path(), ".parquet").len();
    let age_max = Duration::from_nanos(TRACES / 2);
    let retention = Retention { age_max, bytes_max: u64::MAX };
    assert!(0 < store.retain(retention, Moment { nanos: TRACES }).unwrap());
    let left = names(folder.path(), ".parquet").len();
    assert!(0 < left && left < blocks, "{left} of {blocks}");
    assert_eq!(store.trace(trace_id(0)).unwrap(), []);
    let retention = Retention { age_max: Duration::MAX, bytes_max: 1 };
    store.retain(retention, Moment { nanos: TRACES }).unwrap();
    assert_eq!(names(folder.path(), ".parquet"), Vec::<PathBuf>::new());
}
