//! Queueing over recorded arrivals: how long work would have waited for one of so many servers.
//!
//! No model of arrivals or of times: they are taken as they came (Lindley's recursion for several servers, first come
//! first served). What a recording cannot tell is that those who wait less come back sooner.

use std::{cmp::Reverse, collections::BinaryHeap};

use stats::quantile;

/// A piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrival {
    /// When it came, in nanoseconds of any clock.
    pub at_nanos: u64,
    /// How long it keeps a server busy.
    pub busy_nanos: u64,
}

/// What so many servers make of it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Queued {
    /// Servers.
    pub servers: usize,
    /// Pieces of work.
    pub count: usize,
    /// Of them, those that had to wait.
    pub waited: usize,
    /// Quantiles of the wait, the many without one among them.
    pub wait_p50_nanos: u64,
    /// 95th percentile.
    pub wait_p95_nanos: u64,
    /// 99th percentile.
    pub wait_p99_nanos: u64,
    /// The longest wait.
    pub wait_max_nanos: u64,
    /// Part of the servers' time in which they were busy, 0 to 1.
    pub busy: f64,
    /// The most that waited at once.
    pub queue_max: usize,
}

/// Servers at most: each is an entry of a heap.
pub const SERVERS_MAX: usize = 100_000;

/// Lets work queue for servers.
#[must_use]
pub fn queue(arrivals: &[Arrival], servers: usize) -> Queued {
    let servers = servers.clamp(1, SERVERS_MAX);
    let mut sorted = arrivals.to_vec();
    sorted.sort_unstable();
    let mut free: BinaryHeap<Reverse<u64>> = BinaryHeap::new();
    // When those that wait are to begin: whoever begins later than now waits.
    let mut begins: BinaryHeap<Reverse<u64>> = BinaryHeap::new();
    let mut waits = Vec::with_capacity(sorted.len());
    let (mut queue_max, mut last_end, mut busy) = (0, 0, 0_u128);
    for Arrival { at_nanos, busy_nanos } in &sorted {
        let soonest = if free.len() < servers { 0 } else { free.pop().map_or(0, |Reverse(at)| at) };
        let begin = soonest.max(*at_nanos);
        let end = begin.saturating_add(*busy_nanos);
        free.push(Reverse(end));
        last_end = last_end.max(end);
        busy += u128::from(*busy_nanos);
        waits.push(begin - at_nanos);
        while begins.peek().is_some_and(|Reverse(begin)| *begin <= *at_nanos) {
            begins.pop();
        }
        if *at_nanos < begin {
            begins.push(Reverse(begin));
        }
        queue_max = queue_max.max(begins.len());
    }
    waits.sort_unstable();
    let at = |part: f64| quantile(&waits, part).unwrap_or(0);
    let length = last_end.saturating_sub(sorted.first().map_or(0, |first| first.at_nanos));
    Queued {
        servers,
        count: waits.len(),
        waited: waits.iter().filter(|wait| 0 < **wait).count(),
        wait_p50_nanos: at(0.5),
        wait_p95_nanos: at(0.95),
        wait_p99_nanos: at(0.99),
        wait_max_nanos: waits.last().copied().unwrap_or(0),
        busy: share(busy, u128::from(length) * servers as u128),
        queue_max,
    }
}

/// Servers that are busy on average: Little's law, arrivals a second times the time that each takes.
#[must_use]
pub fn busy_on_average(arrivals: &[Arrival]) -> f64 {
    let first = arrivals.iter().map(|it| it.at_nanos).min().unwrap_or(0);
    let last = arrivals.iter().map(|it| it.at_nanos.saturating_add(it.busy_nanos)).max();
    let busy: u128 = arrivals.iter().map(|it| u128::from(it.busy_nanos)).sum();
    share(busy, u128::from(last.unwrap_or(0).saturating_sub(first)))
}

