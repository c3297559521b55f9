//! What is wrong with a plan: one table of rules over a plan and its times.
//!
//! A rule speaks of a node, of what it cost, and of what to do. It holds back where the node takes no part of the
//! time worth speaking of; without times, of the cost.

mod estimates;
mod joins;
mod limits;
mod parts;
mod scans;
mod sorts;
mod whole;

use model::{Plan, PlanNode};
use sql::plan::{NodeTimes, PlanTimes, own_times};

pub use limits::{PLAN_KNOBS, PLAN_SECTION, PlanLimits};

/// Notes about one plan: more would not be read.
const NOTES_MAX: usize = 50;

/// A way of noticing something about a plan.
#[derive(Debug)]
pub struct PlanRule {
    /// Its name, which never changes: `sequential-scan`.
    pub name: &'static str,
    /// What it notices, in a few words.
    pub title: &'static str,
    /// Looks at a plan.
    looks: fn(&PlanView<'_>, &mut Vec<PlanNote>),
}

/// Something about a plan that is worth knowing.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanNote {
    /// Name of its rule.
    pub rule: &'static str,
    /// Place of its node in [`Plan::nodes`]; `None` for the whole.
    pub node: Option<usize>,
    /// What is so, in one sentence without a full stop.
    pub claim: String,
    /// The figures that show it: name and value, for people.
    pub figures: Vec<(&'static str, String)>,
    /// What to do about it.
    pub hint: String,
    /// Time at stake in milliseconds, or `None` where the plan has no times.
    pub stake_ms: Option<f64>,
    /// Part of the whole that is at stake, from 0 to 1.
    pub share: f64,
}

/// All rules.
pub static PLAN_RULES: &[PlanRule] = &[
    PlanRule {
        name: "sequential-scan",
        title: "A large table is read whole for few rows",
        looks: scans::sequential,
    },
    PlanRule {
        name: "unselective-index",
        title: "An index finds many rows that a filter drops",
        looks: scans::unselective,
    },
    PlanRule { name: "lossy-bitmap", title: "A bitmap did not fit in memory", looks: scans::lossy },
    PlanRule {
        name: "heap-fetches",
        title: "An index-only scan looks rows up in the table",
        looks: scans::heap_fetches,
    },
    PlanRule {
        name: "remote-filter",
        title: "Rows come from a foreign server to be dropped here",
        looks: scans::remote,
    },
    PlanRule { name: "nested-loop", title: "Something runs very many times", looks: joins::nested },
    PlanRule {
        name: "join-filter",
        title: "A join compares every row with every other",
        looks: joins::filter,
    },
    PlanRule {
        name: "row-estimate",
        title: "The planner expected other numbers of rows",
        looks: estimates::rows,
    },
    PlanRule {
        name: "sort-for-limit",
        title: "Many rows are sorted for few",
        looks: sorts::for_limit,
    },
    PlanRule { name: "spill", title: "Something did not fit in memory", looks: sorts::spill },
    PlanRule { name: "offset", title: "Rows are read to be skipped", looks: sorts::offset },
    PlanRule {
        name: "subplan-per-row",
        title: "A subquery runs for each row",
        looks: parts::subplan,
    },
    PlanRule {
        name: "function-per-row",
        title: "A function runs for each row",
        looks: parts::function,
    },
    PlanRule {
        name: "cte-fence",
        title: "A CTE is computed whole, then filtered",
        looks: parts::fence,
    },
    PlanRule {
        name: "all-partitions",
        title: "Partitions are read that hold nothing",
        looks: parts::partitions,
    },
    PlanRule {
        name: "missing-workers",
        title: "Workers were planned, but not to be had",
        looks: parts::workers,
    },
    PlanRule {
        name: "disabled-node",
        title: "There was no other way than one switched off",
        looks: parts::disabled,
    },
    PlanRule {
        name: "compilation",
        title: "Compiling takes longer than it can save",
        looks: whole::compilation,
    },
    PlanRule {
        name: "planning-time",
        title: "Planning takes longer than running",
        looks: whole::planning,
    },
    PlanRule {
        name: "trigger-time",
        title: "Triggers take most of the time",
        looks: whole::triggers,
    },
];

/// What the rules say about a plan, what is most at stake first.
#[must_use]
pub fn look(plan: &Plan, limits: &PlanLimits) -> Vec<PlanNote> {
    let times = own_times(plan);
    look_with(plan, &times, limits)
}

/// As [`look`], for times that are known already.
#[must_use]
pub fn look_with(plan: &Plan, times: &PlanTimes, limits: &PlanLimits) -> Vec<PlanNote> {
    let view = PlanView { plan, times, limits };
    let mut notes = Vec::new();
    for rule in PLAN_RULES {
        (rule.looks)(&view, &mut notes);
    }
    notes.sort_by(|left, right| {
        right
            .share
            .total_cmp(&left.share)
            .then(left.node.cmp(&right.node))
            .then(left.rule.cmp(right.rule))
    });
    notes.truncate(NOTES_MAX);
    notes
}

/// A plan with its times, as rules look at it.
#[derive(Debug)]
struct PlanView<'a> {
    plan: &'a Plan,
    times: &'a PlanTimes,
    limits: &'a PlanLimits,
}

