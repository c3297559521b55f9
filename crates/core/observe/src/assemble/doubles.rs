//! Doubles: an ORM and its driver, or two layers of an HTTP client, tell of the same call. The outer one
//! is kept and learns what only the inner one knows.
//!
//! Some instrumentations nest (Sequelize over `pg`, `requests` over `urllib3`), others put their spans side
//! by side (SQLAlchemy ends its span before the driver's parent is set), so both are looked for.

use std::sync::Arc;

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
    join_prepared(trace);
    let above = layers_above(&trace.nodes);
    let mut tried = vec![false; trace.nodes.len()];
    for place in 0..trace.nodes.len() {
        match &trace.nodes[place].call.work {
            Work::Statement(_) => mark_nested_statement(&mut trace.nodes, &above, place),
            Work::Http(_) => mark_nested_http(&mut trace.nodes, &above, &mut tried, place),
            _ => {}
        }
    }
    mark_siblings(trace);
}

/// PHP's PDO tells the text when a statement is prepared and the time when it is executed: the execution
/// learns the text of the preparation before it, which becomes its double.
fn join_prepared(trace: &mut Trace) {
    let is_prepare =
        |node: &Node| node.call.name == "PDO::prepare" && node.call.statement().is_some();
    if !trace.nodes.iter().any(is_prepare) {
        return;
    }
    // By parent: the last preparation below it.
    let mut prepared: Vec<Option<usize>> = vec![None; trace.nodes.len()];
    for place in 0..trace.nodes.len() {
        let Some(parent) = trace.nodes[place].parent else { continue };
        if is_prepare(&trace.nodes[place]) {
            prepared[parent] = Some(place);
        } else if trace.nodes[place].call.name == "PDOStatement::execute"
            && let Some(known) = prepared[parent]
            && let Some(statement) = trace.nodes[known].call.statement().cloned()
            && let Work::Statement(executed) = &mut trace.nodes[place].call.work
        {
            if is_bare(&executed.text) {
                executed.text = Arc::clone(&statement.text);
            }
            if executed.text.fingerprint == statement.text.fingerprint {
                merge_statement(executed, statement);
                trace.nodes[known].double = true;
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
    let call = &nodes[double].call;
    let Some(statement) = call.statement().cloned() else { return };
    let code = call.code.clone();
    let Call { work: Work::Statement(known), code: known_code, .. } = &mut nodes[kept].call else {
        return;
    };
    *known_code = known_code.take().or(code);
    merge_statement(known, statement);
}

fn merge_statement(known: &mut Statement, other: Statement) {
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
fn mark_siblings(trace: &mut Trace) {
    let mut recent: Vec<usize> = Vec::new();
    let mut has_double = vec![false; trace.nodes.len()];
    for parent in 0..trace.nodes.len() {
        if trace.nodes[parent].subtree_end <= parent + 2 {
            continue;
        }
        recent.clear();
        let children: Vec<usize> = trace.children(parent).collect();
        for place in children {
            let node = &trace.nodes[place];
            if node.double || node.call.statement().is_none() {
                continue;
            }
            let partner = recent.iter().rev().take(SIBLINGS_MAX).copied().find(|other| {
                !has_double[*other] && is_beside(&trace.nodes[*other].call, &node.call)
            });
            let Some(other) = partner else {
                recent.push(place);
                continue;
            };
            let (kept, double) = if within(&trace.nodes[other].call, &node.call, 0) {
                (place, other)
            } else {
                (other, place)
            };
            trace.nodes[double].double = true;
            has_double[kept] = true;
            merge(&mut trace.nodes, kept, double);
            recent.retain(|known| *known != other);
            recent.push(kept);
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
