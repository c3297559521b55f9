//! Facts in memory: rows of equal size, and behind each a few dozen bytes.
//!
//! Facts live in segments as their log does, so that both are dropped together, texts included.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::OnceLock,
};

use model::{Moment, OperationKey, SpanId, TraceId, Window};
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::{
    RequestFact,
    answers::OperationSum,
    disk,
    log::Placed,
    packed::{self, Body, Cursor, Head, PackedFact},
    shared::share_out,
    texts::Texts,
};

/// So few rows one thread has looked at before others have helped. Tests have few, and want others.
const ROWS_ALONE: usize = if cfg!(test) { 1 } else { 50_000 };

/// All facts that are kept.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    segments: BTreeMap<u32, Segment>,
    /// From the hash of (trace id, span id) to the segment and row of the newest fact about it.
    newest: FxHashMap<u64, (u32, u32)>,
}

/// The facts of one segment of the log.
#[derive(Debug)]
pub(crate) struct Segment {
    /// When the newest batch before the first and before the last record had been received.
    pub(crate) first: Moment,
    pub(crate) last: Moment,
    /// Bytes on disk.
    pub(crate) bytes: u64,
    /// Begin of the first and of the last request.
    pub(crate) starts: Option<(Moment, Moment)>,
    texts: Texts,
    operations: Vec<(u32, u32)>,
    operation_numbers: FxHashMap<(u32, u32), u32>,
    rows: Vec<Row>,
    bodies: Vec<u8>,
    /// What all of them add up to, by operation, once somebody wanted to know; gone when a row changes.
    sums: OnceLock<Vec<OperationSum>>,
}

/// A fact.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) head: Head,
    /// A newer one took its place.
    replaced: bool,
    /// Place in [`Segment::operations`].
    pub(crate) operation: u32,
    body: u32,
}

impl Requests {
    /// Takes in a record of the log. Returns whether all of it made sense.
    pub(crate) fn insert(&mut self, placed: Placed, received: Moment, payload: &[u8]) -> bool {
        let segment = self.segments.entry(placed.segment).or_insert_with(|| Segment::new(received));
        segment.first = segment.first.min(received);
        segment.last = segment.last.max(received);
        segment.bytes += u64::from(placed.bytes);
        let mut facts = Vec::new();
        let whole = packed::decode(payload, &mut segment.texts, |fact| facts.push(fact)).is_some();
        for fact in facts {
            self.replace(placed.segment, &fact);
        }
        whole
    }

    fn replace(&mut self, number: u32, fact: &PackedFact) {
        let key = key(fact.head.trace_id, fact.head.span_id);
        let known = self.newest.get(&key).copied();
        let known = known.and_then(|(number, row)| {
            let segment = self.segments.get_mut(&number)?;
            Some((segment.rows.get_mut(row as usize)?, &mut segment.sums))
        });
        // Another request with the same hash stays; of the two, the newer can be replaced.
        if let Some((row, sums)) = known.filter(|(row, _)| same(&row.head, fact)) {
            row.replaced = true;
            sums.take();
        }
        if let Some(row) = self.segments.get_mut(&number).map(|segment| segment.push(fact)) {
            self.newest.insert(key, (number, row));
        }
    }

    /// Whether the fact of that request is kept.
    pub(crate) fn knows(&self, trace_id: TraceId, span_id: SpanId) -> bool {
        self.place(trace_id, span_id).is_some()
    }

    /// Whether this very fact is kept.
    pub(crate) fn has(&self, fact: &RequestFact) -> bool {
        let kept = self.place(fact.trace_id, fact.span_id);
        let kept = kept.and_then(|(segment, row)| segment.fact(row));
        kept.is_some_and(|kept| kept == *fact)
    }

    /// Where the newest fact of a request is.
    fn place(&self, trace_id: TraceId, span_id: SpanId) -> Option<(&Segment, usize)> {
        let (number, row) = self.newest.get(&key(trace_id, span_id))?;
        let (segment, row) = (self.segments.get(number)?, *row as usize);
        let head = &segment.rows.get(row)?.head;
        ((head.trace_id, head.span_id) == (trace_id, span_id)).then_some((segment, row))
    }

    /// Drops the facts of a segment.
    pub(crate) fn drop_segment(&mut self, number: u32) {
        let Entry::Occupied(segment) = self.segments.entry(number) else { return };
        for row in segment.remove().rows {
            let key = key(row.head.trace_id, row.head.span_id);
            if self.newest.get(&key).is_some_and(|(newest, _)| *newest == number) {
                self.newest.remove(&key);
            }
        }
        self.newest.shrink_to(self.newest.len() * 2);
    }

    /// See [`crate::Store::recorded_until`].
    pub(crate) fn recorded_until(&self) -> Option<Moment> {
        self.segments.last_key_value().map(|(_, segment)| segment.last)
    }

