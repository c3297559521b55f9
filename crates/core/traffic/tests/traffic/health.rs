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
fn a_good_answer_has_the_status_and_says_the_word() {
    let expected = Expected { status_from: 200, status_to: 299, body: "\"ok\"".to_owned() };
    assert!(expected.is_met(204, b"{\"status\": \"ok\"}"));
    assert!(!expected.is_met(200, b"{\"status\": \"no\"}"));
    assert!(!expected.is_met(301, b"\"ok\""));
}

#[test]
fn who_fails_again_is_left_alone_for_longer() {
    let settings = OutlierSettings { fails: 2, ..OutlierSettings::default() };
    let mut outliers = Outliers::new(settings, 4);
    assert_eq!(outliers.record(0, false, at(0)), None);
    assert_eq!(outliers.record(0, false, at(1)), Some(at(10_001)));
    assert!(outliers.is_out(0, at(10_000)) && !outliers.is_out(0, at(10_001)));
    outliers.record(0, false, at(10_002));
    assert_eq!(outliers.record(0, false, at(10_003)), Some(at(30_003)));
}

#[test]
fn failures_far_apart_and_failures_between_successes_are_no_pattern() {
    let mut outliers = Outliers::new(OutlierSettings { fails: 2, ..OutlierSettings::default() }, 2);
    for step in 0..50 {
        assert_eq!(outliers.record(0, false, at(step * 20_000)), None);
    }
    for step in 0..50 {
        assert_eq!(outliers.record(1, step % 2 == 0, at(step)), None);
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

proptest! {
    #[test]
    fn whatever_fails_enough_members_are_left(
        members in 1_usize..12,
        share_max in 0.0_f64..1.0,
        ends in prop::collection::vec((0_usize..12, any::<bool>(), 0_u64..2_000), 0..400),
    ) {
        let settings = OutlierSettings { fails: 2, share_max, ..OutlierSettings::default() };
        let mut outliers = Outliers::new(settings, members);
        let mut now = 0;
        for (member, good, pause) in ends {
            now += pause;
            outliers.record(member, good, at(now));
            let out = u32::try_from(outliers.out(at(now))).unwrap();
            let bound = share_max * f64::from(u32::try_from(members).unwrap());
            let one_of_several = u32::from(members > 1);
            prop_assert!(f64::from(out) <= bound.max(f64::from(one_of_several)));
        }
    }
}
