//! What is done with databases: watching one, finding what is wrong in it, changing it.

pub mod fix;
mod standing;

pub use standing::{DatabaseStanding, History, PlanSeen, WatchState};
