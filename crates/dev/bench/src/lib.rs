//! What the benchmarks share: made-up work, clocks, rounds and tables.
//!
//! Each benchmark is a program in `src/bin/`; `cargo xtask bench` builds and runs them. Processor time is told
//! beside wall time: on a machine that does other things too, it is the figure that can be compared.

pub mod advisor_tables;
pub mod children;
pub mod clickhouse;
pub mod clock;
pub mod day;
pub mod expected;
pub mod extend;
pub mod history;
pub mod live;
pub mod logs;
pub mod loopback;
pub mod machine;
pub mod made;
pub mod pages;
pub mod peer;
pub mod pipeline;
pub mod posts;
pub mod questions;
pub mod real;
pub mod recordings;
pub mod sizes;
pub mod table;
pub mod tpch;
pub mod write_costs;
