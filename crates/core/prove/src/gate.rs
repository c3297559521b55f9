//! The gate: what endpoints did in a test run, against budgets and against what they did before.
//!
//! Counts decide by the request that had most of them, since a test runs the same requests each time. Times decide only
//! where their intervals lie apart: a test machine is busy at times, and a gate that cries wolf is switched off.

mod baseline;
mod judge;
mod pattern;

use std::collections::{BTreeMap, BTreeSet};

use model::{CodeLocation, FindingId, Level, OperationKey, TraceId};
use stats::Interval;

pub use baseline::{Baseline, KEPT_QUANTILES, Kept, KeptTime};
pub use judge::judge;
pub use pattern::Pattern;

/// Endpoints of a run at most; more are names with ids in them.
pub const ENDPOINTS_MAX: usize = 10_000;

/// What a test run did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Run {
    /// Its endpoints, sorted by name, each once.
    pub endpoints: Vec<Endpoint>,
    /// What detectors found in it.
    pub found: Vec<Found>,
}

/// What one endpoint did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Endpoint {
    /// Which; `None` only in [`Default`].
    pub key: Option<OperationKey>,
    /// Requests of it.
    pub requests: u64,
    /// Statements of the request that ran most.
    pub queries: u64,
    /// Runs of one statement, with whatever parameters, in the request that ran one most often.
    pub repeats: u64,
    /// Runs of a statement with parameters that it had before in the same request, in the request with most of them.
    pub duplicates: u64,
    /// How long each request took, ascending.
    pub durations_nanos: Vec<u64>,
    /// The largest answer, where spans tell sizes.
    pub bytes: Option<u64>,
    /// Statements, by fingerprint.
    pub shapes: BTreeMap<u64, Shape>,
    /// Where in the code it is answered, if spans tell.
    pub place: Option<CodeLocation>,
}

/// A statement of an endpoint.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shape {
    /// Without literals.
    pub text: String,
    /// Runs in the request that ran it most often.
    pub runs: u64,
    /// Runs with parameters that it had before, in the request with most of them.
    pub duplicates: u64,
    /// The longest run.
    pub longest_nanos: u64,
    /// Where in the code it is run, if spans tell.
    pub place: Option<CodeLocation>,
    /// The trace of the request that ran it most often.
    pub trace_id: TraceId,
}

/// A fault that a detector found in the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub key: OperationKey,
    /// Name of the detector.
    pub fault: String,
    /// How bad it is.
    pub level: Level,
    /// The finding.
    pub id: FindingId,
}

/// What is measured of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Statements of a request.
    Queries,
    /// Runs of one statement in a request.
    Repeats,
    /// Runs with parameters that came before in the same request.
    Duplicates,
    /// Statements that the baseline does not have.
    NewStatements,
    /// The longest run of a statement, in nanoseconds.
    Statement,
    /// The median of requests, in nanoseconds.
    P50,
    /// Their 95th percentile.
    P95,
    /// Their 99th percentile.
    P99,
    /// The longest request, in nanoseconds.
    Slowest,
    /// The largest answer, in bytes.
    Bytes,
}

impl Measure {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 10] = [
        Self::Queries,
        Self::Repeats,
        Self::Duplicates,
        Self::NewStatements,
        Self::Statement,
        Self::P50,
        Self::P95,
        Self::P99,
        Self::Slowest,
        Self::Bytes,
    ];

    /// As settings and reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queries => "queries",
            Self::Repeats => "repeats",
            Self::Duplicates => "duplicates",
            Self::NewStatements => "new-statements",
            Self::Statement => "statement",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Slowest => "slowest",
            Self::Bytes => "bytes",
        }
    }

    /// Its quantile, if it is one of the requests' times.
    #[must_use]
    pub fn quantile(self) -> Option<f64> {
        match self {
            Self::P50 => Some(0.5),
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
            Self::Slowest => Some(1.0),
            _ => None,
        }
    }

    /// Whether it is a time in nanoseconds.
    #[must_use]
    pub fn is_time(self) -> bool {
        self == Self::Statement || self.quantile().is_some()
    }
}

/// What an endpoint may do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Budget {
    /// Endpoints that it is for.
    pub endpoint: Pattern,
    /// Their service; any if `None`.
    pub service: Option<Pattern>,
    /// At most so much of each: counts, nanoseconds, bytes.
    pub limits: BTreeMap<Measure, u64>,
}

/// What decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Of the budgets that fit an endpoint the first one that names a measure decides about it.
    pub budgets: Vec<Budget>,
    /// Faults that must not be there, whatever their level.
    pub refuse: BTreeSet<String>,
    /// Any fault of this level or above must not be there either.
    pub level: Option<Level>,
    /// So much more than the baseline is no breach, as a part of it: 0.2.
    pub more: f64,
    /// A quantile may be so much above the baseline's, as a part of it; `None` compares no times.
    pub slower: Option<f64>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            budgets: Vec::new(),
            refuse: BTreeSet::new(),
            level: None,
            more: 0.2,
            slower: Some(0.2),
        }
    }
}

/// What a check was made by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// The budget at this place of [`Rules::budgets`].
    Budget(usize),
    /// The baseline.
    Baseline,
    /// A fault that must not be there.
    Fault {
        /// Name of the detector.
        fault: String,
        /// The finding.
        id: FindingId,
    },
    /// No fault was found that must not be there.
    NoFault,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The endpoint.
    pub key: OperationKey,
    /// By what.
    pub rule: Rule,
    /// What was measured; of a fault nothing is.
    pub measure: Option<Measure>,
    /// How much it was.
    pub measured: f64,
    /// Where that lies with 95 %, for quantiles against a baseline.
    pub interval: Option<Interval>,
    /// What the baseline has.
    pub before: Option<f64>,
    /// Where that lies with 95 %.
    pub before_interval: Option<Interval>,
    /// The most that it may be.
    pub allowed: f64,
    /// Whether it is more.
    pub broke: bool,
    /// Fingerprints of the statements that it is about, those first that have most of it.
    pub statements: Vec<u64>,
}

/// Something to know that decides nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// The budget at this place fits no endpoint of the run.
    Idle {
        /// Its place.
        budget: usize,
    },
    /// An endpoint that the baseline does not have.
    NewEndpoint(OperationKey),
    /// An endpoint of the baseline that the run does not have.
    GoneEndpoint(OperationKey),
    /// Statements that the baseline does not have, where no budget limits them.
    NewStatements {
        /// Where.
        key: OperationKey,
        /// Their fingerprints.
        statements: Vec<u64>,
    },
    /// A budget limits what the spans do not tell.
    Untold {
        /// Where.
        key: OperationKey,
        /// What.
        measure: Measure,
    },
    /// Times that cannot be compared: too few requests for an interval.
    TooFew {
        /// Endpoints that it is so for.
        endpoints: usize,
    },
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verdict {
    /// Everything that was checked, by endpoint.
    pub checks: Vec<Check>,
    /// What else there is to know, sorted.
    pub notes: Vec<Note>,
}

impl Verdict {
    /// What broke.
    pub fn broken(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.broke)
    }

    /// Nothing broke.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.broken().next().is_none()
    }
}

#[cfg(test)]
mod tests;
