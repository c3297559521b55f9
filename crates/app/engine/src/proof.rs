//! What a comparison of before and after is made of: traces, captures, or two windows of what a store keeps.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
};

use find::RequestView;
use model::{Exchange, Moment, OperationKey, Span, SpanId, Trace, TraceId, Window};
use prove::{
    compare::{
        Comparison, Counted, MeanChange, Question, Request, SAMPLES_MAX, Side, Verdict, Worked,
        compare, time_of_day, work,
    },
    replay::endpoint,
};
use store::{RequestFilter, Store, StoreError, TimedRequest};

use crate::facts::breakdown;

/// Requests of a window that are compared at most: more say the same, and each takes a hundred bytes.
const KEPT_MAX: usize = 500_000;

/// Requests of a window that are looked at first where somebody waits: nearly always they tell.
const SOON_MAX: usize = 50_000;

/// One side of a proof.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// How long requests took, and which failed.
    pub side: Side,
    /// What they did besides.
    pub worked: Worked,
    /// When the first one began.
    pub began: Option<Moment>,
    /// What to know of them: that some are left out, that some are no longer there.
    pub notes: Vec<String>,
}

/// Which requests are meant; all without a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Of {
    /// Of one service.
    pub service: Option<String>,
    /// Of one operation.
    pub operation: Option<String>,
    /// Those that begin with one of these spans.
    pub among: Option<Among>,
}

/// Spans of a recording.
pub type Among = BTreeSet<(TraceId, SpanId)>;

impl Of {
    /// Whether a request is meant.
    #[must_use]
    pub fn is(&self, view: &RequestView<'_>) -> bool {
        let fits = |name: Option<&String>, known: &str| name.is_none_or(|it| it == known);
        let place = (view.trace.id, view.entry_call().span_id);
        view.request().is_some()
            && fits(self.service.as_ref(), &view.key.service)
            && fits(self.operation.as_ref(), &view.key.operation)
            && self.among.as_ref().is_none_or(|among| among.contains(&place))
    }
}

/// What came of a comparison.
#[derive(Debug, Clone)]
pub struct Proven {
    /// The verdict, and what it rests on.
    pub comparison: Comparison,
    /// What requests did besides taking their time.
    pub work: Vec<MeanChange>,
}

/// Compares two sides.
#[must_use]
pub fn prove(before: &Evidence, after: &Evidence, question: &Question) -> Proven {
    let mut comparison = compare(&before.side, &after.side, question);
    let began = before.began.zip(after.began);
    comparison.notes.extend(began.and_then(|(before, after)| time_of_day(before, after)));
    for (side, evidence) in [("before", before), ("after", after)] {
        comparison.notes.extend(evidence.notes.iter().map(|note| format!("{side}: {note}")));
    }
    Proven { comparison, work: work(&before.worked, &after.worked) }
}

/// Requests in any order, of routes with numbers.
#[derive(Debug, Default)]
struct Gathered {
    routes: Vec<String>,
    /// See [`Side::in_all`].
    in_all: Vec<u64>,
    requests: Vec<Seen>,
}

/// A request.
#[derive(Debug)]
struct Seen {
    route: u32,
    began: Moment,
    took_nanos: u64,
    failed: bool,
    counted: Counted,
}

impl Gathered {
    /// Of requests with the names of their routes.
    fn named(requests: impl Iterator<Item = (String, Seen)>) -> Self {
        let mut gathered = Self::default();
        let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
        for (name, seen) in requests.take(SAMPLES_MAX) {
            let next = small(numbers.len());
            let route = numbers.get(&name).copied().unwrap_or_else(|| {
                gathered.routes.push(name.clone());
                numbers.insert(name, next);
                next
            });
            gathered.requests.push(Seen { route, ..seen });
        }
        gathered
    }

