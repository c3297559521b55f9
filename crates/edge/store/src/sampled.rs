//! A fair sample of traces, from few stretches of time.
//!
//! Traces that were drawn one by one would lie in every row group of a day, and each would have to be unpacked for a
//! handful of its rows. So the requests are put in order of time, and from each of some equal parts of them (by number,
//! not by time: busy hours weigh more) the traces in the middle are taken: a systematic sample of clusters.

use std::{collections::BTreeSet, ops::Range};

use model::{Moment, TraceId, Window};
use rustc_hash::FxBuildHasher;

use crate::{
    RequestFilter,
    answers::matching,
    requests::{Requests, Segment},
};

/// Stretches of time: enough to see each hour of a day's shift, few enough to be read while somebody waits.
const STRETCHES: usize = 8;

/// Parts of the time from the first request to the last in which requests are counted: so few of them lie in each that few
/// have to be put in order.
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
    /// Since when requests are known, if earlier ones were dropped.
    pub since: Option<Moment>,
}

/// Traces that lie close together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// From the begin of the first of their requests to the end of the last.
    pub window: Window,
    /// The traces.
    pub traces: BTreeSet<TraceId>,
}

/// When a request began, its trace, and how many nanoseconds it took.
type Found = (Moment, TraceId, u64);

/// See [`crate::Store::sampled`].
pub(crate) fn sampled(requests: &Requests, filter: &RequestFilter, limit: usize) -> Sampled {
    let since = requests.since();
    let Some(within) = requests.within(filter.window) else {
        return Sampled { since, ..Sampled::default() };
    };
    let part = Part::of(within);
    let (counted, parts) = count(requests, filter, part);
    let all: usize = parts.iter().sum();
    if all == 0 {
        return Sampled { since, ..Sampled::default() };
    }
    let is_few = all <= limit.saturating_mul(REQUESTS_EACH);
    let wanted = if is_few { vec![(0, all)] } else { ranks(all, limit.div_ceil(STRETCHES)) };
    let ranges = ranges(&parts, &wanted);
    let each_max = if is_few { limit } else { limit.div_ceil(STRETCHES) };
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut seen = BTreeSet::new();
    for (range, mut rows) in ranges.iter().zip(rows_of(requests, filter, part, &ranges)) {
        rows.sort_unstable();
        for from in &range.from {
            stretches.extend(stretch(rows.get(*from..).unwrap_or(&[]), each_max, &mut seen));
        }
    }
    let sampled = stretches.iter().map(|stretch| stretch.traces.len() as u64).sum();
    Sampled { stretches, in_all: counted.distinct().max(sampled), since }
}

/// Counts the traces of requests that pass, and the requests in each part.
fn count(requests: &Requests, filter: &RequestFilter, part: Part) -> (Counted, Vec<usize>) {
    let none = || (Counted::new(), vec![0_usize; PARTS]);
    let count = |(counted, parts): &mut (Counted, Vec<usize>), _: u32, segment: &Segment| {
        for (_, row) in matching(segment, filter) {
            counted.add(row.head.trace_id);
            parts[part.has(row.head.start)] += 1;
        }
    };
    let mut looked = requests.look(filter.window, none, count).into_iter();
    let (mut counted, mut parts) = looked.next().unwrap_or_else(none);
    for (own, own_parts) in looked {
        counted.merge(&own);
        for (all, own) in parts.iter_mut().zip(own_parts) {
            *all += own;
        }
    }
    (counted, parts)
}

