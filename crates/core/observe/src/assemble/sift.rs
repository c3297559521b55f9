//! Which calls count: each span once, and no more of them than a trace may have.

use std::{cmp::Ordering, collections::BTreeMap};

use model::{Call, Note, SpanKind};

use super::SPANS_MAX;

/// What the shape of the tree depends on, small enough to be sorted and walked at speed.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub(super) id: u64,
    pub(super) parent_id: Option<u64>,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) kind: SpanKind,
    /// Number of the service; numbers are in order of names.
    pub(super) service: u32,
    /// Its call; none for a placeholder.
    pub(super) call: Option<u32>,
    /// A call of the same service.
    pub(super) example: u32,
}

/// One spot for each span, sorted by start, then by id.
pub(super) fn sift(calls: &[Call], notes: &mut Vec<Note>) -> Vec<Spot> {
    let services = services(calls);
    let mut spots: Vec<Spot> =
        calls.iter().zip(0..).map(|(call, number)| spot(call, number, &services)).collect();
    let identity = |spot: &Spot| (spot.id, spot.kind, spot.service);
    spots.sort_unstable_by(|one, other| {
        let by_identity = identity(one).cmp(&identity(other));
        by_identity
            .then_with(|| compare(&calls[one.example as usize], &calls[other.example as usize]))
    });
    let before = spots.len();
    spots.dedup_by(|later, earlier| identity(later) == identity(earlier));
    if spots.len() < before {
        notes.push(Note::Duplicates { count: before - spots.len() });
    }
    spots.sort_unstable_by_key(|spot| (spot.start, spot.id, spot.kind, spot.service));
    if SPANS_MAX < spots.len() {
        notes.push(Note::TooLarge { count: spots.len() - SPANS_MAX });
        spots.truncate(SPANS_MAX);
    }
    let negative = spots.iter_mut().filter(|spot| spot.end < spot.start);
    let count = negative.map(|spot| spot.end = spot.start).count();
    if 0 < count {
        notes.push(Note::NegativeDuration { count });
    }
    spots
}

fn services(calls: &[Call]) -> BTreeMap<&str, u32> {
    let mut services = BTreeMap::new();
    let mut last = "";
    for call in calls {
        if &*call.service != last || services.is_empty() {
            last = &call.service;
            services.insert(last, 0);
        }
    }
    for (number, place) in services.values_mut().zip(0..) {
        *number = place;
    }
    services
}

fn spot(call: &Call, number: u32, services: &BTreeMap<&str, u32>) -> Spot {
    Spot {
        id: u64::from_be_bytes(call.span_id.0),
        parent_id: call.parent_id.map(|parent| u64::from_be_bytes(parent.0)),
        start: call.start.nanos,
        end: call.end.nanos,
        kind: call.kind,
        service: services.get(&*call.service).copied().unwrap_or_default(),
        call: Some(number),
        example: number,
    }
}

/// An order of sightings of the same span, so that it does not matter which came first: the one that
/// began earlier, then the longer one, then whatever differs.
fn compare(one: &Call, other: &Call) -> Ordering {
    let key =
        |call: &Call| (call.start, std::cmp::Reverse(call.end), std::cmp::Reverse(call.parent_id));
    key(one)
        .cmp(&key(other))
        .then_with(|| one.name.cmp(&other.name))
        .then_with(|| one.count.cmp(&other.count))
        .then_with(|| {
            if one == other {
                Ordering::Equal
            } else {
                format!("{one:?}").cmp(&format!("{other:?}"))
            }
        })
}