    /// In order of time; routes in that in which they came.
    fn in_order(mut self) -> Evidence {
        let mut by_name: Vec<usize> = (0..self.routes.len()).collect();
        by_name.sort_by_key(|place| &self.routes[*place]);
        let mut ranks = vec![0_u32; by_name.len()];
        for (rank, place) in (0..).zip(by_name) {
            ranks[place] = rank;
        }
        let place_of = |seen: &Seen| usize::try_from(seen.route).unwrap_or(usize::MAX);
        self.requests.sort_by_key(|seen| (seen.began, ranks.get(place_of(seen)).copied()));
        let began = self.requests.first().map(|first| first.began);
        let first = began.unwrap_or_default();
        let mut numbers: Vec<Option<u32>> = vec![None; self.routes.len()];
        let (mut side, mut worked) = (Side::default(), Worked::default());
        for seen in self.requests {
            let place = place_of(&seen);
            let Some(number) = numbers.get_mut(place) else { continue };
            let route = *number.get_or_insert_with(|| {
                side.routes.push(std::mem::take(&mut self.routes[place]));
                side.in_all.extend(self.in_all.get(place));
                small(side.routes.len() - 1)
            });
            side.requests.push(Request {
                start_nanos: nanos(seen.began.since(first)),
                took_nanos: seen.took_nanos,
                route,
                failed: seen.failed,
            });
            worked.requests.push(Counted { route, ..seen.counted });
        }
        worked.routes.clone_from(&side.routes);
        worked.in_all.clone_from(&side.in_all);
        Evidence { side, worked, began, notes: Vec::new() }
    }
}

/// Of the requests in traces; all their spans have to be there.
#[must_use]
pub fn of_traces(traces: &[Trace], of: &Of) -> Evidence {
    let views = traces
        .iter()
        .flat_map(|trace| trace.entries.iter().map(move |entry| RequestView::new(trace, *entry)));
    let requests = views.filter_map(|view| {
        let request = view.request().filter(|_request| of.is(&view))?;
        let call = view.entry_call();
        let seen = Seen {
            route: 0,
            began: call.start,
            took_nanos: nanos(view.duration()),
            failed: call.failed,
            counted: Counted {
                route: 0,
                statements: Some(u64::from(view.statement_count())),
                database_nanos: Some(nanos(breakdown(&view).database)),
                body_bytes: request.response_bytes,
            },
        };
        Some((route_of(&view.key), seen))
    });
    Gathered::named(requests).in_order()
}

/// Of what the gateway captured; requests without an answer have failed.
#[must_use]
pub fn of_exchanges(exchanges: &[Exchange]) -> Evidence {
    let requests = exchanges.iter().map(|exchange| {
        let answer = exchange.answer.as_ref();
        let seen = Seen {
            route: 0,
            began: exchange.began,
            took_nanos: nanos(exchange.took),
            failed: answer.is_none_or(|answer| 500 <= answer.status),
            counted: Counted {
                body_bytes: answer.map(|answer| answer.body.sent_bytes),
                ..Counted::default()
            },
        };
        (endpoint(&exchange.request.method, &exchange.request.target), seen)
    });
    Gathered::named(requests).in_order()
}

/// Of the requests that a store keeps of a window.
///
/// # Errors
///
/// The store fails.
pub fn of_store(store: &dyn Store, window: Window, of: &Of) -> Result<Evidence, StoreError> {
    some_of_store(store, window, of, KEPT_MAX)
}

fn some_of_store(
    store: &dyn Store,
    window: Window,
    of: &Of,
    most: usize,
) -> Result<Evidence, StoreError> {
    let filter = RequestFilter {
        window,
        service: of.service.as_deref().map(Into::into),
        operation: of.operation.as_deref().map(Into::into),
        duration_min: None,
        failed: None,
    };
    let timed = store.timed(&filter, most)?;
    let (told, in_all) = (timed.requests.len(), timed.in_all());
    let counts = timed.operations.iter().map(|operation| operation.in_all as u64);
    let gathered = Gathered {
        in_all: if told < in_all { counts.collect() } else { Vec::new() },
        routes: timed.operations.iter().map(|operation| route_of(&operation.key)).collect(),
        requests: timed.requests.iter().map(seen).collect(),
    };
    let mut evidence = gathered.in_order();
    evidence.notes.extend(timed.since.and_then(|since| partly(window, since)));
    if told < in_all {
        let note = format!("{told} of {in_all} requests are compared: a fair part of each route");
        evidence.notes.push(note);
    }
    Ok(evidence)
}

