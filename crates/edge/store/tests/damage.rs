//! Torn ends and flipped bits: what is sound is read, what is not never is.
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "these are tests, and their files are short"
)]

mod kit;

use std::{fs, path::Path};

use model::{Moment, SpanId};
use proptest::prelude::*;
use store::Store as _;

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Traces 0 to 29, one batch each, over several segments, and their facts, one record each.
fn sample() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = kit::open(folder.path());
    for trace in 0..30 {
        kit::append(&store, &kit::spans(trace, 6), 100 + trace).unwrap();
        store.record(vec![kit::fact(trace, trace, 1_000 + trace)]).unwrap();
    }
    folder
}

fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names = names.map(|name| name.into_string().unwrap()).collect::<Vec<_>>();
    names.retain(|name| name != "lock");
    names.sort();
    names
}

fn is_index(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|it| it == "index")
}

#[test]
fn a_batch_torn_at_any_byte_is_cut_and_costs_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spans-000001.log");
    let (store, _) = kit::open(folder.path());
    for trace in 0..3 {
        kit::append(&store, &kit::spans(trace, 2), 1).unwrap();
    }
    drop(store);
    let before = fs::metadata(&path).unwrap().len();
    let (store, _) = kit::open(folder.path());
    kit::append(&store, &kit::spans(3, 2), 1).unwrap();
    drop(store);
    let whole = fs::read(&path).unwrap();
    for cut in before..whole.len() as u64 {
        fs::write(&path, &whole[..cut as usize]).unwrap();
        let (store, recovery) = kit::open(folder.path());
        assert_eq!((recovery.records, recovery.bytes_cut), (3, cut - before));
        assert_eq!(store.trace(kit::trace_id(3)).unwrap(), []);
        kit::append(&store, &kit::spans(4, 2), 1).unwrap();
        for trace in [0, 1, 2, 4] {
            assert_eq!(store.trace(kit::trace_id(trace)).unwrap(), kit::spans(trace, 2));
        }
        drop(store);
        let (_, recovery) = kit::open(folder.path());
        assert_eq!((recovery.records, recovery.bytes_cut), (4, 0));
    }
}

#[test]
fn files_torn_while_they_were_created_are_no_reason_to_stop() {
    let sample = sample();
    for length in 0..16 {
        for name in ["spans-000900.log", "requests-000900.log"] {
            fs::write(sample.path().join(name), &b"tautspan\x01\0\0\0\x84\x03\0\0"[..length])
                .unwrap();
        }
        let (store, recovery) = kit::open(sample.path());
        assert_eq!(recovery.set_aside, <[&Path; 0]>::default());
        assert!(!files(sample.path()).iter().any(|name| name.contains("900")));
        assert_eq!(store.trace(kit::trace_id(29)).unwrap(), kit::spans(29, 6));
    }
}

#[test]
fn what_cannot_be_read_is_left_alone_and_named() {
    let sample = sample();
    let strange = sample.path().join("spans-000900.log");
    fs::write(&strange, b"no log at all, that must not be cut").unwrap();
    let later = sample.path().join("spans-000901.log");
    fs::write(&later, b"tautspan of a later version, that must not be cut").unwrap();
    let (store, recovery) = kit::open(sample.path());
    assert_eq!(recovery.set_aside, std::slice::from_ref(&strange));
    assert_eq!(recovery.newer.iter().map(|newer| &newer.path).collect::<Vec<_>>(), [&later]);
    kit::append(&store, &kit::spans(40, 60), 1_000).unwrap();
    drop(store);
    let (store, _) = kit::open(sample.path());
    assert_eq!(store.trace(kit::trace_id(40)).unwrap(), kit::spans(40, 60));
    for path in [&strange, &later] {
        assert!(fs::read(path).unwrap().ends_with(b"must not be cut"));
    }
}

#[test]
fn missing_indexes_are_made_again() {
    let sample = sample();
    let indexes = files(sample.path());
    let indexes = indexes.iter().filter(|name| is_index(name)).collect::<Vec<_>>();
    let before = fs::read(sample.path().join(indexes[1])).unwrap();
    for name in &indexes {
        fs::remove_file(sample.path().join(name)).unwrap();
    }
    let (store, recovery) = kit::open(sample.path());
    assert_eq!((recovery.indexes_built, recovery.records), (indexes.len(), 60));
    assert_eq!(fs::read(sample.path().join(indexes[1])).unwrap(), before);
    for trace in 0..30 {
        assert_eq!(store.trace(kit::trace_id(trace)).unwrap(), kit::spans(trace, 6));
    }
    drop(store);
    let (_, recovery) = kit::open(sample.path());
    assert_eq!((recovery.indexes_built, recovery.records), (0, 60));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn flipped_bits_cost_the_records_that_they_are_in(
        file: prop::sample::Index,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..4),
        reindex: bool,
    ) {
        thread_local! {
            static SAMPLE: tempfile::TempDir = sample();
        }
        let folder = tempfile::tempdir().unwrap();
        SAMPLE.with(|sample| copy(sample.path(), folder.path()));
        let names = files(folder.path());
        let name = &names[file.index(names.len())];
        let path = folder.path().join(name);
        let mut bytes = fs::read(&path).unwrap();
        for (place, bit) in &flips {
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
        }
        fs::write(&path, &bytes).unwrap();
        if reindex {
            drop(fs::remove_file(path.with_extension("index")));
        }
        let (store, _) = kit::open(folder.path());
        let (mut spans_lost, mut facts_lost) = (0, 0);
        for trace in 0..30 {
            let spans = store.trace(kit::trace_id(trace)).unwrap();
            prop_assert!(spans.is_empty() || spans == kit::spans(trace, 6));
            spans_lost += usize::from(spans.is_empty());
            facts_lost += usize::from(!store.knows(kit::trace_id(trace), SpanId([7; 8])));
        }
        let facts = store.slowest(&kit::everything(), 100).unwrap();
        let sound = |fact: &store::RequestFact| {
            let trace = fact.start.nanos;
            *fact == kit::fact(trace, trace, 1_000 + trace)
        };
        prop_assert!(facts.iter().all(sound));
        prop_assert_eq!(facts.len(), 30 - facts_lost);
        let (spans_lost_max, facts_lost_max) = match name.split('-').next().unwrap() {
            _ if is_index(name) => (0, 0),
            "spans" => (flips.len(), 0),
            _ => (0, flips.len()),
        };
        prop_assert!(spans_lost <= spans_lost_max && facts_lost <= facts_lost_max, "{}", name);
        let mut replayed = 0;
        store.replay(Moment::default(), &mut |_, _| replayed += 1).unwrap();
        prop_assert_eq!(replayed, 30 - spans_lost);
        kit::append(&store, &kit::spans(50, 3), 1_000).unwrap();
        drop(store);
        let (store, _) = kit::open(folder.path());
        prop_assert_eq!(store.trace(kit::trace_id(50)).unwrap(), kit::spans(50, 3));
    }
}
