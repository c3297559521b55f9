//! Recent requests of every operation: what detectors over a window look at.
//!
//! Bounded: so many requests an operation, so many operations; the oldest make room for the newest.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use model::{
    Evidence, Moment, OperationKey, Parameters, Sighting, SpanId, StatementText, Text, TraceId,
    Window, Work,
};

use crate::RequestView;

/// Requests kept of one operation: enough for a p99 with 20 samples beyond it.
const REQUESTS_MAX: usize = 2_000;

/// Operations kept: what a large monolith has; services with unbounded names must not fill memory.
const OPERATIONS_MAX: usize = 2_000;

/// Names kept; what has none is left out of evidence.
const NAMES_MAX: usize = 20_000;

/// Reads kept of one request: a request with more has another problem first.
const READS_MAX: usize = 64;

/// Recent requests of every operation.
#[derive(Debug, Clone, Default)]
pub struct Workload {
    /// By operation.
    pub operations: BTreeMap<OperationKey, OperationWork>,
    /// What the hashes in [`PastRequest::footprint`] stand for.
    pub names: BTreeMap<u64, Text>,
    /// Moments of the last writes to each table, by service and table; at most 1,000 each.
    pub writes: BTreeMap<(Arc<str>, Text), VecDeque<Moment>>,
}

/// Recent requests of one operation.
#[derive(Debug, Clone, Default)]
pub struct OperationWork {
    /// In the order in which their traces settled.
    pub requests: VecDeque<PastRequest>,
}

/// What is remembered of one request.
#[derive(Debug, Clone)]
pub struct PastRequest {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its entry span.
    pub span_id: SpanId,
    /// When it began.
    pub start: Moment,
    /// How long it took.
    pub duration: Duration,
    /// Whether it failed.
    pub failed: bool,
    /// Somebody waited for the answer.
    pub awaited: bool,
    /// HTTP method, upper case; empty for other protocols.
    pub method: Text,
    /// HTTP status; 0 if unknown.
    pub status: u16,
    /// Attributes that may tell it from others, sorted by key.
    pub attributes: Vec<(Text, Text)>,
    /// Database statements that it ran.
    pub statements: u32,
    /// Its reads, longest first; at most 64.
    pub reads: Vec<Read>,
    /// Shapes of all its statements, remote endpoints and named work, sorted: which code path it took.
    pub footprint: BTreeSet<u64>,
    /// Database connections that it opened itself, pools aside.
    pub connects: u32,
    /// Time that it waited for those and for the statements that set a session up.
    pub connect_waited: Duration,
    /// Session set-up statements that it ran, as a fresh connection needs them.
    pub session_statements: u32,
}

/// One read of a request: runs of one statement with the same parameters.
#[derive(Debug, Clone)]
pub struct Read {
    /// The statement.
    pub text: Arc<StatementText>,
    /// Its parameters.
    pub parameters: Parameters,
    /// Place in the trace's tree order, for evidence.
    pub span_id: SpanId,
    /// Time that the request waited for it.
    pub waited: Duration,
    /// Time that it took.
    pub spent: Duration,
}

impl PastRequest {
    /// Somebody got a whole answer: no error, no `304 Not Modified`, no head without a body.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        let whole = self.status == 0 || (200..300).contains(&self.status) && self.status != 204;
        let body = !matches!(self.method.as_str(), "HEAD" | "OPTIONS");
        self.awaited && !self.failed && whole && body
    }

    /// A sighting in this request, with everything filled in that follows from the request itself.
    #[must_use]
    pub fn sighting(
        &self,
        fault: &'static str,
        operation: &OperationKey,
        cause: String,
        claim: String,
    ) -> Sighting {
        Sighting {
            fault,
            operation: operation.clone(),
            trace_id: self.trace_id,
            request_span_id: self.span_id,
            time: self.start,
            cause,
            claim,
            evidence: Evidence::default(),
            calls_now: 1,
            calls_after: 1,
            duration: self.duration,
            saved: Duration::ZERO,
            saved_database: Duration::ZERO,
        }
    }
}

impl Workload {
    /// Remembers one request.
    pub fn observe(&mut self, view: &RequestView<'_>) {
        self.remember_writes(view);
        let known = self.operations.contains_key(&view.key);
        if !known && OPERATIONS_MAX <= self.operations.len() {
            return;
        }
        let work = self.operations.entry(view.key.clone()).or_default();
        if REQUESTS_MAX <= work.requests.len() {
            work.requests.pop_front();
        }
        let deeds = deeds(view);
        work.requests.push_back(past_request(view, deeds.keys().copied().collect()));
        for (hash, name) in deeds {
            if self.names.len() < NAMES_MAX {
                self.names.entry(hash).or_insert(name);
            }
        }
    }

