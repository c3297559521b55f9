//! A checked run as Markdown, for the summary of a job or a pull request.

use super::{Report, layout};
use crate::report::markdown::{cell, fence};

/// Broken checks that are told; the summary of a job holds 1 MiB.
const BROKEN_MAX: usize = 50;

/// Notes that are told.
const NOTES_MAX: usize = 20;

/// The summary.
pub(crate) fn markdown(report: &Report<'_>) -> String {
    let mark = if report.verdict.holds() { "✅" } else { "❌" };
    let mut text = format!("### {mark} {}\n\n{}.\n", report.claim(), report.basis());
    if !report.verdict.holds() {
        text.push_str(
            "\n| endpoint | what | measured against allowed | where |\n|---|---|---|---|\n",
        );
    }
    for check in report.verdict.broken().take(BROKEN_MAX) {
        let place = report.place(check).map_or_else(String::new, |place| {
            format!("{}:{}", report.path(&place.file), place.line)
        });
        text.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            cell(&check.key.operation),
            cell(&Report::what(check)),
            cell(&report.sentence(check)),
            cell(&place),
        ));
    }
    for check in report.verdict.broken().take(BROKEN_MAX) {
        let endpoint = layout::clean(&check.key.operation);
        text.push_str(&format!(
            "\n<details><summary>{}: {}</summary>\n\n",
            html(&endpoint),
            html(&Report::what(check))
        ));
        fence(&mut text, "text", &report.evidence(check).join("\n"));
        text.push_str(&format!("{}\n\n", report.remedy(check)));
        if let Some(snippet) = report.advice(check).and_then(|advice| advice.snippet.as_ref()) {
            fence(&mut text, snippet.language, &snippet.code);
        }
        text.push_str("</details>\n");
    }
    let more = report.verdict.broken().count().saturating_sub(BROKEN_MAX);
    if 0 < more {
        text.push_str(&format!("\n{more} more.\n"));
    }
    let notes = report.notes();
    if !notes.is_empty() {
        text.push('\n');
    }
    for note in notes.iter().take(NOTES_MAX) {
        text.push_str(&format!("- {}\n", layout::clean(note).replace('<', "&lt;")));
    }
    if NOTES_MAX < notes.len() {
        text.push_str(&format!("- and {} more\n", notes.len() - NOTES_MAX));
    }
    text
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
