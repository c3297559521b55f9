//! What the pages ask for, computed from the facts.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    sync::Arc,
    time::Duration,
};

use model::{Moment, OperationKey, SpanId, TraceId, Window};
use rustc_hash::FxHashMap;
use stats::Sketch;

use crate::{
    Breakdown, GroupKind, Operation, OperationPoint, RequestFact, RequestFilter, STEPS_MAX,
    SpanGroup, packed,
    requests::{Requests, Row, Segment},
};

/// See [`crate::Store::operations`].
pub(crate) fn operations(requests: &Requests, window: Window) -> Vec<Operation> {
    let mut merged = BTreeMap::<OperationKey, OperationSum>::new();
    for (_, segment) in requests.segments() {
        let own;
        let sums = if segment.is_within(window) {
            segment.sums(|| sums(segment, window))
        } else {
            own = sums(segment, window);
            &own[..]
        };
        for ((service, operation), sum) in segment.operations().zip(sums) {
            if !sum.durations.is_empty() {
                let key = OperationKey { service: service.into(), operation: operation.into() };
                merged.entry(key).or_default().merge(sum);
            }
        }
    }
    let mut operations = Vec::with_capacity(merged.len());
    operations.extend(merged.into_iter().map(|(key, sum)| sum.finish(key)));
    operations.sort_by_key(|operation| Reverse(operation.total));
    operations
}

/// What the requests of a segment within a window add up to, by operation.
fn sums(segment: &Segment, window: Window) -> Vec<OperationSum> {
    let mut sums = vec![OperationSum::default(); segment.operations().len()];
    for (_, row) in segment.within(window) {
        let breakdown = segment.body(row).breakdown().unwrap_or_default();
        if let Some(sum) = sums.get_mut(row.operation as usize) {
            sum.add(row, breakdown);
        }
    }
    sums
}

/// See [`crate::Store::series`].
pub(crate) fn series(
    requests: &Requests,
    keys: &[OperationKey],
    window: Window,
    steps: usize,
) -> Vec<Vec<OperationPoint>> {
    let mut series = vec![split(window, steps.min(STEPS_MAX)); keys.len()];
    let places: BTreeMap<(&str, &str), usize> = keys
        .iter()
        .enumerate()
        .map(|(place, key)| ((&*key.service, &*key.operation), place))
        .collect();
    for (_, segment) in requests.segments() {
        let wanted: Vec<Option<usize>> =
            segment.operations().map(|pair| places.get(&pair).copied()).collect();
        if wanted.iter().all(Option::is_none) {
            continue;
        }
        for (_, row) in segment.within(window) {
            if let Some(Some(place)) = wanted.get(row.operation as usize) {
                add(&mut series[*place], window, segment, row);
            }
        }
    }
    series
}

/// See [`crate::Store::services`].
pub(crate) fn services(
    requests: &Requests,
    window: Window,
    steps: usize,
) -> BTreeMap<Arc<str>, Vec<OperationPoint>> {
    let steps = steps.min(STEPS_MAX);
    let mut services = BTreeMap::<Arc<str>, Vec<OperationPoint>>::new();
    for (_, segment) in requests.segments() {
        let names = segment.operations().map(|(service, _)| service).collect::<Vec<_>>();
        let mut of_segment = BTreeMap::<&str, Vec<OperationPoint>>::new();
        for (_, row) in segment.within(window) {
            let Some(name) = names.get(row.operation as usize) else { continue };
            let points = of_segment
                .entry(*name)
                .or_insert_with(|| services.remove(*name).unwrap_or_else(|| split(window, steps)));
            add(points, window, segment, row);
        }
        services.extend(of_segment.into_iter().map(|(name, points)| (Arc::from(name), points)));
    }
    services
}

/// Counts a request in its part of the window.
fn add(points: &mut [OperationPoint], window: Window, segment: &Segment, row: &Row) {
    let length = window.to.nanos.saturating_sub(window.from.nanos).max(1);
    let passed = row.head.start.nanos.saturating_sub(window.from.nanos);
    // Windows of some centuries need more than 64 bits, which take ten times as long.
    let place = match passed.checked_mul(points.len() as u64) {
        Some(times) => usize::try_from(times / length).unwrap_or(usize::MAX),
        None => (u128::from(passed) * points.len() as u128 / u128::from(length)) as usize,
    };
    let Some(point) = points.get_mut(place) else { return };
    point.count += 1;
    point.failed += u64::from(row.head.failed);
    point.statements += u64::from(row.head.statements);
    point.durations.add(row.head.duration_nanos);
    let nanos = segment.body(row).breakdown().unwrap_or_default();
    let more = packed::breakdown(nanos);
    let sum = &mut point.breakdown;
    sum.own += more.own;
    sum.database += more.database;
    sum.cache += more.cache;
    sum.http += more.http;
    sum.queue += more.queue;
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
fn greatest<R: Ord>(
    requests: &Requests,
    filter: &RequestFilter,
    limit: usize,
    rank: impl Fn(&Row) -> R,
) -> Vec<RequestFact> {
    // The least of those chosen is on top, to be ousted next.
    let mut chosen = BinaryHeap::new();
    for (number, segment) in requests.segments() {
        for (place, row) in matching(segment, filter) {
            chosen.push(Reverse((rank(row), number, place)));
            if limit < chosen.len() {
                chosen.pop();
            }
        }
    }
    let mut facts = Vec::with_capacity(chosen.len());
    for Reverse((_, number, place)) in chosen.into_sorted_vec() {
        facts.extend(requests.segment(number).and_then(|segment| segment.fact(place)));
    }
    facts
}

/// See [`crate::Store::groups`].
pub(crate) fn groups(requests: &Requests, filter: &RequestFilter, limit: usize) -> Vec<SpanGroup> {
    let mut merged = BTreeMap::<(GroupKind, &str), GroupSum>::new();
    for (_, segment) in requests.segments() {
        #[expect(clippy::iter_over_hash_type, reason = "they are added up, in an ordered map")]
        for ((kind, name), sum) in groups_of_segment(segment, filter) {
            merged.entry((kind, segment.text(name))).or_default().merge(&sum);
        }
    }
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
    let duration_nanos_min = filter.duration_min.map_or(0, packed::nanos);
    segment.within(filter.window).filter(move |(_, row)| {
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

/// Equal parts of a window; none if the window is empty.
fn split(window: Window, steps: usize) -> Vec<OperationPoint> {
    let length = u128::from(window.to.nanos.saturating_sub(window.from.nanos));
    let parts = if length == 0 { 0 } else { steps as u128 };
    let edge = |step: u128| {
        let passed = u64::try_from((step * length).div_ceil(parts));
        Moment { nanos: window.from.nanos + passed.expect("no part is longer than the window") }
    };
    let part = |step| OperationPoint {
        window: Window { from: edge(step), to: edge(step + 1) },
        count: 0,
        failed: 0,
        statements: 0,
        breakdown: Breakdown::default(),
        durations: Sketch::default(),
    };
    (0..parts).map(part).collect()
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
    fn add(&mut self, row: &Row, breakdown_nanos: [u64; 5]) {
        self.failed += u64::from(row.head.failed);
        self.statements += u64::from(row.head.statements);
        self.total_nanos = self.total_nanos.saturating_add(row.head.duration_nanos);
        self.durations.add(row.head.duration_nanos);
        self.widen((row.head.start, row.head.start), breakdown_nanos);
    }

    fn merge(&mut self, other: &Self) {
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