/// The requests that pass of each range, in no order.
fn rows_of(
    requests: &Requests,
    filter: &RequestFilter,
    part: Part,
    ranges: &[Taken],
) -> Vec<Vec<Found>> {
    let none = || vec![Vec::<Found>::new(); ranges.len()];
    let find = |own: &mut Vec<Vec<Found>>, _: u32, segment: &Segment| {
        let Some((first, last)) = segment.starts else { return };
        let (first, last) = (part.has(first), part.has(last));
        // Most segments lie between the ranges.
        if !ranges.iter().any(|range| range.parts.start <= last && first < range.parts.end) {
            return;
        }
        for (_, row) in matching(segment, filter) {
            let part = part.has(row.head.start);
            if let Some(place) = ranges.iter().position(|range| range.parts.contains(&part)) {
                own[place].push((row.head.start, row.head.trace_id, row.head.duration_nanos));
            }
        }
    };
    let mut all = none();
    for own in requests.look(filter.window, none, find) {
        for (all, own) in all.iter_mut().zip(own) {
            all.extend(own);
        }
    }
    all
}

/// Tells which part of the time from the first request to the last a request began in.
#[derive(Debug, Clone, Copy)]
struct Part {
    from: Moment,
    each_nano: f64,
}

impl Part {
    #[expect(clippy::cast_precision_loss, reason = "where exactly a part ends does not matter")]
    fn of(within: Window) -> Self {
        let length = within.to.nanos.saturating_sub(within.from.nanos).saturating_add(1);
        Self { from: within.from, each_nano: PARTS as f64 / length as f64 }
    }

    /// The same for the same moment, and never less for a later one. Multiplied rather than divided: this is asked of
    /// each of some millions.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "below the number of parts, and none below zero"
    )]
    fn has(self, start: Moment) -> usize {
        let passed = start.nanos.saturating_sub(self.from.nanos);
        ((passed as f64 * self.each_nano) as usize).min(PARTS - 1)
    }
}

/// Where the stretches begin among so many requests, and how many requests each is to have.
fn ranks(all: usize, traces: usize) -> Vec<(usize, usize)> {
    let count = traces * REQUESTS_EACH;
    let middle = |place: usize| (2 * place + 1) * all / (2 * STRETCHES);
    (0..STRETCHES).map(|place| (middle(place).saturating_sub(count / 2), count)).collect()
}

/// Parts side by side, and where among their requests stretches begin.
#[derive(Debug, PartialEq, Eq)]
struct Taken {
    parts: Range<usize>,
    from: Vec<usize>,
}

/// The parts that hold the requests from each rank on, as many as wanted, or some more. No part is in two of them: where many
/// came at once, several stretches lie in one.
fn ranges(parts: &[usize], wanted: &[(usize, usize)]) -> Vec<Taken> {
    let mut ranges: Vec<Taken> = Vec::new();
    for (rank, count) in wanted {
        let (range, within) = parts_of(parts, *rank, *count);
        match ranges.last_mut() {
            Some(last) if range.start < last.parts.end => {
                // Ranks rise, so that it begins in or behind the first part of the last one.
                let between: usize = parts[last.parts.start..range.start].iter().sum();
                last.from.push(between + within);
                last.parts.end = last.parts.end.max(range.end);
            }
            _ => ranges.push(Taken { parts: range, from: vec![within] }),
        }
    }
    ranges
}

/// The parts that hold so many requests from a rank on, and how many requests of them come before.
fn parts_of(parts: &[usize], rank: usize, count: usize) -> (Range<usize>, usize) {
    let (mut first, mut before) = (0, 0);
    while first < parts.len() && before + parts[first] <= rank {
        before += parts[first];
        first += 1;
    }
    let within = rank.saturating_sub(before);
    let (mut last, mut held) = (first, 0);
    while last < parts.len() && held < count + within {
        held += parts[last];
        last += 1;
    }
    (first..last, within)
}

