//! Copies against a server of S3, and what is due and what stands for what.

use std::{fs, path::Path, sync::Arc};

use model::{Attributes, Span, SpanId, SpanKind, Status, Text, TraceId, Window};
use objects::Access;
use store::keep::query::{Filter, Measure, Measured, Query};
use store::{Batch, Folder, Limits, Options};
use testkit::objects::{BUCKET, KEY, SECRET, serve};

use super::*;

const HOUR: Duration = Duration::from_hours(1);

fn copier(endpoint: &str, secret: &str) -> Copier {
    let access = Access { key_id: KEY.to_owned(), secret: secret.to_owned(), session_token: None };
    let copies = config::Copies {
        to: Some(format!("s3://{BUCKET}/shop").parse().unwrap()),
        endpoint: Some(endpoint.to_owned()),
        region: "us-east-1".to_owned(),
        after: HOUR,
        access: Some(access),
    };
    Copier::new(&copies).unwrap().unwrap()
}

fn at(seconds: u64) -> Moment {
    Moment { nanos: (1_700_000_000 + seconds) * 1_000_000_000 }
}

fn open(path: &Path) -> Folder {
    let options = Options { segment_bytes: 4 << 10, ..Options::default() };
    Folder::open(path, options).unwrap().0
}

/// A span each second from one second to another; small segments, so that there are many.
fn fill(folder: &Folder, seconds: std::ops::Range<u64>) {
    for second in seconds {
        let span = span(second);
        folder.append(&Batch { spans: &[span], otlp: None, received: at(second) }).unwrap();
    }
}

fn span(second: u64) -> Span {
    Span {
        trace_id: TraceId(u128::from(second + 1).to_be_bytes()),
        span_id: SpanId((second + 1).to_be_bytes()),
        parent_id: None,
        trace_state: Text::default(),
        flags: 0,
        name: format!("{second} {}", "x".repeat(200)).as_str().into(),
        kind: SpanKind::Internal,
        start: at(second),
        end: at(second),
        attributes: Attributes::default(),
        dropped_attributes_count: 0,
        events: Vec::new(),
        dropped_events_count: 0,
        links: Vec::new(),
        dropped_links_count: 0,
        status: Status::default(),
        resource: Arc::default(),
        scope: Arc::default(),
    }
}

