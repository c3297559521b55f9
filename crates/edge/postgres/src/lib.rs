//! PostgreSQL as Taut meets it: statistics, catalogs, plans, what-if, rehearsals and index builds.
//!
//! Everything that reads does so in small steps under `statement_timeout` and `lock_timeout`, in read-only
//! transactions; what changes anything is in `apply` alone.

pub mod apply;
mod calibrate;
pub mod clone;
mod connect;
mod delta;
mod explain;
mod plain;
mod planning;
mod poll;
mod read;
pub mod rehearse;
mod whatif;

pub use calibrate::{CalibrateError, CalibrateOptions, calibrate, sampled_combinations};
pub use connect::{ConnectError, Connection, Environment, Limits, Target, connect, connect_asking};
pub use plain::PlainPlans;
pub use planning::WhatIfError;
pub use poll::{Poll, PollOptions, Poller};
pub use read::{
    OLDEST, RIGHTS, ReadError, ReadOptions, Right, read_database, standby_scans, tell_standby_scans,
};
pub use whatif::WhatIf;