    /// Forgets what began before `from`.
    pub fn forget_before(&mut self, from: Moment) {
        for work in self.operations.values_mut() {
            work.requests.retain(|request| from <= request.start);
        }
        self.operations.retain(|_, work| !work.requests.is_empty());
        for moments in self.writes.values_mut() {
            moments.retain(|moment| from <= *moment);
        }
        self.writes.retain(|_, moments| !moments.is_empty());
    }

    /// From the first request to the last; `None` if there is none.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        let starts = || {
            let requests = self.operations.values().flat_map(|work| &work.requests);
            requests.map(|request| request.start)
        };
        Some(Window { from: starts().min()?, to: starts().max()? })
    }

    fn remember_writes(&mut self, view: &RequestView<'_>) {
        for group in view.statements.iter().filter(|group| group.text.kind.writes()) {
            let Some(place) = group.places.first() else { continue };
            let call = view.call(*place);
            for table in &group.text.tables {
                let key = (Arc::clone(&call.service), table.clone());
                if OPERATIONS_MAX <= self.writes.len() && !self.writes.contains_key(&key) {
                    continue;
                }
                let moments = self.writes.entry(key).or_default();
                if 1_000 <= moments.len() {
                    moments.pop_front();
                }
                moments.push_back(call.start);
            }
        }
    }
}

fn past_request(view: &RequestView<'_>, footprint: BTreeSet<u64>) -> PastRequest {
    let call = view.entry_call();
    let request = view.request();
    let connects: Vec<usize> = view
        .places
        .iter()
        .copied()
        .filter(|place| matches!(view.call(*place).work, Work::Connect { pooled: false, .. }))
        .collect();
    let sessions: Vec<usize> =
        view.places.iter().copied().filter(|place| sets_session_up(view, *place)).collect();
    PastRequest {
        trace_id: view.trace.id,
        span_id: call.span_id,
        start: call.start,
        duration: call.duration(),
        failed: call.failed,
        awaited: view.is_awaited(),
        method: request.map(|request| request.method.clone()).unwrap_or_default(),
        status: request.map_or(0, |request| request.status),
        attributes: request.map(|request| request.attributes.clone()).unwrap_or_default(),
        statements: view.statement_count(),
        reads: reads(view),
        footprint,
        connects: u32::try_from(connects.len()).unwrap_or(u32::MAX),
        connect_waited: view.waited(&connects) + view.waited(&sessions),
        session_statements: u32::try_from(sessions.len()).unwrap_or(u32::MAX),
    }
}

/// Statements that client libraries run once for each fresh connection.
fn sets_session_up(view: &RequestView<'_>, place: usize) -> bool {
    let text = match &view.call(place).work {
        Work::Statement(statement) => statement.text.text.as_str(),
        Work::Transaction { .. } => view.call(place).name.as_str(),
        _ => return false,
    };
    ["select set_config(", "set session ", "set names ", "set time zone", "select version()"]
        .iter()
        .any(|start| text.starts_with(start))
}

fn reads(view: &RequestView<'_>) -> Vec<Read> {
    let mut reads: BTreeMap<(u64, Parameters), Read> = BTreeMap::new();
    for group in view.statements.iter().filter(|group| !group.text.kind.writes()) {
        for place in &group.places {
            let Some(statement) = view.statement(*place) else { continue };
            let call = view.call(*place);
            let read =
                reads.entry((group.text.fingerprint, statement.parameters)).or_insert_with(|| {
                    Read {
                        text: Arc::clone(group.text),
                        parameters: statement.parameters,
                        span_id: call.span_id,
                        waited: Duration::ZERO,
                        spent: Duration::ZERO,
                    }
                });
            read.waited += view.path.inclusive(*place);
            read.spent += call.duration();
        }
    }
    let mut reads: Vec<Read> = reads.into_values().collect();
    reads.sort_by_key(|read| std::cmp::Reverse(read.spent));
    reads.truncate(READS_MAX);
    reads
}

/// What the request did beside answering: statements, endpoints, cache operations and named work, each
/// once; at most 256.
fn deeds(view: &RequestView<'_>) -> BTreeMap<u64, Text> {
    let deed = |place: &usize| {
        let call = view.call(*place);
        Some(match &call.work {
            Work::Statement(statement) => (statement.text.fingerprint, statement.text.text.clone()),
            Work::Http(http) => named(&format!("{} {}{}", http.method, http.host, http.template)),
            Work::Cache { operation, key, .. } => named(format!("{operation} {key}").trim_end()),
            Work::Own | Work::Render { .. } | Work::Mail { .. } | Work::Send { .. } => {
                named(&call.name)
            }
            _ => return None,
        })
    };
    view.places.iter().skip(1).filter_map(deed).take(256).collect()
}

fn named(name: &str) -> (u64, Text) {
    (sql::hash(name.as_bytes()), Text::from(name))
}
