//! Zones: requests stay with the members of the gateway's own zone while enough of them are well, and spill over to the
//! others in proportion as they are not.
//!
//! As Envoy spills from one priority to the next: what of the own members is well counts 1 / `share` times, so that
//! with a `share` of 0.7 seven of ten carry all of it, and with three and a half well half of it goes elsewhere.

use super::Candidate;

/// Members by weight: in the own zone and elsewhere, all and those that are well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Zones {
    own: u64,
    own_well: u64,
    others_well: u64,
}

/// Where a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// In the gateway's own zone.
    Own,
    /// In another, or nobody knows where.
    Elsewhere,
}

impl Zones {
    /// Counts a member.
    pub fn add(&mut self, weight: u32, side: Side, is_well: bool) {
        let weight = u64::from(weight);
        let well = if is_well { weight } else { 0 };
        match side {
            Side::Own => {
                self.own += weight;
                self.own_well += well;
            }
            Side::Elsewhere => self.others_well += well,
        }
    }

    /// The share of requests that stays in the own zone, where `share` of its members have to be well for all of them
    /// to stay. All stay where nobody else is well, none where nobody is of that zone.
    #[must_use]
    pub fn stays(&self, share: f64) -> f64 {
        if self.own_well == 0 {
            return 0.0;
        }
        if self.others_well == 0 {
            return 1.0;
        }
        (precise(self.own_well) / precise(self.own) / share.max(f64::EPSILON)).min(1.0)
    }
}

/// Closes the members of the other side, if anybody is left then: those elsewhere for a request that stays, those of
/// the own zone for one that does not. `sides` has them in the order of the candidates.
pub fn keep_zone(candidates: &mut [Candidate], sides: &[Side], stays: bool) {
    let kept = |place: usize| (sides.get(place) == Some(&Side::Own)) == stays;
    let mut places = 0..candidates.len();
    if !places.any(|place| kept(place) && candidates[place].is_eligible()) {
        return;
    }
    for (place, candidate) in candidates.iter_mut().enumerate() {
        candidate.open &= kept(place);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "weights of some thousand members, at most 1,000 each"
)]
fn precise(weight: u64) -> f64 {
    weight as f64
}
