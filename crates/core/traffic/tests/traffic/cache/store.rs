//! The store: bounded, and what is in use survives a scan.

use proptest::prelude::*;
use traffic::{
    Dice,
    cache::{Change, Found, Key, Store},
};

fn key(number: u64) -> Key {
    // Spread as a hash would.
    let hash = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    // Of one of three routes, as `key_of` has it.
    let route = [b"abc"[usize::try_from(number % 3).expect("less than three")], 1];
    Key { hash, bytes: [&route[..], &number.to_le_bytes()].concat() }
}

#[test]
fn a_scan_does_not_push_out_what_is_in_use() {
    let mut store = Store::new(100_000);
    for round in 0..3 {
        for number in 0..50 {
            if store.get(&key(number)).is_none() {
                store.insert(key(number), round, 1_000, Vec::new());
            }
        }
    }
    // Ten times as much as there is room for, each asked for once.
    for number in 1_000..2_000 {
        assert!(store.get(&key(number)).is_none());
        store.insert(key(number), 9, 1_000, Vec::new());
    }
    let left = (0..50).filter(|number| store.peek(&key(*number)).is_some()).count();
    assert_eq!(left, 50);
}

#[test]
fn all_of_it_is_looked_at_bit_by_bit() {
    let change = |number: &u64| {
        if number.is_multiple_of(5) { Change::Forget } else { Change::Set(number + 100) }
    };
    // All of it, and every other.
    for (found, meant, left) in [(Found::InAll, 25, 20), (Found::By(1), 12, 23)] {
        let mut store = Store::new(100_000);
        (0..25).for_each(|number| store.insert(key(number), number, 1, vec![number % 2]));
        let (mut all, mut first, mut times) = (0, Some(0), 0);
        while let Some(from) = first {
            let (count, next) = store.change_some(found, (from, 10), change);
            assert!(count <= 10);
            (all, first, times) = (all + count, next, times + 1);
        }
        assert_eq!((all, times, store.size().entries), (meant, 1 + meant / 10, left));
        let changed = |number: u64| store.peek(&key(number)).copied();
        assert_eq!((changed(5), changed(7)), (None, Some(107)));
        assert_eq!(changed(10), (meant == 12).then_some(10));
    }
}

#[test]
fn it_keeps_more_of_what_is_wanted_than_who_keeps_the_latest() {
    // Zipf, as what people ask for: one over the rank.
    let ranks: Vec<f64> = (1_u32..=10_000).map(|rank| 1.0 / f64::from(rank)).collect();
    let sum: f64 = ranks.iter().sum();
    let mut dice = Dice::new(7);
    let mut draw = || {
        let mut at = dice.share() * sum;
        let found = ranks.iter().position(|rank| {
            at -= rank;
            at < 0.0
        });
        found.unwrap_or(0) as u64
    };
    let mut store = Store::new(500);
    let mut latest: std::collections::VecDeque<u64> = std::collections::VecDeque::new();
    let (mut hits, mut hits_of_latest) = (0_u32, 0_u32);
    for _ in 0..20_000 {
        let number = draw();
        if store.get(&key(number)).is_some() {
            hits += 1;
        } else {
            store.insert(key(number), (), 1, Vec::new());
        }
        if let Some(place) = latest.iter().position(|known| *known == number) {
            hits_of_latest += 1;
            latest.remove(place);
        } else if latest.len() == 500 {
            latest.pop_front();
        }
        latest.push_back(number);
    }
    assert!(hits > hits_of_latest, "{hits} {hits_of_latest}");
}

proptest! {
    #[test]
    fn it_is_bounded_and_finds_what_it_has(
        steps in proptest::collection::vec((0_u64..40, 1_u64..60, 0_u8..4, 0_u64..3), 1..300),
    ) {
        let mut store: Store<(u64, u64)> = Store::new(400);
        for (number, bytes, what, mark) in steps {
            match what {
                0 => {
                    store.remove(&key(number));
                    prop_assert!(store.peek(&key(number)).is_none());
                }
                1 => {
                    let all = (0, usize::MAX);
                    let (count, _) = store.change_some(Found::By(mark), all, |_| Change::Forget);
                    prop_assert!(count <= 40);
                    prop_assert!(store.iter().all(|(_, (_, known))| *known != mark));
                }
                _ => {
                    store.insert(key(number), (number, mark), bytes, vec![mark]);
                    if let Some((known, _)) = store.get(&key(number)) {
                        prop_assert_eq!(*known, number);
                    }
                }
            }
            let size = store.size();
            prop_assert!(size.bytes <= 400);
            prop_assert_eq!(size.entries, store.iter().count() as u64);
            let of_routes = store.size_of_routes().fold([0; 3], |[entries, bytes, evictions], (_, one)| {
                [entries + one.entries, bytes + one.bytes, evictions + one.evictions]
            });
            prop_assert_eq!(of_routes, [size.entries, size.bytes, size.evictions]);
            for (route, one) in store.size_of_routes() {
                let own = store.iter().filter(|(key, _)| key.route() == route).count();
                prop_assert_eq!(one.entries, own as u64);
            }
        }
    }
}

#[test]
fn a_note_is_taken_by_number_and_is_no_use() {
    let mut store = Store::new(1_000);
    store.insert(key(1), 1, 100, Vec::new());
    *store.note_mut(key(1).hash).expect("it is there") = 2;
    assert_eq!(store.peek(&key(1)), Some(&2));
    assert!(store.note_mut(key(2).hash).is_none());
    let uses: Vec<_> = store.hottest(1).into_iter().map(|((_, uses), ..)| uses).collect();
    assert_eq!(uses, [0]);
}