    /// Since when requests are known, if earlier ones were dropped: segments are numbered from 1, and the oldest go first.
    pub(crate) fn since(&self) -> Option<Moment> {
        let (_, segment) = self.segments.first_key_value().filter(|(number, _)| 1 < **number)?;
        // What was sent long after it happened is known for as long as it is said to last.
        Some(segment.first.min(segment.began()?))
    }

    /// From when to when requests of a window began at most; `None` if there are none.
    pub(crate) fn within(&self, window: Window) -> Option<Window> {
        let all = self.segments.values().filter_map(|segment| segment.starts);
        let (first, last) = all.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))?;
        let last = last.min(Moment { nanos: window.to.nanos.saturating_sub(1) });
        let within = Window { from: first.max(window.from), to: last };
        (within.from <= within.to).then_some(within)
    }

    /// Segments in order of their numbers.
    pub(crate) fn segments(&self) -> impl Iterator<Item = (u32, &Segment)> {
        self.segments.iter().map(|(number, segment)| (*number, segment))
    }

    /// Looks at each segment that may have requests of a window. Where there are many rows, so many threads do that
    /// [`share_out`] has; each has a `T` of its own, and all of them are returned: one or more.
    pub(crate) fn look<'a, T: Send>(
        &'a self,
        window: Window,
        make: impl Fn() -> T + Sync,
        each: impl Fn(&mut T, u32, &'a Segment) + Sync,
    ) -> Vec<T> {
        let touched: Vec<(u32, &Segment)> =
            self.segments().filter(|(_, segment)| segment.is_touched(window)).collect();
        let rows: usize = touched.iter().map(|(_, segment)| segment.rows.len()).sum();
        let together = if rows < ROWS_ALONE { touched.len().max(1) } else { 1 };
        let pieces: Vec<&[(u32, &Segment)]> = touched.chunks(together).collect();
        share_out(pieces.len(), |places| {
            let mut own = make();
            for (number, segment) in places.flat_map(|place| pieces[place].iter().copied()) {
                each(&mut own, number, segment);
            }
            own
        })
    }

    /// The oldest segment, if there are more facts than `max` and it is not the only one.
    pub(crate) fn beyond(&self, max: usize) -> Option<u32> {
        let rows = self.segments.values().map(|segment| segment.rows.len()).sum::<usize>();
        let oldest = self.segments.first_key_value().map(|(number, _)| *number);
        oldest.filter(|_| max < rows && 1 < self.segments.len())
    }

    /// One segment.
    pub(crate) fn segment(&self, number: u32) -> Option<&Segment> {
        self.segments.get(&number)
    }

    /// Facts, those replaced left out.
    pub(crate) fn len(&self) -> usize {
        self.segments.values().flat_map(|segment| &segment.rows).filter(|row| !row.replaced).count()
    }

    /// Bytes in memory, roughly.
    pub(crate) fn bytes(&self) -> usize {
        let segments = self.segments.values().map(|segment| {
            segment.rows.capacity() * size_of::<Row>()
                + segment.bodies.capacity()
                + segment.operations.capacity() * 25
                + segment.texts.bytes()
                + segment.sums.get().map_or(0, |sums| sums.iter().map(OperationSum::bytes).sum())
        });
        segments.sum::<usize>() + self.newest.capacity() * 17
    }
}

impl Segment {
    fn new(received: Moment) -> Self {
        Self {
            first: received,
            last: received,
            bytes: 0,
            starts: None,
            texts: Texts::default(),
            operations: Vec::new(),
            operation_numbers: FxHashMap::default(),
            rows: Vec::new(),
            bodies: Vec::new(),
            sums: OnceLock::new(),
        }
    }

    /// When its first requests began; one in a hundred may say what is wrong, as who sends has a clock of their own.
    fn began(&self) -> Option<Moment> {
        let mut starts: Vec<Moment> = self.rows.iter().map(|row| row.head.start).collect();
        let rank = (starts.len() / 100).max(usize::from(2 < starts.len()));
        (rank < starts.len()).then(|| *starts.select_nth_unstable(rank).1)
    }

    fn push(&mut self, fact: &PackedFact) -> u32 {
        let pair = (fact.service, fact.operation);
        let fresh = disk::small(self.operations.len());
        let operation = *self.operation_numbers.entry(pair).or_insert(fresh);
        if operation == fresh {
            self.operations.push(pair);
        }
        let start = fact.head.start;
        let (first, last) = self.starts.unwrap_or((start, start));
        self.starts = Some((first.min(start), last.max(start)));
        self.sums.take();
        let body = disk::small(self.bodies.len());
        fact.body.write(&mut self.bodies);
        self.rows.push(Row { head: fact.head, replaced: false, operation, body });
        disk::small(self.rows.len() - 1)
    }

