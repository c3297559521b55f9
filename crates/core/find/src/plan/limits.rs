//! From where on something is worth speaking of.

/// Figures that rules about plans go by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlanLimits {
    /// Plans that take less, in milliseconds, are quick enough whatever they do. 5 ms: a tenth of the target for
    /// critical statements.
    pub total_ms_min: f64,
    /// A node has to take this part of the whole: below a tenth, something else is to be done first.
    pub share_min: f64,
    /// Rows from which on a table is large: some hundred blocks.
    pub rows_min: f64,
    /// A scan that keeps less than this part of what it reads would do better with an index: a random block costs as
    /// much as some ten in order.
    pub kept_max: f64,
    /// Runs of the inner side of a join, or of a subquery, from which on their number is the trouble.
    pub loops_min: f64,
    /// By how much an estimate has to be off: joins are chosen wrongly from two orders of magnitude on.
    pub factor_min: f64,
    /// Part of the time that compiling, planning or triggers may take.
    pub overhead_max: f64,
    /// Partitions from which on it matters that none is left out.
    pub partitions_min: usize,
}

impl Default for PlanLimits {
    fn default() -> Self {
        Self {
            total_ms_min: 5.0,
            share_min: 0.1,
            rows_min: 10_000.0,
            kept_max: 0.05,
            loops_min: 1_000.0,
            factor_min: 100.0,
            overhead_max: 0.3,
            partitions_min: 4,
        }
    }
}
