//! How many are let in: the bounds that each way of counting promises, and what it answers.

use std::{num::NonZeroU32, time::Duration};

use model::Moment;
use proptest::prelude::*;
use traffic::limit::{Algorithm, Count, Limiter, Quota};

use crate::{at, millis};

const ALL: [Algorithm; 4] =
    [Algorithm::FixedWindow, Algorithm::SlidingLog, Algorithm::SlidingWindow, Algorithm::Bucket];

fn quota(requests: u32, window: Duration) -> Quota {
    Quota::new(NonZeroU32::new(requests).expect("not zero"), window)
}

/// The most that are let in within any window, of requests at these moments.
fn most_in_a_window(algorithm: Algorithm, quota: &Quota, moments: &[Moment]) -> usize {
    let mut count = Count::new(algorithm);
    let let_in: Vec<Moment> =
        moments.iter().copied().filter(|now| count.take(quota, 1, *now).allowed).collect();
    let within = |first: &Moment| {
        let end = *first + quota.window;
        let_in.iter().filter(|other| *first <= **other && **other < end).count()
    };
    let_in.iter().map(within).max().unwrap_or(0)
}

#[test]
fn only_the_fixed_window_lets_twice_as_many_through_at_its_boundary() {
    // 100 a minute; 200 requests at the last second of one minute, 200 at the first of the next.
    let minute = Duration::from_mins(1);
    let boundary = Moment { nanos: minute.as_secs() * 1_000_000_000 * 1_000 };
    let burst = |start: Moment| (0..200).map(move |step| start + millis(step * 4));
    let moments: Vec<Moment> =
        burst(boundary - Duration::from_secs(1)).chain(burst(boundary)).collect();
    let most = ALL.map(|way| most_in_a_window(way, &quota(100, minute), &moments));
    // Within the burst of 0.8 s the bucket fills by one or two, and so does the sliding count.
    assert_eq!(most, [200, 100, 101, 102]);
}

proptest! {
    #[test]
    fn no_way_of_counting_lets_in_more_than_it_says(
        requests in 1_u32..20,
        pauses in prop::collection::vec(0_u64..400, 1..300),
    ) {
        let quota = quota(requests, millis(1_000));
        let mut now = 0;
        let moments: Vec<Moment> = pauses.iter().map(|pause| { now += pause; at(now) }).collect();
        let limit = requests as usize;
        prop_assert!(most_in_a_window(Algorithm::SlidingLog, &quota, &moments) <= limit);
        prop_assert!(most_in_a_window(Algorithm::FixedWindow, &quota, &moments) <= 2 * limit);
        prop_assert!(most_in_a_window(Algorithm::SlidingWindow, &quota, &moments) <= 2 * limit);
        // A full bucket and what flows in meanwhile.
        prop_assert!(most_in_a_window(Algorithm::Bucket, &quota, &moments) <= 2 * limit);
    }

    #[test]
    fn who_waits_as_told_is_let_in_and_who_comes_earlier_is_not(
        requests in 1_u32..10,
        cost in 1_u32..4,
        pauses in prop::collection::vec(0_u64..300, 1..100),
    ) {
        let quota = quota(requests, millis(1_000));
        for algorithm in ALL {
            let mut count = Count::new(algorithm);
            let mut now = at(0);
            for pause in &pauses {
                now = now + millis(*pause);
                let verdict = count.clone().take(&quota, cost, now);
                if !verdict.allowed && cost <= requests {
                    let wait = verdict.retry_after;
                    prop_assert!(wait > Duration::ZERO);
                    prop_assert!(count.clone().take(&quota, cost, now + wait).allowed,
                        "{algorithm:?} said to wait for {wait:?}");
                    let early = wait.saturating_sub(Duration::from_micros(2));
                    prop_assert!(!count.clone().take(&quota, cost, now + early).allowed,
                        "{algorithm:?} would have let in after {early:?}");
                }
                count.take(&quota, 1, now);
            }
        }
    }

    #[test]
    fn what_is_said_to_remain_does_remain(
        requests in 1_u32..10,
        pauses in prop::collection::vec(0_u64..300, 1..60),
    ) {
        let quota = quota(requests, millis(1_000));
        for algorithm in ALL {
            let mut count = Count::new(algorithm);
            let mut now = at(0);
            for pause in &pauses {
                now = now + millis(*pause);
                let remaining = count.take(&quota, 1, now).remaining;
                let mut copy = count.clone();
                let more = (0..remaining).filter(|_| copy.take(&quota, 1, now).allowed).count();
                prop_assert_eq!(more, remaining as usize);
                prop_assert!(!copy.take(&quota, 1, now).allowed);
            }
        }
    }

    #[test]
    fn a_clock_that_goes_back_opens_no_door(steps in prop::collection::vec(-500_i64..500, 1..200)) {
        let quota = quota(5, millis(1_000));
        for algorithm in ALL {
            let mut count = Count::new(algorithm);
            let (mut now, mut latest, mut let_in) = (100_000_i64, 100_000_i64, 0_i64);
            for step in &steps {
                now = (now + step).max(0);
                latest = latest.max(now);
                let moment = at(now.unsigned_abs());
                let_in += i64::from(count.take(&quota, 1, moment).allowed);
            }
            // As many windows as have begun, and a full one besides.
            prop_assert!(let_in <= 5 * ((latest - 100_000) / 1_000 + 3));
        }
    }
}

#[test]
fn keys_do_not_share_and_are_bounded() {
    let mut limiter = Limiter::new(Algorithm::Bucket, quota(2, millis(1_000)), 100, 42);
    for key in 0..10_000_u32 {
        assert!(limiter.take(&key.to_be_bytes(), 1, at(0)).allowed);
        assert!(limiter.keys() <= 100);
    }
    let allowed = |limiter: &mut Limiter| limiter.take(b"one", 1, at(1)).allowed;
    assert_eq!([(); 3].map(|()| allowed(&mut limiter)), [true, true, false]);
    assert!(limiter.take(b"other", 1, at(1)).allowed);
}

#[test]
fn a_key_in_use_is_remembered_while_others_come_and_go() {
    let mut limiter = Limiter::new(Algorithm::SlidingLog, quota(3, millis(60_000)), 100, 42);
    let mut let_in = 0;
    for step in 0..1_000_u64 {
        let_in += u32::from(limiter.take(b"busy", 1, at(step)).allowed);
        limiter.take(&step.to_be_bytes(), 1, at(step));
    }
    assert_eq!(let_in, 3);
}
