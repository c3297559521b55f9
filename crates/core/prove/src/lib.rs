//! Stage 4, prove: when requests of a load test start, whether two samples differ, how much a system can carry, and
//! whether a test run stays within its budgets.
//!
//! Pure and seeded: whoever drives it has the clock and the sockets. The same seed gives the same schedule and the
//! same intervals.

pub mod capacity;
pub mod compare;
pub mod gate;
mod normal;
mod random;
pub mod replay;
pub mod schedule;
pub mod simulate;

pub use random::Random;
