//! The log of the cache on disk, and what is known of it: whatever was written in whatever order, who reads it knows what
//! who wrote it knew.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use traffic::cache::{
    Asker, At, CacheRule, Forgotten, Index, Kept, Key, Of, OrderId, Place, Purge, START_BYTES,
    Said, Selecting, Start, Stored, Variant, answer_of, answer_record, forget_record, gone_record,
    heard_record, selecting,
};

use super::{now, of};

pub(super) fn key(number: u8) -> Key {
    Key::new(vec![number; 3], 7)
}

pub(super) fn stored(number: u8, body: &[u8]) -> Stored {
    let policy = of(&CacheRule::default(), 200, &[("cache-control", "max-age=60")]);
    let place = Place {
        route: "all".to_owned(),
        host: "a".to_owned(),
        target: format!("/{}/{number}", number % 2),
        tags: vec![format!("tag-{}", number % 3)],
    };
    let parts = (policy.expect("it is stored"), Selecting::default(), place);
    Stored::new(StatusCode::OK, HeaderMap::new(), Bytes::copy_from_slice(body), parts)
}

/// What a record says.
fn said(record: &[u8]) -> Option<(u64, Said)> {
    let start = Start::parse(record)?;
    let rest = record.get(START_BYTES..START_BYTES + start.head_bytes())?;
    let said = start.said(&record[..START_BYTES], rest, now())?;
    Some((start.bytes(), said))
}

#[derive(Debug, Clone)]
enum Step {
    Put(u8),
    Forget(Purge, bool),
    Gone(u8),
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..12).prop_map(Step::Put),
        1 => (purges(), any::<bool>()).prop_map(|(purge, soft)| Step::Forget(purge, soft)),
        1 => (0_u8..12).prop_map(Step::Gone),
    ]
}

pub(super) fn purges() -> impl Strategy<Value = Purge> {
    prop_oneof![
        1 => Just(Purge::All),
        4 => (0_u8..3).prop_map(|tag| Purge::Tag(format!("tag-{tag}"))),
        4 => (0_u8..12).prop_map(|number| Purge::Url { host: None, target: format!("/{}/{number}", number % 2) }),
        2 => (0_u8..2).prop_map(|half| Purge::Prefix { host: Some("a".to_owned()), path: format!("/{half}/") }),
    ]
}

pub(super) fn found(index: &Index, number: u8) -> Option<(At, bool)> {
    let found = index.find(key(number).hash, &HeaderMap::new(), Asker::default(), now());
    found.map(|found| (found.at, found.expired.is_some()))
}

proptest! {
    #[test]
    fn who_reads_the_log_knows_what_who_wrote_it_knew(all in prop::collection::vec(steps(), 1..60)) {
        let (mut log, mut known, mut model) = (Vec::new(), Index::new(1 << 20), BTreeMap::new());
        for step in all {
            let offset = log.len() as u64;
            match step {
                Step::Put(number) => {
                    let stored = stored(number, b"body");
                    let record = answer_record(&key(number), &stored, now()).expect("it is short");
                    let at = At { file: 1, offset, bytes: record.len() as u64 };
                    known.insert(key(number).hash, at, Kept::of(&stored, now()));
                    model.insert(number, (at, false));
                    log.extend(record);
                }
                Step::Forget(purge, soft) => {
                    known.purge(&purge, soft, now());
                    let is_meant = |number: &u8| purge.takes(&stored(*number, b"").place);
                    if soft {
                        let meant = model.iter_mut().filter(|(number, _)| is_meant(number));
                        meant.for_each(|(_, (_, expired))| *expired = true);
                    } else {
                        model.retain(|number, _| !is_meant(number));
                    }
                    log.extend(forget_record(&purge, soft, now()).expect("it is short"));
                }
                Step::Gone(number) => {
                    known.forget_key(key(number).hash, None);
                    model.remove(&number);
                    log.extend(gone_record(&key(number).bytes, None, now()).expect("it is short"));
                }
            }
        }
        let (mut read, mut offset) = (Index::new(1 << 20), 0);
        while offset < log.len() {
            let (bytes, said) = said(&log[offset..]).expect("it is as it was written");
            match said {
                Said::Answer(key, kept) => {
                    let at = At { file: 1, offset: offset as u64, bytes };
                    read.insert(Key::new(key, 7).hash, at, kept);
                }
                Said::Forget { purge, soft, at } => {
                    read.purge(&purge, soft, at);
                }
                Said::Gone(key, which) => {
                    read.forget_key(Key::new(key, 7).hash, which.as_ref());
                }
                Said::Heard(_) => {}
            }
            offset += usize::try_from(bytes).expect("a length");
        }
        for number in 0..12 {
            prop_assert_eq!(found(&known, number), model.get(&number).copied());
            prop_assert_eq!(found(&read, number), model.get(&number).copied());
        }
        prop_assert_eq!(read.len(), model.len());
        let bytes: u64 = model.values().map(|(at, _)| at.bytes).sum();
        prop_assert_eq!(read.live_bytes(), bytes);
        // And in the end nothing is left of it.
        read.drop_file(1, now());
        prop_assert!(read.is_empty() && read.live_bytes() == 0 && read.live_in(1) == 0);
    }

    #[test]
    fn a_record_that_is_damaged_is_as_good_as_none(
        body in prop::collection::vec(any::<u8>(), 0..100),
        place in any::<prop::sample::Index>(),
        flip in 1_u8..=255,
        cut in any::<prop::sample::Index>(),
    ) {
        let whole = answer_record(&key(1), &stored(1, &body), now()).expect("it is short");
        let read = |bytes: Vec<u8>| {
            answer_of(&Bytes::from(bytes), &key(1).bytes, now()).map(|stored| stored.body)
        };
        prop_assert_eq!(read(whole.clone()), Some(Bytes::from(body.clone())));
        prop_assert!(answer_of(&Bytes::from(whole.clone()), &key(2).bytes, now()).is_none());
        let place = place.index(whole.len());
        let mut flipped = whole.clone();
        flipped[place] ^= flip;
        prop_assert_eq!(read(flipped.clone()), None);
        // Who reads heads alone notices all but what is in the body.
        prop_assert_eq!(said(&flipped).is_some(), whole.len() - body.len() <= place);
        prop_assert_eq!(read(whole[..cut.index(whole.len())].to_vec()), None);
    }

    #[test]
    fn bytes_from_anywhere_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut all = b"TtR\x01".to_vec();
        all.extend(bytes);
        let _any = said(&all);
        let _any = answer_of(&Bytes::from(all), b"key", now());
    }
}

