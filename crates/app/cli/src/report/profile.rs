//! A profile on the terminal: the claim, the table of functions, the call tree.

use std::time::Duration;

use web::wire::{FlameUnit, Profile, ProfileAnswer, ProfileFigures, ProfileFunction};

use super::layout;
use crate::{
    commands::Sort,
    say::{ACCENT, AMBER, BOLD, DIM},
    units,
};

mod tree;

/// Columns from which on calls have room beside the name.
const WIDE_MIN: usize = 80;

/// What of a profile is shown.
#[derive(Debug)]
pub(crate) struct Shown {
    /// What the table is sorted by.
    pub(crate) sort: Sort,
    /// Rows of the table.
    pub(crate) top: usize,
    /// Levels of the tree.
    pub(crate) depth: u32,
    /// Least share of all, 0 to 1.
    pub(crate) share_min: f64,
    /// In lower case.
    pub(crate) filter: Option<String>,
    /// Of the terminal.
    pub(crate) columns: usize,
}

impl Shown {
    fn passes(&self, name: &str, group: &str) -> bool {
        let holds = |text: &str, part: &String| text.to_lowercase().contains(part);
        self.filter.as_ref().is_none_or(|part| holds(name, part) || holds(group, part))
    }
}

/// The profile at `place` of an answer.
pub(crate) fn terminal(answer: &ProfileAnswer, place: usize, shown: &Shown) -> String {
    let Some(profile) = answer.profiles.get(place) else { return String::new() };
    let mut text = String::new();
    head(&mut text, answer, profile, place);
    if compares(profile) {
        changed(&mut text, profile, shown);
    } else {
        table(&mut text, profile, shown);
    }
    if 0 < shown.depth {
        tree::show(&mut text, profile, shown);
    }
    text
}

fn compares(profile: &Profile) -> bool {
    profile.totals.len() == 2
}

fn head(text: &mut String, answer: &ProfileAnswer, profile: &Profile, place: usize) {
    let unit = profile.tree.unit;
    let claim = match profile.totals.as_slice() {
        [before, after] => format!(
            "{} before, {} now: {}",
            amount(*before, unit),
            amount(*after, unit),
            difference(*before, *after, unit)
        ),
        totals => {
            let calls =
                profile.functions.iter().filter_map(|one| one.figures.first()?.as_ref()?.calls);
            let calls: u64 = calls.sum();
            let all = amount(totals.first().copied().unwrap_or(0), unit);
            let functions = units::some(profile.functions.len() as u64, "function", "functions");
            if calls == 0 {
                format!("{all} in {functions}")
            } else {
                format!("{all} in {functions}, {}", units::some(calls, "call", "calls"))
            }
        }
    };
    text.push_str(&format!("{BOLD}{}{BOLD:#}\n", layout::clean(&claim)));
    let title = layout::clean(&profile.title);
    text.push_str(&format!("{DIM}{}, {title}", answer.format_title));
    if 1 < answer.profiles.len() {
        text.push_str(&format!(" ({} of {})", place + 1, answer.profiles.len()));
    }
    text.push_str(&format!("{DIM:#}\n"));
    for note in &profile.notes {
        text.push_str(&format!("{AMBER}{}{AMBER:#}\n", layout::clean(note)));
    }
    text.push('\n');
}

fn first(function: &ProfileFunction) -> Option<&ProfileFigures> {
    function.figures.first()?.as_ref()
}

fn table(text: &mut String, profile: &Profile, shown: &Shown) {
    let (unit, all) = (profile.tree.unit, profile.totals.first().copied().unwrap_or(0));
    let mut rows: Vec<(&ProfileFunction, &ProfileFigures)> = profile
        .functions
        .iter()
        .filter(|function| shown.passes(&function.name, &function.file))
        .filter_map(|function| Some((function, first(function)?)))
        .collect();
    rows.sort_by_key(|(_, figures)| {
        std::cmp::Reverse(match shown.sort {
            Sort::Own => (figures.own, figures.cumulative),
            Sort::Cumulative => (figures.cumulative, figures.own),
            Sort::Calls => (figures.calls.unwrap_or(0), figures.own),
        })
    });
    let wide = WIDE_MIN <= shown.columns;
    let mut heads = format!("{:>9} {:>5} {:>10}", "own", "", "cumulative");
    heads.push_str(&if wide {
        format!(" {:>5} {:>9} {:>9}", "", "calls", "per call")
    } else {
        String::new()
    });
    text.push_str(&format!("{DIM}{heads}  function{DIM:#}\n"));
    let room = shown.columns.saturating_sub(heads.len() + 2);
    for (function, figures) in rows.iter().take(shown.top) {
        let share = share(figures.own, all);
        let style = if 0.1 <= share { BOLD } else { DIM };
        let more = format!(
            " {:>5} {:>9} {:>9}",
            percent(self::share(figures.cumulative, all)),
            calls(figures),
            per_call(figures, unit),
        );
        text.push_str(&format!(
            "{style}{:>9} {:>5}{style:#} {:>10}{}  {}\n",
            amount(figures.own, unit),
            percent(share),
            amount(figures.cumulative, unit),
            if wide { &more } else { "" },
            name(function, room),
        ));
    }
    more(text, rows.len(), shown.top);
}

