//! Many requests as one tree: what was done below what, how often, and how long somebody waited for it.
//!
//! Widths are time on the critical path, so that the boxes below a request add up to its duration also where things ran
//! side by side. Names lose their numbers, so that equal work is one box.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use engine::proof::Of;
use find::{CriticalPath, Kind, RequestView};
use model::{Span, Trace, Window};
use stats::tree::{Merge, Side, Step, Tree};
use store::{Limits, RequestFilter, StoreError};

use crate::{
    fold::without_numbers,
    label::label,
    source::Source,
    wire::{Coverage, FlameFrame},
};

/// Nodes of a merged tree: what a browser draws without a pause.
const NODES_MAX: usize = 50_000;

/// Spans of a side: merging them takes a second or so.
const SPANS_MAX: usize = 200_000;

/// How long reading the traces of a side may take; what was not read by then is left out, and that is told.
const READ_MAX: Duration = Duration::from_secs(4);

/// Requests of one or two sides, being merged.
#[derive(Debug)]
pub(crate) struct Flames {
    merge: Merge,
    known: BTreeMap<(String, Arc<str>, Kind), u32>,
    frames: Vec<FlameFrame>,
}

/// What a side was merged of.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    pub(crate) requests: u64,
    pub(crate) traces_in_all: u64,
    pub(crate) cut: bool,
    /// The time was up, or what is kept elsewhere was not told.
    pub(crate) is_hindered: bool,
    /// Since when requests are known.
    pub(crate) held_since_unix_ms: Option<u64>,
}

impl Flames {
    pub(crate) fn new() -> Self {
        Self { merge: Merge::new(NODES_MAX), known: BTreeMap::new(), frames: Vec::new() }
    }

    /// Merges one trace, from each of its roots.
    pub(crate) fn add_trace(&mut self, side: Side, trace: &Trace) -> Merged {
        let roots: Vec<usize> =
            (0..trace.nodes.len()).filter(|place| trace.nodes[*place].parent.is_none()).collect();
        for root in &roots {
            self.add(side, trace, *root);
        }
        Merged { requests: 1, traces_in_all: 1, ..Merged::default() }
    }

    /// Merges a fair sample of an operation's requests, at most `traces_max` of them.
    pub(crate) fn add_operation(
        &mut self,
        side: Side,
        source: &dyn Source,
        (service, operation): (&str, &str),
        (window, traces_max): (Window, usize),
    ) -> Result<Merged, StoreError> {
        let (store, limits) = (source.store(), Limits { time: READ_MAX, ..Limits::default() });
        let requests = RequestFilter {
            window,
            service: Some(service.into()),
            operation: Some(operation.into()),
            duration_min: None,
            failed: None,
        };
        let sampled = engine::sampled_traces(&requests, traces_max, store, &limits)?;
        let coverage = Coverage::from(&sampled.coverage);
        let mut merged = Merged {
            requests: 0,
            traces_in_all: sampled.in_all,
            cut: sampled.is_cut,
            is_hindered: coverage.is_hindered(),
            held_since_unix_ms: coverage.held_since_unix_ms,
        };
        let mut count = 0;
        let fits = |spans: &Vec<Span>| {
            count += spans.len();
            count - spans.len() < SPANS_MAX
        };
        let fitting: Vec<_> = sampled.traces.into_values().take_while(fits).collect();
        merged.cut |= SPANS_MAX < count;
        // All at once: a statement is understood once then, not once a trace.
        for trace in engine::traces_of(fitting.iter().flatten()) {
            merged.requests += self.add_requests(side, &trace, service, operation);
        }
        Ok(merged)
    }

    /// Merges the requests for an operation; one within another is part of that one.
    fn add_requests(&mut self, side: Side, trace: &Trace, service: &str, operation: &str) -> u64 {
        let mut end = 0;
        let mut count = 0;
        for entry in &trace.entries {
            let node = &trace.nodes[*entry];
            let asks = match node.call.request() {
                Some(request) => *request.operation == *operation,
                None => *node.call.name == *operation,
            };
            if asks && *node.call.service == *service && end <= *entry {
                self.add(side, trace, *entry);
                end = node.subtree_end;
                count += 1;
            }
        }
        count
    }

    /// Merges what is at and below a node. A span that tells the same as its parent counts as that one.
    fn add(&mut self, side: Side, trace: &Trace, root: usize) {
        let path = CriticalPath::of(trace, root);
        let end = trace.nodes[root].subtree_end;
        let mut depths: Vec<u32> = Vec::with_capacity(end - root);
        let mut steps: Vec<Step> = Vec::with_capacity(end - root);
        for place in root..end {
            let node = &trace.nodes[place];
            let own = u64::try_from(path.own(place).as_nanos()).unwrap_or(u64::MAX);
            let above = node.parent.filter(|_| root < place).map(|parent| parent - root);
            let frame = self.frame(&node.call);
            let step = match above {
                Some(parent) if node.double => Step { count: 0, own, ..steps[parent] },
                Some(parent) => {
                    let depth = depths[parent] + 1;
                    Step { depth, frame, count: u64::from(node.call.count), own }
                }
                None => Step { depth: 0, frame, count: 1, own },
            };
            depths.push(step.depth);
            steps.push(step);
        }
        self.merge.add_tree(side, steps);
    }

