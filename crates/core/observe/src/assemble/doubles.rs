//! Doubles: an ORM and its driver, or two layers of an HTTP client, tell of the same call. The outer one
//! is kept and learns what only the inner one knows.
//!
//! Some instrumentations nest (Sequelize over `pg`, `requests` over `urllib3`), others put their spans side
//! by side (`SQLAlchemy` ends its span before the driver's parent is set), so both are looked for.

use std::{collections::BTreeMap, sync::Arc};

use model::{Call, Node, Parameters, Statement, StatementKind, StatementText, Trace, Work};

/// Layers of calls above a call that are looked at; real stacks have three.
const LAYERS_MAX: usize = 8;

/// Statements beside a statement that are looked at: as many as may run at once on one connection's
/// behalf.
const SIBLINGS_MAX: usize = 16;

/// How much one clock reading may differ from another for the same event: JavaScript's clocks count
/// milliseconds.
const SLACK_NANOS: u64 = 1_000_000;

/// Marks the doubles of a trace.
pub(super) fn mark(trace: &mut Trace) {
    let nodes = &mut trace.nodes;
    let above = layers_above(nodes);
    let is_layer =
        |place: &usize| matches!(nodes[*place].call.work, Work::Statement(_) | Work::Http(_));
    let layers: Vec<usize> = (0..nodes.len()).filter(is_layer).collect();
    join_prepared(nodes, &layers);
    let mut tried = vec![false; nodes.len()];
    for place in layers.iter().copied() {
        if nodes[place].call.statement().is_some() {
            mark_nested_statement(nodes, &above, place);
        } else {
            mark_nested_http(nodes, &above, &mut tried, place);
        }
    }
    mark_siblings(nodes, &layers);
}

/// PHP's PDO tells the text when a statement is prepared and the time when it is executed: the execution
/// learns the text of the preparation before it, which becomes its double.
fn join_prepared(nodes: &mut [Node], layers: &[usize]) {
    // By parent: the last preparation below it.
    let mut prepared: BTreeMap<usize, usize> = BTreeMap::new();
    for place in layers.iter().copied() {
        let Some(parent) = nodes[place].parent else { continue };
        if nodes[place].call.name == "PDO::prepare" {
            prepared.insert(parent, place);
        } else if nodes[place].call.name == "PDOStatement::execute"
            && let Some(known) = prepared.get(&parent).copied()
            && let Some(statement) = nodes[known].call.statement().cloned()
            && let Work::Statement(executed) = &mut nodes[place].call.work
        {
            if is_bare(&executed.text) {
                executed.text = Arc::clone(&statement.text);
            }
            if executed.text.fingerprint == statement.text.fingerprint {
                merge_statement(executed, &statement);
                nodes[known].double = true;
            }
        }
    }
}

/// For each node, the nearest node above it within its request that runs a statement or calls a remote
/// endpoint.
fn layers_above(nodes: &[Node]) -> Vec<Option<usize>> {
    let mut above: Vec<Option<usize>> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let found = node.parent.and_then(|parent| match nodes[parent].call.work {
            _ if nodes[parent].entry != node.entry => None,
            Work::Statement(_) | Work::Http(_) => Some(parent),
            _ => above[parent],
        });
        above.push(found);
    }
    above
}

fn mark_nested_statement(nodes: &mut [Node], above: &[Option<usize>], place: usize) {
    let mut next = above[place];
    for _ in 0..LAYERS_MAX {
        let Some(outer) = next else { return };
        next = above[outer];
        let (Some(told), Some(own)) =
            (nodes[outer].call.statement(), nodes[place].call.statement())
        else {
            continue;
        };
        if nodes[outer].call.service != nodes[place].call.service {
            return;
        }
        if is_same(&told.text, &own.text) || is_bare(&own.text) {
            if nodes[outer].double {
                // What the outer one doubles is further up, or it was put aside for its lack of text.
                continue;
            }
            nodes[place].double = true;
            merge(nodes, outer, place);
            return;
        }
        if is_bare(&told.text) {
            nodes[outer].double = true;
        }
    }
}

/// Whether two layers tell of the same statement.
fn is_same(outer: &StatementText, inner: &StatementText) -> bool {
    outer.fingerprint == inner.fingerprint || {
        // Document databases have no text; the layers agree on the collection alone: `findOne users`,
        // `find users`.
        let is_document =
            |text: &StatementText| text.kind == StatementKind::Other && !text.text.contains('?');
        let collection =
            |text: &StatementText| text.text.split(' ').nth(1).map(str::to_ascii_lowercase);
        is_document(outer)
            && is_document(inner)
            && collection(outer).is_some()
            && collection(outer) == collection(inner)
    }
}

