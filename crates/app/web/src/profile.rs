//! Profiles as pages and terminal show them: one by itself, or two side by side.
//!
//! Functions of two files are the same where name and file are: a line moves with every change above it.

use std::collections::BTreeMap;

use model::Profile;
use stats::tree::{Merge, Side, Step, Tree};

use crate::wire::{
    self, FlameTree, ProfileAnswer, ProfileFigures, ProfileFunction,
    profile::{amounts, frames},
};

/// Nodes of the tree that is sent: what a browser draws without a pause.
const NODES_MAX: usize = 100_000;

/// What one file, or two to compare, hold: those profiles of the first that the second has too.
#[must_use]
pub fn profiles(
    before: &observe::ProfileReading,
    after: Option<&observe::ProfileReading>,
) -> ProfileAnswer {
    let profiles = match after {
        None => before.profiles.iter().map(|profile| one(profile, None)).collect(),
        Some(after) => pairs(&before.profiles, &after.profiles)
            .into_iter()
            .map(|(before, after)| one(before, Some(after)))
            .collect(),
    };
    ProfileAnswer {
        format: before.format.name.to_owned(),
        format_title: before.format.title.to_owned(),
        profiles,
    }
}

/// Profiles of equal title and unit. Where none is, the first of each, if they count the same.
fn pairs<'a>(before: &'a [Profile], after: &'a [Profile]) -> Vec<(&'a Profile, &'a Profile)> {
    let pair = |one: &'a Profile| {
        let fits = |other: &&Profile| other.title == one.title && other.unit == one.unit;
        Some((one, after.iter().find(fits)?))
    };
    let found: Vec<_> = before.iter().filter_map(pair).collect();
    if !found.is_empty() {
        return found;
    }
    let first = before.first().zip(after.first());
    first.filter(|(one, other)| one.unit == other.unit).into_iter().collect()
}

fn one(before: &Profile, after: Option<&Profile>) -> wire::Profile {
    let sides: Vec<&Profile> = std::iter::once(before).chain(after).collect();
    let mut known: BTreeMap<(&str, &str, u32), u32> = BTreeMap::new();
    let mut functions: Vec<ProfileFunction> = Vec::new();
    let mut merge = Merge::new(NODES_MAX);
    for (place, profile) in sides.iter().enumerate() {
        let mut numbers = Vec::with_capacity(profile.functions.len());
        for function in &profile.functions {
            // By itself a file may have several functions of a name, told apart by their lines.
            let line = if after.is_some() { 0 } else { function.line };
            let key = (function.name.as_str(), function.file.as_str(), line);
            let number = *known.entry(key).or_insert_with(|| {
                functions.push(ProfileFunction {
                    name: function.name.to_string(),
                    file: function.file.to_string(),
                    line: function.line,
                    figures: vec![None; sides.len()],
                });
                u32::try_from(functions.len() - 1).unwrap_or(u32::MAX)
            });
            numbers.push(number);
            add(&mut functions[number as usize].figures[place], function);
        }
        let side = if place == 0 { Side::Before } else { Side::After };
        merge.add_tree(
            side,
            profile.tree.iter().map(|node| Step {
                depth: node.depth,
                frame: numbers[node.function as usize],
                count: node.count,
                own: node.own,
            }),
        );
    }
    let tree = sorted(&mut functions, merge.finish());
    let mut notes: Vec<String> = sides.iter().flat_map(|side| side.notes.clone()).collect();
    notes.dedup();
    wire::Profile {
        title: before.title.to_string(),
        estimated: sides.iter().any(|side| side.basis == model::TreeBasis::Estimated),
        notes,
        totals: sides.iter().map(|side| side.total()).collect(),
        tree: columns(&tree, before.unit.into(), frames(&functions), sides.len()),
        functions,
    }
}

fn add(figures: &mut Option<ProfileFigures>, function: &model::ProfileFunction) {
    let sum = |left: Option<u64>, right: Option<u64>| match (left, right) {
        (Some(left), Some(right)) => Some(left.saturating_add(right)),
        (left, right) => left.or(right),
    };
    let known = figures.get_or_insert(ProfileFigures {
        calls: None,
        primitive_calls: None,
        own: 0,
        cumulative: 0,
    });
    known.calls = sum(known.calls, function.calls);
    known.primitive_calls = sum(known.primitive_calls, function.primitive_calls);
    known.own = known.own.saturating_add(function.own);
    known.cumulative = known.cumulative.saturating_add(function.cumulative);
}

/// Puts functions in order, the largest first, and has the tree speak of their new places.
fn sorted(functions: &mut Vec<ProfileFunction>, mut tree: Tree) -> Tree {
    let own = |function: &ProfileFunction| {
        let figures = function.figures.iter().flatten();
        let most = figures.fold((0, 0), |most: (u64, u64), one| {
            (most.0.max(one.own), most.1.max(one.cumulative))
        });
        std::cmp::Reverse(most)
    };
    let mut order: Vec<usize> = (0..functions.len()).collect();
    order.sort_by_key(|place| own(&functions[*place]));
    let mut new_places = vec![0_u32; order.len()];
    for (new, old) in order.iter().enumerate() {
        new_places[*old] = u32::try_from(new).unwrap_or(u32::MAX);
    }
    for branch in &mut tree.branches {
        branch.frame = new_places[branch.frame as usize];
    }
    *functions = order.iter().map(|place| functions[*place].clone()).collect();
    tree
}

/// A merged tree in columns.
pub(crate) fn columns(
    tree: &Tree,
    unit: wire::FlameUnit,
    frames: Vec<wire::FlameFrame>,
    sides: usize,
) -> FlameTree {
    let branches = &tree.branches;
    let mut all = vec![amounts(branches.iter().map(|branch| &branch.before))];
    if sides == 2 {
        all.push(amounts(branches.iter().map(|branch| &branch.after)));
    }
    FlameTree {
        unit,
        frames,
        depth: branches.iter().map(|branch| branch.depth).collect(),
        frame: branches.iter().map(|branch| branch.frame).collect(),
        amounts: all,
        left_out: tree.left_out,
    }
}
