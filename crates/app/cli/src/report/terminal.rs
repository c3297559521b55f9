//! Findings in the terminal: claim, evidence, what to do; at most 100 columns.

use engine::database::DatabaseFound;
use model::{Finding, Level};

use super::{Report, database, durations, layout, level, statements};
use crate::{
    say::{ACCENT, AMBER, BOLD, DIM, RED},
    units,
};

/// Columns of the bar that shows a finding's share of all waste.
const BAR_COLUMNS: usize = 10;

/// Columns before everything that belongs to a finding: those of its level.
const INDENT: usize = 10;

/// Lines of evidence and of a snippet that are shown.
const EVIDENCE_LINES_MAX: usize = 6;

/// The report for people.
pub(crate) fn terminal(report: &Report<'_>, columns: usize) -> String {
    let findings = &report.outcome.findings;
    let mut text = String::new();
    if findings.is_empty() {
        text.push_str(&format!("{BOLD}Nothing to fix was found.{BOLD:#}\n"));
    } else {
        text.push_str(&format!("{BOLD}What to fix first{BOLD:#}\n"));
        lines(&mut text, &layout::wrap(&report.claim(), columns));
    }
    for line in layout::wrap(&report.basis(), columns) {
        text.push_str(&format!("{DIM}{line}{DIM:#}\n"));
    }
    if let Some(found) = report.database {
        about(&mut text, report, found, columns);
    }
    let whole = findings.iter().map(waste).fold(0.0, f64::max);
    for finding in findings.iter().take(report.top) {
        text.push('\n');
        block(&mut text, finding, whole, columns);
    }
    let hidden = findings.len().saturating_sub(report.top);
    if 0 < hidden {
        let more = units::some(hidden as u64, "finding", "findings");
        text.push_str(&format!("\n{DIM}{more} more: --top {} shows all{DIM:#}\n", findings.len()));
    }
    let mut what = Vec::new();
    if 0 < report.traces {
        what.push(units::some(report.spans as u64, "span", "spans"));
    }
    what.extend(
        report.database.map(|found| format!("database {}", layout::clean(&found.database.name))),
    );
    let (what, took) = (what.join(" and "), units::time(report.took));
    text.push_str(&format!("\n{DIM}{what} looked at in {took}{DIM:#}\n"));
    text
}

/// The database: what it is, what cannot be seen of it, and the indexes that are proposed.
fn about(text: &mut String, report: &Report<'_>, found: &DatabaseFound, columns: usize) {
    let mut quiet = Vec::new();
    if 0 < report.traces {
        quiet.push(format!("{}. {}", database::head(found), database::basis(found)));
    }
    for told in quiet.iter().chain(&database::unseen(found)) {
        for line in layout::wrap(told, columns) {
            text.push_str(&format!("{DIM}{line}{DIM:#}\n"));
        }
    }
    if let Some((told, lines)) = database::switch_on(found) {
        text.push_str(&format!("\n{told}\n"));
        for line in lines {
            text.push_str(&format!("  {ACCENT}{line}{ACCENT:#}\n"));
        }
    }
    let set = found.proposal.as_ref();
    let Some(set) = set.filter(|set| !set.create.is_empty() || !set.drop.is_empty()) else {
        return;
    };
    text.push_str(&format!("\n{BOLD}Indexes, chosen together{BOLD:#}\n"));
    for [index, size, helps, spares, writes] in database::proposed(set) {
        lines(text, &layout::code(&index, columns));
        let facts = [size, helps, spares, writes];
        let facts = facts.iter().map(String::as_str).filter(|fact| !fact.is_empty());
        for line in layout::fill(facts, " · ", columns.saturating_sub(4)) {
            text.push_str(&format!("    {DIM}{line}{DIM:#}\n"));
        }
    }
    for line in layout::wrap(&database::proposed_by(set), columns) {
        text.push_str(&format!("{DIM}{line}{DIM:#}\n"));
    }
}

