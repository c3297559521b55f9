//! One request of a trace, sorted out once so that every detector can look at it cheaply.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use model::{
    Call, Evidence, HttpCall, Node, OperationKey, Request, Sighting, SpanId, Statement,
    StatementKind, StatementText, Trace, Work,
};

use crate::{CriticalPath, Kind};

/// Spans that a sighting names; more do not help anybody who looks.
const EVIDENCE_SPANS_MAX: usize = 20;

/// One request of a trace: what a service did to answer it, without what other services did.
#[derive(Debug)]
pub struct RequestView<'a> {
    /// The whole trace.
    pub trace: &'a Trace,
    /// Place of the request's entry span.
    pub entry: usize,
    /// The critical path of the request.
    pub path: CriticalPath,
    /// Which operation is requested.
    pub key: OperationKey,
    /// Places of all spans of the request, in tree order, the entry first; no doubles.
    pub places: Vec<usize>,
    /// Runs of database statements, grouped by shape, in the order of their first run.
    pub statements: Vec<StatementGroup<'a>>,
    /// Places of calls to remote endpoints, by start.
    pub remote: Vec<usize>,
}

/// All runs of statements of one shape within a request.
#[derive(Debug)]
pub struct StatementGroup<'a> {
    /// The shape.
    pub text: &'a Arc<StatementText>,
    /// Places of the runs, by start.
    pub places: Vec<usize>,
    /// Runs, those that a summary span stands for included.
    pub count: u32,
}

impl<'a> RequestView<'a> {
    /// Sorts out the request that begins at `entry`.
    #[must_use]
    pub fn new(trace: &'a Trace, entry: usize) -> Self {
        let places: Vec<usize> = trace.request(entry).collect();
        let mut statements: Vec<StatementGroup<'a>> = Vec::new();
        let mut group_of: BTreeMap<u64, usize> = BTreeMap::new();
        let mut remote = Vec::new();
        for place in places.iter().copied() {
            let call = &trace.nodes[place].call;
            match &call.work {
                Work::Statement(statement) => {
                    let next = statements.len();
                    let group = *group_of.entry(statement.text.fingerprint).or_insert(next);
                    if group == next {
                        let text = &statement.text;
                        statements.push(StatementGroup { text, places: Vec::new(), count: 0 });
                    }
                    statements[group].places.push(place);
                    statements[group].count = statements[group].count.saturating_add(call.count);
                }
                Work::Http(_) => remote.push(place),
                _ => {}
            }
        }
        let start = |place: &usize| (trace.nodes[*place].call.start, *place);
        for group in &mut statements {
            group.places.sort_by_key(start);
        }
        statements.sort_by_key(|group| group.places.first().map(start));
        remote.sort_by_key(start);
        let key = operation_key(&trace.nodes[entry].call);
        let path = CriticalPath::of(trace, entry);
        Self { trace, entry, path, key, places, statements, remote }
    }

