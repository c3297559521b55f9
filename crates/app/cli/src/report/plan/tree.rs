//! The tree: each node with its own time as a bar, rows expected and found, and what it had to do.

use model::{PlanNode, plan::Buffers};
use sql::plan::NodeTimes;

use super::{PlanReport, millis};
use crate::{
    report::layout,
    say::{ACCENT, AMBER, BOLD, DIM, RED},
    units,
};

/// Columns of the bar.
const BAR: usize = 8;

/// Columns before a node's name: number, time, share, bar.
const LEFT: usize = 4 + 10 + 6 + BAR + 2;

/// Nodes that are printed: a terminal keeps some thousand lines.
const NODES_MAX: usize = 1_000;

/// Levels that are indented; below that names would have no room.
const LEVELS_MAX: usize = 12;

/// Letters of a condition.
const CONDITION_MAX: usize = 160;

pub(super) fn show(text: &mut String, report: &PlanReport, columns: usize) {
    let timed = report.times.total_ms.is_some();
    let heading = if timed { "own time" } else { "own cost" };
    text.push_str(&format!("{DIM}{:>3} {heading:>9}{DIM:#}\n", "#"));
    for (place, node) in report.plan.nodes.iter().enumerate().take(NODES_MAX) {
        let Some(times) = report.times.nodes.get(place) else { continue };
        let indent = "  ".repeat(node.depth.min(LEVELS_MAX));
        let subplan = node.subplan.as_ref().map_or_else(String::new, |name| format!("{name}: "));
        let title = format!("{indent}{subplan}{}", sql::plan::title(node));
        let title = layout::cut(&title, columns.saturating_sub(LEFT));
        let own = match times.own_ms {
            _ if node.never_executed => "never".to_owned(),
            Some(own) => millis(own),
            None => format!("{:.0}", times.own_cost),
        };
        let style = if 0.2 <= times.share { BOLD } else { DIM };
        let share = if node.never_executed {
            String::new()
        } else {
            format!("{:.0} %", times.share * 100.0)
        };
        text.push_str(&format!(
            "{DIM}{:>3}{DIM:#} {style}{own:>9} {share:>5}{style:#} {ACCENT}{}{ACCENT:#} {title}\n",
            place + 1,
            bar(times.share),
        ));
        let room = columns.saturating_sub(LEFT + indent.len() + 2);
        for (style, line) in details(node, times) {
            for line in layout::wrap(&line, room.max(20)) {
                text.push_str(&format!("{:LEFT$}{indent}  {style}{line}{style:#}\n", ""));
            }
        }
    }
    let hidden = report.plan.nodes.len().saturating_sub(NODES_MAX);
    if 0 < hidden {
        text.push_str(&format!("{DIM}… and {hidden} nodes more: --json has all{DIM:#}\n"));
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "at most eight columns"
)]
fn bar(share: f64) -> String {
    let full = ((share * BAR as f64).round() as usize).min(BAR);
    let full = if 0 < full || share < 0.01 { full } else { 1 };
    format!("{}{}", "█".repeat(full), " ".repeat(BAR - full))
}

/// Lines below a node.
fn details(node: &PlanNode, times: &NodeTimes) -> Vec<(anstyle::Style, String)> {
    let mut told = Vec::new();
    if let Some((line, is_off)) = rows(node, times) {
        told.push((if is_off { RED } else { DIM }, line));
    }
    for (name, condition) in node.conditions.all().filter(|(name, _)| *name != "Cache Mode") {
        told.push((DIM, layout::cut(&format!("{name}: {condition}"), CONDITION_MAX)));
    }
    for (name, keys) in [("Sort", &node.sort_key), ("Group", &node.group_key)] {
        if !keys.is_empty() {
            told.push((
                DIM,
                layout::cut(&format!("{name} key: {}", keys.join(", ")), CONDITION_MAX),
            ));
        }
    }
    told.extend(memory(node));
    if let Some(line) = blocks(&times.own_buffers) {
        told.push((DIM, line));
    }
    if let (Some(planned), Some(launched)) = (node.workers_planned, node.workers_launched) {
        let style = if launched < planned { AMBER } else { DIM };
        told.push((style, format!("{launched} of {planned} workers")));
    }
    if 0 < node.subplans_removed {
        told.push((DIM, format!("{} left out when it started", node.subplans_removed)));
    }
    told
}

/// Rows found and expected, and whether these are far apart.
fn rows(node: &PlanNode, times: &NodeTimes) -> Option<(String, bool)> {
    let count = |rows: f64| units::three_digits_of(rows);
    let expected = node.estimate.map(|estimate| estimate.rows);
    let Some(actual) = node.actual else {
        return expected.map(|expected| (format!("{} rows expected", count(expected)), false));
    };
    let mut line = format!("{} rows", count(actual.rows));
    if 1.0 < actual.loops {
        line.push_str(&format!(" × {}", count(actual.loops)));
    }
    let factor = times.factor.unwrap_or(1.0);
    let is_off = 10.0 <= factor || (factor <= 0.1 && !times.cut_short);
    if let Some(expected) = expected {
        line.push_str(&format!(", {} expected", count(expected)));
        if 10.0 <= factor {
            line.push_str(&format!(" ({factor:.0} times more)"));
        } else if is_off {
            line.push_str(&format!(" ({:.0} times fewer)", 1.0 / factor));
        }
    }
    if 0.0 < times.removed_rows {
        line.push_str(&format!(", {} dropped", count(times.removed_rows)));
    }
    Some((line, is_off))
}

fn memory(node: &PlanNode) -> Option<(anstyle::Style, String)> {
    let used = &node.resources;
    if let Some(sort) = &used.sort {
        let style = if sort.on_disk() { AMBER } else { DIM };
        let space = sort.space_type.to_lowercase();
        return Some((style, format!("{}, {} kB of {space}", sort.method, sort.space_kb)));
    }
    if let Some(cache) = used.cache {
        let line =
            format!("{} hits, {} misses, {} evictions", cache.hits, cache.misses, cache.evictions);
        return Some((DIM, line));
    }
    let batches = used.hash.map(|hash| hash.batches).or(used.aggregate_batches)?;
    let memory = used.peak_memory_kb.map_or_else(String::new, |kb| format!("{kb} kB of memory"));
    if 1 < batches {
        return Some((AMBER, format!("{memory}, {batches} batches by way of the disk")));
    }
    Some((DIM, memory))
}

fn blocks(own: &Buffers) -> Option<String> {
    let mut parts = Vec::new();
    for (count, words) in [
        (own.shared_hit.saturating_add(own.local_hit), "blocks cached"),
        (own.shared_read.saturating_add(own.local_read), "read"),
        (own.shared_dirtied.saturating_add(own.local_dirtied), "changed"),
        (own.temp_read, "temporary read"),
        (own.temp_written, "temporary written"),
    ] {
        if 0 < count {
            parts.push(format!("{} {words}", units::count(count)));
        }
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}
