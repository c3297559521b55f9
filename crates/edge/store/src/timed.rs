//! How long each request took, and what it did: the few figures that a comparison wants of very many of them.

use std::collections::BTreeMap;

use model::{Moment, OperationKey};

use crate::{
    RequestFilter,
    answers::matching,
    requests::{Requests, Row, Segment},
};

/// Requests of an operation that are told although it has a small share, as far as there are as many: enough to compare its
/// p95 by itself.
const LEAST: usize = 1_000;

/// Requests with the figures of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timed {
    /// What [`TimedRequest::operation`] is the place in, each once.
    pub operations: Vec<TimedOperation>,
    /// In no particular order.
    pub requests: Vec<TimedRequest>,
    /// Since when requests are known, if earlier ones were dropped.
    pub since: Option<Moment>,
}

/// An operation, and how many requests of it there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedOperation {
    /// Which.
    pub key: OperationKey,
    /// How many of its requests there are, of which a fair part may be told.
    pub in_all: usize,
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

impl Timed {
    /// How many requests there are, told or not.
    #[must_use]
    pub fn in_all(&self) -> usize {
        self.operations.iter().map(|operation| operation.in_all).sum()
    }
}

/// See [`crate::Store::timed`].
pub(crate) fn timed(requests: &Requests, filter: &RequestFilter, most: usize) -> Timed {
    let numbered = Numbered::of(requests);
    let mut parts = vec![Part::default(); numbered.names.len()];
    numbered.each(filter, |place, _, _| parts[place].in_all += 1);
    allot(&mut parts, most);
    let mut told = Vec::with_capacity(parts.iter().map(|part| part.wanted).sum());
    // As they came, which is nearly as they began: a fair sample of every hour.
    numbered.each(filter, |place, segment, row| {
        if parts[place].takes() {
            let [_, database_nanos, ..] = segment.body(row).breakdown().unwrap_or_default();
            told.push(TimedRequest {
                operation: u32::try_from(place).unwrap_or(u32::MAX),
                start: row.head.start,
                duration_nanos: row.head.duration_nanos,
                database_nanos,
                statements: row.head.statements,
                failed: row.head.failed,
            });
        }
    });
    let operations = numbered.names.iter().zip(&parts).map(|((service, operation), part)| {
        let key = OperationKey { service: (*service).into(), operation: (*operation).into() };
        TimedOperation { key, in_all: part.in_all }
    });
    Timed { operations: operations.collect(), requests: told, since: requests.since() }
}

/// Segments whose operations have the same numbers.
struct Numbered<'a> {
    names: Vec<(&'a str, &'a str)>,
    /// With the number of each operation of its own.
    segments: Vec<(&'a Segment, Vec<usize>)>,
}

impl<'a> Numbered<'a> {
    fn of(requests: &'a Requests) -> Self {
        let mut names = Vec::new();
        let mut numbers = BTreeMap::new();
        let mut number = |name: (&'a str, &'a str)| {
            *numbers.entry(name).or_insert_with(|| {
                names.push(name);
                names.len() - 1
            })
        };
        let segments = requests.segments();
        let segments = segments
            .map(|(_, segment)| (segment, segment.operations().map(&mut number).collect()))
            .collect();
        Self { names, segments }
    }

    /// Gives each request that passes with the number of its operation.
    fn each(&self, filter: &RequestFilter, mut take: impl FnMut(usize, &Segment, &Row)) {
        for (segment, numbers) in &self.segments {
            for (_, row) in matching(segment, filter) {
                if let Some(place) = numbers.get(row.operation as usize) {
                    take(*place, segment, row);
                }
            }
        }
    }
}

/// What is told of an operation.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    in_all: usize,
    wanted: usize,
    /// What has come up to here of the next one that is told.
    come: usize,
}

impl Part {
    /// Whether the next one is told: at even distances, and so many of all of them exactly.
    fn takes(&mut self) -> bool {
        self.come += self.wanted;
        let takes = self.in_all <= self.come;
        if takes {
            self.come -= self.in_all;
        }
        takes
    }
}

