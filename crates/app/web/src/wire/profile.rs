//! Profiles on the wire.

use serde::Serialize;
use utoipa::ToSchema;

use super::{FlameAmounts, FlameFrame, FlameTree, FlameUnit};

/// What was read from a file, or from two to compare.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProfileAnswer {
    /// Name of the format: `pstats`.
    pub format: String,
    /// The format in words.
    pub format_title: String,
    /// What the file holds; what its own tool shows first comes first. Of two files, those that are in both.
    pub profiles: Vec<Profile>,
}

/// One profile, or two to compare.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Profile {
    /// What it is of: `cpu`, or the name of a thread.
    pub title: String,
    /// The call tree is an estimate: the file has direct callers alone.
    pub estimated: bool,
    /// What was odd.
    pub notes: Vec<String>,
    /// What all of it comes to, of each file.
    pub totals: Vec<u64>,
    /// Functions, the largest own amount first.
    pub functions: Vec<ProfileFunction>,
    /// Who called whom. Its frames are in the order of `functions`.
    pub tree: FlameTree,
}

/// A function over all its calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProfileFunction {
    /// Its name.
    pub name: String,
    /// Its file; empty if unknown.
    pub file: String,
    /// Its line, from 1; 0 if unknown.
    pub line: u32,
    /// What it took, in each file; none in a file that has no such function.
    pub figures: Vec<Option<ProfileFigures>>,
}

/// What a function took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProfileFigures {
    /// Calls, where calls were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// Calls that were no recursion, where that is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primitive_calls: Option<u64>,
    /// In itself.
    pub own: u64,
    /// With all that it called; recursion counts once.
    pub cumulative: u64,
}

impl From<model::ProfileUnit> for FlameUnit {
    fn from(unit: model::ProfileUnit) -> Self {
        match unit {
            model::ProfileUnit::Nanos => Self::Nanos,
            model::ProfileUnit::Bytes => Self::Bytes,
            model::ProfileUnit::Count => Self::Count,
        }
    }
}

/// Functions on the wire as frames of a tree.
pub(crate) fn frames(functions: &[ProfileFunction]) -> Vec<FlameFrame> {
    let frame = |function: &ProfileFunction| FlameFrame {
        name: function.name.clone(),
        group: function.file.clone(),
        kind: None,
        line: (0 < function.line).then_some(function.line),
    };
    functions.iter().map(frame).collect()
}

/// Amounts of one side of a merged tree.
pub(crate) fn amounts<'a>(sides: impl Iterator<Item = &'a stats::tree::Amount>) -> FlameAmounts {
    let mut amounts = FlameAmounts::default();
    for amount in sides {
        amounts.count.push(amount.count);
        amounts.own.push(amount.own);
    }
    amounts
}
