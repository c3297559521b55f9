//! Findings as Markdown, for a ticket or a pull request.

use model::Finding;

use super::{Report, durations, layout, level, statements};
use crate::units;

/// The report as Markdown.
pub(crate) fn markdown(report: &Report<'_>) -> String {
    let findings = &report.outcome.findings;
    let mut text = format!("# What to fix first\n\n{}. {}.\n", report.claim(), report.basis());
    if findings.is_empty() {
        return text;
    }
    text.push_str("\n| level | where | what | fault | users wait | p95 | queries | effort |\n");
    text.push_str("|---|---|---|---|--:|--:|--:|--:|\n");
    for finding in findings {
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} d |\n",
            level(finding.level),
            cell(&finding.operation.operation),
            cell(&finding.claim),
            finding.fault,
            units::hours_a_day(finding.impact.user_hours_per_day),
            durations(finding),
            statements(finding).unwrap_or_default(),
            finding.effort.days
        ));
    }
    for finding in findings.iter().take(report.top) {
        section(&mut text, finding);
    }
    text
}

fn section(text: &mut String, finding: &Finding) {
    let operation = &finding.operation.operation;
    text.push_str(&format!("\n## {}: {}\n\n", cell(operation), cell(&finding.claim)));
    text.push_str(&format!(
        "Service `{}`, {} of {} requests.\n\n",
        layout::clean(&finding.operation.service).replace('`', "'"),
        units::count(finding.sightings),
        units::count(finding.requests)
    ));
    fence(text, "text", &finding.evidence.excerpt.join("\n"));
    for advice in &finding.advice {
        text.push_str(&format!("{}\n\n", advice.text));
        if let Some(snippet) = &advice.snippet {
            fence(text, snippet.language, &snippet.code);
        }
    }
    let traces: Vec<String> = finding
        .examples
        .iter()
        .take(3)
        .map(|example| format!("`{}` ({})", example.trace_id, units::time(example.duration)))
        .collect();
    text.push_str(&format!("Slowest traces: {}\n", traces.join(", ")));
}

/// A block of code whose fence is longer than any in it.
fn fence(text: &mut String, language: &str, code: &str) {
    if code.is_empty() {
        return;
    }
    let lines: Vec<String> = code.lines().map(layout::clean).collect();
    let code = lines.join("\n");
    let mut ticks = "```".to_owned();
    while code.contains(&ticks) {
        ticks.push('`');
    }
    text.push_str(&format!("{ticks}{language}\n{code}\n{ticks}\n\n"));
}

/// Text that cannot break out of a table cell or turn into markup.
fn cell(text: &str) -> String {
    let mut safe = String::new();
    for letter in layout::clean(text).chars() {
        match letter {
            '|' | '`' | '*' | '_' | '<' | '[' | '\\' => {
                safe.push('\\');
                safe.push(letter);
            }
            letter => safe.push(letter),
        }
    }
    safe
}
