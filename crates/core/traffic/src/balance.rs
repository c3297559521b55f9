//! Balance: which member of a service answers the next request.
//!
//! Every policy sees the same [`Candidate`]s and gives a place among them; none keeps a list of its
//! own, so that members come and go without any policy being told.

mod cookie;
mod ewma;
mod ring;
mod rotation;
mod zones;

pub use cookie::{COOKIE_BYTES_MAX, CookieKey};
pub use ewma::PeakEwma;
pub use ring::{Ring, key_of};
pub use rotation::Rotation;
pub use zones::{Side, Zones, keep_zone};

use std::time::Duration;

use crate::Dice;

/// A member as policies see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Its share of the work, relative to the others; slow start has been taken off already.
    pub weight: u32,
    /// Requests that it has not answered yet.
    pub in_flight: u32,
    /// How long it takes to answer, lately; zero if nobody knows.
    pub latency: Duration,
    /// Whether it may be chosen.
    pub open: bool,
}

impl Candidate {
    fn is_eligible(&self) -> bool {
        self.open && 0 < self.weight
    }
}

/// The member with the fewest requests in flight for its weight; the first such from `start` on.
///
/// `start` is to differ from call to call, else equal members are not used equally.
#[must_use]
pub fn fewest_in_flight(candidates: &[Candidate], start: usize) -> Option<usize> {
    let count = candidates.len();
    let places = (0..count).map(|step| (start.wrapping_add(step)) % count);
    let mut best: Option<usize> = None;
    for place in places.filter(|place| candidates[*place].is_eligible()) {
        let less = |other: usize| {
            // in_flight / weight < other's, without dividing.
            let (one, two) = (&candidates[place], &candidates[other]);
            u64::from(one.in_flight) * u64::from(two.weight)
                < u64::from(two.in_flight) * u64::from(one.weight)
        };
        if best.is_none_or(less) {
            best = Some(place);
        }
    }
    best
}

/// Two members by chance, and of them the one that promises to answer sooner.
///
/// What a member promises is its latency times what is in flight there (Mitzenmacher: "The power of two
/// choices in randomized load balancing", 2001; the latency as Finagle weighs it). Two, and not all, so
/// that many gateways do not all run to the same member.
#[must_use]
pub fn better_of_two(candidates: &[Candidate], dice: &mut Dice) -> Option<usize> {
    let eligible = candidates.iter().filter(|candidate| candidate.is_eligible()).count();
    if eligible <= 1 {
        return candidates.iter().position(Candidate::is_eligible);
    }
    let first = dice.below(eligible);
    let second = (first + 1 + dice.below(eligible - 1)) % eligible;
    let place = |nth: usize| {
        let mut places = (0..candidates.len()).filter(|place| candidates[*place].is_eligible());
        places.nth(nth)
    };
    let (first, second) = (place(first)?, place(second)?);
    let sooner = promise(&candidates[second]) < promise(&candidates[first]);
    Some(if sooner { second } else { first })
}

/// What a request costs at this member, in no unit; a member of which nothing is known costs little, so
/// that something becomes known of it.
fn promise(candidate: &Candidate) -> f64 {
    /// Below this, latency is noise of the machine and not of the member.
    const FLOOR: Duration = Duration::from_micros(100);
    let latency = candidate.latency.max(FLOOR).as_secs_f64();
    latency * (f64::from(candidate.in_flight) + 1.0) / f64::from(candidate.weight)
}
