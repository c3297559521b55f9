//! What answers each path of the API.

pub(crate) mod databases;
pub(crate) mod detectors;
pub(crate) mod exports;
pub(crate) mod findings;
pub(crate) mod flames;
pub(crate) mod gateway;
pub(crate) mod health;
pub(crate) mod ledger;
pub(crate) mod metrics;
pub(crate) mod objects;
pub(crate) mod opened;
pub(crate) mod operations;
pub(crate) mod overview;
pub(crate) mod plans;
pub(crate) mod profiles;
pub(crate) mod proofs;
pub(crate) mod questions;
pub(crate) mod runs;
pub(crate) mod signals;
pub(crate) mod sql;
pub(crate) mod status;
pub(crate) mod traces;
pub(crate) mod views;

/// Most rows of an answer, whatever is asked for: more than anybody reads, few enough to draw.
const ROWS_MAX: usize = 500;
