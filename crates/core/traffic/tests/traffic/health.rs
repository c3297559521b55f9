//! Who is fit: thresholds, a bound on who is left alone, panic, slow start.

use proptest::prelude::*;
use traffic::health::{
    Change, Expected, Fit, OutlierSettings, Outliers, Probes, Thresholds, fit, slow_start,
    weight_left,
};

use crate::{at, millis};

#[test]
fn it_takes_so_many_answers_in_a_row() {
    let mut probes = Probes::new(Thresholds { healthy: 3, unhealthy: 2 });
    let answers = [true, false, true, false, false, true, true, false, true, true, true];
    let changes: Vec<Option<Change>> = answers.iter().map(|good| probes.record(*good)).collect();
    assert_eq!(changes[..4], [None; 4]);
    assert_eq!(changes[4], Some(Change::Unhealthy));
    assert_eq!(changes[5..10], [None; 5]);
    assert_eq!(changes[10], Some(Change::Healthy));
}

#[test]
fn the_first_answer_decides_alone() {
    let mut probes = Probes::new(Thresholds { healthy: 3, unhealthy: 5 });
    assert_eq!(probes.record(false), Some(Change::Unhealthy));
    assert!(!probes.is_healthy());
}

#[test]
fn of_who_is_known_the_first_answer_decides_nothing() {
    for healthy in [true, false] {
        let mut probes = Probes::known(Thresholds { healthy: 2, unhealthy: 2 }, healthy);
        assert_eq!((probes.record(!healthy), probes.is_healthy()), (None, healthy));
        assert!(probes.record(!healthy).is_some() && probes.is_healthy() != healthy);
    }
}

#[test]
fn a_good_answer_has_the_status_and_says_the_word() {
    let expected = Expected { status_from: 200, status_to: 299, body: "\"ok\"".to_owned() };
    assert!(expected.is_met(204, b"{\"status\": \"ok\"}"));
    assert!(!expected.is_met(200, b"{\"status\": \"no\"}"));
    assert!(!expected.is_met(301, b"\"ok\""));
}

#[test]
fn who_fails_again_is_left_alone_for_longer() {
    let settings = OutlierSettings { fails: 2, ..OutlierSettings::default() };
    let mut outliers = Outliers::new(settings, ["a", "b", "c", "d"]);
    assert_eq!(outliers.record("a", false, at(0)), None);
    assert_eq!(outliers.record("a", false, at(1)), Some(at(10_001)));
    assert!(outliers.is_out("a", at(10_000)) && !outliers.is_out("a", at(10_001)));
    outliers.record("a", false, at(10_002));
    assert_eq!(outliers.record("a", false, at(10_003)), Some(at(30_003)));
}

#[test]
fn what_is_known_of_a_member_outlives_those_that_come_and_go() {
    let settings = OutlierSettings { fails: 3, ..OutlierSettings::default() };
    let mut outliers = Outliers::new(settings, ["a", "b", "c", "d"]);
    for now in 0..3 {
        outliers.record("a", false, at(now));
    }
    outliers.record("b", false, at(3));
    outliers.record("b", false, at(4));
    outliers.renew(settings, ["e", "b", "d", "a"], at(5));
    assert!(outliers.is_out("a", at(5)), "it is left alone for as long as before");
    assert_eq!(
        outliers.record("b", false, at(6)),
        Some(at(10_006)),
        "its failures in a row count on"
    );
    // Two of four: no third, whoever it is and however often members change.
    for now in 7..20 {
        outliers.renew(settings, ["a", "b", "d", "e"], at(now));
        assert_eq!(outliers.record("e", false, at(now)), None);
    }
    // Back in time, it is left alone still, and the longer the next time.
    outliers.renew(settings, ["b", "d", "e"], at(20));
    assert_eq!(outliers.record("a", false, at(21)), None, "it is no member");
    outliers.renew(settings, ["a", "b", "d", "e"], at(22));
    assert!(outliers.is_out("a", at(22)));
    let again: Vec<_> = (0..3).map(|now| outliers.record("a", false, at(10_010 + now))).collect();
    assert_eq!(again[2], Some(at(30_012)), "{again:?}");
}

