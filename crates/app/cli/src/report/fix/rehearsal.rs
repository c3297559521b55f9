//! What a rehearsal came to: a table of before and after for each statement, what was built, what was sampled.

use std::time::Duration;

use engine::database::fix::{Fixable, RehearsalOutcome, Rehearsed};
use store::ledger::{RehearsedSide, RehearsedStatement, SampledTable};

use super::{bytes, section};
use crate::{
    report::layout,
    say::{ACCENT, AMBER, BOLD, DIM, RED},
    units,
};

/// Lines of a plan that are shown; `--json` has all of it.
const PLAN_LINES: usize = 14;

/// Tables of a clone that are named.
const TABLES_MAX: usize = 12;

/// What came out, for people.
pub(crate) fn rehearsal(fixable: &Fixable, rehearsed: &Rehearsed, columns: usize) -> String {
    let figures = &rehearsed.figures;
    let mut text = String::new();
    let word = figures.outcome.as_str();
    let style = match figures.outcome {
        RehearsalOutcome::Better => BOLD,
        RehearsalOutcome::Worse | RehearsalOutcome::RowsDiffer => RED,
        RehearsalOutcome::NoGain | RehearsalOutcome::Open => AMBER,
    };
    let claim = layout::wrap(&rehearsed.claim, columns.saturating_sub(word.len() + 2));
    text.push_str(&format!("{style}{word}{style:#}: {}\n", claim.join("\n  ")));
    text.push_str(&format!("{DIM}{}{DIM:#}\n", fixable.id));
    for (statement, plans) in figures.statements.iter().zip(&rehearsed.plans) {
        text.push('\n');
        one(&mut text, statement, columns);
        if statement.plan_changed {
            plan(&mut text, "plan before", &plans.0, columns);
            plan(&mut text, "plan after", &plans.1, columns);
        }
    }
    let built: Vec<String> = figures
        .indexes
        .iter()
        .map(|it| {
            let took = units::time(Duration::from_millis(it.millis));
            format!("  {}: {}, built in {took}", layout::clean(&it.name), bytes(it.bytes))
        })
        .collect();
    section(&mut text, "Built for it, and gone again", &built);
    section(&mut text, "Rows of the clone", &sampled(&figures.sampled));
    let notes: Vec<String> = rehearsed
        .notes
        .iter()
        .map(|note| format!("  {}", layout::wrap(note, columns.saturating_sub(2)).join("\n  ")))
        .collect();
    section(&mut text, "Notes", &notes);
    let next = next(fixable, figures.outcome);
    for (place, line) in layout::wrap(&next, columns).iter().enumerate() {
        let before = if place == 0 { "\n" } else { "" };
        text.push_str(&format!("{before}{ACCENT}{line}{ACCENT:#}\n"));
    }
    text
}

fn one(text: &mut String, statement: &RehearsedStatement, columns: usize) {
    text.push_str(&format!("{BOLD}{}{BOLD:#}\n", layout::cut(&statement.text, columns)));
    if !statement.refused.is_empty() {
        let why = format!("not run: {}", statement.refused);
        for line in layout::wrap(&why, columns.saturating_sub(2)) {
            text.push_str(&format!("  {AMBER}{line}{AMBER:#}\n"));
        }
        return;
    }
    text.push_str(&format!(
        "  {DIM}{:6}  {:>9}  {:>20}  {:>10}  {:>9}  {:>4}{DIM:#}\n",
        "", "median", "95 % interval", "blocks", "rows", "runs"
    ));
    for (name, side) in [("before", &statement.before), ("after", &statement.after)] {
        text.push_str(&format!(
            "  {name:6}  {:>9}  {:>20}  {:>10}  {:>9}  {:>4}\n",
            side.millis.map_or_else(|| "too long".to_owned(), millis),
            interval(side),
            side.blocks.map_or_else(|| "-".to_owned(), units::count),
            side.rows.map_or_else(|| "-".to_owned(), units::count),
            side.runs,
        ));
    }
    let verdict = verdict(statement);
    for line in layout::wrap(&verdict, columns.saturating_sub(2)) {
        text.push_str(&format!("  {line}\n"));
    }
    if !statement.rows.is_empty() {
        let rows = format!("rows: {}", statement.rows);
        for line in layout::wrap(&rows, columns.saturating_sub(2)) {
            text.push_str(&format!("  {line}\n"));
        }
    }
}

