//! Single requests, so that a later comparison has more than percentiles. Bounded by keeping every second one, then
//! every fourth, and so on, by their place in the schedule: which ones are kept says nothing about how long they took.

use serde::{Deserialize, Serialize};

/// Kept at most: 200,000 tell every quantile up to p99.9, and are some megabytes of JSON.
pub const SAMPLES_MAX: usize = 200_000;

/// Requests that were kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples {
    every: u64,
    kept: Vec<Sample>,
}

/// A request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Its place in the schedule.
    pub place: u64,
    /// When it was meant to start, since the beginning.
    pub start_nanos: u64,
    /// How long it took from then.
    pub took_nanos: u64,
    /// The place of its route.
    pub route: u32,
    /// It did not get the answer that it should have.
    pub failed: bool,
}

impl Default for Samples {
    fn default() -> Self {
        Self { every: 1, kept: Vec::new() }
    }
}

impl Samples {
    /// Keeps a request, if it is its turn.
    pub fn add(&mut self, sample: Sample) {
        if sample.place.is_multiple_of(self.every) {
            self.kept.push(sample);
            self.bound();
        }
    }

    /// Takes in the samples of another thread, of the same schedule.
    pub fn merge(&mut self, other: &Self) {
        self.thin(other.every);
        let every = self.every;
        self.kept.extend(other.kept.iter().filter(|sample| sample.place.is_multiple_of(every)));
        self.bound();
    }

    /// In the order of the schedule.
    #[must_use]
    pub fn sorted(mut self) -> Vec<Sample> {
        self.kept.sort_by_key(|sample| (sample.start_nanos, sample.place));
        self.kept
    }

    /// One request in so many was kept.
    #[must_use]
    pub fn every(&self) -> u64 {
        self.every
    }

    fn bound(&mut self) {
        while SAMPLES_MAX < self.kept.len() {
            self.thin(self.every * 2);
        }
    }

    fn thin(&mut self, every: u64) {
        if self.every < every {
            self.every = every;
            self.kept.retain(|sample| sample.place.is_multiple_of(every));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(place: u64) -> Sample {
        Sample { place, start_nanos: place, took_nanos: 1, route: 0, failed: false }
    }

    #[test]
    fn what_is_kept_is_bounded_and_spread_evenly() {
        let (mut even, mut odd) = (Samples::default(), Samples::default());
        for place in 0..700_000 {
            let half = if place % 2 == 0 { &mut even } else { &mut odd };
            half.add(sample(place));
        }
        assert_eq!((even.every(), odd.every()), (4, 2));
        odd.merge(&even);
        let every = odd.every();
        let kept = odd.sorted();
        assert!(kept.len() <= SAMPLES_MAX);
        assert!(kept.windows(2).all(|pair| pair[1].place - pair[0].place == every));
    }
}