fn count(folder: &Folder) -> u64 {
    let query = Query {
        table: &store::keep::SPANS,
        window: Window::ALL,
        filter: Filter::All,
        group: Vec::new(),
        step: None,
        measures: vec![Measure::Count],
        limit: 1,
    };
    let answered = folder.ask(&query, &Limits::default()).unwrap();
    match &answered.answer.groups[..] {
        [group] => match group.measured[..] {
            [Measured::Count(count)] => count,
            _ => panic!("{group:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn names(bucket: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(bucket) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_bucket_holds_each_old_row_once_and_is_a_folder_by_itself() {
    let (root, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let endpoint = serve(root.path()).unwrap();
    let bucket = root.path().join(BUCKET).join("shop");
    let (copier, go_on) = (copier(&endpoint, SECRET), AtomicBool::new(false));
    let folder = open(own.path());
    let mut seen = Vec::new();
    for hour in 0..6 {
        fill(&folder, hour * 20..(hour + 1) * 20);
        // What is a block by now is copied before the next blocks are put together with it.
        while folder.tidy().unwrap() {
            copier.copy(&folder, at(hour * 20) + HOUR * 2, &go_on).unwrap();
        }
        seen.push(names(&bucket).len());
    }
    assert!(seen[0] < 6 && copier.seen().copied > 6, "blocks were put together: {seen:?}");
    let blocks: usize = folder.blocks().unwrap().iter().map(|block| block.rows).sum();
    let local: Vec<String> = folder.blocks().unwrap().into_iter().map(|block| block.name).collect();
    copier.copy(&folder, at(120) + HOUR * 2, &go_on).unwrap();
    assert_eq!(names(&bucket), local, "parts of larger ones are gone");
    let restored = open(&bucket);
    assert_eq!((count(&restored), blocks), (blocks as u64, blocks));
    assert_eq!(copier.seen().due, 0);
}

#[test]
fn young_blocks_wait_and_nothing_is_copied_twice() {
    let (root, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let endpoint = serve(root.path()).unwrap();
    let bucket = root.path().join(BUCKET).join("shop");
    let go_on = AtomicBool::new(false);
    let folder = open(own.path());
    fill(&folder, 0..40);
    while folder.tidy().unwrap() {}
    let first = copier(&endpoint, SECRET);
    first.copy(&folder, at(0) + HOUR, &go_on).unwrap();
    assert_eq!(names(&bucket), [""; 0]);
    first.copy(&folder, at(60) + HOUR, &go_on).unwrap();
    let copied = first.seen().copied;
    assert!(0 < copied && !names(&bucket).is_empty());
    // Another process, after a restart, knows what is there from the bucket.
    let second = copier(&endpoint, SECRET);
    second.copy(&folder, at(60) + HOUR, &go_on).unwrap();
    assert_eq!(second.seen().copied, 0);
}

#[test]
fn what_goes_wrong_is_told_with_what_to_do_and_over_once_it_went_well() {
    let (root, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let endpoint = serve(root.path()).unwrap();
    let go_on = AtomicBool::new(false);
    let folder = open(own.path());
    fill(&folder, 0..40);
    while folder.tidy().unwrap() {}
    let copier = copier(&endpoint, SECRET);
    fs::remove_dir(root.path().join(BUCKET)).unwrap();
    copier.copy(&folder, at(60) + HOUR, &go_on).unwrap_err();
    let problem = copier.problem().unwrap();
    assert!(
        problem.contains("s3://traces/shop/") && problem.contains("create the bucket"),
        "{problem}"
    );
    assert_eq!(copier.seen().failed, 1);
    fs::create_dir(root.path().join(BUCKET)).unwrap();
    copier.copy(&folder, at(60) + HOUR, &go_on).unwrap();
    assert_eq!(copier.problem(), None);
    assert!(0 < copier.seen().copied);
}

fn block(name: &str, last: u64) -> BlockFile {
    let received = (Moment::default(), Moment { nanos: last });
    BlockFile { name: name.to_owned(), received, bytes: 7, is_whole: true, ..BlockFile::default() }
}

fn object(name: &str, bytes: u64) -> Object {
    Object { name: name.to_owned(), bytes }
}

#[test]
fn what_is_old_and_not_there_is_copied_the_oldest_first() {
    let blocks = [block("spans-000003-000003.parquet", 9), block("spans-000001-000002.parquet", 5)];
    let names = |there: &[Object], before: u64| -> Vec<String> {
        let due = due(&blocks, there, Moment { nanos: before });
        due.into_iter().map(|block| block.name).collect()
    };
    assert_eq!(names(&[], 10), ["spans-000001-000002.parquet", "spans-000003-000003.parquet"]);
    assert_eq!(names(&[], 9), ["spans-000001-000002.parquet"]);
    let there = [object("spans-000001-000002.parquet", 7)];
    assert_eq!(names(&there, 10), ["spans-000003-000003.parquet"]);
    // Half of it was put before something broke.
    let half = [object("spans-000001-000002.parquet", 3)];
    assert_eq!(names(&half, 9), ["spans-000001-000002.parquet"]);
}

#[test]
fn a_thinned_block_does_not_take_the_place_of_whole_ones() {
    let thinned = BlockFile { is_whole: false, ..block("spans-000001-000004.parquet", 5) };
    assert_eq!(due(&[thinned], &[], Moment { nanos: 9 }), []);
}

#[test]
fn a_block_stands_for_the_copies_of_its_parts_and_for_no_others() {
    let there: Vec<Object> = [
        "spans-000001-000001.parquet",
        "spans-000002-000003.parquet",
        "spans-000001-000004.parquet",
        "spans-000004-000005.parquet",
        "logs-000001-000001.parquet",
        "notes.txt",
        "spans-2-1.parquet",
    ]
    .into_iter()
    .map(|name| object(name, 7))
    .collect();
    let parts = stands_for(&block("spans-000001-000004.parquet", 5), &there);
    assert_eq!(parts, ["spans-000001-000001.parquet", "spans-000002-000003.parquet"]);
}
