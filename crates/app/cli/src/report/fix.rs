//! What can be applied, what a change would do, what the ledger has of it, and whether it worked.

mod json;
mod rehearsal;

use std::time::Duration;

use engine::database::fix::{Fixable, Judgement, Outcome, can_be_rehearsed, entry_text};
use model::{ProposedIndex, StatementEffect};
use store::ledger::{Event, Remedy, State};

pub(crate) use json::{
    done_json, judgement_json, list_json, one_json, rehearsal_json, time as time_json,
};
pub(crate) use rehearsal::rehearsal;

use super::{database::bytes, layout};
use crate::{
    say::{ACCENT, AMBER, BOLD, DIM, RED},
    units,
};

/// Letters of an id that are shown: enough to tell a few hundred apart.
const ID_LETTERS: usize = 8;

/// Statements of an index that are shown.
const STATEMENTS_MAX: usize = 8;

/// States of a remedy that are shown, the newest: one that was applied and taken back many times has many.
const STATES_MAX: usize = 6;

/// Entries of the history that are shown, the newest.
const ENTRIES_MAX: usize = 12;

/// What can be applied and what was.
pub(crate) fn list(found: &[Fixable], remedies: &[Remedy], columns: usize) -> String {
    let mut text = String::new();
    if found.is_empty() {
        text.push_str(&format!(
            "{BOLD}Nothing that Taut can change by itself was found.{BOLD:#}\n"
        ));
    } else {
        text.push_str(&format!("{BOLD}What can be applied{BOLD:#}\n"));
    }
    for fixable in found {
        let claim = layout::cut(&fixable.claim, columns.saturating_sub(ID_LETTERS + 2));
        text.push_str(&format!("{ACCENT}{}{ACCENT:#}  {claim}\n", short(&fixable.id)));
        for sql in &fixable.change.apply {
            let sql = layout::cut(sql, columns.saturating_sub(ID_LETTERS + 2));
            text.push_str(&format!("{:ID_LETTERS$}  {DIM}{sql}{DIM:#}\n", ""));
        }
        if let (Some((_, after)), true) = (&fixable.rewrite, fixable.change.apply.is_empty()) {
            let sql = layout::cut(after, columns.saturating_sub(ID_LETTERS + 12));
            text.push_str(&format!("{:ID_LETTERS$}  {DIM}in code:  {sql}{DIM:#}\n", ""));
        }
    }
    if !remedies.is_empty() {
        text.push_str(&format!("\n{BOLD}In the ledger{BOLD:#}\n"));
    }
    for remedy in remedies {
        let state = state(remedy);
        let claim = layout::cut(&remedy.proposal.claim, columns.saturating_sub(ID_LETTERS + 14));
        let style = match remedy.state {
            State::Failed => RED,
            State::Proven => BOLD,
            _ => DIM,
        };
        text.push_str(&format!(
            "{ACCENT}{}{ACCENT:#}  {style}{state:<10}{style:#}  {claim}\n",
            short(&remedy.proposal.finding)
        ));
        let told = remedy.last(|event| match event {
            Event::Rehearsed { report, .. } => Some(report),
            _ => None,
        });
        if let (Some((_, report)), State::Rehearsed) = (told, remedy.state) {
            let report = layout::cut(report, columns.saturating_sub(ID_LETTERS + 14));
            text.push_str(&format!("{:ID_LETTERS$}  {:<10}  {DIM}{report}{DIM:#}\n", "", ""));
        }
    }
    if !found.is_empty() {
        text.push_str(&format!(
            "\n{DIM}taut fix ID shows what it would do; --rehearse tries it on a clone, --apply does it{DIM:#}\n"
        ));
    }
    text
}

/// The states that it went through: `proposed → rehearsed → applied`; what it is now comes last.
fn way(remedy: &Remedy) -> String {
    let mut states: Vec<&str> = Vec::new();
    for state in remedy.entries.iter().filter_map(|entry| entry.event.state()) {
        if states.last() != Some(&state.as_str()) {
            states.push(state.as_str());
        }
    }
    let hidden = states.len().saturating_sub(STATES_MAX);
    let mut shown = states.split_off(hidden);
    if 0 < hidden {
        shown.insert(0, "…");
    }
    if remedy.unsettled().next().is_some() {
        shown.push("unfinished");
    }
    shown.join(" → ")
}