/// The most that were busy at once, had there been enough servers.
#[must_use]
pub fn busy_at_most(arrivals: &[Arrival]) -> usize {
    let mut sorted = arrivals.to_vec();
    sorted.sort_unstable();
    let mut ends: BinaryHeap<Reverse<u64>> = BinaryHeap::new();
    let mut most = 0;
    for Arrival { at_nanos, busy_nanos } in sorted {
        while ends.peek().is_some_and(|Reverse(end)| *end <= at_nanos) {
            ends.pop();
        }
        if 0 < busy_nanos {
            ends.push(Reverse(at_nanos.saturating_add(busy_nanos)));
        }
        // What takes no time needs somebody all the same.
        most = most.max(ends.len() + usize::from(busy_nanos == 0));
    }
    most
}

/// The fewest servers with which 99 of 100 wait no longer than this. More servers never make anybody wait longer, so the
/// answer is found by halves.
#[must_use]
pub fn servers_for(arrivals: &[Arrival], wait_p99_nanos: u64) -> usize {
    let (mut low, mut high) = (1, busy_at_most(arrivals).clamp(1, SERVERS_MAX));
    while low < high {
        let middle = usize::midpoint(low, high);
        if queue(arrivals, middle).wait_p99_nanos <= wait_p99_nanos {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn share(part: u128, whole: u128) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Random;

    fn arrivals(pairs: &[(u64, u64)]) -> Vec<Arrival> {
        pairs
            .iter()
            .map(|(at_nanos, busy_nanos)| Arrival { at_nanos: *at_nanos, busy_nanos: *busy_nanos })
            .collect()
    }

    #[test]
    fn who_comes_while_all_are_busy_waits() {
        let work = arrivals(&[(0, 10), (1, 10), (2, 10), (30, 10)]);
        let one = queue(&work, 1);
        assert_eq!((one.waited, one.wait_max_nanos, one.queue_max), (2, 18, 2));
        let two = queue(&work, 2);
        assert_eq!((two.waited, two.wait_max_nanos, two.queue_max), (1, 8, 1));
        assert_eq!((queue(&work, 3).waited, busy_at_most(&work)), (0, 3));
        assert_eq!((servers_for(&work, 0), servers_for(&work, 8)), (3, 2));
        assert!((busy_on_average(&work) - 1.0).abs() < 1e-9, "40 of 40");
        assert_eq!(queue(&[], 4).count, 0);
    }

    #[test]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "nanoseconds")]
    fn random_arrivals_wait_as_long_as_theory_says() {
        // M/M/1 at 0.5: the mean wait is one service time, and half of all wait; p95 is ln(10) of 2 of them.
        let mut random = Random::new(3);
        let mut at = 0.0;
        let work: Vec<Arrival> = (0..200_000)
            .map(|_| {
                at += random.exponential() * 2e6;
                let busy_nanos = (random.exponential() * 1e6) as u64;
                Arrival { at_nanos: at as u64, busy_nanos }
            })
            .collect();
        let queued = queue(&work, 1);
        #[expect(clippy::cast_precision_loss, reason = "nanoseconds")]
        let p95 = queued.wait_p95_nanos as f64 / 1e6;
        assert!((p95 - 10_f64.ln() * 2.0).abs() < 0.15, "{p95}");
        assert!((queued.busy - 0.5).abs() < 0.01, "{}", queued.busy);
    }

    proptest! {
        #[test]
        fn more_servers_never_make_it_worse(
            pairs in prop::collection::vec((0_u64..1_000, 0_u64..100), 1..80),
            servers in 1_usize..10,
        ) {
            let work = arrivals(&pairs);
            let (few, many) = (queue(&work, servers), queue(&work, servers + 1));
            prop_assert!(many.wait_p99_nanos <= few.wait_p99_nanos);
            prop_assert!(many.wait_max_nanos <= few.wait_max_nanos);
            prop_assert_eq!(queue(&work, busy_at_most(&work).max(1)).waited, 0);
        }

        #[test]
        fn the_fewest_servers_suffice_and_one_less_does_not(
            pairs in prop::collection::vec((0_u64..1_000, 0_u64..100), 1..80),
            wait in 0_u64..200,
        ) {
            let work = arrivals(&pairs);
            let servers = servers_for(&work, wait);
            prop_assert!(queue(&work, servers).wait_p99_nanos <= wait);
            prop_assert!(servers == 1 || wait < queue(&work, servers - 1).wait_p99_nanos);
        }
    }
}
