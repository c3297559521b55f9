//! Days of two applications, simulated over the real decisions: what a cache takes off their databases.

use std::time::Duration;

use model::Moment;
use traffic::{
    Dice,
    cache::{
        CacheRule,
        simulate::{Event, Outcome, curve, simulate},
    },
};

use super::now;

const DAY: Duration = Duration::from_hours(24);

/// Requests that come by chance, so many a day, for keys of which the first are asked for most (Zipf); now and then one
/// changes.
fn day(requests: u32, keys: u32, took: Duration, changes: u32) -> Vec<(Moment, Event)> {
    let mut dice = Dice::new(11);
    let weights: Vec<f64> = (1..=keys).map(|rank| 1.0 / f64::from(rank)).collect();
    let mut sums = Vec::new();
    let mut sum = 0.0;
    for weight in &weights {
        sum += weight;
        sums.push(sum);
    }
    let draw = |dice: &mut Dice| {
        let at = dice.share() * sum;
        sums.partition_point(|sum| *sum < at) as u64
    };
    let mut events = Vec::new();
    for _ in 0..requests {
        let at = now() + DAY.mul_f64(dice.share());
        events.push((at, Event::Ask { key: draw(&mut dice), bytes: 1_000, took, lives: None }));
    }
    for _ in 0..changes {
        let at = now() + DAY.mul_f64(dice.share());
        events.push((at, Event::Change { key: draw(&mut dice) }));
    }
    events.sort_by_key(|(at, _)| *at);
    events
}

fn rule(ttl: Duration) -> CacheRule {
    CacheRule { ttl: Some(ttl), ..CacheRule::default() }
}

#[test]
fn looking_up_webhooks_leaves_six_of_a_hundred_requests_for_the_database() {
    // 600,000 a day for the settings of 120 tenants, forgotten when one changes them: at most 288 times a day each.
    let events = day(600_000, 120, Duration::from_millis(5), 500);
    let outcome = simulate(&rule(Duration::from_mins(5)), 64 << 20, 1, events);
    assert!(outcome.spared() >= 0.94, "{:.4} {outcome:?}", outcome.spared());
}

#[test]
fn trending_is_answered_out_of_the_cache() {
    // 120 a minute for one answer that takes 2.3 s, kept for five minutes.
    let events = day(120 * 60 * 24, 1, Duration::from_millis(2_300), 0);
    let outcome = simulate(&rule(Duration::from_mins(5)), 64 << 20, 1, events.clone());
    assert!(outcome.hit_rate() >= 0.94, "{:.4} {outcome:?}", outcome.hit_rate());
    // Even if it is only fresh for a minute.
    let outcome = simulate(&rule(Duration::from_mins(1)), 64 << 20, 1, events);
    assert!(outcome.hit_rate() >= 0.94, "{:.4} {outcome:?}", outcome.hit_rate());
}

#[test]
fn a_stampede_costs_one_request() {
    let ask = Event::Ask { key: 1, bytes: 10, took: Duration::from_secs(2), lives: None };
    let after = |millis: u64| now() + Duration::from_millis(millis);
    let mut events = vec![(now(), ask)];
    events.extend((0..500).map(|place| (after(70_000 + place), ask)));
    let Outcome { requests, upstream, coalesced, .. } =
        simulate(&rule(Duration::from_mins(1)), 1 << 20, 1, events);
    assert_eq!((requests, upstream, coalesced), (501, 2, 499));
}

#[test]
fn what_changed_is_not_answered_from_before() {
    let ask = Event::Ask { key: 1, bytes: 10, took: Duration::from_secs(2), lives: None };
    let after = |millis: u64| now() + Duration::from_millis(millis);
    let events = vec![
        (now(), ask),
        (after(1_000), Event::Change { key: 1 }),
        (after(1_500), ask),
        (after(9_000), ask),
    ];
    let outcome = simulate(&rule(Duration::from_mins(1)), 1 << 20, 1, events);
    assert_eq!((outcome.upstream, outcome.coalesced, outcome.hits), (2, 0, 1));
}

#[test]
fn more_memory_never_misses_much_more() {
    let events = day(60_000, 5_000, Duration::from_millis(5), 0);
    let sizes = [100_000, 400_000, 1_600_000, 6_400_000];
    let curve = curve(&rule(DAY), &sizes, 1, || events.iter().copied());
    let rates: Vec<f64> = curve.iter().map(|(_, outcome)| outcome.hit_rate()).collect();
    assert!(rates.windows(2).all(|pair| pair[0] < pair[1] + 0.01), "{rates:?}");
    assert!(curve.iter().all(|(size, outcome)| outcome.bytes_max <= *size));
    // The same again is the same again.
    assert_eq!(simulate(&rule(DAY), 400_000, 1, events.iter().copied()), curve[1].1);
}
