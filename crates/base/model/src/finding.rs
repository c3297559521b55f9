//! Findings: what is wrong, where, how often, and what it costs.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use crate::{
    Advice, Basis, CodeLocation, DroppedIndex, Framework, Language, Moment, ProposedIndex, SpanId,
    StatementText, Text, TraceId, database::TableName,
};

/// One request in which one fault was seen, as its detector reports it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// Name of the detector: `n-plus-one`.
    pub fault: &'static str,
    /// Where.
    pub operation: OperationKey,
    /// The trace that shows it.
    pub trace_id: TraceId,
    /// The entry span of the request.
    pub request_span_id: SpanId,
    /// When the request began.
    pub time: Moment,
    /// What makes two sightings the same finding, beside fault and operation: fingerprints, hosts,
    /// routes; never anything that differs from one request to the next.
    pub cause: String,
    /// The claim, in one sentence that holds for every sighting of this cause, such as
    /// `customers are fetched one by one`.
    pub claim: String,
    /// What shows it.
    pub evidence: Evidence,
    /// Calls that do the work now: statements for database faults, remote calls for others.
    pub calls_now: u32,
    /// Calls that would do it after the remedy.
    pub calls_after: u32,
    /// How long the request took.
    pub duration: Duration,
    /// What the remedy would take off the request's critical path.
    pub saved: Duration,
    /// Database time that the remedy would spare, on the critical path or off it.
    pub saved_database: Duration,
}

/// What shows a fault.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    /// Which database ran the statements, as in [`crate::Statement::system`]; empty if none or unknown.
    pub system: Text,
    /// The statement at fault.
    pub statement: Option<Arc<StatementText>>,
    /// The statement that came before it and caused it: the list whose rows are fetched one by one.
    pub source: Option<Arc<StatementText>>,
    /// Other statements of the same fault.
    pub related: Vec<Arc<StatementText>>,
    /// The remote endpoint at fault: `GET api.example.com/customers/{id}`.
    pub endpoint: Option<Text>,
    /// Some of the spans at fault, in order of time; at most 20.
    pub spans: Vec<SpanId>,
    /// Where in the code: the nearest place outside of libraries that the spans tell.
    pub code: Option<CodeLocation>,
    /// Lines of an excerpt of the trace, as people read it: `SELECT customers … x 60, 3.1 ms each`.
    pub excerpt: Vec<String>,
    /// An attribute and its value that tell the requests at fault from the others.
    pub attribute: Option<(Text, Text)>,
    /// What in the database is at fault, for faults that its statistics and catalogs show.
    pub database: Option<Box<DatabaseEvidence>>,
}

/// What in a database is at fault.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DatabaseEvidence {
    /// Name of the database.
    pub database: Text,
    /// The table.
    pub table: Option<TableName>,
    /// The index, unqualified.
    pub index: Option<Text>,
    /// `queryid` of the statement; 0 if there is none.
    pub query_id: i64,
    /// What was measured: label and figure with its unit, in the order in which to read them.
    pub figures: Vec<(Text, String)>,
    /// Indexes that would answer it, chosen for the whole workload.
    pub proposed: Vec<ProposedIndex>,
    /// Indexes that should go.
    pub dropped: Vec<DroppedIndex>,
    /// A plan that shows it, as `EXPLAIN` prints it; empty if there is none.
    pub plan: String,
    /// What changes a setting, a table or a statement instead: SQL to run, as the detector knows it.
    pub sql: Vec<String>,
    /// What takes `sql` back, where that is possible.
    pub revert: Vec<String>,
    /// The statement at fault as the server normalised it, with `$1` for constants; empty if there is none.
    pub generic: Text,
    /// Columns of the table with their mean width in bytes, in its order; empty where they do not matter.
    pub columns: Vec<(Text, u32)>,
    /// Names of the columns that identify a row of the table; empty where that does not matter.
    pub key: Vec<Text>,
    /// Settings that evidence speaks against.
    pub settings: Vec<SettingChange>,
    /// Operations that run the statement, with their share of its time, the largest first.
    pub routes: Vec<(OperationKey, f64)>,
    /// How figures about what does not exist yet came about.
    pub basis: Basis,
}

