//! A fair sample of traces, from few stretches of time.
//!
//! Traces that were drawn one by one would lie in every row group of a day, and each would have to be unpacked for a
//! handful of its rows. So the requests are put in order of time, and from each of some equal parts of them (by number,
//! not by time: busy hours weigh more) the traces in the middle are taken: a systematic sample of clusters.

use std::collections::BTreeSet;

use model::{Moment, TraceId, Window};
use rustc_hash::FxBuildHasher;

use crate::{
    RequestFilter,
    answers::matching,
    requests::{Requests, Row},
};

/// Stretches of time: enough to see each hour of a day's shift, few enough to be read while somebody waits.
const STRETCHES: usize = 8;

/// Parts of a window in which requests are counted: each holds a stretch several times over.
const PARTS: usize = 4_096;

/// Requests of one trace, mostly: a service or two behind a gateway.
const REQUESTS_EACH: usize = 4;

/// Bits for counting distinct traces: with two million of them it errs by less than a thousandth (linear counting,
/// Whang, Vander-Zanden and Taylor 1990).
const BITS: usize = 1 << 24;

/// A fair sample of traces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sampled {
    /// Where they lie, in order of time.
    pub stretches: Vec<Stretch>,
    /// How many traces there are; an estimate where there are many.
    pub in_all: u64,
}

/// Traces that lie close together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// From the begin of the first of their requests to the end of the last.
    pub window: Window,
    /// The traces.
    pub traces: BTreeSet<TraceId>,
}

/// See [`crate::Store::sampled`].
pub(crate) fn sampled(requests: &Requests, filter: &RequestFilter, limit: usize) -> Sampled {
    let mut counted = Counted::new();
    let mut parts = vec![0_usize; PARTS];
    each(requests, filter, |row| {
        counted.add(row.head.trace_id);
        if let Some(part) = parts.get_mut(part(filter.window, row)) {
            *part += 1;
        }
    });
    let all: usize = parts.iter().sum();
    let is_few = all <= limit.saturating_mul(REQUESTS_EACH);
    let wanted = if is_few { vec![(0, all)] } else { ranks(all, limit.div_ceil(STRETCHES)) };
    let taken: Vec<(usize, usize)> =
        wanted.into_iter().map(|(rank, count)| parts_of(&parts, rank, count)).collect();
    let mut rows = vec![Vec::new(); taken.len()];
    each(requests, filter, |row| {
        let part = part(filter.window, row);
        if let Some(place) = taken.iter().position(|(first, last)| (*first..*last).contains(&part))
        {
            rows[place].push((row.head.start, row.head.trace_id, row.head.duration_nanos));
        }
    });
    let each_max = if is_few { limit } else { limit.div_ceil(STRETCHES) };
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut seen = BTreeSet::new();
    for rows in rows {
        stretches.extend(stretch(rows, each_max, &mut seen));
    }
    let sampled = stretches.iter().map(|stretch| stretch.traces.len() as u64).sum();
    Sampled { stretches, in_all: counted.distinct().max(sampled) }
}

fn each<'a>(requests: &'a Requests, filter: &'a RequestFilter, mut take: impl FnMut(&'a Row)) {
    for (_, segment) in requests.segments() {
        for (_, row) in matching(segment, filter) {
            take(row);
        }
    }
}

/// Which part of the window a request began in.
fn part(window: Window, row: &Row) -> usize {
    let length = u128::from(window.to.nanos.saturating_sub(window.from.nanos)).max(1);
    let passed = u128::from(row.head.start.nanos.saturating_sub(window.from.nanos));
    (passed * PARTS as u128 / length) as usize
}

/// Where the stretches begin among so many requests, and how many requests each is to have.
fn ranks(all: usize, traces: usize) -> Vec<(usize, usize)> {
    let count = traces * REQUESTS_EACH;
    let middle = |place: usize| (2 * place + 1) * all / (2 * STRETCHES);
    (0..STRETCHES).map(|place| (middle(place).saturating_sub(count / 2), count)).collect()
}

/// The parts that hold the requests from one rank on, as many as wanted, or some more.
fn parts_of(parts: &[usize], rank: usize, count: usize) -> (usize, usize) {
    let (mut first, mut before) = (0, 0);
    while first < parts.len() && before + parts[first] <= rank {
        before += parts[first];
        first += 1;
    }
    let (mut last, mut held) = (first, 0);
    while last < parts.len() && held < count + (rank - before) {
        held += parts[last];
        last += 1;
    }
    (first, last)
}

