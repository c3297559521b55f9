//! Durations counted in fixed classes by any number of threads at once, for figures about Taut itself.
//!
//! No lock: an addition is two atomic ones. A [`crate::Sketch`] is finer, but it grows and has one owner.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Upper ends of the classes, in microseconds, ascending: from a write that stays in memory to a request that nobody
/// waits for any more. What is longer is in a class of its own.
pub const TIMING_BOUNDS_MICROS: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

const CLASSES: usize = TIMING_BOUNDS_MICROS.len() + 1;

/// Durations, counted.
#[derive(Debug, Default)]
pub struct Timings {
    classes: [AtomicU64; CLASSES],
    nanos: AtomicU64,
}

/// The same at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimingsSeen {
    /// How many fell into each class: above the bound before it, up to and with its own.
    pub classes: [u64; CLASSES],
    /// Their sum.
    pub sum: Duration,
}

impl Timings {
    /// Counts a duration.
    pub fn add(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_nanos().div_ceil(1_000)).unwrap_or(u64::MAX);
        let class = TIMING_BOUNDS_MICROS.partition_point(|bound| *bound < micros);
        self.classes[class].fetch_add(1, Relaxed);
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Relaxed);
    }

    /// What was counted so far. It is read one after the other, so a duration may be in one figure and not yet in
    /// the other.
    #[must_use]
    pub fn seen(&self) -> TimingsSeen {
        TimingsSeen {
            classes: std::array::from_fn(|class| self.classes[class].load(Relaxed)),
            sum: Duration::from_nanos(self.nanos.load(Relaxed)),
        }
    }
}

impl TimingsSeen {
    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.classes.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_duration_is_in_the_one_class_that_holds_it(nanos in 0_u64..20_000_000_000) {
            let timings = Timings::default();
            timings.add(Duration::from_nanos(nanos));
            let seen = timings.seen();
            prop_assert_eq!((seen.count(), seen.sum), (1, Duration::from_nanos(nanos)));
            let class = seen.classes.iter().position(|count| *count == 1).unwrap();
            if let Some(bound) = TIMING_BOUNDS_MICROS.get(class) {
                prop_assert!(nanos <= bound * 1_000);
            }
            if let Some(below) = class.checked_sub(1) {
                prop_assert!(TIMING_BOUNDS_MICROS[below] * 1_000 < nanos);
            }
        }
    }
}