    /// Facts whose requests began in `window`, with their places, in the order in which they were
    /// recorded.
    pub(crate) fn within(&self, window: Window) -> impl Iterator<Item = (usize, &Row)> {
        let rows = if self.is_touched(window) { &self.rows[..] } else { &[] };
        let rows = rows.iter().enumerate();
        rows.filter(move |(_, row)| !row.replaced && window.contains(row.head.start))
    }

    /// Whether some of its requests may have begun in `window`.
    fn is_touched(&self, window: Window) -> bool {
        window.from < window.to
            && self.starts.is_some_and(|(first, last)| window.from <= last && first < window.to)
    }

    /// Whether all of its requests began in `window`.
    pub(crate) fn is_within(&self, window: Window) -> bool {
        self.starts.is_some_and(|(first, last)| window.contains(first) && window.contains(last))
    }

    /// What all of its requests add up to, by operation; `add_up` is asked only if it is not known.
    pub(crate) fn sums(&self, add_up: impl FnOnce() -> Vec<OperationSum>) -> &[OperationSum] {
        self.sums.get_or_init(add_up)
    }

    /// Services and operations, as [`Row::operation`] numbers them.
    pub(crate) fn operations(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let text = |number: &u32| self.texts.text(*number);
        self.operations.iter().map(move |(service, operation)| (text(service), text(operation)))
    }

    /// A text that a body names.
    pub(crate) fn text(&self, number: u32) -> &str {
        self.texts.text(number)
    }

    /// The rest of a fact.
    pub(crate) fn body(&self, row: &Row) -> Cursor<'_> {
        Cursor(self.bodies.get(row.body as usize..).unwrap_or_default())
    }

    /// The whole fact at a place.
    pub(crate) fn fact(&self, place: usize) -> Option<RequestFact> {
        let row = self.rows.get(place)?;
        let (service, operation) = self.operations.get(row.operation as usize)?;
        let key = OperationKey {
            service: self.texts.text(*service).into(),
            operation: self.texts.text(*operation).into(),
        };
        let body = Body::read(&mut self.body(row))?;
        Some(packed::unpack(&row.head, key, &body, &self.texts))
    }
}

fn key(trace_id: TraceId, span_id: SpanId) -> u64 {
    use std::hash::BuildHasher as _;
    FxBuildHasher.hash_one((trace_id.0, span_id.0))
}

fn same(head: &Head, fact: &PackedFact) -> bool {
    (head.trace_id, head.span_id) == (fact.head.trace_id, fact.head.span_id)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        Breakdown, GroupFact, GroupKind, RequestFilter, answers,
        sampled::{
            self,
            tests::{fact, filter, kept_in},
        },
        series,
    };

    /// Nearly in order of time; some replace others.
    fn facts() -> impl Strategy<Value = Vec<RequestFact>> {
        let service = prop::sample::select(vec!["gateway", "shop", "stock"]);
        let each = (0_u64..150, 0_u64..20, service, 0_u64..40, any::<bool>());
        let each = each.prop_map(|(number, second, service, nanos, failed)| {
            let time = Duration::from_nanos(nanos);
            let group = GroupFact {
                kind: GroupKind::Database,
                name: service.into(),
                count: 2,
                total: time,
                failed: 1,
            };
            RequestFact {
                duration: time,
                failed,
                statements: 3,
                breakdown: Breakdown { database: time, ..Breakdown::default() },
                groups: vec![group],
                ..fact(number, second, service)
            }
        });
        prop::collection::vec(each, 0..200).prop_map(|mut facts| {
            for (place, fact) in (0_u64..).zip(&mut facts) {
                fact.start.nanos += place / 2 * 1_000_000_000;
            }
            facts
        })
    }

    fn answered(requests: &Requests, filter: &RequestFilter, steps: usize) -> String {
        let window = filter.window;
        let operations = answers::operations(requests, window);
        let keys: Vec<OperationKey> = operations.iter().map(|one| one.key.clone()).collect();
        let series = series::series(requests, &keys, window, steps);
        let services = series::services(requests, window, steps);
        let slowest = answers::slowest(requests, filter, 7);
        let latest = answers::latest(requests, filter, 7);
        let groups = answers::groups(requests, filter, 7);
        let sampled = sampled::sampled(requests, filter, 8);
        format!(
            "{operations:?} {series:?} {services:?} {slowest:?} {latest:?} {groups:?} {sampled:?}"
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn threads_that_share_segments_find_what_one_finds_in_one_segment(
            facts in facts(),
            each in 1_usize..40,
            from in 0_u64..60,
            seconds in 0_u64..150,
            steps in 0_usize..6,
            failed: Option<bool>,
        ) {
            let filter = RequestFilter { failed, ..filter(from, from + seconds) };
            let alone = answered(&kept_in(&facts, facts.len().max(1)), &filter, steps);
            let shared = kept_in(&facts, each);
            prop_assert_eq!(&answered(&shared, &filter, steps), &alone);
            // Once sums are remembered.
            prop_assert_eq!(&answered(&shared, &filter, steps), &alone);
        }
    }
}