fn interval(side: &RehearsedSide) -> String {
    side.interval
        .map_or_else(String::new, |(low, high)| format!("{} to {}", millis(low), millis(high)))
}

fn millis(value: f64) -> String {
    units::time(Duration::try_from_secs_f64(value / 1e3).unwrap_or_default())
}

/// `133 times as fast, by another plan`
fn verdict(statement: &RehearsedStatement) -> String {
    let ratio = match (statement.before.millis, statement.after.millis) {
        (Some(before), Some(after)) if 0.0 < before && 0.0 < after => Some((before, after)),
        _ => None,
    };
    let plan = if statement.plan_changed { "by another plan" } else { "by the same plan" };
    match (&*statement.verdict, ratio) {
        ("faster", Some((before, after))) => {
            format!("{} times as fast, {plan}", units::three_digits(before / after))
        }
        ("slower", Some((before, after))) => {
            format!("{} times as slow, {plan}", units::three_digits(after / before))
        }
        ("same", _) => format!("no difference beyond a tenth, {plan}"),
        ("unproven", Some((before, after))) => format!(
            "{} % of the time, which chance may explain: {plan}",
            units::three_digits(100.0 * after / before)
        ),
        ("ends now", _) => format!("it took longer than it might, and no longer does, {plan}"),
        ("times out", _) => format!("it takes longer than it may, which it did not before, {plan}"),
        _ => "neither side tells: a run takes longer than it may (--timeout)".to_owned(),
    }
}

fn plan(text: &mut String, heading: &str, plan: &str, columns: usize) {
    if plan.is_empty() {
        return;
    }
    text.push_str(&format!("  {DIM}{heading}{DIM:#}\n"));
    for line in plan.lines().take(PLAN_LINES) {
        text.push_str(&format!("    {DIM}{}{DIM:#}\n", layout::cut(line, columns - 4)));
    }
    let hidden = plan.lines().count().saturating_sub(PLAN_LINES);
    if 0 < hidden {
        text.push_str(&format!("    {DIM}… {hidden} more lines, in --json{DIM:#}\n"));
    }
}

fn sampled(tables: &[SampledTable]) -> Vec<String> {
    let mut lines: Vec<String> = tables
        .iter()
        .take(TABLES_MAX)
        .map(|it| {
            let share = if it.fraction < 1.0 {
                format!("{} % of the table", units::three_digits(100.0 * it.fraction))
            } else {
                "all of it".to_owned()
            };
            let rows = units::some(it.rows, "row", "rows");
            format!("  {}: {rows}, {share}", layout::clean(&it.name))
        })
        .collect();
    let hidden = tables.len().saturating_sub(TABLES_MAX);
    if 0 < hidden {
        lines.push(format!("  {}", units::some(hidden as u64, "more table", "more tables")));
    }
    lines
}

fn next(fixable: &Fixable, outcome: RehearsalOutcome) -> String {
    let id: String = fixable.id.chars().take(super::ID_LETTERS).collect();
    let is_code = fixable.change.apply.is_empty();
    match outcome {
        RehearsalOutcome::Better if is_code => {
            "Write it like that in the code; the rows are the same.".to_owned()
        }
        RehearsalOutcome::Better if fixable.fault.is_empty() => {
            "The same with --apply instead of --rehearse does it.".to_owned()
        }
        RehearsalOutcome::Better => format!("taut fix {id} --apply does it"),
        RehearsalOutcome::NoGain => "It brings nothing: leave it.".to_owned(),
        RehearsalOutcome::Worse => "It does harm: leave it.".to_owned(),
        RehearsalOutcome::RowsDiffer => "It is another question: leave it.".to_owned(),
        RehearsalOutcome::Open => {
            "Nothing is noted. --query gives a statement with values of your choice, --timeout more time."
                .to_owned()
        }
    }
}
