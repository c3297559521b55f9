//! From where on something about a plan is worth speaking of: figures that users may set under `[find.plan]`.

use crate::{Knob, Settings, knob::Knobs};

/// The name of the section that they stand in.
pub const PLAN_SECTION: &str = "plan";

static TOTAL_MILLIS_MIN: Knob = Knob {
    key: "total-millis-min",
    default: 5.0,
    unit: "ms",
    doc: "A plan that takes less is quick enough whatever it does: a tenth of the target for critical statements.",
};

static SHARE_MIN: Knob = Knob {
    key: "share-min",
    default: 0.1,
    unit: "of the plan's time",
    doc: "What takes less of a plan is not its trouble: something else is to be done first.",
};

static ROWS_MIN: Knob = Knob {
    key: "rows-min",
    default: 10_000.0,
    unit: "rows",
    doc: "From so many rows on a table is large: some hundred blocks.",
};

static KEPT_SHARE_MAX: Knob = Knob {
    key: "kept-share-max",
    default: 0.05,
    unit: "of the rows",
    doc: "A scan that keeps less of what it reads would do better with an index: a random block costs as much as some ten in order.",
};

static LOOPS_MIN: Knob = Knob {
    key: "loops-min",
    default: 1_000.0,
    unit: "runs",
    doc: "Runs of the inner side of a join, or of a subquery, from which on their number is the trouble: a look-up takes some microseconds.",
};

static FACTOR_MIN: Knob = Knob {
    key: "factor-min",
    default: 100.0,
    unit: "times",
    doc: "By how much an estimate has to be off: joins are chosen wrongly from two orders of magnitude on.",
};

static OVERHEAD_SHARE_MAX: Knob = Knob {
    key: "overhead-share-max",
    default: 0.3,
    unit: "of the plan's time",
    doc: "What compiling, planning or triggers may take: with less, running the statement is still most of it.",
};

static PARTITIONS_MIN: Knob = Knob {
    key: "partitions-min",
    default: 4.0,
    unit: "partitions",
    doc: "Partitions from which on it matters that none is left out: of three, one more is soon read.",
};

static SEEN_MIN: Knob = Knob {
    key: "seen-min",
    default: 2.0,
    unit: "runs",
    doc: "Runs that the log has to show with a plan before it is a finding: one may be an accident.",
};

/// Everything that can be set about plans.
pub static PLAN_KNOBS: &[&Knob] = &[
    &TOTAL_MILLIS_MIN,
    &SHARE_MIN,
    &ROWS_MIN,
    &KEPT_SHARE_MAX,
    &LOOPS_MIN,
    &FACTOR_MIN,
    &OVERHEAD_SHARE_MAX,
    &PARTITIONS_MIN,
    &SEEN_MIN,
];

/// Figures that rules about plans go by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlanLimits {
    /// Plans that take less, in milliseconds, are quick enough whatever they do.
    pub total_ms_min: f64,
    /// A node has to take this part of the whole.
    pub share_min: f64,
    /// Rows from which on a table is large.
    pub rows_min: f64,
    /// A scan that keeps less than this part of what it reads would do better with an index.
    pub kept_max: f64,
    /// Runs of the inner side of a join, or of a subquery, from which on their number is the trouble.
    pub loops_min: f64,
    /// By how much an estimate has to be off.
    pub factor_min: f64,
    /// Part of the time that compiling, planning or triggers may take.
    pub overhead_max: f64,
    /// Partitions from which on it matters that none is left out.
    pub partitions_min: usize,
    /// Runs that have to be seen with a plan before it is a finding.
    pub seen_min: u64,
}

impl PlanLimits {
    /// As they are set.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let knobs = Knobs::new(PLAN_SECTION, &settings.knobs);
        Self {
            total_ms_min: knobs.get(&TOTAL_MILLIS_MIN),
            share_min: knobs.get(&SHARE_MIN),
            rows_min: knobs.get(&ROWS_MIN),
            kept_max: knobs.get(&KEPT_SHARE_MAX),
            loops_min: knobs.get(&LOOPS_MIN),
            factor_min: knobs.get(&FACTOR_MIN),
            overhead_max: knobs.get(&OVERHEAD_SHARE_MAX),
            partitions_min: knobs.count(&PARTITIONS_MIN),
            seen_min: knobs.count(&SEEN_MIN) as u64,
        }
    }
}

impl Default for PlanLimits {
    fn default() -> Self {
        Self::of(&Settings::default())
    }
}
