//! The call tree: what each function took where it was called, down to a share and a depth.

use web::wire::Profile;

use super::{Shown, amount, percent, share, signed};
use crate::{
    report::layout,
    say::{ACCENT, AMBER, BOLD, DIM},
    units,
};

/// Columns of the bar.
const BAR: usize = 8;

/// Lines that are printed: a terminal keeps some thousand.
const LINES_MAX: usize = 400;

/// Levels that are indented; below that names would have no room.
const LEVELS_MAX: u32 = 20;

const ESTIMATE: &str = "An estimate: the file has direct callers alone, so time of a function that several call is \
    shared out among them.";

/// Shows it below the table.
pub(super) fn show(text: &mut String, profile: &Profile, shown: &Shown) {
    let totals = totals(profile);
    let Some(last) = totals.last() else { return };
    let all: Vec<u64> = totals.iter().map(|side| roots(profile, side)).collect();
    let wanted = wanted(profile, shown);
    text.push_str(&format!("\n{BOLD}Call tree{BOLD:#}\n"));
    if profile.estimated {
        for line in layout::wrap(ESTIMATE, shown.columns) {
            text.push_str(&format!("{AMBER}{line}{AMBER:#}\n"));
        }
    }
    let mut lines = 0;
    let mut hidden = 0_u64;
    for (place, depth) in profile.tree.depth.iter().enumerate() {
        let largest = totals.iter().zip(&all).map(|(side, all)| share(side[place], *all));
        let largest = largest.fold(0.0, f64::max);
        let fits = *depth < shown.depth && shown.share_min <= largest && wanted[place];
        if !fits || lines == LINES_MAX {
            hidden += u64::from(wanted[place]);
            continue;
        }
        lines += 1;
        let total = last[place];
        let of = share(total, all.last().copied().unwrap_or(0));
        let change = match totals.as_slice() {
            [before, after] => changed(before[place], after[place], profile),
            _ => String::new(),
        };
        let room = shown.columns.saturating_sub(10 + 7 + BAR + 2 + change.len().min(16));
        text.push_str(&format!(
            "{:>10} {:>5} {ACCENT}{}{ACCENT:#} {change}{}\n",
            amount(total, profile.tree.unit),
            percent(of),
            bar(of),
            line(profile, place, *depth, room),
        ));
    }
    if 0 < hidden {
        let places = units::some(hidden, "place", "places");
        let more = format!(
            "… {places} below {} or deeper: --min and --depth show them",
            percent(shown.share_min)
        );
        text.push_str(&format!("{DIM}{more}{DIM:#}\n"));
    }
}

fn line(profile: &Profile, place: usize, depth: u32, room: usize) -> String {
    let frame =
        profile.tree.frame.get(place).and_then(|frame| profile.tree.frames.get(*frame as usize));
    let name = frame.map_or("", |frame| frame.name.as_str());
    let indent = "  ".repeat(depth.min(LEVELS_MAX) as usize);
    layout::cut(&format!("{indent}{name}"), room.max(20))
}

fn changed(before: u64, after: u64, profile: &Profile) -> String {
    if before == after {
        return format!("{:>12}  ", "");
    }
    let style = if before < after { AMBER } else { ACCENT };
    format!("{style}{:>12}{style:#}  ", signed(before, after, profile.tree.unit))
}

/// What each node took with all below it, of each side.
fn totals(profile: &Profile) -> Vec<Vec<u64>> {
    let depth = &profile.tree.depth;
    let total = |own: &[u64]| {
        let mut total = own.to_vec();
        let mut path: Vec<usize> = Vec::new();
        let mut parents: Vec<Option<usize>> = Vec::with_capacity(depth.len());
        for (place, depth) in depth.iter().enumerate() {
            path.truncate(*depth as usize);
            parents.push(path.last().copied());
            path.push(place);
        }
        for place in (0..total.len()).rev() {
            if let Some(parent) = parents[place] {
                total[parent] = total[parent].saturating_add(total[place]);
            }
        }
        total
    };
    profile.tree.amounts.iter().map(|side| total(&side.own)).collect()
}

fn roots(profile: &Profile, totals: &[u64]) -> u64 {
    let roots = profile.tree.depth.iter().zip(totals).filter(|(depth, _)| **depth == 0);
    roots.map(|(_, total)| *total).sum()
}

/// Nodes that pass the filter, and those above them.
fn wanted(profile: &Profile, shown: &Shown) -> Vec<bool> {
    let tree = &profile.tree;
    let passing = |place: usize| {
        let frame = tree.frame.get(place).and_then(|frame| tree.frames.get(*frame as usize));
        frame.is_some_and(|frame| shown.passes(&frame.name, &frame.group))
    };
    let mut wanted: Vec<bool> = (0..tree.depth.len()).map(passing).collect();
    // From the end: what lies above a wanted one is met after it, at a depth of one less.
    let mut until = 0;
    for place in (0..wanted.len()).rev() {
        let depth = tree.depth[place] + 1;
        if wanted[place] || depth < until {
            wanted[place] = true;
            until = depth;
        }
    }
    wanted
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "at most eight columns"
)]
fn bar(share: f64) -> String {
    let full = ((share * BAR as f64).round() as usize).min(BAR);
    let full = if 0 < full || share < 0.01 { full } else { 1 };
    format!("{}{}", "█".repeat(full), " ".repeat(BAR - full))
}
