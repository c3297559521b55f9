//! Stacks to a profile: functions are told apart by name, file and line, stacks become a tree.

use std::collections::BTreeMap;

use model::{Profile, ProfileFunction, ProfileNode, ProfileUnit, Text};
use stats::tree::{Branch, Merge, Side};

use super::{DEPTH_MAX, FUNCTIONS_MAX, NODES_MAX};

/// A profile that is being put together.
#[derive(Debug)]
pub(super) struct Stacks {
    functions: Vec<ProfileFunction>,
    known: BTreeMap<(Text, Text, u32), u32>,
    merge: Merge,
    cut: u64,
    nameless: u64,
}

/// The name of whatever finds no room among the functions.
const OTHERS: &str = "(other functions)";

impl Stacks {
    pub(super) fn new() -> Self {
        Self {
            functions: Vec::new(),
            known: BTreeMap::new(),
            merge: Merge::new(NODES_MAX),
            cut: 0,
            nameless: 0,
        }
    }

    /// The number of a function, made if it is new.
    pub(super) fn function(&mut self, name: &str, file: &str, line: u32) -> u32 {
        let full = FUNCTIONS_MAX <= self.functions.len();
        let key = (Text::from(name), Text::from(file), line);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let key = if full { (Text::const_new(OTHERS), Text::default(), 0) } else { key };
        if let Some(known) = self.known.get(&key) {
            self.nameless += 1;
            return *known;
        }
        let number = u32::try_from(self.functions.len()).unwrap_or(u32::MAX);
        let (name, file, line) = key.clone();
        self.functions.push(ProfileFunction { name, file, line, ..ProfileFunction::default() });
        self.known.insert(key, number);
        number
    }

    /// Adds a stack, its root first.
    pub(super) fn add(&mut self, stack: &[u32], count: u64, own: u64) {
        let kept = stack.get(..DEPTH_MAX).unwrap_or(stack);
        self.cut += u64::from(kept.len() < stack.len());
        if !kept.is_empty() {
            self.merge.add_stack(Side::Before, kept.iter().copied(), count, own);
        }
    }

    /// The tree as it grows, for readers that walk it step by step.
    pub(super) fn merge(&mut self) -> &mut Merge {
        &mut self.merge
    }

    /// The profile, with what each function took.
    pub(super) fn finish(mut self, title: &str, unit: ProfileUnit) -> Profile {
        let tree = self.merge.finish();
        sum(&mut self.functions, &tree.branches);
        let mut notes = Vec::new();
        if 0 < self.cut {
            notes.push(format!("{} stacks were deeper than {DEPTH_MAX} and were cut", self.cut));
        }
        if 0 < self.nameless {
            notes.push(format!("past {FUNCTIONS_MAX} functions the others count as one"));
        }
        if 0 < tree.left_out {
            notes.push(format!(
                "past {NODES_MAX} places in the tree time counts where it was called from"
            ));
        }
        Profile {
            title: title.into(),
            unit,
            functions: self.functions,
            tree: tree.branches.iter().map(node).collect(),
            notes,
            ..Profile::default()
        }
    }
}

pub(super) fn node(branch: &Branch) -> ProfileNode {
    let amount = branch.before;
    ProfileNode {
        function: branch.frame,
        depth: branch.depth,
        count: amount.count,
        own: amount.own,
        total: amount.total,
    }
}

/// Adds up what each function took: itself everywhere, with all below it where it is not below itself.
fn sum(functions: &mut [ProfileFunction], branches: &[Branch]) {
    let mut open = vec![0_u32; functions.len()];
    let mut path: Vec<u32> = Vec::new();
    for branch in branches {
        while (branch.depth as usize) < path.len() {
            if let Some(left) = path.pop() {
                open[left as usize] -= 1;
            }
        }
        let place = branch.frame as usize;
        let function = &mut functions[place];
        function.own = function.own.saturating_add(branch.before.own);
        if open[place] == 0 {
            function.cumulative = function.cumulative.saturating_add(branch.before.total);
        }
        open[place] += 1;
        path.push(branch.frame);
    }
}

/// Seconds to nanoseconds; what is no time is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "below zero and not a number are zero, the rest saturates after 584 years"
)]
pub(super) fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}