/// Compares the requests that a store keeps of two windows: some of them, and many where those cannot tell.
///
/// # Errors
///
/// The store fails.
pub fn prove_windows(
    store: &dyn Store,
    windows: (Window, Window),
    of: &Of,
    question: &Question,
) -> Result<Proven, StoreError> {
    let (before, after) = of_windows(store, windows, of, SOON_MAX)?;
    let proven = prove(&before, &after, question);
    let is_part = [&before, &after].iter().any(|evidence| !evidence.side.in_all.is_empty());
    if !is_part || !matches!(proven.comparison.verdict, Verdict::CannotTell { .. }) {
        return Ok(proven);
    }
    let (before, after) = of_windows(store, windows, of, KEPT_MAX)?;
    Ok(prove(&before, &after, question))
}

/// A thread for each window.
fn of_windows(
    store: &dyn Store,
    (before, after): (Window, Window),
    of: &Of,
    most: usize,
) -> Result<(Evidence, Evidence), StoreError> {
    thread::scope(|scope| {
        let before = scope.spawn(|| some_of_store(store, before, of, most));
        let after = some_of_store(store, after, of, most);
        let before = before.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((before?, after?))
    })
}

fn seen(request: &TimedRequest) -> Seen {
    Seen {
        route: request.operation,
        began: request.start,
        took_nanos: request.duration_nanos,
        failed: request.failed,
        counted: Counted {
            route: 0,
            statements: Some(u64::from(request.statements)),
            database_nanos: Some(request.database_nanos),
            body_bytes: None,
        },
    }
}

/// That a window began before what is known of requests does.
fn partly(window: Window, since: Moment) -> Option<String> {
    let long = |time: std::time::Duration| match time.as_secs_f64() / 60.0 {
        minutes if minutes < 120.0 => format!("{minutes:.0} min"),
        minutes => format!("{:.1} h", minutes / 60.0),
    };
    (window.from < since).then(|| {
        let known = Window { from: since.min(window.to), to: window.to };
        format!(
            "requests are known of its last {} alone, not of all {}: the store keeps only so many",
            long(known.length()),
            long(window.length())
        )
    })
}

/// The spans of traces in which a service of this version took part, whole; and which of them are that version's own, for
/// in a trace others serve requests, too.
#[must_use]
pub fn of_version(spans: Vec<Span>, version: &str) -> (Vec<Span>, Among) {
    let meant = spans.iter().filter(|span| version_of(span) == Some(version));
    let among: Among = meant.map(|span| (span.trace_id, span.span_id)).collect();
    let traces: BTreeSet<TraceId> = among.iter().map(|(trace, _)| *trace).collect();
    (spans.into_iter().filter(|span| traces.contains(&span.trace_id)).collect(), among)
}

/// The versions that spans tell of, sorted.
#[must_use]
pub fn versions(spans: &[Span]) -> Vec<String> {
    let all: BTreeSet<&str> = spans.iter().filter_map(version_of).collect();
    all.into_iter().map(str::to_owned).collect()
}

fn version_of(span: &Span) -> Option<&str> {
    span.resource.attributes.text("service.version")
}

fn route_of(key: &OperationKey) -> String {
    format!("{} of {}", key.operation, key.service)
}

