//! What tests share: throwaway servers, and made-up traces, told tersely.

pub mod arbitrary;
mod database_script;
pub mod postgres;
mod script;
mod traces;

pub use database_script::{DatabaseScript, ScriptPlan};
pub use postgres::Postgres;
pub use script::Script;
pub use traces::{TraceBuilder, connect, http, mail, own, render, statement};