#[test]
fn where_members_go_no_more_are_left_alone_than_may_be() {
    let settings = OutlierSettings { fails: 1, ..OutlierSettings::default() };
    let mut outliers = Outliers::new(settings, ["a", "b", "c", "d"]);
    outliers.record("b", false, at(0));
    outliers.record("a", false, at(1));
    outliers.renew(settings, ["a", "b"], at(2));
    assert!(
        outliers.is_out("a", at(2)) && !outliers.is_out("b", at(2)),
        "whose time is over first"
    );
    outliers.renew(OutlierSettings { fails: 0, ..settings }, ["a", "b"], at(3));
    assert_eq!(outliers.out(at(3)), 0);
}

#[test]
fn failures_far_apart_and_failures_between_successes_are_no_pattern() {
    let settings = OutlierSettings { fails: 2, ..OutlierSettings::default() };
    let mut outliers = Outliers::new(settings, ["a", "b"]);
    for step in 0..50 {
        assert_eq!(outliers.record("a", false, at(step * 20_000)), None);
    }
    for step in 0..50 {
        assert_eq!(outliers.record("b", step % 2 == 0, at(step)), None);
    }
}

#[test]
fn too_few_healthy_members_are_not_believed() {
    assert_eq!(fit(3, 4, 0.5), Fit::Healthy);
    assert_eq!(fit(1, 4, 0.5), Fit::Panic);
    assert_eq!(fit(1, 4, 0.0), Fit::Healthy);
    assert_eq!(fit(0, 4, 0.0), Fit::Panic);
}

#[test]
fn a_member_that_comes_up_gets_its_share_bit_by_bit() {
    let share = |now| slow_start(at(0), millis(10_000), at(now));
    assert!((share(0) - 0.1).abs() < 1e-9);
    assert!((share(5_000) - 0.5).abs() < 1e-9);
    assert!((share(60_000) - 1.0).abs() < 1e-9);
    assert_eq!(weight_left(4, 0.5), 2_000);
    assert_eq!(weight_left(0, 1.0), 0);
}

/// A request that ended, or members that are others now.
#[derive(Debug, Clone)]
enum Step {
    Ended(usize, bool, u64),
    Changed(Vec<usize>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (0_usize..12, any::<bool>(), 0_u64..2_000)
            .prop_map(|(member, good, pause)| Step::Ended(member, good, pause)),
        1 => prop::collection::vec(0_usize..12, 1..12).prop_map(Step::Changed),
    ]
}

proptest! {
    #[test]
    fn whatever_fails_and_whoever_comes_and_goes_enough_members_are_left(
        members in 1_usize..12,
        share_max in 0.0_f64..1.0,
        steps in prop::collection::vec(step(), 0..400),
    ) {
        let names: Vec<String> = (0..12).map(|number| number.to_string()).collect();
        let settings = OutlierSettings { fails: 2, share_max, ..OutlierSettings::default() };
        let mut outliers = Outliers::new(settings, names[..members].iter().map(|name| &**name));
        let (mut now, mut members) = (0, members);
        for step in steps {
            match step {
                Step::Ended(member, good, pause) => {
                    now += pause;
                    outliers.record(&names[member], good, at(now));
                }
                Step::Changed(mut numbers) => {
                    numbers.sort_unstable();
                    numbers.dedup();
                    members = numbers.len();
                    let numbers = numbers.into_iter().map(|number| &*names[number]);
                    outliers.renew(settings, numbers, at(now));
                }
            }
            let out = u32::try_from(outliers.out(at(now))).unwrap();
            let bound = share_max * f64::from(u32::try_from(members).unwrap());
            let one_of_several = u32::from(members > 1);
            prop_assert!(f64::from(out) <= bound.max(f64::from(one_of_several)));
        }
    }
}
