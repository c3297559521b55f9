//! What the gateway decides: which route and which member answer, whether a member is fit, who is
//! let in, what is tried again and when to stop trying.
//!
//! Pure: time is an argument, chance is a seed, nothing is read or sent. The same code therefore runs
//! in the gateway, in property tests and in simulations.

pub mod balance;
pub mod breaker;
pub mod cache;
pub mod capture;
pub mod chunks;
pub mod concurrency;
mod dice;
pub mod encoding;
pub mod fields;
pub mod forward;
pub mod health;
pub mod limit;
pub mod plan;
pub mod retry;
pub mod route;
pub mod telling;
pub mod timing;
pub mod trace_context;

pub use dice::Dice;