/// A setting, and what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SettingChange {
    /// Its name: `work_mem`.
    pub name: Text,
    /// Its value now, as `SHOW` prints it.
    pub now: Text,
    /// The value to be.
    pub then: Text,
    /// What it takes, as `pg_settings.context` says: `postmaster` a restart, `sighup` a reload, `user` neither.
    pub context: Text,
    /// It is not set in a file, so that taking it back is resetting it.
    pub default: bool,
}

/// Where something happens: an operation of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationKey {
    /// `service.name`.
    pub service: Arc<str>,
    /// `GET /api/orders/`.
    pub operation: Arc<str>,
}

/// Identity of a finding: equal from run to run for the same fault, place and cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingId(pub u64);

impl fmt::Display for FindingId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:016x}", self.0)
    }
}

/// All sightings of one fault of one cause in one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Its identity.
    pub id: FindingId,
    /// Name of the detector.
    pub fault: &'static str,
    /// Where.
    pub operation: OperationKey,
    /// The claim in one sentence.
    pub claim: String,
    /// What its worst sighting showed.
    pub evidence: Evidence,
    /// Languages of the service.
    pub language: Option<Language>,
    /// Frameworks of the service.
    pub frameworks: BTreeSet<Framework>,
    /// Requests in which it was seen.
    pub sightings: u64,
    /// Requests of the operation in the same time, with the fault or without.
    pub requests: u64,
    /// Begin of the first request in which it was seen.
    pub first_seen: Moment,
    /// Begin of the last request in which it was seen.
    pub last_seen: Moment,
    /// Calls at fault in the median sighting.
    pub calls_now: u32,
    /// Calls that would remain.
    pub calls_after: u32,
    /// Statements of the whole request, median over the sightings.
    pub statements_now: u32,
    /// Statements of the whole request once the remedy works.
    pub statements_after: u32,
    /// Time of the requests at fault, 95th percentile.
    pub duration_now: Duration,
    /// The same once the remedy works.
    pub duration_after: Duration,
    /// What it costs.
    pub impact: Impact,
    /// How bad it is.
    pub level: Level,
    /// What the remedy takes.
    pub effort: Effort,
    /// Traces that show it, slowest first; at most 10.
    pub examples: Vec<Example>,
    /// What to do, best first.
    pub advice: Vec<Advice>,
}

/// A request that shows a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its entry span.
    pub span_id: SpanId,
    /// When it began.
    pub time: Moment,
    /// How long it took.
    pub duration: Duration,
    /// What the remedy would take off it.
    pub saved: Duration,
}

/// What a fault costs at the rate at which it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Impact {
    /// Requests at fault a day, extrapolated from the window.
    pub requests_per_day: f64,
    /// Time that its users wait in vain, in hours a day.
    pub user_hours_per_day: f64,
    /// Time that its database works in vain, in hours a day.
    pub database_hours_per_day: f64,
    /// Mean time that the remedy takes off a request at fault, in seconds.
    pub saved_seconds: f64,
    /// Half the width of the 95 % interval of `saved_seconds`.
    pub saved_seconds_error: f64,
    /// Share of the time of all database statements that would be spared, 0 to 1.
    pub database_share: f64,
    /// Share of the time of all requests that would be spared, 0 to 1: what workers are held for.
    pub worker_share: f64,
}

/// How bad a finding is, by user-hours a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Below 15 minutes a day.
    Low,
    /// From 15 minutes a day.
    Medium,
    /// From 1 hour a day.
    High,
    /// From 4 hours a day.
    Critical,
}

/// What a remedy takes, in person-days.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Effort {
    /// Person-days for somebody who knows the code.
    pub days: f64,
}
