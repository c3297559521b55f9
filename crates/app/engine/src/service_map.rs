//! Who calls whom: edges between services, databases, queues and remote hosts, from whole traces.
//!
//! A caller's span and the span that answers it are joined by parent and child, so that an edge is there once and its
//! latency is what the caller waited. [`Edges`] is pure; [`service_map`] feeds it a fair sample of the window's traces.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::Hasher as _,
    time::{Duration, Instant},
};

use find::CriticalPath;
use model::{Call, Node, Span, SpanKind, Text, Trace, TraceId, Window, Work};
use rustc_hash::FxHasher;
use stats::Sketch;
use store::{
    Answered, Coverage, Limits, RequestFact, RequestFilter, SPANS_MAX, Store,
    keep::{
        SPANS,
        query::{Field, Filter, GROUPS_MAX, Measure, Measured, Query, Top},
        table::span,
    },
};

use crate::{
    question::{AskError, read_filter},
    sampled::{SampledTraces, sampled_traces},
};

/// Traces that a map is made of: some thousand calls tell the shape of a system and its latencies.
const TRACES_MAX: usize = 400;

/// Services that the sample leaves out of which a trace is read: each takes some milliseconds.
const MISSING_MAX: usize = 24;

/// The longest requests of such a service of which one is taken, and spans that it may have.
const MISSING_LOOKS: usize = 20;
const MISSING_SPANS_MAX: u32 = 5_000;

/// Edges of a map: two hundred services with a handful of neighbours each.
const EDGES_MAX: usize = 2_000;

/// What is at the far end of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PeerKind {
    /// A service that sends spans itself.
    Service,
    /// A database.
    Database,
    /// A cache.
    Cache,
    /// A queue or topic.
    Queue,
    /// A host of which nothing is known but its name.
    Remote,
}

/// Who is at the far end of an edge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer {
    /// What it is.
    pub kind: PeerKind,
    /// Its name: `shop`, `postgresql orders`, `api.example.com`.
    pub name: Text,
}

/// How often something happened, how often it failed, and how long it took.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Traffic {
    /// How often.
    pub calls: u64,
    /// How often it failed.
    pub errors: u64,
    /// How long it took, in nanoseconds.
    pub durations: Sketch,
    /// How long somebody waited for it: of a service, for its own work; of a call, for all that it caused.
    pub critical_nanos: u64,
}

/// Calls between services and from them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edges {
    /// Requests that each service answered.
    pub services: BTreeMap<Text, Traffic>,
    /// Calls by caller and called.
    pub calls: BTreeMap<(Text, Peer), Traffic>,
    /// How long the traces took in all: what critical paths are shares of.
    pub critical_nanos: u64,
    /// There are more edges than are kept.
    pub is_cut: bool,
}

/// The edges of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceMap {
    /// From when to when.
    pub window: Window,
    /// What the sampled traces say.
    pub edges: Edges,
    /// What the sample leaves out, from a trace each: that it is there, and nothing of how often or how long.
    pub seldom: Edges,
    /// Traces that were looked at.
    pub traces: u64,
    /// Traces of the window that pass the filter: counts of the sample stand for as many times more.
    pub traces_in_all: u64,
    /// What was looked at to find them.
    pub coverage: Coverage,
}

impl Traffic {
    fn add(&mut self, call: &Call) {
        let count = u64::from(call.count.max(1));
        self.calls += count;
        self.errors += if call.failed { count } else { 0 };
        let nanos = u64::try_from(call.duration().as_nanos()).unwrap_or(u64::MAX);
        self.durations.add_many(nanos, count);
    }

    fn waited(&mut self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.critical_nanos = self.critical_nanos.saturating_add(nanos);
    }
}

impl Edges {
    /// Takes in a trace. `spans` are those that it was made of: they name databases and servers.
    pub fn add(&mut self, trace: &Trace, spans: &[Span]) {
        let by_id: BTreeMap<_, &Span> = spans.iter().map(|span| (span.span_id, span)).collect();
        let waits = self.waits(trace);
        // Calls that another service of the trace answers: the edge leads there.
        let mut is_answered = vec![false; trace.nodes.len()];
        for (place, node) in trace.nodes.iter().enumerate().filter(|(_, node)| answers(node)) {
            self.services.entry(Text::from(&*node.call.service)).or_default().add(&node.call);
            let Some(caller) = caller(trace, node) else { continue };
            is_answered[caller] = true;
            let from = &trace.nodes[caller].call;
            let peer = Peer { kind: PeerKind::Service, name: Text::from(&*node.call.service) };
            // What the caller waited, unless it only handed something over.
            let waited = matches!(from.kind, SpanKind::Client);
            let (call, place) = if waited { (from, caller) } else { (&node.call, place) };
            self.count(&from.service, peer, call, waits[place].inclusive);
        }
        for (place, (node, is_answered)) in trace.nodes.iter().zip(is_answered).enumerate() {
            if !is_answered
                && !node.double
                && let Some(peer) = peer(&node.call, by_id.get(&node.call.span_id).copied())
            {
                self.count(&node.call.service, peer, &node.call, waits[place].inclusive);
            } else if let Some(service) = self.services.get_mut(&*node.call.service) {
                service.waited(waits[place].own);
            }
        }
    }

