//! The breaker: opens on failure, probes with care, closes on success; a simulation of an outage.

use proptest::prelude::*;
use traffic::breaker::{Admission, Breaker, BreakerSettings};

use crate::{at, millis};

fn ask(breaker: &mut Breaker, good: bool, now: u64) -> bool {
    match breaker.admit(at(now)) {
        Admission::Passed(pass) => {
            breaker.record(pass, good, at(now));
            true
        }
        Admission::Refused(_) => false,
    }
}

#[test]
fn a_few_failures_among_many_requests_do_not_open_it() {
    let mut breaker = Breaker::new(BreakerSettings::default());
    for now in 0..10_000 {
        assert!(ask(&mut breaker, now % 3 != 0, now));
    }
}

#[test]
fn failures_in_a_row_open_it_if_that_is_asked_for() {
    let settings =
        BreakerSettings { consecutive: 5, failures_share: 2.0, ..BreakerSettings::default() };
    let mut breaker = Breaker::new(settings);
    assert_eq!(breaker.since(), None);
    for now in 0..5 {
        assert!(ask(&mut breaker, false, now));
    }
    assert_eq!(breaker.since(), Some(at(4)));
    assert_eq!(breaker.admit(at(5)), Admission::Refused(millis(4_999)));
    assert_eq!(breaker.since(), Some(at(4)), "it has not changed");
}

#[test]
fn an_outage_costs_few_requests_and_its_end_is_noticed() {
    let mut breaker = Breaker::new(BreakerSettings::default());
    // 100 requests a second; everything fails from second 10 to second 60.
    let (mut failed, mut refused_after) = (0, 0);
    for step in 0..12_000_u64 {
        let now = step * 10;
        let down = (10_000..60_000).contains(&now);
        let passed = ask(&mut breaker, !down, now);
        failed += u32::from(passed && down);
        refused_after += u32::from(!passed && now >= 60_000);
    }
    assert!(failed < 1_050, "{failed} of 5,000 were sent to a dead service");
    assert!(refused_after < 4_000, "{refused_after} were refused once it was back");
    assert_eq!(breaker.state(), "closed");
}

#[test]
fn the_end_of_a_request_from_before_it_opened_counts_for_nothing() {
    let settings = BreakerSettings { consecutive: 1, ..BreakerSettings::default() };
    let mut breaker = Breaker::new(settings);
    let Admission::Passed(early) = breaker.admit(at(0)) else { panic!("it is closed") };
    assert!(ask(&mut breaker, false, 1));
    breaker.record(early, true, at(2));
    assert_eq!(breaker.state(), "open");
}

#[test]
fn probes_that_never_end_do_not_keep_it_shut() {
    let settings = BreakerSettings { consecutive: 1, probes: 1, ..BreakerSettings::default() };
    let mut breaker = Breaker::new(settings);
    assert!(ask(&mut breaker, false, 0));
    assert!(matches!(breaker.admit(at(5_000)), Admission::Passed(_)));
    assert!(matches!(breaker.admit(at(5_001)), Admission::Refused(_)));
    assert!(matches!(breaker.admit(at(10_000)), Admission::Passed(_)));
}

#[test]
fn what_says_nothing_is_no_good_probe_and_takes_nobodys_place() {
    let settings = BreakerSettings { consecutive: 1, probes: 1, ..BreakerSettings::default() };
    let mut breaker = Breaker::new(settings);
    assert!(ask(&mut breaker, false, 0));
    let Admission::Passed(probe) = breaker.admit(at(5_000)) else { panic!("it is half open") };
    breaker.forget(probe);
    assert_eq!(breaker.state(), "half-open");
    // Another one finds out.
    assert!(ask(&mut breaker, true, 5_001));
    assert_eq!(breaker.state(), "closed");
    // Of another era it counts for nothing.
    breaker.forget(probe);
    assert_eq!(breaker.state(), "closed");
}

proptest! {
    #[test]
    fn whatever_happens_it_lets_somebody_through_in_the_end(
        ends in prop::collection::vec((any::<bool>(), 0_u64..3_000), 0..300),
    ) {
        let mut breaker = Breaker::new(BreakerSettings { consecutive: 2, ..BreakerSettings::default() });
        let mut now = 0;
        for (good, pause) in ends {
            now += pause;
            ask(&mut breaker, good, now);
        }
        let waited = (0..130).any(|second| ask(&mut breaker, true, now + second * 500));
        prop_assert!(waited, "a minute is the longest that it stays open");
    }
}
