//! Plans and chains of waits in the terminal.

use super::{Page, whole};
use crate::{
    report::{
        layout,
        log::{ChainTold, LogReport},
    },
    say::{BOLD, DIM},
    units,
};

/// Statements whose plans are shown, and nodes of each: a page, not a book.
const PLANS_MAX: usize = 3;
const NODES_MAX: usize = 10;
/// Chains that are shown.
const CHAINS_MAX: usize = 5;

impl Page {
    /// The slowest plans as short trees.
    pub(super) fn plans(&mut self, report: &LogReport) {
        if report.slowest_plans.is_empty() {
            return;
        }
        let more = units::some(report.plans, "plan was logged", "plans were logged");
        self.heading("Slowest plans", &format!("{more}; times are each node's own"));
        for one in report.slowest_plans.iter().take(PLANS_MAX) {
            let figures = format!(
                "{BOLD}{:>9}{BOLD:#}  {DIM}{} ×, {}{DIM:#}",
                whole(one.slowest_micros),
                units::count(one.count),
                one.at
            );
            self.line(&figures);
            self.words(&one.statement, 7);
            for node in one.nodes.iter().take(NODES_MAX) {
                let figure = match node.own_micros {
                    Some(own) => whole(own),
                    None => format!("{:.0} %", node.share * 100.0),
                };
                let indent = 2 * usize::try_from(node.depth.min(15)).unwrap_or_default();
                let rows = node.rows_told();
                let room = self.columns.saturating_sub(13 + indent + rows.chars().count() + 2);
                let title = layout::cut(&node.title, room);
                self.line(&format!("  {figure:>9}  {:indent$}{title}  {DIM}{rows}{DIM:#}", ""));
            }
            let hidden = one.nodes.len().saturating_sub(NODES_MAX) as u64 + one.nodes_left_out;
            if 0 < hidden {
                self.line(&format!(
                    "{DIM}{:13}{} more{DIM:#}",
                    "",
                    units::some(hidden, "node", "nodes")
                ));
            }
        }
    }

    /// Who waited for whom.
    pub(super) fn chains(&mut self, chains: &[ChainTold]) {
        if chains.is_empty() {
            return;
        }
        self.heading("Who waited for whom", "the holder first");
        for one in chains.iter().take(CHAINS_MAX) {
            let figures = format!("{:>9}  {} ×", whole(one.total_micros), units::count(one.waits));
            self.row(&figures, &format!("{}, longest {}", one.what, whole(one.longest_micros)));
            for (place, text) in one.statements.iter().enumerate() {
                let unknown = "a session whose statement is not in the log";
                let text = if text.is_empty() { unknown } else { text };
                let indent = 11 + 2 * place;
                let arrow = if place == 0 { "" } else { "→ " };
                let room = self.columns.saturating_sub(indent + arrow.chars().count());
                self.line(&format!("{:indent$}{arrow}{}", "", layout::cut(text, room)));
            }
        }
    }
}
