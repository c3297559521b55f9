//! What schedules promise.

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn micros(schedule: &Schedule) -> Vec<u128> {
    schedule.starts().map(|start| start.as_micros()).collect()
}

#[test]
fn an_even_rate_is_a_comb_without_drift() {
    let schedule = Schedule::constant(1_000.0, SECOND * 10, Arrivals::Even).unwrap();
    let starts: Vec<Duration> = schedule.starts().collect();
    assert_eq!(starts.len(), 10_000);
    for (place, start) in (0_u32..).zip(&starts) {
        assert!(start.abs_diff(Duration::from_millis(1) * place) < Duration::from_nanos(10));
    }
}

#[test]
fn a_ramp_starts_as_many_as_the_area_under_it() {
    let schedule = Schedule::ramp(0.0, 10.0, SECOND * 2, Arrivals::Even).unwrap();
    // The n-th start of 2.5 t² is at the root of n / 2.5.
    assert_eq!(micros(&schedule)[..4], [0, 632_455, 894_427, 1_095_445]);
    assert_eq!(schedule.starts().count(), 10);
    let down = Schedule::ramp(10.0, 0.0, SECOND * 2, Arrivals::Even).unwrap();
    assert_eq!(down.starts().count(), 10);
    assert!(down.starts().last().unwrap() < SECOND * 2);
}

#[test]
fn steps_and_spikes_hold_their_rates() {
    let steps = Schedule::steps((10.0, 30.0), 3, SECOND * 3, Arrivals::Even).unwrap();
    let within = |schedule: &Schedule, second: u64| {
        schedule.starts().filter(|start| start.as_secs() == second).count()
    };
    assert_eq!([0, 1, 2].map(|second| within(&steps, second)), [10, 20, 30]);
    let spike = Schedule::spike(10.0, 100.0, SECOND * 5, Arrivals::Even).unwrap();
    assert_eq!([0, 1, 2, 3, 4].map(|second| within(&spike, second)), [10, 10, 100, 10, 10]);
    assert!((spike.rate_at(SECOND * 5 / 2) - 100.0).abs() < 1e-9);
    assert!(spike.rate_at(SECOND * 6).abs() < 1e-9);
}

#[test]
fn poisson_gaps_have_the_spread_of_their_mean() {
    let schedule = Schedule::constant(1_000.0, SECOND * 100, Arrivals::Poisson(3)).unwrap();
    let starts: Vec<f64> = schedule.starts().map(|start| start.as_secs_f64()).collect();
    let gaps: Vec<f64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let count = f64::from(u32::try_from(gaps.len()).unwrap());
    assert!((count - 100_000.0).abs() < 1_000.0, "{count}");
    let mean = gaps.iter().sum::<f64>() / count;
    let spread = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count).sqrt();
    assert!((spread / mean - 1.0).abs() < 0.02, "{spread} for {mean}");
}

#[test]
fn what_is_no_schedule_is_refused() {
    let constant = |rate, length| Schedule::constant(rate, length, Arrivals::Even);
    assert_eq!(constant(-1.0, SECOND), Err(ScheduleError::Rate(-1.0)));
    assert!(matches!(constant(f64::NAN, SECOND), Err(ScheduleError::Rate(_))));
    assert_eq!(constant(1.0, Duration::ZERO), Err(ScheduleError::Length));
    assert_eq!(constant(1.0, LENGTH_MAX * 2), Err(ScheduleError::Length));
    assert_eq!(constant(0.0, SECOND), Err(ScheduleError::Starts(0.0)));
    assert!(matches!(constant(RATE_MAX, LENGTH_MAX), Err(ScheduleError::Starts(_))));
    assert_eq!(Schedule::new(Vec::new(), Arrivals::Even), Err(ScheduleError::Stages));
    let many = Schedule::steps((1.0, 2.0), 5_000, SECOND, Arrivals::Even);
    assert_eq!(many, Err(ScheduleError::Stages));
}

#[test]
fn users_come_one_after_the_other_and_think_as_told() {
    let users = Users {
        count: 4,
        arrive_over: SECOND * 8,
        think: Think::Between(SECOND, SECOND * 3),
        length: SECOND * 60,
    };
    assert_eq!([0, 1, 3].map(|user| users.arrives(user)), [Duration::ZERO, SECOND * 2, SECOND * 6]);
    let mut random = Random::new(1);
    for _ in 0..100 {
        assert!((SECOND..=SECOND * 3).contains(&users.think.next(&mut random)));
        assert!(Think::About(SECOND).next(&mut random) <= SECOND * 10);
    }
    assert_eq!(Think::Never.next(&mut random), Duration::ZERO);
}

proptest! {
    #[test]
    fn starts_ascend_within_the_schedule_and_are_as_many_as_expected(
        parts in proptest::collection::vec((0.0..500.0_f64, 0.0..500.0_f64, 1_u64..3_000), 1..6),
        seed in proptest::option::of(any::<u64>()),
    ) {
        let stages = parts.iter().map(|(from, to, millis)| Stage {
            from: *from,
            to: *to,
            length: Duration::from_millis(*millis),
        });
        let arrivals = seed.map_or(Arrivals::Even, Arrivals::Poisson);
        let Ok(schedule) = Schedule::new(stages.collect(), arrivals) else { return Ok(()) };
        let starts: Vec<Duration> = schedule.starts().collect();
        prop_assert!(starts.is_sorted());
        prop_assert!(starts.iter().all(|start| *start <= schedule.length()));
        let count = f64::from(u32::try_from(starts.len()).unwrap());
        let tolerance = if seed.is_some() { 6.0 * schedule.expected().sqrt() + 6.0 } else { 1.0 };
        prop_assert!((count - schedule.expected()).abs() <= tolerance, "{count}");
    }
}
