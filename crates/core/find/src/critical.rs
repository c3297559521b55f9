//! The critical path: which span the answer was waiting for, at each instant of a request.
//!
//! From the end backwards: the child that ended last before the cursor was what its parent waited for;
//! the time between that child's end and the cursor is the parent's own. So every instant belongs to
//! exactly one span, the shares add up to the duration, and what ran beside something longer costs
//! nothing. (The method of Jaeger's and Google's critical path analysis, without recursion.)

use std::time::Duration;

use model::{Trace, Work};

/// What the time of a span is called on every page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The service's own code, rendering included.
    Own,
    /// Statements, connections and transactions.
    Database,
    /// Caches.
    Cache,
    /// Calls to other services.
    Http,
    /// Queues and mail.
    Queue,
}

impl Kind {
    /// What the time of such work is called.
    #[must_use]
    pub fn of(work: &Work) -> Self {
        match work {
            Work::Request(_) | Work::Render { .. } | Work::Own | Work::Missing => Self::Own,
            Work::Statement(_) | Work::Connect { .. } | Work::Transaction { .. } => Self::Database,
            Work::Cache { .. } => Self::Cache,
            Work::Http(_) => Self::Http,
            Work::Mail { .. } | Work::Send { .. } => Self::Queue,
        }
    }
}

/// The critical path through one node and all below it.
#[derive(Debug, Clone, Default)]
pub struct CriticalPath {
    first: usize,
    own_nanos: Vec<u64>,
    inclusive_nanos: Vec<u64>,
}

/// A node, and the stretch in which somebody waited for it.
struct Visit {
    place: usize,
    from: u64,
    until: u64,
}

impl CriticalPath {
    /// Computes it for the node at `root`, which may be any: O(n log n) in the number of spans below it.
    #[must_use]
    pub fn of(trace: &Trace, root: usize) -> Self {
        let Some(node) = trace.nodes.get(root) else { return Self::default() };
        let count = node.subtree_end - root;
        let mut path =
            Self { first: root, own_nanos: vec![0; count], inclusive_nanos: vec![0; count] };
        let (from, until) = (node.call.start.nanos, node.call.end.nanos);
        let mut pending = vec![Visit { place: root, from, until }];
        let mut children: Vec<usize> = Vec::new();
        while let Some(visit) = pending.pop() {
            children.clear();
            children.extend(trace.children(visit.place));
            path.walk(trace, &visit, &mut children, &mut pending);
        }
        for place in (0..count).rev() {
            path.inclusive_nanos[place] += path.own_nanos[place];
            if let Some(parent) = trace.nodes[root + place].parent.filter(|_| 0 < place) {
                path.inclusive_nanos[parent - root] += path.inclusive_nanos[place];
            }
        }
        path
    }

    /// Splits the stretch of one node between itself and its children.
    fn walk(
        &mut self,
        trace: &Trace,
        visit: &Visit,
        children: &mut [usize],
        pending: &mut Vec<Visit>,
    ) {
        let times = |place: usize| {
            let call = &trace.nodes[place].call;
            (call.start.nanos, call.end.nanos)
        };
        // Last to end first; of those that end together, the one that began first was waited for.
        children.sort_by_key(|place| {
            let (start, end) = times(*place);
            (std::cmp::Reverse(end), start)
        });
        let mut cursor = visit.until;
        let mut own = 0;
        for child in children.iter().copied() {
            let (start, end) = times(child);
            let (start, end) = (start.max(visit.from), end.min(cursor));
            if end <= start {
                continue;
            }
            own += cursor - end;
            pending.push(Visit { place: child, from: start, until: end });
            cursor = start;
        }
        self.own_nanos[visit.place - self.first] = own + cursor.saturating_sub(visit.from);
    }

    /// Time that was spent in the node itself while somebody waited for it.
    #[must_use]
    pub fn own(&self, place: usize) -> Duration {
        self.at(&self.own_nanos, place)
    }

    /// Time that was spent in the node or below it while somebody waited for it.
    #[must_use]
    pub fn inclusive(&self, place: usize) -> Duration {
        self.at(&self.inclusive_nanos, place)
    }

    fn at(&self, nanos: &[u64], place: usize) -> Duration {
        let nanos = place.checked_sub(self.first).and_then(|place| nanos.get(place));
        Duration::from_nanos(nanos.copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::{TraceBuilder, own};

    fn check(build: impl FnOnce(&mut TraceBuilder), expected_micros: &[u64]) {
        let mut builder = TraceBuilder::new();
        build(&mut builder);
        let trace = builder.trace();
        let path = CriticalPath::of(&trace, 0);
        let found: Vec<u64> = (0..trace.nodes.len())
            .map(|place| u64::try_from(path.own(place).as_micros()).unwrap())
            .collect();
        assert_eq!(found, expected_micros);
        let whole: Duration = (0..trace.nodes.len()).map(|place| path.own(place)).sum();
        assert_eq!(whole, trace.nodes[0].call.duration(), "the shares add up");
        assert_eq!(path.inclusive(0), whole);
    }

    #[test]
    fn calls_one_after_the_other_all_count() {
        check(
            |trace| {
                let root = trace.root("GET /", 0, 100);
                trace.child(root, own("a"), 10, 30);
                trace.child(root, own("b"), 40, 90);
            },
            &[30, 20, 50],
        );
    }

    #[test]
    fn of_calls_side_by_side_only_the_longest_counts() {
        check(
            |trace| {
                let root = trace.root("GET /", 0, 100);
                trace.child(root, own("short"), 10, 40);
                trace.child(root, own("long"), 10, 90);
            },
            &[20, 0, 80],
        );
    }

    #[test]
    fn what_outlives_its_parent_counts_only_while_it_was_waited_for() {
        check(
            |trace| {
                let root = trace.root("GET /", 0, 100);
                let view = trace.child(root, own("view"), 0, 60);
                trace.child(view, own("late"), 50, 500);
                trace.child(root, own("after"), 200, 300);
            },
            &[40, 50, 10, 0],
        );
    }
}
