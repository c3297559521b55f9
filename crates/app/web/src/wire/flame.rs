//! Merged call trees on the wire, in columns: a place is a node, and each column has its value there.

use serde::Serialize;
use utoipa::ToSchema;

use super::{GroupKind, Window};

/// Requests merged by what they did, or two such to compare.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FlameAnswer {
    /// One, or before and after.
    pub sides: Vec<FlameSide>,
    /// The tree that all sides share.
    pub tree: FlameTree,
}

/// What was merged.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FlameSide {
    /// `service.name` of the requests.
    pub service: String,
    /// What was requested.
    pub operation: String,
    /// From when to when; none for a single trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// The trace, where it is a single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Requests that were merged: a fair sample where there are more.
    pub requests: u64,
    /// Traces that have such a request.
    pub traces_in_all: u64,
    /// Some of the sample were left out, since the bound on spans or on time was reached.
    pub cut: bool,
    /// Since when requests are known, if the window begins earlier and earlier ones were dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_since_unix_ms: Option<u64>,
}

/// A merged tree: parents before children, the largest sibling first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FlameTree {
    /// What the amounts are.
    pub unit: FlameUnit,
    /// What nodes are called.
    pub frames: Vec<FlameFrame>,
    /// Steps of each node from its root, which has 0.
    pub depth: Vec<u32>,
    /// Place of each node's name in `frames`.
    pub frame: Vec<u32>,
    /// For each side what each node took.
    pub amounts: Vec<FlameAmounts>,
    /// Nodes that found no room: their time counts as their parents' own.
    pub left_out: u64,
}

/// What nodes took, added up over all that was merged.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct FlameAmounts {
    /// Calls, or samples.
    pub count: Vec<u64>,
    /// Each in itself, while somebody waited for it.
    pub own: Vec<u64>,
}

/// What a node is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct FlameFrame {
    /// What was done, in a few words; or the function.
    pub name: String,
    /// The service, or the file.
    pub group: String,
    /// What kind of work, where it is of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<GroupKind>,
    /// Line of the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// What amounts of a tree are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FlameUnit {
    /// Time, in nanoseconds.
    Nanos,
    /// Memory, in bytes.
    Bytes,
    /// Samples, or whatever else was counted.
    Count,
}
