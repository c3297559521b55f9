//! Findings as Markdown, for a ticket or a pull request.

use engine::database::DatabaseFound;
use model::Finding;

use super::{Report, database, durations, layout, level, statements};
use crate::units;

/// The report as Markdown.
pub(crate) fn markdown(report: &Report<'_>) -> String {
    let findings = &report.outcome.findings;
    let mut text = format!("# What to fix first\n\n{}. {}.\n", report.claim(), report.basis());
    if let Some(found) = report.database {
        about(&mut text, report, found);
    }
    if findings.is_empty() {
        return text;
    }
    text.push_str("\n| level | where | what | fault | users wait | p95 | queries | effort |\n");
    text.push_str("|---|---|---|---|--:|--:|--:|--:|\n");
    for finding in findings {
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} d |\n",
            level(finding.level),
            cell(&database::place(finding)),
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

/// The database: what cannot be seen of it, and the indexes that are proposed.
fn about(text: &mut String, report: &Report<'_>, found: &DatabaseFound) {
    if 0 < report.traces {
        text.push_str(&format!("\n{}. {}.\n", database::head(found), database::basis(found)));
    }
    if let Some((told, lines)) = database::switch_on(found) {
        text.push_str(&format!("\n{told}\n\n"));
        fence(text, "sql", &lines.join("\n"));
    }
    let set = found.proposal.as_ref();
    if let Some(set) = set.filter(|set| !set.create.is_empty() || !set.drop.is_empty()) {
        text.push_str("\n## Indexes, chosen together\n\n");
        text.push_str(
            "| index | size | helps | spares | each written row |\n|---|--:|---|--:|--:|\n",
        );
        for row in database::proposed(set) {
            let cells: Vec<String> = row.iter().map(|it| cell(it)).collect();
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
        text.push_str(&format!("\n{}.\n", database::proposed_by(set)));
    }
    for note in database::unseen(found) {
        text.push_str(&format!("\n- {}", cell(&note)));
    }
    text.push('\n');
}

fn section(text: &mut String, finding: &Finding) {
    let place = database::place(finding);
    text.push_str(&format!("\n## {}: {}\n\n", cell(&place), cell(&finding.claim)));
    let service = layout::clean(&finding.operation.service).replace('`', "'");
    if database::is_of_database(finding) {
        let routes = database::routes(finding).map(|it| format!(", {}", cell(&it)));
        text.push_str(&format!("Service `{service}`{}.\n\n", routes.unwrap_or_default()));
    } else {
        text.push_str(&format!(
            "Service `{service}`, {} of {} requests.\n\n",
            units::count(finding.sightings),
            units::count(finding.requests)
        ));
    }
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
    if !traces.is_empty() {
        text.push_str(&format!("Slowest traces: {}\n", traces.join(", ")));
    }
}

/// A block of code whose fence is longer than any in it.
pub(super) fn fence(text: &mut String, language: &str, code: &str) {
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
pub(super) fn cell(text: &str) -> String {
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
