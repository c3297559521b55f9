//! Who answers: shares by weight, no crowding, few moves, cookies that cannot be made up.

use proptest::prelude::*;
use traffic::{
    Dice,
    balance::{
        Candidate, CookieKey, PeakEwma, Ring, Rotation, Side, Zones, better_of_two,
        fewest_in_flight, keep_zone, key_of,
    },
};

use crate::{at, millis};

fn open(weight: u32) -> Candidate {
    Candidate { weight, in_flight: 0, latency: millis(0), open: true }
}

fn counts(picks: impl Iterator<Item = usize>, members: usize) -> Vec<usize> {
    let mut counts = vec![0; members];
    picks.for_each(|pick| counts[pick] += 1);
    counts
}

#[test]
fn the_heavy_member_does_not_get_its_turns_in_a_row() {
    let candidates = [open(5), open(1), open(1)];
    let mut rotation = Rotation::default();
    let order: Vec<usize> = (0..7).filter_map(|_| rotation.next(&candidates)).collect();
    assert_eq!(order, [0, 0, 1, 0, 2, 0, 0]);
}

#[test]
fn a_member_that_was_away_does_not_come_back_with_a_debt() {
    let mut candidates = [open(1), open(1)];
    let mut rotation = Rotation::default();
    candidates[1].open = false;
    for _ in 0..100 {
        assert_eq!(rotation.next(&candidates), Some(0));
    }
    candidates[1].open = true;
    let after = counts((0..10).filter_map(|_| rotation.next(&candidates)), 2);
    assert_eq!(after, [5, 5]);
}

proptest! {
    #[test]
    fn turns_follow_weights_exactly(weights in prop::collection::vec(0_u32..20, 1..8)) {
        let candidates: Vec<Candidate> = weights.iter().map(|weight| open(*weight)).collect();
        let total: u32 = weights.iter().sum();
        let mut rotation = Rotation::default();
        let picks = (0..total).filter_map(|_| rotation.next(&candidates));
        let expected: Vec<usize> = weights.iter().map(|weight| *weight as usize).collect();
        prop_assert_eq!(counts(picks, weights.len()), expected);
    }

    #[test]
    fn nobody_closed_is_ever_chosen(
        members in prop::collection::vec((0_u32..4, 0_u32..9, any::<bool>()), 0..9),
        seed in any::<u64>(),
    ) {
        let candidates: Vec<Candidate> = members
            .iter()
            .map(|(weight, in_flight, open)| Candidate {
                weight: *weight, in_flight: *in_flight, latency: millis(1), open: *open,
            })
            .collect();
        let names: Vec<String> = (0..members.len()).map(|place| place.to_string()).collect();
        let ring = Ring::new(names.iter().map(|name| (&**name, 1)));
        let any = candidates.iter().any(|member| member.open && member.weight > 0);
        let start = usize::try_from(seed % 1_000).unwrap();
        for pick in [
            Rotation::default().next(&candidates),
            fewest_in_flight(&candidates, start),
            better_of_two(&candidates, &mut Dice::new(seed)),
            ring.choose(seed, &candidates, 1.25),
        ] {
            prop_assert_eq!(pick.is_some(), any);
            if let Some(pick) = pick {
                prop_assert!(candidates[pick].open && candidates[pick].weight > 0);
            }
        }
    }

    #[test]
    fn a_bounded_ring_never_overfills_anybody(keys in prop::collection::vec(any::<u64>(), 1..200)) {
        let names = ["a", "b", "c", "d"];
        let ring = Ring::new(names.map(|name| (name, 1)));
        let mut candidates = [open(1); 4];
        for (placed, key) in keys.iter().enumerate() {
            let pick = ring.choose(*key, &candidates, 1.25).unwrap();
            candidates[pick].in_flight += 1;
            let bound = (1.25 * f64::from(u32::try_from(placed + 1).unwrap()) / 4.0).ceil();
            prop_assert!(f64::from(candidates[pick].in_flight) <= bound);
        }
    }
}

#[test]
fn when_a_member_leaves_the_ring_only_its_keys_move() {
    let before = Ring::new([("a", 1), ("b", 1), ("c", 1)]);
    let after = Ring::new([("a", 1), ("b", 1)]);
    let moved = (0_u64..10_000).filter(|key| {
        let key = key_of(&key.to_be_bytes());
        let old = before.choose(key, &[open(1); 3], 100.0).unwrap();
        let new = after.choose(key, &[open(1); 2], 100.0).unwrap();
        assert!(old == new || old == 2, "only keys of the member that left may move");
        old != new
    });
    let moved = moved.count();
    assert!((2_500..4_200).contains(&moved), "a third of the keys moves, not {moved}");
}

#[test]
fn the_slow_one_of_two_is_rarely_asked_even_though_it_fails_fast() {
    // A member that answers errors in a millisecond beside two that work in ten.
    let mut dice = Dice::new(7);
    let mut latencies = [PeakEwma::new(millis(10_000), at(0)); 3];
    let mut asked = [0; 3];
    for step in 0..3_000_u64 {
        let now = at(step);
        let candidates = latencies.map(|ewma| Candidate { latency: ewma.latency(now), ..open(1) });
        let pick = better_of_two(&candidates, &mut dice).unwrap();
        asked[pick] += 1;
        let (took, failed) = if pick == 2 { (millis(1), true) } else { (millis(10), false) };
        latencies[pick].record(took, failed, now);
    }
    assert!(asked[2] < 30, "asked {asked:?}");
}

