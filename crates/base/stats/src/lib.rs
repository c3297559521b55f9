//! Latency sketches, quantiles, intervals, modes, and call trees merged by path.
//!
//! One rank rule everywhere: the quantile `q` of `n` values is the value of rank `ceil(q * n)`, counted
//! from 1 (nearest rank), so that it is a value that was seen.

mod difference;
mod interval;
mod modes;
mod quantile;
mod sketch;
mod spread;
mod timings;
pub mod tree;

pub use difference::{Mean, difference, sum_of_differences};
pub use interval::{Interval, mean_interval, quantile_interval};
pub use modes::{Hump, Modes, modes};
pub use quantile::{QUANTILES, quantile, rank};
pub use sketch::{EXACT_COUNT_MAX, RELATIVE_ERROR, Sketch};
pub use spread::{Spread, SpreadParts};
pub use timings::{TIMING_BOUNDS_MICROS, Timings, TimingsSeen};
