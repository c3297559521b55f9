//! A trace as a waterfall in the terminal: what ran when, what somebody waited for, similar rows folded.

use std::collections::BTreeSet;

use web::wire::{GroupKind, Trace, TraceNode, TraceStatement};

use super::layout;
use crate::{
    say::{ACCENT, AMBER, BOLD, DIM, RED},
    units,
};

/// Rows that are printed: a terminal keeps some thousand lines.
const ROWS_MAX: usize = 2_000;

/// Statements that are listed below.
const STATEMENTS_MAX: usize = 12;

/// The waterfall; without `all`, similar siblings are one row.
pub(crate) fn show(trace: &Trace, all: bool, columns: usize) -> String {
    let mut text = header(trace, columns);
    let label_columns = columns * 45 / 100;
    let bar_columns = columns.saturating_sub(label_columns + 13);
    let mut folded: BTreeSet<usize> = BTreeSet::new();
    let mut skip_until = 0;
    let mut rows = 0;
    for (place, node) in trace.nodes.iter().enumerate() {
        if place < skip_until {
            continue;
        }
        if rows == ROWS_MAX {
            let left = units::count((trace.nodes.len() - place) as u64);
            text.push_str(&format!("{DIM}… and {left} spans more{DIM:#}\n"));
            break;
        }
        let fold = node.fold.filter(|_| !all);
        if let Some(fold) = fold {
            skip_until = node.subtree_end;
            if !folded.insert(fold) {
                continue;
            }
        }
        let similar = fold.and_then(|fold| trace.folds.get(fold)).map(|fold| {
            let total = duration(fold.total_micros);
            format!(" × {}, {total} in all", units::count(fold.count))
        });
        let label = format!("{}{}", "  ".repeat(node.depth as usize), node.label);
        let room =
            label_columns.saturating_sub(similar.as_ref().map_or(0, |text| text.chars().count()));
        let label = format!("{}{}", layout::cut(&label, room), similar.unwrap_or_default());
        let label = layout::cut(&label, label_columns);
        let pad = label_columns.saturating_sub(label.chars().count());
        let bar = bar(trace, node, bar_columns);
        let time = duration(node.duration_micros);
        text.push_str(&format!("{label}{:pad$} {bar} {DIM}{time:>9}{DIM:#}\n", ""));
        rows += 1;
    }
    statements(&mut text, &trace.statements, columns);
    text
}

fn header(trace: &Trace, columns: usize) -> String {
    let queries = units::some(trace.statements_count as u64, "query", "queries");
    let failed = match trace.failed {
        0 => String::new(),
        count => format!(", {RED}{}{RED:#}", units::some(count as u64, "error", "errors")),
    };
    let mut text = format!(
        "{BOLD}{}{BOLD:#}\n{} · {queries}{failed}\n",
        layout::cut(&trace.operation, columns),
        duration(trace.duration_micros),
    );
    let service = layout::cut(&trace.service, columns.saturating_sub(1 + trace.id.len()));
    text.push_str(&format!("{DIM}{service} {}{DIM:#}\n", trace.id));
    for note in &trace.notes {
        for (place, line) in layout::wrap(note, columns - 6).iter().enumerate() {
            let mark = if place == 0 { "note:" } else { "     " };
            text.push_str(&format!("{AMBER}{mark}{AMBER:#} {line}\n"));
        }
    }
    text.push('\n');
    text
}

/// When the span ran; full blocks while somebody waited for it, light ones otherwise.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "columns of a terminal"
)]
fn bar(trace: &Trace, node: &TraceNode, columns: usize) -> String {
    let scale = columns as f64 / trace.duration_micros.max(1.0);
    let from = ((node.offset_micros * scale) as usize).min(columns.saturating_sub(1));
    let length = ((node.duration_micros * scale).round() as usize).clamp(1, columns - from);
    let block = if 0.0 < node.critical_micros { "█" } else { "░" };
    let style = match (node.failed, node.kind) {
        (true, _) => RED,
        (_, GroupKind::Database) => ACCENT,
        (_, GroupKind::Http | GroupKind::Queue) => AMBER,
        _ => BOLD,
    };
    let after = columns - from - length;
    format!("{:from$}{style}{}{style:#}{:after$}", "", block.repeat(length), "")
}

fn statements(text: &mut String, statements: &[TraceStatement], columns: usize) {
    if statements.is_empty() {
        return;
    }
    let mut sorted: Vec<&TraceStatement> = statements.iter().collect();
    sorted.sort_by(|left, right| right.total_micros.total_cmp(&left.total_micros));
    text.push_str(&format!("\n{BOLD}Statements{BOLD:#}\n"));
    for statement in sorted.iter().take(STATEMENTS_MAX) {
        let similar = match statement.count {
            0 | 1 => String::new(),
            count => format!("{} similar ", units::count(count)),
        };
        let duplicated = match statement.duplicated {
            0 => String::new(),
            count => format!("{} duplicated ", units::count(count)),
        };
        let total = duration(statement.total_micros);
        let room = columns.saturating_sub(13 + similar.len() + duplicated.len());
        let line = layout::cut(&statement.text, room);
        text.push_str(&format!(
            "  {DIM}{total:>9}{DIM:#}  {AMBER}{similar}{AMBER:#}{RED}{duplicated}{RED:#}{line}\n"
        ));
    }
}

fn duration(micros: f64) -> String {
    units::time(std::time::Duration::try_from_secs_f64(micros / 1e6).unwrap_or_default())
}
