//! The receiver against real clients over loopback: what is acknowledged, refused, bounded, and how
//! each answer reads to its sender.

mod bounds;
mod grpc;
mod http;
mod setup;
mod signals;
mod stopping;