/// Functions by what changed most.
fn changed(text: &mut String, profile: &Profile, shown: &Shown) {
    let unit = profile.tree.unit;
    let of = |function: &ProfileFunction, side: usize| {
        let figures = function.figures.get(side).copied().flatten();
        let value = |figures: ProfileFigures| match shown.sort {
            Sort::Own => figures.own,
            Sort::Cumulative => figures.cumulative,
            Sort::Calls => figures.calls.unwrap_or(0),
        };
        figures.map_or(0, value)
    };
    let mut rows: Vec<(&ProfileFunction, u64, u64)> = profile
        .functions
        .iter()
        .filter(|function| shown.passes(&function.name, &function.file))
        .map(|function| (function, of(function, 0), of(function, 1)))
        .filter(|(_, before, after)| before != after)
        .collect();
    rows.sort_by_key(|(_, before, after)| std::cmp::Reverse(before.abs_diff(*after)));
    let unit = if shown.sort == Sort::Calls { FlameUnit::Count } else { unit };
    let heads = format!("{:>9}  {:>9}  {:>10} {:>6}", "before", "now", "change", "");
    text.push_str(&format!("{DIM}{heads}  function{DIM:#}\n"));
    let room = shown.columns.saturating_sub(heads.chars().count() + 2);
    for (function, before, after) in rows.iter().take(shown.top) {
        let style = if before < after { AMBER } else { ACCENT };
        text.push_str(&format!(
            "{:>9}  {:>9}  {style}{:>10} {:>6}{style:#}  {}\n",
            amount(*before, unit),
            amount(*after, unit),
            signed(*before, *after, unit),
            relative(*before, *after),
            name(function, room),
        ));
    }
    if rows.is_empty() {
        text.push_str("Nothing changed.\n");
    }
    more(text, rows.len(), shown.top);
}

fn more(text: &mut String, rows: usize, top: usize) {
    let hidden = rows.saturating_sub(top);
    if 0 < hidden {
        let functions = units::some(hidden as u64, "function more", "functions more");
        text.push_str(&format!("{DIM}… and {functions}: --top shows them{DIM:#}\n"));
    }
}

fn calls(figures: &ProfileFigures) -> String {
    match (figures.calls, figures.primitive_calls) {
        (None, _) => "–".to_owned(),
        (Some(calls), Some(primitive)) if primitive != calls => {
            format!("{}/{}", units::count(calls), units::count(primitive))
        }
        (Some(calls), _) => units::count(calls),
    }
}

fn per_call(figures: &ProfileFigures, unit: FlameUnit) -> String {
    match figures.calls {
        Some(calls @ 1..) => amount(figures.cumulative / calls, unit),
        _ => "–".to_owned(),
    }
}

/// Name and place; where both find no room, the place is cut from its begin.
fn name(function: &ProfileFunction, room: usize) -> String {
    let place = match function.line {
        0 => function.file.clone(),
        line => format!("{}:{line}", function.file),
    };
    let name = layout::cut(&function.name, room);
    let left = room.saturating_sub(name.chars().count() + 2);
    let place = layout::clean(&place);
    let letters = place.chars().count();
    if place.is_empty() || left < 8 {
        return name;
    }
    let place: String = if letters <= left {
        place
    } else {
        std::iter::once('…').chain(place.chars().skip(letters + 1 - left)).collect()
    };
    format!("{name}  {DIM}{place}{DIM:#}")
}

/// An amount with its unit.
pub(super) fn amount(value: u64, unit: FlameUnit) -> String {
    match unit {
        FlameUnit::Nanos => units::time(Duration::from_nanos(value)),
        FlameUnit::Bytes => super::database::bytes(value),
        FlameUnit::Count => units::count(value),
    }
}

/// `−1.20 ms`, `+3`.
pub(super) fn signed(before: u64, after: u64, unit: FlameUnit) -> String {
    let sign = if before < after { '+' } else { '−' };
    format!("{sign}{}", amount(before.abs_diff(after), unit))
}

fn difference(before: u64, after: u64, unit: FlameUnit) -> String {
    if before == after {
        return "the same".to_owned();
    }
    let word = if before < after { "more" } else { "less" };
    let relative = relative(before, after);
    let by = relative.trim_start_matches(['+', '−']);
    format!("{} {word} ({by})", amount(before.abs_diff(after), unit))
}

#[expect(clippy::cast_precision_loss, reason = "percent")]
fn relative(before: u64, after: u64) -> String {
    if before == 0 {
        return "new".to_owned();
    }
    if after == 0 {
        return "gone".to_owned();
    }
    let change = (after as f64 - before as f64) / before as f64 * 100.0;
    let sign = if change < 0.0 { '−' } else { '+' };
    format!("{sign}{:.0} %", change.abs())
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
