//! A checked run in the terminal: what broke, what shows it, where it is, what to do.

use prove::gate::Check;

use super::{Report, layout};
use crate::say::{ACCENT, AMBER, BOLD, DIM, RED};

const INDENT: usize = 7;

/// Broken checks that are told in full.
const BROKEN_MAX: usize = 50;

/// Notes that are told.
const NOTES_MAX: usize = 20;

/// For people.
pub(crate) fn terminal(report: &Report<'_>, columns: usize) -> String {
    let style = if report.verdict.holds() { ACCENT } else { RED };
    let mut text = format!("{style}{BOLD}{}{BOLD:#}{style:#}\n", report.claim());
    for line in layout::wrap(&report.basis(), columns) {
        text.push_str(&format!("{DIM}{line}{DIM:#}\n"));
    }
    for check in report.verdict.broken().take(BROKEN_MAX) {
        text.push('\n');
        block(&mut text, report, check, columns);
    }
    let more = report.verdict.broken().count().saturating_sub(BROKEN_MAX);
    if 0 < more {
        text.push_str(&format!("\n{DIM}{more} more: --json tells all{DIM:#}\n"));
    }
    let notes = report.notes();
    if !notes.is_empty() {
        text.push('\n');
    }
    for note in notes.iter().take(NOTES_MAX) {
        for line in layout::wrap(note, columns) {
            text.push_str(&format!("{AMBER}{line}{AMBER:#}\n"));
        }
    }
    if NOTES_MAX < notes.len() {
        let more = notes.len() - NOTES_MAX;
        text.push_str(&format!("{AMBER}and {more} more notes: --json tells all{AMBER:#}\n"));
    }
    text
}

fn block(text: &mut String, report: &Report<'_>, check: &Check, columns: usize) {
    let room = columns.saturating_sub(INDENT);
    let endpoint = layout::cut(&check.key.operation, room.saturating_sub(20));
    let service = layout::clean(&check.key.service);
    let what = Report::what(check);
    text.push_str(&format!(
        "{RED}broke{RED:#}  {BOLD}{endpoint}{BOLD:#}  {DIM}{service}{DIM:#}  {what}\n"
    ));
    let mut line = |words: &str| text.push_str(&format!("{:INDENT$}{words}\n", ""));
    for words in layout::wrap(&report.sentence(check), room) {
        line(&words);
    }
    for shown in report.evidence(check) {
        line(&format!("{DIM}│ {}{DIM:#}", layout::cut(&shown, room.saturating_sub(2))));
    }
    if let Some(place) = report.place(check) {
        let at = format!("at {}:{} {}", report.path(&place.file), place.line, place.function);
        for words in layout::wrap(&at, room.saturating_sub(2)) {
            line(&format!("{DIM}│ {words}{DIM:#}"));
        }
    }
    for (place, words) in
        layout::wrap(&report.remedy(check), room.saturating_sub(2)).iter().enumerate()
    {
        if !words.is_empty() {
            line(&format!("{} {words}", if place == 0 { "→" } else { " " }));
        }
    }
    let snippet = report.advice(check).and_then(|advice| advice.snippet.as_ref());
    for code in layout::code(snippet.map(|it| it.code.as_str()).unwrap_or_default(), room - 2) {
        line(&format!("  {ACCENT}{code}{ACCENT:#}"));
    }
}