/// A node with its times.
#[derive(Debug, Clone, Copy)]
struct Seen<'a> {
    place: usize,
    node: &'a PlanNode,
    times: &'a NodeTimes,
}

impl<'a> PlanView<'a> {
    fn nodes(&self) -> impl Iterator<Item = Seen<'a>> + '_ {
        let (nodes, times) = (&self.plan.nodes, &self.times.nodes);
        nodes.iter().zip(times).enumerate().map(|(place, (node, times))| Seen {
            place,
            node,
            times,
        })
    }

    fn at(&self, place: usize) -> Option<Seen<'a>> {
        let node = self.plan.nodes.get(place)?;
        Some(Seen { place, node, times: self.times.nodes.get(place)? })
    }

    fn above(&self, seen: Seen<'a>) -> Option<Seen<'a>> {
        self.at(seen.node.parent?)
    }

    fn children(&self, seen: Seen<'a>) -> Vec<Seen<'a>> {
        self.plan.children(seen.place).filter_map(|place| self.at(place)).collect()
    }

    /// Part of the whole that a node takes with all that is below it.
    fn share_of(&self, seen: Seen<'_>) -> f64 {
        match (seen.times.inclusive_ms, self.times.total_ms) {
            (Some(part), Some(total)) if 0.0 < total => part / total,
            (None, None) => {
                let cost =
                    |node: &PlanNode| node.estimate.map_or(0.0, |estimate| estimate.total_cost);
                let whole = self.plan.root().map_or(0.0, cost);
                if 0.0 < whole { (cost(seen.node) / whole).min(1.0) } else { 0.0 }
            }
            _ => 0.0,
        }
    }

    /// Whether that part is worth speaking of.
    fn matters(&self, share: f64) -> bool {
        let is_long = match self.times.total_ms {
            Some(total) => self.limits.total_ms_min <= total,
            // Without times nothing is known to be quick.
            None => true,
        };
        is_long && self.limits.share_min <= share
    }

    /// A note on a node of which all below it is at stake, too.
    fn note_below(
        &self,
        rule: &'static str,
        seen: Seen<'_>,
        claim: String,
        hint: String,
    ) -> PlanNote {
        let share = self.share_of(seen);
        PlanNote { stake_ms: seen.times.inclusive_ms, share, ..own_note(rule, seen, claim, hint) }
    }
}

/// A note on a node of which all of its own time is at stake.
fn own_note(rule: &'static str, seen: Seen<'_>, claim: String, hint: String) -> PlanNote {
    PlanNote {
        rule,
        node: Some(seen.place),
        claim,
        figures: Vec::new(),
        hint,
        stake_ms: seen.times.own_ms,
        share: seen.times.share,
    }
}

impl PlanNote {
    fn figure(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.figures.push((name, value.into()));
        self
    }
}

impl Seen<'_> {
    /// What it reads, for people; the type of the node if it reads nothing by name.
    fn what(&self) -> String {
        let name = self.node.relation.as_ref().or(self.node.alias.as_ref());
        name.unwrap_or(&self.node.node_type).to_string()
    }

    /// Rows that it gave, over all loops: measured, else expected.
    fn rows(&self) -> f64 {
        self.times.rows.or_else(|| self.node.estimate.map(|estimate| estimate.rows)).unwrap_or(0.0)
    }
}

/// `12,345`
fn count(value: f64) -> String {
    let digits = format!("{:.0}", value.max(0.0));
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if 0 < place && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `12.3 MB`
fn kilobytes(kb: u64) -> String {
    match kb {
        0..1_024 => format!("{kb} kB"),
        1_024..1_048_576 => format!("{}.{} MB", kb / 1_024, kb % 1_024 * 10 / 1_024),
        _ => format!("{}.{} GB", kb / 1_048_576, kb % 1_048_576 * 10 / 1_048_576),
    }
}

#[cfg(test)]
mod tests;
