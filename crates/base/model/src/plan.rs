//! Plans: what EXPLAIN said, whatever the format that it was said in.
//!
//! One spelling for all: node types, words and property names as EXPLAIN (FORMAT JSON) has them. What text leaves
//! out because it is zero, false or the default is zero, false or `None` here, so that text, JSON, YAML and XML of
//! the same plan are equal; what text cannot say at all stands in an [`Aside`], which never counts when plans are
//! compared. Nodes are a list in the order of the text, parents first: no depth of nesting can exhaust a stack.

use crate::Text;

mod node;
mod resources;

pub use node::{
    Actual, Conditions, Estimate, GroupingSet, PlanNode, PlanTarget, PlanWorker, Relationship,
    RemovedRows, Sampling, Tuples,
};
pub use resources::{
    Buffers, CacheUse, HashUse, IoTimes, Jit, JitTimes, Resources, SortGroups, SortSpace, SortUse,
    Storage, Wal,
};

/// One plan, with everything that EXPLAIN said of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// Its nodes in the order of the text: the root first, each parent before its children. Never empty
    /// once read.
    pub nodes: Vec<PlanNode>,
    /// What planning took.
    pub planning: Planning,
    /// `Execution Time` (before PostgreSQL 9.4 `Total runtime`), in milliseconds.
    pub execution_ms: Option<f64>,
    /// Settings other than the default that bear on planning, with their values.
    pub settings: Vec<(Text, Option<Text>)>,
    /// Triggers that ran.
    pub triggers: Vec<PlanTrigger>,
    /// Compilation, over all processes.
    pub jit: Option<Jit>,
    /// What turning the rows into what goes over the wire took (PostgreSQL 17, `SERIALIZE`).
    pub serialization: Option<Serialization>,
    /// `Query Identifier`, as in `pg_stat_statements.queryid`.
    pub query_id: Option<i64>,
    /// The statement, where it was there: `Query Text` of `auto_explain`, or in front of the plan.
    pub query_text: Option<Text>,
    /// `Query Parameters` of `auto_explain`.
    pub query_parameters: Option<Text>,
    /// `duration:` of the log line that the plan came in, in milliseconds.
    pub duration_ms: Option<f64>,
    /// Every property that is not known by name, in order.
    pub extra: Vec<(Text, PlanValue)>,
    /// What only the richer formats say of the whole.
    pub aside: Aside<Vec<(Text, PlanValue)>>,
    /// The format that it was read from.
    pub format: Aside<PlanFormat>,
    /// What could not be understood, for people.
    pub notes: Aside<Vec<String>>,
}

impl Plan {
    /// The topmost node.
    #[must_use]
    pub fn root(&self) -> Option<&PlanNode> {
        self.nodes.first()
    }

    /// Places of the children of the node at `place`, in order.
    pub fn children(&self, place: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.subtree_end(place);
        (place.saturating_add(1)..end).filter(move |child| {
            self.nodes.get(*child).is_some_and(|node| node.parent == Some(place))
        })
    }

    /// The first place after the node at `place` and everything below it.
    #[must_use]
    pub fn subtree_end(&self, place: usize) -> usize {
        let Some(node) = self.nodes.get(place) else { return place };
        let below = self.nodes.iter().skip(place + 1).take_while(|next| node.depth < next.depth);
        place + 1 + below.count()
    }

    /// Whether the statement was run (`ANALYZE`), not only planned.
    #[must_use]
    pub fn analyzed(&self) -> bool {
        self.nodes.iter().any(|node| node.actual.is_some() || node.never_executed)
    }
}

/// What planning took.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Planning {
    /// `Planning Time`, in milliseconds.
    pub time_ms: Option<f64>,
    /// Blocks that planning touched.
    pub buffers: Buffers,
    /// Time that planning spent reading and writing.
    pub io: IoTimes,
    /// Memory that planning used (PostgreSQL 17, `MEMORY`), in kB.
    pub memory_used_kb: Option<u64>,
    /// Memory that planning had allocated, in kB.
    pub memory_allocated_kb: Option<u64>,
}

/// A trigger that ran.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlanTrigger {
    /// Its constraint, or its own name where it belongs to none.
    pub name: Text,
    /// `name` is that of a constraint.
    pub constraint: bool,
    /// Name of the trigger of a constraint; text says it with `VERBOSE` only.
    pub trigger: Aside<Option<Text>>,
    /// Its table; text says it where several are written to.
    pub relation: Aside<Option<Text>>,
    /// Time over all calls, in milliseconds.
    pub time_ms: Option<f64>,
    /// How often it was called.
    pub calls: u64,
}

/// What turning rows into what goes over the wire took.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Serialization {
    /// In milliseconds.
    pub time_ms: Option<f64>,
    /// Volume, in kB.
    pub output_kb: u64,
    /// `text` or `binary`.
    pub format: Text,
    /// Blocks that it touched (out-of-line values).
    pub buffers: Buffers,
    /// Time that it spent reading and writing.
    pub io: IoTimes,
}

/// The value of a property: whole numbers, fractions and truth by how they are spelt, as text cannot tell
/// `"12"` from `12`.
#[derive(Debug, Clone, PartialEq)]
pub enum PlanValue {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A fraction.
    Number(f64),
    /// Anything else that is one value.
    Text(Text),
    /// Several.
    List(Vec<Self>),
    /// Named values, in order.
    Map(Vec<(Text, Self)>),
}

/// The format of EXPLAIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum PlanFormat {
    /// `FORMAT TEXT`
    #[default]
    Text,
    /// `FORMAT JSON`
    Json,
    /// `FORMAT YAML`
    Yaml,
    /// `FORMAT XML`
    Xml,
}

/// Something that one format says and another cannot: it is kept, but all asides are equal, so that the same
/// plan is the same in every format.
#[derive(Debug, Clone, Copy, Default)]
pub struct Aside<T>(pub T);

impl<T> PartialEq for Aside<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
