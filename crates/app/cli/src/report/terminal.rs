//! Findings in the terminal: claim, evidence, what to do; at most 100 columns.

use model::{Finding, Level};

use super::{Report, durations, layout, level, statements};
use crate::{
    say::{ACCENT, AMBER, BOLD, DIM, RED},
    units,
};

/// Columns of the bar that shows a finding's share of all waste.
const BAR_COLUMNS: usize = 10;

/// Lines of evidence and of a snippet that are shown.
const EVIDENCE_LINES_MAX: usize = 6;

/// The report for people.
pub(crate) fn terminal(report: &Report<'_>, columns: usize) -> String {
    let findings = &report.outcome.findings;
    let mut text = String::new();
    if findings.is_empty() {
        text.push_str(&format!("{BOLD}Nothing to fix was found.{BOLD:#}\n"));
    } else {
        text.push_str(&format!("{BOLD}What to fix first{BOLD:#}  {}\n", report.claim()));
    }
    for line in layout::wrap(&report.basis(), columns) {
        text.push_str(&format!("{DIM}{line}{DIM:#}\n"));
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
    let spans = units::some(report.spans as u64, "span", "spans");
    text.push_str(&format!("\n{DIM}{spans} looked at in {}{DIM:#}\n", units::time(report.took)));
    text
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
    let operation = layout::cut(&finding.operation.operation, columns.saturating_sub(12));
    text.push_str(&format!("{style}{name:<8}{style:#}  {BOLD}{operation}{BOLD:#}\n"));
    for line in layout::wrap(&capital(&finding.claim), columns - 10) {
        text.push_str(&format!("          {line}\n"));
    }
    let mut figures = vec![
        finding.fault.to_owned(),
        units::hours_a_day(finding.impact.user_hours_per_day),
        durations(finding),
    ];
    figures.extend(statements(finding));
    figures.push(format!("{} d", finding.effort.days));
    let bar = bar(waste(finding), whole);
    text.push_str(&format!("          {} {ACCENT}{bar}{ACCENT:#}\n", figures.join(" · ")));
    evidence(text, finding, columns);
    advice(text, finding, columns);
}

fn evidence(text: &mut String, finding: &Finding, columns: usize) {
    for line in finding.evidence.excerpt.iter().take(EVIDENCE_LINES_MAX) {
        let line = layout::cut(line, columns - 12);
        text.push_str(&format!("          {DIM}│ {line}{DIM:#}\n"));
    }
    if let Some(code) = &finding.evidence.code {
        let place = format!("{}:{} {}", code.file, code.line, code.function);
        text.push_str(&format!("          {DIM}│ at {}{DIM:#}\n", place.trim()));
    }
    if let Some(example) = finding.examples.first() {
        let time = units::time(example.duration);
        let (seen, of) = (units::count(finding.sightings), units::count(finding.requests));
        text.push_str(&format!(
            "          {DIM}│ {seen} of {of} requests; slowest {time}, trace {}{DIM:#}\n",
            example.trace_id
        ));
    }
}

fn advice(text: &mut String, finding: &Finding, columns: usize) {
    let Some(advice) = finding.advice.first() else { return };
    for (place, line) in layout::wrap(&advice.text, columns - 12).iter().enumerate() {
        let mark = if place == 0 { "→" } else { " " };
        text.push_str(&format!("          {mark} {line}\n"));
    }
    let code = advice.snippet.as_ref().map(|snippet| snippet.code.as_str()).unwrap_or_default();
    for line in code.lines() {
        text.push_str(&format!("            {ACCENT}{}{ACCENT:#}\n", line));
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
