//! Tests of the engine: traces settle, findings appear and stay, nothing is lost or counted twice.

mod analysis;
mod full;
mod live;
mod metrics;
mod settler;
mod shop;
mod signals;
mod watch;
