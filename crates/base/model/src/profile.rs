//! Profiles: which functions took the time, and on behalf of whom.

use crate::Text;

/// What a profiler saw of a program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// What it is of: `cpu`, or the name of a thread.
    pub title: Text,
    /// What its amounts are.
    pub unit: ProfileUnit,
    /// Functions, in no particular order.
    pub functions: Vec<ProfileFunction>,
    /// Who called whom: parents before children, the largest sibling first.
    pub tree: Vec<ProfileNode>,
    /// What the tree rests on.
    pub basis: TreeBasis,
    /// What was odd, and what was made of it.
    pub notes: Vec<String>,
}

impl Profile {
    /// What all of it comes to.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.functions.iter().fold(0, |sum, function| sum.saturating_add(function.own))
    }
}

/// What the amounts of a profile are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ProfileUnit {
    /// Time, in nanoseconds.
    Nanos,
    /// Memory, in bytes.
    Bytes,
    /// Samples, or whatever else was counted.
    #[default]
    Count,
}

/// What a call tree rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum TreeBasis {
    /// Whole stacks were recorded.
    #[default]
    Recorded,
    /// Only who called whom directly was recorded: time of a function that several call is shared among them in
    /// proportion, which may be wrong further down.
    Estimated,
}

/// A function, over all its calls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileFunction {
    /// Its name.
    pub name: Text,
    /// Its file; empty if unknown.
    pub file: Text,
    /// Its line, from 1; 0 if unknown.
    pub line: u32,
    /// Calls, where calls were counted.
    pub calls: Option<u64>,
    /// Calls that were not made by itself, directly or through others; where that is told.
    pub primitive_calls: Option<u64>,
    /// What it took itself.
    pub own: u64,
    /// What it took with all that it called; recursion counts once.
    pub cumulative: u64,
}

/// A function in the place that it was called from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProfileNode {
    /// Place of its function in [`Profile::functions`].
    pub function: u32,
    /// Steps from a root, which has 0.
    pub depth: u32,
    /// Calls or samples here.
    pub count: u64,
    /// What it took itself here.
    pub own: u64,
    /// What it took here with all below.
    pub total: u64,
}
