//! How much a system carries: the Universal Scalability Law fitted to what was measured, the knee, and the search for
//! the rate at which an objective breaks.

mod knee;
mod law;
mod search;

pub use knee::{KNEE_POINTS_MIN, Point, knee};
pub use law::{Fit, FitError, Law, Measured, POINTS_MIN, fit};
pub use search::{Breaking, Held, SEARCH_STEPS_MAX, Search, SearchError, Step};
