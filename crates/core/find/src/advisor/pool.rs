//! What is known of each statement's plans.
//!
//! A plan that uses no more than the indexes of a set is one that the set allows: its cost bounds that of the set
//! from above. If it was the planner's choice among a larger set, it is the planner's choice among this one too,
//! and its cost is the cost. So most sets need not be asked for. (The idea of a cache of plans instead of costs is
//! that of INUM: Papadomanolakis, Dash, Ailamaki, "Efficient use of the query optimizer for automated physical
//! design", VLDB 2007.)

use model::database::NewIndex;

use super::{bits::Bits, costs::Costs};

/// One statement: what it weighs, which candidates matter to it, which plans are known.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Milliseconds a day for each unit of cost.
    pub(super) weight: f64,
    pub(super) relevant: Bits,
    /// Plans by the indexes that they use: cost, and the set that was offered.
    plans: Vec<(Bits, f64)>,
    asked: Vec<(Bits, usize)>,
    /// Why it cannot be planned.
    pub(super) failed: Option<String>,
}

/// All statements, and who is asked.
pub(super) struct Pool<'costs> {
    costs: &'costs mut dyn Costs,
    pub(super) known: Vec<Known>,
    pub(super) plans_max: u64,
    first_asked: u64,
    /// Nothing can be asked any more.
    pub(super) dead: bool,
}

impl<'costs> Pool<'costs> {
    pub(super) fn new(costs: &'costs mut dyn Costs, known: Vec<Known>, plans_max: u64) -> Self {
        let first_asked = costs.asked();
        Self { costs, known, plans_max, first_asked, dead: false }
    }

    pub(super) fn asked(&self) -> u64 {
        self.costs.asked().saturating_sub(self.first_asked)
    }

    pub(super) fn costs(&mut self) -> &mut dyn Costs {
        self.costs
    }

    /// The cost of the best known plan that `set` allows.
    pub(super) fn at_most(&self, statement: usize, set: &Bits) -> f64 {
        let known = &self.known[statement];
        let allowed = known.plans.iter().filter(|(used, _)| used.is_within(set));
        allowed.map(|(_, cost)| *cost).fold(f64::INFINITY, f64::min)
    }

    /// The indexes of the best known plan that `set` allows.
    pub(super) fn used(&self, statement: usize, set: &Bits) -> Bits {
        let known = &self.known[statement];
        let allowed = known.plans.iter().filter(|(used, _)| used.is_within(set));
        allowed.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(used, _)| used.clone()).unwrap_or_default()
    }

    /// Plans of a statement: the indexes that each uses, and its cost.
    pub(super) fn plans(&self, statement: usize) -> &[(Bits, f64)] {
        &self.known[statement].plans
    }

    /// The cost of the statement with `set`; asks unless it is known. Infinite if it cannot be planned.
    pub(super) fn cost(&mut self, statement: usize, set: &Bits, indexes: &[NewIndex]) -> f64 {
        self.plan(statement, set, indexes).map_or(f64::INFINITY, |(_, cost)| cost)
    }

    /// Whether the planner's choice with exactly this is known.
    pub(super) fn has_asked(&self, statement: usize, set: &Bits) -> bool {
        self.known[statement].choice(&set.and(&self.known[statement].relevant)).is_some()
    }

    /// The planner's choice with `set`: the indexes that it uses, and its cost.
    pub(super) fn plan(
        &mut self,
        statement: usize,
        set: &Bits,
        indexes: &[NewIndex],
    ) -> Option<(Bits, f64)> {
        let offered = set.and(&self.known[statement].relevant);
        if let Some(plan) = self.known[statement].choice(&offered) {
            return Some(plan);
        }
        if self.known[statement].failed.is_some() || self.dead || self.plans_max <= self.asked() {
            let at_most = self.at_most(statement, &offered);
            return at_most.is_finite().then(|| (self.used(statement, &offered), at_most));
        }
        let places: Vec<usize> = offered.iter().collect();
        let list: Vec<&NewIndex> = places.iter().map(|place| &indexes[*place]).collect();
        match self.costs.cost(statement, &list) {
            Ok(planned) => {
                let used: Bits =
                    planned.used.iter().filter_map(|at| places.get(*at)).copied().collect();
                let known = &mut self.known[statement];
                known.learn(offered, used.clone(), planned.cost);
                Some((used, planned.cost))
            }
            Err(error) => {
                self.dead |= error.fatal;
                self.known[statement].failed = Some(error.cause);
                None
            }
        }
    }
}

impl Known {
    pub(super) fn of(relevant: Bits) -> Self {
        Self { relevant, ..Self::default() }
    }

    fn choice(&self, offered: &Bits) -> Option<(Bits, f64)> {
        let chosen = |(asked, plan): &(Bits, usize)| {
            let (used, cost) = self.plans.get(*plan)?;
            (offered.is_within(asked) && used.is_within(offered)).then(|| (used.clone(), *cost))
        };
        self.asked.iter().rev().find_map(chosen)
    }

    fn learn(&mut self, offered: Bits, used: Bits, cost: f64) {
        let known = self.plans.iter().position(|(known, _)| *known == used);
        let place = known.unwrap_or(self.plans.len());
        if let Some((_, least)) = self.plans.get_mut(place) {
            *least = least.min(cost);
        } else {
            self.plans.push((used, cost));
        }
        self.asked.push((offered, place));
    }
}
