//! Changes of the gateway's settings: what would be written, what was, and what the ledger has of it.

use engine::{
    database::fix::entry_text,
    gateway_fix::{self, GatewayFix},
};
use model::GatewayChange;
use serde_json::{Value, json};
use store::ledger::Remedy;

use super::layout;
use crate::say::{ACCENT, BOLD, DIM, GREEN, RED};

/// Letters of an id that are shown: enough to tell a few hundred apart.
const ID_LETTERS: usize = 8;

/// A finding, and what the gateway can do about it.
pub(crate) struct Row<'a> {
    pub(crate) id: String,
    pub(crate) claim: &'a str,
    pub(crate) change: &'a GatewayChange,
}

/// What can be written, and what was.
pub(crate) fn list(rows: &[Row<'_>], remedies: &[Remedy], columns: usize) -> String {
    let room = columns.saturating_sub(ID_LETTERS + 2);
    let mut text = if rows.is_empty() {
        format!("{BOLD}Nothing that the gateway can do something about was found.{BOLD:#}\n")
    } else {
        format!("{BOLD}What the gateway can do{BOLD:#}\n")
    };
    for row in rows {
        let (id, claim) = (short(&row.id), layout::cut(row.claim, room));
        text.push_str(&format!("{ACCENT}{id}{ACCENT:#}  {claim}\n"));
        let settings = layout::cut(&settings(row.change), room.saturating_sub(2));
        let remedy = &row.change.remedy;
        text.push_str(&format!("{:ID_LETTERS$}  {DIM}{remedy}: {settings}{DIM:#}\n", ""));
    }
    if !remedies.is_empty() {
        text.push_str(&format!("\n{BOLD}In the ledger{BOLD:#}\n"));
    }
    for remedy in remedies {
        let claim = layout::cut(&remedy.proposal.claim, columns.saturating_sub(ID_LETTERS + 14));
        let (id, state) = (short(&remedy.proposal.finding), remedy.state.as_str());
        text.push_str(&format!("{ACCENT}{id}{ACCENT:#}  {DIM}{state:<10}{DIM:#}  {claim}\n"));
    }
    if !rows.is_empty() {
        text.push_str(&format!(
            "\n{DIM}taut fix ID shows it as a patch; --apply writes it{DIM:#}\n"
        ));
    }
    text
}

/// What would be written, and why. `others` are remedies that may be chosen instead.
pub(crate) fn plan(fix: &GatewayFix, others: &[&str], columns: usize) -> String {
    let mut text = String::new();
    for line in layout::wrap(&fix.claim, columns) {
        text.push_str(&format!("{BOLD}{line}{BOLD:#}\n"));
    }
    text.push_str(&format!("{DIM}{} on {}{DIM:#}\n\n", fix.change.remedy, fix.patched.place));
    for line in layout::wrap(&fix.change.reason, columns) {
        text.push_str(&format!("{line}\n"));
    }
    for note in &fix.patched.notes {
        for line in layout::wrap(&format!("Note that {note}."), columns) {
            text.push_str(&format!("{line}\n"));
        }
    }
    text.push('\n');
    text.push_str(&patch(&fix.diff));
    if !others.is_empty() {
        text.push_str(&format!("\n{DIM}--remedy {} instead{DIM:#}\n", others.join(" or ")));
    }
    let id = short(&fix.finding.to_string());
    text.push_str(&format!(
        "\n{DIM}taut fix {id} --apply writes it, and --revert takes it back{DIM:#}\n"
    ));
    text
}

/// What the ledger has of a change.
pub(crate) fn remedy(remedy: &Remedy, columns: usize) -> String {
    let mut text = String::new();
    for line in layout::wrap(&remedy.proposal.claim, columns) {
        text.push_str(&format!("{BOLD}{line}{BOLD:#}\n"));
    }
    let file = gateway_fix::file_of(remedy);
    text.push_str(&format!("{DIM}{} in {}{DIM:#}\n\n", remedy.state, file.display()));
    text.push_str(&patch(gateway_fix::diff_of(remedy)));
    text.push('\n');
    for entry in &remedy.entries {
        let line = layout::cut(&entry_text(entry), columns.saturating_sub(2));
        text.push_str(&format!("  {DIM}{line}{DIM:#}\n"));
    }
    text
}

/// A patch in the colours in which patches are read; plain where there are none.
fn patch(diff: &str) -> String {
    let mut text = String::new();
    for line in diff.lines() {
        // What a file says moves no cursor.
        let indent: String = line.chars().take_while(|letter| *letter == '\t').collect();
        let line = format!("{indent}{}", layout::clean(line.trim_start_matches('\t')));
        let style = match line.as_bytes().first() {
            Some(b'+') => GREEN,
            Some(b'-') => RED,
            Some(b'@') => DIM,
            _ => anstyle::Style::new(),
        };
        text.push_str(&format!("{style}{line}{style:#}\n"));
    }
    text
}

fn settings(change: &GatewayChange) -> String {
    let pairs = change.settings.iter().map(|(key, value)| format!("{key} = {value}"));
    pairs.collect::<Vec<_>>().join(", ")
}

fn short(id: &str) -> String {
    id.chars().take(ID_LETTERS).collect()
}

/// The list as JSON.
pub(crate) fn list_json(rows: &[Row<'_>], remedies: &[Remedy]) -> String {
    let fixes = rows
        .iter()
        .map(|row| json!({"id": row.id, "claim": row.claim, "gateway": told(row.change)}));
    whole(&json!({
        "fixes": fixes.collect::<Vec<_>>(),
        "ledger": remedies.iter().map(kept).collect::<Vec<_>>(),
    }))
}

/// A plan as JSON.
pub(crate) fn plan_json(fix: &GatewayFix, remedy: Option<&Remedy>) -> String {
    let mut value = planned(fix);
    value["remedy"] = remedy.map_or(Value::Null, kept);
    whole(&value)
}

/// What was done, as JSON.
pub(crate) fn done_json(remedy: &Remedy, fix: Option<&GatewayFix>, done: &str) -> String {
    let mut value = fix.map_or_else(|| json!({"id": remedy.proposal.finding}), planned);
    value["done"] = json!(done);
    value["remedy"] = kept(remedy);
    whole(&value)
}

/// What the ledger has of a change, as JSON.
pub(crate) fn remedy_json(remedy: &Remedy) -> String {
    whole(&json!({"id": remedy.proposal.finding, "remedy": kept(remedy)}))
}

fn planned(fix: &GatewayFix) -> Value {
    json!({
        "id": fix.finding.to_string(),
        "fault": fix.fault,
        "claim": fix.claim,
        "gateway": told(&fix.change),
        "file": fix.file,
        "place": fix.patched.place,
        "notes": fix.patched.notes,
        "patch": fix.diff,
    })
}

fn told(change: &GatewayChange) -> Value {
    let settings = change.settings.iter().map(|(key, value)| json!({"key": key, "value": value}));
    json!({
        "remedy": change.remedy,
        "method": change.method,
        "paths": change.paths,
        "settings": settings.collect::<Vec<_>>(),
        "reason": change.reason,
    })
}

fn kept(remedy: &Remedy) -> Value {
    let history = remedy.entries.iter().map(|entry| {
        json!({"at": super::fix::time_json(entry.time), "version": entry.version, "event": entry.event.name(), "text": entry_text(entry)})
    });
    json!({
        "id": remedy.proposal.finding,
        "claim": remedy.proposal.claim,
        "state": remedy.state.as_str(),
        "file": gateway_fix::file_of(remedy),
        "patch": gateway_fix::diff_of(remedy),
        "history": history.collect::<Vec<_>>(),
    })
}

fn whole(value: &Value) -> String {
    format!("{value:#}\n")
}