fn small(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

fn nanos(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::{AnswerSeen, RequestSeen};
    use serde_json::json;

    use super::*;

    fn exchange(second: u64, target: &str, status: Option<u16>) -> Exchange {
        Exchange {
            began: Moment { nanos: second * 1_000_000_000 },
            took: Duration::from_millis(5),
            request: RequestSeen {
                method: "GET".to_owned(),
                target: target.to_owned(),
                ..RequestSeen::default()
            },
            answer: status.map(|status| AnswerSeen { status, ..AnswerSeen::default() }),
            ..Exchange::default()
        }
    }

    #[test]
    fn a_capture_is_compared_by_endpoint_from_its_first_request_on() {
        let exchanges = [
            exchange(12, "/orders/2", Some(500)),
            exchange(10, "/orders/1?x=1", Some(200)),
            exchange(11, "/", None),
        ];
        let evidence = of_exchanges(&exchanges);
        assert_eq!(evidence.side.routes, ["GET /orders/{id}", "GET /"]);
        let told: Vec<_> = evidence
            .side
            .requests
            .iter()
            .map(|it| (it.start_nanos / 1_000_000_000, it.route, it.failed))
            .collect();
        assert_eq!(told, [(0, 0, false), (1, 1, true), (2, 0, true)]);
        assert_eq!(evidence.worked.requests[1].body_bytes, None, "there was no answer");
        assert_eq!(evidence.began, Some(Moment { nanos: 10_000_000_000 }));
    }
    /// A frontend of 1.0.0 and the backend that it asks, in two traces.
    fn released() -> Vec<Span> {
        let text =
            |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
        let of = |service: &str, version: &str, span: serde_json::Value| {
            let resource = [text("service.name", service), text("service.version", version)];
            json!({ "resource": { "attributes": resource }, "scopeSpans": [{ "spans": [span] }] })
        };
        let span = |trace: u8, id: u8, parent: u8, millis: u64| {
            let parent = if parent == 0 { String::new() } else { format!("{parent:016x}") };
            json!({
                "traceId": format!("{trace:032x}"), "spanId": format!("{id:016x}"), "parentSpanId": parent,
                "name": "GET /orders", "kind": 2, "startTimeUnixNano": "1000000",
                "endTimeUnixNano": ((millis + 1) * 1_000_000).to_string(),
                "attributes": [text("http.request.method", "GET"), text("http.route", "/orders")],
            })
        };
        let told = json!({ "resourceSpans": [
            of("web", "1.0.0", span(1, 1, 0, 90)), of("shop", "1.0.0", span(1, 2, 1, 80)),
            of("web", "1.0.0", span(2, 3, 0, 30)), of("shop", "1.1.0", span(2, 4, 3, 20)),
        ]});
        observe::otlp::decode_json(told.to_string().as_bytes()).unwrap().spans
    }

    #[test]
    fn a_version_is_that_of_who_answered_not_of_who_took_part() {
        let durations = |version: &str, service: Option<&str>| -> Vec<u64> {
            let (spans, among) = of_version(released(), version);
            let of =
                Of { service: service.map(str::to_owned), among: Some(among), ..Of::default() };
            let traces = crate::traces_of(spans);
            let requests = of_traces(&traces, &of).side.requests;
            requests.iter().map(|request| request.took_nanos / 1_000_000).collect()
        };
        assert_eq!(durations("1.0.0", Some("shop")), [80]);
        assert_eq!(durations("1.1.0", Some("shop")), [20]);
        assert_eq!(durations("1.1.0", None), [20], "the frontend is 1.0.0");
        assert_eq!(durations("1.0.0", None).len(), 3);
        let whole = of_version(released(), "1.1.0").0;
        assert_eq!(whole.len(), 2, "who asked is kept, so that requests stay what they are");
    }

    #[test]
    fn that_a_window_is_known_in_part_is_told() {
        let hour = |hour: u64| Moment { nanos: hour * 3_600_000_000_000 };
        let window = Window { from: hour(2), to: hour(5) };
        assert_eq!((partly(window, hour(2)), partly(window, hour(1))), (None, None));
        let told = partly(window, hour(4)).unwrap();
        assert!(told.starts_with("requests are known of its last 60 min alone, not of all 3.0 h"));
        assert!(partly(window, hour(9)).unwrap().contains("last 0 min"));
    }
}