fn state(remedy: &Remedy) -> &'static str {
    if remedy.unsettled().next().is_some() { "unfinished" } else { remedy.state.as_str() }
}

fn short(id: &str) -> String {
    id.chars().take(ID_LETTERS).collect()
}

/// What a change would do.
pub(crate) fn plan(fixable: &Fixable, remedy: Option<&Remedy>, columns: usize) -> String {
    let mut text = String::new();
    for line in layout::wrap(&fixable.claim, columns) {
        text.push_str(&format!("{BOLD}{line}{BOLD:#}\n"));
    }
    let state = remedy.map_or_else(|| "not applied".to_owned(), way);
    let fault =
        if fixable.fault.is_empty() { String::new() } else { format!("{} · ", fixable.fault) };
    text.push_str(&format!("{DIM}{} · {fault}{state}{DIM:#}\n", fixable.id));
    let advice = layout::wrap(&fixable.advice, columns);
    for line in advice.iter().filter(|line| !line.is_empty()) {
        text.push_str(&format!("{line}\n"));
    }
    let is_code = fixable.change.apply.is_empty();
    if let (Some((before, after)), true) = (&fixable.rewrite, is_code) {
        section(&mut text, "Instead of", &code(std::slice::from_ref(before), columns));
        section(&mut text, "Write in the code", &code(std::slice::from_ref(after), columns));
    }
    if !is_code {
        section(&mut text, "What is run", &code(&fixable.change.apply, columns));
        let revert = code(&fixable.change.revert, columns);
        let none = vec!["  nothing: it cannot be undone by a statement".to_owned()];
        section(&mut text, "What takes it back", if revert.is_empty() { &none } else { &revert });
    }
    section(&mut text, "Locks", &indented(&fixable.change.locks, columns));
    for index in &fixable.proposed {
        section(&mut text, &format!("Index {}", index.name), &costs(index, columns));
        let helped = effects(&index.helped, columns);
        section(&mut text, "It helps", &helped);
        section(&mut text, "It hurts", &effects(&index.hurt, columns));
    }
    if fixable.proposed.is_empty() && !fixable.statements.is_empty() && !is_code {
        let lines: Vec<String> = fixable
            .statements
            .iter()
            .take(STATEMENTS_MAX)
            .map(|(_, statement)| {
                format!("  {}", layout::cut(statement, columns.saturating_sub(2)))
            })
            .collect();
        section(&mut text, "Statements that are compared before and after", &lines);
    }
    if let Some(remedy) = remedy {
        section(&mut text, "History", &history(remedy, columns));
    }
    let next = match remedy.map(|remedy| remedy.state) {
        Some(state) if state.is_in_force() => {
            "--check tells whether it worked, --revert takes it back"
        }
        _ if is_code => {
            "--rehearse compares both: their times, and whether they return the same rows"
        }
        _ if can_be_rehearsed(fixable) => {
            "--rehearse tries it on a clone; --apply does it; --migration TOOL writes it down"
        }
        _ => "--apply does it; --migration TOOL writes it down",
    };
    text.push_str(&format!("\n{DIM}{next}{DIM:#}\n"));
    text
}

fn section(text: &mut String, heading: &str, lines: &[String]) {
    if lines.iter().all(|line| line.trim().is_empty()) {
        return;
    }
    text.push_str(&format!("\n{BOLD}{}{BOLD:#}\n", layout::clean(heading)));
    for line in lines {
        text.push_str(&format!("{line}\n"));
    }
}

fn code(statements: &[String], columns: usize) -> Vec<String> {
    let lines = statements
        .iter()
        .flat_map(|sql| layout::code(&format!("{sql};"), columns.saturating_sub(2)));
    lines.map(|line| format!("  {ACCENT}{line}{ACCENT:#}")).collect()
}

fn indented(text: &str, columns: usize) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    let lines = layout::wrap(text, columns.saturating_sub(2));
    lines.into_iter().map(|line| format!("  {line}")).collect()
}

