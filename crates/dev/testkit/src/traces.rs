//! Made-up traces: a request, and what it did when, in microseconds from its beginning.

use std::{collections::BTreeMap, sync::Arc};

use model::{
    Call, Framework, HttpCall, Moment, Node, Request, SpanId, SpanKind, Stack, Text, Trace,
    TraceId, Work,
};

/// When made-up traces begin: 2026-01-01 00:00 UTC.
const EPOCH_NANOS: u64 = 1_767_225_600_000_000_000;

/// Builds a trace call by call.
#[derive(Debug)]
pub struct TraceBuilder {
    id: u64,
    calls: Vec<(Option<usize>, Call)>,
    start_micros: u64,
    service: Arc<str>,
    stack: Stack,
    statements: sql::Statements,
}

impl Default for TraceBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl TraceBuilder {
    /// An empty trace of a service named `shop`.
    #[must_use]
    pub fn new() -> Self {
        Self::numbered(1)
    }

    /// An empty trace whose identity and begin follow from `number`: they are a second apart.
    #[must_use]
    pub fn numbered(number: u64) -> Self {
        Self {
            id: number,
            calls: Vec::new(),
            start_micros: number * 1_000_000,
            service: Arc::from("shop"),
            stack: Stack::default(),
            statements: sql::Statements::default(),
        }
    }

    /// Says what the service is built with.
    pub fn framework(&mut self, framework: Framework) -> &mut Self {
        self.stack.frameworks.insert(framework);
        self
    }

    /// Adds a request that the service answers, such as `GET /api/orders/`; returns its place.
    pub fn root(&mut self, operation: &str, from_micros: u64, to_micros: u64) -> usize {
        let (method, route) = operation.split_once(' ').unwrap_or(("", operation));
        let request = Request {
            operation: Text::from(operation),
            method: Text::from(method),
            route: Text::from(route),
            path: Text::from(route),
            status: 200,
            ..Request::default()
        };
        let work = Work::Request(Box::new(request));
        self.push(None, (operation, work), (from_micros, to_micros))
    }

    /// Lets the trace begin so many microseconds after the epoch of made-up traces.
    pub fn starting_at(&mut self, micros: u64) -> &mut Self {
        self.start_micros = micros;
        self
    }

    /// Adds a root span that nobody waits for; returns its place.
    pub fn job(&mut self, name: &str) -> usize {
        self.push(None, (name, Work::Own), (0, 0))
    }

    /// Adds a request that another service answers, below the call at `parent`; returns its place.
    pub fn root_below(&mut self, parent: usize, operation: &str, from: u64, to: u64) -> usize {
        let place = self.root(operation, from, to);
        self.calls[place].0 = Some(parent);
        self.calls[place].1.parent_id = Some(self.calls[parent].1.span_id);
        self.calls[place].1.service = Arc::from("other");
        place
    }

    /// Adds a call below the call at `parent`; returns its place.
    pub fn child(
        &mut self,
        parent: usize,
        (name, work): (&str, Work),
        from_micros: u64,
        to_micros: u64,
    ) -> usize {
        self.push(Some(parent), (name, work), (from_micros, to_micros))
    }

    /// Adds a run of an SQL statement below the call at `parent`; returns its place.
    pub fn sql(&mut self, parent: usize, text: &str, from_micros: u64, to_micros: u64) -> usize {
        let (name, work) = statement(&mut self.statements, text);
        self.push(Some(parent), (&name, work), (from_micros, to_micros))
    }

    /// Changes the call at `place`.
    pub fn edit(&mut self, place: usize, change: impl FnOnce(&mut Call)) -> &mut Self {
        change(&mut self.calls[place].1);
        self
    }

    /// Changes the request at `place`.
    pub fn edit_request(&mut self, place: usize, change: impl FnOnce(&mut Request)) -> &mut Self {
        if let Work::Request(request) = &mut self.calls[place].1.work {
            change(request);
        }
        self
    }

    /// The trace, in tree order. Places of calls are those at which they were added only if each
    /// was added after its elder siblings' subtrees.
    #[must_use]
    pub fn trace(&self) -> Trace {
        let mut children: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
        for (place, (parent, _)) in self.calls.iter().enumerate() {
            children.entry(*parent).or_default().push(place);
        }
        for places in children.values_mut() {
            places.sort_by_key(|place| (self.calls[*place].1.start, *place));
        }
        let mut trace = Trace { id: trace_id(self.id), ..Trace::default() };
        for root in children.get(&None).cloned().unwrap_or_default() {
            self.add(&children, root, None, &mut trace);
        }
        trace.stacks.insert(Arc::clone(&self.service), self.stack.clone());
        trace
    }

