//! Made-up latencies of every kind that is known to fool a comparison.

use prove::{
    Random,
    compare::{Comparison, Question, Request, Side, Verdict, compare},
};

/// A kind of latencies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Family {
    /// Its name.
    pub(crate) name: &'static str,
    /// Requests a side.
    pub(crate) count: u32,
    /// Requests a side at which a shift by 5 % is found nine times in ten, by p50 and by p95; 0 where that would take
    /// millions.
    pub(crate) finds: [u32; 2],
    next: fn(&mut Random, &mut f64) -> f64,
}

/// Plain, heavy-tailed, two humps, hanging together, and paused now and then.
pub(crate) const FAMILIES: &[Family] = &[
    Family {
        name: "log-normal",
        count: 1_500,
        finds: [5_000, 15_000],
        next: |random, _| (0.5 * random.normal()).exp(),
    },
    Family {
        name: "heavy tail (Pareto, 1.5)",
        count: 1_500,
        finds: [5_000, 120_000],
        next: |random, _| (random.exponential() / 1.5).exp(),
    },
    Family {
        name: "two humps",
        count: 1_500,
        finds: [5_000, 5_000],
        next: |random, _| {
            let hump = if random.unit() < 0.3 { 8.0 } else { 1.0 };
            hump * (0.2 * random.normal()).exp()
        },
    },
    Family {
        name: "hanging together (0.9)",
        count: 6_000,
        finds: [60_000, 60_000],
        next: |random, last| {
            *last = 0.9 * *last + 0.436 * random.normal();
            (0.3 * *last).exp()
        },
    },
    Family {
        name: "pauses",
        count: 6_000,
        finds: [5_000, 0],
        next: |random, left| {
            // A pause once in 400 requests that those meanwhile wait for.
            *left = if random.unit() < 0.002_5 { 20.0 } else { (*left - 1.0).max(0.0) };
            (0.3 * random.normal()).exp() + *left
        },
    },
];

impl Family {
    /// A side of this many requests, each `factor` times as long.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some milliseconds"
    )]
    pub(crate) fn side(&self, random: &mut Random, count: u32, factor: f64) -> Side {
        let mut memory = random.normal();
        let mut one = |start: u32| Request {
            start_nanos: u64::from(start) * 1_000_000,
            took_nanos: ((self.next)(random, &mut memory) * factor * 10e6) as u64,
            route: 0,
            failed: false,
        };
        let requests = (0..count).map(&mut one).collect();
        Side { routes: vec!["/".to_owned()], requests, ..Side::default() }
    }

    /// Compares two made-up sides, the second one `factor` times as slow.
    pub(crate) fn compared(&self, seed: u64, count: u32, factor: f64, quantile: f64) -> Comparison {
        let mut random = Random::new(seed);
        let before = self.side(&mut random, count, 1.0);
        let after = self.side(&mut random, count, factor);
        compare(&before, &after, &Question { quantile, seed, ..Question::default() })
    }

    /// Of so many trials, the share in which a difference was claimed, and the share in which there was an interval.
    #[expect(clippy::cast_precision_loss, reason = "some thousand trials")]
    pub(crate) fn claims(&self, trials: u64, count: u32, factor: f64, quantile: f64) -> (f64, f64) {
        let (mut claimed, mut told) = (0_u64, 0_u64);
        for seed in 0..trials {
            let seen = self.compared(seed * 2 + 1, count, factor, quantile);
            let wanted = [Verdict::Better, Verdict::Worse];
            claimed += u64::from(wanted.contains(&seen.verdict));
            let told_here = seen.quantiles.iter().any(|change| {
                (change.quantile - quantile).abs() < 1e-9 && change.relative.is_some()
            });
            told += u64::from(told_here);
        }
        (claimed as f64 / trials as f64, told as f64 / trials as f64)
    }
}
