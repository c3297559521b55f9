//! When a second member is asked: rarely, late, and only for what changes nothing.

use std::time::Duration;

use http::Method;
use proptest::prelude::*;
use traffic::{
    Dice,
    hedge::{AFTER_MIN, Hedge, HedgeRule, KEPT, NEEDED, is_read},
};

use crate::millis;

#[test]
fn nobody_is_asked_twice_before_anything_is_known() {
    let mut hedge = Hedge::new(HedgeRule::Percentile);
    for _ in 1..NEEDED {
        hedge.record(millis(10));
        assert_eq!(hedge.after(), None);
    }
    hedge.record(millis(10));
    assert_eq!(hedge.after(), Some(millis(10)));
}

#[test]
fn a_set_time_is_that_time() {
    let mut hedge = Hedge::new(HedgeRule::After(millis(50)));
    hedge.record(millis(500));
    assert_eq!(hedge.after(), Some(millis(50)));
}

#[test]
fn what_changes_something_is_sent_once() {
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::CONNECT] {
        assert!(!is_read(&method), "{method}");
    }
    assert!(is_read(&Method::GET) && is_read(&Method::HEAD));
}

/// Members of which one request in fifty stalls for a second: how the 99th percentile and the load change.
#[test]
fn a_rare_stall_is_hidden_at_the_price_of_few_requests() {
    let mut dice = Dice::new(7);
    let mut hedge = Hedge::new(HedgeRule::Percentile);
    let mut takes = move || {
        let usual = 8.0 + dice.share() * 4.0;
        Duration::from_secs_f64(if dice.share() < 0.02 { 1.0 } else { usual / 1_000.0 })
    };
    let (mut plain, mut hedged, mut second) = (Vec::new(), Vec::new(), 0_u32);
    for _ in 0..20_000 {
        let first = takes();
        let took = match hedge.after() {
            Some(after) if after < first => {
                second += 1;
                first.min(after + takes())
            }
            _ => first,
        };
        hedge.record(took);
        plain.push(first);
        hedged.push(took);
    }
    let p99 = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[times.len() * 99 / 100]
    };
    assert_eq!(p99(&mut plain), Duration::from_secs(1));
    let after = p99(&mut hedged);
    assert!(after < millis(30), "{after:?}");
    assert!((400..2_000).contains(&second), "{second} of 20000 were asked twice");
}

proptest! {
    /// Of the answers that it remembers, at most one in twenty took longer.
    #[test]
    fn at_most_one_in_twenty_is_asked_twice(
        times in prop::collection::vec(0_u32..10_000_000, NEEDED..2 * KEPT),
    ) {
        let mut hedge = Hedge::new(HedgeRule::Percentile);
        for time in &times {
            hedge.record(Duration::from_micros(u64::from(*time)));
            if let Some(after) = hedge.after() {
                prop_assert!(AFTER_MIN <= after);
            }
        }
        let after = hedge.after();
        // What is looked up again now and then is compared with what it was looked up in.
        let mut exact = Hedge::new(HedgeRule::Percentile);
        let last = &times[times.len().saturating_sub(KEPT)..];
        let mut sorted = last.to_vec();
        sorted.sort_unstable();
        let place = (sorted.len() * 95).div_ceil(100) - 1;
        for time in last {
            exact.record(Duration::from_micros(u64::from(*time)));
        }
        prop_assert!(after.is_some());
        let longest = Duration::from_micros(u64::from(sorted[sorted.len() - 1])).max(AFTER_MIN);
        prop_assert!(exact.after() <= Some(longest));
        let longer = sorted.iter().filter(|time| **time > sorted[place]).count();
        prop_assert!(longer * 20 <= sorted.len());
    }
}
