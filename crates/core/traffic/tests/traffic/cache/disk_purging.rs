//! Orders to forget that are carried out bit by bit: who looks meanwhile finds what they would find had it been done at once.

use http::HeaderMap;
use proptest::prelude::*;
use traffic::cache::{Asker, At, Index, Kept, Purge};

use super::{
    disk::{found, key, purges, stored},
    now,
};

#[derive(Debug, Clone)]
enum Step {
    Put(u8),
    Begin(Purge, bool),
    GoOn(usize),
    DropFile(u64),
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u8..12).prop_map(Step::Put),
        2 => (purges(), any::<bool>()).prop_map(|(purge, soft)| Step::Begin(purge, soft)),
        3 => (1_usize..4).prop_map(Step::GoOn),
        1 => (0_u64..4).prop_map(Step::DropFile),
    ]
}

fn kept(number: u8) -> Kept {
    Kept::of(&stored(number, b""), now())
}

fn at(offset: u64) -> At {
    At { file: offset % 4, offset, bytes: 5 }
}

proptest! {
    #[test]
    fn who_looks_while_it_is_carried_out_sees_no_difference(
        all in prop::collection::vec(steps(), 1..80),
    ) {
        let (mut at_once, mut bit_by_bit) = (Index::new(1 << 20), Index::new(1 << 20));
        let mut begun = Vec::new();
        for (offset, step) in (0..).zip(all) {
            match step {
                Step::Put(number) => {
                    for index in [&mut at_once, &mut bit_by_bit] {
                        prop_assert!(index.insert(key(number).hash, at(offset), kept(number)));
                    }
                    at_once.asked(at(offset));
                    bit_by_bit.asked(at(offset));
                }
                Step::Begin(purge, soft) => {
                    at_once.purge(&purge, soft, now());
                    let id = bit_by_bit.begin(purge, soft, now());
                    bit_by_bit.seal(id);
                    begun.push(id);
                }
                Step::GoOn(max) => begun.retain(|id| bit_by_bit.go_on(*id, max).is_none()),
                Step::DropFile(file) => {
                    let [mut one, mut other] = [&mut at_once, &mut bit_by_bit]
                        .map(|index| index.drop_file(file, now()).asked);
                    one.sort_by_key(|(_, at, _)| *at);
                    other.sort_by_key(|(_, at, _)| *at);
                    prop_assert_eq!(one, other);
                }
            }
            for number in 0..12 {
                prop_assert_eq!(found(&at_once, number), found(&bit_by_bit, number));
                let one = kept(number);
                let has = |index: &Index| {
                    index.has(key(number).hash, &one.selecting, one.shared_with)
                };
                prop_assert_eq!(has(&at_once), has(&bit_by_bit));
            }
        }
        while !begun.is_empty() {
            begun.retain(|id| bit_by_bit.go_on(*id, 1).is_none());
        }
        prop_assert_eq!(at_once.len(), bit_by_bit.len());
        prop_assert_eq!(at_once.live_bytes(), bit_by_bit.live_bytes());
    }
}

/// A hundred answers, each of another address.
fn hundred() -> Index {
    let mut index = Index::new(1 << 20);
    for number in 0..100 {
        assert!(index.insert(key(number).hash, at(number.into()), kept(number)));
    }
    index
}

#[test]
fn at_a_time_no_more_is_looked_at_than_was_said_and_nobody_finds_any_of_it() {
    for purge in [Purge::All, Purge::Route("all".to_owned()), Purge::Tag("tag-1".to_owned())] {
        let mut index = hundred();
        let meant = (0..100).filter(|number| purge.takes(&stored(*number, b"").place)).count();
        let id = index.begin(purge.clone(), false, now());
        index.seal(id);
        let mut times = 0;
        let count = loop {
            for number in 0..100 {
                let is_meant = purge.takes(&stored(number, b"").place);
                assert_eq!(found(&index, number).is_none(), is_meant, "{purge:?} {number}");
            }
            let before = index.len();
            let count = index.go_on(id, 10);
            assert!(before - index.len() <= 10);
            times += 1;
            if let Some(count) = count {
                break count;
            }
        };
        assert_eq!((count, index.len()), (meant, 100 - meant));
        assert!(meant / 10 <= times, "{times}");
        // It is over.
        assert_eq!(index.go_on(id, 10), Some(0));
    }
}

#[test]
fn what_may_be_old_is_not_taken_until_it_is_known() {
    let mut index = hundred();
    let id = index.begin(Purge::Tag("tag-1".to_owned()), false, now());
    assert!(!index.insert(key(1).hash, at(200), kept(1)), "memory may have had it still");
    assert!(index.insert(key(2).hash, at(201), kept(2)), "nothing is ordered of that");
    index.seal(id);
    assert!(index.insert(key(1).hash, at(202), kept(1)));
    while index.go_on(id, 7).is_none() {}
    let find = |number: u8| {
        index.find(key(number).hash, &HeaderMap::new(), Asker::default(), now()).map(|it| it.at)
    };
    assert_eq!((find(1), find(2), find(4)), (Some(at(202)), Some(at(201)), None));
}

#[test]
fn what_comes_in_its_place_is_forgotten_as_well() {
    let mut index = Index::new(1 << 20);
    // Begun before it was known what there is.
    let id = index.begin(Purge::Tag("tag-1".to_owned()), false, now());
    assert!(index.replaced(hundred()).is_empty());
    assert!(found(&index, 1).is_none() && found(&index, 2).is_some());
    index.seal(id);
    let mut count = None;
    while count.is_none() {
        count = index.go_on(id, 10);
    }
    assert_eq!((count, index.len()), (Some(33), 67));
}
