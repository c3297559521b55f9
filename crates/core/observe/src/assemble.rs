//! Calls of one trace, in any order, become a [`Trace`]: a tree in depth-first order with its entries
//! and doubles marked, and notes on what was odd.
//!
//! The result depends on the set of calls alone, not on the order in which they came or on how often. No step
//! recurses, and none costs more than O(n log n): a chain of 100,000 spans is as good as a bush.

mod doubles;
mod sift;
mod skew;
#[cfg(test)]
mod tests;
mod tree;

use std::{collections::BTreeMap, sync::Arc};

use model::{Call, Moment, Node, Span, SpanId, SpanKind, Stack, Text, Trace, TraceId, Work};

use sift::Spot;

/// Spans of one trace that are kept; the earliest ones are. Four times of what the pages of other
/// tools bear, and about 60 MB.
pub const SPANS_MAX: usize = 200_000;

/// Notes of one trace that are kept: a trace in which each span lacks its parent needs no note on each.
const NOTES_MAX: usize = 200;

/// Puts the calls of one trace together.
///
/// - Sightings of one span (equal id, role and service) count once. A client span and a server span that
///   share their id, as Zipkin has it, are two; the server's is below the client's.
/// - Children of one parent that never came get one placeholder ([`Work::Missing`]) around them.
/// - Where another service's clock disagrees, its spans are moved between those of its caller.
/// - A server span directly below a server span of the same service, with nearly the same times, tells
///   of the same request and begins no entry; if it alone knows the route, the outer one learns it.
/// - Where an ORM and its driver (or two layers of an HTTP client) tell of the same call, one is a double.
pub fn assemble(id: TraceId, calls: Vec<Call>, stacks: BTreeMap<Arc<str>, Stack>) -> Trace {
    let mut notes = Vec::new();
    let mut spots = sift::sift(&calls, &mut notes);
    let tree = tree::Tree::grow(&mut spots, &mut notes);
    let moved = skew::correct(&mut spots, &tree, &calls, &mut notes);
    let order = tree.depth_first(&spots, moved);
    let mut trace =
        Trace { id, nodes: nodes(calls, &spots, &tree, &order), stacks, ..Trace::default() };
    mark_entries(&mut trace);
    doubles::mark(&mut trace);
    notes.sort_unstable();
    notes.truncate(NOTES_MAX);
    trace.notes = notes;
    trace
}

/// Puts the calls of spans of one trace together, for whoever has spans at hand.
pub fn assemble_spans<'a>(
    id: TraceId,
    spans: impl IntoIterator<Item = &'a Span>,
    statements: &mut sql::Statements,
) -> Trace {
    let mut stacks = BTreeMap::new();
    let mut calls = Vec::new();
    for span in spans {
        crate::stack(span, &mut stacks);
        calls.push(crate::call(span, statements));
    }
    assemble(id, calls, stacks)
}

fn nodes(calls: Vec<Call>, spots: &[Spot], tree: &tree::Tree, order: &[u32]) -> Vec<Node> {
    let mut places = vec![0_usize; spots.len()];
    for (place, spot) in order.iter().enumerate() {
        places[*spot as usize] = place;
    }
    let mut calls: Vec<Option<Call>> = calls.into_iter().map(Some).collect();
    let mut nodes: Vec<Node> = Vec::with_capacity(order.len());
    for (place, number) in order.iter().map(|number| *number as usize).enumerate() {
        let spot = &spots[number];
        let taken = spot.call.and_then(|call| calls[call as usize].take());
        // A placeholder comes before its children, of which `example` is one: it is still there.
        let example = || calls[spot.example as usize].as_ref().map(|call| &call.service);
        let mut call = taken.unwrap_or_else(|| missing(spot, example()));
        call.start = Moment { nanos: spot.start };
        call.end = Moment { nanos: spot.end };
        let parent = tree.parent(number).map(|parent| places[parent]);
        let depth = parent.map_or(0, |parent| nodes[parent].depth + 1);
        nodes.push(Node {
            call,
            parent,
            depth,
            subtree_end: place + 1,
            entry: place,
            double: false,
        });
    }
    for place in (0..nodes.len()).rev() {
        if let Some(parent) = nodes[place].parent {
            nodes[parent].subtree_end = nodes[parent].subtree_end.max(nodes[place].subtree_end);
        }
    }
    nodes
}

/// What takes the place of a parent that never came.
fn missing(spot: &Spot, service: Option<&Arc<str>>) -> Call {
    Call {
        span_id: SpanId(spot.id.to_be_bytes()),
        parent_id: None,
        start: Moment { nanos: spot.start },
        end: Moment { nanos: spot.end },
        kind: SpanKind::Unspecified,
        failed: false,
        service: service.map_or_else(|| Arc::from(""), Arc::clone),
        scope: Arc::from(""),
        name: Text::const_new("(missing)"),
        count: 1,
        code: None,
        work: Work::Missing,
    }
}

/// Finds the places where services begin to answer, and the calls that are answered.
fn mark_entries(trace: &mut Trace) {
    for place in 0..trace.nodes.len() {
        let node = &trace.nodes[place];
        let Some(parent) = node.parent else {
            trace.entries.push(place);
            continue;
        };
        let is_request = node.call.request().is_some();
        if is_request {
            mark_answered(&mut trace.nodes, parent);
        }
        if is_request && !is_inner(&trace.nodes[parent].call, &trace.nodes[place].call) {
            trace.entries.push(place);
            continue;
        }
        let entry = trace.nodes[parent].entry;
        trace.nodes[place].entry = entry;
        if is_request {
            trace.nodes[place].double = true;
            learn_route(&mut trace.nodes, parent, place);
        }
    }
}

fn mark_answered(nodes: &mut [Node], from: usize) {
    let mut next = Some(from);
    while let Some(place) = next
        && let Work::Http(http) = &mut nodes[place].call.work
        && !http.answered
    {
        http.answered = true;
        next = nodes[place].parent;
    }
}

/// Part of the outer server span's time that an inner one has to fill to tell of the same request.
const INNER_SHARE: f64 = 0.8;

/// Time that may pass before and after an inner server span, however short the request.
const INNER_SLACK_NANOS: u64 = 5_000_000;

/// Whether a server span tells of the same request as the server span above it: a framework below
/// its web server.
fn is_inner(outer: &Call, inner: &Call) -> bool {
    let (Some(_), Some(request)) = (outer.request(), inner.request()) else { return false };
    let (whole, part) = (outer.duration().as_secs_f64(), inner.duration().as_secs_f64());
    let before = inner.start.nanos.abs_diff(outer.start.nanos);
    let after = inner.end.nanos.abs_diff(outer.end.nanos);
    !request.background
        && inner.kind != SpanKind::Consumer
        && outer.service == inner.service
        && (before.max(after) <= INNER_SLACK_NANOS
            || INNER_SHARE * whole <= part && part <= whole / INNER_SHARE)
}

/// Lets the outer server span of a request know the route that only the inner one tells.
fn learn_route(nodes: &mut [Node], outer: usize, inner: usize) {
    let Some(told) = nodes[inner].call.request().filter(|request| !request.route.is_empty()) else {
        return;
    };
    let (operation, route) = (told.operation.clone(), told.route.clone());
    // The outermost one is the entry; between it and here there may be more layers.
    let entry = nodes[outer].entry;
    for place in [outer, entry] {
        if let Work::Request(request) = &mut nodes[place].call.work
            && request.route.is_empty()
        {
            request.operation.clone_from(&operation);
            request.route.clone_from(&route);
        }
    }
}
