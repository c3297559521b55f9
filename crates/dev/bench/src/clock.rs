//! Time that passed and time that a processor worked, and the median of several rounds.

use std::{
    ops::{AddAssign, Sub},
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

/// A moment on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    wall: Instant,
    cpu: Duration,
}

/// Time between two readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Took {
    /// Work of this process's threads, in the kernel too.
    pub cpu: Duration,
    /// Time that passed.
    pub wall: Duration,
}

/// Median and range of the rounds of one measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The smallest one.
    pub min: f64,
    /// The largest one.
    pub max: f64,
}

impl Reading {
    /// Both clocks now.
    #[must_use]
    pub fn now() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let seconds = Duration::from_secs(cpu.tv_sec.unsigned_abs());
        Self {
            wall: Instant::now(),
            cpu: seconds + Duration::from_nanos(cpu.tv_nsec.unsigned_abs()),
        }
    }

    /// Time since then.
    #[must_use]
    pub fn took(self) -> Took {
        let now = Self::now();
        Took { cpu: now.cpu.saturating_sub(self.cpu), wall: now.wall - self.wall }
    }
}

impl AddAssign for Took {
    fn add_assign(&mut self, other: Self) {
        self.cpu += other.cpu;
        self.wall += other.wall;
    }
}

impl Sub for Took {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { cpu: self.cpu.saturating_sub(other.cpu), wall: self.wall.saturating_sub(other.wall) }
    }
}

impl Spread {
    /// Of at least one value.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            0 => f64::midpoint(at(middle.saturating_sub(1)), at(middle)),
            _ => at(middle),
        };
        Self { median, min: at(0), max: at(values.len().saturating_sub(1)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_rounds_lies_between_the_middle_ones() {
        let spread = Spread::of([4.0, 1.0, 3.0, 10.0]);
        assert_eq!(spread, Spread { median: 3.5, min: 1.0, max: 10.0 });
        assert_eq!(Spread::of([2.0]), Spread { median: 2.0, min: 2.0, max: 2.0 });
    }

    #[test]
    fn work_shows_on_both_clocks() {
        let begun = Reading::now();
        let mut sum = 0_u64;
        while begun.took().cpu < Duration::from_millis(2) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let took = begun.took();
        assert!(Duration::from_millis(2) <= took.cpu, "{took:?} {sum}");
        assert!(Duration::ZERO < took.wall, "{took:?}");
    }
}
