//! Statements in an order of their own, so that the order in which they were given decides nothing.

use model::{Basis, Plan, database::NewIndex};

use super::{
    costs::{CostError, Costs, Planned},
    statements::AdvisedStatement,
};

/// Places of the statements, by their texts.
pub(super) fn order(statements: &[AdvisedStatement]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..statements.len()).collect();
    order.sort_by(|a, b| {
        let (one, other) = (&statements[*a], &statements[*b]);
        one.sql
            .cmp(&other.sql)
            .then_with(|| one.query_id.cmp(&other.query_id))
            .then_with(|| one.calls_per_day.total_cmp(&other.calls_per_day))
    });
    order
}

/// Who is asked, where statements have other places.
pub(super) struct Ordered<'costs> {
    pub(super) costs: &'costs mut dyn Costs,
    /// Each statement's place in the list that `costs` knows.
    pub(super) order: Vec<usize>,
}

impl Costs for Ordered<'_> {
    fn basis(&self) -> Basis {
        self.costs.basis()
    }

    fn cost(&mut self, statement: usize, indexes: &[&NewIndex]) -> Result<Planned, CostError> {
        self.costs.cost(self.order[statement], indexes)
    }

    fn bytes(&mut self, index: &NewIndex) -> Option<u64> {
        self.costs.bytes(index)
    }

    fn can_plan(&self, index: &NewIndex) -> bool {
        self.costs.can_plan(index)
    }

    fn plan_text(&mut self, statement: usize, indexes: &[&NewIndex]) -> String {
        self.costs.plan_text(self.order[statement], indexes)
    }

    fn plan(&mut self, statement: usize) -> Option<Plan> {
        self.costs.plan(self.order[statement])
    }

    fn view(&mut self, name: &str) -> Option<String> {
        self.costs.view(name)
    }

    fn selectivity(&mut self, index: &NewIndex) -> Option<f64> {
        self.costs.selectivity(index)
    }

    fn has_extension(&mut self, name: &str) -> bool {
        self.costs.has_extension(name)
    }

    fn asked(&self) -> u64 {
        self.costs.asked()
    }
}
