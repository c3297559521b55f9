//! Findings on the wire.

mod convert;
mod totals;

use serde::Serialize;
use utoipa::ToSchema;

pub use totals::Totals;

use super::{Change, DatabaseEvidence, DatabaseReport, FindingProgress, Window};

/// All findings, ranked, as the command line prints them with `--json`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Report {
    /// Version of the binary.
    pub version: String,
    /// What all of them cost.
    pub totals: Totals,
    /// What to fix first comes first.
    pub findings: Vec<Finding>,
    /// The database that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseReport>,
}

impl Report {
    /// With the database that was looked at beside, or alone.
    #[must_use]
    pub fn with_database(mut self, found: Option<&engine::database::DatabaseFound>) -> Self {
        self.database = found.map(DatabaseReport::from);
        self
    }

    /// A report of `findings` in the order given.
    #[must_use]
    pub fn new<'a>(version: &str, findings: impl IntoIterator<Item = &'a model::Finding>) -> Self {
        let findings: Vec<Finding> = findings.into_iter().map(Finding::from).collect();
        let totals = Totals::of(&findings);
        Self { version: version.to_owned(), totals, findings, database: None }
    }
}

/// Findings that passed a filter.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Findings {
    /// From the first request looked at to the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<Window>,
    /// Requests looked at.
    pub requests: u64,
    /// What those that passed cost.
    pub totals: Totals,
    /// Those that passed; what to fix first comes first.
    pub findings: Vec<Finding>,
    /// Services among all findings.
    pub services: Vec<Facet>,
    /// Faults among all findings.
    pub faults: Vec<Facet>,
    /// Levels among all findings.
    pub levels: Vec<Facet>,
    /// Where findings stand, among all.
    pub states: Vec<Facet>,
    /// Where those that passed stand, as far as anybody has said anything; the others are new.
    pub progress: Vec<FindingProgress>,
}

/// A value to filter by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Facet {
    /// The value.
    pub value: String,
    /// Findings with it.
    pub count: usize,
}

/// One fault of one cause in one place.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Finding {
    /// Its identity, equal from run to run.
    pub id: String,
    /// Name of the detector: `n-plus-one`.
    pub fault: String,
    /// How bad it is.
    pub level: Level,
    /// `service.name`.
    pub service: String,
    /// Such as `GET /api/orders/`.
    pub operation: String,
    /// What is wrong, in one sentence.
    pub claim: String,
    /// What shows it.
    pub evidence: Evidence,
    /// Language of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Frameworks of the service.
    pub frameworks: Vec<String>,
    /// Requests in which it was seen.
    pub sightings: u64,
    /// Requests of the operation in the same time.
    pub requests: u64,
    /// When the first request with it began.
    pub first_seen_unix_ms: u64,
    /// When the last request with it began.
    pub last_seen_unix_ms: u64,
    /// Calls at fault in the median sighting.
    pub calls_now: u32,
    /// Calls that would remain.
    pub calls_after: u32,
    /// Statements of the whole request, median.
    pub statements_now: u32,
    /// Statements of the whole request after the remedy.
    pub statements_after: u32,
    /// Time of the requests at fault, 95th percentile.
    pub duration_now_micros: f64,
    /// The same after the remedy.
    pub duration_after_micros: f64,
    /// What it costs.
    pub impact: Impact,
    /// What the remedy takes, in person-days.
    pub effort_days: f64,
    /// Traces that show it, slowest first.
    pub examples: Vec<Example>,
    /// What to do, best first.
    pub advice: Vec<Advice>,
}

/// A finding, and why its fault hurts.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FindingDetail {
    /// The finding.
    pub finding: Finding,
    /// The fault as a heading.
    pub fault_title: String,
    /// The detector's manual page in Markdown.
    pub fault_doc: String,
    /// Place in the ranking, from 1.
    pub rank: usize,
    /// Findings in the ranking.
    pub ranked: usize,
    /// Where it stands, and how it came there.
    pub progress: FindingProgress,
}

/// How bad a finding is, by user-hours a day.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
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

impl Level {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What shows a fault.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Evidence {
    /// The statement at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<Statement>,
    /// The statement whose rows caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Statement>,
    /// Other statements of the same fault.
    pub related: Vec<Statement>,
    /// The remote endpoint at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Some of the spans at fault, in order of time.
    pub span_ids: Vec<String>,
    /// Where in the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeLocation>,
    /// Lines of an excerpt of the trace, as people read it.
    pub excerpt: Vec<String>,
    /// An attribute and its value that tell the requests at fault from the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute: Option<Attribute>,
    /// What in the database is at fault, where its statistics or catalogs show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseEvidence>,
}

/// A statement without its literals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Statement {
    /// Hash of its shape.
    pub fingerprint: String,
    /// One line, literals and parameters as `?`.
    pub text: String,
    /// What it does: `select`.
    pub kind: String,
    /// Tables that it names.
    pub tables: Vec<String>,
    /// The exporter cut it.
    pub truncated: bool,
}

/// A place in the application's code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CodeLocation {
    /// Qualified name of the function; empty if unknown.
    pub function: String,
    /// Path of the file; empty if unknown.
    pub file: String,
    /// Line, from 1; 0 if unknown.
    pub line: u32,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Attribute {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// What a fault costs at the rate at which it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Impact {
    /// Requests at fault a day.
    pub requests_per_day: f64,
    /// Time that users wait in vain, in hours a day.
    pub user_hours_per_day: f64,
    /// Time that the database works in vain, in hours a day.
    pub database_hours_per_day: f64,
    /// Mean time that the remedy takes off a request at fault.
    pub saved_micros: f64,
    /// Half the width of its 95 % interval.
    pub saved_error_micros: f64,
    /// Share of the time of all database statements that would be spared, 0 to 1; 0 where sessions wait, which is no work.
    pub database_share: f64,
    /// Share of the time of all requests that would be spared, 0 to 1.
    pub worker_share: f64,
}

/// A request that shows a finding.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Example {
    /// Its trace.
    pub trace_id: String,
    /// Its entry span.
    pub span_id: String,
    /// When it began.
    pub start_unix_ms: u64,
    /// How long it took.
    pub duration_micros: f64,
    /// What the remedy would take off it.
    pub saved_micros: f64,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Advice {
    /// Name of the remedy: `eager-load`.
    pub remedy: String,
    /// An imperative in one sentence.
    pub text: String,
    /// Code or SQL to copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snippet: Option<Snippet>,
    /// What `taut fix` can do itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// What the gateway can do, which `taut fix` writes into its settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayChange>,
    /// How to prove that it worked: `query-count`.
    pub proofs: Vec<String>,
}

/// A change of the gateway's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GatewayChange {
    /// Name of the remedy: `cache-route`.
    pub remedy: String,
    /// What it is set on: `route`, `service`, or `host` for the service that has this host among its members.
    pub on: String,
    /// That host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The method of the operation.
    pub method: String,
    /// Its paths as a route names them.
    pub paths: String,
    /// A path such as its requests have.
    pub example: String,
    /// What is set.
    pub settings: Vec<GatewaySetting>,
    /// Why.
    pub reason: String,
}

/// A key of the gateway's settings, and its value as the file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GatewaySetting {
    /// The key: `cache`.
    pub key: String,
    /// Its value: `{ ttl = "1m" }`.
    pub value: String,
}

/// Code or SQL to copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Snippet {
    /// What it is written in, as Markdown names it.
    pub language: String,
    /// The code.
    pub code: String,
}