    fn frame(&mut self, call: &model::Call) -> u32 {
        let kind = Kind::of(&call.work);
        let key = (without_numbers(&label(call)), Arc::clone(&call.service), kind);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let number = u32::try_from(self.frames.len()).unwrap_or(u32::MAX);
        self.frames.push(FlameFrame {
            name: key.0.clone(),
            group: key.1.to_string(),
            kind: Some(kind.into()),
            line: None,
        });
        self.known.insert(key, number);
        number
    }

    pub(crate) fn finish(self) -> (Tree, Vec<FlameFrame>) {
        (self.merge.finish(), self.frames)
    }
}

/// Before and after merged into one tree, for a report that draws it by itself.
#[derive(Debug)]
pub struct Flamed {
    /// The tree; amounts are nanoseconds.
    pub tree: Tree,
    /// Names of its frames.
    pub names: Vec<String>,
    /// Requests of each side.
    pub requests: [u64; 2],
}

/// Merges the requests that are meant of two recordings; those within another one are a part of it.
#[must_use]
pub fn flamed(sides: [(&[Trace], &Of); 2]) -> Flamed {
    let mut flames = Flames::new();
    let mut requests = [0, 0];
    for (((traces, of), side), count) in
        sides.into_iter().zip([Side::Before, Side::After]).zip(&mut requests)
    {
        for trace in traces {
            let mut end = 0;
            for entry in &trace.entries {
                if end <= *entry && of.is(&RequestView::new(trace, *entry)) {
                    flames.add(side, trace, *entry);
                    end = trace.nodes[*entry].subtree_end;
                    *count += 1;
                }
            }
        }
    }
    let (tree, frames) = flames.finish();
    Flamed { tree, names: frames.into_iter().map(|frame| frame.name).collect(), requests }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::*;

    /// Id, parent, begin and end in milliseconds, statement.
    type Told<'a> = (u8, u8, u64, u64, &'a str);

    fn trace(told: &[Told<'_>]) -> Trace {
        let spans = told.iter().map(|(id, parent, from, to, sql)| {
            let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
            let attributes = if sql.is_empty() {
                json!([text("http.method", "GET"), text("http.route", "/orders")])
            } else {
                json!([text("db.system", "postgresql"), text("db.statement", sql)])
            };
            let parent = if *parent == 0 { String::new() } else { format!("{parent:016x}") };
            json!({
                "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": format!("{id:016x}"),
                "parentSpanId": parent, "name": "SELECT", "kind": if sql.is_empty() { 2 } else { 3 },
                "startTimeUnixNano": (from * 1_000_000).to_string(),
                "endTimeUnixNano": (to * 1_000_000).to_string(), "attributes": attributes,
            })
        });
        let spans: Vec<_> = spans.collect();
        let service = json!([{ "key": "service.name", "value": { "stringValue": "shop" } }]);
        let request = json!({ "resourceSpans": [{
            "resource": { "attributes": service }, "scopeSpans": [{ "spans": spans }] }] });
        let spans: Vec<Span> =
            observe::otlp::decode_json(request.to_string().as_bytes()).unwrap().spans;
        engine::traces_of(&spans).remove(0)
    }

    fn told(flames: Flames) -> String {
        let (tree, frames) = flames.finish();
        let mut text = String::new();
        for branch in &tree.branches {
            let indent = " ".repeat(branch.depth as usize);
            let name = &frames[branch.frame as usize].name;
            let ms = |amount: stats::tree::Amount| {
                format!(
                    "{}x {}/{} ms",
                    amount.count,
                    amount.own / 1_000_000,
                    amount.total / 1_000_000
                )
            };
            writeln!(text, "{indent}{name}: {} | {}", ms(branch.before), ms(branch.after)).unwrap();
        }
        text
    }

    #[test]
    fn equal_work_is_one_box_and_widths_add_up_to_the_duration() {
        let before = trace(&[
            (1, 0, 0, 100, ""),
            (2, 1, 10, 30, "SELECT a FROM customers WHERE id = 1"),
            (3, 1, 30, 60, "SELECT a FROM customers WHERE id = 2"),
            // Beside the one before it: nobody waits for it alone.
            (4, 1, 30, 50, "SELECT b FROM stock"),
        ]);
        let after =
            trace(&[(1, 0, 0, 40, ""), (2, 1, 10, 30, "SELECT a FROM customers WHERE id = 1")]);
        let mut flames = Flames::new();
        assert_eq!(flames.add_requests(Side::Before, &before, "shop", "GET /orders"), 1);
        assert_eq!(flames.add_requests(Side::After, &after, "shop", "GET /orders"), 1);
        assert_eq!(flames.add_requests(Side::After, &after, "shop", "GET /other"), 0);
        assert_eq!(
            told(flames),
            "GET /orders: 1x 50/100 ms | 1x 20/40 ms\n \
             SELECT customers by id: 2x 50/50 ms | 1x 20/20 ms\n \
             SELECT stock: 1x 0/0 ms | 0x 0/0 ms\n"
        );
    }
}
