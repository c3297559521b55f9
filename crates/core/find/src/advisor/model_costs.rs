//! Costs without hypothetical indexes: a model of the planner, tied to the plan that the statement has now.
//!
//! A server without `HypoPG` still plans every statement as it stands. That plan says how many rows each table gives,
//! how they are joined and what all of it costs. Only what an index would change is modelled: how a table is
//! read (`leaf`), in which order tables are joined (`joins`), which sorts fall away (`tree`), each by the
//! planner's own formulas over the same statistics. Without a new index the cost is the planner's to the last digit.
//!
//! Not modelled: parallel plans, merge joins and remembered look-ups of a new order, intersections of bitmaps, GIN and
//! `GiST`.

mod joins;
mod leaf;
mod prepared;
mod prices;
mod tree;

use std::{collections::BTreeMap, sync::Arc};

use model::{
    Basis, Plan,
    database::{Database, IndexMethod, NewIndex, TableName},
};

use super::costs::{CostError, Costs, Planned};
use leaf::Offered;
use prepared::Prepared;
use prices::Prices;

/// A server that plans statements as they stand.
pub trait Planner {
    /// The plans of a statement, by its place, with what each node hands on (`VERBOSE`), for one process: one, or
    /// one for each kind of value that it is run with. Each with its share of the runs.
    ///
    /// # Errors
    /// When it cannot be planned.
    fn plans(&mut self, statement: usize) -> Result<Vec<(f64, Plan)>, CostError>;

    /// Rows of a table, named `alias`, that pass a condition, as the planner expects.
    fn rows_where(&mut self, table: &TableName, alias: &str, condition: &str) -> Option<f64>;

    /// The plan as `EXPLAIN` prints it; empty if there is none to show.
    fn plan_text(&mut self, statement: usize) -> String {
        let _ = statement;
        String::new()
    }

    /// The definition of the view of this name.
    fn view(&mut self, name: &str) -> Option<String> {
        let _ = name;
        None
    }

    /// Whether this extension is installed in the database.
    fn has_extension(&mut self, name: &str) -> bool {
        let _ = name;
        false
    }
}

/// Costs by a model of the planner.
pub struct ModelCosts<'a> {
    database: &'a Database,
    statements: &'a [Arc<str>],
    planner: &'a mut dyn Planner,
    prices: Prices,
    prepared: BTreeMap<usize, Result<Vec<(f64, Prepared<'a>)>, CostError>>,
    /// Shares of rows that predicates of indexes keep.
    shares: BTreeMap<(TableName, String), Option<f64>>,
    /// Indexes as they are weighed, by table and index.
    sized: BTreeMap<NewIndex, Offered>,
    asked: u64,
}

impl std::fmt::Debug for ModelCosts<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ModelCosts").field("asked", &self.asked).finish_non_exhaustive()
    }
}

impl<'a> ModelCosts<'a> {
    /// For these statements, which are known by their places.
    pub fn new(
        database: &'a Database,
        statements: &'a [Arc<str>],
        planner: &'a mut dyn Planner,
    ) -> Self {
        Self {
            database,
            statements,
            planner,
            prices: Prices::of(database),
            prepared: BTreeMap::new(),
            shares: BTreeMap::new(),
            sized: BTreeMap::new(),
            asked: 0,
        }
    }

    fn prepare(&mut self, statement: usize) -> Result<(), CostError> {
        if !self.prepared.contains_key(&statement) {
            let prepared = self.taken_apart(statement);
            self.prepared.insert(statement, prepared);
        }
        match self.prepared.get(&statement) {
            Some(Err(error)) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    fn taken_apart(&mut self, statement: usize) -> Result<Vec<(f64, Prepared<'a>)>, CostError> {
        let plans = self.planner.plans(statement)?;
        let text = self.statements.get(statement).map_or("", |text| text);
        let mut prepared = Vec::new();
        for (share, plan) in plans {
            if plan.root().is_none_or(|root| root.estimate.is_none()) {
                return Err(CostError { cause: "the plan has no cost".to_owned(), fatal: false });
            }
            prepared
                .push((share, Prepared::of(plan, text, self.database, self.planner, &self.prices)));
        }
        Ok(prepared)
    }

    fn offered(&mut self, place: usize, index: &NewIndex) -> Option<Offered> {
        if !self.sized.contains_key(index) {
            let table = self.database.tables.iter().find(|table| table.name == index.table)?;
            let share = self.selectivity(index).unwrap_or(1.0);
            self.sized.insert(index.clone(), Offered::new(index, table, share, None));
        }
        self.sized.get(index).map(|known| Offered { place: Some(place), ..known.clone() })
    }
}

impl Costs for ModelCosts<'_> {
    fn basis(&self) -> Basis {
        Basis::Model
    }

    fn cost(&mut self, statement: usize, indexes: &[&NewIndex]) -> Result<Planned, CostError> {
        self.asked += 1;
        self.prepare(statement)?;
        let mut offered: Vec<Offered> = indexes
            .iter()
            .enumerate()
            .filter_map(|(place, index)| self.offered(place, index))
            .collect();
        let Some(Ok(all)) = self.prepared.get(&statement) else {
            return Err(CostError { cause: "it was not planned".to_owned(), fatal: false });
        };
        let mut planned = Planned::default();
        let given = offered.len();
        for (share, prepared) in all {
            offered.truncate(given);
            offered.extend(prepared.existing.iter().cloned());
            let best = tree::cheapest(prepared, &offered, &self.prices);
            planned.cost += share * best.total;
            planned.used = tree::united(&planned.used, &best.used);
            planned
                .existing
                .extend(prepared.plan.nodes.iter().filter_map(|node| node.index.clone()));
        }
        Ok(planned)
    }

    fn plan(&mut self, statement: usize) -> Option<Plan> {
        self.prepare(statement).ok()?;
        let (_, prepared) = self.prepared.get(&statement)?.as_ref().ok()?.first()?;
        Some(prepared.plan.clone())
    }

    fn can_plan(&self, index: &NewIndex) -> bool {
        matches!(index.method, IndexMethod::Btree | IndexMethod::Brin)
    }

    fn plan_text(&mut self, statement: usize, indexes: &[&NewIndex]) -> String {
        // No planner has seen the other one.
        if indexes.is_empty() { self.planner.plan_text(statement) } else { String::new() }
    }

    fn view(&mut self, name: &str) -> Option<String> {
        self.planner.view(name)
    }

    fn selectivity(&mut self, index: &NewIndex) -> Option<f64> {
        if index.predicate.is_empty() {
            return Some(1.0);
        }
        let key = (index.table.clone(), index.predicate.clone());
        if let Some(known) = self.shares.get(&key) {
            return *known;
        }
        let table = self.database.tables.iter().find(|table| table.name == index.table)?;
        let rows = super::size::rows(table).max(1.0);
        let passed = self.planner.rows_where(&index.table, "", &index.predicate);
        let share = passed.map(|passed| (passed / rows).clamp(0.0, 1.0));
        self.shares.insert(key, share);
        share
    }

    fn has_extension(&mut self, name: &str) -> bool {
        self.planner.has_extension(name)
    }

    fn asked(&self) -> u64 {
        self.asked
    }
}

#[cfg(test)]
mod tests;
