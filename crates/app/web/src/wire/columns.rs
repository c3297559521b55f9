//! A trace in columns: what a page needs to draw a hundred thousand spans, in a tenth of the bytes.
//!
//! A place in a column is a span. What the reader can work out is not said: parents follow from depths in tree order,
//! and what a span and all below it were waited for is the sum of what each was.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Breakdown, Fold, GroupKind, TraceStatement};

/// A trace in tree order, in columns.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TraceColumns {
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
    /// Hosts, containers or processes, in order of appearance; empty where a resource says nothing of it.
    pub hosts: Vec<String>,
    /// What spans did, each text once.
    pub labels: Vec<String>,
    /// Kinds of work, to which `spans.kind` points.
    pub kinds: Vec<GroupKind>,
    /// Spans: parents before children, siblings by start.
    pub spans: SpanColumns,
    /// Events of spans, at most 5,000.
    pub events: EventColumns,
    /// Siblings that did the same, three or more of them.
    pub folds: Vec<Fold>,
    /// Statements by shape, by total time.
    pub statements: Vec<TraceStatement>,
}

/// Spans, a column a property.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct SpanColumns {
    /// Identities, 16 hexadecimal digits each, without anything between.
    pub ids: String,
    /// Steps from the root, which has 0.
    pub depth: Vec<u32>,
    /// Places in `services`.
    pub service: Vec<u32>,
    /// Places in `hosts`.
    pub host: Vec<u32>,
    /// Places in `kinds`.
    pub kind: Vec<u8>,
    /// Places in `labels`.
    pub label: Vec<u32>,
    /// From the begin of the trace.
    pub offset_nanos: Vec<u64>,
    /// How long.
    pub duration_nanos: Vec<u64>,
    /// In itself while somebody waited for it.
    pub critical_own_nanos: Vec<u64>,
    /// Added up: 1 it failed, 2 it tells the same as its parent, 4 it never came.
    pub flags: Vec<u8>,
    /// Spans that it stands for.
    pub count: Vec<u32>,
    /// Places in `folds`; -1 for none.
    pub fold: Vec<i64>,
}

/// Events of spans, a column a property.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct EventColumns {
    /// Places in the columns of `spans`.
    pub span: Vec<u32>,
    /// From the begin of the trace; below zero before it.
    pub offset_nanos: Vec<i64>,
    /// They are exceptions.
    pub exception: Vec<bool>,
}

/// Traces of a file that somebody opened.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OpenedTraces {
    /// The format in words.
    pub format: String,
    /// Traces in the file, the slowest first; at most 500.
    pub traces: Vec<OpenedTrace>,
    /// Traces that were left out of the list.
    pub left_out: usize,
    /// Spans that lack what a span needs.
    pub rejected: usize,
    /// What was odd about the file.
    pub problems: Vec<String>,
    /// The one that is looked at.
    pub trace: TraceColumns,
}

/// One of several traces of a file.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct OpenedTrace {
    /// Its identity.
    pub id: String,
    /// What was requested.
    pub operation: String,
    /// How long its first span took.
    pub duration_micros: f64,
    /// Its spans.
    pub spans: usize,
}
