//! What tests share: throwaway servers, and made-up traces, told tersely.

pub mod arbitrary;
pub mod clickhouse;
mod database_script;
#[cfg(feature = "objects")]
pub mod objects;
pub mod postgres;
pub mod redis;
mod script;
mod traces;

pub use clickhouse::ClickHouse;
pub use database_script::{DatabaseScript, ScriptPlan};
pub use postgres::Postgres;
pub use redis::Redis;
pub use script::Script;
pub use traces::{TraceBuilder, connect, http, mail, own, render, statement};
