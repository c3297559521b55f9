//! What a comparison of before and after is made of: traces, captures, or two windows of what a store keeps.

use std::collections::BTreeMap;

use find::RequestView;
use model::{Exchange, Moment, OperationKey, Span, Trace, Window, Work};
use prove::{
    compare::{
        Bin, Comparison, Counted, MeanChange, Question, Request, SAMPLES_MAX, Side, Worked,
        compare, spread, time_of_day, work,
    },
    replay::endpoint,
};
use store::{RequestFilter, Store, StoreError};

/// One side of a proof.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// How long requests took, and which failed.
    pub side: Side,
    /// What they did besides.
    pub worked: Worked,
    /// When the first one began.
    pub began: Option<Moment>,
}

/// Which requests of a store are meant; all without a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Of {
    /// Of one service.
    pub service: Option<String>,
    /// Of one operation.
    pub operation: Option<String>,
}

impl Of {
    fn is(&self, key: &OperationKey) -> bool {
        let fits = |name: Option<&String>, known: &str| name.is_none_or(|it| it == known);
        fits(self.service.as_ref(), &key.service) && fits(self.operation.as_ref(), &key.operation)
    }
}

/// What came of a comparison.
#[derive(Debug, Clone)]
pub struct Proven {
    /// The verdict, and what it rests on.
    pub comparison: Comparison,
    /// What requests did besides taking their time.
    pub work: Vec<MeanChange>,
    /// How latencies of both sides are spread.
    pub spread: Vec<Bin>,
}

/// Compares two sides.
#[must_use]
pub fn prove(before: &Evidence, after: &Evidence, question: &Question) -> Proven {
    let mut comparison = compare(&before.side, &after.side, question);
    let began = before.began.zip(after.began);
    comparison.notes.extend(began.and_then(|(before, after)| time_of_day(before, after)));
    Proven {
        comparison,
        work: work(&before.worked, &after.worked),
        spread: spread(&before.side, &after.side),
    }
}

impl Evidence {
    /// Adds requests, which may come in any order.
    fn of(requests: impl IntoIterator<Item = Seen>) -> Self {
        let mut requests: Vec<Seen> = requests.into_iter().take(SAMPLES_MAX).collect();
        requests.sort_by(|one, other| (one.began, &one.route).cmp(&(other.began, &other.route)));
        let began = requests.first().map(|first| first.began);
        let first = began.unwrap_or_default();
        let mut places: BTreeMap<String, u32> = BTreeMap::new();
        let (mut side, mut worked) = (Side::default(), Worked::default());
        for seen in requests {
            let next = u32::try_from(places.len()).unwrap_or(u32::MAX);
            let route = *places.entry(seen.route.clone()).or_insert(next);
            if route == next {
                side.routes.push(seen.route);
            }
            side.requests.push(Request {
                start_nanos: nanos(seen.began.since(first)),
                took_nanos: seen.took_nanos,
                route,
                failed: seen.failed,
            });
            worked.requests.push(Counted { route, ..seen.counted });
        }
        worked.routes.clone_from(&side.routes);
        Self { side, worked, began }
    }
}

/// A request before routes have numbers.
struct Seen {
    route: String,
    began: Moment,
    took_nanos: u64,
    failed: bool,
    counted: Counted,
}

/// Of the requests in traces; all their spans have to be there.
#[must_use]
pub fn of_traces(traces: &[Trace], of: &Of) -> Evidence {
    let views = traces
        .iter()
        .flat_map(|trace| trace.entries.iter().map(move |entry| RequestView::new(trace, *entry)));
    Evidence::of(views.filter_map(|view| {
        let request = view.request().filter(|_request| of.is(&view.key))?;
        let call = view.entry_call();
        let statements: Vec<usize> = view
            .places
            .iter()
            .copied()
            .filter(|place| matches!(view.call(*place).work, Work::Statement(_)))
            .collect();
        let counted = Counted {
            route: 0,
            statements: Some(u64::from(view.statement_count())),
            database_nanos: Some(nanos(view.waited(&statements))),
            body_bytes: request.response_bytes,
        };
        Some(Seen {
            route: route_of(&view.key),
            began: call.start,
            took_nanos: nanos(view.duration()),
            failed: call.failed,
            counted,
        })
    }))
}

/// Of what the gateway captured; requests without an answer have failed.
#[must_use]
pub fn of_exchanges(exchanges: &[Exchange]) -> Evidence {
    Evidence::of(exchanges.iter().map(|exchange| {
        let answer = exchange.answer.as_ref();
        Seen {
            route: endpoint(&exchange.request.method, &exchange.request.target),
            began: exchange.began,
            took_nanos: nanos(exchange.took),
            failed: answer.is_none_or(|answer| 500 <= answer.status),
            counted: Counted {
                body_bytes: answer.map(|answer| answer.body.sent_bytes),
                ..Counted::default()
            },
        }
    }))
}

/// Of the requests that a store keeps of a window.
///
/// # Errors
///
/// The store fails.
pub fn of_store(store: &dyn Store, window: Window, of: &Of) -> Result<Evidence, StoreError> {
    let filter = RequestFilter {
        window,
        service: of.service.as_deref().map(Into::into),
        operation: of.operation.as_deref().map(Into::into),
        duration_min: None,
        failed: None,
    };
    // All of them, in whatever order: the store has them at hand.
    let facts = store.slowest(&filter, SAMPLES_MAX)?;
    Ok(Evidence::of(facts.into_iter().map(|fact| Seen {
        route: route_of(&fact.operation),
        began: fact.start,
        took_nanos: nanos(fact.duration),
        failed: fact.failed,
        counted: Counted {
            route: 0,
            statements: Some(u64::from(fact.statements)),
            database_nanos: Some(nanos(fact.breakdown.database)),
            body_bytes: None,
        },
    })))
}

/// The spans of traces in which a service of this version took part.
#[must_use]
pub fn of_version(spans: Vec<Span>, version: &str) -> Vec<Span> {
    let is_meant = |span: &Span| span.resource.attributes.text("service.version") == Some(version);
    let traces: std::collections::BTreeSet<_> =
        spans.iter().filter(|span| is_meant(span)).map(|span| span.trace_id).collect();
    spans.into_iter().filter(|span| traces.contains(&span.trace_id)).collect()
}

/// The versions that spans tell of, sorted.
#[must_use]
pub fn versions(spans: &[Span]) -> Vec<String> {
    let all = spans.iter().filter_map(|span| span.resource.attributes.text("service.version"));
    let all: std::collections::BTreeSet<&str> = all.collect();
    all.into_iter().map(str::to_owned).collect()
}

fn route_of(key: &OperationKey) -> String {
    format!("{} of {}", key.operation, key.service)
}

fn nanos(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::{AnswerSeen, RequestSeen};

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
}
