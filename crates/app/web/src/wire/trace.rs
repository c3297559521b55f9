//! A trace on the wire: what a waterfall needs; what else is known of a span is asked for one by one.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Breakdown, GroupKind};

/// A trace in tree order.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Trace {
    /// Its identity.
    pub id: String,
    /// When its first span began.
    pub start_unix_micros: u64,
    /// From the begin of its first span to the end of its last.
    pub duration_micros: f64,
    /// Operation of its first request, or the name of its first span.
    pub operation: String,
    /// Service of its first span.
    pub service: String,
    /// Spans that failed.
    pub failed: usize,
    /// Database statements.
    pub statements_count: usize,
    /// Where the time went, on the critical path.
    pub breakdown: Breakdown,
    /// What was odd, and what was made of it.
    pub notes: Vec<String>,
    /// Services, in order of appearance.
    pub services: Vec<String>,
    /// Parents before children, siblings by start.
    pub nodes: Vec<TraceNode>,
    /// Siblings that did the same, three or more of them.
    pub folds: Vec<Fold>,
    /// Statements by shape, by total time.
    pub statements: Vec<TraceStatement>,
}

/// A span in the tree.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TraceNode {
    /// Its identity.
    pub span_id: String,
    /// Place of its parent in `nodes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<usize>,
    /// Steps from the root, which has 0.
    pub depth: u32,
    /// Place after the last node below this one.
    pub subtree_end: usize,
    /// Place of the request that it serves.
    pub entry: usize,
    /// Place of its service in `services`.
    pub service: usize,
    /// What kind of work.
    pub kind: GroupKind,
    /// What it did, in a few words.
    pub label: String,
    /// From the begin of the trace to its own.
    pub offset_micros: f64,
    /// How long it took.
    pub duration_micros: f64,
    /// Time in itself while somebody waited for it.
    pub critical_own_micros: f64,
    /// Time in itself or below it while somebody waited for it.
    pub critical_micros: f64,
    /// It failed.
    pub failed: bool,
    /// It tells the same as its parent: the driver's span below the ORM's.
    pub double: bool,
    /// It never came; others name it as their parent.
    pub missing: bool,
    /// Spans that it stands for.
    pub count: u32,
    /// Place of its fold in `folds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold: Option<usize>,
}

/// Siblings that did the same.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Fold {
    /// What they did, in a few words.
    pub label: String,
    /// What kind of work.
    pub kind: GroupKind,
    /// How many.
    pub count: u64,
    /// Their durations added up.
    pub total_micros: f64,
    /// Time in them or below them while somebody waited.
    pub critical_micros: f64,
}

/// A statement of a trace, however often it ran.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TraceStatement {
    /// Hash of its shape.
    pub fingerprint: String,
    /// One line, literals and parameters as `?`.
    pub text: String,
    /// What it does: `select`.
    pub kind: String,
    /// Tables that it names.
    pub tables: Vec<String>,
    /// How often it ran.
    pub count: u64,
    /// Runs with parameters that another run had too, that other run included.
    pub duplicated: u64,
    /// Its runs added up.
    pub total_micros: f64,
    /// Its longest run.
    pub max_micros: f64,
    /// Rows that came back, where the spans say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returned_rows: Option<u64>,
    /// Runs that failed.
    pub failed: u64,
    /// Place of its first run in `nodes`.
    pub first: usize,
}