/// The first traces of some requests that are in no other stretch.
fn stretch(
    mut rows: Vec<(Moment, TraceId, u64)>,
    traces_max: usize,
    seen: &mut BTreeSet<TraceId>,
) -> Option<Stretch> {
    rows.sort_unstable();
    let first = rows.first()?.0;
    let mut stretch =
        Stretch { window: Window { from: first, to: first }, traces: BTreeSet::new() };
    for (start, trace, duration_nanos) in rows {
        if stretch.traces.len() == traces_max && !stretch.traces.contains(&trace) {
            break;
        }
        if !stretch.traces.contains(&trace) && !seen.insert(trace) {
            continue;
        }
        stretch.traces.insert(trace);
        let end = Moment { nanos: start.nanos.saturating_add(duration_nanos).saturating_add(1) };
        stretch.window.to = stretch.window.to.max(end);
    }
    (!stretch.traces.is_empty()).then_some(stretch)
}

/// Counts distinct traces in memory of a fixed size.
struct Counted {
    bits: Vec<u64>,
}

impl Counted {
    fn new() -> Self {
        Self { bits: vec![0; BITS / 64] }
    }

    fn add(&mut self, trace: TraceId) {
        use std::hash::BuildHasher as _;
        // Of this hash the upper bits are the good ones.
        let place = FxBuildHasher.hash_one(trace.0) >> (64 - BITS.ilog2());
        let place = usize::try_from(place).unwrap_or(0);
        if let Some(bits) = self.bits.get_mut(place / 64) {
            *bits |= 1 << (place % 64);
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some millions, and none below zero"
    )]
    fn distinct(&self) -> u64 {
        let set: u64 = self.bits.iter().map(|bits| u64::from(bits.count_ones())).sum();
        let (all, free) = (BITS as f64, (BITS as u64 - set).max(1) as f64);
        (all * (all / free).ln()).round() as u64
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::{OperationKey, SpanId};

    use super::*;
    use crate::{Breakdown, RequestFact, log::Placed, packed};

    fn fact(number: u64, second: u64, service: &str) -> RequestFact {
        let mut trace_id = TraceId::default();
        trace_id.0[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        RequestFact {
            operation: OperationKey { service: service.into(), operation: "GET /".into() },
            trace_id,
            span_id: SpanId((number * 2 + u64::from(service == "shop")).to_be_bytes()),
            start: at(second),
            duration: Duration::from_millis(20),
            failed: false,
            status: 200,
            statements: 0,
            spans: 3,
            breakdown: Breakdown::default(),
            groups: Vec::new(),
            attributes: Vec::new(),
        }
    }

    fn at(second: u64) -> Moment {
        Moment { nanos: second * 1_000_000_000 }
    }

    fn kept(facts: &[RequestFact]) -> Requests {
        let mut requests = Requests::default();
        for (number, facts) in (0_u32..).zip(facts.chunks(500)) {
            let placed = Placed { segment: number, offset: 0, bytes: 0 };
            assert!(requests.insert(placed, at(0), &packed::encode(facts)));
        }
        requests
    }

    fn filter(from: u64, to: u64) -> RequestFilter {
        RequestFilter {
            window: Window { from: at(from), to: at(to) },
            service: None,
            operation: None,
            duration_min: None,
            failed: None,
        }
    }

    #[test]
    fn where_there_are_few_all_are_taken() {
        let facts: Vec<_> = (0..30).map(|number| fact(number, number * 100, "shop")).collect();
        let found = sampled(&kept(&facts), &filter(0, 10_000), 50);
        assert_eq!((found.stretches.len(), found.in_all), (1, 30));
        assert_eq!(found.stretches[0].traces.len(), 30);
        assert_eq!(sampled(&kept(&facts), &filter(500, 1_000), 50).in_all, 5);
        assert_eq!(sampled(&kept(&[]), &filter(0, 10_000), 50), Sampled::default());
    }

    #[test]
    fn of_many_some_are_taken_from_the_middle_of_equal_parts() {
        // Two services answer each; nine tenths of the traces are in the last tenth of the time.
        let second = |number: u64| if number < 1_000 { number * 9 } else { 9_000 + number / 10 };
        let both = |number| ["shop", "gateway"].map(|name| fact(number, second(number), name));
        let facts: Vec<_> = (0..10_000).flat_map(both).collect();
        let found = sampled(&kept(&facts), &filter(0, 10_000), 80);
        assert_eq!(found.stretches.len(), STRETCHES);
        let traces: BTreeSet<TraceId> =
            found.stretches.iter().flat_map(|it| it.traces.iter().copied()).collect();
        assert_eq!(traces.len(), 80, "none twice");
        assert!(found.in_all.abs_diff(10_000) <= 10, "{}", found.in_all);
        let late = found.stretches.iter().filter(|it| at(9_000) <= it.window.from).count();
        assert_eq!(late, 7, "as many as there are requests then");
        for stretch in &found.stretches {
            let long = stretch.window.length();
            assert!(long < Duration::from_secs(200), "{long:?}");
        }
    }
}
