//! Sticky by address: the same key goes to the same member, few keys move when members come or go, and
//! no member gets much more than its share.
//!
//! Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam, 2016): a member takes at most
//! `factor` times its fair share of what is in flight; past that the next on the ring is asked.

use super::Candidate;
use crate::dice::{hash, mix};

/// Members on a ring.
#[derive(Debug, Clone, Default)]
pub struct Ring {
    /// Places on the ring, sorted, each with its member.
    points: Vec<(u64, u32)>,
}

/// Points of a member of weight 1: enough that shares differ by about 8 % (1 / sqrt(160)).
const POINTS: u32 = 160;

/// Points of one member; above it weight no longer counts. Bounds memory: 1,000 such members take 25 MB.
const POINTS_MAX: u32 = POINTS * 10;

impl Ring {
    /// A ring of these members, by name and weight. A member's points depend on its own name alone.
    #[must_use]
    pub fn new<'a>(members: impl IntoIterator<Item = (&'a str, u32)>) -> Self {
        let mut points = Vec::new();
        for (place, (name, weight)) in members.into_iter().enumerate() {
            let name = hash(name.as_bytes());
            let count = weight.saturating_mul(POINTS).min(POINTS_MAX);
            let place = u32::try_from(place).unwrap_or(u32::MAX);
            points.extend((0..count).map(|nth| (mix(name ^ mix(u64::from(nth) + 1)), place)));
        }
        points.sort_unstable();
        Self { points }
    }

    /// The member for a key: its own, or the next on the ring that is open and not above `factor` times
    /// its fair share of the requests in flight. `factor` is at least 1; 1.25 is usual.
    #[must_use]
    pub fn choose(&self, key: u64, candidates: &[Candidate], factor: f64) -> Option<usize> {
        let open = candidates.iter().filter(|candidate| candidate.is_eligible());
        let (in_flight, weight) = open.fold((0_u64, 0_u64), |(in_flight, weight), candidate| {
            (in_flight + u64::from(candidate.in_flight), weight + u64::from(candidate.weight))
        });
        // With the request that is about to be placed.
        let each = share(in_flight + 1, weight) * factor.max(1.0);
        let fits = |candidate: &Candidate| {
            let bound = (each * f64::from(candidate.weight)).ceil();
            f64::from(candidate.in_flight) + 1.0 <= bound
        };
        let start = self.points.partition_point(|(point, _)| *point < key);
        let (before, after) = self.points.split_at(start);
        let mut first_open = None;
        for (_, place) in after.iter().chain(before) {
            let place = *place as usize;
            let Some(candidate) = candidates.get(place).filter(|member| member.is_eligible())
            else {
                continue;
            };
            if fits(candidate) {
                return Some(place);
            }
            first_open = first_open.or(Some(place));
        }
        first_open
    }
}

/// Where an address, or anything else, lies on the ring.
#[must_use]
pub fn key_of(bytes: &[u8]) -> u64 {
    hash(bytes)
}

#[expect(clippy::cast_precision_loss, reason = "requests in flight are far below 2^53")]
fn share(whole: u64, parts: u64) -> f64 {
    whole as f64 / parts.max(1) as f64
}