/// The first traces of some requests, in order of time, that are in no other stretch.
fn stretch(rows: &[Found], traces_max: usize, seen: &mut BTreeSet<TraceId>) -> Option<Stretch> {
    let mut found: Option<Stretch> = None;
    for (start, trace, duration_nanos) in rows {
        let traces = found.as_ref().map(|stretch| &stretch.traces);
        let is_known = traces.is_some_and(|traces| traces.contains(trace));
        if !is_known && traces_max <= traces.map_or(0, BTreeSet::len) {
            break;
        }
        if !is_known && !seen.insert(*trace) {
            continue;
        }
        let window = Window { from: *start, to: *start };
        let stretch = found.get_or_insert(Stretch { window, traces: BTreeSet::new() });
        stretch.traces.insert(*trace);
        let end = Moment { nanos: start.nanos.saturating_add(*duration_nanos).saturating_add(1) };
        stretch.window.to = stretch.window.to.max(end);
    }
    found
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

    /// Adds what another thread counted.
    fn merge(&mut self, other: &Self) {
        for (bits, more) in self.bits.iter_mut().zip(&other.bits) {
            *bits |= more;
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
pub(crate) mod tests {
    use std::time::Duration;

    use model::{OperationKey, SpanId};

    use super::*;
    use crate::{Breakdown, RequestFact, log::Placed, packed};

    pub(crate) fn fact(number: u64, second: u64, service: &str) -> RequestFact {
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

    pub(crate) fn at(second: u64) -> Moment {
        Moment { nanos: second * 1_000_000_000 }
    }

    pub(crate) fn kept(facts: &[RequestFact]) -> Requests {
        kept_in(facts, 500)
    }

    /// Facts in segments of so many.
    pub(crate) fn kept_in(facts: &[RequestFact], each: usize) -> Requests {
        let mut requests = Requests::default();
        for (number, facts) in (1_u32..).zip(facts.chunks(each)) {
            let placed = Placed { segment: number, offset: 0, bytes: 0 };
            assert!(requests.insert(placed, facts[0].start, &packed::encode(facts)));
        }
        requests
    }

    pub(crate) fn filter(from: u64, to: u64) -> RequestFilter {
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
        // However much longer the window is than the time in which they came.
        for to in [10_000, 10_000_000] {
            let found = sampled(&kept(&facts), &filter(0, to), 80);
            assert_eq!(found, sampled(&kept_in(&facts, facts.len()), &filter(0, to), 80));
            check(&found);
        }
    }

    fn check(found: &Sampled) {
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

    #[test]
    fn of_a_burst_the_sample_is_as_large_and_from_all_of_it() {
        // One came long before all others, which came within a minute: one part holds them.
        let second = |number: u64| if number == 0 { 0 } else { 9_000_000 + number / 200 };
        let facts: Vec<_> =
            (0..12_000).map(|number| fact(number, second(number), "shop")).collect();
        let found = sampled(&kept(&facts), &filter(0, 10_000_000), 80);
        let traces: BTreeSet<TraceId> =
            found.stretches.iter().flat_map(|it| it.traces.iter().copied()).collect();
        assert_eq!((found.stretches.len(), traces.len()), (STRETCHES, 80));
        let begins: Vec<u64> = found
            .stretches
            .iter()
            .map(|it| it.window.from.nanos / 1_000_000_000 - 9_000_000)
            .collect();
        assert_eq!(begins, [3, 11, 18, 26, 33, 41, 48, 56]);
        // Beside each other, and one in the other.
        let wanted = [(1, 4), (4, 4), (7, 4), (40, 2)];
        let parts = [2, 3, 9, 0, 30];
        let taken = |parts, from: &[usize]| Taken { parts, from: from.to_vec() };
        assert_eq!(ranges(&parts, &wanted), [taken(0..3, &[1, 4, 7]), taken(4..5, &[26])]);
    }

    #[test]
    fn since_when_requests_are_known_is_told_once_some_were_dropped() {
        let facts: Vec<_> = (0..2_000).map(|number| fact(number, number, "shop")).collect();
        let mut requests = kept(&facts);
        assert_eq!(sampled(&requests, &filter(0, 10_000), 80).since, None);
        requests.drop_segment(1);
        let found = sampled(&requests, &filter(0, 10_000), 80);
        assert_eq!(found.since, Some(at(500)));
        assert!(found.in_all.abs_diff(1_500) <= 3, "{}", found.in_all);
        assert_eq!(sampled(&requests, &filter(0, 400), 80).since, Some(at(500)));
    }
}
