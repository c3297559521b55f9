//! What is known of the disk is bounded, whatever requests make up; and what was let go of is not there again for who reads
//! the files anew.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use traffic::cache::{
    Asker, At, CacheRule, Forgotten, Index, Kept, Of, Place, Purge, Selecting, Stored, selecting,
};

use super::{headers, now, of, seconds};

/// What is known of an answer that varies by `Origin`.
fn kept(origin: u16, target: &str, lasts: u64) -> Kept {
    let rule = CacheRule { stale_when_down: Duration::ZERO, ..CacheRule::default() };
    let told = format!("max-age={lasts}");
    let policy = of(&rule, 200, &[("cache-control", &*told)]).expect("it is stored");
    let place = Place { target: target.to_owned(), ..Place::default() };
    let selecting = selecting(&headers(&[("vary", "origin")]), &from(origin)).expect("no star");
    let parts = (policy, selecting, place);
    let stored = Stored::new(StatusCode::OK, HeaderMap::new(), Bytes::new(), parts);
    Kept::of(&stored, now())
}

fn from(origin: u16) -> HeaderMap {
    let origin = origin.to_string();
    headers(&[("origin", &*origin)])
}

fn at(offset: u64) -> At {
    At { file: 1, offset, bytes: 1 }
}

fn found(index: &Index, origin: u16) -> Option<At> {
    index.find(1, &from(origin), Asker::default(), now()).map(|found| found.at)
}

#[test]
fn of_answers_that_differ_by_headers_the_latest_are_known() {
    let mut index = Index::new(1 << 20);
    for origin in 0..200_u16 {
        assert!(index.insert(1, at(origin.into()), kept(origin, "/", 60)));
    }
    assert_eq!(index.len(), 32);
    assert_eq!((found(&index, 167), found(&index, 168)), (None, Some(at(168))));
    assert!(found(&index, 199).is_some());
    // Those of another key are none of theirs.
    assert!(index.insert(2, at(500), kept(0, "/b", 60)) && index.len() == 33);
    let one = kept(199, "/", 60);
    assert!(index.has(1, &one.selecting, one.shared_with));
    assert!(!index.has(2, &one.selecting, one.shared_with));
}

#[test]
fn of_two_for_the_same_request_the_one_that_was_written_later_is_found() {
    let mut index = Index::new(1 << 20);
    let written = now() + seconds(1);
    let new = Kept { selecting: Selecting::default(), written, ..kept(1, "/", 60) };
    index.insert(1, at(1), new);
    // It was asked for when its file went, and has come to the end.
    index.insert(1, at(2), kept(1, "/", 60));
    assert_eq!(found(&index, 1), Some(at(1)));
}

#[test]
fn long_addresses_and_headers_count() {
    let mut index = Index::new(1 << 20);
    let mut count = 0;
    while index.insert(count, at(count), kept(1, &"x".repeat(8_000), 60)) {
        count += 1;
    }
    assert!((100..140).contains(&count), "{count}");
    index.forget_at(at(0));
    assert!(!index.is_full());
    (0..count).for_each(|place| index.forget_at(at(place)));
    assert!(index.is_empty() && !index.is_full());
    while index.insert(count, at(count), kept(1, "/", 60)) {
        count += 1;
    }
    assert!(1_000 < index.len(), "of short ones there are more: {}", index.len());
}

#[test]
fn an_order_that_changes_nothing_is_for_nobody() {
    let mut index = Index::new(1 << 20);
    index.insert(1, at(1), kept(1, "/", 60));
    let order = Purge::Url { host: None, target: "/".to_owned() };
    let counts = [true, true, false, false].map(|soft| index.purge(&order, soft, now()));
    assert_eq!(counts, [1, 0, 1, 0]);
}

#[test]
fn what_was_forgotten_is_remembered_within_bounds() {
    let mut forgotten = Forgotten::default();
    for number in 0..20 {
        forgotten.add(Of::Key(number, vec![0; 1 << 20], None), false);
    }
    assert!(forgotten.since(0).is_none() && forgotten.since(15).is_some());
    let kept = kept(1, "/", 60);
    assert!(forgotten.outdates(1, 99, &kept), "nobody knows");
    assert!(!forgotten.outdates(15, 14, &kept) && forgotten.outdates(15, 15, &kept));
}

proptest! {
    #[test]
    fn who_reads_the_files_again_finds_nothing_that_was_let_go_of(
        puts in prop::collection::vec((0_u16..60, any::<bool>(), prop::bool::weighted(0.05)), 1..200),
    ) {
        let (mut live, mut log, mut file) = (Index::new(1 << 30), Vec::new(), 1_u64);
        for (offset, (origin, is_short, ends_file)) in (0_u64..).zip(puts) {
            let at = At { file, offset, bytes: 1 };
            let kept = kept(origin, "/", if is_short { 10 } else { 1_000 });
            live.insert(1, at, kept.clone());
            log.push((at, kept));
            if ends_file {
                file += 1;
                let oldest = file.saturating_sub(3);
                live.drop_file(oldest, now());
                log.retain(|(at, _)| oldest < at.file);
            }
        }
        let later = now() + seconds(100);
        let mut read = Index::new(1 << 30);
        for (at, kept) in log {
            read.insert(1, at, kept);
        }
        read.drop_ended(later);
        prop_assert!(live.len() <= 32 && read.len() <= 32);
        for origin in 0..60 {
            let of = |index: &Index| index.find(1, &from(origin), Asker::default(), later);
            prop_assert!(of(&read).is_none() || of(&read) == of(&live));
        }
    }
}
