//! The load generator: requests that start when they are meant to, whatever the server does.
//!
//! Open model: latency counts from the intended start, so that requests which a slow server keeps from being sent are
//! slow, too (no coordinated omission). Closed model: users who wait for their answers and think. Each thread has a
//! runtime of its own and shares nothing until it is done; what it needs is bounded.

mod capture;
mod clock;
mod connection;
mod export;
mod goal;
mod hlog;
mod limit;
mod outcome;
mod record;
mod recorded;
mod replay;
mod response;
mod run;
mod samples;
mod scenario;
mod session;
mod sum;
mod target;
mod text;
mod tls;
mod two;

pub use crate::capture::{CaptureError, Captured, EXCHANGES_MAX};
pub use export::{Engine, Exported, Script, export};
pub use goal::{Figure, Goal, GoalError, Judged, judge};
pub use hlog::{Latencies, read_hlog, write_hlog};
pub use limit::{Limit, LimitError, Rung, find_limit};
pub use outcome::{FILE_BYTES_MAX, FORMAT, Interval, Lateness, Outcome, RouteOutcome, Spread};
pub use recorded::Made;
pub use replay::{Replay, Replayed, Writes, replay};
pub use run::{CONNECTIONS_MAX, Http, Model, Plan, RunError, STREAMS_MAX, THREADS_MAX, Tick, run};
pub use samples::{SAMPLES_MAX, Sample, Samples};
pub use scenario::{Check, Extract, Flow, Method, Scenario, ScenarioError, Step, think};
pub use sum::{ADDED_MAX, SumError, add_up};
pub use target::{Place, Target, TargetError};
pub use text::{duration, length};
pub use tls::Believes;
