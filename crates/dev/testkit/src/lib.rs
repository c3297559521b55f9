//! What tests share: made-up traces, told tersely.

mod script;
mod traces;

pub use script::Script;
pub use traces::{TraceBuilder, connect, http, mail, own, render, statement};
