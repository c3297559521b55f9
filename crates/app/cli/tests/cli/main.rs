//! The real binary, run as somebody in a shell runs it.

mod board;
mod cache;
mod check;
mod database;
mod faults;
mod find;
mod fix;
mod fix_gateway;
mod fix_rehearse;
mod kit;
mod ledger;
mod load;
mod log;
mod manual;
mod plan;
mod profile;
mod prove;
mod query;
mod replay;
mod reports;
mod schema;
mod store;
mod trace;
mod troubles;
mod up;
mod what_if;