    /// How long somebody waited for each span, from the roots on.
    fn waits(&mut self, trace: &Trace) -> Vec<Waited> {
        let mut waits = vec![Waited::default(); trace.nodes.len()];
        let mut root = 0;
        while let Some(node) = trace.nodes.get(root) {
            let path = CriticalPath::of(trace, root);
            let end = node.subtree_end.max(root + 1);
            for (place, wait) in waits.iter_mut().enumerate().take(end).skip(root) {
                *wait = Waited { own: path.own(place), inclusive: path.inclusive(place) };
            }
            let nanos = u64::try_from(path.inclusive(root).as_nanos()).unwrap_or(u64::MAX);
            self.critical_nanos = self.critical_nanos.saturating_add(nanos);
            root = end;
        }
        waits
    }

    fn count(&mut self, caller: &str, peer: Peer, call: &Call, waited: Duration) {
        let key = (Text::from(caller), peer);
        if EDGES_MAX <= self.calls.len() && !self.calls.contains_key(&key) {
            self.is_cut = true;
            return;
        }
        let traffic = self.calls.entry(key).or_default();
        traffic.add(call);
        traffic.waited(waited);
    }
}

/// How long somebody waited for a span: for itself, and for all that it caused.
#[derive(Debug, Clone, Copy, Default)]
struct Waited {
    own: Duration,
    inclusive: Duration,
}

/// Whether a span begins what a service does for somebody else.
fn answers(node: &Node) -> bool {
    let is_entry = matches!(node.call.kind, SpanKind::Server | SpanKind::Consumer);
    !node.double && (is_entry || matches!(node.call.work, Work::Request(_)))
}

/// The nearest span above of another service: a proxy or a library may lie between.
fn caller(trace: &Trace, node: &Node) -> Option<usize> {
    let mut place = node.parent?;
    loop {
        let above = &trace.nodes[place];
        if above.call.service != node.call.service && !matches!(above.call.work, Work::Missing) {
            return Some(place);
        }
        // Only what never came may be stepped over.
        if !matches!(above.call.work, Work::Missing) {
            return None;
        }
        place = above.parent?;
    }
}

/// Whom a span calls, if it calls anybody.
fn peer(call: &Call, span: Option<&Span>) -> Option<Peer> {
    let named = |kind, name: &str| Some(Peer { kind, name: name.into() });
    let attribute = |keys: [&str; 2]| {
        let text = |key| span?.attributes.text(key);
        keys.into_iter().find_map(text).filter(|text| !text.is_empty())
    };
    let database = |system: &str| {
        let system = if system.is_empty() { "database" } else { system };
        match attribute(["db.namespace", "db.name"]) {
            Some(name) => named(PeerKind::Database, &format!("{system} {name}")),
            None => named(PeerKind::Database, system),
        }
    };
    match &call.work {
        Work::Statement(statement) => database(&statement.system),
        Work::Connect { system, .. } | Work::Transaction { system } => database(system),
        Work::Cache { system, .. } => named(PeerKind::Cache, system),
        Work::Http(http) if !http.host.is_empty() => named(PeerKind::Remote, &http.host),
        Work::Send { system, destination } => {
            named(PeerKind::Queue, format!("{system} {destination}").trim())
        }
        Work::Mail { peer } if peer.is_empty() => named(PeerKind::Remote, "mail"),
        Work::Mail { peer } => named(PeerKind::Remote, peer),
        _ if call.kind == SpanKind::Client => attribute(["server.address", "net.peer.name"])
            .and_then(|it| named(PeerKind::Remote, it)),
        _ => None,
    }
}

/// The map of a window, of the traces with a span that passes the filter.
///
/// # Errors
///
/// The filter is not understood, or the store fails.
pub fn service_map(
    filter: &str,
    window: Window,
    store: &dyn Store,
    limits: &Limits,
) -> Result<ServiceMap, AskError> {
    let until = Instant::now() + limits.time.min(Duration::from_hours(1));
    let filter = read_filter(&SPANS, filter, "where")?;
    let requests =
        RequestFilter { window, service: None, operation: None, duration_min: None, failed: None };
    let is_of_all = filter == Filter::All;
    let sampled = match filter {
        Filter::All => sampled_traces(&requests, TRACES_MAX, store, limits)?,
        _ => SampledTraces::default(),
    };
    let SampledTraces { traces: spans, in_all, coverage, .. } = if sampled.traces.is_empty() {
        // No request is known, or a filter is about spans.
        let Answered { answer: sample, coverage } =
            sample(filter, window, TRACES_MAX, store, limits)?;
        let traces = spans_of(&sample.traces, window, store, limits)?;
        SampledTraces { traces, in_all: sample.in_all, coverage, is_cut: false }
    } else {
        sampled
    };
    let mut edges = Edges::default();
    let mut statements = sql::Statements::default();
    let mut add = |edges: &mut Edges, traces: &BTreeMap<TraceId, Vec<Span>>| {
        for (id, spans) in traces {
            let trace = observe::assemble_spans(*id, spans, &mut statements);
            edges.add(&trace, spans);
        }
    };
    add(&mut edges, &spans);
    let mut seldom = Edges::default();
    if is_of_all {
        let missing = of_missing(&spans, &requests, store, until)?;
        add(&mut seldom, &missing);
        // One trace that was looked for says nothing about how often: it does not count beside a fair sample.
        seldom.services.retain(|name, _| !edges.services.contains_key(name));
        seldom.calls.retain(|call, _| !edges.calls.contains_key(call));
    }
    let traces = spans.len() as u64;
    Ok(ServiceMap { window, edges, seldom, traces, traces_in_all: in_all, coverage })
}

