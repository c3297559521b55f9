//! What the pages ask for, computed from the facts.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, btree_map::Entry},
    sync::Arc,
    time::Duration,
};

use model::{Moment, OperationKey, SpanId, TraceId, Window};
use rustc_hash::FxHashMap;
use stats::Sketch;

use crate::{
    GroupKind, Operation, OperationPoint, RequestFact, RequestFilter, SpanGroup, packed,
    requests::{Requests, Row, Segment},
};

/// See [`crate::Store::operations`].
pub(crate) fn operations(requests: &Requests, window: Window) -> Vec<Operation> {
    type Sums<'a> = BTreeMap<(&'a str, &'a str), OperationSum>;
    let parts = requests.look(window, Sums::new, |own: &mut Sums<'_>, _, segment| {
        let counted;
        let sums = if segment.is_within(window) {
            segment.sums(|| sums(segment, window))
        } else {
            counted = sums(segment, window);
            &counted[..]
        };
        for (pair, sum) in segment.operations().zip(sums) {
            if !sum.is_empty() {
                own.entry(pair).or_default().merge(sum);
            }
        }
    });
    let merged = add_up(parts, OperationSum::merge);
    let mut operations = Vec::with_capacity(merged.len());
    operations.extend(merged.into_iter().map(|((service, operation), sum)| {
        sum.finish(OperationKey { service: service.into(), operation: operation.into() })
    }));
    operations.sort_by_key(|operation| Reverse(operation.total));
    operations
}

/// Adds up what each thread found.
fn add_up<K: Ord, V>(parts: Vec<BTreeMap<K, V>>, add: impl Fn(&mut V, &V)) -> BTreeMap<K, V> {
    let mut parts = parts.into_iter();
    let mut all = parts.next().unwrap_or_default();
    for (key, more) in parts.flatten() {
        match all.entry(key) {
            Entry::Occupied(mut known) => add(known.get_mut(), &more),
            Entry::Vacant(free) => {
                free.insert(more);
            }
        }
    }
    all
}

/// What the requests of a segment within a window add up to, by operation.
pub(crate) fn sums(segment: &Segment, window: Window) -> Vec<OperationSum> {
    let mut sums = vec![OperationSum::default(); segment.operations().len()];
    for (_, row) in segment.within(window) {
        let breakdown = segment.body(row).breakdown().unwrap_or_default();
        if let Some(sum) = sums.get_mut(row.operation as usize) {
            sum.add(row, breakdown);
        }
    }
    sums
}

/// See [`crate::Store::slowest`].
pub(crate) fn slowest(
    requests: &Requests,
    filter: &RequestFilter,
    limit: usize,
) -> Vec<RequestFact> {
    greatest(requests, filter, limit, by_duration)
}

/// See [`crate::Store::latest`].
pub(crate) fn latest(
    requests: &Requests,
    filter: &RequestFilter,
    limit: usize,
) -> Vec<RequestFact> {
    greatest(requests, filter, limit, by_start)
}

/// The requests whose rank is greatest, the greatest first.
fn greatest<R: Ord + Send>(
    requests: &Requests,
    filter: &RequestFilter,
    limit: usize,
    rank: impl Fn(&Row) -> R + Sync,
) -> Vec<RequestFact> {
    /// The least of those chosen is on top, to be ousted next.
    type Chosen<R> = BinaryHeap<Reverse<(R, u32, usize)>>;
    let choose = |chosen: &mut Chosen<R>, number: u32, segment: &Segment| {
        for (place, row) in matching(segment, filter) {
            let ranked = Reverse((rank(row), number, place));
            if chosen.len() < limit {
                chosen.push(ranked);
            } else if let Some(mut least) = chosen.peek_mut()
                && ranked < *least
            {
                *least = ranked;
            }
        }
    };
    let parts = requests.look(filter.window, Chosen::new, choose);
    let mut chosen: Vec<_> = parts.into_iter().flatten().collect();
    chosen.sort_unstable();
    chosen.truncate(limit);
    let mut facts = Vec::with_capacity(chosen.len());
    for Reverse((_, number, place)) in chosen {
        facts.extend(requests.segment(number).and_then(|segment| segment.fact(place)));
    }
    facts
}

/// See [`crate::Store::groups`].
pub(crate) fn groups(requests: &Requests, filter: &RequestFilter, limit: usize) -> Vec<SpanGroup> {
    type Sums<'a> = BTreeMap<(GroupKind, &'a str), GroupSum>;
    let parts = requests.look(filter.window, Sums::new, |own: &mut Sums<'_>, _, segment| {
        #[expect(clippy::iter_over_hash_type, reason = "they are added up, in an ordered map")]
        for ((kind, name), sum) in groups_of_segment(segment, filter) {
            own.entry((kind, segment.text(name))).or_default().merge(&sum);
        }
    });
    let merged = add_up(parts, GroupSum::merge);
    let mut groups = Vec::with_capacity(merged.len());
    groups.extend(merged.into_iter().map(|((kind, name), sum)| sum.finish(kind, name)));
    groups.sort_by_key(|group| Reverse(group.total));
    groups.truncate(limit);
    groups
}

