//! How often one hump is taken for two, and two are found; seeded, so that the figures stay.

use super::*;

/// Numbers from 0 to 1 (splitmix64: Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    #[expect(clippy::cast_precision_loss, reason = "53 bits")]
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let (a, b) = (self.unit().max(f64::MIN_POSITIVE), self.unit());
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }

    fn lognormal(&mut self, median_millis: f64, sigma: f64) -> u64 {
        nanos(median_millis * (sigma * self.normal()).exp())
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
fn nanos(millis: f64) -> u64 {
    (millis * 1e6) as u64
}

/// Runs in which two humps were found, of `runs`.
fn found(runs: u64, count: usize, draw: impl Fn(&mut Random) -> u64) -> u64 {
    let runs = (0..runs).filter(|run| {
        let mut random = Random(run * 1_000_003 + 17);
        let values: Vec<u64> = (0..count).map(|_| draw(&mut random)).collect();
        modes(&values).is_some()
    });
    runs.count() as u64
}

/// Counts of values and how often each is tried.
const SIZES: [(usize, u64); 6] =
    [(30, 1_000), (50, 1_000), (100, 1_000), (300, 500), (1_000, 200), (10_000, 20)];

fn stays_one(name: &str, draw: impl Fn(&mut Random) -> u64) {
    for (count, runs) in SIZES {
        let false_alarms = found(runs, count, &draw);
        assert!(false_alarms * 200 <= runs, "{name} {count}: {false_alarms} of {runs}");
    }
}

#[test]
fn lognormal_durations_are_one_hump() {
    for sigma in [0.1, 0.4, 0.8, 1.5] {
        stays_one("lognormal", |random| random.lognormal(80.0, sigma));
    }
}

#[test]
fn uniform_durations_are_one_hump() {
    stays_one("uniform", |random| nanos(200.0 * random.unit()));
    stays_one("log-uniform", |random| nanos((6.0 * random.unit()).exp()));
}

#[test]
fn exponential_durations_are_one_hump() {
    stays_one("exponential", |random| nanos(-50.0 * (1.0 - random.unit()).ln()));
    stays_one("exponential with a floor", |random| nanos(5.0 - 50.0 * (1.0 - random.unit()).ln()));
}

#[test]
fn a_long_tail_is_one_hump() {
    stays_one("pareto", |random| nanos(10.0 / (1.0 - random.unit()).powf(0.7)));
}

#[test]
fn hits_and_misses_of_a_cache_are_two() {
    for share in [0.1, 0.3, 0.5, 0.7, 0.9] {
        for (count, runs) in [(100, 200), (200, 100), (1_000, 50), (10_000, 5)] {
            let seen = found(runs, count, |random| {
                let median = if random.unit() < share { 20.0 } else { 400.0 };
                random.lognormal(median, 0.3)
            });
            // Some ten of a hundred values are at the edge of what can be told.
            let percent = if count == 100 && !(0.2..0.8).contains(&share) { 60 } else { 95 };
            assert!(seen * 100 >= runs * percent, "{share} {count}: {seen} of {runs}");
        }
    }
}

#[test]
fn the_humps_are_told_with_their_shares_and_medians() {
    let mut random = Random(7);
    let values: Vec<u64> = (0..1_000)
        .map(|_| {
            let median = if random.unit() < 0.8 { 20.0 } else { 400.0 };
            random.lognormal(median, 0.3)
        })
        .collect();
    let modes = modes(&values).unwrap();
    assert!((modes.low.share - 0.8).abs() < 0.03 && modes.low.count + modes.high.count == 1_000);
    assert!((19_000_000..21_000_000).contains(&modes.low.median));
    assert!((370_000_000..430_000_000).contains(&modes.high.median));
    assert!((50_000_000..200_000_000).contains(&modes.split));
    let below = values.iter().filter(|value| **value < modes.split).count();
    assert_eq!(below, modes.low.count);
}

#[test]
fn few_equal_or_extreme_values_are_no_humps() {
    assert_eq!(modes(&[]), None);
    assert_eq!(modes(&[5; 100]), None);
    assert_eq!(modes(&[0; 100]), None);
    assert_eq!(modes(&[u64::MAX; 100]), None);
    let apart: Vec<u64> = (0..100).map(|place| if place < 50 { 0 } else { u64::MAX }).collect();
    assert_eq!(modes(&apart).map(|modes| modes.low.count), Some(50));
}
