//! The adaptive limit, against a pretend service that does so much at once and queues the rest.

use proptest::prelude::*;
use traffic::concurrency::{Concurrency, ConcurrencySettings, Priority};

use crate::millis;

/// The limit after so many answers of a service that does `capacity` requests at once in 10 ms each, while
/// more wait than are let in.
fn settled(capacity: u32, start: u32) -> f64 {
    let settings = ConcurrencySettings { start, ..ConcurrencySettings::default() };
    let mut limit = Concurrency::new(settings);
    for _ in 0..60_000 {
        let mut in_flight = 1;
        while limit.admits(in_flight, Priority::High) && in_flight < 2_000 {
            in_flight += 1;
        }
        let took = millis(10).mul_f64((f64::from(in_flight) / f64::from(capacity)).max(1.0));
        limit.record(took, in_flight, false);
    }
    limit.limit()
}

#[test]
fn it_finds_what_the_service_bears_from_below() {
    for capacity in [20, 100, 400] {
        let found = settled(capacity, 10) / f64::from(capacity);
        assert!((0.9..3.0).contains(&found), "{found} times a capacity of {capacity}");
    }
}

#[test]
fn failures_take_room_away_and_the_least_remains() {
    let mut limit = Concurrency::new(ConcurrencySettings::default());
    for _ in 0..100 {
        limit.record(millis(10), 20, true);
    }
    assert!((limit.limit() - 4.0).abs() < 1e-9);
    assert!(limit.admits(0, Priority::Low));
}

#[test]
fn what_matters_less_gives_way_first() {
    let limit =
        Concurrency::new(ConcurrencySettings { start: 100, ..ConcurrencySettings::default() });
    let admits = |in_flight| {
        [Priority::Low, Priority::Normal, Priority::High]
            .map(|priority| limit.admits(in_flight, priority))
    };
    assert_eq!(admits(60), [true, true, true]);
    assert_eq!(admits(70), [false, true, true]);
    assert_eq!(admits(95), [false, false, true]);
    assert_eq!(admits(100), [false, false, false]);
}

proptest! {
    #[test]
    fn the_limit_stays_within_its_bounds(
        answers in prop::collection::vec((0_u64..10_000, 0_u32..3_000, any::<bool>()), 0..500),
    ) {
        let settings = ConcurrencySettings::default();
        let mut limit = Concurrency::new(settings);
        for (took, in_flight, failed) in answers {
            limit.record(millis(took), in_flight, failed);
            let bounds = f64::from(settings.min)..=f64::from(settings.max);
            prop_assert!(bounds.contains(&limit.limit()));
        }
    }
}
