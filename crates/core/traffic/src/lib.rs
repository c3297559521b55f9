//! What the gateway decides: which route and which member answer, whether a member is fit, who is
//! let in, what is tried again and when to stop trying.
//!
//! Pure: time is an argument, chance is a seed, nothing is read or sent. The same code therefore runs
//! in the gateway, in property tests and in simulations.

pub mod assets;
pub mod balance;
pub mod breaker;
pub mod cache;
pub mod canary;
pub mod capture;
pub mod chunks;
pub mod concurrency;
mod dice;
pub mod dns;
pub mod encoding;
pub mod events;
pub mod fields;
pub mod forward;
pub mod health;
pub mod hedge;
pub mod limit;
pub mod plan;
pub mod proxy_protocol;
pub mod redis;
pub mod retry;
pub mod room;
pub mod route;
pub mod telling;
pub mod timing;
pub mod token;
pub mod trace_context;
pub mod wire;

pub use dice::Dice;