/// A trace of each service of which the sample has none, as far as they are read in time: a map that leaves out who is asked
/// seldom is wrong.
fn of_missing(
    sampled: &BTreeMap<TraceId, Vec<Span>>,
    requests: &RequestFilter,
    store: &dyn Store,
    until: Instant,
) -> Result<BTreeMap<TraceId, Vec<Span>>, AskError> {
    let seen: BTreeSet<&str> = sampled.values().flatten().map(Span::service).collect();
    let known = store.service_names(requests.window)?;
    let missing = known.into_iter().filter(|name| !seen.contains(&**name));
    let mut traces = BTreeMap::new();
    for name in missing.take(MISSING_MAX) {
        if until <= Instant::now() {
            break;
        }
        let of_it = RequestFilter { service: Some(name), ..requests.clone() };
        let longest = store.slowest(&of_it, MISSING_LOOKS)?;
        // The longest says most of what a service does, unless it is an export of everything.
        let fits = |fact: &&RequestFact| fact.spans <= MISSING_SPANS_MAX;
        if let Some(fact) = longest.iter().find(fits) {
            traces.insert(fact.trace_id, store.trace(fact.trace_id)?);
        }
    }
    Ok(traces)
}

/// A fair sample of traces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    /// The sampled ones.
    pub traces: Vec<TraceId>,
    /// How many there are.
    pub in_all: u64,
}

/// A fair sample of the traces that have a span that passes: those whose ids have the least hashes, so that the same
/// question has the same answer.
///
/// # Errors
///
/// The store fails.
pub fn sample(
    filter: Filter,
    window: Window,
    traces_max: usize,
    store: &dyn Store,
    limits: &Limits,
) -> Result<Answered<Sample>, AskError> {
    let Answered { answer, coverage } = store.ask(&by_trace(filter, window), limits)?;
    let mut ids: Vec<(u64, TraceId)> = Vec::with_capacity(answer.groups.len());
    for group in &answer.groups {
        let id = group.key.first().and_then(Option::as_deref).and_then(TraceId::from_hex);
        ids.extend(id.map(|id| (hash(id), id)));
    }
    let in_all = ids.len() as u64;
    ids.sort_unstable();
    let traces = ids.into_iter().take(traces_max).map(|(_, id)| id).collect();
    Ok(Answered { answer: Sample { traces, in_all }, coverage })
}

fn by_trace(filter: Filter, window: Window) -> Query {
    Query {
        table: &SPANS,
        window,
        filter,
        group: vec![Field::Column(span::TRACE_ID)],
        step: None,
        measures: vec![Measure::Count],
        limit: GROUPS_MAX,
    }
}

/// All spans of traces, of as many as fit into one answer.
fn spans_of(
    traces: &[TraceId],
    window: Window,
    store: &dyn Store,
    limits: &Limits,
) -> Result<BTreeMap<TraceId, Vec<Span>>, AskError> {
    let is_one_of = |traces: &[TraceId]| {
        let ids = traces.iter().map(|id| id.to_string().into()).collect();
        Filter::Is(Field::Column(span::TRACE_ID), ids)
    };
    let counted = store.ask(&by_trace(is_one_of(traces), window), limits)?.answer;
    let mut counts: BTreeMap<TraceId, u64> = BTreeMap::new();
    for group in counted.groups {
        let id = group.key.first().and_then(Option::as_deref).and_then(TraceId::from_hex);
        if let (Some(id), Some(Measured::Count(count))) = (id, group.measured.first()) {
            counts.insert(id, *count);
        }
    }
    let mut room = SPANS_MAX as u64;
    let mut fitting = Vec::new();
    for id in traces {
        let count = counts.get(id).copied().unwrap_or(0);
        if count <= room {
            room -= count;
            fitting.push(*id);
        }
    }
    let top = Top {
        table: &SPANS,
        window,
        filter: is_one_of(&fitting),
        by: Field::Column(span::START),
        limit: SPANS_MAX,
    };
    let mut spans: BTreeMap<TraceId, Vec<Span>> = BTreeMap::new();
    for span in store.top(&top, limits)?.answer {
        spans.entry(span.trace_id).or_default().push(span);
    }
    Ok(spans)
}

/// Ids are meant to be random; some exporters put the time into them.
fn hash(id: TraceId) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(&id.0);
    hasher.finish()
}