fn waste(finding: &Finding) -> f64 {
    finding.impact.user_hours_per_day + finding.impact.database_hours_per_day
}

fn block(text: &mut String, finding: &Finding, whole: f64, columns: usize) {
    let style = match finding.level {
        Level::Critical => RED,
        Level::High => AMBER,
        Level::Medium => BOLD,
        Level::Low => DIM,
    };
    let name = level(finding.level);
    let operation = layout::cut(&database::place(finding), columns.saturating_sub(12));
    text.push_str(&format!("{style}{name:<8}{style:#}  {BOLD}{operation}{BOLD:#}\n"));
    lines(text, &indented(layout::wrap(&capital(&finding.claim), columns - INDENT)));
    let mut figures = vec![finding.fault.to_owned()];
    if database::is_of_database(finding) {
        let hours = units::hours_a_day(finding.impact.database_hours_per_day);
        figures.push(format!("{hours} of the database"));
    } else {
        figures.push(units::hours_a_day(finding.impact.user_hours_per_day));
    }
    figures.extend(Some(durations(finding)).filter(|told| !told.is_empty()));
    figures.extend(statements(finding));
    figures.push(format!("{} d", finding.effort.days));
    let bar = bar(waste(finding), whole);
    let room = columns - INDENT - 1 - BAR_COLUMNS;
    let mut told = indented(layout::fill(figures.iter().map(String::as_str), " · ", room));
    if let Some(last) = told.last_mut() {
        last.push_str(&format!(" {ACCENT}{bar}{ACCENT:#}"));
    }
    lines(text, &told);
    evidence(text, finding, columns);
    advice(text, finding, columns);
}

fn evidence(text: &mut String, finding: &Finding, columns: usize) {
    let room = columns - INDENT - 2;
    let mut told: Vec<String> = finding.evidence.excerpt.clone();
    told.truncate(EVIDENCE_LINES_MAX);
    for line in &mut told {
        *line = layout::cut(line, room);
    }
    if let Some(code) = &finding.evidence.code {
        let place = format!("at {}:{} {}", code.file, code.line, code.function);
        told.extend(layout::wrap(&place, room));
    }
    told.extend(database::routes(finding).map(|it| layout::cut(&it, room)));
    if let Some(example) = finding.examples.first() {
        let time = units::time(example.duration);
        let (seen, of) = (units::count(finding.sightings), units::count(finding.requests));
        let seen = format!("{seen} of {of} requests; slowest {time}, trace {}", example.trace_id);
        told.extend(layout::wrap(&seen, room));
    }
    for line in told {
        text.push_str(&format!("          {DIM}│ {line}{DIM:#}\n"));
    }
}

fn advice(text: &mut String, finding: &Finding, columns: usize) {
    let Some(advice) = finding.advice.first() else { return };
    for (place, line) in layout::wrap(&advice.text, columns - INDENT - 2).iter().enumerate() {
        let mark = if place == 0 { "→" } else { " " };
        text.push_str(&format!("          {mark} {line}\n"));
    }
    let code = advice.snippet.as_ref().map(|snippet| snippet.code.as_str()).unwrap_or_default();
    for line in layout::code(code, columns - INDENT - 2) {
        text.push_str(&format!("            {ACCENT}{line}{ACCENT:#}\n"));
    }
}

fn indented(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|line| format!("{:INDENT$}{line}", "")).collect()
}

fn lines(text: &mut String, lines: &[String]) {
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "at most ten columns"
)]
fn bar(part: f64, whole: f64) -> String {
    let full = if 0.0 < whole { (part / whole * BAR_COLUMNS as f64).round() as usize } else { 0 };
    "█".repeat(full.clamp(1, BAR_COLUMNS))
}

fn capital(claim: &str) -> String {
    let mut letters = claim.chars();
    letters.next().map_or_else(String::new, |first| {
        let mut text: String = first.to_uppercase().collect();
        text.push_str(letters.as_str());
        text
    })
}
