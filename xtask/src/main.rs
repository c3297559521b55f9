//! Everything a developer runs: `cargo xtask help`.
//!
//! One table of commands. Each says what it does and how long it took, a line per step on stderr; what was
//! asked for goes to stdout. Whatever a command starts is ended before it returns.

mod args;
mod bench;
mod caching;
mod causes;
mod clickhouse;
mod closing;
mod commands;
mod demo;
mod docs;
mod failure;
mod findings;
mod fronts;
mod ground;
mod hash;
mod linger;
mod lint;
mod live;
mod pairs;
mod score;
mod screen;
mod servers;
mod service;
mod setup;
mod shell;
mod sides;
mod test;
mod tools;
mod web;

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::run(std::env::args().skip(1).collect())
}