/// Whether a text was made up from an operation and a table.
fn is_bare(text: &StatementText) -> bool {
    !text.text.contains(['?', '*', '(', '=']) && text.text.split(' ').count() <= 3
}

/// `tried` tells of which calls an inner layer was seen: if it comes again, it tries again.
fn mark_nested_http(nodes: &mut [Node], above: &[Option<usize>], tried: &mut [bool], place: usize) {
    let Some(nearest) = above[place] else { return };
    let resent = nodes[nearest].call.scope == nodes[place].call.scope || tried[nearest];
    let mut next = Some(nearest);
    for _ in 0..LAYERS_MAX {
        let Some(outer) = next else { return };
        next = above[outer];
        let (Some(told), Some(own)) = (nodes[outer].call.http(), nodes[place].call.http()) else {
            return;
        };
        let is_same = nodes[outer].call.service == nodes[place].call.service
            && told.method == own.method
            && told.host == own.host
            && told.template == own.template;
        if !is_same {
            return;
        }
        if nodes[outer].double {
            continue;
        }
        let own = own.clone();
        nodes[place].double = true;
        tried[nearest] = true;
        if let Work::Http(kept) = &mut nodes[outer].call.work {
            kept.status = if kept.status == 0 { own.status } else { kept.status };
            let resends = kept.resend_count.saturating_add(u32::from(resent));
            kept.resend_count = resends.max(own.resend_count);
            kept.response_bytes = kept.response_bytes.or(own.response_bytes);
            kept.answered |= own.answered;
        }
        return;
    }
}

/// Lets the kept node know what only its double tells.
fn merge(nodes: &mut [Node], kept: usize, double: usize) {
    let Ok([kept, double]) = nodes.get_disjoint_mut([kept, double]) else { return };
    let (Work::Statement(known), Work::Statement(other)) = (&mut kept.call.work, &double.call.work)
    else {
        return;
    };
    merge_statement(known, other);
    if kept.call.code.is_none() {
        kept.call.code.clone_from(&double.call.code);
    }
}

fn merge_statement(known: &mut Statement, other: &Statement) {
    let rank = |parameters: Parameters| match parameters {
        Parameters::Known(_) => 2,
        Parameters::Hidden => 1,
        Parameters::None => 0,
    };
    if rank(known.parameters) < rank(other.parameters) {
        known.parameters = other.parameters;
    }
    if known.text.fingerprint == other.text.fingerprint
        && known.text.truncated
        && !other.text.truncated
    {
        known.text = Arc::clone(&other.text);
    }
    known.offset = known.offset.or(other.offset);
    known.returned_rows = known.returned_rows.or(other.returned_rows);
    known.batch_size = known.batch_size.max(other.batch_size);
}

/// Statements side by side: equal text, another scope, one within the other. Each is a double at
/// most once, and each has at most one double, so that a loop of equal statements stays a loop.
fn mark_siblings(nodes: &mut [Node], layers: &[usize]) {
    let is_open = |node: &Node| !node.double && node.call.statement().is_some();
    let open = layers.iter().copied().filter(|place| is_open(&nodes[*place]));
    let mut by_parent: Vec<(Option<usize>, usize)> =
        open.map(|place| (nodes[place].parent, place)).collect();
    by_parent.sort_unstable();
    // Those that may still find their double, the latest last; whoever found it makes room.
    let mut recent: Vec<usize> = Vec::new();
    for siblings in by_parent.chunk_by(|one, other| one.0 == other.0) {
        recent.clear();
        for place in siblings.iter().map(|(_, place)| *place) {
            let from = recent.len().saturating_sub(SIBLINGS_MAX);
            let beside = |other: &usize| is_beside(&nodes[*other].call, &nodes[place].call);
            let Some(found) = (from..recent.len()).rev().find(|at| beside(&recent[*at])) else {
                recent.push(place);
                continue;
            };
            let other = recent.remove(found);
            let is_within = within(&nodes[other].call, &nodes[place].call, 0);
            let (kept, double) = if is_within { (place, other) } else { (other, place) };
            nodes[double].double = true;
            merge(nodes, kept, double);
        }
    }
}

fn is_beside(one: &Call, other: &Call) -> bool {
    let fingerprint = |call: &Call| call.statement().map(|statement| statement.text.fingerprint);
    one.scope != other.scope
        && one.service == other.service
        && fingerprint(one) == fingerprint(other)
        && (within(one, other, SLACK_NANOS) || within(other, one, SLACK_NANOS))
}

fn within(inner: &Call, outer: &Call, slack_nanos: u64) -> bool {
    outer.start.nanos <= inner.start.nanos.saturating_add(slack_nanos)
        && inner.end.nanos <= outer.end.nanos.saturating_add(slack_nanos)
}
