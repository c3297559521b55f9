//! Clocks that disagree: spans of a service are moved between those of its caller.
//!
//! The rule is Jaeger's: a server span that does not lie within its client's is centred in it, or, if it
//! is the longer of the two, moved to its begin unless it begins later anyway. Messages are handled when
//! they are handled, so a consumer is moved only if it would begin before its producer.

use std::collections::BTreeMap;

use model::{Call, Note, SpanKind};

use super::{sift::Spot, tree::Tree};

/// Moves what has to be moved, and tells whether anything was.
pub(super) fn correct(
    spots: &mut [Spot],
    tree: &Tree,
    calls: &[Call],
    notes: &mut Vec<Note>,
) -> bool {
    let first_service = spots.first().map(|spot| spot.service);
    if spots.iter().all(|spot| Some(spot.service) == first_service) {
        return false;
    }
    let mut shifts = vec![0_i64; spots.len()];
    let mut by_service: BTreeMap<u32, (i64, u32)> = BTreeMap::new();
    for number in tree.breadth_first().into_iter().map(|number| number as usize) {
        let Some(parent) = tree.parent(number) else { continue };
        let (above, below) = (&spots[parent], &spots[number]);
        let shift = if above.service == below.service {
            shifts[parent]
        } else {
            disagreement(above, below)
        };
        if shift == 0 {
            continue;
        }
        if above.service != below.service {
            let known = by_service.entry(below.service).or_insert((0, below.example));
            if (known.0.unsigned_abs(), known.0) < (shift.unsigned_abs(), shift) {
                known.0 = shift;
            }
        }
        shifts[number] = shift;
        let spot = &mut spots[number];
        spot.start = spot.start.saturating_add_signed(shift);
        spot.end = spot.end.saturating_add_signed(shift);
    }
    let moved = !by_service.is_empty();
    notes.extend(by_service.into_values().map(|(nanos, example)| Note::ClockSkew {
        service: calls[example as usize].service.to_string(),
        nanos,
    }));
    moved
}

/// How far the clock of a span lags behind that of the span above it, which another service made.
fn disagreement(above: &Spot, below: &Spot) -> i64 {
    let to = match (above.kind, below.kind) {
        (SpanKind::Client, SpanKind::Server) => {
            let (whole, part) = (above.end - above.start, below.end - below.start);
            if above.start <= below.start && (below.end <= above.end || whole < part) {
                return 0;
            }
            above.start + whole.saturating_sub(part) / 2
        }
        (SpanKind::Client | SpanKind::Producer, SpanKind::Consumer)
            if below.start < above.start =>
        {
            above.start
        }
        _ => return 0,
    };
    i64::try_from(i128::from(to) - i128::from(below.start)).unwrap_or(0)
}
