//! What an advisor may do at most, and what it looks for.

use std::fmt;

use model::database::NewIndex;

use super::write_cost::Calibration;

/// Limits and wishes.
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub struct Options<'a> {
    /// Bytes that all new indexes may take together.
    pub budget_bytes: Option<u64>,
    /// Whose bytes count: those of the budget and those that are shown.
    pub sizes: Sizes<'a>,
    /// Indexes at most. 20: more than anybody reviews.
    pub indexes_max: usize,
    /// Key columns of an index at most. 3: a fourth rarely tells more rows apart.
    pub keys_max: usize,
    /// Share of the workload's cost that an index has to take off to be worth its upkeep.
    pub gain_min: f64,
    /// Consider `INCLUDE`.
    pub covering: bool,
    /// Consider `WHERE` of constant conditions.
    pub partial: bool,
    /// What-if plans to ask for at most.
    pub plans_max: u64,
    /// Milliseconds of statements that a millisecond of writing is worth. 1: a machine's time is one.
    pub write_weight: f64,
    /// What writing costs on this server.
    pub calibration: Calibration,
    /// Propose what becomes redundant for dropping.
    pub drop_redundant: bool,
    /// Put plans before and after into the effects.
    pub plan_texts: bool,
}

/// Bytes of a fresh index.
pub enum Sizes<'a> {
    /// As the planner estimates ([`super::Costs::bytes`]).
    Planner,
    /// By the model over the catalog's statistics, which knows of deduplication.
    Model,
    /// By something else.
    Given(&'a dyn Fn(&NewIndex) -> u64),
}

impl fmt::Debug for Sizes<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Planner => "Planner",
            Self::Model => "Model",
            Self::Given(_) => "Given",
        })
    }
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            budget_bytes: None,
            sizes: Sizes::Model,
            indexes_max: 20,
            keys_max: 3,
            gain_min: 0.002,
            covering: true,
            partial: true,
            plans_max: 20_000,
            write_weight: 1.0,
            calibration: Calibration::default(),
            drop_redundant: true,
            plan_texts: true,
        }
    }
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Options")
            .field("budget_bytes", &self.budget_bytes)
            .field("sizes", &self.sizes)
            .field("indexes_max", &self.indexes_max)
            .field("keys_max", &self.keys_max)
            .finish_non_exhaustive()
    }
}