fn groups_of_segment(
    segment: &Segment,
    filter: &RequestFilter,
) -> FxHashMap<(GroupKind, u32), GroupSum> {
    let mut sums = FxHashMap::<_, GroupSum>::default();
    for (place, row) in matching(segment, filter) {
        let read = segment.body(row).groups_of_body(|group| {
            let sum = sums.entry((group.kind, group.name)).or_default();
            sum.requests += u64::from(sum.last_place != Some(place));
            sum.last_place = Some(place);
            sum.count += u64::from(group.count);
            sum.total_nanos = sum.total_nanos.saturating_add(group.total_nanos);
            sum.failed += u64::from(group.failed);
        });
        debug_assert!(read.is_some(), "bodies are written by this process");
    }
    sums
}

/// Rows of a segment that pass `filter`, with their places.
pub(crate) fn matching<'a>(
    segment: &'a Segment,
    filter: &'a RequestFilter,
) -> impl Iterator<Item = (usize, &'a Row)> {
    let meant = |wanted: &Option<Arc<str>>, text: &str| {
        wanted.as_ref().is_none_or(|wanted| **wanted == *text)
    };
    let operations = segment.operations().map(|(service, operation)| {
        meant(&filter.service, service) && meant(&filter.operation, operation)
    });
    let operations = operations.collect::<Vec<_>>();
    // Who is asked seldom is in few segments: the rows of others need no look.
    let is_in = operations.contains(&true);
    let window = if is_in { filter.window } else { Window::default() };
    let duration_nanos_min = filter.duration_min.map_or(0, packed::nanos);
    segment.within(window).filter(move |(_, row)| {
        operations.get(row.operation as usize) == Some(&true)
            && duration_nanos_min <= row.head.duration_nanos
            && filter.failed.is_none_or(|failed| failed == row.head.failed)
    })
}

type Id = (Reverse<TraceId>, Reverse<SpanId>);

fn id(row: &Row) -> Id {
    (Reverse(row.head.trace_id), Reverse(row.head.span_id))
}

/// Slower is greater; of two as slow, the earlier.
fn by_duration(row: &Row) -> (u64, Reverse<Moment>, Id) {
    (row.head.duration_nanos, Reverse(row.head.start), id(row))
}

/// Later is greater.
fn by_start(row: &Row) -> (Moment, Id) {
    (row.head.start, id(row))
}

/// What many requests of one operation add up to.
#[derive(Debug, Clone, Default)]
pub(crate) struct OperationSum {
    failed: u64,
    statements: u64,
    total_nanos: u64,
    breakdown_nanos: [u64; 5],
    durations: Sketch,
    starts: Option<(Moment, Moment)>,
}

impl OperationSum {
    pub(crate) fn add(&mut self, row: &Row, breakdown_nanos: [u64; 5]) {
        self.failed += u64::from(row.head.failed);
        self.statements += u64::from(row.head.statements);
        self.total_nanos = self.total_nanos.saturating_add(row.head.duration_nanos);
        self.durations.add(row.head.duration_nanos);
        self.widen((row.head.start, row.head.start), breakdown_nanos);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.failed += other.failed;
        self.statements += other.statements;
        self.total_nanos = self.total_nanos.saturating_add(other.total_nanos);
        if let Some(starts) = other.starts {
            self.widen(starts, other.breakdown_nanos);
        }
        self.durations.merge(&other.durations);
    }

    fn widen(&mut self, starts: (Moment, Moment), breakdown_nanos: [u64; 5]) {
        let (first, last) = self.starts.unwrap_or(starts);
        self.starts = Some((first.min(starts.0), last.max(starts.1)));
        for (part, more) in self.breakdown_nanos.iter_mut().zip(breakdown_nanos) {
            *part = part.saturating_add(more);
        }
    }

    /// Whether there were none.
    pub(crate) fn is_empty(&self) -> bool {
        self.durations.is_empty()
    }

    /// Bytes in memory, roughly.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.durations.bytes()
    }

    fn finish(self, key: OperationKey) -> Operation {
        let (first, last) = self.starts.unwrap_or_default();
        Operation {
            key,
            count: self.durations.count(),
            failed: self.failed,
            total: Duration::from_nanos(self.total_nanos),
            statements: self.statements,
            breakdown: packed::breakdown(self.breakdown_nanos),
            seen: Window { from: first, to: last + Duration::from_nanos(1) },
            durations: self.durations,
        }
    }

    /// Those of one step.
    pub(crate) fn point(self, window: Window) -> OperationPoint {
        OperationPoint {
            window,
            count: self.durations.count(),
            failed: self.failed,
            statements: self.statements,
            breakdown: packed::breakdown(self.breakdown_nanos),
            durations: self.durations,
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct GroupSum {
    last_place: Option<usize>,
    requests: u64,
    count: u64,
    total_nanos: u64,
    failed: u64,
}

impl GroupSum {
    fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.count += other.count;
        self.total_nanos = self.total_nanos.saturating_add(other.total_nanos);
        self.failed += other.failed;
    }

    fn finish(self, kind: GroupKind, name: &str) -> SpanGroup {
        SpanGroup {
            kind,
            name: name.into(),
            requests: self.requests,
            count: self.count,
            total: Duration::from_nanos(self.total_nanos),
            failed: self.failed,
        }
    }
}
