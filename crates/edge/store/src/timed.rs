//! How long each request took, and what it did: the few figures that a comparison wants of very many of them.

use model::{Moment, OperationKey};

use crate::{
    RequestFilter,
    answers::matching,
    requests::{Requests, Segment},
};

/// Requests with the figures of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timed {
    /// What [`TimedRequest::operation`] is the place in; may hold some twice, and some that nobody requested.
    pub operations: Vec<OperationKey>,
    /// In no particular order.
    pub requests: Vec<TimedRequest>,
    /// One request in so many is told.
    pub every: usize,
    /// How many there are.
    pub in_all: usize,
    /// Since when requests are known, if earlier ones were dropped.
    pub since: Option<Moment>,
}

/// A request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimedRequest {
    /// Place in [`Timed::operations`].
    pub operation: u32,
    /// When it began.
    pub start: Moment,
    /// How long it took.
    pub duration_nanos: u64,
    /// How long of it, it waited for its database.
    pub database_nanos: u64,
    /// Database statements.
    pub statements: u32,
    /// Whether it failed.
    pub failed: bool,
}

/// See [`crate::Store::timed`].
pub(crate) fn timed(requests: &Requests, filter: &RequestFilter, most: usize) -> Timed {
    let in_all = requests.segments().map(|(_, segment)| matching(segment, filter).count()).sum();
    let every = usize::max(in_all, 1).div_ceil(most.max(1));
    let mut timed = Timed { every, in_all, since: requests.since(), ..Timed::default() };
    timed.requests.reserve_exact(in_all.div_ceil(every));
    let mut place = 0;
    for (_, segment) in requests.segments() {
        let first = u32::try_from(timed.operations.len()).unwrap_or(u32::MAX);
        timed.operations.extend(operations(segment));
        for (_, row) in matching(segment, filter) {
            // As they came, which is nearly as they began: a fair sample of every hour.
            if place % every == 0 {
                let [_, database_nanos, ..] = segment.body(row).breakdown().unwrap_or_default();
                timed.requests.push(TimedRequest {
                    operation: first.saturating_add(row.operation),
                    start: row.head.start,
                    duration_nanos: row.head.duration_nanos,
                    database_nanos,
                    statements: row.head.statements,
                    failed: row.head.failed,
                });
            }
            place += 1;
        }
    }
    timed
}

fn operations(segment: &Segment) -> impl Iterator<Item = OperationKey> + '_ {
    segment.operations().map(|(service, operation)| OperationKey {
        service: service.into(),
        operation: operation.into(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        Breakdown,
        sampled::tests::{at, fact, filter, kept},
    };

    #[test]
    fn each_request_is_told_with_its_own_figures_or_a_fair_part_of_them() {
        let made = |number: u64| {
            let mut fact = fact(number, number, if number < 900 { "shop" } else { "stock" });
            fact.duration = Duration::from_nanos(number);
            fact.statements = 7;
            let database = Duration::from_nanos(3);
            fact.breakdown = Breakdown { database, ..Breakdown::default() };
            fact
        };
        let mut requests = kept(&(0..1_200).map(made).collect::<Vec<_>>());
        let all = timed(&requests, &filter(100, 5_000), 5_000);
        assert_eq!((all.every, all.in_all, all.requests.len(), all.since), (1, 1_100, 1_100, None));
        for request in &all.requests {
            let second = request.start.nanos / 1_000_000_000;
            let service = &all.operations[request.operation as usize].service;
            assert_eq!(&**service, if second < 900 { "shop" } else { "stock" });
            assert_eq!((request.duration_nanos, request.database_nanos), (second, 3));
            assert_eq!((request.statements, request.failed), (7, false));
        }
        let some = timed(&requests, &filter(100, 5_000), 300);
        assert_eq!((some.every, some.in_all, some.requests.len()), (4, 1_100, 275));
        let begins: Vec<u64> =
            some.requests.iter().map(|request| request.start.nanos / 1_000_000_000).collect();
        assert!(begins.windows(2).all(|pair| pair[1] - pair[0] == 4), "{begins:?}");
        requests.drop_segment(1);
        assert_eq!(timed(&requests, &filter(100, 5_000), 300).since, Some(at(500)));
    }

    #[test]
    fn of_no_requests_there_are_none() {
        let none = timed(&kept(&[]), &filter(0, 10), 0);
        assert_eq!((none.requests.len(), none.in_all), (0, 0));
    }
}