    /// The node at a place.
    #[must_use]
    pub fn node(&self, place: usize) -> &'a Node {
        &self.trace.nodes[place]
    }

    /// The call at a place.
    #[must_use]
    pub fn call(&self, place: usize) -> &'a Call {
        &self.trace.nodes[place].call
    }

    /// The entry span.
    #[must_use]
    pub fn entry_call(&self) -> &'a Call {
        self.call(self.entry)
    }

    /// What is known of the request, if its entry span is one.
    #[must_use]
    pub fn request(&self) -> Option<&'a Request> {
        self.entry_call().request()
    }

    /// The statement at a place.
    #[must_use]
    pub fn statement(&self, place: usize) -> Option<&'a Statement> {
        self.call(place).statement()
    }

    /// The remote call at a place.
    #[must_use]
    pub fn http(&self, place: usize) -> Option<&'a HttpCall> {
        self.call(place).http()
    }

    /// How long the request took.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.entry_call().duration()
    }

    /// Somebody waits for the answer: it is no message handler, no job, no script.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.request().is_some_and(|request| !request.background)
    }

    /// The answer is meant to last: a stream of events, a long poll, a socket.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        const STREAMS: &[&str] = &[
            "events",
            "stream",
            "streams",
            "sse",
            "ws",
            "websocket",
            "socket",
            "poll",
            "longpoll",
            "subscribe",
            "subscriptions",
            "live",
            "watch",
        ];
        self.request().is_some_and(|request| {
            request
                .operation
                .split(|letter: char| !letter.is_ascii_alphanumeric())
                .any(|word| STREAMS.iter().any(|known| word.eq_ignore_ascii_case(known)))
        })
    }

    /// Time in which the request waited for the spans at `places`, on the critical path.
    #[must_use]
    pub fn waited(&self, places: &[usize]) -> Duration {
        places.iter().map(|place| self.path.inclusive(*place)).sum()
    }

    /// The spans' durations added up, whether somebody waited or not.
    #[must_use]
    pub fn spent(&self, places: &[usize]) -> Duration {
        places.iter().map(|place| self.call(*place).duration()).sum()
    }

    /// The longest of the spans, per call that it stands for.
    #[must_use]
    pub fn longest(&self, places: &[usize]) -> Duration {
        let single = |place: &usize| {
            let call = self.call(*place);
            call.duration() / call.count.max(1)
        };
        places.iter().map(single).max().unwrap_or_default()
    }

    /// The last read, from a database, a cache or another service, and the service's own time on
    /// the critical path after it; `None` if the request read nothing.
    ///
    /// Client libraries end a statement's span when the first rows are there, so this time holds the
    /// fetching of the others too.
    #[must_use]
    pub fn own_after_last_fetch(&self) -> Option<(usize, Duration)> {
        let reads = |place: &usize| fetches(&self.call(*place).work);
        let ends = |place: &usize| (self.call(*place).end, *place);
        let last = self.places.iter().copied().filter(reads).max_by_key(ends)?;
        let from = self.call(last).end;
        let others: Vec<usize> = self
            .places
            .iter()
            .copied()
            .filter(|place| {
                let call = self.call(*place);
                from <= call.start && Kind::of(&call.work) != Kind::Own
            })
            .collect();
        let after = self.entry_call().end.since(from);
        Some((last, after.saturating_sub(self.waited(&others))))
    }

    /// Database statements of the request, those that summary spans stand for included.
    #[must_use]
    pub fn statement_count(&self) -> u32 {
        self.statements.iter().fold(0, |sum, group| sum.saturating_add(group.count))
    }

    /// Whether `saved` matters to this request: at least `least`, and a `share` of it.
    #[must_use]
    pub fn matters(&self, saved: Duration, least_nanos: u64, share: f64) -> bool {
        Duration::from_nanos(least_nanos) <= saved
            && self.duration().as_secs_f64() * share <= saved.as_secs_f64()
    }

    /// Identities of some of the spans at `places`.
    #[must_use]
    pub fn span_ids(&self, places: &[usize]) -> Vec<SpanId> {
        places.iter().take(EVIDENCE_SPANS_MAX).map(|place| self.call(*place).span_id).collect()
    }

    /// Evidence that points at `places`: their spans, and the nearest place in the code that one of
    /// them or of the spans above them names.
    #[must_use]
    pub fn evidence(&self, places: &[usize]) -> Evidence {
        let code = places.first().and_then(|place| self.code(*place));
        let ran = places.iter().find_map(|place| self.statement(*place));
        let system = ran.map(|statement| statement.system.clone()).unwrap_or_default();
        Evidence { system, spans: self.span_ids(places), code, ..Evidence::default() }
    }

    /// A sighting in this request, with everything filled in that follows from the request itself.
    #[must_use]
    pub fn sighting(&self, fault: &'static str, cause: String, claim: String) -> Sighting {
        Sighting {
            fault,
            operation: self.key.clone(),
            trace_id: self.trace.id,
            request_span_id: self.entry_call().span_id,
            time: self.entry_call().start,
            cause,
            claim,
            evidence: Evidence::default(),
            calls_now: 1,
            calls_after: 1,
            duration: self.duration(),
            saved: Duration::ZERO,
            saved_database: Duration::ZERO,
        }
    }

    fn code(&self, place: usize) -> Option<model::CodeLocation> {
        let mut next = Some(place);
        while let Some(place) = next {
            let node = self.node(place);
            if let Some(code) = &node.call.code {
                return Some((**code).clone());
            }
            next = if place == self.entry { None } else { node.parent };
        }
        None
    }
}

/// Whether a call brings something that an answer is made of; telling a cache or another service
/// something does not, nor does asking the database for nothing of its tables (`SELECT 1`, `SET`).
fn fetches(work: &Work) -> bool {
    const CACHE_READS: &[&str] = &[
        "get",
        "mget",
        "getrange",
        "getex",
        "getdel",
        "hget",
        "hgetall",
        "hmget",
        "hvals",
        "hkeys",
        "lrange",
        "lindex",
        "smembers",
        "srandmember",
        "zrange",
        "zrevrange",
        "zrangebyscore",
        "zrevrangebyscore",
        "xrange",
        "json.get",
        "gets",
        "get_many",
        "get_multi",
        "fetch",
        "read",
        "ft.search",
    ];
    const RPC_READS: &[&str] = &[
        "get", "list", "find", "search", "query", "fetch", "read", "lookup", "batchget", "scan",
        "load", "count", "describe", "resolve",
    ];
    match work {
        Work::Statement(statement) => match statement.text.kind {
            StatementKind::Select => {
                !statement.text.tables.is_empty() || statement.text.shape.is_none()
            }
            StatementKind::Other => true,
            _ => false,
        },
        Work::Http(http) => match http.method.as_str() {
            "GET" | "HEAD" | "QUERY" | "" => true,
            // GraphQL and searches are asked with POST.
            "POST" => {
                ["graphql", "search", "query"].iter().any(|part| http.template.contains(part))
            }
            "PUT" | "PATCH" | "DELETE" | "OPTIONS" => false,
            method => {
                let method = method.to_lowercase();
                RPC_READS.iter().any(|start| method.starts_with(start))
            }
        },
        Work::Cache { operation, .. } => CACHE_READS.contains(&operation.to_lowercase().as_str()),
        _ => false,
    }
}

/// Which operation an entry span is: the request's, or the name of a script's or job's root span.
#[must_use]
pub(crate) fn operation_key(call: &Call) -> OperationKey {
    let operation = match &call.work {
        Work::Request(request) => Arc::from(request.operation.as_str()),
        Work::Missing => Arc::from("(parent never came)"),
        _ => Arc::from(call.name.as_str()),
    };
    OperationKey { service: Arc::clone(&call.service), operation }
}
