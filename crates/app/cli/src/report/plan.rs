//! A plan as people and machines read it.

mod json;
mod tree;

use std::time::Duration;

use find::plan::{PlanLimits, PlanNote, look_with};
use model::Plan;
use sql::plan::{PlanTimes, own_times};

pub(crate) use json::json;

use super::layout;
use crate::{
    say::{ACCENT, AMBER, BOLD, DIM},
    units,
};

/// Nodes that are named as the hottest.
const HOTTEST: usize = 3;

/// A node below this part of the whole is not hot.
const HOT_MIN: f64 = 0.05;

/// A plan with all that is known of it.
#[derive(Debug)]
pub(crate) struct PlanReport {
    pub(crate) plan: Plan,
    pub(crate) times: PlanTimes,
    pub(crate) notes: Vec<PlanNote>,
}

impl PlanReport {
    pub(crate) fn new(plan: Plan, limits: &PlanLimits) -> Self {
        let times = own_times(&plan);
        let notes = look_with(&plan, &times, limits);
        Self { plan, times, notes }
    }
}

/// The plans for people.
pub(crate) fn terminal(reports: &[PlanReport], columns: usize) -> String {
    let mut text = String::new();
    for (place, report) in reports.iter().enumerate() {
        if 0 < place {
            text.push('\n');
        }
        if 1 < reports.len() {
            text.push_str(&format!("{BOLD}Plan {} of {}{BOLD:#}\n", place + 1, reports.len()));
        }
        header(&mut text, report, columns);
        text.push('\n');
        tree::show(&mut text, report, columns);
        notes(&mut text, report, columns);
    }
    text
}

/// What took how long, and where.
fn header(text: &mut String, report: &PlanReport, columns: usize) {
    let PlanReport { plan, times, .. } = report;
    let mut claim = Vec::new();
    if let Some(total) = plan.execution_ms.or(times.total_ms) {
        claim.push(format!("{} to run", millis(total)));
    }
    if let Some(planning) = plan.planning.time_ms {
        claim.push(format!("{} to plan", millis(planning)));
    }
    if let Some(compiling) = plan.jit.and_then(|jit| jit.times) {
        claim.push(format!("{} of it compiling", millis(compiling.total_ms)));
    }
    if claim.is_empty() {
        let cost = plan.root().and_then(|root| root.estimate).map(|estimate| estimate.total_cost);
        claim.push(cost.map_or_else(
            || "no costs and no times".to_owned(),
            |cost| format!("estimated to cost {cost:.0}"),
        ));
    }
    text.push_str(&format!("{BOLD}{}{BOLD:#}\n", claim.join(" · ")));
    if let Some(statement) = &plan.query_text {
        text.push_str(&format!("{DIM}{}{DIM:#}\n", layout::cut(statement, columns)));
    }
    if !plan.analyzed() {
        let words = "Only planned, not run: shares are of the planner's cost. EXPLAIN (ANALYZE, BUFFERS) tells more.";
        lines(text, words, columns, DIM);
    } else if times.total_ms.is_none() {
        lines(text, "Run without timing: there are rows, but no times.", columns, DIM);
    }
    if !plan.settings.is_empty() {
        let settings = plan
            .settings
            .iter()
            .map(|(name, value)| format!("{name} = {}", value.as_deref().unwrap_or("NULL")));
        let settings: Vec<String> = settings.collect();
        lines(text, &format!("Settings: {}", settings.join(", ")), columns, DIM);
    }
    for trigger in &plan.triggers {
        let time = trigger.time_ms.map_or_else(String::new, |time| format!("{}, ", millis(time)));
        let calls = units::some(trigger.calls, "call", "calls");
        lines(text, &format!("Trigger {}: {time}{calls}", trigger.name), columns, DIM);
    }
    hottest(text, report, columns);
    for note in &plan.notes.0 {
        lines(text, &format!("note: {note}"), columns, AMBER);
    }
}

fn hottest(text: &mut String, report: &PlanReport, columns: usize) {
    let mut places: Vec<usize> = (0..report.plan.nodes.len()).collect();
    let share = |place: &usize| report.times.nodes.get(*place).map_or(0.0, |times| times.share);
    places.sort_by(|left, right| share(right).total_cmp(&share(left)));
    let hot: Vec<String> = places
        .iter()
        .filter(|place| HOT_MIN <= share(place))
        .take(HOTTEST)
        .filter_map(|place| {
            let node = report.plan.nodes.get(*place)?;
            Some(format!("{:.0} % {}", share(place) * 100.0, sql::plan::title(node)))
        })
        .collect();
    if !hot.is_empty() {
        lines(text, &format!("Hottest: {}", hot.join(", ")), columns, DIM);
    }
}

/// What is wrong, and what to do.
fn notes(text: &mut String, report: &PlanReport, columns: usize) {
    if report.notes.is_empty() {
        let words = if report.plan.analyzed() {
            "Nothing about this plan asks for a change."
        } else {
            "Estimates alone show nothing to change."
        };
        text.push_str(&format!("\n{DIM}{words}{DIM:#}\n"));
        return;
    }
    text.push_str(&format!("\n{BOLD}What to change{BOLD:#}\n"));
    for note in &report.notes {
        let stake = match note.stake_ms {
            Some(stake) => format!("{:>4.0} %  {}", note.share * 100.0, millis(stake)),
            None => format!("{:>4.0} %", note.share * 100.0),
        };
        text.push_str(&format!("{AMBER}{stake}{AMBER:#}  {DIM}{}{DIM:#}\n", note.rule));
        let place = note.node.map_or_else(String::new, |place| format!(" (node {})", place + 1));
        indented(text, &format!("{}{place}", capital(&note.claim)), "", columns);
        indented(text, &note.hint, "→ ", columns);
    }
}

fn indented(text: &mut String, words: &str, mark: &str, columns: usize) {
    let gap = mark.chars().count();
    for (place, line) in layout::wrap(words, columns - 7 - gap).iter().enumerate() {
        let mark = if place == 0 { mark } else { "" };
        text.push_str(&format!("       {ACCENT}{mark:<gap$}{ACCENT:#}{line}\n"));
    }
}

fn lines(text: &mut String, words: &str, columns: usize, style: anstyle::Style) {
    for line in layout::wrap(words, columns) {
        text.push_str(&format!("{style}{line}{style:#}\n"));
    }
}

fn capital(claim: &str) -> String {
    let mut letters = claim.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Milliseconds of a plan, for people.
fn millis(value: f64) -> String {
    units::time(Duration::try_from_secs_f64(value / 1e3).unwrap_or_default())
}