#[test]
fn what_was_heard_is_read() {
    let heard = OrderId { millis: 17, count: 3 };
    let record = heard_record(heard, now()).expect("it is short");
    assert!(matches!(said(&record), Some((_, Said::Heard(known))) if known == heard));
}

#[test]
fn an_answer_ages_while_nobody_looks() {
    let record = answer_record(&key(1), &stored(1, b"a"), now()).expect("it is short");
    let later = now() + Duration::from_secs(50);
    let read = answer_of(&Bytes::from(record.clone()), &key(1).bytes, later).expect("it is whole");
    assert_eq!(read.policy.left(later), Ok(Duration::from_secs(10)));
    // A clock that went back tells nothing: it is asked about.
    let earlier = of(&CacheRule::default(), 200, &[("cache-control", "max-age=60")]);
    let earlier = model::Moment { nanos: earlier.expect("stored").received_at.nanos - 1 };
    let read = answer_of(&Bytes::from(record), &key(1).bytes, earlier).expect("it is whole");
    assert!(read.policy.left(earlier).is_err());
}

#[test]
fn what_was_asked_for_outlives_its_file() {
    let mut index = Index::new(1 << 20);
    for number in 0..4 {
        let at = At { file: u64::from(number) / 2, offset: u64::from(number), bytes: 5 };
        assert!(index.insert(key(number).hash, at, Kept::of(&stored(number, b""), now())));
    }
    let (at, _) = found(&index, 1).expect("it is there");
    index.asked(at);
    let dropped = index.drop_file(0, now());
    let asked: Vec<u64> = dropped.asked.into_iter().map(|(hash, ..)| hash).collect();
    assert_eq!((asked, dropped.lost), (vec![key(1).hash], vec![key(0).hash]));
    assert_eq!((index.len(), index.live_in(0), index.live_in(1)), (2, 0, 2));
    assert!(found(&index, 0).is_none() && found(&index, 3).is_some());
    let mut full = Index::new(1);
    let at = |offset| At { file: 0, offset, bytes: 5 };
    assert!(full.insert(1, at(0), Kept::of(&stored(1, b""), now())) && full.is_full());
    assert!(!full.insert(2, at(5), Kept::of(&stored(2, b""), now())));
}

#[test]
fn what_was_forgotten_on_its_way_is_old() {
    let kept = |number| Kept::of(&stored(number, b""), now());
    let one = kept(1);
    let mut forgotten = Forgotten::default();
    let before = forgotten.count();
    forgotten.add(Of::Key(5, Vec::new(), None), false);
    let between = forgotten.count();
    forgotten.add(Of::Order(Purge::Tag("tag-1".to_owned())), true);
    assert!(forgotten.outdates(before, 5, &one) && forgotten.outdates(between, 6, &one));
    assert!(!forgotten.outdates(forgotten.count(), 5, &one));
    assert_eq!(forgotten.since(0).map(Iterator::count), Some(2));
    assert_eq!(forgotten.since(between).map(Iterator::count), Some(1));
    (0..20_000).for_each(|_| forgotten.add(Of::Key(9, Vec::new(), None), false));
    assert!(forgotten.since(0).is_none() && forgotten.outdates(before, 1, &kept(2)));
}

#[test]
fn of_answers_under_one_key_one_is_forgotten_and_the_others_stay() {
    let request = |language| super::headers(&[("accept-language", language)]);
    let in_language = |language| {
        let vary = super::headers(&[("vary", "accept-language")]);
        let selecting = selecting(&vary, &request(language)).expect("no star");
        let mut stored = stored(1, b"");
        stored.selecting = selecting;
        stored
    };
    let (german, french) = (in_language("de"), in_language("fr"));
    let which = Variant::of(&german);
    let record = gone_record(&key(1).bytes, Some(&which), now()).expect("it is short");
    let Some((_, Said::Gone(read, Some(as_read)))) = said(&record) else {
        panic!("it is read as it was written")
    };
    assert_eq!((read, &as_read), (key(1).bytes, &which));

    let mut index = Index::new(1 << 20);
    for (offset, stored) in [(0, &german), (5, &french)] {
        let at = At { file: 1, offset, bytes: 5 };
        assert!(index.insert(key(1).hash, at, Kept::of(stored, now())));
    }
    assert_eq!(index.forget_key(key(1).hash, Some(&as_read)), 1);
    let found =
        |language| index.find(key(1).hash, &request(language), Asker::default(), now()).is_some();
    assert!(!found("de") && found("fr"));

    let mut forgotten = Forgotten::default();
    forgotten.add(Of::Key(key(1).hash, key(1).bytes, Some(which)), false);
    assert!(forgotten.outdates(0, key(1).hash, &Kept::of(&german, now())));
    assert!(!forgotten.outdates(0, key(1).hash, &Kept::of(&french, now())));
}