/// Decides how many of each are told, at most so many in all: some of each, and of what is beyond these each by its share.
fn allot(parts: &mut [Part], most: usize) {
    let there = parts.iter().filter(|part| 0 < part.in_all).count();
    let least = LEAST.min(most / 2 / there.max(1));
    let some = |part: &Part| part.in_all.min(least);
    let room = most - parts.iter().map(some).sum::<usize>();
    let beyond: usize = parts.iter().map(|part| part.in_all - some(part)).sum();
    for part in parts {
        let own = part.in_all - some(part);
        part.wanted = some(part) + if beyond <= room { own } else { own * room / beyond };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

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
        assert_eq!((all.in_all(), all.requests.len(), all.since), (1_100, 1_100, None));
        for request in &all.requests {
            let second = request.start.nanos / 1_000_000_000;
            let service = &all.operations[request.operation as usize].key.service;
            assert_eq!(&**service, if second < 900 { "shop" } else { "stock" });
            assert_eq!((request.duration_nanos, request.database_nanos), (second, 3));
            assert_eq!((request.statements, request.failed), (7, false));
        }
        requests.drop_segment(1);
        assert_eq!(timed(&requests, &filter(100, 5_000), 300).since, Some(at(500)));
    }

    #[test]
    fn of_many_requests_those_of_seldom_operations_are_told_too_and_all_at_even_distances() {
        let service = |second: u64| if second.is_multiple_of(100) { "report" } else { "shop" };
        let facts: Vec<_> = (0..10_000).map(|at| fact(at, at, service(at))).collect();
        let some = timed(&kept(&facts), &filter(0, 10_000), 200);
        assert_eq!((some.in_all(), some.requests.len()), (10_000, 199));
        let begins = |of: &str| -> Vec<u64> {
            let is =
                |it: &&TimedRequest| &*some.operations[it.operation as usize].key.service == of;
            let told = some.requests.iter().filter(is);
            told.map(|request| request.start.nanos / 1_000_000_000).collect()
        };
        let of = |name: &str| some.operations.iter().find(|it| &*it.key.service == name).unwrap();
        assert_eq!((of("report").in_all, of("shop").in_all), (100, 9_900));
        assert_eq!((begins("report").len(), begins("shop").len()), (50, 149), "half of them");
        let apart = |begins: &[u64]| -> Vec<u64> {
            begins.windows(2).map(|pair| pair[1] - pair[0]).collect()
        };
        assert!(apart(&begins("report")).iter().all(|apart| *apart == 200));
        assert!(apart(&begins("shop")).iter().all(|apart| (66..=68).contains(apart)));
    }

    #[test]
    fn operations_that_nobody_asked_for_take_no_room() {
        let facts: Vec<_> =
            (0..5_000).map(|at| fact(at, at, &format!("shop {}", at % 10))).collect();
        let one = RequestFilter { service: Some("shop 3".into()), ..filter(0, 5_000) };
        let some = timed(&kept(&facts), &one, 100);
        assert_eq!((some.in_all(), some.requests.len()), (500, 100));
    }

    #[test]
    fn of_no_requests_there_are_none() {
        let none = timed(&kept(&[]), &filter(0, 10), 0);
        assert_eq!((none.requests.len(), none.in_all()), (0, 0));
    }

    proptest! {
        #[test]
        fn no_more_are_told_than_wanted_and_as_many_as_there_are(counts in prop::collection::vec(0_usize..5_000, 0..40), most in 0_usize..9_000) {
            let mut parts: Vec<Part> =
                counts.iter().map(|in_all| Part { in_all: *in_all, ..Part::default() }).collect();
            allot(&mut parts, most);
            prop_assert!(parts.iter().map(|part| part.wanted).sum::<usize>() <= most);
            for part in &parts {
                let mut coming = *part;
                let told = (0..part.in_all).filter(|_| coming.takes()).count();
                prop_assert_eq!(told, part.wanted);
                prop_assert!(part.wanted <= part.in_all);
            }
            if counts.iter().sum::<usize>() <= most {
                prop_assert!(parts.iter().all(|part| part.wanted == part.in_all));
            }
        }
    }
}