fn costs(index: &ProposedIndex, columns: usize) -> Vec<String> {
    let is_guess = index.has_guessed_size();
    let size = if is_guess { "a guess" } else { "when fresh" };
    let mut parts = vec![format!("{} {size}", bytes(index.bytes))];
    if index.bytes < index.bytes_grown && !is_guess {
        parts.push(format!("{} once grown", bytes(index.bytes_grown)));
    }
    if 0.0 < index.build_seconds {
        let time = Duration::try_from_secs_f64(index.build_seconds).unwrap_or_default();
        parts.push(format!("built in about {}", units::time(time)));
    }
    let write = &index.write_cost;
    if 0.0 < write.cpu_micros_per_row {
        parts.push(format!(
            "{} µs and {} bytes of WAL more for each of {} rows written a day",
            units::three_digits(write.cpu_micros_per_row),
            units::three_digits(write.wal_bytes_per_row),
            whole(write.rows_per_day)
        ));
    }
    if 1.0 <= write.hot_updates_lost_per_day {
        parts.push(format!("{} HOT updates a day lost", whole(write.hot_updates_lost_per_day)));
    }
    let mut lines = indented(&parts.join(", "), columns);
    for why in &index.why {
        lines.extend(indented(why, columns));
    }
    lines
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a figure for people")]
fn whole(value: f64) -> String {
    units::count(value.max(0.0).round() as u64)
}

fn effects(effects: &[StatementEffect], columns: usize) -> Vec<String> {
    let shown = effects.iter().take(STATEMENTS_MAX).map(|effect| {
        let text = format!(
            "{} → {} ms, {} a day: {}",
            units::three_digits(effect.millis.0),
            units::three_digits(effect.millis.1),
            whole(effect.calls_per_day),
            effect.text.text
        );
        format!("  {}", layout::cut(&text, columns.saturating_sub(2)))
    });
    shown.collect()
}

fn history(remedy: &Remedy, columns: usize) -> Vec<String> {
    let hidden = remedy.entries.len().saturating_sub(ENTRIES_MAX);
    let mut lines = Vec::new();
    if 0 < hidden {
        lines.push(format!(
            "  {DIM}{} before that{DIM:#}",
            units::some(hidden as u64, "entry", "entries")
        ));
    }
    for entry in remedy.entries.iter().skip(hidden) {
        let time = report_time(entry.time.nanos / 1_000_000_000);
        let room = columns.saturating_sub(time.len() + 4);
        let text = layout::cut(&entry_text(entry), room);
        lines.push(format!("  {DIM}{time}{DIM:#}  {text}"));
        if let Event::Measured { verdict, .. } | Event::Proven { verdict, .. } = &entry.event {
            lines.extend(
                verdict
                    .worse
                    .iter()
                    .map(|worse| format!("    {AMBER}worse{AMBER:#} {}", layout::cut(worse, room))),
            );
        }
    }
    lines
}

/// `2026-01-31 23:59`, UTC.
fn report_time(seconds: u64) -> String {
    let digits = fix::digits_of(seconds);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default().to_owned();
    format!("{}-{}-{} {}:{}", part(0, 4), part(4, 6), part(6, 8), part(8, 10), part(10, 12))
}

/// Whether it worked.
pub(crate) fn judgement(judgement: &Judgement, id: &str, columns: usize) -> String {
    let (style, word) = match judgement.outcome {
        Outcome::Proven => (BOLD, "proven"),
        Outcome::NoGain => (AMBER, "no gain"),
        Outcome::Open => (DIM, "not settled"),
    };
    let mut text = String::new();
    let claim = layout::wrap(&judgement.verdict.claim, columns.saturating_sub(word.len() + 2));
    text.push_str(&format!("{style}{word}{style:#}: {}\n", claim.join("\n  ")));
    for line in &judgement.verdict.lines {
        text.push_str(&format!("  {}\n", layout::cut(line, columns.saturating_sub(2))));
    }
    for line in &judgement.verdict.plans {
        text.push_str(&format!("  {}\n", layout::cut(line, columns.saturating_sub(2))));
    }
    for line in &judgement.verdict.worse {
        let line = layout::wrap(line, columns.saturating_sub(8)).join("\n        ");
        text.push_str(&format!("  {AMBER}worse{AMBER:#} {line}\n"));
    }
    match judgement.outcome {
        Outcome::Proven => {}
        Outcome::NoGain => {
            text.push_str(&format!(
                "\nIt had better go: {ACCENT}taut fix {id} --revert{ACCENT:#}\n"
            ));
        }
        Outcome::Open => {
            text.push_str(&format!(
                "\nLook again later: {ACCENT}taut fix {id} --check --for 10m{ACCENT:#}\n"
            ));
        }
    }
    text
}