    fn add(
        &self,
        children: &BTreeMap<Option<usize>, Vec<usize>>,
        from: usize,
        parent: Option<usize>,
        trace: &mut Trace,
    ) {
        let call = self.calls[from].1.clone();
        let place = trace.nodes.len();
        let is_entry = parent.is_none() || matches!(call.work, Work::Request(_));
        let entry = if is_entry {
            trace.entries.push(place);
            place
        } else {
            parent.map_or(place, |parent| trace.nodes[parent].entry)
        };
        let depth = parent.map_or(0, |parent| trace.nodes[parent].depth + 1);
        trace.nodes.push(Node {
            call,
            parent,
            depth,
            subtree_end: place + 1,
            entry,
            double: false,
        });
        for child in children.get(&Some(from)).cloned().unwrap_or_default() {
            self.add(children, child, Some(place), trace);
        }
        trace.nodes[place].subtree_end = trace.nodes.len();
    }

    fn push(
        &mut self,
        parent: Option<usize>,
        (name, work): (&str, Work),
        (from_micros, to_micros): (u64, u64),
    ) -> usize {
        let number = u64::try_from(self.calls.len()).unwrap_or(u64::MAX) + 1;
        let at = |micros: u64| Moment { nanos: EPOCH_NANOS + (self.start_micros + micros) * 1_000 };
        let kind = match &work {
            Work::Request(_) => SpanKind::Server,
            Work::Own | Work::Render { .. } | Work::Missing => SpanKind::Internal,
            Work::Send { .. } => SpanKind::Producer,
            _ => SpanKind::Client,
        };
        let call = Call {
            span_id: SpanId(number.to_be_bytes()),
            parent_id: parent.map(|place| self.calls[place].1.span_id),
            start: at(from_micros),
            end: at(to_micros),
            kind,
            failed: false,
            service: Arc::clone(&self.service),
            scope: Arc::from("made.up"),
            name: Text::from(name),
            count: 1,
            code: None,
            work,
        };
        self.calls.push((parent, call));
        self.calls.len() - 1
    }
}

fn trace_id(number: u64) -> TraceId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    TraceId(bytes)
}

/// Work within the process.
#[must_use]
pub fn own(name: &str) -> (&str, Work) {
    (name, Work::Own)
}

/// Rendering of a template.
#[must_use]
pub fn render(template: &str) -> (&str, Work) {
    (template, Work::Render { template: Text::from(template) })
}

/// Sending of mail.
#[must_use]
pub fn mail(peer: &str) -> (&str, Work) {
    ("smtp", Work::Mail { peer: Text::from(peer) })
}

/// Opening of a database connection.
#[must_use]
pub fn connect(pooled: bool) -> (&'static str, Work) {
    ("connect", Work::Connect { system: Text::from("postgresql"), pooled })
}

/// A remote call, such as `http("GET", "stock.internal", "/items/{id}", "/items/17")`.
#[must_use]
pub fn http<'a>(method: &'a str, host: &str, template: &str, url: &str) -> (&'a str, Work) {
    let call = HttpCall {
        method: Text::from(method),
        host: Text::from(host),
        template: Text::from(template),
        url_hash: sql::hash(url.as_bytes()),
        variables: url
            .split('/')
            .filter(|part| part.bytes().any(|byte| byte.is_ascii_digit()))
            .filter(|part| !part.starts_with('v'))
            .map(|part| sql::hash(part.as_bytes()))
            .collect(),
        status: 200,
        ..HttpCall::default()
    };
    (method, Work::Http(Box::new(call)))
}

/// A run of a statement.
#[must_use]
pub fn statement(statements: &mut sql::Statements, text: &str) -> (String, Work) {
    let (shape, parameters, offset, folded) = statements.read(text);
    let name = text.split_whitespace().next().unwrap_or_default().to_owned();
    let statement = model::Statement {
        system: Text::const_new("postgresql"),
        text: shape,
        parameters,
        offset,
        members: folded.saturating_add(1),
        returned_rows: None,
        batch_size: 1,
    };
    (name, Work::Statement(Box::new(statement)))
}
