//! Weighted round robin that spreads: with weights 5, 1, 1 the order is a a b a c a a, not a a a a a b c.
//!
//! Each member gains its weight a turn; the richest is chosen and pays what all have gained.

use super::Candidate;

/// Whose turn it is.
#[derive(Debug, Clone, Default)]
pub struct Rotation {
    credit: Vec<i64>,
}

impl Rotation {
    /// The member whose turn it is; the turn passes on.
    pub fn next(&mut self, candidates: &[Candidate]) -> Option<usize> {
        self.credit.resize(candidates.len(), 0);
        let mut total = 0_i64;
        let mut best: Option<usize> = None;
        for (place, candidate) in candidates.iter().enumerate() {
            if !candidate.is_eligible() {
                // Who was away does not come back with the credit, or the debt, of the time before.
                self.credit[place] = 0;
                continue;
            }
            total += i64::from(candidate.weight);
            self.credit[place] += i64::from(candidate.weight);
            if best.is_none_or(|best| self.credit[best] < self.credit[place]) {
                best = Some(place);
            }
        }
        if let Some(best) = best {
            self.credit[best] -= total;
        }
        best
    }
}
