//! Looking after a folder: what is damaged is named, what is compacted or taken out is all there.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod kit;

use std::{fs, path::Path};

use kit::{append, fact, open, spans, trace_id};
use model::{Moment, Span, Window};
use store::{
    FileChecked, FileKind, FileState, Folder, Store as _, StoreError, check,
    keep::{SPANS, parquet, spans::read},
    read_block,
};

fn filled(path: &Path) -> Folder {
    let (store, _) = open(path);
    for trace in 0..60 {
        append(&store, &spans(trace, 10), trace).unwrap();
    }
    store.record(vec![fact(1, 10, 20)]).unwrap();
    store.save_document("state", b"content").unwrap();
    store
}

fn checked(path: &Path) -> Vec<FileChecked> {
    check(path, &mut |_, _| {}).unwrap()
}

fn faults(checked: Vec<FileChecked>) -> Vec<(String, FileState)> {
    let faulty = checked.into_iter().filter(|file| file.state != FileState::Sound);
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    faulty.map(|file| (name(&file.path), file.state)).collect()
}

fn exported(store: &Folder, window: Window) -> Vec<Span> {
    let mut all = Vec::new();
    let coverage = store.export(&SPANS, window, |chunk| {
        all.extend(read(chunk, &(0..chunk.rows()).collect::<Vec<_>>()));
        Ok::<(), StoreError>(())
    });
    let coverage = coverage.unwrap();
    assert_eq!((coverage.rows, coverage.damaged.len()), (all.len() as u64, 0));
    all
}

#[test]
fn a_sound_store_is_sound_while_it_is_used_and_when_it_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    store.tidy().unwrap();
    let of = |kind: FileKind| {
        let files = checked(folder.path());
        let of_kind = files.iter().filter(|file| file.kind == kind);
        of_kind.map(|file| file.records).sum::<u64>()
    };
    assert_eq!(faults(checked(folder.path())), []);
    assert_eq!(of(FileKind::Document), 1);
    let in_block = of(FileKind::Block);
    assert!(0 < in_block && in_block < 600);
    // Ten spans a record, and one of facts.
    assert_eq!(of(FileKind::Log), (600 - in_block) / 10 + 1);
    drop(store);
    assert_eq!(faults(checked(folder.path())), []);
}

#[test]
fn what_is_damaged_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    store.tidy().unwrap();
    drop(store);
    let damage = |name: &str, at: usize| {
        let path = folder.path().join(name);
        let mut bytes = fs::read(&path).unwrap();
        for byte in &mut bytes[at..at + 20] {
            *byte ^= 0xa5;
        }
        fs::write(&path, bytes).unwrap();
    };
    damage("spans-000001-000001.parquet", 4);
    damage("spans-000003.log", 100);
    damage("document-state", 0);
    fs::write(folder.path().join("spans-000001.log"), b"a leftover").unwrap();
    let mut logs = checked(folder.path()).into_iter().filter(|it| it.kind == FileKind::Log);
    let last = logs.rfind(|it| it.path.to_string_lossy().contains("spans-")).unwrap();
    let mut bytes = fs::read(&last.path).unwrap();
    bytes.extend(b"\xF1rec, and no more");
    fs::write(&last.path, bytes).unwrap();
    let faults = faults(checked(folder.path()));
    let states: Vec<&str> = faults
        .iter()
        .map(|(_, state)| match state {
            FileState::Sound => "sound",
            FileState::Unfinished { .. } => "unfinished",
            FileState::Damaged { .. } => "damaged",
            FileState::Leftover { .. } => "leftover",
        })
        .collect();
    assert_eq!(states, ["damaged", "damaged", "leftover", "damaged", "unfinished"], "{faults:?}");
}

#[test]
fn all_is_in_blocks_once_it_is_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let before = exported(&store, Window::ALL);
    let mut steps = 0;
    store.compact(&mut |_| steps += 1).unwrap();
    assert!(0 < steps);
    let usage = store.usage().unwrap();
    assert_eq!(usage.block_spans, 600);
    assert_eq!(exported(&store, Window::ALL).len(), before.len());
    assert_eq!(store.trace(trace_id(59)).unwrap(), spans(59, 10));
    let blocks = usage.blocks;
    store.compact(&mut |_| {}).unwrap();
    assert_eq!(store.usage().unwrap().blocks, blocks, "nothing is left to do");
    drop(store);
    let (store, _) = open(folder.path());
    append(&store, &spans(60, 10), 60).unwrap();
    assert_eq!(exported(&store, Window::ALL).len(), 610);
}

#[test]
fn what_is_taken_out_is_what_began_in_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    for _ in 0..4 {
        store.tidy().unwrap();
    }
    let window = Window { from: Moment { nanos: 1_003 }, to: Moment { nanos: 1_005 } };
    let mut found = exported(&store, window);
    found.sort_by_key(|span| (span.trace_id, span.span_id));
    let all = (0..60).flat_map(|trace| spans(trace, 10));
    let expected: Vec<Span> = all.filter(|span| window.contains(span.start)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_parquet_file_is_read_and_what_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&folder.path().join("store"));
    let path = folder.path().join("some.parquet");
    let mut rows = Vec::new();
    let wrote = store.export(&SPANS, Window::ALL, |chunk| {
        let bytes = parquet::encode(chunk, &parquet::BlockFormat::FRESH, &[]).unwrap();
        fs::write(&path, bytes).unwrap();
        read_block(&path, |chunk| {
            rows.push(chunk.rows());
            Ok::<(), StoreError>(())
        })
    });
    assert_eq!(rows.iter().sum::<usize>() as u64, wrote.unwrap().rows);
    fs::write(&path, b"PAR1 but no more").unwrap();
    let refused = read_block(&path, |_| Ok::<(), StoreError>(()));
    assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{refused:?}");
}
