//! Who is asked what a statement costs with indexes that may not be there.

use std::fmt;

use model::{Basis, Plan, database::NewIndex};

/// Something that plans statements as if indexes were there: a planner with `HypoPG`, or a model of one.
///
/// Statements are known by their place in the list that both sides were given.
pub trait Costs {
    /// Whether a planner is asked, or a model.
    fn basis(&self) -> Basis;

    /// Plans the statement as if `indexes` were there besides those that are.
    ///
    /// # Errors
    /// When it cannot be planned: what stands in the error is for people.
    fn cost(&mut self, statement: usize, indexes: &[&NewIndex]) -> Result<Planned, CostError>;

    /// Bytes that the planner takes an index to have; `None` if it has no opinion.
    fn bytes(&mut self, index: &NewIndex) -> Option<u64> {
        let _ = index;
        None
    }

    /// Whether plans can use this index at all: `HypoPG` knows no GIN and no `GiST`.
    fn can_plan(&self, index: &NewIndex) -> bool {
        let _ = index;
        true
    }

    /// The plan as `EXPLAIN` prints it; empty if there is none to show. Not counted as asked.
    fn plan_text(&mut self, statement: usize, indexes: &[&NewIndex]) -> String {
        let _ = (statement, indexes);
        String::new()
    }

    /// The plan as things stand, with what each node hands on (`VERBOSE`); `None` if there is none. Not counted as asked.
    fn plan(&mut self, statement: usize) -> Option<Plan> {
        let _ = statement;
        None
    }

    /// The definition of the view of this name, as it stands in SQL; `None` if there is none.
    fn view(&mut self, name: &str) -> Option<String> {
        let _ = name;
        None
    }

    /// Share of the table's rows that the index's predicate keeps, as the planner estimates.
    fn selectivity(&mut self, index: &NewIndex) -> Option<f64> {
        let _ = index;
        None
    }

    /// Whether this extension is installed in the database.
    fn has_extension(&mut self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// Plans asked for so far.
    fn asked(&self) -> u64;
}

/// A plan's cost and the indexes that it uses.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Planned {
    /// Total cost, in the planner's unit.
    pub cost: f64,
    /// Places in the list that was offered, rising, each once.
    pub used: Vec<usize>,
    /// Names of indexes that are there and that it uses.
    pub existing: Vec<model::Text>,
}

/// Why a statement cannot be planned, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostError {
    /// What failed, in the planner's words.
    pub cause: String,
    /// Nothing can be planned any more: the connection is gone.
    pub fatal: bool,
}

impl fmt::Display for CostError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "failed to plan the statement: {}", self.cause)
    }
}

impl std::error::Error for CostError {}