#[test]
fn a_peak_is_believed_at_once_and_forgotten_slowly() {
    let mut ewma = PeakEwma::new(millis(1_000), at(0));
    ewma.record(millis(10), false, at(0));
    ewma.record(millis(500), false, at(1));
    assert_eq!(ewma.latency(at(1)), millis(500));
    ewma.record(millis(10), false, at(1_001));
    assert!(ewma.latency(at(1_001)) > millis(200));
    for step in 0..20 {
        ewma.record(millis(10), false, at(2_000 + step * 1_000));
    }
    assert!(ewma.latency(at(21_000)) < millis(11));
}

#[test]
fn cookies_name_their_member_and_survive_its_change_of_place() {
    let key = CookieKey::new(b"a secret of the operator");
    let cookie = key.sign("shop", "10.0.0.2:80");
    let member = |members: &[&str]| key.member("shop", &cookie, members.iter().copied());
    assert_eq!(member(&["10.0.0.1:80", "10.0.0.2:80"]), Some(1));
    assert_eq!(member(&["10.0.0.2:80", "10.0.0.3:80"]), Some(0));
    assert_eq!(member(&["10.0.0.3:80"]), None);
    assert!(!cookie.contains("10.0"), "an address is nobody's business: {cookie}");
}

proptest! {
    #[test]
    fn no_cookie_that_was_not_signed_names_anybody(cookie in ".{0,80}", flip in 0_usize..49) {
        let key = CookieKey::new(b"one");
        prop_assert_eq!(key.member("shop", &cookie, ["a"]), None);
        let mut signed = key.sign("shop", "a").into_bytes();
        signed[flip] ^= 1;
        if let Ok(forged) = String::from_utf8(signed) {
            prop_assert_eq!(key.member("shop", &forged, ["a"]), None);
        }
        let other = CookieKey::new(b"two").sign("shop", "a");
        prop_assert_eq!(key.member("shop", &other, ["a"]), None);
        let elsewhere = key.sign("mail", "a");
        prop_assert_eq!(key.member("shop", &elsewhere, ["a"]), None);
    }
}

fn side(is_own: bool) -> Side {
    if is_own { Side::Own } else { Side::Elsewhere }
}

/// Members by zone, each with its weight and whether it is well.
fn zones(members: &[(bool, u32, bool)]) -> Zones {
    let mut zones = Zones::default();
    for (is_own, weight, is_well) in members {
        zones.add(*weight, side(*is_own), *is_well);
    }
    zones
}

#[test]
fn requests_spill_over_in_proportion_to_who_is_ill_at_home() {
    let stays = |well: usize| {
        let own = (0..10).map(|nth| (true, 1, nth < well));
        let members: Vec<_> = own.chain([(false, 1, true)]).collect();
        (zones(&members).stays(0.7) * 100.0).round()
    };
    let told: Vec<f64> = [10, 8, 7, 5, 1, 0].map(stays).to_vec();
    assert_eq!(told, [100.0, 100.0, 100.0, 71.0, 14.0, 0.0]);
}

proptest! {
    #[test]
    fn the_more_are_well_at_home_the_more_stays_and_never_for_nobody(
        members in prop::collection::vec((any::<bool>(), 0_u32..5, any::<bool>()), 1..12),
        share in 0.01_f64..1.0,
        ill in any::<prop::sample::Index>(),
    ) {
        let stays = zones(&members).stays(share);
        prop_assert!((0.0..=1.0).contains(&stays));
        let well = |own: bool| members.iter().any(|it| it.0 == own && it.1 > 0 && it.2);
        if !well(true) {
            prop_assert!(stays == 0.0, "nobody is well at home: {stays}");
        } else if !well(false) {
            prop_assert!((stays - 1.0).abs() < f64::EPSILON, "nobody is well elsewhere: {stays}");
        }
        let mut fewer = members.clone();
        let place = ill.index(fewer.len());
        if fewer[place].0 {
            fewer[place].2 = false;
            prop_assert!(zones(&fewer).stays(share) <= stays || !well(false));
        }
    }

    #[test]
    fn a_zone_takes_nobody_away_where_nobody_else_is_left(
        members in prop::collection::vec((any::<bool>(), 0_u32..3, any::<bool>()), 0..9),
        stays in any::<bool>(),
    ) {
        let before: Vec<Candidate> = members
            .iter()
            .map(|(_, weight, is_open)| Candidate { open: *is_open, ..open(*weight) })
            .collect();
        let mut after = before.clone();
        let sides: Vec<Side> = members.iter().map(|member| side(member.0)).collect();
        keep_zone(&mut after, &sides, stays);
        let can = |candidates: &[Candidate], place: usize| {
            candidates[place].open && candidates[place].weight > 0
        };
        let all = 0..members.len();
        prop_assert_eq!(
            all.clone().any(|place| can(&before, place)),
            all.clone().any(|place| can(&after, place)),
        );
        let at_side = all.clone().any(|place| can(&before, place) && members[place].0 == stays);
        for place in all {
            prop_assert!(before[place].open || !after[place].open, "nobody is opened");
            prop_assert!(!at_side || !after[place].open || members[place].0 == stays);
        }
    }
}
