//! The nouns that every stage speaks: what was seen, what is wrong, what to do.
//!
//! Plain data with public fields and no behaviour beyond reading it. Spans, log records and metrics keep all that OTLP carries;
//! a [`Call`] is a span read through the semantic conventions; a [`Trace`] is its calls in tree order.

mod attributes;
mod call;
pub mod database;
mod exchange;
mod finding;
mod gateway;
mod id;
mod log;
mod metric;
mod moment;
pub mod plan;
mod profile;
mod proposal;
mod remedy;
mod span;
mod stack;
mod statement;
mod trace;
mod view;

pub use attributes::{Attributes, Text, Value};
pub use call::{Call, CodeLocation, HttpCall, Parameters, Request, Statement, Work};
pub use exchange::{
    AnswerEnd, AnswerSeen, BodySeen, Exchange, Kept, Patterns, Redaction, RequestSeen,
};
pub use finding::{
    DatabaseEvidence, Effort, Evidence, Example, Finding, FindingId, Impact, Level, OperationKey,
    SettingChange, Sighting,
};
pub use gateway::{GatewayChange, GatewayPlace};
pub use id::{SpanId, TraceId};
pub use log::{LogRecord, Severity};
pub use metric::{
    Buckets, Exemplar, ExponentialHistogram, Histogram, Measured, Metric, MetricKind, Number,
    Point, Quantile, Summary, Temporality,
};
pub use moment::{Moment, Window};
pub use plan::{Plan, PlanNode};
pub use profile::{Profile, ProfileFunction, ProfileNode, ProfileUnit, TreeBasis};
pub use proposal::{
    Basis, Change, DroppedIndex, IndexSet, ProposedIndex, StatementEffect, WriteCost,
};
pub use remedy::{Advice, Proof, Snippet};
pub use span::{Event, Link, Resource, Scope, Span, SpanKind, Status, StatusCode};
pub use stack::{Framework, Language, Stack};
pub use statement::{Filter, FilterOperator, Projection, Shape, StatementKind, StatementText};
pub use trace::{Node, Note, Trace};
pub use view::{SpanView, ValueView, text_of};
