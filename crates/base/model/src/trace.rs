//! A trace: calls in tree order, the requests among them, and what was odd.

use std::{collections::BTreeMap, sync::Arc};

use crate::{Call, SpanId, Stack, TraceId};

/// All that is known of one trace.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trace {
    /// Its identity.
    pub id: TraceId,
    /// Depth-first: parents before children, siblings by start, then by span id.
    pub nodes: Vec<Node>,
    /// Places in `nodes` where a service begins to answer: each root, and each server or consumer span.
    pub entries: Vec<usize>,
    /// What each service in it is built with.
    pub stacks: BTreeMap<Arc<str>, Stack>,
    /// What was odd, and what was made of it.
    pub notes: Vec<Note>,
}

impl Trace {
    /// The nodes below the node at `place`, to any depth.
    #[must_use]
    pub fn below(&self, place: usize) -> &[Node] {
        self.nodes.get(place + 1..self.nodes[place].subtree_end).unwrap_or_default()
    }

    /// Places of the direct children of the node at `place`, in order of their start.
    pub fn children(&self, place: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.nodes[place].subtree_end;
        let mut next = place + 1;
        std::iter::from_fn(move || {
            let child = next;
            (child < end).then(|| {
                next = self.nodes[child].subtree_end;
                child
            })
        })
    }

    /// Places of all nodes that serve the request which begins at `entry`, itself first; what other
    /// services did in answer to its calls is left out, and so are doubles.
    pub fn request(&self, entry: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.nodes[entry].subtree_end;
        (entry..end).filter(move |place| {
            let node = &self.nodes[*place];
            node.entry == entry && !node.double
        })
    }
}

/// A call and its place in the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What was done.
    pub call: Call,
    /// Place of the parent in [`Trace::nodes`]; `None` for a root.
    pub parent: Option<usize>,
    /// Steps from the root, which has 0.
    pub depth: u32,
    /// Place after the last node below this one.
    pub subtree_end: usize,
    /// Place of the nearest entry, which may be this node: the request that it serves.
    pub entry: usize,
    /// Tells the same as another node: the driver's span for a statement whose ORM span is there too.
    pub double: bool,
}

/// Something odd about a trace, and what was made of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// Spans that came more than once; the first was kept.
    Duplicates {
        /// How many were dropped.
        count: usize,
    },
    /// A parent that never came; a placeholder took its place.
    MissingParent {
        /// The parent's identity.
        parent_id: SpanId,
        /// Its children.
        count: usize,
    },
    /// More than one span without parent.
    ManyRoots {
        /// How many.
        count: usize,
    },
    /// Spans whose clock disagreed with their caller's and were moved.
    ClockSkew {
        /// The service with the other clock.
        service: String,
        /// How far they were moved: positive is later.
        nanos: i64,
    },
    /// Spans that name each other as parent; one was made a root.
    Cycle {
        /// The one that was made a root.
        span_id: SpanId,
    },
    /// Spans that ended before they began; their duration is taken as zero.
    NegativeDuration {
        /// How many.
        count: usize,
    },
    /// Spans past the limit were left out.
    TooLarge {
        /// How many were left out.
        count: usize,
    },
}
