//! Made-up traffic of a Django application, as stock instrumentation sends it: the same for the same seed.
//!
//! Eight processes with four threads each answer requests; a process exports 512 spans at a time, in the
//! order in which they ended, sorted by instrumentation. So requests overlap, a request may be split over
//! exports, and the span of the request itself comes last.

mod spans;

use std::{collections::VecDeque, sync::Arc};

use model::{Moment, Resource, Scope, Span};

use spans::{Shape, request, resource, scopes};

/// Spans in one export: the default of the SDKs.
pub const BATCH_SPANS: usize = 512;

/// Processes that answer requests.
const PROCESSES: u64 = 8;

/// Threads of each.
const THREADS: usize = 4;

/// When the traffic begins.
const BEGIN_NANOS: u64 = 1_795_000_000_000_000_000;

/// What kind of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// Lists that run 384 statements a request.
    Lists,
    /// Ten spans a request, nothing wrong.
    Healthy,
    /// Half of the spans from either; a quarter of the requests with literals in their statements.
    Mixed,
}

impl Workload {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lists, Self::Healthy, Self::Mixed];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lists => "lists, 384 statements",
            Self::Healthy => "healthy, 10 spans",
            Self::Mixed => "mixed",
        }
    }
}

/// Makes traffic, export by export, without end.
#[derive(Debug)]
pub struct Traffic {
    workload: Workload,
    dice: Dice,
    processes: Vec<Process>,
}

#[derive(Debug)]
struct Process {
    resource: Arc<Resource>,
    scopes: [Arc<Scope>; 3],
    /// When each thread is free again.
    free: [Moment; THREADS],
    /// Spans by their end, those that later requests may still come before.
    pending: Vec<Span>,
    ready: VecDeque<Span>,
}

impl Traffic {
    /// From the beginning.
    #[must_use]
    pub fn new(workload: Workload, seed: u64) -> Self {
        let mut dice = Dice(seed);
        let processes = (0..PROCESSES)
            .map(|number| Process {
                resource: resource(number, &mut dice),
                scopes: scopes(),
                free: [Moment { nanos: BEGIN_NANOS + dice.below(20_000_000) }; THREADS],
                pending: Vec::new(),
                ready: VecDeque::new(),
            })
            .collect();
        Self { workload, dice, processes }
    }

    /// The next export: [`BATCH_SPANS`] spans of one process.
    pub fn batch(&mut self) -> Vec<Span> {
        let idle = |process: &Process| process.settled();
        let next = (0..self.processes.len()).min_by_key(|place| idle(&self.processes[*place]));
        let Some(process) = next.and_then(|place| self.processes.get_mut(place)) else {
            return Vec::new();
        };
        while process.ready.len() < BATCH_SPANS {
            process.answer(self.workload, &mut self.dice);
        }
        let mut batch: Vec<Span> = process.ready.drain(..BATCH_SPANS).collect();
        batch.sort_by_key(|span| {
            process.scopes.iter().position(|scope| Arc::ptr_eq(scope, &span.scope))
        });
        batch
    }

    /// Exports with at least `spans` spans in all, as OTLP protobuf.
    pub fn exports(&mut self, spans: usize) -> Vec<Vec<u8>> {
        let batches = spans.div_ceil(BATCH_SPANS);
        (0..batches).map(|_| observe::otlp::encode(&self.batch())).collect()
    }
}

impl Process {
    /// Nothing that ends before this is still to come.
    fn settled(&self) -> Moment {
        self.free.iter().min().copied().unwrap_or_default()
    }

    /// Lets the thread that is free first answer a request.
    fn answer(&mut self, workload: Workload, dice: &mut Dice) {
        let Some(free) = self.free.iter_mut().min() else { return };
        let literals = workload == Workload::Mixed && dice.below(4) == 0;
        let statements = match workload {
            Workload::Lists => 384,
            // 1 in 39: half of the spans.
            Workload::Mixed if dice.below(39) == 0 => 384,
            Workload::Mixed | Workload::Healthy => 9,
        };
        let shape = Shape { begin: *free, statements, literals };
        let (spans, end) = request(shape, (&self.resource, &self.scopes), dice);
        *free = Moment { nanos: end.nanos + dice.below(3_000_000) };
        self.pending.extend(spans);
        let settled = self.settled();
        let mut ended: Vec<Span> =
            self.pending.extract_if(.., |span| span.end <= settled).collect();
        ended.sort_by_key(|span| (span.end, span.span_id));
        self.ready.extend(ended);
    }
}

/// Random numbers that are the same for the same seed: `SplitMix64`.
#[derive(Debug, Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`, which is not zero.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// One of `some`, of which there are any.
    pub(crate) fn pick<'a, T>(&mut self, some: &'a [T]) -> &'a T {
        let place = usize::try_from(self.below(some.len() as u64));
        &some[place.expect("a place in memory fits")]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_traffic() {
        let make = |seed| Traffic::new(Workload::Mixed, seed).exports(5_000);
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
    }

    #[test]
    fn spans_are_as_large_as_those_of_real_backends() {
        for workload in Workload::ALL {
            let exports = Traffic::new(workload, 7).exports(20_000);
            let bytes: usize = exports.iter().map(Vec::len).sum();
            let each = bytes / (exports.len() * BATCH_SPANS);
            assert!((350..550).contains(&each), "{}: {each} bytes", workload.name());
        }
    }

    #[test]
    fn traces_are_whole_and_as_long_as_told() {
        let mut traffic = Traffic::new(Workload::Healthy, 3);
        let mut spans: BTreeMap<model::TraceId, (usize, usize)> = BTreeMap::new();
        for _ in 0..100 {
            for span in traffic.batch() {
                let counts = spans.entry(span.trace_id).or_default();
                counts.0 += 1;
                counts.1 += usize::from(span.parent_id.is_none());
            }
        }
        let whole = spans.values().filter(|counts| **counts == (10, 1)).count();
        assert!(5_000 < whole, "{whole} of {}", spans.len());
        assert!(spans.values().all(|counts| counts.0 <= 10 && counts.1 <= 1));
    }
}
